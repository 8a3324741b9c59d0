"""Faults on the link, in number: every one must be noticed or harmless, and no comparison wrong.

.venv/bin/python bench/faults.py [--faults N] [--out FOLDER]

The board is the firmware's application compiled for this machine, with sanitizers, around the tests' fake
model, whose arithmetic is known; time is virtual. Writes faults.json and faults.md.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any, Final

import click
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "unit"))

from fault_link import KINDS, Direction, FaultyLink, Kind
from native_board import WINDOW_SHAPE, NativeBoard, expected_values
from numpy.typing import NDArray

from myofin.errors import MyofinError
from myofin.firmware_bridge.board_run import run_windows
from myofin.firmware_bridge.exchange import LinkCounters, Timing
from myofin.firmware_bridge.link import Link
from myofin.firmware_bridge.session import BoardSession

HERE = Path(__file__).parent
TIMING: Final = Timing(answer_s=0.5, decision_s=0.5, attempts=5)
HOLD_S: Final = 3 * TIMING.answer_s
# A session may be lost once by one fault; each of the two tries asks that often, and once more for HELLO.
LIMIT_S: Final = 3 * TIMING.attempts * max(TIMING.answer_s, TIMING.decision_s) + HOLD_S
_BLOCK: Final = 50  # windows in one call
_SEED: Final = 1
DIRECTIONS: Final[tuple[Direction, ...]] = ("to the board", "to the host")


@dataclass
class Tally:
    """What became of the faults of one kind; times in seconds of the virtual clock."""

    kind: str
    injected: int = 0
    repaired: int = 0
    harmless: int = 0
    ended: int = 0
    wrong: int = 0
    windows: int = 0
    repeats: int = 0
    restarts: int = 0
    longest_s: float = 0.0


class Observer:
    """Arms a fault for each window, and says afterwards what became of it."""

    def __init__(self, link: FaultyLink, session: BoardSession, kind: Kind, tally: Tally) -> None:
        self._link, self._session, self._kind, self._tally = link, session, kind, tally
        self._done = 0
        self._arm()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """A window was decided, or its session lost."""
        if done == self._done:
            return
        self._done = done
        self.account()
        if done < total:
            self._arm()

    def account(self) -> None:
        """Count the fault that was armed last, if it came about."""
        if self._link.injected > self._injected:
            noticed = _events(self._session.counters) > self._events
            self._tally.repaired += noticed
            self._tally.harmless += not noticed
        self._tally.longest_s = max(self._tally.longest_s, self._link.clock() - self._began)

    def _arm(self) -> None:
        self._began = self._link.clock()
        self._injected = self._link.injected
        self._events = _events(self._session.counters)
        self._link.arm(self._kind, DIRECTIONS[int(self._link.rng.integers(2))])


def _events(counters: LinkCounters) -> int:
    """How often the host noticed something."""
    seen = (counters.crc_errors, counters.resyncs, counters.timeouts, counters.stale_frames)
    return sum((*seen, counters.retransmits, counters.restarts))


Expect = Callable[[NDArray[np.int16]], tuple[NDArray[Any], NDArray[Any]]]


def inject(
    kind: Kind,
    faults: int,
    link: FaultyLink,
    *,
    timing: Timing = TIMING,
    expect: Expect = expected_values,
) -> Tally:
    """Inject faults of one kind, one a window, and compare every result with what it must be.

    Args:
        kind: The kind of fault.
        faults: How many, at least.
        link: The link to a board that runs the fake model.
        timing: How long to wait for answers.
        expect: Features and logits of a window.
    """
    tally = Tally(kind)
    session = BoardSession(link, timing=timing, clock=link.clock)
    session.hello()
    while link.injected < faults:
        shape = (min(_BLOCK, faults), *WINDOW_SHAPE)
        counts = link.rng.integers(-32768, 32768, shape).astype(np.int16)
        observer = Observer(link, session, kind, tally)
        try:
            results = run_windows(session, "reset", counts, observer).results
        except MyofinError:
            tally.ended += 1
            observer.account()
            link.disarm()
            session.resume()
            continue
        tally.windows += len(results)
        for window, result in zip(counts, results, strict=True):
            features, logits = expect(window)
            right = np.array_equal(result.features, features) and np.array_equal(result.logits, logits)
            tally.wrong += not right
    tally.injected = link.injected
    tally.repeats, tally.restarts = session.counters.retransmits, session.counters.restarts
    return tally


def native_link(seed: int) -> FaultyLink:
    """A faulty link to the native board."""
    board = NativeBoard()

    def reset() -> Link:
        board.reset()
        return board

    return FaultyLink(board, board.clock, np.random.default_rng(seed), HOLD_S, reset)


def page(tallies: list[Tally]) -> str:
    """The table as a page."""
    names = ("kind", "injected", "repaired", "harmless", "ended", "wrong", "windows", "repeats", "restarts")
    lines = [
        "# Faults on the link",
        "",
        "Written by `bench/faults.py`; do not edit. The firmware's application, compiled for this machine",
        "with UBSan around the tests' fake model, behind a link that does one thing wrong in each window, on",
        f"the way to the board or back. Time is virtual: an answer is awaited for {TIMING.answer_s:g} s, "
        f"{TIMING.attempts} times;",
        f"delays and stalls last up to {HOLD_S:g} s.",
        "",
        "- repaired: noticed (CRC, framing, time-out, stale answer, lost session), and the result was right;",
        "- harmless: nobody noticed, and the result was right;",
        "- ended: with an error, one sentence; wrong: a result that differs from the model's was accepted.",
        "",
        f"| {' | '.join(names)} | longest wait, s |",
        "|---" * (len(names) + 1) + "|",
    ]
    for tally in tallies:
        kind, *figures, longest = astuple(tally)
        lines.append(f"| {kind} | {' | '.join(f'{figure:,}' for figure in figures)} | {longest:.1f} |")
    return "\n".join([*lines, "", f"The stated limit for one window is {LIMIT_S:g} s.", ""])


@click.command()
@click.option("--faults", type=click.IntRange(1), default=10_000, show_default=True, help="Of each kind.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=HERE, show_default="bench/")
def main(faults: int, out: Path) -> None:
    """Inject faults of every kind, print the table and write it down; exit code 1 when one was accepted."""
    tallies = [inject(kind, faults, native_link(_SEED)) for kind in KINDS]
    text = page(tallies)
    out.mkdir(parents=True, exist_ok=True)
    rows = [asdict(tally) for tally in tallies]
    (out / "faults.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    (out / "faults.md").write_text(text, encoding="utf-8")
    click.echo(text)
    if any(tally.wrong or tally.longest_s > LIMIT_S or tally.injected < faults for tally in tallies):
        sys.exit(1)


if __name__ == "__main__":
    main()
