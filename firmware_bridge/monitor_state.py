"""What a running stream looks like at this moment: one thread fills it, another one draws it."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from myofin.convert.bundle import Bundle
from myofin.firmware_bridge.statistics import distribution
from myofin.firmware_bridge.stream_plan import StreamPlan
from myofin.firmware_bridge.stream_store import StreamShape
from myofin.smoothing import confidences

SHOWN_HOPS: Final = 300  # three seconds
_LATENCIES_KEPT: Final = 1000


@dataclass(frozen=True)
class Snapshot:
    """One moment of a stream.

    Attributes:
        seconds: Of the board's time.
        envelope: float64 ``[channels, hops]``, mean distance from the resting level in counts, oldest first.
        decision: Name of the class decided last; empty before the first decision.
        confidence: Softmax probability of that class.
        decisions, missed, dropped, gaps: How many so far; dropped are samples, gaps those of the link.
        queue: Frames that waited at the last decision.
        percentiles: p50, p95, p99 and max of the response in units of the counter, over the last 1,000.
        hop_share: Longest of these as a share of a hop.
    """

    seconds: float
    envelope: NDArray[np.float64]
    decision: str
    confidence: float
    decisions: int
    missed: int
    dropped: int
    gaps: int
    queue: int
    percentiles: dict[str, float]
    hop_share: float


class LiveStream:
    """A sink of a stream that keeps its last seconds. Any thread may ask for a snapshot."""

    def __init__(self, bundle: Bundle, plan: StreamPlan, shape: StreamShape) -> None:
        self._plan = plan
        self._frame_type, self._decision_type = shape.frame_type(), shape.decision_type()
        self._offset = bundle.frontend.offsets
        self._names = bundle.body.class_names
        self._logits = bundle.body.outputs["logits"]
        self._lock = threading.Lock()
        self._hops: deque[NDArray[np.float64]] = deque(maxlen=SHOWN_HOPS)
        self._responses: deque[int] = deque(maxlen=_LATENCIES_KEPT)
        self._last: Any = None
        self._until = self._dropped = self._gaps = self._decisions = self._missed = 0

    def frame(self, payload: bytes) -> None:
        """Take a payload of SAMPLES."""
        found = np.frombuffer(payload, self._frame_type)[0]
        level = np.abs(found["counts"] - self._offset.astype(np.float64)).mean(axis=0)
        with self._lock:
            index, dropped = int(found["index"]), int(found["dropped"])
            missing = index - self._until
            self._gaps += missing > 0 and missing != dropped - self._dropped
            self._until, self._dropped = index + self._plan.frame_samples, dropped
            self._hops.append(level)

    def decision(self, payload: bytes) -> None:
        """Take a payload of DECISION."""
        found = np.frombuffer(payload, self._decision_type)[0]
        with self._lock:
            self._last = found
            self._decisions += 1
            self._missed += int(found["missed"])
            self._responses.append(int(found["response_ticks"]))

    def snapshot(self) -> Snapshot:
        """This moment, in arrays of its own."""
        with self._lock:
            hops, responses, last = list(self._hops), list(self._responses), self._last
            until, counted = self._until, (self._decisions, self._missed, self._dropped, self._gaps)
        envelope = np.stack(hops, axis=1) if hops else np.zeros((self._plan.channels, 0))
        name, confidence, queue = self._told(last)
        per_unit = float(self._plan.ticks_per_second / self._plan.units_per_second)
        spread = distribution(np.array(responses) / per_unit)
        percentiles = {}
        if spread is not None:
            percentiles = {"p50": spread.p50, "p95": spread.p95, "p99": spread.p99, "max": spread.maximum}
        hop_units = self._plan.deadline_ticks / per_unit
        return Snapshot(
            until / self._plan.true_rate_hz,
            envelope,
            name,
            confidence,
            *counted,
            queue,
            percentiles,
            percentiles.get("max", 0.0) / hop_units,
        )

    def _told(self, last: Any) -> tuple[str, float, int]:
        if last is None:
            return "", 0.0, 0
        logits = self._logits.real(last["logits"][np.newaxis])
        return self._names[int(logits.argmax())], float(confidences(logits)[0]), int(last["queue"])
