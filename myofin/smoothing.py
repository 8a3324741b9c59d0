"""What may be done with decisions outside the network: vote over the last ones, reject unsure ones.

Pure functions of logits and decisions in the order of time. None looks ahead: each can run while streaming.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

REJECTED = -1


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
