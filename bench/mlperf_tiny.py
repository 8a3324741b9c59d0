"""MLPerf Tiny's runner on an emulated board: its device class, unchanged, over a pseudo-terminal.

MYOFIN_MLPERF_ROOT=FOLDER .venv/bin/python bench/mlperf_tiny.py BUNDLE [--windows N] [--out FOLDER]

FOLDER is a checkout of mlcommons/tiny. Its search for boards by USB id is left out: the device class is
given the pseudo-terminal, and what comes over it goes to the emulator's UART and back.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import re
import select
import socket
import statistics
import sys
import tempfile
import threading
import tty
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import click
import numpy as np

from myofin.boards.registry import Board, load_board
from myofin.convert.bundle import Bundle, read_bundle
from myofin.convert.contract import run_under
from myofin.convert.oracle import bundle_oracle
from myofin.errors import InputError, MyofinError
from myofin.firmware_bridge.build import build_bundle
from myofin.firmware_bridge.emulator import emulated

HERE = Path(__file__).parent
ROOT_VARIABLE: Final = "MYOFIN_MLPERF_ROOT"
_RUNNER: Final = Path("benchmark", "runner")
_RESULTS: Final = re.compile(r"^m-results-\[([^]]+)\]$")
_LAP: Final = re.compile(r"^m-lap-us-([0-9]+)$")
_READ_BYTES: Final = 4_096
_FIRST_LINES: Final = 18


@dataclass(frozen=True)
class Transcript:
    """What the runner's device class saw: of the accuracy mode, then of the performance mode."""

    board: str
    name: str
    model: str
    profile: str
    windows: int
    right: int
    equal: int
    iterations: int
    warm_ups: int
    median_throughput: float
    median_us: float


def device_class(root: Path) -> Any:
    """The class ``DUT`` of the runner in a checkout.

    Raises:
        InputError: There is none.
    """
    folder = (root / _RUNNER).absolute()
    if not (folder / "device_under_test.py").is_file():
        raise InputError(
            f"{root} holds no {_RUNNER / 'device_under_test.py'}.",
            hint=f"Clone https://github.com/mlcommons/tiny, and name the clone in {ROOT_VARIABLE}.",
        )
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    return importlib.import_module("device_under_test").DUT


@contextlib.contextmanager
def terminal(url: str) -> Iterator[str]:
    """A pseudo-terminal that leads to a ``socket://`` URL; yields its name."""
    address = urlsplit(url)
    master, slave = os.openpty()
    tty.setraw(slave)
    with socket.create_connection((address.hostname, address.port)) as channel:
        stop, stopper = os.pipe()
        copier = threading.Thread(target=_copy, args=(master, channel, stop))
        copier.start()
        try:
            yield os.ttyname(slave)
        finally:
            os.close(stopper)
            copier.join()
            for descriptor in (stop, master, slave):
                os.close(descriptor)


def _copy(master: int, channel: socket.socket, stop: int) -> None:
    """Copy both ways until the other end of ``stop`` is closed."""
    while True:
        ready, _, _ = select.select([master, channel, stop], [], [])
        if stop in ready:
            return
        if master in ready:
            channel.sendall(os.read(master, _READ_BYTES))
        if channel in ready:
            os.write(master, channel.recv(_READ_BYTES))


def measure(
    bundle: Bundle, board: Board, root: Path, *, windows: int, iterations: int, warm_ups: int
) -> tuple[Transcript, str]:
    """Run both modes on golden windows; returns the figures, and all that the device class printed."""
    golden = bundle.golden()
    order = np.linspace(0, len(golden.labels) - 1, min(windows, len(golden.labels))).astype(int)
    codes = golden.codes[order]
    labels = [bundle.body.classes.index(int(label)) for label in golden.labels[order]]
    expected = run_under(bundle.body.contract, bundle_oracle(bundle), codes).logits
    printed = io.StringIO()
    with tempfile.TemporaryDirectory(prefix="myofin-mlperf-") as scratch:
        image = build_bundle(bundle.folder, board, Path(scratch) / "image")
        with emulated(image, board) as url, terminal(url) as port:
            dut_class = device_class(root)
            with contextlib.redirect_stdout(printed), dut_class(port, board.link.baud, echo=True) as dut:
                facts = (dut.get_name(), dut.get_model(), dut.get_profile())
                found, laps = [], []
                for window in codes:
                    dut.load(window.tobytes())
                    found.append(_logits(dut.infer(1, 0)))
                    laps.append(_lap_us(dut.infer(iterations, warm_ups)) / iterations)
    decisions = np.array(found)
    transcript = Transcript(
        board.name,
        *facts,
        windows=len(codes),
        right=int(np.count_nonzero(np.argmax(decisions, axis=1) == labels)),
        equal=int(np.count_nonzero((decisions == expected).all(axis=1))),
        iterations=iterations,
        warm_ups=warm_ups,
        median_throughput=1e6 / statistics.median(laps),
        median_us=statistics.median(laps),
    )
    return transcript, printed.getvalue()


