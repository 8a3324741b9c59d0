"""Which windows the imitation is shown: the rare ones more often, and no feature but entropy pays for it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from myofin.train.emphasis import ENTROPY, ENTROPY_WEIGHT, RARE_ENTROPY, RARE_LEVEL, Emphasis, rarity

USUAL_NATS, RARE_NATS = 5.5, 0.1


def windows(lanes: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Features ``[1000, lanes, 4]`` and entropies of windows, of which the last 20 have a low entropy."""
    rng = np.random.default_rng(0)
    entropy = rng.normal(USUAL_NATS, 0.01, (1000, lanes))
    entropy[-20:, 0] = RARE_NATS
    return rng.normal(0, 1, (1000, lanes, 4)).astype(np.float32), entropy


def test_rare_entropies_are_drawn_more_often() -> None:
    features, entropy = windows()
    chances = Emphasis.of(features, entropy).chances
    assert chances.sum() == pytest.approx(1)
    assert chances[-20:].mean() > 3 * chances[:-20].mean()
    assert chances.min() >= (1 - RARE_ENTROPY) * (1 - RARE_LEVEL) / 1000


def test_the_rarest_lane_decides() -> None:
    features, entropy = windows(lanes=3)
    emphasis = Emphasis.of(features, entropy)
    assert emphasis.chances[-20:].min() > 2 * np.median(emphasis.chances)
    assert emphasis.weights.shape == (1000, 12)


def test_other_features_count_as_if_windows_were_drawn_as_they_occur() -> None:
    """But for the loudest, which all features are shown more often: chance times weight is that of both."""
    features, entropy = windows()
    emphasis = Emphasis.of(features, entropy)
    counted = emphasis.chances[:, np.newaxis] * emphasis.weights
    level = features[:, 0, 1]
    quiet = level <= np.median(level)
    for place in (1, 2, 3):
        np.testing.assert_allclose(counted[quiet, place], counted[quiet, place][0], rtol=1e-5)
        assert counted[level.argmax(), place] > counted[quiet, place][0]
    assert np.ptp(counted[quiet, ENTROPY]) > counted[quiet, ENTROPY].min()


def test_entropy_counts_as_three_features_and_the_mean_weight_is_one() -> None:
    features, entropy = windows()
    weights = Emphasis.of(features, entropy).weights
    undisturbed = weights[:, ENTROPY][0] / ENTROPY_WEIGHT
    assert undisturbed * (ENTROPY_WEIGHT + 3) / 4 == pytest.approx(1)


def test_each_batch_is_spread_over_all_sequences() -> None:
    features, entropy = windows()
    emphasis = Emphasis.of(features, entropy)
    drawn = emphasis.draw(np.random.default_rng(0), 25, 40)
    assert drawn.shape == (25, 40)
    assert (np.diff(drawn, axis=1) >= 0).all()
    share = np.cumsum(emphasis.chances)[drawn]
    assert np.abs(share - np.arange(40) / 40).max() < 0.15
    again = emphasis.draw(np.random.default_rng(0), 25, 40)
    np.testing.assert_array_equal(drawn, again)


@given(arrays(np.float64, st.integers(1, 200), elements=st.floats(-1e6, 1e6)))
def test_rarity_is_a_distribution_whatever_the_values(values: np.ndarray) -> None:
    chances = rarity(values)
    assert chances.shape == values.shape
    assert (chances > 0).all()
    assert chances.sum() == pytest.approx(1)
