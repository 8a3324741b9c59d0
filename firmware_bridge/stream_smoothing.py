"""What becomes of a stream's decisions when the last ones vote, and unsure ones are rejected. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from myofin.smoothing import REJECTED, majority, reject


@dataclass(frozen=True)
class Smoothing:
    """How decisions are smoothed: votes of the last ones, least confidence; 1 and 0 change nothing."""

    votes: int = 1
    reject: float = 0.0


NO_SMOOTHING: Final = Smoothing()


def smoothed_figures(
    logits: NDArray[np.float64],
    index: NDArray[Any],
    labels: NDArray[np.int64],
    hop_samples: int,
    smoothing: Smoothing,
) -> dict[str, Any]:
    """Accuracy, rejections and active errors of the smoothed decisions that have a label.

    Args:
        logits: float64 ``[d, classes]``, dequantised.
        index: Index in the stream of each decision; votes do not reach over a gap.
        labels: int64 ``[d]``, -1: not judged.
        hop_samples: From one index to the next where nothing is missing.
        smoothing: Votes and rejection.

    Returns:
        ``active_error_rate`` is the share of judged decisions that are wrong and were not rejected.
    """
    decided = reject(logits, smoothing.reject) if len(logits) else np.zeros(0, np.int64)
    edges = np.flatnonzero(np.diff(index.astype(np.int64)) != hop_samples) + 1
    parts = [majority(part, smoothing.votes) for part in np.split(decided, edges)]
    voted = np.concatenate(parts)[labels >= 0]
    truth = labels[labels >= 0]
    judged = len(truth)
    rejected, right = int((voted == REJECTED).sum()), int((voted == truth).sum())
    return {
        "votes": smoothing.votes,
        "reject": smoothing.reject,
        "judged": judged,
        "accuracy": right / judged if judged else None,
        "rejected_share": rejected / judged if judged else None,
        "active_error_rate": (judged - right - rejected) / judged if judged else None,
    }