def _logits(lines: list[str]) -> list[float]:
    (values,) = (match[1] for line in lines if (match := _RESULTS.match(line)))
    return [float(value) for value in values.split(",")]


def _lap_us(lines: list[str]) -> int:
    start, end = (int(match[1]) for line in lines if (match := _LAP.match(line)))
    return end - start


def page(row: dict[str, Any], bundle: str, printed: str) -> str:
    """The figures and the beginning of the conversation as a page."""
    how = f"{row['iterations']} times after {row['warm_ups']} to warm up"
    return f"""# MLPerf Tiny's runner

Written by `bench/mlperf_tiny.py`; do not edit. The runner's device class (`device_under_test.py` of
mlcommons/tiny, unchanged) drives the emulated `{row["board"]}` over a pseudo-terminal.
It runs {bundle}.
Each of {row["windows"]} golden windows is loaded with `db`, inferred once for accuracy, then {how}
for throughput, from the difference of two `m-lap-us`. The emulated board's microseconds
are its instructions at a stated rate (`units_per_second` in its `board.toml`), an assumption, no measurement
of a chip; an inference is a whole window, nothing of it kept from the one before.

| windows | accuracy | logits equal to the oracle's | median throughput | median time |
|---|---|---|---|---|
| {row["windows"]} | {100 * row["right"] / row["windows"]:.1f} % | {row["equal"]} | \
{row["median_throughput"]:.1f} inferences a second | {row["median_us"]:,.1f} us |

From the conversation about the first window:

```
{_excerpt(printed)}
```
"""


def _excerpt(printed: str) -> str:
    """Who it is, the first bytes, and both inferences of the first window."""
    lines = [line if len(line) < 100 else f"{line[:97]}..." for line in printed.splitlines()]
    infers = [number for number, line in enumerate(lines) if line.startswith("infer ")]
    end = next(number for number in range(infers[1], len(lines)) if lines[number] == "RX:m-ready")
    return "\n".join([*lines[:_FIRST_LINES], "...", *lines[infers[0] - 3 : end + 1]])


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--board", default="mps2-an386", show_default=True)
@click.option("--windows", type=click.IntRange(1), default=200, show_default=True)
@click.option("--iterations", type=click.IntRange(1), default=10, show_default=True)
@click.option("--warm-ups", type=click.IntRange(0), default=1, show_default=True)
@click.option("--root", type=click.Path(path_type=Path), envvar=ROOT_VARIABLE, required=True)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=HERE, show_default="bench/")
def main(
    bundle: Path, board: str, windows: int, iterations: int, warm_ups: int, root: Path, out: Path
) -> None:
    """Run accuracy and performance mode, and write mlperf.json and mlperf.md."""
    try:
        found = read_bundle(bundle)
        transcript, printed = measure(
            found, load_board(board), root, windows=windows, iterations=iterations, warm_ups=warm_ups
        )
    except MyofinError as error:
        raise click.ClickException(f"{error.message} {error.hint}") from error
    row, body = asdict(transcript), found.body
    what = f"the {body.scheme} network of a bundle for {body.channels} channels at {body.rate_hz} Hz"
    text = page(row, f"{what}, {len(body.classes)} movements ({body.dataset})", printed)
    out.mkdir(parents=True, exist_ok=True)
    (out / "mlperf.json").write_text(json.dumps(row, indent=1) + "\n", encoding="utf-8")
    (out / "mlperf.md").write_text(text, encoding="utf-8")
    click.echo(text)


if __name__ == "__main__":
    main()
