"""The images of physical boards, executed: start-up, clock set-up, UART driver, interrupt and engine.

The chip around the processor is played after the same data sheets that the drivers were written from, so a
wrong reading of one would be made twice; a wrong order, vector, interrupt number or endless loop is found.
"""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from board_images import PHYSICAL
from native_board import WINDOW_SHAPE, expected_codes, expected_values
from twin import Twin
from twin_boards import start_twin

from myofin.boards.registry import load_board
from myofin.firmware_bridge.session import BoardSession

WINDOWS = np.random.default_rng(3).integers(-32768, 32768, (2, *WINDOW_SHAPE)).astype(np.int16)


@pytest.fixture(scope="module", params=PHYSICAL)
def twin(request: pytest.FixtureRequest) -> Twin:
    return start_twin(request.param)


@pytest.fixture(scope="module")
def session(twin: Twin) -> BoardSession:
    session = BoardSession(twin, clock=lambda: twin.now_s)
    session.hello()
    return session


def test_the_image_says_hello(session: BoardSession, twin: Twin) -> None:
    image = twin.image
    facts = session.facts
    assert facts.board == twin.board.name
    assert facts.build_id.hex() == image.build_id
    assert (facts.flash_code, facts.flash_constants, facts.ram_static) == (
        image.sizes.flash_code,
        image.sizes.flash_constants,
        image.sizes.ram_static,
    )
    assert facts.clock_hz == facts.counter_hz == twin.board.clock_hz


def test_the_image_computes(session: BoardSession) -> None:
    for index, counts in enumerate(WINDOWS):
        result = session.inject_window(counts, index)
        features, logits = expected_values(counts)
        np.testing.assert_array_equal(result.features, features)
        np.testing.assert_array_equal(result.logits, logits)
        assert result.codes_crc32 == zlib.crc32(expected_codes(counts))
        assert 0 < result.fin_ticks < 10_000, "also where a 24-bit counter wraps in between"
        assert 0 < result.front_end_ticks < 10_000
    assert session.stats().overruns == 0


def started(name: str) -> Twin:
    twin = start_twin(name)
    twin.run(60)
    return twin


def test_the_nucleo_runs_at_180_mhz() -> None:
    twin, board = started("nucleo-f446re"), load_board("nucleo-f446re")
    values = twin.registers.values
    pll = values[0x4002_3804]
    assert pll >> 22 & 1, "from the ST-LINK's 8 MHz"
    vco_in = 8_000_000 // (pll & 0x3F)
    assert vco_in == 2_000_000
    vco = vco_in * (pll >> 6 & 0x1FF)
    assert 100_000_000 <= vco <= 432_000_000
    clock = vco // (2 * (pll >> 16 & 3) + 2)
    assert clock == board.clock_hz == 180_000_000
    config = values[0x4002_3808]
    assert (config >> 10 & 7, config >> 13 & 7) == (5, 4), "APB1 by 4, APB2 by 2"
    apb1 = clock // 4
    assert apb1 == board.registers["uart_clock_hz"] <= 45_000_000
    assert apb1 / values[0x4000_4408] == board.link.baud
    switched, waits, overdrive = twin.registers.order_of(
        (0x4002_3808, 2), (0x4002_3C00, 5), (0x4000_7000, 3 << 16)
    )
    assert waits < switched, "wait states before the fast clock"
    assert overdrive < switched
    assert values[0x4002_0000] >> 4 & 0xF == 0b1010, "PA2 and PA3 serve a peripheral"
    assert values[0x4002_0020] >> 8 & 0xFF == 0x77, "USART2"


def test_the_nucleo_does_without_the_st_link_s_clock() -> None:
    twin = start_twin("nucleo-f446re")
    twin.registers.mirror(0x4002_3800, {1 << 24: 1 << 25})  # HSE never gets ready
    twin.run(2000)
    pll = twin.registers.values[0x4002_3804]
    assert not pll >> 22 & 1
    assert 16_000_000 // (pll & 0x3F) * (pll >> 6 & 0x1FF) // 2 == 180_000_000
    session = BoardSession(twin, clock=lambda: twin.now_s)
    assert session.hello().board == "nucleo-f446re"


def test_the_nano_uses_crystal_and_header_pins() -> None:
    twin, board = started("nano33ble"), load_board("nano33ble")
    values = twin.registers.values
    assert values[0x4000_0000] == 1, "the crystal was started"
    assert values[0x4001_E540] == 1, "the instruction cache is on"
    assert values[0x4000_2524] * 16_000_000 / 2**32 == board.link.baud
    assert (values[0x4000_250C], values[0x4000_2514]) == (32 + 3, 32 + 10)
    assert values[0x5000_0508 + 0x300] == 1 << 3, "the line rests high"
    assert values[0x5000_0300 + 0x700 + 4 * 3] & 3 == 3
    assert values[0x5000_0300 + 0x700 + 4 * 10] == 0xC
    assert values[0xE000_ED08] == 0x1_0000, "vectors of its own, not the bootloader's"
    quiet = [at for at, value in twin.registers.log if value == 0xFFFF_FFFF]
    assert {0xE000_E180, 0xE000_E184, 0xE000_E280, 0xE000_E284} <= set(quiet)


@pytest.mark.parametrize("name", ["pico", "pico2"])
def test_the_picos_run_from_the_crystal(name: str) -> None:
    twin, board = started(name), load_board(name)
    values, facts = twin.registers.values, board.registers
    pll = facts["pll_sys_base"]
    vco = 12_000_000 * values[pll + 8]
    assert 750_000_000 <= vco <= 1_600_000_000
    dividers = values[pll + 0xC]
    assert vco // (dividers >> 16 & 7) // (dividers >> 12 & 7) == board.clock_hz
    uart = facts["uart_base"]
    divider = values[uart + 0x24] + values[uart + 0x28] / 64
    assert board.clock_hz / 16 / divider == board.link.baud
    assert values[facts["io_base"] + 4] == values[facts["io_base"] + 12] == 2, "GP0 and GP1 are the UART's"
    assert not values[facts["pads_base"] + 4] & 0x100, "not isolated"
    for bit in ("reset_io_bit", "reset_pads_bit", "reset_uart_bit"):
        assert not values[facts["resets_base"]] >> facts[bit] & 1


def test_the_pico_s_second_stage_sets_up_serial_reads() -> None:
    twin = started("pico")
    written = [(at - 0x1800_0000, value) for at, value in twin.registers.log if at >> 12 == 0x18000]
    assert written == [(8, 0), (0x14, 4), (0, 0x001F_0300), (4, 0), (0xF4, 0x0300_0218), (8, 1)]
    assert twin.registers.values[0xE000_ED08] == 0x1000_0100
