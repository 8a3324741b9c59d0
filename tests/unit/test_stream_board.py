"""The board as the source of a stream: the firmware's C on this machine, with electrodes that tests move."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from native_board import NativeBoard, expected_codes, expected_values, library
from numpy.typing import NDArray

from myofin.boards.registry import load_board
from myofin.errors import BoardError
from myofin.firmware_bridge.framing import Frame
from myofin.firmware_bridge.session import BoardSession
from myofin.firmware_bridge.stream_plan import StreamPlan, plan_stream
from myofin.firmware_bridge.wire import Ack, Stats, StatsRequest
from myofin.firmware_bridge.wire_layout import unpack
from myofin.firmware_bridge.wire_stream import Credit, Decision, Samples, StreamRequest

FRAME, CHANNELS, RING = 5, 4, 8
SIGNAL = np.random.default_rng(5).integers(-32768, 32768, (3000, CHANNELS)).astype(np.int16)


class Streaming:
    """A session with the native board whose unasked messages are kept."""

    def __init__(self, *, seconds: float | None = None, hold: bool = True) -> None:
        self.board = NativeBoard()
        if not hold:
            library().host_cannot_hold()
        self.session = BoardSession(self.board, clock=self.board.clock)
        self.session.exchange.on_unasked = self._keep
        self.frames: list[Samples] = []
        self.decisions: list[Decision] = []
        self.next = 0
        self.plan: StreamPlan = plan_stream(load_board("mps2-an386"), self.session.hello(), seconds)

    def start(self) -> None:
        self.session.exchange.request(self.plan.request(), Ack)

    def credit(self, until: int) -> None:
        self.session.exchange.tell(Credit(until=until))

    def sample(self, count: int, *, work: bool = True, late: int = 3) -> int:
        """Let samples fall due, and the main loop run after each; how many the board took."""
        taken = 0
        for _ in range(count):
            if not library().host_sample(SIGNAL[self.next].tobytes(), late):
                break
            taken += 1
            self.next += 1
            while work and library().host_step():
                pass
        self.session.exchange.tell(Credit(until=0))  # a stale one: only so that the board's bytes are fetched
        self.session.exchange.listen(0.0)
        return taken

    def counts(self, frame: Samples) -> NDArray[np.int16]:
        return np.frombuffer(frame.counts, "<i2").reshape(FRAME, CHANNELS)

    def _keep(self, frame: Frame) -> None:
        if frame.type == Samples.TYPE:
            self.frames.append(unpack(Samples, frame.payload))
        elif frame.type == Decision.TYPE:
            self.decisions.append(unpack(Decision, frame.payload))

    def stats(self) -> Stats:
        return self.session.exchange.request(StatsRequest(), Stats)


def test_every_hop_is_decided_and_sent() -> None:
    stream = Streaming(seconds=0.5)
    stream.start()
    while stream.sample(10):
        stream.credit(stream.next + 100)
    assert [frame.index for frame in stream.frames] == list(range(0, 250, FRAME))
    assert [decision.index for decision in stream.decisions] == list(range(145, 250, FRAME))
    for frame in stream.frames:
        np.testing.assert_array_equal(stream.counts(frame), SIGNAL[frame.index : frame.index + FRAME])
        expected = library().crc32_of(expected_codes(stream.counts(frame)), FRAME * CHANNELS)
        assert frame.codes_crc32 == expected
        assert (frame.late_max_ticks, frame.late_sum_ticks) == (3, 15)
    for decision in stream.decisions:
        features, logits = expected_values(SIGNAL[decision.index - 145 : decision.index + FRAME])
        assert decision.values == features.tobytes() + logits.tobytes()
        assert decision.queue == 1
    stats = stream.stats()
    assert (stats.samples, stats.samples_dropped, stats.decisions) == (250, 0, 21)


def test_time_stands_still_without_credit() -> None:
    stream = Streaming()
    stream.start()
    granted = stream.plan.credit_samples
    assert stream.sample(10_000) == granted
    assert stream.sample(5) == 0
    stream.credit(granted - 40)  # a stale one
    assert stream.sample(5) == 0
    stream.credit(granted + FRAME)
    assert stream.sample(100) == FRAME
    assert stream.stats().samples_dropped == 0


def test_dropped_samples_need_no_credit() -> None:
    stream = Streaming()
    stream.start()
    granted = stream.plan.credit_samples
    assert stream.sample(60, work=False) == 60
    dropped = 60 - RING * FRAME + FRAME  # the ring is still full when the next frame begins
    assert stream.sample(10_000) == granted - RING * FRAME + FRAME, "only what is sent takes credit"
    assert stream.frames[-1].dropped == dropped
    assert stream.sample(1) == 0
    stream.credit(granted + FRAME)
    assert stream.sample(100) == FRAME


def test_a_stalled_reader_leads_to_counted_drops() -> None:
    stream = Streaming(hold=False)
    stream.start()
    granted = stream.plan.credit_samples
    assert stream.sample(granted + 200) == granted + 200
    assert stream.frames[-1].index == granted - FRAME, "nothing goes out beyond the credit"
    stream.credit(2000)
    stream.sample(400)
    indexes = [frame.index for frame in stream.frames]
    gap = next(i for i, (a, b) in enumerate(pairwise(indexes)) if b != a + FRAME)
    assert indexes[gap] == granted + RING * FRAME - FRAME
    missing = indexes[gap + 1] - indexes[gap] - FRAME
    assert missing > 0
    assert missing == stream.frames[gap + 1].dropped == stream.stats().samples_dropped
    first_after = next(d.index for d in stream.decisions if d.index > indexes[gap])
    assert first_after == indexes[gap + 1] + 29 * FRAME, "no window reaches over a gap"
    features, _ = expected_values(SIGNAL[first_after - 145 : first_after + FRAME])
    assert next(d.values for d in stream.decisions if d.index == first_after)[:4] == features.tobytes()


def test_frames_wait_in_the_ring_and_deadlines_are_missed() -> None:
    stream = Streaming()
    stream.start()
    stream.credit(5000)
    stream.sample(29 * FRAME)
    stream.sample(2 * FRAME, work=False)
    library().host_spend(stream.plan.deadline_ticks)
    stream.sample(FRAME)
    late, in_time = stream.decisions[0], stream.decisions[-1]
    assert (late.queue, late.missed) == (2, 1)
    assert late.response_ticks > stream.plan.deadline_ticks
    stream.sample(FRAME)
    in_time = stream.decisions[-1]
    assert (in_time.queue, in_time.missed) == (1, 0)
    assert stream.stats().deadlines_missed == sum(decision.missed for decision in stream.decisions) > 0
    assert stream.stats().queue_max == 2


def test_a_stream_can_be_stopped_and_started_again() -> None:
    stream = Streaming()
    stream.start()
    stream.sample(40)
    stop = StreamRequest(flags=0, period_ticks=0, deadline_ticks=0, sample_limit=0, credit=0)
    stream.session.exchange.request(stop, Ack)
    assert stream.sample(1) == 0
    stream.start()
    stream.frames.clear()
    stream.sample(FRAME)
    assert [frame.index for frame in stream.frames] == [0]


def test_a_new_session_ends_the_stream() -> None:
    stream = Streaming()
    stream.start()
    stream.sample(40)
    stream.session.hello()
    assert stream.sample(1) == 0


def test_injected_frames_are_refused_meanwhile() -> None:
    stream = Streaming()
    stream.start()
    with pytest.raises(BoardError, match="is streaming"):
        stream.session.inject_window(SIGNAL[:150])
    stop = StreamRequest(flags=0, period_ticks=0, deadline_ticks=0, sample_limit=0, credit=0)
    stream.session.exchange.request(stop, Ack)
    features, _ = expected_values(SIGNAL[:150])
    np.testing.assert_array_equal(stream.session.inject_window(SIGNAL[:150]).features, features)


def test_a_front_end_that_cannot_is_an_error() -> None:
    stream = Streaming()
    request = StreamRequest(flags=1, period_ticks=7, deadline_ticks=7, sample_limit=0, credit=100)
    with pytest.raises(BoardError, match=r"cannot sample .* every 7 ticks"):
        stream.session.exchange.request(request, Ack)
