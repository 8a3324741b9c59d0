"""The closed-form features against SciPy and NumPy, and the whole-recording form against the window form."""

import numpy as np
import pytest
import scipy.special
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from myofin.features import (
    FEATURE_NAMES,
    feature_scores,
    from_network_domain,
    r2,
    recording_features,
    to_network_domain,
    window_features,
)


def independent(window: np.ndarray) -> list[float]:
    """Features of one channel's window, from library functions."""
    return [
        scipy.stats.entropy(scipy.special.softmax(window)),
        np.linalg.norm(window) / np.sqrt(len(window)),
        np.var(window),
        np.dot(window, window),
    ]


@pytest.mark.parametrize("spike", [0.0, 12.0, 85.0])
def test_window_features_equal_scipy(spike: float) -> None:
    z = np.random.default_rng(0).normal(0.3, 1.0, (5, 600, 3))
    z[:, 100] += spike
    features = window_features(z)
    assert features.shape == (5, 3, 4)
    expected = [[independent(z[w, :, c]) for c in range(3)] for w in range(5)]
    np.testing.assert_allclose(features, expected, rtol=1e-9, atol=1e-14)


def test_known_values() -> None:
    flat = window_features(np.full((600, 1), 2.0))[0]
    np.testing.assert_allclose(flat, [np.log(600), 2.0, 0.0, 2400.0], atol=1e-12)
    two = window_features(np.array([[0.0], [np.log(3.0)]]))[0]  # softmax is 1/4, 3/4
    assert two[0] == pytest.approx(0.25 * np.log(4) + 0.75 * np.log(4 / 3))
    assert FEATURE_NAMES == ("entropy", "rms", "var", "ssi")


def test_entropy_depends_on_the_sign() -> None:
    z = np.random.default_rng(0).exponential(1.0, (600, 1))
    assert abs(window_features(z)[0, 0] - window_features(-z)[0, 0]) > 0.1


def windows_of(z: np.ndarray, frame_samples: int, frames: int) -> np.ndarray:
    span = frame_samples * frames
    starts = range(0, len(z) - span + 1, frame_samples)
    return np.stack([window_features(z[start : start + span]) for start in starts])


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    frame_samples=st.sampled_from([1, 2, 10, 20]),
    extra=st.integers(0, 63),
    level=st.floats(-85, 85),
    spike=st.floats(-85, 85),
)
def test_recording_features_equal_window_features(
    seed: int, frame_samples: int, extra: int, level: float, spike: float
) -> None:
    rng = np.random.default_rng(seed)
    z = rng.normal(0, 1, (35 * frame_samples + extra, 2)) * rng.uniform(0.1, 3)
    z[len(z) // 2] += spike
    z[len(z) // 3 :, 1] += level  # a level far from zero makes plain prefix sums cancel
    np.testing.assert_allclose(
        recording_features(z, frame_samples), windows_of(z, frame_samples, 30), rtol=1e-9, atol=1e-12
    )


def test_entropy_survives_windows_far_below_the_loudest() -> None:
    # One shift for the whole recording would underflow exp() for every window without the peak.
    z = np.random.default_rng(2).normal(0, 1, (2000, 1))
    z[0] = 900.0
    np.testing.assert_allclose(recording_features(z, 20), windows_of(z, 20, 30), rtol=1e-9, atol=1e-12)


def test_other_window_lengths_and_short_recordings() -> None:
    z = np.random.default_rng(2).normal(0, 1, (100, 2))
    np.testing.assert_allclose(recording_features(z, 5, frames=4), windows_of(z, 5, 4), rtol=1e-9)
    assert recording_features(z[:599], 20).shape == (0, 2, 4)
    assert recording_features(np.tile(z, (6, 1)), 20).shape == (1, 2, 4)


def test_network_domain_round_trip() -> None:
    features = window_features(np.random.default_rng(0).normal(0, 1, (7, 60, 2)))
    network = to_network_domain(features)
    np.testing.assert_allclose(network[..., 0], features[..., 0])
    np.testing.assert_allclose(network[..., 1:], np.log(features[..., 1:]))
    np.testing.assert_allclose(from_network_domain(network), features)
    silent = to_network_domain(np.zeros((1, 4)))
    assert silent.tolist() == [[0.0, *[np.log(1e-6)] * 3]]


def test_r2() -> None:
    target = np.array([1.0, 2.0, 3.0, 4.0])
    assert r2(target, target) == 1.0
    assert r2(target, np.full(4, 2.5)) == 0.0
    assert r2(target, target + 0.5) == pytest.approx(1 - 1.0 / 5.0)
    assert r2(np.ones(3), np.ones(3)) == 1.0
    assert r2(np.ones(3), np.zeros(3)) == -np.inf
    with pytest.raises(ValueError, match="shapes"):
        r2(target, target[:3])


def test_feature_scores_name_each_feature() -> None:
    rng = np.random.default_rng(0)
    target = rng.uniform(0.5, 2.0, (50, 3, 4))
    predicted = target.copy()
    predicted[..., 2] = target[..., 2] ** 3  # order kept, value not
    scores = feature_scores(target, predicted)
    assert list(scores) == list(FEATURE_NAMES)
    assert scores["rms"] == {"log": 1.0, "linear": 1.0, "spearman": pytest.approx(1.0)}
    assert scores["var"]["spearman"] == pytest.approx(1.0)
    assert scores["var"]["linear"] < 0.5
    assert scores["var"]["log"] == pytest.approx(
        r2(np.log(target[..., 2]).ravel(), 3 * np.log(target[..., 2]).ravel())
    )


@pytest.mark.parametrize("call", [window_features, lambda z: recording_features(z, 0)])
def test_impossible_shapes_are_refused(call: object) -> None:
    with pytest.raises(ValueError, match="shape"):
        call(np.zeros((0, 2)))
    with pytest.raises(ValueError, match="last axis"):
        to_network_domain(np.zeros((3, 5)))
