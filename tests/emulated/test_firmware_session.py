"""Real firmware in the emulator of every board: what it says, what it computes, and what it survives."""

from __future__ import annotations

import shutil
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "unit"))

from native_board import (
    FAKE_MODEL,
    FAKE_MODEL_SHA256,
    WINDOW_SHAPE,
    expected_codes,
    expected_values,
)

from myofin.boards.registry import Board, list_boards, load_board
from myofin.errors import BoardError
from myofin.firmware_bridge.build import Image, build_image
from myofin.firmware_bridge.emulator import emulated, emulated_session
from myofin.firmware_bridge.exchange import Timing
from myofin.firmware_bridge.framing import Frame, encode_frame
from myofin.firmware_bridge.link import Link, open_link
from myofin.firmware_bridge.session import BoardResult, BoardSession

EMULATED = [name for name in list_boards() if load_board(name).emulator]
Window = np.ndarray[tuple[int, int], np.dtype[np.int16]]


@pytest.fixture(scope="module", params=EMULATED)
def board(request: pytest.FixtureRequest) -> Board:
    return load_board(request.param)


@pytest.fixture(scope="module")
def image(board: Board, tmp_path_factory: pytest.TempPathFactory) -> Image:
    return build_image(FAKE_MODEL, FAKE_MODEL_SHA256, board, tmp_path_factory.mktemp("built") / "image")


@pytest.fixture(scope="module")
def session(image: Image, board: Board) -> Iterator[BoardSession]:
    with emulated_session(image, board) as started:
        yield started


def windows(number: int) -> list[Window]:
    rng = np.random.default_rng(number)
    return [rng.integers(-32768, 32768, WINDOW_SHAPE).astype(np.int16) for _ in range(number)]


def check(result: BoardResult, counts: Window) -> None:
    features, logits = expected_values(counts)
    np.testing.assert_array_equal(result.features, features)
    np.testing.assert_array_equal(result.logits, logits)
    assert result.codes_crc32 == zlib.crc32(expected_codes(counts))


def ticks(image: Image, board: Board, number: int) -> list[tuple[int, int, int]]:
    with emulated_session(image, board) as session:
        results = [session.inject_window(counts, index) for index, counts in enumerate(windows(number))]
    return [(result.front_end_ticks, result.fin_ticks, result.head_ticks) for result in results]


