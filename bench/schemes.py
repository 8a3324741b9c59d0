"""One run in every scheme, side by side: what the numbers' width costs, and what it gives.

.venv/bin/python bench/schemes.py RUN [--board NAME] [--bundles FOLDER] [--out FILE.json]

Quality is of the golden windows (test repetitions) on the host oracle, which the board equals bit for bit on
int8 and int16x8 (``myofin validate``); instructions, flash and RAM are of the engine on the emulated board.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from statistics import median_low
from typing import Any

import click
import numpy as np

from myofin.boards.registry import load_board
from myofin.convert.bundle import Bundle, read_bundle
from myofin.convert.codegen import generate_c
from myofin.convert.pipeline import convert_run
from myofin.convert.schema import SCHEMES
from myofin.errors import CheckError, MyofinError
from myofin.firmware_bridge.build import build_image
from myofin.firmware_bridge.emulator import emulated_session
from myofin.firmware_bridge.linker_map import read_engine_bytes
from myofin.firmware_bridge.quality import FeatureScaling, fidelity, recognise
from myofin.firmware_bridge.windows import golden_windows

WINDOWS_ON_BOARD = 3


@click.command()
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--board", default="mps2-an386", show_default=True, help="Emulated board.")
@click.option(
    "--bundles", type=click.Path(path_type=Path), help="Keep bundles here, one a scheme; reuse them."
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the rows as JSON.")
def main(run: Path, board: str, bundles: Path | None, out: Path | None) -> None:
    """Convert RUN in every scheme and print quality and cost as a table."""
    try:
        with tempfile.TemporaryDirectory(prefix="myofin-schemes-") as scratch:
            folder = bundles or Path(scratch)
            rows = [_row(_bundle(run, scheme, folder / scheme), board) for scheme in SCHEMES]
    except MyofinError as error:
        raise click.ClickException(f"{error.message} {error.hint}") from error
    if out:
        out.write_text(json.dumps(rows, indent=1) + "\n")
    click.echo(table(rows))


def _bundle(run: Path, scheme: Any, folder: Path) -> Bundle:
    if not folder.exists():
        return convert_run(run, scheme, folder)
    return read_bundle(folder)


def _row(bundle: Bundle, board: str) -> dict[str, Any]:
    body, golden = bundle.body, bundle.golden()
    features = body.outputs["features"].real(golden.features)
    logits = body.outputs["logits"].real(golden.logits)
    scaling = FeatureScaling.from_json(body.feature_scaling.model_dump(mode="json"))
    labels = golden_windows(bundle, None).labels
    agree = np.mean(logits.argmax(axis=1) == golden.float_logits.argmax(axis=1))
    return {
        "scheme": body.scheme,
        "windows": len(labels),
        "r2": fidelity(golden.true_features, features, scaling),
        "feature_rmse": float(np.sqrt(np.mean((features - golden.float_features) ** 2))),
        "logit_rmse": float(np.sqrt(np.mean((logits - golden.float_logits) ** 2))),
        "argmax_agreement": float(agree),
        "accuracy": recognise(labels, logits).accuracy,
        "model_bytes": len(bundle.model()),
        "board": board,
        **_costs(bundle, board),
    }


def _costs(bundle: Bundle, board_name: str) -> dict[str, int]:
    """Instructions of a whole window and bytes of the engine, generated without sliding in every scheme.

    Raises:
        CheckError: The board decided otherwise than the golden vectors say.
    """
    body, board = bundle.body, load_board(board_name)
    golden = bundle.golden()
    with tempfile.TemporaryDirectory(prefix="myofin-schemes-") as scratch:
        engine = Path(scratch) / "c"
        generate_c(
            bundle.model(),
            body.frontend,
            engine,
            frame_samples=body.frame_samples,
            channels=body.channels,
            sliding=False,
        )
        image = build_image(engine, body.model_sha256, board, Path(scratch) / "image")
        size = read_engine_bytes(image.folder / "firmware.map")
        with emulated_session(image, board) as session:
            session.require_model(body.model_sha256)
            results = [
                session.inject_window(golden.counts[i], i, whole=True) for i in range(WINDOWS_ON_BOARD)
            ]
    found = np.stack([result.logits for result in results]).astype(np.float64)
    if np.abs(found - golden.logits[:WINDOWS_ON_BOARD]).max() > body.float_tolerance:
        raise CheckError(
            f"{board_name} computes other logits than the oracle.", hint="Find the stage with validate."
        )
    units = board.counter.units
    ticks = [units(result.fin_ticks) + units(result.head_ticks) for result in results]
    return {
        "instructions": median_low(ticks),
        "code_bytes": size.code,
        "const_bytes": size.constants,
        "ram_bytes": size.ram,
    }


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
    names = list(rows[0]["r2"])
    head = ["scheme", f"log R² ({', '.join(names)})", "linear R²", "feature RMSE", "logit RMSE"]
    head += ["accuracy", "same class as float", "instructions a window", "code + constants, B", "RAM, B"]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for row in rows:
        scores = [" ".join(f"{row['r2'][name][kind]:.4f}" for name in names) for kind in ("log", "linear")]
        accuracy = "–" if row["accuracy"] is None else f"{100 * row['accuracy']:.1f} %"
        cells = [row["scheme"], *scores, f"{row['feature_rmse']:.4f}", f"{row['logit_rmse']:.3f}", accuracy]
        cells += [f"{100 * row['argmax_agreement']:.1f} %", f"{row['instructions']:,}"]
        cells += [f"{row['code_bytes'] + row['const_bytes']:,}", f"{row['ram_bytes']:,}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
