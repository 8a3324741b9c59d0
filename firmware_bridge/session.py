"""A session with a board: who it is, and its decisions on windows and hops."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from myofin.errors import BoardError, InputError
from myofin.firmware_bridge.exchange import Exchange, LinkCounters, Timing, refuse_answer
from myofin.firmware_bridge.link import Link
from myofin.firmware_bridge.wire import (
    PROTOCOL_VERSION,
    Ack,
    Hello,
    HelloRequest,
    Inject,
    InjectFlag,
    Result,
    Scheme,
    Stats,
    StatsRequest,
)
from myofin.firmware_bridge.wire_layout import fixed_bytes

_MAX_FRAMES_A_MESSAGE: Final = 255
VALUE_TYPES: Final = {Scheme.FLOAT32: "<f4", Scheme.INT8: "<i1", Scheme.INT16X8: "<i2"}

Values = npt.NDArray[np.generic]


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
        self.exchange = Exchange(link, timing=timing, clock=clock)
        self._facts: Hello | None = None

    @property
    def counters(self) -> LinkCounters:
        """What was seen of the link so far."""
        return self.exchange.counters

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
        request = HelloRequest(protocol_version=PROTOCOL_VERSION, session=secrets.randbits(32))
        facts = self.exchange.request(request, Hello)
        if facts.session != request.session:
            refuse_answer(request, "it belongs to another session")
        facts.require_network()
        self._facts = facts
        return facts

    def resume(self) -> None:
        """Begin anew with a board that lost its session; what it held of a window is gone.

        Raises:
            BoardError: It came back with other firmware.
            LinkError: It did not come back.
        """
        before = self.facts.build_id
        self.counters.restarts += 1
        if self.hello().build_id != before:
            raise BoardError(
                "The board came back with other firmware.",
                hint="Flash the image again, and run the command again.",
            )

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
        self,
        counts: npt.NDArray[np.int16],
        index: int = 0,
        *,
        whole: bool = False,
        reset: bool = True,
        trace: bool = False,
    ) -> BoardResult:
        """Send one window of raw counts, and return the board's decision on it.

        Args:
            counts: int16 [frames * frame_samples, channels].
            index: A number for the window, checked in the answer.
            whole: Compute the window anew from its codes, instead of from what was kept of each frame.
            reset: Let the board begin anew with this window: front end, frames held and LSTM state.
            trace: Let a traced image send what it computes, which goes to ``exchange.on_unasked``.

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
            flags = InjectFlag.TRACE if trace else InjectFlag(0)
            flags |= InjectFlag.RESET if first == 0 and reset else InjectFlag(0)
            part = frames[first : first + step]
            if first + step >= facts.frames:
                break
            self.exchange.request(_inject(index, flags, part), Ack)
        flags |= InjectFlag.DECIDE | (InjectFlag.WHOLE if whole else InjectFlag(0))
        answer = self._decide(_inject(index, flags, part))
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
        answer = self._decide(_inject(index, flags, frame.reshape(1, -1)))
        return _board_result(answer, index, facts)

    def _decide(self, request: Inject) -> Result:
        return self.exchange.request(request, Result, self.exchange.timing.decision_s)

    def stats(self) -> Stats:
        """The counters that the board keeps of the link, and its stack's high-water mark."""
        return self.exchange.request(StatsRequest(), Stats)


def _check_shape(what: str, counts: npt.NDArray[np.int16], expected: tuple[int, int]) -> None:
    if counts.shape != expected or counts.dtype != np.int16:
        raise InputError(
            f"A {what} of {counts.dtype} {counts.shape} was given; the model takes int16 {expected}.",
            hint="Use a recording with the rate and channels that the model was trained on.",
        )


def _inject(index: int, flags: InjectFlag, frames: npt.NDArray[np.int16]) -> Inject:
    counts = frames.astype("<i2", copy=False).tobytes()
    return Inject(index=index, flags=int(flags), frame_count=len(frames), counts=counts)


def _board_result(answer: Result, index: int, facts: Hello) -> BoardResult:
    values: npt.NDArray[Any] = np.frombuffer(answer.values, dtype=VALUE_TYPES[Scheme(facts.scheme)])
    if answer.index != index or len(values) != facts.features + facts.logits:
        refuse_answer(answer, f"it is for window {answer.index} with {len(values)} values")
    return BoardResult(
        index=answer.index,
        codes_crc32=answer.codes_crc32,
        front_end_ticks=answer.front_end_ticks,
        fin_ticks=answer.fin_ticks,
        head_ticks=answer.head_ticks,
        features=values[: facts.features],
        logits=values[facts.features :],
    )
