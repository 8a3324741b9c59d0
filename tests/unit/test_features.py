"""Closed-form features against SciPy and plain loops, and of whole recordings against those of windows."""

import itertools

import numpy as np
import pytest
import scipy.linalg
import scipy.special
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from myofin.errors import InputError
from myofin.feature_windows import LD_FLOOR_SD, SSC_THRESHOLD_SD, WAMP_THRESHOLD_SD, ZC_THRESHOLD_SD
from myofin.features import (
    FEATURE_NAMES,
    FEATURES,
    feature_scores,
    from_network_domain,
    log_features,
    r2,
    recording_features,
    to_network_domain,
    window_features,
)

ALL = tuple(FEATURES)


def independent(x: np.ndarray) -> dict[str, float]:
    """Features of one channel's window, from library functions and plain loops over its samples."""
    n = len(x)
    edges = np.linspace(-3, 3, 21)
    edges[0], edges[-1] = -np.inf, np.inf
    correlation = np.correlate(x, x, "full")[n - 1 : n + 4]
    ar = scipy.linalg.solve_toeplitz(correlation[:4], correlation[1:])
    pairs = list(itertools.pairwise(x))
    turns = [
        (b - a, b - c)
        for a, b, c in zip(x[:-2], x[1:-1], x[2:], strict=True)
        if (b > a) == (b > c) and a != b
    ]
    return {
        "entropy": scipy.stats.entropy(scipy.special.softmax(x)),
        "rms": np.linalg.norm(x) / np.sqrt(n),
        "var": np.var(x),
        "ssi": np.dot(x, x),
        "mav": np.mean([abs(value) for value in x]),
        "wl": sum(abs(b - a) for a, b in pairs),
        "zc": sum((a > 0 > b or a < 0 < b) and abs(a - b) >= ZC_THRESHOLD_SD for a, b in pairs),
        "ssc": sum(b_c != 0 and max(abs(a_b), abs(b_c)) >= SSC_THRESHOLD_SD for a_b, b_c in turns),
        "wamp": sum(abs(b - a) >= WAMP_THRESHOLD_SD for a, b in pairs),
        "hist_entropy": scipy.stats.entropy(np.histogram(x, edges)[0]),
        "rms_d1": np.sqrt(np.mean([(b - a) ** 2 for a, b in pairs])),
        "rms_d2": np.sqrt(
            np.mean([(a - 2 * b + c) ** 2 for a, b, c in zip(x[:-2], x[1:-1], x[2:], strict=True)])
        ),
        "rms_lag2": np.sqrt(np.mean([(b - a) ** 2 for a, b in zip(x[:-2], x[2:], strict=True)])),
        "ld": scipy.stats.gmean(np.abs(x) + LD_FLOOR_SD),
        **{f"ar{k}": value for k, value in enumerate(ar, start=1)},
    }


@pytest.mark.parametrize("spike", [0.0, 12.0, 85.0])
def test_window_features_equal_scipy(spike: float) -> None:
    z = np.random.default_rng(0).normal(0.3, 1.0, (5, 600, 3))
    z[:, 100] += spike
    features = window_features(z, ALL)
    assert features.shape == (5, 3, len(ALL))
    expected = [[list(independent(z[w, :, c]).values()) for c in range(3)] for w in range(5)]
    np.testing.assert_allclose(features, expected, rtol=1e-9, atol=1e-14)
    np.testing.assert_array_equal(window_features(z), features[..., :4])


def test_known_values() -> None:
    flat = window_features(np.full((600, 1), 2.0))[0]
    np.testing.assert_allclose(flat, [np.log(600), 2.0, 0.0, 2400.0], atol=1e-12)
    two = window_features(np.array([[0.0], [np.log(3.0)]]))[0]  # softmax is 1/4, 3/4
    assert two[0] == pytest.approx(0.25 * np.log(4) + 0.75 * np.log(4 / 3))
    assert FEATURE_NAMES == ALL[:4] == ("entropy", "rms", "var", "ssi")
    saw = np.tile([0.0, 1.0, 0.0, -1.0], 3)[:, None]
    found = dict(zip(ALL, window_features(saw, ALL)[0], strict=True))
    assert (found["mav"], found["wl"], found["ssc"], found["wamp"]) == (0.5, 11.0, 5.0, 11.0)
    assert found["zc"] == 0.0  # it touches zero, and no neighbours have opposite signs
    silent = dict(zip(ALL, window_features(np.zeros((60, 1)), ALL)[0], strict=True))
    assert {name for name, value in silent.items() if value != 0} == {"entropy", "ld"}
    assert silent["ld"] == pytest.approx(LD_FLOOR_SD)


