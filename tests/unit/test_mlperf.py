"""The text commands of MLPerf Tiny, said to the application in memory."""

from __future__ import annotations

import numpy as np
import pytest
from native_board import FAKE_MODEL_SHA256, WINDOW_SHAPE, NativeBoard, expected_codes, expected_values

from myofin.firmware_bridge.exchange import Timing
from myofin.firmware_bridge.session import BoardSession

BYTES = WINDOW_SHAPE[0] * WINDOW_SHAPE[1]
COUNTS = np.random.default_rng(0).integers(-32768, 32768, WINDOW_SHAPE).astype(np.int16)


def say(board: NativeBoard, command: str) -> list[str]:
    """The lines that answer a command, without the last: ``m-ready``."""
    board.write(f"{command}%".encode())
    text = board.read(1 << 20, 0).decode("ascii")
    assert text.endswith("m-ready\r\n")
    return text.splitlines()[:-1]


def load(board: NativeBoard, codes: bytes) -> list[str]:
    assert say(board, f"db load {len(codes)}") == [f"m-[Expecting {len(codes)} bytes]"]
    answers = [say(board, f"db {codes[at : at + 31].hex()}") for at in range(0, len(codes), 31)]
    assert all(answer == [] for answer in answers[:-1])
    return answers[-1]


def test_who_it_is() -> None:
    board = NativeBoard()
    assert say(board, "name") == ["m-name-dut-[mps2-an386]"]
    assert say(board, "profile") == ["m-profile-[myofin]", f"m-model-[{FAKE_MODEL_SHA256[:8]}]"]
    assert say(board, "timestamp") == ["m-lap-us-0"]
    assert any("infer" in line for line in say(board, "help"))


def test_a_window_is_loaded_printed_and_inferred() -> None:
    board, codes = NativeBoard(), expected_codes(COUNTS)
    assert load(board, codes) == ["m-load-done"]
    printed = say(board, "db print")
    assert (
        bytes.fromhex("".join(line.removeprefix("m-buffer-") for line in printed).replace("-", "")) == codes
    )
    _, logits = expected_values(COUNTS)
    result = f"m-results-[{','.join(map(str, logits))}]"
    lines = say(board, "infer 3 2")
    assert lines[:3] == ["m-warmup-start-2", "m-warmup-done", "m-infer-start-3"]
    before, after = (int(line.removeprefix("m-lap-us-")) for line in lines[3:5])
    assert lines[5:] == ["m-infer-done", result]
    assert say(board, "results") == [result]
    assert 0 <= before <= after


def test_time_adds_up_in_microseconds() -> None:
    """The native board's stopwatch says 8 ticks a time; 1.6 ticks an instruction, 64 instructions a us."""
    board = NativeBoard()
    load(board, bytes(BYTES))
    say(board, "infer 99999 0")
    (lap,) = say(board, "timestamp")
    assert int(lap.removeprefix("m-lap-us-")) == int(99_999 * 8 / 1.6 / 64)


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("nothing", "e-[Unknown command: nothing]"),
        ("db", "e-[Command 'db' needs load, print or bytes]"),
        ("db load", f"e-[A window has {BYTES} bytes of codes]"),
        ("db load 7", f"e-[A window has {BYTES} bytes of codes]"),
        ("db load 4294967896", f"e-[A window has {BYTES} bytes of codes]"),
        ("infer 1 0", "e-[Load a window with 'db' first]"),
        ("infer 0", "e-[infer N W: N inferences, at least one, after W to warm up]"),
        ("infer 1 x", "e-[infer N W: N inferences, at least one, after W to warm up]"),
        ("infer 100000", "e-[infer N W: N inferences, at least one, after W to warm up]"),
    ],
)
def test_refusals(command: str, answer: str) -> None:
    assert say(NativeBoard(), command) == [answer]


@pytest.mark.parametrize("digits", ["0", "0g", "00f", "zz"])
def test_bytes_that_are_none(digits: str) -> None:
    board = NativeBoard()
    say(board, f"db load {BYTES}")
    assert say(board, f"db {digits}") == ["e-[Bytes are two hexadecimal digits each]"]


def test_more_bytes_than_announced_are_left_out() -> None:
    board = NativeBoard()
    assert load(board, bytes(BYTES)) == ["m-load-done"]
    assert say(board, "db " + "11" * 31) == []
    assert "11" not in "".join(say(board, "db print"))


def test_after_a_hello_text_is_noise() -> None:
    board = NativeBoard()
    assert say(board, "name")
    session = BoardSession(board, timing=Timing(attempts=2), clock=board.clock)
    session.hello()
    board.write(b"name%")
    assert board.read(1 << 20, 0) == b""
    features, logits = expected_values(COUNTS)
    result = session.inject_window(COUNTS)
    np.testing.assert_array_equal(result.features, features)
    np.testing.assert_array_equal(result.logits, logits)
    board.reset()
    assert say(board, "name") == ["m-name-dut-[mps2-an386]"]


@pytest.mark.parametrize("noise", [b"\x00\x03ab%", b"a" * 100 + b"%", b"\xffname%", b"%%%", b"  %"])
def test_what_is_no_command_is_not_answered(noise: bytes) -> None:
    board = NativeBoard()
    board.write(noise)
    assert board.read(1 << 20, 0) == b""
    assert say(board, "name") == ["m-name-dut-[mps2-an386]"]
