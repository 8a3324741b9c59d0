"""Compiling: many sources at once, and what comes from a third party once only.

Objects of third-party sources are kept in a folder of the user's cache, under a name that depends on all
that decides them: compiler, flags, and the text of the whole source tree.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from myofin.boards.registry import Board
from myofin.errors import BoardError
from myofin.firmware_bridge.recipe import Recipe, Unit
from myofin.firmware_bridge.tflm_tree import DOCUMENT
from myofin.firmware_bridge.toolchain import explain_compiler, first_error, require_cxx_compiler, run

# Parsing this header is most of the work on each of TFLM's sources.
_COSTLY_HEADER: Final = "tensorflow/lite/schema/schema_generated.h"
_WORTH_PRECOMPILING: Final = 4


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Where objects of third-party sources are kept between builds; may be removed at any time."""
    return Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "myofin" / "objects"


def compile_recipe(recipe: Recipe, compiler: str, board: Board, work: Path, cache: Path) -> list[str]:
    """Compile every source to its object in the folder ``work``, and return the objects' names.

    The map then tells the parts apart, and no path of this machine gets into it or into the image.

    Raises:
        ToolMissingError: There are C++ sources, and no C++ compiler with its library.
        BoardError: The compiler refused a source.
    """
    for folder in {str(Path(unit.object).parent) for unit in recipe.units}:
        (work / folder).mkdir(exist_ok=True)
    compilers = {False: compiler}
    if any(unit.is_cxx for unit in recipe.units):
        compilers[True] = require_cxx_compiler()
    missing = _take_kept(recipe.third_party, compiler, board, work, cache)
    extra = _precompile(missing, compilers, board, work)
    todo = [*recipe.own, *missing]

    def compile_one(unit: Unit) -> None:
        command = [compilers[unit.is_cxx], *_flags(unit, board), *extra.get(unit.flags, ())]
        outcome = run([*command, "-c", str(unit.source), "-o", unit.object], folder=work)
        if outcome.returncode != 0:
            raise (
                _explain_third_party(unit, outcome.stderr)
                if unit.identity
                else explain_compiler(outcome.stderr, board)
            )

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(compile_one, todo):
            pass
    _keep(missing, compiler, board, work, cache)
    return [unit.object for unit in recipe.units]


def _flags(unit: Unit, board: Board) -> list[str]:
    folders = dict.fromkeys([*unit.includes, *unit.system_includes, unit.source.parent])
    return [
        *board.build.flags,
        *unit.flags,
        *(f"-ffile-prefix-map={folder}=." for folder in folders),
        *(f"-I{folder}" for folder in unit.includes),
        *(part for folder in unit.system_includes for part in ("-isystem", str(folder))),
    ]


def _precompile(
    units: Sequence[Unit], compilers: Mapping[bool, str], board: Board, work: Path
) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Flags that make sources of the same flags share one parsed header, where there are enough of them."""
    alike: dict[tuple[str, ...], list[Unit]] = {}
    for unit in units:
        if unit.is_cxx:
            alike.setdefault(unit.flags, []).append(unit)
    extra: dict[tuple[str, ...], tuple[str, ...]] = {}
    for number, (flags, group) in enumerate(alike.items()):
        if len(group) < _WORTH_PRECOMPILING:
            continue
        header = work / f"costly{number}.h"
        header.write_text(f'#include "{_COSTLY_HEADER}"\n')
        command = [compilers[True], *_flags(group[0], board), "-x", "c++-header", str(header)]
        outcome = run([*command, "-o", f"{header}.gch"], folder=work)
        if outcome.returncode != 0:
            raise _explain_third_party(group[0], outcome.stderr)
        extra[flags] = ("-include", str(header))
    return extra


def _take_kept(units: Iterable[Unit], compiler: str, board: Board, work: Path, cache: Path) -> list[Unit]:
    """Copy the objects that are kept; the units of the others."""
    version = run([compiler, "--version"]).stdout
    missing = []
    for unit in units:
        try:
            shutil.copyfile(cache / _name(unit, version, board), work / unit.object)
        except FileNotFoundError:
            missing.append(unit)
    return missing


def _keep(units: Iterable[Unit], compiler: str, board: Board, work: Path, cache: Path) -> None:
    version = run([compiler, "--version"]).stdout
    for unit in units:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=cache, delete=False) as whole:
            whole.write((work / unit.object).read_bytes())
        Path(whole.name).replace(cache / _name(unit, version, board))  # two builds at once do no harm


def _name(unit: Unit, compiler_version: str, board: Board) -> str:
    parts = (compiler_version, unit.identity, *board.build.flags, *unit.flags)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest() + ".o"


def _explain_third_party(unit: Unit, stderr: str) -> BoardError:
    return BoardError(
        f"The compiler refused {unit.source.name} of the third-party sources: {first_error(stderr)}",
        hint=f"Use the versions that {DOCUMENT} names.",
    )
