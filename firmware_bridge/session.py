"""A session with a board: one request at a time, repeated until its answer comes through undamaged."""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

import numpy as np
import numpy.typing as npt

from myofin.errors import BoardError, InputError, LinkError
from myofin.firmware_bridge.framing import Damage, Frame, FrameReader, encode_frame
from myofin.firmware_bridge.link import Link
from myofin.firmware_bridge.wire import (
    ERROR_TEXTS,
    PROTOCOL_VERSION,
    REPLY_BIT,
    SEQUENCE_MODULUS,
    Ack,
    Error,
    ErrorCode,
    Hello,
    HelloRequest,
    Inject,
    InjectFlag,
    Result,
    Scheme,
    Stats,
    StatsRequest,
)
from myofin.firmware_bridge.wire_layout import Message, Payload, fixed_bytes, unpack

_READ_BYTES: Final = 65_536
_MAX_FRAMES_A_MESSAGE: Final = 255
# After a damaged answer a good one may still be on its way; then the request is repeated.
_PATIENCE_AFTER_DAMAGE_S: Final = 0.1
_DTYPES: Final = {Scheme.FLOAT32: "<f4", Scheme.INT8: "<i1", Scheme.INT16X8: "<i2"}

Values = npt.NDArray[np.generic]


@dataclass
class LinkCounters:
    """What the host saw of the link since the session object was made."""

    bytes_sent: int = 0
    bytes_received: int = 0
    crc_errors: int = 0
    resyncs: int = 0  # bytes that were no frame
    timeouts: int = 0
    retransmits: int = 0
    stale_frames: int = 0  # answers to earlier requests, and echoes of our own
    round_trips_ms: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Timing:
    """How long to wait for an answer, and how often to ask."""

    answer_s: float = 3.0
    decision_s: float = 20.0  # an emulated board may compute that long on a busy machine
    attempts: int = 5


@dataclass(frozen=True)
class BoardResult:
    """One decision of the board. ``features`` and ``logits`` are raw: int8, int16 or float32 by scheme."""

    index: int
    codes_crc32: int
    front_end_ticks: int
    fin_ticks: int
    head_ticks: int
    features: Values
    logits: Values

    @property
    def total_ticks(self) -> int:
        """Counter ticks of all stages of this decision."""
        return self.front_end_ticks + self.fin_ticks + self.head_ticks


