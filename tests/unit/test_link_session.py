"""Sessions with the firmware's application in memory: answers, refusals, and faults at every byte."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from native_board import (
    FAKE_MODEL_SHA256,
    WINDOW_SHAPE,
    NativeBoard,
    expected_codes,
    expected_values,
    library,
)

from myofin.errors import BoardError, InputError, LinkError
from myofin.firmware_bridge import wire
from myofin.firmware_bridge.exchange import SessionLostError, Timing, board_error
from myofin.firmware_bridge.framing import Frame, FrameReader, encode_frame
from myofin.firmware_bridge.session import BoardResult, BoardSession
from myofin.firmware_bridge.wire_layout import unpack

Window = np.ndarray[tuple[int, int], np.dtype[np.int16]]


def session_with(board: NativeBoard, attempts: int = 5) -> BoardSession:
    return BoardSession(board, timing=Timing(attempts=attempts), clock=board.clock)


def window(seed: int = 0) -> Window:
    return np.random.default_rng(seed).integers(-32768, 32768, WINDOW_SHAPE).astype(np.int16)


def check(result: BoardResult, counts: Window) -> None:
    features, logits = expected_values(counts)
    np.testing.assert_array_equal(result.features, features)
    np.testing.assert_array_equal(result.logits, logits)
    assert result.codes_crc32 == zlib.crc32(expected_codes(counts))


def on_call(numbers: set[int], fault: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Apply a fault to the given calls (0 first), and leave the others alone."""
    calls = iter(range(1 << 30))
    return lambda data: fault(data) if next(calls) in numbers else data


def flip(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0x10 or 0x20]) + data[middle + 1 :]


def test_a_hop_moves_the_window_on() -> None:
    session = session_with(NativeBoard())
    counts = np.concatenate([window(1), window(2)])
    session.inject_window(counts[:150])
    for hop in range(1, 4):
        frame = counts[150 + 5 * (hop - 1) : 150 + 5 * hop]
        check(session.inject_hop(frame, hop), counts[5 * hop : 150 + 5 * hop])
    with pytest.raises(InputError, match=r"A frame of int16 \(4, 4\) was given"):
        session.inject_hop(counts[:4])


def test_a_hop_needs_a_window() -> None:
    with pytest.raises(BoardError, match="frames"):
        session_with(NativeBoard()).inject_hop(window()[:5])


def test_hello_says_what_runs() -> None:
    facts = session_with(NativeBoard()).hello()
    assert (facts.board, facts.engine, facts.channels, facts.frame_samples) == ("mps2-an386", "c", 4, 5)
    assert (facts.frames, facts.features, facts.logits, facts.value_bytes) == (30, 4, 3, 1)
    assert facts.model_sha256.hex() == FAKE_MODEL_SHA256
    assert (facts.scheme, facts.state_contract, facts.counter_kind) == (1, 0, 1)


def test_a_window_is_decided() -> None:
    session = session_with(NativeBoard())
    for index in range(5):
        result = session.inject_window(window(index), index)
        check(result, window(index))
        assert (result.index, result.front_end_ticks, result.fin_ticks, result.total_ticks) == (
            *(index, 30 * 8, 8),
            32 * 8,
        )


def test_a_window_goes_in_several_messages_where_the_board_has_little_room() -> None:
    board = NativeBoard()
    session = session_with(board)
    facts = session.hello()
    session._facts = wire.Hello(**{**vars(facts), "max_payload": 6 + 7 * 40})
    check(session.inject_window(window(), 3), window())
    assert len(board.written) == 1 + 5


@pytest.mark.parametrize("counts", [np.zeros((149, 4), np.int16), np.zeros((150, 4), np.int32)])
def test_a_window_of_another_shape_or_type_is_refused(counts: Window) -> None:
    with pytest.raises(InputError, match="the model takes int16"):
        session_with(NativeBoard()).inject_window(counts)