class FaultyLink:
    """Sends chosen messages damaged, twice, or not at all."""

    def __init__(self, inner: Link) -> None:
        self.name = inner.name
        self.inner = inner
        self.sent = 0

    def write(self, data: bytes) -> None:
        self.sent += 1
        if self.sent % 4 == 1:
            data = data[:8] + bytes([data[8] ^ 0x55 or 0x55]) + data[9:]
        elif self.sent % 4 == 3:
            data = data[: len(data) // 2]
        elif self.sent % 4 == 0:
            data = data + data
        self.inner.write(data)

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        return self.inner.read(max_bytes, timeout_s)

    def close(self) -> None:
        self.inner.close()


def test_hello_agrees_with_image_and_board(image: Image, board: Board, session: BoardSession) -> None:
    facts = session.facts
    assert facts.board == board.name
    assert facts.build_id.hex() == image.build_id
    assert facts.model_sha256.hex() == image.model_sha256
    assert (facts.counter_hz, facts.clock_hz) == (board.counter.hz, board.clock_hz)
    assert facts.max_payload == board.build.max_payload_bytes
    assert facts.stack_bytes == board.memory.stack_bytes
    sizes = image.sizes
    assert (facts.flash_code, facts.flash_constants, facts.ram_static) == (
        sizes.flash_code,
        sizes.flash_constants,
        sizes.ram_static,
    )


def test_windows_are_computed(session: BoardSession) -> None:
    for index, counts in enumerate(windows(20)):
        check(session.inject_window(counts, index), counts)


def test_another_model_is_refused(session: BoardSession) -> None:
    with pytest.raises(BoardError, match="holds model"):
        session.require_model("00" * 32)


def test_stats_count(board: Board, session: BoardSession) -> None:
    before, sent_before = session.stats(), len(session.counters.round_trips_ms)
    session.inject_window(windows(1)[0])
    after, sent_after = session.stats(), len(session.counters.round_trips_ms)
    assert after.frames_received - before.frames_received == sent_after - sent_before >= 2
    # A first HELLO may have met a board that was still booting: what counts is that nothing is lost since.
    faults = [(stats.crc_errors, stats.framing_errors, stats.overruns) for stats in (before, after)]
    assert faults[0] == faults[1]
    assert 64 < after.stack_high_water < board.memory.stack_bytes


def test_instruction_counts_repeat_exactly(image: Image, board: Board) -> None:
    first = ticks(image, board, 12)
    assert first == ticks(image, board, 12)
    assert len(set(first)) == 1, "the fake model's work does not depend on its input"


def test_instructions_are_counted_exactly(board: Board, tmp_path: Path) -> None:
    counted = [_head_instructions(board, tmp_path / str(extra), extra) for extra in (0, 1, 2, 1000)]
    assert [count - counted[0] for count in counted] == [0, 1, 2, 1000]


def _head_instructions(board: Board, folder: Path, extra: int) -> int:
    """Instructions of a head with ``extra`` instructions more."""
    shutil.copytree(FAKE_MODEL, folder / "model")
    source = folder / "model" / "myofin_model.c"
    more = f'    __asm volatile(".rept {extra}\\n mov r12, r12\\n .endr");\n'
    begin = "void myofin_head(myofin_state_t *state, myofin_value_t *logits) {\n"
    source.write_text(source.read_text().replace(begin, begin + more))
    image = build_image(folder / "model", FAKE_MODEL_SHA256, board, folder / "image")
    with emulated_session(image, board) as session:
        return board.counter.units(session.inject_window(windows(1)[0]).head_ticks)


def test_faults_on_the_link_are_repaired(image: Image, board: Board) -> None:
    with emulated(image, board) as url, open_link(url) as link:
        session = BoardSession(FaultyLink(link), timing=Timing(answer_s=0.3, decision_s=0.3, attempts=20))
        session.hello()
        for index, counts in enumerate(windows(10)):
            check(session.inject_window(counts, index), counts)
        stats = session.stats()
    assert session.counters.retransmits >= 5
    assert stats.crc_errors + stats.framing_errors >= 5
    assert stats.duplicates >= 1


def test_noise_before_hello_is_survived(image: Image, board: Board) -> None:
    with emulated(image, board) as url, open_link(url) as link:
        link.write(np.random.default_rng(0).bytes(20_000))
        session = BoardSession(link)
        assert session.hello().board == board.name
        stats = session.stats()
    assert stats.crc_errors + stats.framing_errors > 10
    assert stats.overruns == 0


def test_a_second_host_starts_a_new_session(image: Image, board: Board) -> None:
    counts = windows(1)[0]
    with emulated(image, board) as url:
        for _ in range(2):
            with open_link(url) as link:
                session = BoardSession(link)
                check(session.inject_window(counts), counts)
                link.write(encode_frame(Frame(0x02, 2, b"unfinished"))[:-3])


OVERFLOW = """
    volatile uint8_t deep[20000];
    for (uint32_t i = 0; i < 20000u; i++) {
        deep[i] = 1u;
    }
    (void)deep[9];
"""


def model_with(folder: Path, statements: str) -> Path:
    """A copy of the fake model whose FIN begins with these statements."""
    shutil.copytree(FAKE_MODEL, folder)
    source = folder / "myofin_model.c"
    begin = "    int32_t sums[MYOFIN_FEATURES] = {0};\n"
    assert begin in source.read_text()
    source.write_text(source.read_text().replace(begin, begin + statements))
    return folder


def test_a_fault_of_the_processor_is_reported(board: Board, tmp_path: Path) -> None:
    model = model_with(tmp_path / "model", "    __builtin_trap();\n")
    image = build_image(model, FAKE_MODEL_SHA256, board, tmp_path / "image")
    fault = pytest.raises(BoardError, match=r"processor fault at address 0x[0-9a-f]{8}")
    with emulated_session(image, board) as session, fault as caught:
        session.inject_window(windows(1)[0])
    address = int(caught.value.message.partition("0x")[2][:8], 16)
    assert 0 < address - board.memory.flash_origin < image.sizes.flash_code
    assert caught.value.exit_code == 3


def test_a_stack_overflow_is_reported(board: Board, tmp_path: Path) -> None:
    image = build_image(
        model_with(tmp_path / "model", OVERFLOW), FAKE_MODEL_SHA256, board, tmp_path / "image"
    )
    overflow = pytest.raises(BoardError, match="processor fault at address 0x00000000")
    with emulated_session(image, board) as session, overflow as caught:
        session.inject_window(windows(1)[0])
    assert "stack overflowed" in caught.value.hint
