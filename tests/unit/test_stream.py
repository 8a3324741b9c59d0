"""The host's side of a stream: plan and bandwidth, gaps, source, store."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from native_board import NativeBoard, library

from myofin.boards.registry import load_board
from myofin.errors import ArtifactError, InputError, LinkError
from myofin.firmware_bridge.board_recording import (
    load_recording_arguments,
    recording_room,
    write_board_recording,
)
from myofin.firmware_bridge.framing import Frame, encode_frame
from myofin.firmware_bridge.session import BoardSession
from myofin.firmware_bridge.stream import shape_of
from myofin.firmware_bridge.stream_gaps import Gap, find_stretches, in_order
from myofin.firmware_bridge.stream_plan import (
    StreamPlan,
    message_bytes,
    plan_stream,
    require_bandwidth,
    stream_bytes_per_second,
)
from myofin.firmware_bridge.stream_source import Patience, StreamSource
from myofin.firmware_bridge.stream_store import StreamShape, StreamWriter, note_end, read_stream
from myofin.firmware_bridge.wire import Hello
from myofin.firmware_bridge.wire_layout import fixed_bytes
from myofin.firmware_bridge.wire_stream import Decision, Samples

FRAME, CHANNELS = 5, 4
BOARD = load_board("mps2-an386")


@pytest.fixture
def facts() -> Hello:
    return BoardSession(NativeBoard()).hello()


def wide(facts: Hello) -> Hello:
    return replace(facts, channels=12, frame_samples=20, features=108, logits=17)


def test_a_second_of_an_emulated_board_is_its_instructions(facts: Hello) -> None:
    plan = plan_stream(BOARD, wide(facts), 600.0)
    assert plan.period_ticks == 51_200, "64 M instructions of 1.6 ticks, 2,000 samples"
    assert (plan.true_rate_hz, plan.deadline_ticks, plan.hop_us) == (2000.0, 1_024_000, 10_000.0)
    assert plan.sample_limit == 1_200_000
    faster = plan_stream(BOARD, wide(facts), 1.0, units_per_second=100_000_000)
    assert faster.period_ticks == 80_000


def test_a_period_that_does_not_divide_is_told(facts: Hello) -> None:
    plan = plan_stream(BOARD, replace(facts, frame_samples=3), None, units_per_second=1_000_001)
    assert plan.sample_limit == 0
    assert plan.true_rate_hz != 300
    assert plan.true_rate_hz == pytest.approx(300, rel=1e-3)


def test_a_physical_board_goes_by_its_clock(facts: Hello) -> None:
    board = load_board("nucleo-f446re")
    plan = plan_stream(board, wide(facts), 1.0)
    assert plan.period_ticks * 2000 == board.counter.hz
    assert not plan.held
    with pytest.raises(InputError, match="not emulated"):
        plan_stream(board, wide(facts), 1.0, units_per_second=64_000_000)


@pytest.mark.parametrize("seconds", [0.001, 1e9])
def test_impossible_lengths_are_refused(facts: Hello, seconds: float) -> None:
    with pytest.raises(InputError, match="is none"):
        plan_stream(BOARD, facts, seconds)


@pytest.mark.parametrize("size", [0, 1, 200, 253, 254, 480, 509])
def test_no_message_is_longer_than_planned(size: int) -> None:
    payload = bytes(range(1, 256)) * 4
    frame = encode_frame(Frame(Samples.TYPE, 0xFFFF, payload[: fixed_bytes(Samples) + size]))
    assert len(frame) <= message_bytes(Samples, size)


def test_a_link_that_is_too_slow_is_refused_with_what_would_do(facts: Hello) -> None:
    twelve = wide(facts)
    assert stream_bytes_per_second(twelve) > 48_000
    with pytest.raises(InputError, match=r"needs 6\d\.\d kB/s, and 115,200 baud carry 11.5 kB/s") as caught:
        require_bandwidth(twelve, 115_200)
    assert "921,600 baud" in caught.value.hint
    require_bandwidth(twelve, 921_600)
    with pytest.raises(InputError) as slower:
        require_bandwidth(twelve, 460_800)
    assert "1/2 of the rate (1000 Hz)" in slower.value.hint
    with pytest.raises(InputError) as usb:
        require_bandwidth(replace(twelve, channels=1000), 3_000_000)
    assert "USB" in usb.value.hint


def frames_at(*indexes_and_drops: tuple[int, int]) -> Any:
    frames = np.zeros(len(indexes_and_drops), dtype=[("index", "<u4"), ("dropped", "<u4")])
    for row, (index, dropped) in enumerate(indexes_and_drops):
        frames[row] = (index, dropped)
    return frames


def test_gaps_are_explained_by_what_the_board_dropped() -> None:
    stretches, gaps = find_stretches(frames_at((0, 0), (5, 0), (20, 10), (25, 10), (35, 10)), FRAME)
    assert gaps == (Gap(10, 10, 10), Gap(30, 5, 0))
    assert [gap.explained for gap in gaps] == [True, False]
    assert [(s.first, s.stop, s.fresh) for s in stretches] == [(0, 2, True), (2, 4, True), (4, 5, False)]


def test_a_lost_beginning_is_a_gap() -> None:
    stretches, gaps = find_stretches(frames_at((10, 0), (15, 0)), FRAME)
    assert gaps == (Gap(0, 10, 0),)
    assert [(s.first, s.stop, s.fresh) for s in stretches] == [(0, 2, False)]


def test_drop_and_loss_together_are_not_explained() -> None:
    _, gaps = find_stretches(frames_at((0, 0), (20, 5)), FRAME)
    assert gaps == (Gap(5, 15, 5),)
    assert not gaps[0].explained


def test_nothing_has_no_gaps() -> None:
    assert find_stretches(frames_at(), FRAME) == ((), ())


def test_doubled_messages_count_once() -> None:
    assert in_order(frames_at((0, 0), (5, 0), (5, 0), (10, 0)))["index"].tolist() == [0, 5, 10]


class LiveBoard(NativeBoard):
    """Electrodes and main loop go on whenever the host listens; ``lost`` tells which frames do not arrive."""

    def __init__(self, lost: Any = lambda number: False) -> None:
        super().__init__()
        self.taken, self.frames_out, self.lost = 0, 0, lost

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        for _ in range(FRAME * 4):
            counts = np.arange(self.taken, self.taken + CHANNELS, dtype=np.int16) * 300
            if not library().host_sample(counts.tobytes(), 2):
                break
            self.taken += 1
            while library().host_step():
                pass
        self.fetch()
        return super().read(max_bytes, timeout_s)

    def fetch(self) -> None:
        before = len(self._pending)
        self.write(b"")
        sent = self._pending[before:]
        kept = b""
        for piece in sent.split(b"\0"):
            if piece:
                self.frames_out += 1
                kept += b"" if self.lost(self.frames_out) else b"\0" + piece + b"\0"
        self._pending = self._pending[:before] + kept


def run_stream(board: LiveBoard, folder: Path, seconds: float) -> tuple[StreamSource, Any]:
    session = BoardSession(board, clock=board.clock)
    facts = session.hello()
    plan, shape = plan_stream(BOARD, facts, seconds), shape_of(facts)
    with StreamWriter(folder, shape, {}) as writer:
        source = StreamSource(session, plan, shape, writer, clock=board.clock, sleep=lambda seconds: None)
        return source, source.run()


def long_stream(board: LiveBoard) -> tuple[BoardSession, StreamPlan, StreamShape]:
    """What a stream of 100 s needs, of a board that has said hello."""
    session = BoardSession(board, clock=board.clock)
    facts = session.hello()
    return session, plan_stream(BOARD, facts, 100.0), shape_of(facts)


def test_a_stream_is_followed_to_its_end(tmp_path: Path) -> None:
    source, stats = run_stream(LiveBoard(), tmp_path, 2.0)
    assert source.received_until == stats.samples == 1000
    found = read_stream(tmp_path)
    assert found.frames["index"].tolist() == list(range(0, 1000, FRAME))
    assert len(found.decisions) == stats.decisions == 171
    assert found.samples == 1000


def test_lost_messages_do_not_stop_a_held_board(tmp_path: Path) -> None:
    _, stats = run_stream(LiveBoard(lost=lambda number: number > 20 and number % 7 == 0), tmp_path, 2.0)
    found = read_stream(tmp_path)
    assert stats.samples == 1000
    _, gaps = find_stretches(in_order(found.frames), FRAME)
    assert gaps
    assert not any(gap.explained for gap in gaps)


def test_a_board_that_falls_silent_is_an_error(tmp_path: Path) -> None:
    board = LiveBoard()
    session, plan, shape = long_stream(board)
    with StreamWriter(tmp_path, shape, {}) as writer:
        source = StreamSource(
            session, plan, shape, writer, patience=Patience(1.0, 5.0), clock=board.clock, sleep=lambda s: None
        )

        def break_electrodes(samples: int) -> None:
            if samples > 500:
                board.lost = lambda number: True
                board.to_host = lambda data: b"" if len(data) > 200 else data

        with pytest.raises(LinkError, match=r"stopped sending after|did not answer"):
            source.run(break_electrodes)
    assert read_stream(tmp_path).samples > 500


class InterruptingSink:
    """Ctrl-C comes with the 30th frame, when it was read and is not stored yet."""

    def __init__(self, writer: StreamWriter) -> None:
        self.frames, self.writer, self.decision = 0, writer, writer.decision

    def frame(self, payload: bytes) -> None:
        self.frames += 1
        if self.frames == 30:
            signal.raise_signal(signal.SIGINT)
        self.writer.frame(payload)


def test_ctrl_c_loses_nothing_that_came(tmp_path: Path) -> None:
    board = LiveBoard()
    session, plan, shape = long_stream(board)
    with StreamWriter(tmp_path, shape, {}) as writer:
        sink = InterruptingSink(writer)
        source = StreamSource(session, plan, shape, sink, clock=board.clock, sleep=lambda s: None)
        with pytest.raises(KeyboardInterrupt):
            source.run()
    frames = read_stream(tmp_path).frames
    assert len(frames) == sink.frames >= 30
    assert find_stretches(in_order(frames), FRAME)[1] == ()


SHAPE = StreamShape(channels=2, frame_samples=3, features=4, logits=2, value_type="<i1")


def payload(index: int) -> bytes:
    row = np.zeros(1, SHAPE.frame_type())
    row["index"], row["counts"] = index, index + np.arange(6).reshape(3, 2)
    return row.tobytes()


def test_a_recording_is_readable_while_it_grows(tmp_path: Path) -> None:
    writer = StreamWriter(tmp_path, SHAPE, {"board": "x"})
    for index in range(0, 300, 3):
        writer.frame(payload(index))
    writer.close()
    with (tmp_path / "samples.bin").open("ab") as half:
        half.write(payload(300)[:-1])
    found = read_stream(tmp_path)
    assert found.samples == 300
    assert found.frames["counts"][7].tolist() == [[21, 22], [23, 24], [25, 26]]
    assert (found.facts["board"], found.end) == ("x", {})
    note_end(tmp_path, {"complete": True})
    assert read_stream(tmp_path).end == {"complete": True}


def test_a_folder_without_a_recording_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no readable recording"):
        read_stream(tmp_path)


def test_shapes_are_those_of_the_messages() -> None:
    names = SHAPE.decision_type().names or ()
    assert names[:2] == ("index", "front_end_ticks")
    assert names[-2:] == ("features", "logits")
    assert SHAPE.decision_type().itemsize == 26 + 6
    assert Decision.TYPE != Samples.TYPE


def test_the_boards_recording_has_room_in_its_memory(tmp_path: Path) -> None:
    assert recording_room(BOARD, 12) == (16_777_216 - 12) // 24
    write_board_recording(tmp_path / "a,b.bin", np.arange(6, dtype=np.int16).reshape(3, 2))
    data = (tmp_path / "a,b.bin").read_bytes()
    assert data[:12] == b"sEMG" + (2).to_bytes(4, "little") + (3).to_bytes(4, "little")
    assert np.frombuffer(data[12:], "<i2").tolist() == list(range(6))
    assert "a,,b.bin,addr=0x21000000" in load_recording_arguments(BOARD, tmp_path / "a,b.bin")[1]
    with pytest.raises(InputError, match="pico is a physical board, and no port was given"):
        recording_room(load_board("pico"), 4)
