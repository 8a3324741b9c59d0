"""The image of a physical board, executed instruction by instruction: a Link to the real firmware.

Unicorn executes the image's own bytes; this file plays the chip around it: memory, the registers that
start-up waits for, the UART, and its interrupt. Nothing is said about time.
"""

from __future__ import annotations

import struct

import unicorn
from twin_registers import Registers, Uart
from unicorn import arm_const as arm

from myofin.boards.registry import Board
from myofin.firmware_bridge.build import Image
from myofin.firmware_bridge.elf import ElfImage, read_elf

PERIPHERALS = 0x4000_0000, 0x2000_0000
SYSTEM = 0xE000_0000, 0x0010_0000
RETURN = 0x3000_0000  # nothing of a chip lies here: where a handler that was called returns to
NVIC_ENABLE = 0xE000_E100
CYCLES = 0xE000_1004
VTOR = 0xE000_ED08
INTERRUPT_STATE = 0xE000_ED04
SYSTICK_VALUE = 0xE000_E018
SYSTICK = 15
FIRST_WRAP = 500  # SysTick's value at first
SLICE = 499  # instructions between two looks at the interrupt; prime: no loop is always caught alike
SILENT_SLICES = 1000  # after which a firmware that has taken all its bytes will not answer any more
WFI, NOP = b"\x30\xbf", b"\x00\xbf"  # Unicorn would sleep for ever
CORES = {
    "cortex-m0plus": arm.UC_CPU_ARM_CORTEX_M0,
    "cortex-m4": arm.UC_CPU_ARM_CORTEX_M4,
    "cortex-m33": arm.UC_CPU_ARM_CORTEX_M33,
}


class Twin:
    """A physical board's image under way; a Link."""

    name = "twin"

    def __init__(self, image: Image, board: Board, registers: Registers, uart: Uart) -> None:
        self.now_s = 0.0
        self.registers, self.uart, self.board, self.image = registers, uart, board, image
        self._uc = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
        self._uc.ctl_set_cpu_model(CORES[board.core])
        registers.on_read[CYCLES] = self._cycles
        registers.on_read[SYSTICK_VALUE] = self._systick
        registers.on_read[INTERRUPT_STATE] = lambda: self._systick_pending << 26
        self._count = 0
        self._systick_pending = False
        flash = read_elf(image.elf).flash()
        memory = board.memory
        self._map(memory.flash_origin, memory.flash_bytes, self._awake(flash.data, read_elf(image.elf)))
        self._map(memory.ram_origin, memory.ram_bytes, b"")
        self._map(RETURN, 0x1000, b"")
        for base, size in (PERIPHERALS, SYSTEM):
            self._uc.mmio_map(base, size, self._read, base, self._write, base)
        if board.build.boot == "rp2040":
            self._uc.mmio_map(0x1800_0000, 0x1000, self._read, 0x1800_0000, self._write, 0x1800_0000)
            self._boot_rp2040(flash.data)
        else:
            stack, reset = struct.unpack_from("<II", flash.data, 0)
            self._uc.reg_write(arm.UC_ARM_REG_SP, stack)
            self._pc = reset

    @staticmethod
    def _awake(flash: bytes, elf: ElfImage) -> bytes:
        """The image with the one WFI of its port_wait taken out."""
        address, size = elf.symbols["port_wait"]
        (origin,) = (segment.address for segment in (elf.flash(),))
        start = (address & ~1) - origin
        body = flash[start : start + size]
        assert body.count(WFI) == 1
        return flash[:start] + body.replace(WFI, NOP) + flash[start + size :]

    def _map(self, base: int, size: int, data: bytes) -> None:
        start = base & ~0xFFF
        self._uc.mem_map(start, (base + size - start + 0xFFF) & ~0xFFF)
        self._uc.mem_write(base, data)

    def _boot_rp2040(self, flash: bytes) -> None:
        """As the ROM does: copy the second stage to the end of RAM, and call it there with no way back."""
        stage = 0x2004_1F00
        self._uc.mem_write(stage, flash[:256])
        self._uc.reg_write(arm.UC_ARM_REG_LR, 0)
        self._pc = stage | 1

    def _cycles(self) -> int:
        self._count += 7
        return self._count

    def _systick(self) -> int:
        """SysTick's value, which wraps soon after the start."""
        before = FIRST_WRAP - self._count
        after = before - 7
        self._count += 7
        if before // (1 << 24) != after // (1 << 24):
            self._systick_pending = True
        return after % (1 << 24)

    def _read(self, uc: object, offset: int, size: int, base: int) -> int:
        return self.registers.read(base + offset)

    def _write(self, uc: object, offset: int, size: int, value: int, base: int) -> None:
        self.registers.write(base + offset, value)

    def _vector(self, number: int) -> int:
        table = self.registers.values.get(VTOR, self.board.memory.flash_origin)
        return int(struct.unpack("<I", self._uc.mem_read(table + 4 * number, 4))[0])

    def _enabled(self, irq: int) -> bool:
        address = NVIC_ENABLE + 4 * (irq // 32)
        return any(at == address and value >> (irq % 32) & 1 for at, value in self.registers.log)

    def interrupt(self, irq: int) -> None:
        """Run the handler of an interrupt that the firmware must have enabled."""
        assert self._enabled(irq), f"interrupt {irq} was not enabled"
        self._handle(16 + irq)

    def _handle(self, vector: int) -> None:
        """Run a handler as a call, with all registers put back after: as an exception would."""
        before = self._uc.context_save()
        self._uc.reg_write(arm.UC_ARM_REG_LR, RETURN | 1)
        self._uc.emu_start(self._vector(vector), RETURN)
        self._uc.context_restore(before)

    def run(self, slices: int) -> None:
        """Let the firmware run on; with something to interrupt for, its handler runs in between."""
        for _ in range(slices):
            self._uc.emu_start(self._pc, 0xFFFF_FFFF, count=SLICE)
            self._pc = self._uc.reg_read(arm.UC_ARM_REG_PC) | 1
            if self._uc.reg_read(arm.UC_ARM_REG_PRIMASK):
                continue
            if self._systick_pending:
                self._systick_pending = False
                self._handle(SYSTICK)
            irq = self.board.registers["uart_rx_irq"]
            if self.uart.pending() and self._enabled(irq):  # a slice may end before port_init is through
                self.interrupt(irq)

    def settle(self) -> None:
        """Run on while it sends."""
        sent = -1
        while len(self.uart.to_host) != sent:
            sent = len(self.uart.to_host)
            self.run(3)

    def poke(self, address: int, data: bytes) -> None:
        """Write to memory, as a DMA does."""
        self._uc.mem_write(address, data)

    def write(self, data: bytes) -> None:
        """Bytes for the firmware."""
        self.uart.to_board.extend(data)

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        """What it sent; when it is silent, it runs on."""
        silent = 0
        while not self.uart.to_host and silent < SILENT_SLICES:
            silent = 0 if self.uart.to_board else silent + 1
            self.run(1)
        data = bytes(self.uart.to_host[:max_bytes])
        del self.uart.to_host[:max_bytes]
        if not data:
            self.now_s += timeout_s
        return data

    def close(self) -> None:
        """Nothing to release."""
