"""What may be done with decisions outside the network: vote over the last ones, reject unsure ones.

Pure functions of logits and decisions in the order of time. None looks ahead: each can run while streaming.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

REJECTED = -1


@dataclass(frozen=True)
class Smoothing:
    """How decisions are smoothed: votes of the last ones, least confidence; 1 and 0 change nothing."""

    votes: int = 1
    reject: float = 0.0


NO_SMOOTHING: Final = Smoothing()


def confidences(logits: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Probability of the likeliest class, softmax of float[n, classes]: float64[n]."""
    logits = np.asarray(logits, dtype=np.float64)
    return np.asarray(1.0 / np.exp(logits - logits.max(axis=1, keepdims=True)).sum(axis=1))


def reject(logits: npt.NDArray[Any], threshold: float) -> npt.NDArray[np.int64]:
    """Decide by the highest logit; ``REJECTED`` where its probability is below the threshold.

    Args:
        logits: float[n, classes].
        threshold: 0 rejects nothing.
    """
    sure = confidences(logits) >= threshold
    return np.where(sure, np.asarray(logits).argmax(axis=1), REJECTED).astype(np.int64)


def majority(decisions: npt.NDArray[Any], votes: int) -> npt.NDArray[np.int64]:
    """The class most frequent among each decision and those before it, at most ``votes`` of them.

    Rejected decisions do not vote; of equally frequent classes the one decided last wins, and where nobody
    votes the answer is ``REJECTED``.

    Args:
        decisions: int[n], in the order of time: one uninterrupted stream.
        votes: At least 1, which changes nothing. Each vote more delays a change by about half a hop.

    Raises:
        ValueError: ``votes`` is below 1.
    """
    if votes < 1:
        raise ValueError(f"a majority needs at least one vote, not {votes}")
    decisions = np.asarray(decisions, dtype=np.int64)
    classes = np.unique(decisions[decisions != REJECTED])
    if classes.size == 0:
        return np.full(len(decisions), REJECTED, dtype=np.int64)
    cast = (decisions[:, np.newaxis] == classes).astype(np.int64)
    running = np.concatenate([np.zeros((1, len(classes)), dtype=np.int64), np.cumsum(cast, axis=0)])
    ends = np.arange(1, len(decisions) + 1)
    counts = running[ends] - running[np.maximum(ends - votes, 0)]
    # Where each class was decided last, as a fraction below 1, settles ties.
    last = np.maximum.accumulate(np.where(cast > 0, ends[:, np.newaxis], 0), axis=0)
    chosen = classes[(counts + last / (len(decisions) + 1)).argmax(axis=1)]
    return np.where(counts.sum(axis=1) > 0, chosen, REJECTED).astype(np.int64)


def smoothed_figures(
    logits: npt.NDArray[Any], streams: npt.NDArray[Any], truth: npt.NDArray[Any], smoothing: Smoothing
) -> dict[str, Any]:
    """Accuracy, rejections and active errors of smoothed decisions, those that are judged.

    Args:
        logits: float ``[d, classes]``, in the order of time.
        streams: ``[d]``, changes where a stream is interrupted: votes do not reach over that.
        truth: int ``[d]``, the right class; below 0: not judged.
        smoothing: Votes and rejection.

    Returns:
        Shares of the judged decisions (None where there is none): ``accuracy`` are right, ``rejected_share``
        were rejected, ``active_error_rate`` are wrong and were not rejected; ``accuracy_accepted`` is the
        share of right ones among those not rejected.
    """
    decided = reject(logits, smoothing.reject) if len(logits) else np.zeros(0, np.int64)
    parts = np.split(decided, np.flatnonzero(np.diff(streams)) + 1)
    voted = np.concatenate([majority(part, smoothing.votes) for part in parts])[truth >= 0]
    judged, right = len(voted), int((voted == truth[truth >= 0]).sum())
    rejected = int((voted == REJECTED).sum())
    return {
        "votes": smoothing.votes,
        "reject": smoothing.reject,
        "judged": judged,
        "accuracy": _share(right, judged),
        "rejected_share": _share(rejected, judged),
        "active_error_rate": _share(judged - right - rejected, judged),
        "accuracy_accepted": _share(right, judged - rejected),
    }


def delay_ms(window_ms: float, hop_ms: float, smoothing: Smoothing) -> float:
    """Mean delay of a change, in ms, before the time to compute: half a window, half a hop for each vote."""
    return window_ms / 2 + smoothing.votes * hop_ms / 2


def _share(some: int, whole: int) -> float | None:
    return some / whole if whole else None
