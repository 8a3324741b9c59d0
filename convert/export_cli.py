"""``myofin export``: a bundle to code for a user's own project."""

from __future__ import annotations

from pathlib import Path

import click

from myofin.console import emit, json_option

# As in export_kinds, which would load NumPy; a test compares them.
KIND_NAMES = ("c", "arduino", "platformio", "zephyr", "esp-idf", "tflm")


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--as", "kind", type=click.Choice(KIND_NAMES), default="c", show_default=True, help="Form of the export."
)
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Folder to write; it must be new or empty."
)
@click.option(
    "--windows",
    type=click.IntRange(1, 1000),
    default=4,
    show_default=True,
    help="Golden windows in the self-test, at most.",
)
@json_option
def export(bundle: Path, kind: str, out: Path, windows: int, as_json: bool) -> None:
    """Export BUNDLE as code for a project of yours.

    Every form holds the engine, an example that reads frames and prints decisions, golden vectors as a
    self-test to run on the board, and a README that is right for this model.

    \b
    Example:
      myofin export out/bundle --as c --out out/engine
    """
    from myofin.convert.bundle import read_bundle
    from myofin.convert.export import export_bundle

    done = export_bundle(read_bundle(bundle), kind, out, windows=windows)
    facts = done.facts
    document = {
        "export": str(out),
        "kind": kind,
        "files": list(done.files),
        "selftest": {"windows": facts.windows, "bytes": facts.selftest_bytes},
        "model_sha256": facts.model_sha256,
    }
    text = (
        f"{out}: {kind}, {len(done.files)} files, self-test of {facts.windows} windows; see {out}/README.md"
    )
    emit(as_json, document, text)
