"""The wire protocol between host and firmware, declared once.

``wire_codegen`` writes the C header of the firmware and ``docs/protocol.md`` from this declaration, and
``framing`` puts these messages on the wire. Everything is little-endian.

    delimiter 0x00 | COBS( type u8 | sequence u16 | payload | CRC-32 u32 ) | delimiter 0x00
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Annotated, ClassVar, Final

from myofin.errors import BoardError
from myofin.firmware_bridge.wire_layout import Payload, blob, rest, text, u8, u16, u32
from myofin.firmware_bridge.wire_stream import Credit, Decision, Samples, StreamFlag, StreamRequest

PROTOCOL_VERSION: Final = 3
HEADER_BYTES: Final = 3
CRC_BYTES: Final = 4
SEQUENCE_MODULUS: Final = 1 << 16
ANY_SEQUENCE: Final = 0xFFFF  # of a report that answers no request
REPLY_BIT: Final = 0x80  # set in the type of every message from the board


class Scheme(IntEnum):
    """How the model's numbers are represented."""

    FLOAT32 = 0
    INT8 = 1
    INT16X8 = 2


class StateContract(IntEnum):
    """What the LSTM's state is at the start of a window."""

    RESET = 0
    CARRY = 1


class CounterKind(IntEnum):
    """What the board's counter stands for."""

    CYCLES = 0
    INSTRUCTIONS = 1
    TICKS = 2


class InjectFlag(IntFlag):
    """What INJECT asks for beside taking the frames in."""

    RESET = 1
    DECIDE = 2
    WHOLE = 4
    TRACE = 8


class ErrorCode(IntEnum):
    """Why the board refused a request, or that it stopped."""

    NO_SESSION = 1
    PROTOCOL_VERSION = 2
    UNKNOWN_TYPE = 3
    BAD_PAYLOAD = 4
    OUT_OF_SEQUENCE = 5
    WINDOW_INCOMPLETE = 6
    FAULT = 7
    NO_FRONT_END = 8
    STREAM_RUNS = 9


# message (with the detail filled in) and hint of each error code
ERROR_TEXTS: Final[dict[ErrorCode, tuple[str, str]]] = {
    ErrorCode.NO_SESSION: (
        "The board knows of no session: it was reset or lost power since HELLO.",
        "Check its supply and cable, then run the command again.",
    ),
    ErrorCode.PROTOCOL_VERSION: (
        "The firmware speaks protocol version {detail}, not this tool's.",
        "Build and flash the firmware again with this version of myofin.",
    ),
    ErrorCode.UNKNOWN_TYPE: (
        "The firmware does not know messages of type {detail:#04x}.",
        "Build and flash the firmware again with this version of myofin.",
    ),
    ErrorCode.BAD_PAYLOAD: (
        "The firmware refused a payload; it holds {detail} bytes to a frame.",
        "Check that the recording has as many channels, at the same rate, as the model.",
    ),
    ErrorCode.OUT_OF_SEQUENCE: (
        "The firmware expected another message after number {detail}.",
        "Close every other program that uses this port, and run the command again.",
    ),
    ErrorCode.WINDOW_INCOMPLETE: (
        "A decision was asked for when the board held only {detail} frames.",
        "Send all frames of the window before the decision.",
    ),
    ErrorCode.FAULT: (
        "The firmware stopped with a processor fault at address {detail:#010x}.",
        "Look the address up in firmware.map (0: the stack overflowed), and reset the board.",
    ),
    ErrorCode.NO_FRONT_END: (
        "The board's front end cannot sample this model's channels every {detail} ticks of its counter.",
        "Stream at the rate of the recording that the network was trained on, on a board with a front end.",
    ),
    ErrorCode.STREAM_RUNS: (
        "The board is streaming, and takes no injected frames meanwhile.",
        "Stop the stream first.",
    ),
}


@dataclass(frozen=True)
class HelloRequest(Payload):
    """Host to board. Starts a session: the board forgets earlier sequence numbers and its window."""

    NAME: ClassVar[str] = "HELLO"
    TYPE: ClassVar[int] = 0x01
    protocol_version: Annotated[int, u16("protocol version of the host")]
    session: Annotated[int, u32("chosen at random by the host; a new value starts a new session")]


@dataclass(frozen=True)
class Inject(Payload):
    """Host to board. Whole frames of raw counts; with flag DECIDE the board answers RESULT, else ACK."""

    NAME: ClassVar[str] = "INJECT"
    TYPE: ClassVar[int] = 0x02
    index: Annotated[int, u32("number of the window, returned in RESULT")]
    flags: Annotated[
        int,
        u8(
            "bit 0 RESET: new window first; bit 1 DECIDE after; bit 2 WHOLE: without reuse; "
            "bit 3 TRACE: send TRACE before the answer, in images built for it"
        ),
    ]
    frame_count: Annotated[int, u8("frames in this message")]
    counts: Annotated[bytes, rest("int16 counts, frame_count x frame_samples x channels, channel fastest")]


@dataclass(frozen=True)
class StatsRequest(Payload):
    """Host to board. Asks for the link's counters."""

    NAME: ClassVar[str] = "STATS"
    TYPE: ClassVar[int] = 0x03


@dataclass(frozen=True)
class Ack(Payload):
    """Board to host. The request was carried out, and there is nothing to return."""

    NAME: ClassVar[str] = "ACK"
    TYPE: ClassVar[int] = 0x80


