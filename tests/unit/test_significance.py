"""McNemar's exact test: a worked example, its symmetry, and what it counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myofin.significance import Pairs, mcnemar


def test_p_and_interval_are_those_of_a_worked_example() -> None:
    p, (low, high) = mcnemar(Pairs(both=0, only_a=5, only_b=15, neither=0))
    assert p == pytest.approx(0.04139, abs=1e-5) and low < 0.5 < high  # binomial, 5 of 20
    assert mcnemar(Pairs(10, 0, 0, 0)) == (1.0, (0.0, 0.0))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_swapping_the_two_swaps_the_signs(both_: int, a: int, b: int, neither: int) -> None:
    if both_ + a + b + neither == 0:
        return
    p, (low, high) = mcnemar(Pairs(both_, a, b, neither))
    turned, (turned_low, turned_high) = mcnemar(Pairs(both_, b, a, neither))
    assert p == pytest.approx(turned) and (low, high) == pytest.approx((-turned_high, -turned_low))
    assert -1 <= low <= (b - a) / (both_ + a + b + neither) + 1e-9 <= high + 2e-9


def test_pairs_are_counted_window_by_window() -> None:
    right_a = np.array([True, True, True, False, False, False, False, False])
    right_b = np.array([True, False, False, True, True, True, False, False])
    found = Pairs.of(right_a, right_b)
    assert found == Pairs(both=1, only_a=2, only_b=3, neither=2)
    assert found.total == 8
