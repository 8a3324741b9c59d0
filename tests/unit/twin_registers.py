"""Registers and UARTs of the chips that ``twin.py`` plays around a processor."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol


class Registers:
    """The registers of a chip: a written value is read back, except where a rule says otherwise."""

    def __init__(self) -> None:
        self.values: dict[int, int] = {}
        self.log: list[tuple[int, int]] = []
        self.on_read: dict[int, Callable[[], int]] = {}
        self.on_write: dict[int, Callable[[int], None]] = {}

    def read(self, address: int) -> int:
        """What the processor reads at an address."""
        rule = self.on_read.get(address)
        return rule() if rule is not None else self.values.get(address, 0)

    def write(self, address: int, value: int) -> None:
        """The processor writes."""
        self.log.append((address, value))
        self.values[address] = value
        rule = self.on_write.get(address)
        if rule is not None:
            rule(value)

    def mirror(self, address: int, pairs: dict[int, int], *, of: int | None = None) -> None:
        """Let a status follow a control register: each bit mask that is set there sets another here."""
        source = address if of is None else of

        def rule() -> int:
            control = self.values.get(source, 0)
            value = self.values.get(address, 0) if of is None else 0
            for asked, granted in pairs.items():
                value |= granted if control & asked == asked else 0
            return value

        self.on_read[address] = rule

    def order_of(self, *writes: tuple[int, int]) -> list[int]:
        """Where in the log each write of (address, bits) first stands."""
        return [
            next(i for i, (at, value) in enumerate(self.log) if at == address and value & bits == bits)
            for address, bits in writes
        ]


class Uart(Protocol):
    """A UART in ``Registers``: bytes to the firmware, bytes from it, and whether it interrupts."""

    to_board: deque[int]
    to_host: bytearray

    def pending(self) -> bool:
        """Whether it asks for its interrupt."""


@dataclass
class Stm32Usart:
    """USART of the STM32F4."""

    registers: Registers
    base: int
    to_board: deque[int] = field(default_factory=deque)
    to_host: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        self.registers.on_read[self.base] = lambda: 0xC0 | (0x20 if self.to_board else 0)
        self.registers.on_read[self.base + 4] = lambda: self.to_board.popleft() if self.to_board else 0
        self.registers.on_write[self.base + 4] = self.to_host.append

    def pending(self) -> bool:
        control = self.registers.values.get(self.base + 0xC, 0)
        return bool(control & 0x80 or (control & 0x20 and self.to_board))


@dataclass
class NordicUart:
    """UART of the nRF5: one byte of each direction is announced by an event."""

    registers: Registers
    base: int
    to_board: deque[int] = field(default_factory=deque)
    to_host: bytearray = field(default_factory=bytearray)
    sent: bool = False
    enabled: int = 0

    def __post_init__(self) -> None:
        r, base = self.registers, self.base
        r.on_read[base + 0x108] = lambda: int(bool(self.to_board))
        r.on_read[base + 0x518] = self.to_board.popleft
        r.on_read[base + 0x11C] = lambda: int(self.sent)
        r.on_write[base + 0x11C] = lambda value: setattr(self, "sent", bool(value))
        r.on_write[base + 0x51C] = self._send
        r.on_write[base + 0x304] = lambda bits: setattr(self, "enabled", self.enabled | bits)
        r.on_write[base + 0x308] = lambda bits: setattr(self, "enabled", self.enabled & ~bits)

    def _send(self, value: int) -> None:
        assert not self.sent, "a byte was written before the one before had left"
        self.to_host.append(value & 0xFF)
        self.sent = True

    def pending(self) -> bool:
        return bool((self.enabled & 0x80 and self.sent) or (self.enabled & 4 and self.to_board))


@dataclass
class Pl011:
    """UART of the RP2040 and RP2350; its transmit FIFO interrupts when it drains, not when it is empty."""

    registers: Registers
    base: int
    to_board: deque[int] = field(default_factory=deque)
    to_host: bytearray = field(default_factory=bytearray)
    waiting: int = 0  # bytes in the transmit FIFO
    drained: bool = False

    def __post_init__(self) -> None:
        r, base = self.registers, self.base
        r.on_read[base + 0x18] = self._flags
        r.on_read[base] = self.to_board.popleft
        r.on_write[base] = self._send
        r.on_write[base + 0x44] = lambda bits: setattr(self, "drained", self.drained and not bits & 0x20)

    def _flags(self) -> int:
        flags = (0 if self.to_board else 0x10) | (0x20 if self.waiting >= 32 else 0)
        flags |= 0x08 if self.waiting else 0
        if self.waiting:  # time passes: a byte leaves at each look
            self.waiting -= 1
            self.drained = self.drained or self.waiting == 4
        return flags

    def _send(self, value: int) -> None:
        assert self.waiting < 32, "the transmit FIFO overflowed"
        self.waiting += 1
        self.to_host.append(value & 0xFF)

    def pending(self) -> bool:
        self._flags()
        enabled = self.registers.values.get(self.base + 0x38, 0)
        return bool((enabled & 0x20 and self.drained) or (enabled & 0x10 and self.to_board))