class BoardSession:
    """Talks to the firmware over a link; every method may raise BoardError or LinkError."""

    def __init__(
        self, link: Link, *, timing: Timing | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.counters = LinkCounters()
        self._link = link
        self._timing = timing or Timing()
        self._clock = clock
        self._reader = FrameReader()
        self._arrived: deque[Frame | Damage] = deque()
        self._sequence = 0
        self._facts: Hello | None = None

    @property
    def facts(self) -> Hello:
        """What the board said of itself in ``hello``."""
        if self._facts is None:
            return self.hello()
        return self._facts

    def hello(self) -> Hello:
        """Start a new session and return what the board says of itself.

        Raises:
            BoardError: The firmware speaks another version of the protocol, or could not set its network up.
            LinkError: No undamaged answer in the time given.
        """
        self._sequence = 0
        request = HelloRequest(protocol_version=PROTOCOL_VERSION, session=secrets.randbits(32))
        facts = self._request(request, Hello)
        if facts.session != request.session:
            _refuse_answer(request, "it belongs to another session")
        facts.require_network()
        self._facts = facts
        return facts

    def require_model(self, sha256: str) -> None:
        """Check that the firmware holds the model with this hexadecimal SHA-256.

        Raises:
            BoardError: It holds another one.
        """
        found = self.facts.model_sha256.hex()
        if found != sha256.lower():
            raise BoardError(
                f"The firmware on the board holds model {found}, not {sha256.lower()} of the bundle.",
                hint="Build (and flash) the firmware from this bundle, then run the command again.",
            )

    def inject_window(
        self, counts: npt.NDArray[np.int16], index: int = 0, *, whole: bool = False, reset: bool = True
    ) -> BoardResult:
        """Send one window of raw counts, and return the board's decision on it.

        Args:
            counts: int16 [frames * frame_samples, channels].
            index: A number for the window, checked in the answer.
            whole: Compute the window anew from its codes, instead of from what was kept of each frame.
            reset: Let the board begin anew with this window: front end, frames held and LSTM state.

        Raises:
            InputError: The window has another shape or type than the model takes.
        """
        facts = self.facts
        _check_shape("window", counts, (facts.frames * facts.frame_samples, facts.channels))
        frames = counts.reshape(facts.frames, -1)
        frame_bytes = frames.shape[1] * 2
        room = (facts.max_payload - fixed_bytes(Inject)) // frame_bytes
        step = min(room, _MAX_FRAMES_A_MESSAGE, facts.frames)
        for first in range(0, facts.frames, step):
            flags = InjectFlag.RESET if first == 0 and reset else InjectFlag(0)
            part = frames[first : first + step]
            if first + step >= facts.frames:
                break
            self._request(_inject(index, flags, part), Ack)
        flags |= InjectFlag.DECIDE | (InjectFlag.WHOLE if whole else InjectFlag(0))
        answer = self._request(_inject(index, flags, part), Result)
        return _board_result(answer, index, facts)

    def inject_hop(self, frame: npt.NDArray[np.int16], index: int = 0) -> BoardResult:
        """Send the next frame, and return the decision on the window that ends with it.

        Args:
            frame: int16 [frame_samples, channels], what follows the window that was sent before.
            index: A number for the decision, checked in the answer.

        Returns:
            The decision; its front end's ticks are of this one frame.

        Raises:
            InputError: The frame has another shape or type than the model takes.
            BoardError: No whole window was sent before.
        """
        facts = self.facts
        _check_shape("frame", frame, (facts.frame_samples, facts.channels))
        flags = InjectFlag.DECIDE
        answer = self._request(_inject(index, flags, frame.reshape(1, -1)), Result)
        return _board_result(answer, index, facts)

    def stats(self) -> Stats:
        """The counters that the board keeps of the link, and its stack's high-water mark."""
        return self._request(StatsRequest(), Stats)

    def _request(self, request: Payload, expected: type[Message]) -> Message:
        """Send a request until it is answered, and return the answer."""
        frame = self._exchange(request, self._timing.decision_s if expected is Result else None)
        self._sequence = (self._sequence + 1) % SEQUENCE_MODULUS
        if frame.type == Error.TYPE:
            raise board_error(_read(Error, frame, request))
        if frame.type != expected.TYPE:
            _refuse_answer(request, f"its type is {frame.type:#04x}")
        return _read(expected, frame, request)

    def _exchange(self, request: Payload, patience_s: float | None) -> Frame:
        data = encode_frame(Frame(request.TYPE, self._sequence, request.pack()))
        patience_s = patience_s or self._timing.answer_s
        for attempt in range(self._timing.attempts):
            if attempt:
                self.counters.retransmits += 1
            sent_at = self._clock()
            self._link.write(data)
            self.counters.bytes_sent += len(data)
            frame = self._await_answer(sent_at + patience_s)
            if frame is not None:
                self.counters.round_trips_ms.append(1e3 * (self._clock() - sent_at))
                return frame
        raise LinkError(
            f"The board on {self._link.name} did not answer {request.NAME}, "
            f"asked {self._timing.attempts} times.",
            hint="Check that it runs myofin firmware, and that port and baud rate are right; or reset it.",
        )

    def _await_answer(self, deadline: float) -> Frame | None:
        while True:
            while self._arrived:
                item = self._arrived.popleft()
                if isinstance(item, Damage):
                    self._count_damage(item)
                    deadline = min(deadline, self._clock() + _PATIENCE_AFTER_DAMAGE_S)
                elif self._is_answer(item):
                    return item
                else:
                    self.counters.stale_frames += 1
            left = deadline - self._clock()
            if left <= 0:
                self.counters.timeouts += 1
                return None
            data = self._link.read(_READ_BYTES, left)
            self.counters.bytes_received += len(data)
            self._arrived.extend(self._reader.feed(data))

    def _count_damage(self, damage: Damage) -> None:
        if damage is Damage.CRC:
            self.counters.crc_errors += 1
        else:
            self.counters.resyncs += 1

    def _is_answer(self, frame: Frame) -> bool:
        if frame.type == Error.TYPE and frame.payload[:1] == bytes([ErrorCode.FAULT]):
            return True  # comes unasked, and nothing else will come after it
        return bool(frame.type & REPLY_BIT) and frame.sequence == self._sequence


def _check_shape(what: str, counts: npt.NDArray[np.int16], expected: tuple[int, int]) -> None:
    if counts.shape != expected or counts.dtype != np.int16:
        raise InputError(
            f"A {what} of {counts.dtype} {counts.shape} was given; the model takes int16 {expected}.",
            hint="Use a recording with the rate and channels that the model was trained on.",
        )


def board_error(error: Error) -> BoardError:
    """The error that the board answered with, as a sentence with a hint."""
    try:
        message, hint = ERROR_TEXTS[ErrorCode(error.code)]
    except ValueError:
        message, hint = f"The board answered with error {error.code}, detail {{detail}}.", "Update myofin."
    return BoardError(message.format(detail=error.detail), hint=hint)


def _inject(index: int, flags: InjectFlag, frames: npt.NDArray[np.int16]) -> Inject:
    counts = frames.astype("<i2", copy=False).tobytes()
    return Inject(index=index, flags=int(flags), frame_count=len(frames), counts=counts)


def _board_result(answer: Result, index: int, facts: Hello) -> BoardResult:
    values: npt.NDArray[Any] = np.frombuffer(answer.values, dtype=_DTYPES[Scheme(facts.scheme)])
    if answer.index != index or len(values) != facts.features + facts.logits:
        _refuse_answer(answer, f"it is for window {answer.index} with {len(values)} values")
    return BoardResult(
        index=answer.index,
        codes_crc32=answer.codes_crc32,
        front_end_ticks=answer.front_end_ticks,
        fin_ticks=answer.fin_ticks,
        head_ticks=answer.head_ticks,
        features=values[: facts.features],
        logits=values[facts.features :],
    )


def _read(message: type[Message], frame: Frame, request: Payload) -> Message:
    try:
        return unpack(message, frame.payload)
    except ValueError as error:
        _refuse_answer(request, str(error))


def _refuse_answer(request: Payload, reason: str) -> NoReturn:
    raise BoardError(
        f"The board's answer to {request.NAME} makes no sense: {reason}.",
        hint="Build and flash the firmware again with this version of myofin.",
    )
