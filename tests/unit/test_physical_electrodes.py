"""The front ends of the physical boards: what their converters deliver is what is streamed and decided on."""

from __future__ import annotations

import numpy as np
import pytest
from board_images import PHYSICAL
from numpy.typing import NDArray
from twin import Twin
from twin_boards import start_twin
from twin_converters import CONVERTERS

from myofin.boards.registry import load_board
from myofin.errors import BoardError, InputError
from myofin.firmware_bridge.framing import Frame
from myofin.firmware_bridge.session import BoardSession
from myofin.firmware_bridge.stream_plan import plan_stream
from myofin.firmware_bridge.wire import Ack
from myofin.firmware_bridge.wire_layout import unpack
from myofin.firmware_bridge.wire_stream import Decision, Samples, StreamFlag, StreamRequest

CHANNELS, FRAME, WINDOW = 3, 5, 150
RAW = np.random.default_rng(8).integers(0, 4096, (WINDOW + 2 * FRAME, CHANNELS))


class Recorder:
    """A session whose unasked messages are kept."""

    def __init__(self, twin: Twin) -> None:
        self.session = BoardSession(twin, clock=lambda: twin.now_s)
        self.session.exchange.on_unasked = self._keep
        self.session.hello()
        self.frames: list[Samples] = []
        self.decisions: list[Decision] = []

    def hear(self) -> None:
        """Take in all that the firmware has to say."""
        bytes_before = -1
        while self.session.counters.bytes_received != bytes_before:
            bytes_before = self.session.counters.bytes_received
            self.session.exchange.listen(0.0)

    def _keep(self, frame: Frame) -> None:
        if frame.type == Samples.TYPE:
            self.frames.append(unpack(Samples, frame.payload))
        else:
            self.decisions.append(unpack(Decision, frame.payload))


def expected(counts: NDArray[np.int64]) -> bytes:
    """What the fake model says of a window of three channels."""
    sums = np.trunc(counts / 256).astype(np.int64).sum(axis=0)
    features = np.array([*sums, 0]).astype(np.int8)
    logits = (features[:3].astype(np.int64) + np.arange(3)).astype(np.int8)
    return features.tobytes() + logits.tobytes()


@pytest.mark.parametrize("name", PHYSICAL)
def test_electrodes_are_streamed_and_decided_on(name: str) -> None:
    twin = start_twin(name, CHANNELS)
    recorder = Recorder(twin)
    session = recorder.session
    plan = plan_stream(load_board(name), session.facts, None)
    assert not plan.held
    session.exchange.request(plan.request(), Ack)
    scan = CONVERTERS[name](twin)
    for raw in RAW:
        scan(list(map(int, raw)))
        twin.settle()
    recorder.hear()
    counts = RAW - 2048
    streamed = np.concatenate(
        [np.frombuffer(frame.counts, "<i2").reshape(FRAME, CHANNELS) for frame in recorder.frames]
    )
    np.testing.assert_array_equal(streamed, counts)
    assert [decision.values for decision in recorder.decisions] == [
        expected(counts[start : start + WINDOW]) for start in (0, FRAME, 2 * FRAME)
    ]
    stats = session.stats()
    assert (stats.samples, stats.samples_dropped) == (len(RAW), 0)
    stop = StreamRequest(flags=0, period_ticks=0, deadline_ticks=0, sample_limit=0, credit=0)
    session.exchange.request(stop, Ack)
    session.exchange.request(plan.request(), Ack)


@pytest.mark.parametrize("name", ["nano33ble", "nucleo-f446re"])
def test_lateness_is_told_in_core_cycles(name: str) -> None:
    twin = start_twin(name, CHANNELS)
    recorder = Recorder(twin)
    plan = plan_stream(load_board(name), recorder.session.facts, None)
    recorder.session.exchange.request(plan.request(), Ack)
    scan = CONVERTERS[name](twin)
    for raw in RAW[:FRAME]:
        scan(list(map(int, raw)))
    recorder.hear()
    assert recorder.frames[0].late_max_ticks == 25 * (4 if name == "nano33ble" else 2)


@pytest.mark.parametrize("name", PHYSICAL)
def test_a_rate_that_is_too_high_or_inexact_is_refused_by_the_firmware(name: str) -> None:
    twin = start_twin(name, CHANNELS)
    session = Recorder(twin).session
    least = load_board(name).counter.hz // load_board(name).afe.max_rate_hz  # type: ignore[union-attr]
    for period in (least - 4, 4 * least + 1):
        request = StreamRequest(
            flags=int(StreamFlag.START), period_ticks=period, deadline_ticks=1, sample_limit=0, credit=0
        )
        with pytest.raises(BoardError):
            session.exchange.request(request, Ack)


def test_more_channels_than_inputs_are_refused_with_the_way_out() -> None:
    board = load_board("pico")
    session = Recorder(start_twin("pico")).session
    with pytest.raises(
        InputError, match="network has 4 channels; the converter of pico has 3 inputs"
    ) as caught:
        plan_stream(board, session.facts, None)
    assert "SPI" in caught.value.hint
    assert "afe.h" in caught.value.hint
    with pytest.raises(BoardError, match="front end"):
        session.exchange.request(
            StreamRequest(
                flags=int(StreamFlag.START), period_ticks=250_000, deadline_ticks=1, sample_limit=0, credit=0
            ),
            Ack,
        )
