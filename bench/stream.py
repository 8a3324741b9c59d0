"""Ten minutes of a stream from an emulated board, every decision computed again on the host.

.venv/bin/python bench/stream.py [BUNDLE] [--data RECORDING] [--board NAME] [--seconds S] [--out FOLDER]

Without arguments it takes what ``make demo`` left. Before, two short streams must give the same instruction
counts. Writes stream.json and stream.md.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import numpy as np

from myofin.console import progress_bar
from myofin.errors import MyofinError
from myofin.firmware_bridge.stream import StreamSettings, stream_bundle
from myofin.progress import Progress

HERE = Path(__file__).parent
DEMO = HERE.parent / "out" / "demo"
LONG_S = 600.29  # 60,000 decisions: the first comes with the thirtieth hop
REPEATED_S = 5.0
PERCENTILES = ("p50", "p95", "p99", "max")
KEPT = ("seconds", "samples", "channels", "rate_hz", "decisions", "missing_decisions", "unverified_decisions")
COUNTED = (
    "front_end_ticks",
    "fin_ticks",
    "head_ticks",
    "interrupt_ticks",
    "response_ticks",
    "queue",
    "missed",
)


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path), default=DEMO / "bundle")
@click.option("--data", type=click.Path(path_type=Path), default=DEMO / "recording.npz")
@click.option("--board", default="mps2-an386", show_default=True)
@click.option("--seconds", default=LONG_S, show_default=True, help="Of the board's time.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=HERE, show_default="bench/")
def main(bundle: Path, data: Path, board: str, seconds: float, out: Path) -> None:
    """Stream from an emulated board at the rate of its board.toml, and check every decision."""
    try:
        with progress_bar() as progress:
            result = measure(bundle, data, board, seconds, progress)
    except MyofinError as error:
        click.echo(f"error: {error.message}\n  fix: {error.hint}", err=True)
        sys.exit(error.exit_code)
    out.mkdir(parents=True, exist_ok=True)
    (out / "stream.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (out / "stream.md").write_text(page(result), encoding="utf-8")
    click.echo(page(result))
    sys.exit(0 if result["verdict"] == "pass" else 1)


def measure(bundle: Path, data: Path, board: str, seconds: float, progress: Progress) -> dict[str, Any]:
    """Two short streams and the long one; the figures that a page shows."""
    with tempfile.TemporaryDirectory(prefix="myofin-stream-") as scratch:
        short = StreamSettings(board=board, data=data, seconds=min(REPEATED_S, seconds))
        counts = []
        for number in range(2):
            stream_bundle(bundle, short, Path(scratch) / str(number), progress=progress)
            counts.append(_counts(Path(scratch) / str(number)))
        begun = time.monotonic()
        long = StreamSettings(board=board, data=data, seconds=seconds)
        report = stream_bundle(bundle, long, Path(scratch) / "long", progress=progress)
        real_s = time.monotonic() - begun
    repeats = all(np.array_equal(*pair) for pair in zip(*counts, strict=True))
    return {
        "verdict": report["verdict"] if repeats else "fail",
        "sentence": report["sentence"],
        "repeated_seconds": short.seconds,
        "repeats_exactly": repeats,
        "real_seconds": round(real_s),
        "board": board,
        "bundle": report["bundle"],
        "method": report["method"],
        **{name: report["stream"][name] for name in (*KEPT, "gaps", "queue_max", "interrupts", "isr_late")},
        "equal": report["equal"],
        "cross_check": report["stream"]["cross_check"],
        "dropped_samples": report["link"]["dropped_samples"],
        "crc_errors": report["link"]["crc_errors"],
        "deadline": report["deadline"],
        "latency": {
            stage: {name: found[name] for name in ("min", "p50", "p95", "p99", "max")}
            for stage, found in report["latency"]["per_stage"].items()
        },
        "warmup_left_out": report["latency"]["warmup_left_out"],
        "accuracy": report["accuracy"]["device"],
        "labelled": report["accuracy"]["labelled"],
        "stack_high_water": report["memory"]["stack_high_water"],
    }


def _counts(folder: Path) -> list[Any]:
    with np.load(folder / "decisions.npz") as decisions:
        return [decisions[name] for name in COUNTED]


def page(result: dict[str, Any]) -> str:
    """The page of the figures."""
    repeats = "the same" if result["repeats_exactly"] else "DIFFERENT"
    stages = [
        f"| {stage.replace('_', ' ')} | {' | '.join(f'{found[n]:,.0f}' for n in PERCENTILES)} |"
        for stage, found in result["latency"].items()
    ]
    return "\n".join(
        [
            f"# A stream of {result['seconds']:g} s from `{result['board']}`: {result['verdict']}",
            "",
            f"Made by `bench/stream.py`. {result['sentence']}",
            f"Two streams of {result['repeated_seconds']:g} s gave {repeats} counts for every decision.",
            "",
            *("| | |", "|---|---|"),
            *(f"| {name} | {value} |" for name, value in _rows(result)),
            "",
            *("| instructions a decision | p50 | p95 | p99 | max |", "|---|---|---|---|---|"),
            *stages,
            "",
            *(f"- {topic}: {sentence}" for topic, sentence in result["method"].items()),
            "",
        ]
    )


def _rows(result: dict[str, Any]) -> list[tuple[str, str]]:
    deadline, late, gaps = result["deadline"], result["isr_late"], result["gaps"]
    million = deadline["ticks_per_second"] / 1e6
    rows = [
        ("signal", f"{result['channels']} channels at {result['rate_hz']:g} Hz"),
        ("samples of each channel", f"{result['samples']:,}"),
        ("dropped samples", f"{result['dropped_samples']:,}"),
        ("gaps, of them unexplained", f"{gaps['count']:,}, {gaps['unexplained']:,}"),
        ("decisions", f"{result['decisions']:,}"),
        *((f"of them with {stage} equal to the host's", f"{n:,}") for stage, n in result["equal"].items()),
        ("missing, not verifiable", f"{result['missing_decisions']:,}, {result['unverified_decisions']:,}"),
        (f"missed deadlines at {million:g} M instructions a second", f"{deadline['missed']:,}"),
        ("longest response, share of a hop", f"{deadline['hop_share_max']:.1%}"),
        ("most frames waiting, with the one in work", f"{result['queue_max']}"),
        ("interrupts, share of the time", f"{result['interrupts']['share_of_time']:.2%}"),
        ("interrupts, share of the decisions", f"{result['interrupts']['share_of_decisions']:.2%}"),
        ("sample interrupt late, instructions: mean, max", f"{late['mean']:.1f}, {late['max']:.0f}"),
        ("CRC errors", f"{result['crc_errors']:,}"),
        ("stack, bytes", f"{result['stack_high_water']:,}"),
        ("real time", f"{result['real_seconds'] / 60:.1f} min"),
    ]
    check = result["cross_check"]
    if check is not None:
        rows.append((f"equal to {check['oracle']}", f"{check['equal']:,} of {check['decisions']:,}"))
    if result["accuracy"] is not None:
        judged = f"{result['accuracy']:.1%} of {result['labelled']:,} judged decisions"
        rows.append(("accuracy against the recording's labels", judged))
    return rows


if __name__ == "__main__":
    main()
