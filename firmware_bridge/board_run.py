"""Windows decided by a board, one after the other; what a reset of the board takes away is sent again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from myofin.errors import BoardError
from myofin.firmware_bridge.exchange import LinkCounters, SessionLostError
from myofin.firmware_bridge.session import BoardResult, BoardSession
from myofin.firmware_bridge.trace import Records, TraceCollector
from myofin.firmware_bridge.wire import Hello, Scheme, Stats
from myofin.progress import Progress, silent

_FRUITLESS_RESTARTS: Final = 3


@dataclass(frozen=True)
class BoardRun:
    """What one session with the board gave, and what the board said of itself."""

    results: tuple[BoardResult, ...]
    link: LinkCounters
    stats: Stats
    facts: Hello


def run_windows(
    session: BoardSession, contract: str, counts: NDArray[np.int16], progress: Progress = silent
) -> BoardRun:
    """Have a board decide windows, int16 ``[w, window_samples, channels]``.

    When the board loses its session, a new one starts: with the window that was under way under the state
    contract ``reset``, with the first one under ``carry``.

    Raises:
        BoardError: The board lost its session again and again, or came back with other firmware.
        LinkError: It does not answer.
    """
    results: list[BoardResult] = []
    furthest = fruitless = 0
    while len(results) < len(counts):
        index = len(results)
        try:
            reset = index == 0 or contract == "reset"
            results.append(session.inject_window(counts[index], index=index, reset=reset))
        except SessionLostError as error:
            fruitless = 0 if index > furthest else fruitless + 1
            furthest = max(furthest, index)
            if fruitless > _FRUITLESS_RESTARTS:
                raise BoardError(
                    f"The board lost its session {fruitless} times at window {index}.", hint=error.hint
                ) from error
            session.resume()
            if contract != "reset":
                results.clear()
        progress("board", len(results), len(counts))
    return BoardRun(tuple(results), session.counters, _stats(session), session.facts)


def _stats(session: BoardSession) -> Stats:
    """The board's counters; they begin anew with the board."""
    try:
        return session.stats()
    except SessionLostError:
        session.resume()
        return session.stats()


def trace_on_board(session: BoardSession, contract: str, counts: NDArray[np.int16], window: int) -> Records:
    """The records of one window, after all those before it; empty where the image is not a traced one.

    Raises:
        LinkError: Part of them was lost.
    """
    collector = TraceCollector()
    session.exchange.on_unasked = collector.take
    for index in range(window + 1):
        reset = index == 0 or contract == "reset"
        session.inject_window(counts[index], index=index, reset=reset, trace=index == window)
    return collector.records(floats=session.facts.scheme == Scheme.FLOAT32)
