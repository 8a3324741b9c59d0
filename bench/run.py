"""``make bench``: instructions, flash and RAM of the engine on every emulated board.

.venv/bin/python bench/run.py [--board NAME]... [--model NAME]... [--scheme NAME]... [--out FOLDER]
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
import numpy as np
from measure import HOPS, WINDOWS, Engine, make_engine, make_tflm_engine, measure
from page import page

from myofin.boards.registry import list_boards, load_board
from myofin.convert.int16x8 import convert_to_int16x8
from myofin.convert.schema import SCHEMES
from myofin.errors import InputError, MyofinError, ToolMissingError
from myofin.firmware_bridge.engine_option import ENGINES
from myofin.firmware_bridge.tflm_tree import find_tree

HERE = Path(__file__).parent
MODELS = ("lstm48", "default")
# Smaller networks, untrained, with other frames and first layers; measured where asked for.
VARIANTS = tuple(f"hops{hops}-taps{taps}" for hops in (1, 3, 5) for taps in (1, 3))
MODES = ("window", "hop")
# int8 is measured on every board; the other schemes on this one, where they are not asked for by name.
BOARD_OF_OTHER_SCHEMES = "mps2-an386"
EMULATED = tuple(name for name in list_boards() if load_board(name).emulator)


@click.command()
@click.option("--board", "boards", multiple=True, type=click.Choice(EMULATED), default=EMULATED)
@click.option("--model", "models", multiple=True, type=click.Choice(MODELS + VARIANTS), default=MODELS)
@click.option("--engine", "engines", multiple=True, type=click.Choice(ENGINES), default=ENGINES)
@click.option("--scheme", "schemes", multiple=True, type=click.Choice(SCHEMES))
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=HERE, show_default="bench/")
def main(
    boards: tuple[str, ...],
    models: tuple[str, ...],
    engines: tuple[str, ...],
    schemes: tuple[str, ...],
    out: Path,
) -> None:
    """Measure models on emulated boards, and write results.json and results.md.

    The engines of TFLM are measured where MYOFIN_TFLM_ROOT names its source tree.
    """
    try:
        present, absent = available(engines)
        for sentence in absent:
            click.echo(sentence, err=True)
        rows, refused = measure_all(boards, models, schemes, present)
    except MyofinError as error:
        raise click.ClickException(f"{error.message} {error.hint}") from error
    out.mkdir(parents=True, exist_ok=True)
    (out / "results.json").write_text(json.dumps(rows, indent=1) + "\n")
    command = " ".join(["bench/run.py", *sys.argv[1:]])
    text = page(rows, refused + absent, command=f"`{command}`", windows=WINDOWS, hops=HOPS)
    (out / "results.md").write_text(text)
    click.echo(f"{len(rows)} rows, each measured twice with equal results: {out / 'results.md'}")


def available(engines: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """The engines that can be built here, and a sentence for each that cannot.

    Raises:
        InputError: A variable is set, and what it names is no source tree.
    """
    present, absent = [], []
    for name in engines:
        try:
            if name != "c":
                find_tree(os.environ, cmsis_nn=name == "tflm-cmsis-nn")
            present.append(name)
        except ToolMissingError as error:
            absent.append(f"`{name}` was not measured: {error.message}")
    return present, absent


def read_models(folder: Path, name: str) -> dict[str, bytes]:
    """The model in every scheme, as ``make_models.py`` left it; int16x8 is made of float32."""
    found = {scheme: (folder / f"{name}-{scheme}.tflite").read_bytes() for scheme in ("int8", "float32")}
    found["int16x8"] = convert_to_int16x8(found["float32"], np.load(folder / "calibration.npy"))
    return found


def make_engines(name: str, scheme: str, model: bytes, folder: Path, engines: list[str]) -> list[Engine]:
    """Everything that is measured of one model: the generated C in both modes, and TFLM on int8.

    On float32 the generated C keeps nothing between windows, so it has no mode ``hop``.
    """
    modes = MODES if scheme != "float32" else MODES[:1]
    plain = [make_engine(name, scheme, mode, model, folder / mode) for mode in modes]
    tflm = [
        make_tflm_engine(plain[0], engine, model, folder / engine)
        for engine in ENGINES
        if engine != "c" and engine in engines and scheme == "int8"
    ]
    return (plain if "c" in engines else []) + tflm


def boards_of(scheme: str, boards: tuple[str, ...], asked: tuple[str, ...]) -> tuple[str, ...]:
    """The boards on which a scheme is measured."""
    if asked:
        return boards if scheme in asked else ()
    return boards if scheme == "int8" else tuple({BOARD_OF_OTHER_SCHEMES} & set(boards))


def measure_all(
    boards: tuple[str, ...], models: tuple[str, ...], schemes: tuple[str, ...], present: list[str]
) -> tuple[list[dict[str, Any]], list[str]]:
    """The rows of every model on every board, and a sentence for each model that a board cannot hold."""
    rows: list[dict[str, Any]] = []
    refused: list[str] = []
    with tempfile.TemporaryDirectory(prefix="myofin-bench-") as scratch:
        folder = Path(scratch)
        click.echo(f"making {', '.join(models)} (TensorFlow)", err=True)
        command = [sys.executable, str(HERE / "make_models.py"), str(folder), *models]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for name in models:
            for scheme, model in read_models(folder, name).items():
                if where := boards_of(scheme, boards, schemes):
                    engines = make_engines(name, scheme, model, folder / name / scheme, present)
                    measure_on(where, engines, rows, refused)
    return rows, refused


def measure_on(
    boards: tuple[str, ...], engines: list[Engine], rows: list[dict[str, Any]], refused: list[str]
) -> None:
    """Add a row for each engine on each board, or a sentence where the board cannot hold it."""
    for board, engine in itertools.product(boards, engines):
        what = f"{engine.model} ({engine.scheme}) on {board}, {engine.name}, {engine.mode}"
        click.echo(f"measuring {what}", err=True)
        try:
            rows.append(measure(engine, load_board(board)))
        except InputError as error:
            refused.append(f"{what}: {error.message}")


if __name__ == "__main__":
    main()
