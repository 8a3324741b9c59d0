"""``monitor``: a board streams, one thread reads, and a terminal view looks on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from myofin.errors import MyofinError, ToolMissingError
from myofin.firmware_bridge.monitor_state import LiveStream, Snapshot
from myofin.firmware_bridge.stream import OpenStream, StreamSettings, open_stream


@dataclass(frozen=True)
class Watched:
    """What a monitor saw until it ended."""

    last: Snapshot
    crc_errors: int


class _StopReadingError(Exception):
    """Raised in the reading thread to end the stream in order."""


class Reader:
    """Follows a stream in a thread of its own."""

    def __init__(self, stream: OpenStream, live: LiveStream) -> None:
        self.error: MyofinError | None = None
        self._source = stream.source(live)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stream", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def runs(self) -> bool:
        """Whether the stream goes on."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End the stream, and wait until the board was told."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._source.run(self._check)
        except _StopReadingError:
            return
        except MyofinError as error:
            self.error = error

    def _check(self, samples: int) -> None:
        if self._stop.is_set():
            raise _StopReadingError


class Show(Protocol):
    """Shows a running stream until the user has seen enough or the stream ends."""

    def __call__(self, title: str, stream: OpenStream, live: LiveStream, runs: Callable[[], bool]) -> None:
        """Show it."""


def monitor_bundle(bundle_folder: Path, settings: StreamSettings, show: Show | None = None) -> Watched:
    """Stream from a board and show it on the terminal until the user quits.

    Args:
        bundle_folder: What ``myofin convert`` left.
        settings: Board, length, electrodes.
        show: What shows it; default: the view of ``monitor_app``.

    Raises:
        ToolMissingError: Textual is not installed.
        BoardError: The board does not start, does not answer, or ended the stream.
    """
    shown = show or _terminal_view()
    with open_stream(bundle_folder, settings) as stream:
        live = LiveStream(stream.bundle, stream.plan, stream.shape)
        reader = Reader(stream, live)
        reader.start()
        try:
            plan = stream.plan
            signal = f"{plan.channels} channels at {plan.true_rate_hz:g} Hz"
            title = f"{stream.board.name} · {stream.bundle.body.scheme} · {signal}"
            shown(title, stream, live, reader.runs)
        finally:
            reader.stop()
        if reader.error is not None:
            raise reader.error
        return Watched(live.snapshot(), stream.session.counters.crc_errors)


def _terminal_view() -> Show:
    try:
        from myofin.firmware_bridge.monitor_app import Moment, MonitorApp, View
    except ImportError as missing:
        raise ToolMissingError(
            "The terminal view needs Textual, which is not installed.",
            hint="Run: pip install 'myofin[monitor]'",
        ) from missing

    def show(title: str, stream: OpenStream, live: LiveStream, runs: Callable[[], bool]) -> None:
        counters = stream.session.counters

        def look() -> Moment:
            return Moment(live.snapshot(), counters.crc_errors, counters.resyncs, runs())

        unit = "instructions" if stream.plan.held else "cycles"
        MonitorApp(View(title, stream.plan.channels, unit), look).run()

    return show
