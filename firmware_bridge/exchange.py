"""One request at a time over a link, repeated until its answer comes through undamaged."""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NoReturn

from myofin.errors import BoardError
from myofin.firmware_bridge.framing import Damage, Frame, FrameReader, encode_frame
from myofin.firmware_bridge.link import Link
from myofin.firmware_bridge.silence import explain_silence
from myofin.firmware_bridge.wire import (
    ANY_SEQUENCE,
    ERROR_TEXTS,
    REPLY_BIT,
    SEQUENCE_MODULUS,
    UNASKED,
    Error,
    ErrorCode,
)
from myofin.firmware_bridge.wire_layout import Message, Payload, unpack

_READ_BYTES: Final = 65_536
# After a damaged answer a good one may still be on its way; then the request is repeated.
_PATIENCE_AFTER_DAMAGE_S: Final = 0.1
_HEARD_BYTES: Final = 256  # kept of what came last, to say what is at the other end
_UNASKED_TYPES: Final = frozenset(message.TYPE for message in UNASKED)
_LOST: Final = (ErrorCode.NO_SESSION, ErrorCode.OUT_OF_SEQUENCE)


class SessionLostError(BoardError):
    """The board was reset, or someone else talked to it: what it held of this session is gone."""


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
    restarts: int = 0  # sessions begun anew after the board had lost one
    round_trips_ms: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Timing:
    """How long to wait for an answer, and how often to ask."""

    answer_s: float = 3.0
    decision_s: float = 20.0  # an emulated board may compute that long on a busy machine
    attempts: int = 5


class Exchange:
    """Requests and answers over a link. Messages that answer no request go to ``on_unasked``."""

    def __init__(
        self, link: Link, *, timing: Timing | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.counters = LinkCounters()
        self.timing = timing or Timing()
        self.on_unasked: Callable[[Frame], None] = self._count_stale
        self._link = link
        self._clock = clock
        self._reader = FrameReader()
        self._arrived: deque[Frame | Damage] = deque()
        # Not from 0 on: an answer that another session left on its way is then no answer to ours.
        self._sequence = secrets.randbelow(SEQUENCE_MODULUS)
        self._heard = b""

    def request(self, request: Payload, expected: type[Message], patience_s: float | None = None) -> Message:
        """Send a request until it is answered, and return the answer.

        Args:
            request: What is asked.
            expected: The message that answers it.
            patience_s: How long to wait for each answer; default: ``answer_s`` of the timing.

        Raises:
            SessionLostError: The board knows nothing of this session any more.
            BoardError: The board refused, or its answer makes no sense.
            LinkError: No undamaged answer in the time given.
        """
        frame = self._exchange(request, patience_s or self.timing.answer_s)
        self._sequence = (self._sequence + 1) % SEQUENCE_MODULUS
        if frame.type == Error.TYPE:
            raise board_error(_read(Error, frame, request))
        if frame.type != expected.TYPE:
            refuse_answer(request, f"its type is {frame.type:#04x}")
        return _read(expected, frame, request)

    def tell(self, message: Payload) -> None:
        """Send a message that has no answer.

        Raises:
            LinkError: The channel is gone.
        """
        data = encode_frame(Frame(message.TYPE, ANY_SEQUENCE, message.pack()))
        self._link.write(data)
        self.counters.bytes_sent += len(data)

    def listen(self, timeout_s: float) -> None:
        """Hand over what comes unasked, waiting at most this long for the first of it.

        Raises:
            LinkError: The channel is gone.
        """
        if not self._arrived:
            self._take_in(timeout_s)
        while self._arrived:
            item = self._arrived.popleft()
            if isinstance(item, Damage):
                self._count_damage(item)
            else:
                self._hand_over(item)

    def _exchange(self, request: Payload, patience_s: float) -> Frame:
        data = encode_frame(Frame(request.TYPE, self._sequence, request.pack()))
        self._heard = b""
        for attempt in range(self.timing.attempts):
            if attempt:
                self.counters.retransmits += 1
            sent_at = self._clock()
            self._link.write(data)
            self.counters.bytes_sent += len(data)
            frame = self._await_answer(sent_at + patience_s)
            if frame is not None:
                self.counters.round_trips_ms.append(1e3 * (self._clock() - sent_at))
                return frame
        raise explain_silence(self._link.name, request.NAME, self.timing.attempts, self._heard)

    def _await_answer(self, deadline: float) -> Frame | None:
        over = False
        while True:
            while self._arrived:
                item = self._arrived.popleft()
                if isinstance(item, Damage):
                    self._count_damage(item)
                    deadline = min(deadline, self._clock() + _PATIENCE_AFTER_DAMAGE_S)
                elif self._is_answer(item):
                    return item
                else:
                    self._hand_over(item)
            if over:
                self.counters.timeouts += 1
                return None
            # Read even past the deadline: if this process was suspended, the answer is there already. When
            # nothing comes although time is left, the link was lost and has returned.
            left = deadline - self._clock()
            over = not self._take_in(max(left, 0.0)) or left <= 0

    def _take_in(self, timeout_s: float) -> bool:
        """Read what comes, and say whether something did."""
        data = self._link.read(_READ_BYTES, timeout_s)
        self.counters.bytes_received += len(data)
        self._heard = (self._heard + data)[-_HEARD_BYTES:]
        self._arrived.extend(self._reader.feed(data))
        return bool(data)

    def _count_damage(self, damage: Damage) -> None:
        if damage is Damage.CRC:
            self.counters.crc_errors += 1
        else:
            self.counters.resyncs += 1

    def _hand_over(self, frame: Frame) -> None:
        if frame.type in _UNASKED_TYPES:
            self.on_unasked(frame)
        else:
            self._count_stale(frame)

    def _count_stale(self, frame: Frame) -> None:
        self.counters.stale_frames += 1

    def _is_answer(self, frame: Frame) -> bool:
        if frame.type == Error.TYPE and frame.payload[:1] == bytes([ErrorCode.FAULT]):
            return True  # comes unasked, and nothing else will come after it
        answers = bool(frame.type & REPLY_BIT) and frame.type not in _UNASKED_TYPES
        return answers and frame.sequence == self._sequence


def board_error(error: Error) -> BoardError:
    """The error that the board answered with, as a sentence with a hint."""
    try:
        code = ErrorCode(error.code)
    except ValueError:
        return BoardError(
            f"The board answered with error {error.code}, detail {error.detail}.", hint="Update myofin."
        )
    message, hint = ERROR_TEXTS[code]
    kind = SessionLostError if code in _LOST else BoardError
    return kind(message.format(detail=error.detail), hint=hint)


def refuse_answer(request: Payload, reason: str) -> NoReturn:
    """Raise BoardError: an undamaged answer that cannot be one."""
    raise BoardError(
        f"The board's answer to {request.NAME} makes no sense: {reason}.",
        hint="Build and flash the firmware again with this version of myofin.",
    )


def _read(message: type[Message], frame: Frame, request: Payload) -> Message:
    try:
        return unpack(message, frame.payload)
    except ValueError as error:
        refuse_answer(request, str(error))
