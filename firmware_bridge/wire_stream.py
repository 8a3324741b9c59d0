"""The messages of a stream, in which the board is the source; ``wire`` lists them with the others."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag
from typing import Annotated, ClassVar

from myofin.firmware_bridge.wire_layout import Payload, rest, u8, u32


class StreamFlag(IntFlag):
    """What STREAM asks for."""

    START = 1
    HOLD = 2


@dataclass(frozen=True)
class StreamRequest(Payload):
    """Host to board. Starts a stream, with the board as the source, or stops it (without flag START)."""

    NAME: ClassVar[str] = "STREAM"
    TYPE: ClassVar[int] = 0x10
    flags: Annotated[int, u8("bit 0 START; bit 1 HOLD: time stands still while the credit is used up")]
    period_ticks: Annotated[int, u32("counter ticks from sample to sample")]
    deadline_ticks: Annotated[int, u32("counter ticks a decision may take, from its last sample on")]
    sample_limit: Annotated[int, u32("samples of a channel after which the board stops; 0: when told")]
    credit: Annotated[int, u32("samples of a channel that the board may send before the first CREDIT")]


@dataclass(frozen=True)
class Credit(Payload):
    """Host to board. Lets a stream go on. Has no answer, and any sequence number."""

    NAME: ClassVar[str] = "CREDIT"
    TYPE: ClassVar[int] = 0x11
    until: Annotated[int, u32("samples of a channel that may be sent since the start; a lower one is stale")]


@dataclass(frozen=True)
class Samples(Payload):
    """Board to host. One frame of a stream. Unasked, with sequence 0xFFFF."""

    NAME: ClassVar[str] = "SAMPLES"
    TYPE: ClassVar[int] = 0x90
    index: Annotated[int, u32("of the frame's first sample since the stream began")]
    dropped: Annotated[int, u32("samples dropped before it since the stream began")]
    codes_crc32: Annotated[int, u32("CRC-32 of the frame's codes")]
    late_max_ticks: Annotated[int, u32("longest time from when a sample of it was due to its interrupt")]
    late_sum_ticks: Annotated[int, u32("sum of these times")]
    interrupt_ticks: Annotated[int, u32("counter ticks in interrupts since the frame before was taken")]
    counts: Annotated[bytes, rest("int16 counts, frame_samples x channels, channel fastest")]


@dataclass(frozen=True)
class Decision(Payload):
    """Board to host. The decision on the window that ends with a frame. Unasked, with sequence 0xFFFF."""

    NAME: ClassVar[str] = "DECISION"
    TYPE: ClassVar[int] = 0x91
    index: Annotated[int, u32("of the first sample of the window's last frame")]
    front_end_ticks: Annotated[int, u32("counter ticks in the front end, for the last frame")]
    fin_ticks: Annotated[int, u32("counter ticks in the feature-imitating network")]
    head_ticks: Annotated[int, u32("counter ticks in the head")]
    interrupt_ticks: Annotated[int, u32("of these three, counter ticks in interrupts")]
    response_ticks: Annotated[int, u32("counter ticks from when the last sample was due to the logits")]
    queue: Annotated[int, u8("whole frames that waited, with this one, when it was taken")]
    missed: Annotated[int, u8("1 when the deadline was missed")]
    values: Annotated[bytes, rest("features, then logits, value_bytes each")]
