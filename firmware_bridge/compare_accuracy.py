"""Is one accuracy higher than another? Paired where both saw the same windows, unpaired otherwise. Pure.

Paired: McNemar's exact test (``myofin.significance``). Unpaired: Fisher's exact test, and Newcombe's interval
of a difference of two proportions (R. G. Newcombe, Interval estimation for the difference between independent
proportions, 1998, method 10).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import fisher_exact, wilcoxon

from myofin.firmware_bridge.statistics import wilson_interval
from myofin.firmware_bridge.window_facts import WindowFacts
from myofin.significance import Pairs, mcnemar

LEVEL: Final = 0.05
_MOVEMENTS_NEEDED: Final = 6  # fewer cannot reach the level in a signed-rank test


@dataclass(frozen=True)
class Difference:
    """Accuracy of B minus that of A, its 95 % interval, and how likely chance alone would show as much.

    ``movement_p`` is of a signed-rank test over movements: windows of a movement are alike, and it takes no
    more from many of them than from few. None where there are too few movements, or no pairs.
    """

    a: float
    b: float
    ci95: tuple[float, float]
    p: float
    pairs: Pairs | None
    windows: tuple[int, int]
    movement_p: float | None = None

    @property
    def difference(self) -> float:
        """B minus A."""
        return self.b - self.a

    @property
    def significant(self) -> bool:
        """Whether chance shows as much in fewer than one of twenty cases."""
        return self.p < LEVEL

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            **asdict(self),
            "ci95": list(self.ci95),
            "windows": list(self.windows),
            "difference": self.difference,
            "significant": self.significant,
            "p_told": f"p {_p(self.p)}",
            "test": "McNemar, exact" if self.pairs else "Fisher, exact",
        }


def paired(a: WindowFacts, b: WindowFacts) -> Difference | None:
    """Compare on the windows that are in both, each once; None when there is none."""
    _, rows_a, rows_b = np.intersect1d(a.identities, b.identities, return_indices=True)
    same = a.labels[rows_a] == b.labels[rows_b]
    rows_a, rows_b = rows_a[same], rows_b[same]
    if len(rows_a) == 0:
        return None
    labels = a.labels[rows_a]
    right_a, right_b = a.device[rows_a] == labels, b.device[rows_b] == labels
    pairs = Pairs.of(right_a, right_b)
    p, interval = mcnemar(pairs)
    return Difference(
        a=float(right_a.mean()),
        b=float(right_b.mean()),
        ci95=interval,
        p=p,
        pairs=pairs,
        windows=(pairs.total, pairs.total),
        movement_p=_by_movement(labels, right_a.astype(float) - right_b.astype(float)),
    )


def unpaired(right: tuple[int, int], windows: tuple[int, int]) -> Difference | None:
    """Compare right decisions of two sets of windows; None when one of them is empty."""
    if 0 in windows:
        return None
    shares = [r / n for r, n in zip(right, windows, strict=True)]
    intervals = [wilson_interval(r, n) or (0.0, 1.0) for r, n in zip(right, windows, strict=True)]
    (low_a, high_a), (low_b, high_b) = intervals
    a, b = shares
    low = (b - a) - math.hypot(b - low_b, high_a - a)
    high = (b - a) + math.hypot(high_b - b, a - low_a)
    table = np.array([[r, n - r] for r, n in zip(right, windows, strict=True)])
    p = float(fisher_exact(table).pvalue)
    return Difference(a=a, b=b, ci95=(low, high), p=p, pairs=None, windows=windows)


def sentence(found: Difference) -> str:
    """What was found, in one sentence, and how far it can be trusted."""
    points = f"{100 * found.difference:+.1f}".replace("-", "−")
    low, high = (f"{100 * bound:+.1f}".replace("-", "−") for bound in found.ci95)
    if found.pairs:
        pairs = found.pairs
        where = (
            f"on the {pairs.total:,} windows that both decided, {pairs.only_b:,} are right in B alone and "
            f"{pairs.only_a:,} in A alone"
        )
    else:
        where = f"on different windows, {found.windows[0]:,} of A and {found.windows[1]:,} of B"
    judged = "significant" if found.significant else "not significant"
    return (
        f"{points} points (95 % interval {low} to {high}): {where}; p {_p(found.p)}, {judged}"
        f"{_caution(found)}."
    )


def _caution(found: Difference) -> str:
    if found.movement_p is None:
        return ""
    agrees = (found.movement_p < LEVEL) == found.significant
    return f"; over movements p {_p(found.movement_p)}{'' if agrees else ', which says otherwise'}"


def _p(value: float) -> str:
    return "< .001" if value < 0.001 else f"= {value:.3f}".replace(" 0.", " .")


def _by_movement(labels: NDArray[np.int64], differences: NDArray[np.float64]) -> float | None:
    means = np.array([differences[labels == label].mean() for label in np.unique(labels)])
    if np.count_nonzero(means) < _MOVEMENTS_NEEDED:
        return None
    return float(wilcoxon(means).pvalue)


def as_document(found: Difference | None) -> Mapping[str, Any] | None:
    """A difference with its sentence, as plain data."""
    return None if found is None else {**found.to_json(), "sentence": sentence(found)}
