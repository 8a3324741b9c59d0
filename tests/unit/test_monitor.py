"""The terminal view of a stream: what it shows, how it ends, and that it holds nothing up."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from native_board import NativeBoard
from textual.widgets import Digits, ProgressBar, Sparkline

from myofin.boards.registry import load_board
from myofin.convert.schema import TensorSpec
from myofin.errors import LinkError
from myofin.firmware_bridge.monitor import Reader
from myofin.firmware_bridge.monitor_app import Moment, MonitorApp, View
from myofin.firmware_bridge.monitor_state import SHOWN_HOPS, LiveStream
from myofin.firmware_bridge.session import BoardSession
from myofin.firmware_bridge.stream_plan import StreamPlan, plan_stream
from myofin.firmware_bridge.stream_store import StreamShape

CHANNELS, FRAME = 12, 20
SHAPE = StreamShape(CHANNELS, FRAME, features=4, logits=3, value_type="<i1")
VIEW = View("mps2-an386 · int8 · 12 channels at 2000 Hz", CHANNELS, "instructions")


def bundle() -> Any:
    """What a live stream needs of one."""
    body = SimpleNamespace(
        class_names=("fist", "open", "point"),
        outputs={"logits": TensorSpec(size=3, dtype="int8", scale=0.1, zero_point=-3)},
    )
    return SimpleNamespace(frontend=SimpleNamespace(offsets=np.full(CHANNELS, 10, np.int32)), body=body)


def plan() -> StreamPlan:
    facts = BoardSession(NativeBoard()).hello()
    return plan_stream(load_board("mps2-an386"), replace(facts, channels=12, frame_samples=20), None)


def live() -> LiveStream:
    return LiveStream(bundle(), plan(), SHAPE)


def frame(index: int, level: int, dropped: int = 0) -> bytes:
    row = np.zeros(1, SHAPE.frame_type())
    row["index"], row["dropped"], row["counts"] = index, dropped, 10 + level
    return row.tobytes()


def decision(index: int, logits: tuple[int, int, int], *, ticks: int = 816_000, missed: int = 0) -> bytes:
    row = np.zeros(1, SHAPE.decision_type())
    row["index"], row["logits"], row["response_ticks"] = index, logits, ticks
    row["missed"], row["queue"] = missed, 1
    return row.tobytes()


def filled() -> LiveStream:
    stream = live()
    for hop in range(400):
        stream.frame(frame(hop * FRAME, hop))
    stream.decision(decision(399 * FRAME, (0, 40, -3)))
    return stream


def test_a_snapshot_says_what_came() -> None:
    shown = filled().snapshot()
    assert shown.seconds == 4.0
    assert shown.envelope.shape == (CHANNELS, SHOWN_HOPS)
    assert shown.envelope[3, -1] == 399
    assert shown.decision == "open"
    assert shown.confidence == pytest.approx(1 / (1 + np.exp(-4.0) + np.exp(-4.3)))
    assert shown.percentiles["p50"] == 510_000
    assert shown.hop_share == pytest.approx(510 / 640)
    assert (shown.decisions, shown.missed, shown.dropped, shown.gaps, shown.queue) == (1, 0, 0, 0, 1)


def test_drops_of_the_board_and_losses_of_the_link_are_told_apart() -> None:
    stream = live()
    stream.frame(frame(0, 1))
    stream.frame(frame(3 * FRAME, 1, dropped=2 * FRAME))
    assert (stream.snapshot().dropped, stream.snapshot().gaps) == (40, 0)
    stream.frame(frame(5 * FRAME, 1, dropped=2 * FRAME))
    stream.decision(decision(5 * FRAME, (1, 0, 0), missed=1))
    assert (stream.snapshot().dropped, stream.snapshot().gaps, stream.snapshot().missed) == (40, 1, 1)


def moment(stream: LiveStream, *, runs: bool = True, crc_errors: int = 0) -> Moment:
    return Moment(stream.snapshot(), crc_errors, 0, runs)


def test_the_view_shows_channels_decision_and_losses() -> None:
    stream = filled()

    async def look() -> None:
        app = MonitorApp(VIEW, lambda: moment(stream, crc_errors=7))
        async with app.run_test(size=(110, 34)) as pilot:
            await pilot.pause()
            assert len(app.query(Sparkline)) == CHANNELS
            assert list(app.query_one("#channel-3", Sparkline).data or [])[-1] == 399
            assert app.query_one("#clock", Digits).value == "4.0"
            assert app.query_one("#confidence", ProgressBar).progress == pytest.approx(0.97, abs=0.01)
            shown = app.export_screenshot()
            for words in ("open", "510,000", "79.7%", "CRC", "ch&#160;12"):
                assert words in shown

    asyncio.run(look())


def test_the_view_follows_the_stream_freezes_and_quits() -> None:
    stream = live()

    async def look() -> None:
        app = MonitorApp(VIEW, lambda: moment(stream))
        async with app.run_test() as pilot:
            stream.frame(frame(0, 5))
            app.draw()
            assert app.query_one("#clock", Digits).value == "0.0"
            for hop in range(1, 200):
                stream.frame(frame(hop * FRAME, 5))
            app.draw()
            assert app.query_one("#clock", Digits).value == "2.0"
            await pilot.press("space")
            stream.frame(frame(200 * FRAME, 5))
            for hop in range(201, 300):
                stream.frame(frame(hop * FRAME, 5))
            app.draw()
            assert app.query_one("#clock", Digits).value == "2.0"
            assert stream.snapshot().seconds == 3.0, "the stream goes on behind a frozen view"
            await pilot.press("q")
        assert not app.is_running

    asyncio.run(look())


def test_the_view_ends_with_the_stream() -> None:
    stream, going = live(), [True]

    async def look() -> None:
        app = MonitorApp(VIEW, lambda: moment(stream, runs=going[0]))
        async with app.run_test() as pilot:
            going[0] = False
            app.draw()
            await pilot.pause()
        assert not app.is_running

    asyncio.run(look())


def test_a_view_that_hangs_does_not_hold_the_stream_up() -> None:
    stream, hangs, seen = live(), threading.Event(), threading.Event()

    def look() -> Moment:
        seen.set()
        hangs.wait(30)
        return moment(stream)

    drawing = threading.Thread(target=look)
    drawing.start()
    seen.wait(30)
    for hop in range(500):
        stream.frame(frame(hop * FRAME, 5))
    assert stream.snapshot().seconds == 5.0
    hangs.set()
    drawing.join(30)


class Source:
    """A stream that goes on until it is told to stop, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.rounds, self.started = error, 0, threading.Event()

    def run(self, on_progress: Any) -> None:
        while True:
            self.rounds += 1
            self.started.set()
            if self.error is not None:
                raise self.error
            on_progress(self.rounds)


def reader_of(source: Source) -> Reader:
    stream: Any = SimpleNamespace(source=lambda live: source)
    return Reader(stream, live())


def test_the_reader_is_stopped_in_order() -> None:
    source = Source()
    reader = reader_of(source)
    reader.start()
    source.started.wait(30)
    assert reader.runs()
    reader.stop()
    assert not reader.runs()
    assert reader.error is None


def test_the_readers_error_is_kept() -> None:
    reader = reader_of(Source(LinkError("The cable is out.", hint="Put it in.")))
    reader.start()
    reader.stop()
    assert reader.error is not None
    assert reader.error.message == "The cable is out."
