"""How decisions serve somebody who wears the board: of a stream with rest in it, beside window accuracy.

Pure functions of labels and scores, one row a hop.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from myofin.recordings.model import REST, runs_of
from myofin.smoothing import confidences

REJECTED_SHARE = 0.1
STEADY_DECISIONS = 3


def stream_scores(
    labels: NDArray[Any], trials: NDArray[Any], decided: NDArray[Any], scores: NDArray[Any], hop_ms: float
) -> dict[str, float | None]:
    """Figures of a stream.

    Args:
        labels: ``[w]``, what is done at the end of each window; 0 is rest.
        trials: ``[w]``, changes where a new trial begins.
        decided: ``[w]``, the label decided.
        scores: ``[w, classes]``, log-likelihoods or logits: their softmax is the confidence.
        hop_ms: Time from one row to the next within a trial.

    Returns:
        active_error: Share of wrong ones among the decisions for a movement.
        false_movement: Share of decisions for a movement while at rest.
        rejected_share, accuracy_kept: With the least confident tenth of all decisions rejected.
        onset_delay_ms: Median time from the first window that ends in a movement to the first of three
            right decisions in a row; ``missed_onsets`` is the share of movements without such.
    """
    active, resting = decided != REST, labels == REST
    right = decided == labels
    confident = confidences(scores)
    kept = np.argsort(confident, kind="stable")[round(REJECTED_SHARE * len(labels)) :]
    delays = _delays(labels, trials, right, hop_ms)
    found = [delay for delay in delays if delay is not None]
    return {
        "active_error": _mean(~right[active]),
        "false_movement": _mean(active[resting]),
        "rejected_share": REJECTED_SHARE,
        "accuracy_kept": _mean(right[kept]),
        "onset_delay_ms": float(np.median(found)) if found else None,
        "missed_onsets": 1.0 - len(found) / len(delays) if delays else None,
    }


def _delays(
    labels: NDArray[Any], trials: NDArray[Any], right: NDArray[np.bool_], hop_ms: float
) -> list[float | None]:
    delays: list[float | None] = []
    for run in runs_of(trials):
        if labels[run.start] == REST:
            continue
        steady = right[run]
        for _ in range(STEADY_DECISIONS - 1):
            steady = steady[:-1] & right[run][len(right[run]) - len(steady) + 1 :]
        at = np.flatnonzero(steady)
        delays.append(float(at[0]) * hop_ms if len(at) else None)
    return delays


def _mean(values: NDArray[Any]) -> float | None:
    return float(np.mean(values)) if len(values) else None
