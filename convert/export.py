"""A bundle to code in the form that a user's project takes: engine, build files, example, self-test."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from myofin.convert.bundle import ENGINE_FOLDER, TFLM_FOLDER, Bundle
from myofin.convert.codegen_text import c_string
from myofin.convert.export_facts import ExportFacts, gather_facts
from myofin.convert.export_golden import GoldenText, choose_windows, golden_bytes, golden_text
from myofin.convert.export_kinds import COMMON, KINDS, Kind
from myofin.convert.plain_templates import plain_templates
from myofin.convert.tflm_export import TFLM_NETWORK
from myofin.errors import InputError

DEFAULT_WINDOWS: Final = 4


@dataclass(frozen=True)
class Export:
    """A written export: its folder, its files by path in it, and what its README says."""

    folder: Path
    files: tuple[str, ...]
    facts: ExportFacts


def export_bundle(bundle: Bundle, kind: str, out: Path, *, windows: int = DEFAULT_WINDOWS) -> Export:
    """Write an export of a bundle.

    Args:
        bundle: A checked bundle.
        kind: One of ``KINDS``.
        out: The folder to write; it must not exist, or be empty.
        windows: At most so many golden windows go into the self-test, at least 1.

    Raises:
        InputError: The kind is unknown, the folder holds something, or the bundle cannot take that form.
        ArtifactError: The bundle lacks golden windows or a file of the engine.
    """
    form = _kind(kind, bundle)
    golden = bundle.golden()
    index = choose_windows(golden.labels, windows, bundle.body.contract)
    size = golden_bytes(golden, index)
    facts = gather_facts(bundle, kind, form.engine, windows=len(index), golden=size)
    files = _engine_files(bundle, form)
    files |= render_files(form, facts, golden_text(golden, index), sources_of(files))
    with _new_folder(out) as folder:
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return Export(out, tuple(sorted(files)), facts)


def render_files(
    form: Kind, facts: ExportFacts, golden: GoldenText, engine_sources: tuple[str, ...]
) -> dict[str, str]:
    """The texts of a form's own files, by path in the export."""
    own = tuple(Path(name).name for name in COMMON if name.endswith(".c"))
    context: Mapping[str, Any] = {
        "facts": facts,
        "golden": golden,
        "sources": sorted((*engine_sources, *own)),
    }
    environment = plain_templates().overlay()
    environment.filters |= {"c_string": c_string, "cell": _cell}
    return {
        name: environment.get_template(f"export/{template}").render(context)
        for name, template in {**COMMON, **form.files}.items()
    }


def sources_of(files: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the sources to compile among files of ``src/``."""
    return tuple(Path(name).name for name in sorted(files) if Path(name).suffix in {".c", ".cc"})


def _kind(kind: str, bundle: Bundle) -> Kind:
    if kind not in KINDS:
        raise InputError(f"There is no export {kind!r}.", hint=f"Choose from {', '.join(KINDS)}.")
    form = KINDS[kind]
    if form.engine == "tflm" and bundle.body.arithmetic:
        raise InputError(
            "TensorFlow Lite Micro has no operator for features by arithmetic.",
            hint="Export the C engine, for instance with `--as c`.",
        )
    if form.engine == "tflm" and bundle.body.contract != "reset":
        raise InputError(
            f"TensorFlow Lite Micro does not serve the state contract {bundle.body.contract!r} here.",
            hint="Export the C engine, for instance with `--as c`.",
        )
    return form


def _engine_files(bundle: Bundle, form: Kind) -> dict[str, str]:
    folder = bundle.folder / (ENGINE_FOLDER if form.engine == "c" else TFLM_FOLDER)
    paths = sorted(path for path in folder.glob("*") if path.suffix in {".c", ".h"})
    if form.engine == "tflm":
        paths.append(TFLM_NETWORK)
    return {f"src/{path.name}": path.read_text(encoding="utf-8") for path in paths}


def _cell(text: str) -> str:
    """A name as a cell of a Markdown table."""
    return " ".join(text.replace("|", "\\|").split())


@contextmanager
def _new_folder(target: Path) -> Iterator[Path]:
    """Yield a temporary folder that becomes ``target`` when the block ends without an error."""
    target = target.absolute()
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise InputError(
            f"{target} exists and is not empty.", hint="Give --out a new folder: exports never overwrite."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial-{secrets.token_hex(4)}")
    partial.mkdir()
    try:
        yield partial
        partial.replace(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
