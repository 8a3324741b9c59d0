"""Votes and rejection over a stream of decisions, against a plain loop."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from myofin.smoothing import (
    REJECTED,
    Smoothing,
    confidences,
    delay_ms,
    majority,
    reject,
    smoothed_figures,
)


def by_loop(decisions: list[int], votes: int) -> list[int]:
    chosen = []
    for now in range(len(decisions)):
        recent = [d for d in decisions[max(0, now + 1 - votes) : now + 1] if d != REJECTED]
        counts = Counter(recent)
        most = max(counts.values(), default=0)
        chosen.append(next((d for d in reversed(recent) if counts[d] == most), REJECTED))
    return chosen


@given(decisions=st.lists(st.integers(-1, 3), max_size=40), votes=st.integers(1, 9))
def test_majority_equals_the_plain_loop(decisions: list[int], votes: int) -> None:
    assert majority(np.array(decisions, dtype=np.int64), votes).tolist() == by_loop(decisions, votes)


def test_one_vote_changes_nothing_and_none_is_refused() -> None:
    decisions = np.array([2, 0, 1, REJECTED, 1])
    assert majority(decisions, 1).tolist() == decisions.tolist()
    with pytest.raises(ValueError, match="at least one"):
        majority(decisions, 0)


def test_confidence_is_softmax_and_rejects_below_the_threshold() -> None:
    logits = np.array([[0.0, np.log(3.0)], [800.0, -800.0], [1.0, 1.0]])
    assert np.allclose(confidences(logits), [0.75, 1.0, 0.5])
    assert reject(logits, 0.7).tolist() == [1, 0, REJECTED]
    assert reject(logits, 0.0).tolist() == [1, 0, 0]


def test_figures_of_nothing_have_no_shares_and_delays_follow_the_formula() -> None:
    nothing = smoothed_figures(np.zeros((0, 3)), np.zeros(0), np.zeros(0, np.int64), Smoothing(3, 0.5))
    assert nothing["judged"] == 0 and nothing["accuracy"] is None and nothing["accuracy_accepted"] is None
    every = smoothed_figures(np.zeros((2, 2)), np.zeros(2), np.zeros(2, np.int64), Smoothing(1, 0.9))
    assert every["rejected_share"] == 1.0 and every["accuracy_accepted"] is None
    assert delay_ms(300, 10, Smoothing(5)) == 175  # W/2 + n h/2
    assert delay_ms(200, 20, Smoothing()) == 110
