"""``myofin demo``: the whole way once, from synthetic recordings to the report of a verified board."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click

from myofin.console import emit, json_option, progress_bar, seed_option
from myofin.errors import EXIT_CHECK_FAILED

BOARD = "mps2-an386"


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("out/demo"), show_default=True)
@click.option("--board", default=BOARD, show_default=True, help="Name of an emulated board.")
@click.option(
    "--windows", type=click.IntRange(1), default=300, show_default=True, help="Windows through the board."
)
@seed_option
@json_option
@click.pass_context
def demo(context: click.Context, out: Path, board: str, windows: int, seed: int, as_json: bool) -> None:
    """Make synthetic sEMG, train on it, convert, build firmware, run it on an emulated board, and compare.

    Leaves recording.npz, run, bundle and report under --out. Exit code 0 when every output of the board
    equals the host's.

    \b
    Example:
      myofin demo --out out/demo
    """
    from myofin.convert.pipeline import convert_run
    from myofin.firmware_bridge.validate import Settings, validate_bundle
    from myofin.firmware_bridge.validate_cli import summary
    from myofin.recordings.synthetic import SyntheticConfig, write_synthetic

    recording = out / "recording.npz"
    out.mkdir(parents=True, exist_ok=True)
    # Movements of 1.5 s instead of Ninapro's 5 s keep the demo to a few minutes.
    write_synthetic(recording, SyntheticConfig(movement_s=1.5, rest_s=0.5, seed=seed))
    code = _train(recording, out / "run", seed)
    if code:
        context.exit(code)
    with progress_bar() as progress:
        convert_run(out / "run", "int8", out / "bundle", progress=progress)
        settings = Settings(board=board, data=recording, subject=None, windows=windows, image=None)
        report = validate_bundle(out / "bundle", settings, out / "report", progress=progress)
    emit(as_json, report, summary(report, out / "report"))
    if report["verdict"] != "pass":
        context.exit(EXIT_CHECK_FAILED)


def _train(recording: Path, run: Path, seed: int) -> int:
    # A process of its own: TensorFlow must not share one with the TFLite runtime that convert needs.
    arguments = ["train", "--data", str(recording), "--out", str(run), "--seed", str(seed)]
    return subprocess.run(
        [sys.executable, "-m", "myofin", *arguments], stdout=sys.stderr, check=False
    ).returncode