@pytest.mark.parametrize(("name", "threshold"), [("zc", ZC_THRESHOLD_SD), ("ssc", SSC_THRESHOLD_SD)])
def test_noise_below_the_threshold_is_not_counted(name: str, threshold: float) -> None:
    still = np.tile([1.0, -1.0], 100)[:, None] * threshold / 2
    assert window_features(still * 0.99, [name])[0, 0] == 0
    assert window_features(still * 1.01, [name])[0, 0] >= 198


def test_names_are_checked() -> None:
    for names, said in (([], "none given"), (["rms", "rms"], "once"), (["loudness"], "loudness")):
        with pytest.raises(InputError, match=said):
            window_features(np.zeros((4, 1)), names)


def test_entropy_depends_on_the_sign() -> None:
    z = np.random.default_rng(0).exponential(1.0, (600, 1))
    assert abs(window_features(z)[0, 0] - window_features(-z)[0, 0]) > 0.1


def windows_of(z: np.ndarray, frame_samples: int, frames: int) -> np.ndarray:
    span = frame_samples * frames
    starts = range(0, len(z) - span + 1, frame_samples)
    return np.stack([window_features(z[start : start + span], ALL) for start in starts])


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
        recording_features(z, frame_samples, names=ALL),
        windows_of(z, frame_samples, 30),
        rtol=1e-9,
        atol=1e-12,
    )


def test_entropy_survives_windows_far_below_the_loudest() -> None:
    # One shift for the whole recording would underflow exp() for every window without the peak.
    z = np.random.default_rng(2).normal(0, 1, (2000, 1))
    z[0] = 900.0
    np.testing.assert_allclose(
        recording_features(z, 20, names=ALL), windows_of(z, 20, 30), rtol=1e-9, atol=1e-12
    )


def test_other_window_lengths_and_short_recordings() -> None:
    z = np.random.default_rng(2).normal(0, 1, (100, 2))
    for samples, frames in ((5, 4), (1, 3), (3, 1), (2, 2)):
        found = recording_features(z, samples, frames, ALL)
        np.testing.assert_allclose(found, windows_of(z, samples, frames), rtol=1e-9, atol=1e-12)
    assert recording_features(z[:599], 20).shape == (0, 2, 4)
    assert recording_features(np.tile(z, (6, 1)), 20).shape == (1, 2, 4)


def test_a_long_recording_is_as_exact_at_its_end_as_at_its_start() -> None:
    """Differences of running sums would carry the rounding of a burst along for fifteen minutes."""
    z = np.random.default_rng(3).normal(0, 0.01, (200 * 900, 1))
    z[:100] = 1e4
    found = recording_features(z, 2, names=ALL)
    for hop in (100, 45_000, len(found) - 1):
        window = window_features(z[2 * hop : 2 * hop + 60], ALL)
        np.testing.assert_allclose(found[hop], window, rtol=1e-11, atol=1e-13)


def test_network_domain_round_trip() -> None:
    features = window_features(np.random.default_rng(0).normal(0, 1, (7, 60, 2)))
    network = to_network_domain(features)
    np.testing.assert_allclose(network[..., 0], features[..., 0])
    np.testing.assert_allclose(network[..., 1:], np.log(features[..., 1:]))
    np.testing.assert_allclose(from_network_domain(network), features)
    silent = to_network_domain(np.zeros((1, 4)))
    assert silent.tolist() == [[0.0, *[np.log(1e-6)] * 3]]
    every = window_features(np.random.default_rng(0).normal(0, 1, (7, 60, 2)), ALL)
    domain = to_network_domain(every, ALL)
    np.testing.assert_allclose(from_network_domain(domain, ALL), every)
    np.testing.assert_allclose(domain[..., ALL.index("wamp")], np.log1p(every[..., ALL.index("wamp")]))
    assert log_features(("entropy", "wl", "zc", "wamp")) == (False, True, False, False)


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


def test_scores_of_counts_and_coefficients_are_finite() -> None:
    rng = np.random.default_rng(0)
    target = window_features(rng.normal(0, 0.1, (40, 60, 3)), ALL)
    scores = feature_scores(target, target * 1.1, ALL)
    assert scores["ar1"]["log"] == scores["ar1"]["linear"]
    assert scores["zc"]["log"] != scores["zc"]["linear"]
    assert all(np.isfinite(value) for kinds in scores.values() for value in kinds.values())
