"""What the chips of the physical boards answer while their clocks are set up, for ``twin.py``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from board_images import fake_image
from twin import Twin
from twin_registers import NordicUart, Pl011, Registers, Stm32Usart

from myofin.boards.registry import Board, load_board
from myofin.firmware_bridge.build import Image

SET, CLEAR = 0x2000, 0x3000  # aliases of the RP2040's and RP2350's registers


def stm32f446() -> tuple[Registers, Callable[[int], Stm32Usart]]:
    """RCC, PWR: what is turned on is ready, what is switched to is used."""
    registers = Registers()
    registers.mirror(0x4002_3800, {1 << 16: 1 << 17, 1 << 24: 1 << 25})
    registers.mirror(0x4000_7004, {1 << 16: 1 << 16, 1 << 17: 1 << 17}, of=0x4000_7000)
    registers.mirror(0x4002_3808, {2: 2 << 2})
    return registers, lambda base: Stm32Usart(registers, base)


def nrf52840() -> tuple[Registers, Callable[[int], NordicUart]]:
    """CLOCK and SAADC: what is started starts."""
    registers = Registers()
    registers.mirror(0x4000_0100, {1: 1}, of=0x4000_0000)
    registers.mirror(0x4000_7100, {1: 1}, of=0x4000_7000)  # SAADC: started
    registers.mirror(0x4000_7114, {1: 1}, of=0x4000_7008)  # and stopped
    return registers, lambda base: NordicUart(registers, base)


def rp2(board: Board) -> tuple[Registers, Callable[[int], Pl011]]:
    """RESETS, XOSC, PLL and CLOCKS of the RP2040 and RP2350."""
    registers, facts = Registers(), board.registers
    resets, clocks, crystal = facts["resets_base"], facts["clocks_base"], facts["xosc_base"]
    _aliases(registers, resets, 0x1FFF_FFFF)
    registers.on_read[resets + 8] = lambda: ~registers.values[resets] & 0x1FFF_FFFF
    registers.on_read[crystal + 4] = lambda: (registers.values.get(crystal) == 0xFA_BAA0) << 31
    for base, reset_bit in (("pll_sys_base", "reset_pll_sys_bit"), ("pll_usb_base", "reset_pll_usb_bit")):
        pll, bit = facts[base], facts[reset_bit]
        _aliases(registers, pll + 4, 0x2D)
        registers.on_read[pll] = partial(_lock, registers, resets, bit, pll)
    registers.on_read[facts["adc_base"]] = lambda: registers.values.get(facts["adc_base"], 0) | 0x100
    registers.on_read[facts["adc_base"] + 8] = lambda: 0x100  # its FIFO is empty: the DMA took all
    registers.on_read[facts["dma_base"] + facts["dma_abort_offset"]] = lambda: 0
    for control, mask in ((0x30, 3), (0x3C, 1)):
        registers.on_read[clocks + control + 8] = partial(_selected, registers, clocks + control, mask)
    return registers, lambda base: Pl011(registers, base)


def _lock(registers: Registers, resets: int, bit: int, pll: int) -> int:
    """A PLL has locked when it is out of reset, and neither it nor its oscillator is powered down."""
    in_reset, powered_down = registers.values[resets] >> bit & 1, registers.values[pll + 4] & 0x21
    return 0 if in_reset or powered_down else 1 << 31


def _selected(registers: Registers, control: int, mask: int) -> int:
    return 1 << (registers.values.get(control, 0) & mask)


def _aliases(registers: Registers, address: int, initial: int) -> None:
    """Let the aliases of a register set and clear its bits."""
    registers.values[address] = initial

    def change(bits: int, *, on: bool) -> None:
        now = registers.values[address]
        registers.values[address] = now | bits if on else now & ~bits

    registers.on_write[address + SET] = lambda bits: change(bits, on=True)
    registers.on_write[address + CLEAR] = lambda bits: change(bits, on=False)


def start_twin(name: str, channels: int = 4) -> Twin:
    """The fake model's firmware on a physical board, about to leave reset."""
    return twin_of(load_board(name), fake_image(name, channels))


def twin_of(board: Board, image: Image) -> Twin:
    """An image on its physical board, about to leave reset."""
    registers, uart = {
        "nucleo-f446re": stm32f446,
        "nano33ble": nrf52840,
        "pico": lambda: rp2(board),
        "pico2": lambda: rp2(board),
    }[board.name]()
    return Twin(image, board, registers, uart(board.registers["uart_base"]))
