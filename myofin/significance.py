"""Who decides better on the same windows, and how likely chance alone shows as much. Pure.

McNemar's exact test: a sign test on the windows that one decided right and the other wrong (Q. McNemar, Note
on the sampling error of the difference between correlated proportions, 1947).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest


@dataclass(frozen=True)
class Pairs:
    """Windows that both A and B decided: right in both, in one alone, in neither."""

    both: int
    only_a: int
    only_b: int
    neither: int

    @staticmethod
    def of(right_a: NDArray[np.bool_], right_b: NDArray[np.bool_]) -> Pairs:
        """Count them, given which windows each decided right: bool ``[w]``, in the same order."""
        return Pairs(
            both=_count(right_a & right_b),
            only_a=_count(right_a & ~right_b),
            only_b=_count(~right_a & right_b),
            neither=_count(~right_a & ~right_b),
        )

    @property
    def total(self) -> int:
        """All of them."""
        return self.both + self.only_a + self.only_b + self.neither


def mcnemar(pairs: Pairs) -> tuple[float, tuple[float, float]]:
    """Two-sided p, and the 95 % interval of B's accuracy minus A's, given how many windows differ."""
    discordant = pairs.only_a + pairs.only_b
    if discordant == 0:
        return 1.0, (0.0, 0.0)
    found = binomtest(pairs.only_b, discordant)
    share = found.proportion_ci(confidence_level=0.95, method="exact")
    low, high = (float((2 * value - 1) * discordant / pairs.total) for value in (share.low, share.high))
    return float(found.pvalue), (low, high)


def _count(where: NDArray[np.bool_]) -> int:
    return int(np.count_nonzero(where))
