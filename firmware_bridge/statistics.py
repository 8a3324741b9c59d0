"""Small statistics of a validation: intervals, percentiles, histograms.

Pure functions of arrays. Where a figure is undefined (no windows) they return ``None``,
never NaN, so that whatever is built from them can be written as JSON.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

HISTOGRAM_REACH_LSB = 8
_PERCENTS = (50, 95, 99)
_BINS = 24


@dataclass(frozen=True)
class Histogram:
    """Counts of differences: a label a bin, and whether the bin counts as equal for the verdict."""

    labels: tuple[str, ...]
    counts: tuple[int, ...]
    within: tuple[bool, ...]


@dataclass(frozen=True)
class Distribution:
    """Percentiles of ticks by the nearest-rank method: each is a value that was observed."""

    minimum: float
    p50: float
    p95: float
    p99: float
    maximum: float
    bin_edges: tuple[float, ...]
    bin_counts: tuple[int, ...]


def wilson_interval(successes: int, trials: int) -> tuple[float, float] | None:
    """95 % Wilson score interval of a proportion, or ``None`` without trials.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference (1927),
    as computed by ``scipy.stats.binomtest``.
    """
    if trials == 0:
        return None
    interval = binomtest(successes, trials).proportion_ci(confidence_level=0.95, method="wilson")
    return float(interval.low), float(interval.high)


def distribution(ticks: NDArray[Any]) -> Distribution | None:
    """Percentiles and histogram of ticks ``[w]``, one bin if they never vary; ``None`` for no windows."""
    if ticks.size == 0:
        return None
    p50, p95, p99 = (float(p) for p in np.percentile(ticks, _PERCENTS, method="inverted_cdf"))
    low, high = float(ticks.min()), float(ticks.max())
    bins = 1 if low == high else min(_BINS, max(2, round(high - low) + 1))
    counts, edges = np.histogram(ticks, bins=bins, range=(low, high if high > low else low + 1.0))
    return Distribution(
        minimum=low,
        p50=p50,
        p95=p95,
        p99=p99,
        maximum=high,
        bin_edges=tuple(float(edge) for edge in edges),
        bin_counts=_integers(counts),
    )


def lsb_histogram(differences: NDArray[Any]) -> Histogram:
    """Histogram of integer differences, a bin a step; the end bins hold all beyond."""
    reach = HISTOGRAM_REACH_LSB
    clipped = np.clip(differences.astype(np.int64).ravel(), -reach, reach)
    counts = np.bincount(clipped + reach, minlength=2 * reach + 1)
    steps = range(-reach, reach + 1)
    labels = [f"≤−{reach}", *(_signed(step) for step in steps[1:-1]), f"≥+{reach}"]
    return Histogram(tuple(labels), _integers(counts), tuple(step == 0 for step in steps))


def tolerance_histogram(differences: NDArray[Any], tolerance: float) -> Histogram:
    """Histogram of absolute differences in decades around ``tolerance``, with a bin for NaN and infinity."""
    size = np.abs(differences.astype(np.float64).ravel())
    uppers = (0.0, tolerance / 100, tolerance / 10, tolerance, tolerance * 10)
    cumulated = [int(np.count_nonzero(size <= upper)) for upper in uppers]
    finite = int(np.count_nonzero(np.isfinite(size)))
    counts = np.diff([0, *cumulated, finite, size.size])
    labels = ("0", *(f"≤ {upper:.0e}" for upper in uppers[1:]), f"> {uppers[-1]:.0e}", "NaN, inf")
    return Histogram(labels, _integers(counts), (True, True, True, True, False, False, False))


def _signed(step: int) -> str:
    return "0" if step == 0 else f"{'+' if step > 0 else '−'}{abs(step)}"


def _integers(counts: Iterable[Any]) -> tuple[int, ...]:
    return tuple(int(count) for count in counts)
