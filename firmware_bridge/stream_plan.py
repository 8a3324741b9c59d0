"""What a stream is asked for: periods in the board's ticks, credit, and whether the link carries it. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from myofin.boards.registry import Board
from myofin.errors import InputError
from myofin.firmware_bridge.fit import require_inputs
from myofin.firmware_bridge.wire import CRC_BYTES, HEADER_BYTES, Hello
from myofin.firmware_bridge.wire_layout import Payload, fixed_bytes
from myofin.firmware_bridge.wire_stream import Decision, Samples, StreamFlag, StreamRequest

HOPS_A_SECOND: Final = 100
_BITS_A_BYTE: Final = 10  # 8N1: start, eight data bits, stop
_USABLE: Final = 0.95  # of a link: credits and answers pass too
_BAUD_RATES: Final = (115_200, 230_400, 460_800, 921_600, 1_000_000, 2_000_000, 3_000_000)
# Of an emulated board, whose time stands still at the end of the credit; of a physical one, which then drops.
_HELD_CREDIT_HOPS: Final = 16
_OPEN_CREDIT_HOPS: Final = 100
_COBS_BLOCK: Final = 254


@dataclass(frozen=True)
class StreamPlan:
    """How a board is to stream. All ticks are of its counter.

    Attributes:
        channels, frame_samples, rate_hz: The signal; a hop is one frame.
        ticks_per_second: Of the board's time, exact.
        units_per_second: Instructions (or cycles) the board executes in a second of its time.
        period_ticks: From sample to sample.
        credit_samples: How far ahead of the host the board may be.
        held: Whether the board's time stands still while the credit is used up.
        sample_limit: Where the board stops by itself; 0: when told.
    """

    channels: int
    frame_samples: int
    rate_hz: int
    ticks_per_second: Fraction
    units_per_second: int
    period_ticks: int
    credit_samples: int
    held: bool
    sample_limit: int

    @property
    def true_rate_hz(self) -> float:
        """The rate that the period makes; that of the recording where the ticks divide exactly."""
        return float(self.ticks_per_second / self.period_ticks)

    @property
    def deadline_ticks(self) -> int:
        """One hop: the next frame is complete then."""
        return self.period_ticks * self.frame_samples

    @property
    def hop_us(self) -> float:
        """Length of one hop."""
        return float(1_000_000 * self.deadline_ticks / self.ticks_per_second)

    def request(self) -> StreamRequest:
        """The message that starts the stream."""
        return StreamRequest(
            flags=int(StreamFlag.START | (StreamFlag.HOLD if self.held else StreamFlag(0))),
            period_ticks=self.period_ticks,
            deadline_ticks=self.deadline_ticks,
            sample_limit=self.sample_limit,
            credit=self.credit_samples,
        )


def plan_stream(
    board: Board, facts: Hello, seconds: float | None, *, units_per_second: int | None = None
) -> StreamPlan:
    """Plan a stream of whole hops.

    Args:
        board: The board.
        facts: What its firmware said of itself.
        seconds: How long, of the board's time; None: until it is told to stop.
        units_per_second: Instructions a second of an emulated board; default: as ``board.toml`` says.

    Raises:
        InputError: The board has too few inputs; or the time is shorter than a hop or too long for the
            index, or the rate of instructions cannot be chosen or is too low.
    """
    emulated = board.emulator is not None
    units, ticks = _time_of(board, units_per_second)
    rate_hz = HOPS_A_SECOND * facts.frame_samples
    require_inputs(board, facts.channels, rate_hz)
    period = round(ticks / rate_hz)
    hops = 0 if seconds is None else math.floor(seconds * HOPS_A_SECOND + 1e-9)
    if seconds is not None and not 1 <= hops < 2**31 // facts.frame_samples:
        raise InputError(
            f"A stream of {seconds:g} s is none: it has {hops} hops of 10 ms.",
            hint=f"Give --seconds from 0.01 to {2**31 // facts.frame_samples // HOPS_A_SECOND}.",
        )
    if not 2 <= period < 2**31 // facts.frame_samples:
        raise InputError(
            f"At {units:,} a second, a sample every {period} ticks cannot be counted.",
            hint="Give a higher rate with --instructions-per-second.",
        )
    return StreamPlan(
        channels=facts.channels,
        frame_samples=facts.frame_samples,
        rate_hz=rate_hz,
        ticks_per_second=ticks,
        units_per_second=units,
        period_ticks=period,
        credit_samples=(_HELD_CREDIT_HOPS if emulated else _OPEN_CREDIT_HOPS) * facts.frame_samples,
        held=emulated,
        sample_limit=hops * facts.frame_samples,
    )


def _time_of(board: Board, units_per_second: int | None) -> tuple[int, Fraction]:
    """Instructions (cycles) and ticks of a second of the board's time."""
    counter = board.counter
    if board.emulator is not None:
        units = units_per_second or counter.units_per_second
        return units, Fraction(repr(counter.ticks_per_unit)) * units
    if units_per_second is not None:
        raise InputError(
            f"{board.name} is not emulated: its clock says how many cycles a second has.",
            hint="Leave --instructions-per-second out.",
        )
    return counter.units_per_second, Fraction(counter.hz)


def message_bytes(message: type[Payload], rest: int) -> int:
    """Most bytes that a message takes on the wire, with framing; ``rest`` of them variable.

    >>> message_bytes(Samples, 480)
    516
    """
    checked = HEADER_BYTES + fixed_bytes(message) + rest + CRC_BYTES
    return checked + math.ceil((checked + 1) / _COBS_BLOCK) + 2


def stream_bytes_per_second(facts: Hello) -> int:
    """Bytes that a stream sends in a second: samples and one decision a hop."""
    samples = message_bytes(Samples, 2 * facts.channels * facts.frame_samples)
    decision = message_bytes(Decision, (facts.features + facts.logits) * facts.value_bytes)
    return HOPS_A_SECOND * (samples + decision)


def require_bandwidth(facts: Hello, baud: int) -> None:
    """Refuse a stream that a serial link cannot carry, 8N1.

    Raises:
        InputError: It cannot; the message has the numbers, the hint a baud rate or decimation that would do.
    """
    needed, carried = stream_bytes_per_second(facts), baud // _BITS_A_BYTE
    if needed <= _USABLE * carried:
        return
    fast_enough = [rate for rate in _BAUD_RATES if needed <= _USABLE * rate / _BITS_A_BYTE]
    faster = f"a link of {fast_enough[0]:,} baud" if fast_enough else "USB instead of a UART"
    # Samples shrink with the rate, decisions stay.
    decisions = needed - HOPS_A_SECOND * message_bytes(Samples, 2 * facts.channels * facts.frame_samples)
    room = _USABLE * carried - decisions - HOPS_A_SECOND * message_bytes(Samples, 0)
    counts = 2 * HOPS_A_SECOND * facts.channels * facts.frame_samples
    decimation = math.ceil(counts / room) if room > 0 else facts.frame_samples + 1
    slower_hz = HOPS_A_SECOND * facts.frame_samples // decimation
    slower = (
        f", or a network for 1/{decimation} of the rate ({slower_hz} Hz)"
        if decimation <= facts.frame_samples
        else ""
    )
    raise InputError(
        f"The stream needs {needed / 1e3:.1f} kB/s, and {baud:,} baud carry {carried / 1e3:.1f} kB/s.",
        hint=f"Use {faster}{slower}.",
    )