def test_another_model_is_refused_naming_both() -> None:
    session = session_with(NativeBoard())
    session.require_model(FAKE_MODEL_SHA256.upper())
    with pytest.raises(BoardError) as caught:
        session.require_model("ab" * 32)
    assert "ab" * 32 in caught.value.message
    assert FAKE_MODEL_SHA256 in caught.value.message
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("fault", [flip, lambda data: b"", lambda data: data[: len(data) // 2]])
@pytest.mark.parametrize("direction", ["to_board", "to_host"])
def test_a_damaged_or_lost_message_is_repeated(direction: str, fault: Callable[[bytes], bytes]) -> None:
    board = NativeBoard(**{direction: on_call({1, 3}, fault)})  # type: ignore[arg-type]
    session = session_with(board)
    for index in range(3):
        check(session.inject_window(window(index), index), window(index))
    assert session.counters.retransmits == 2
    stats = session.stats()
    if direction == "to_host":
        assert stats.duplicates == 2
    elif fault is flip:
        assert stats.crc_errors + stats.framing_errors == 2


def test_duplicated_messages_change_nothing() -> None:
    board = NativeBoard(to_board=lambda data: data + data, to_host=lambda data: data + data)
    session = session_with(board)
    for index in range(4):
        check(session.inject_window(window(index), index), window(index))
    assert session.counters.stale_frames > 0
    assert session.stats().duplicates >= 4


def test_a_late_copy_of_an_old_request_is_dropped() -> None:
    board = NativeBoard()
    session = session_with(board)
    session.inject_window(window(0), 0)
    session.inject_window(window(1), 1)
    board.write(board.written[1])
    check(session.inject_window(window(2), 2), window(2))
    assert session.stats().dropped == 1


def test_noise_before_hello_is_survived() -> None:
    board = NativeBoard()
    board.write(bytes(range(256)) * 50)
    session = session_with(board)
    assert session.hello().board == "mps2-an386"
    assert session.stats().crc_errors == 50


def test_a_board_that_never_answers_ends_in_a_sentence() -> None:
    board = NativeBoard(to_host=lambda data: b"")
    session = session_with(board, attempts=3)
    with pytest.raises(LinkError, match="did not answer HELLO, asked 3 times"):
        session.hello()
    assert board.clock.now_s == pytest.approx(9.0)


def test_a_board_that_was_reset_is_noticed() -> None:
    board = NativeBoard()
    session = session_with(board)
    session.inject_window(window())
    board.reset()
    with pytest.raises(BoardError, match="knows of no session"):
        session.inject_window(window())
    session.hello()
    check(session.inject_window(window(), 9), window())


def test_sequence_numbers_wrap() -> None:
    board = NativeBoard()
    session = session_with(board)
    session.hello()
    for _ in range((1 << 16) + 3):
        session.exchange.request(wire.StatsRequest(), wire.Stats)
    check(session.inject_window(window()), window())


def ask(board: NativeBoard, kind: int, sequence: int, payload: bytes) -> Frame:
    board.write(encode_frame(Frame(kind, sequence, payload)))
    (frame,) = FrameReader().feed(board.read(1 << 16, 0))
    assert isinstance(frame, Frame)
    return frame


HELLO = wire.HelloRequest(wire.PROTOCOL_VERSION, 5).pack()


@pytest.mark.parametrize(
    ("kind", "sequence", "payload", "code", "detail"),
    [
        (0x01, 9, wire.HelloRequest(99, 1).pack(), wire.ErrorCode.PROTOCOL_VERSION, wire.PROTOCOL_VERSION),
        (0x44, 1, b"", wire.ErrorCode.UNKNOWN_TYPE, 0x44),
        (0x02, 1, b"12345", wire.ErrorCode.BAD_PAYLOAD, 40),
        (0x02, 1, wire.Inject(0, 0, 2, bytes(79)).pack(), wire.ErrorCode.BAD_PAYLOAD, 40),
        (0x02, 1, wire.Inject(0, 3, 29, bytes(29 * 40)).pack(), wire.ErrorCode.WINDOW_INCOMPLETE, 29),
        (0x03, 1, b"x", wire.ErrorCode.BAD_PAYLOAD, 40),
        (0x03, 3, b"", wire.ErrorCode.OUT_OF_SEQUENCE, 0),
    ],
)
def test_refusals(kind: int, sequence: int, payload: bytes, code: wire.ErrorCode, detail: int) -> None:
    board = NativeBoard()
    assert ask(board, 0x01, 0, HELLO).type == wire.Hello.TYPE
    answer = ask(board, kind, sequence, payload)
    assert answer.sequence == sequence
    error = unpack(wire.Error, answer.payload)
    assert (error.code, error.detail) == (code, detail)
    assert "{" not in board_error(error).message


def test_requests_before_hello_are_refused() -> None:
    answer = ask(NativeBoard(), wire.StatsRequest.TYPE, 0, b"")
    assert unpack(wire.Error, answer.payload).code == wire.ErrorCode.NO_SESSION


def test_a_request_longer_than_the_board_takes_is_a_resync() -> None:
    board = NativeBoard()
    ask(board, 0x01, 0, HELLO)
    board.write(encode_frame(Frame(0x02, 1, bytes(5000))))
    assert board.read(1 << 16, 0) == b""
    assert unpack(wire.Stats, ask(board, 0x03, 1, b"").payload).framing_errors == 1


def test_a_fault_report_ends_the_session() -> None:
    report = encode_frame(Frame(wire.Error.TYPE, wire.ANY_SEQUENCE, wire.Error(7, 0x1234).pack()))
    session = session_with(NativeBoard(to_host=lambda data: report))
    with pytest.raises(BoardError, match="processor fault at address 0x00001234"):
        session.hello()


def test_answers_that_make_no_sense_are_refused() -> None:
    board = NativeBoard()

    def foreign(data: bytes) -> bytes:
        (request,) = FrameReader().feed(board.written[-1])
        assert isinstance(request, Frame)
        return encode_frame(Frame(wire.Ack.TYPE, request.sequence, b""))

    board.to_host = foreign
    with pytest.raises(BoardError, match="makes no sense"):
        session_with(board).hello()


def test_a_late_hello_of_an_earlier_session_is_noticed() -> None:
    board = NativeBoard()
    session = session_with(board)
    session.hello()
    session.hello()
    board.write(board.written[0])
    with pytest.raises(SessionLostError, match="expected another message"):
        session.inject_window(window(3), 3)
    session.hello()
    check(session.inject_window(window(3), 3), window(3))


def test_error_codes_that_are_not_known_are_told() -> None:
    assert "error 99" in board_error(wire.Error(99, 0)).message


@given(st.binary(max_size=500))
@settings(max_examples=200, deadline=None)
def test_the_firmware_survives_garbage(garbage: bytes) -> None:
    board = NativeBoard()
    board.write(garbage)
    board.read(1 << 16, 0)
    session = session_with(board)
    check(session.inject_window(window()), window())


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_random_faults_never_give_a_wrong_result(seed: int) -> None:
    rng = np.random.default_rng(seed)

    def fault(data: bytes) -> bytes:
        """One piece in six is damaged: a bit flipped, a byte dropped, doubled, cut off, or all twice."""
        if not data or rng.random() > 1 / 6:
            return data
        at = int(rng.integers(len(data)))
        flipped = bytes([data[at] ^ (1 << int(rng.integers(8)))])
        return (
            data[:at] + flipped + data[at + 1 :],
            data[:at] + data[at + 1 :],
            data[:at] + data[at : at + 1] + data[at:],
            data[:at],
            data + data,
        )[int(rng.integers(5))]

    session = session_with(NativeBoard(to_board=fault, to_host=fault), attempts=30)
    for index in range(20):
        counts = window(int(rng.integers(1 << 30)))
        check(session.inject_window(counts, index), counts)


def test_the_model_is_reset_with_each_window() -> None:
    session = session_with(NativeBoard())
    first = session.inject_window(window(1))
    session.inject_window(window(2))
    assert session.inject_window(window(1)).codes_crc32 == first.codes_crc32
    assert library() is library()
