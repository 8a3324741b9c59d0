"""Runs a stream: starts it, hands over what comes, grants credit, and notices when nothing comes any more."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from myofin.errors import BoardError, LinkError
from myofin.firmware_bridge.framing import Frame
from myofin.firmware_bridge.session import BoardSession
from myofin.firmware_bridge.stream_plan import StreamPlan
from myofin.firmware_bridge.stream_store import StreamShape
from myofin.firmware_bridge.wire import Ack, Stats
from myofin.firmware_bridge.wire_layout import unpack
from myofin.firmware_bridge.wire_stream import Credit, Decision, Samples, StreamRequest
from myofin.interrupts import held_interrupts

_LISTEN_S: Final = 0.2
_GATHER_S: Final = 0.005  # bytes that come one by one are taken together, which costs a tenth of the time


class StreamSink(Protocol):
    """Takes the payloads of a stream as they come."""

    def frame(self, payload: bytes) -> None:
        """Take a payload of SAMPLES."""

    def decision(self, payload: bytes) -> None:
        """Take a payload of DECISION."""


@dataclass(frozen=True)
class Patience:
    """How long a stream may be silent before the board is asked, and before it is given up."""

    ask_s: float = 2.0
    give_up_s: float = 20.0


class StreamSource:
    """A stream of one board; every method may raise BoardError or LinkError."""

    def __init__(
        self,
        session: BoardSession,
        plan: StreamPlan,
        shape: StreamShape,
        sink: StreamSink,
        *,
        patience: Patience | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.received_until = 0  # index after the last sample that came
        self._sent = 0  # samples that the board had sent then: those it dropped need no credit
        self._session = session
        self._plan = plan
        self._sink = sink
        self._patience = patience or Patience()
        self._clock = clock
        self._sleep = sleep
        self._credit = plan.credit_samples
        self._frame_bytes = shape.frame_type().itemsize
        self._decision_bytes = shape.decision_type().itemsize

    def run(self, on_progress: Callable[[int], None] = lambda samples: None) -> Stats:
        """Stream until the plan's limit, or until ``on_progress`` raises.

        Args:
            on_progress: Told the index that was reached, a few times a second.

        Returns:
            What the board counted.
        """
        session = self._session
        session.exchange.on_unasked = self._take
        session.exchange.request(self._plan.request(), Ack)
        try:
            with held_interrupts() as let_through:  # a message that was read and not yet stored would be lost
                self._follow(on_progress, let_through)
            stats = session.stats()
        except BoardError:
            raise  # there is nobody to be told to stop
        except BaseException:
            with contextlib.suppress(BoardError):
                self._stop()
            raise
        self._stop()
        return stats

    def _follow(self, on_progress: Callable[[int], None], let_through: Callable[[], None]) -> None:
        heard_at = self._clock()
        while not self._is_done():
            let_through()
            before = self.received_until
            self._sleep(_GATHER_S)
            self._session.exchange.listen(_LISTEN_S)
            self._grant()
            on_progress(self.received_until)
            if self.received_until != before:
                heard_at = self._clock()
            elif self._clock() - heard_at > self._patience.ask_s and self._has_ended(heard_at):
                break

    def _stop(self) -> None:
        stop = StreamRequest(flags=0, period_ticks=0, deadline_ticks=0, sample_limit=0, credit=0)
        self._session.exchange.request(stop, Ack)

    def _is_done(self) -> bool:
        return 0 < self._plan.sample_limit <= self.received_until

    def _take(self, frame: Frame) -> None:
        if frame.type == Samples.TYPE and len(frame.payload) == self._frame_bytes:
            self._sink.frame(frame.payload)
            found = unpack(Samples, frame.payload)
            self.received_until = found.index + self._plan.frame_samples
            self._sent = self.received_until - found.dropped
        elif frame.type == Decision.TYPE and len(frame.payload) == self._decision_bytes:
            self._sink.decision(frame.payload)
        else:
            raise BoardError(
                f"A message of type {frame.type:#04x} came with {len(frame.payload)} bytes in a stream.",
                hint="Build and flash the firmware again with this version of myofin.",
            )

    def _grant(self) -> None:
        """Let the board go on: a held one when all has come, another one in good time."""
        plan = self._plan
        ahead = self._credit - self._sent
        if ahead <= (0 if plan.held else plan.credit_samples // 2):
            self._credit = self._sent + plan.credit_samples
            self._session.exchange.tell(Credit(until=self._credit))

    def _has_ended(self, heard_at: float) -> bool:
        """Ask a silent board: whether its stream is over. One that waits for credit gets some.

        Raises:
            LinkError: It has been silent for too long.
        """
        stats = self._session.stats()
        if 0 < self._plan.sample_limit <= stats.samples:
            return True
        if self._clock() - heard_at > self._patience.give_up_s:
            raise LinkError(
                f"The board stopped sending after {self.received_until:,} samples of each channel.",
                hint="Reset the board, and check its supply and its front end.",
            )
        # The end of what was granted was lost on the way, or the grant was.
        self._credit += self._plan.credit_samples
        self._session.exchange.tell(Credit(until=self._credit))
        return False