@dataclass(frozen=True)
class Hello(Payload):
    """Board to host. Who the board is and what it runs; answers HELLO."""

    NAME: ClassVar[str] = "HELLO_REPLY"
    TYPE: ClassVar[int] = 0x81
    protocol_version: Annotated[int, u16("protocol version of the firmware")]
    session: Annotated[int, u32("the session of the request")]
    board: Annotated[str, text(24, "name of the board")]
    engine: Annotated[str, text(16, "what executes the network: c, tflm or tflm-cmsis-nn")]
    model_sha256: Annotated[bytes, blob(32, "SHA-256 of the model's .tflite")]
    build_id: Annotated[bytes, blob(32, "SHA-256 over sources, settings and compiler of the image")]
    channels: Annotated[int, u16("channels")]
    frame_samples: Annotated[int, u16("samples a channel in one frame")]
    frames: Annotated[int, u16("frames in one window")]
    features: Annotated[int, u16("outputs of the FIN")]
    logits: Annotated[int, u16("outputs of the head")]
    value_bytes: Annotated[int, u8("bytes of one output value")]
    scheme: Annotated[int, u8("0 float32, 1 int8, 2 int16x8")]
    state_contract: Annotated[int, u8("0 reset, 1 carry")]
    counter_kind: Annotated[int, u8("0 cycles, 1 instructions, 2 ticks")]
    counter_hz: Annotated[int, u32("ticks of the counter a second")]
    clock_hz: Annotated[int, u32("clock of the core")]
    max_payload: Annotated[int, u16("longest payload the board takes, bytes")]
    flash_code: Annotated[int, u32("bytes of code in flash")]
    flash_constants: Annotated[int, u32("bytes of constants in flash")]
    ram_static: Annotated[int, u32("bytes of static RAM, without the stack")]
    stack_bytes: Annotated[int, u32("bytes reserved for the stack")]
    arena_bytes: Annotated[int, u32("bytes that TFLM's network takes of its arena, 0 without TFLM")]

    def require_network(self) -> None:
        """Check that an interpreter set its network up.

        Raises:
            BoardError: It did not: its arena is too small, or it lacks an operator.
        """
        if self.engine.startswith("tflm") and self.arena_bytes == 0:
            raise BoardError(
                "TFLM on the board could not set the network up in its arena.",
                hint="Build with the version of TFLM that docs/tflm-engine.md names, or with --engine c.",
            )


@dataclass(frozen=True)
class Result(Payload):
    """Board to host. One decision; answers INJECT with flag DECIDE."""

    NAME: ClassVar[str] = "RESULT"
    TYPE: ClassVar[int] = 0x82
    index: Annotated[int, u32("the index of the request")]
    codes_crc32: Annotated[int, u32("CRC-32 of the window's codes, oldest frame first")]
    front_end_ticks: Annotated[int, u32("counter ticks in the front end since the window or decision before")]
    fin_ticks: Annotated[int, u32("counter ticks in the feature-imitating network")]
    head_ticks: Annotated[int, u32("counter ticks in the head")]
    values: Annotated[bytes, rest("features, then logits, value_bytes each")]


@dataclass(frozen=True)
class Stats(Payload):
    """Board to host. Counters since reset; answers STATS."""

    NAME: ClassVar[str] = "STATS_REPLY"
    TYPE: ClassVar[int] = 0x83
    frames_received: Annotated[int, u32("undamaged frames")]
    crc_errors: Annotated[int, u32("frames whose CRC-32 does not hold")]
    framing_errors: Annotated[int, u32("COBS errors and frames too short or too long, each a resync")]
    overruns: Annotated[int, u32("bytes lost because they were not taken in time")]
    duplicates: Annotated[int, u32("repeated requests that were answered without carrying them out again")]
    dropped: Annotated[int, u32("stale requests that were dropped")]
    stack_high_water: Annotated[int, u32("most bytes of stack ever used")]
    samples: Annotated[int, u32("samples of a channel taken since the stream began; all below too")]
    samples_dropped: Annotated[int, u32("of these, dropped because no frame was free")]
    decisions: Annotated[int, u32("decisions made")]
    deadlines_missed: Annotated[int, u32("decisions that took longer than the deadline")]
    queue_max: Annotated[int, u32("most whole frames that ever waited, with the one in work")]
    late_max_ticks: Annotated[int, u32("longest time from when a sample was due to its interrupt")]


@dataclass(frozen=True)
class Trace(Payload):
    """Board to host. A piece of the values of one stage of the computation; unasked, sequence 0xFFFF."""

    NAME: ClassVar[str] = "TRACE"
    TYPE: ClassVar[int] = 0x8F
    number: Annotated[int, u32("counts these messages since reset: one missing is noticed")]
    name: Annotated[str, text(24, "name of the stage")]
    first: Annotated[int, u32("place of the first value; 0 begins another record")]
    value_bytes: Annotated[int, u8("bytes of one value")]
    values: Annotated[bytes, rest("signed integers, or float32 by scheme")]


@dataclass(frozen=True)
class Error(Payload):
    """Board to host. The request was refused; FAULT comes unasked, with sequence 0xFFFF."""

    NAME: ClassVar[str] = "ERROR"
    TYPE: ClassVar[int] = 0xFF
    code: Annotated[int, u8("an error code")]
    detail: Annotated[int, u32("what it depends on")]


REQUESTS: Final[tuple[type[Payload], ...]] = (HelloRequest, Inject, StatsRequest, StreamRequest, Credit)
UNASKED: Final[tuple[type[Payload], ...]] = (Trace, Samples, Decision)  # they answer no request
REPLIES: Final[tuple[type[Payload], ...]] = (Ack, Hello, Result, Stats, *UNASKED, Error)
ENUMS: Final[tuple[type[IntEnum] | type[IntFlag], ...]] = (
    Scheme,
    StateContract,
    CounterKind,
    InjectFlag,
    StreamFlag,
    ErrorCode,
)
