"""``myofin sweep``: many networks, all measured on one emulated board, and which to take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from myofin.console import emit, json_option, progress_bar, seed_option
from myofin.sweep.settings import DEFAULT_OBJECTIVES, HOP_MS, REFERENCE_BOARD, WINDOWS_ON_BOARD, Settings
from myofin.sweep.space import GRIDS
from myofin.train.config import FEATURES_BY, TrainConfig
from myofin.train.network_shape import LAYOUTS

_HEAD = ("id", "network", "scheme", "engine", "validation", "test", "instructions", "flash", "RAM")


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Recording, or folder of them.")
@click.option("--subject", default=None, help="Which subject, where the folder has several.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the sweep.")
@click.option("--grid", type=click.Choice(GRIDS), help="Measure every point of a grid.")
@click.option("--trials", type=click.IntRange(1, 100_000), help="Search with so many points instead.")
@click.option(
    "--objectives",
    default=",".join(DEFAULT_OBJECTIVES),
    show_default=True,
    help="What the front weighs up; r2 (of the features) is another one.",
)
@click.option("--fit", metavar="BOARD", help="Only points that fit this board and meet its deadline count.")
@click.option(
    "--hop-ms", type=int, default=HOP_MS, show_default=True, help="Time between two decisions on that board."
)
@click.option(
    "--measure-on",
    metavar="BOARD",
    help=f"Emulated board that runs the points.  [default: the twin of --fit's, else {REFERENCE_BOARD}]",
)
@click.option(
    "--features-by",
    type=click.Choice(FEATURES_BY),
    help="Only points with an LSTM, or with integer arithmetic.  [default: both]",
)
@click.option(
    "--layout",
    type=click.Choice(LAYOUTS),
    help="Of the points with an LSTM only those where channels share it, or a joint one.  [default: both]",
)
@click.option(
    "--epochs",
    type=click.IntRange(1),
    default=TrainConfig().epochs,
    show_default=True,
    help="Of each pre-training.",
)
@click.option(
    "--windows",
    type=click.IntRange(4, 10_000),
    default=WINDOWS_ON_BOARD,
    show_default=True,
    help="Golden windows that the board decides for each point.",
)
@click.option("--storage", metavar="URL", help="Database of a search.  [default: a SQLite file in --out]")
@click.option(
    "--workers", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes of this machine."
)
@click.option(
    "--dask", metavar="URL", help="Address of a dask scheduler, such as tcp://10.0.0.1:8786, instead."
)
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    help="Trained networks, for several sweeps.  [default: in --out]",
)
@click.option(
    "--keep-bundles", is_flag=True, help="Keep the bundle of every point, not of the chosen one only."
)
@seed_option
@json_option
def sweep(
    data: Path,
    subject: str | None,
    out: Path,
    grid: str | None,
    trials: int | None,
    objectives: str,
    epochs: int,
    as_json: bool,
    **others: Any,
) -> None:
    """Train, convert and measure many networks on an emulated board; say which to take for a board.

    Each point is run as real firmware and has to equal the host bit for bit. Accuracy on validation
    repetitions chooses; accuracy on test repetitions is only shown. The recommended network is left in
    OUT/recommended/bundle. Interrupted or killed, the same command goes on where it was.

    \b
    Example:
      myofin sweep --data recordings/ --subject 1 --grid small --fit nano33ble --out out/sweep
      myofin validate out/sweep/recommended/bundle --board mps2-an386 --out out/report
    """
    settings = Settings(
        data=data,
        subject=subject,
        out=out,
        grid=grid,
        trials=trials,
        objectives=tuple(name.strip() for name in objectives.split(",")),
        train=replace(TrainConfig(), epochs=epochs),
        **others,
    )
    from myofin.sweep.sweep import run_sweep, shortfall

    with progress_bar() as progress:
        document = run_sweep(settings, progress=progress)
    emit(as_json, document, table(document, out))
    if (error := shortfall(document)) is not None:
        raise error


def table(document: Mapping[str, Any], out: Path) -> str:
    """The front as lines, and what is recommended and why."""
    trials = {trial["id"]: trial for trial in document["trials"]}
    states = [trial["state"] for trial in trials.values()]
    told = ", ".join(f"{states.count(state)} {state}" for state in ("measured", "refused", "failed"))
    lines = [
        f"{len(trials)} points on {document['measured_on']}: {told}; {len(document['front'])} on the front"
    ]
    if document["front"]:
        lines += _columns([_HEAD, *(_row(trials[name]) for name in document["front"])])
    if (chosen := document["recommended"]) is not None:
        shipped = chosen["shipped"]["values"]
        lines += [
            f"recommended: {chosen['id']}. {chosen['reason']}",
            f"trained with the validation repetitions too: {100 * shipped['accuracy_test']:.1f} % on test "
            f"repetitions, {shipped['instructions']:,} instructions, flash {shipped['flash']:,} B, RAM "
            f"{shipped['ram']:,} B: {out / 'recommended' / 'bundle'}",
        ]
    return "\n".join([*lines, f"result: {out / 'sweep.json'}"])


def _row(trial: Mapping[str, Any]) -> tuple[str, ...]:
    params, values = trial["params"], trial["values"]
    network = f"{len(params['imitated'])} features by arithmetic"
    if params["features"] == "lstm":
        network = (
            f"{params['layout']} LSTM {params['units']}, {params['step_hops']} hops, "
            f"{params['embedding']}x{params['taps']}, {len(params['imitated'])} features, {params['head']}"
        )
    shares = (f"{100 * values[name]:.1f} %" for name in ("accuracy", "accuracy_test"))
    costs = (f"{values[name]:,}" for name in ("instructions", "flash", "ram"))
    return (trial["id"], network, params["scheme"], params["engine"], *shares, *costs)


def _columns(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
