"""Windows under other conditions: each variation does what it says, and nothing else."""

import numpy as np
import pytest

from myofin.train.augment import Variation, vary

OFFSETS = np.array([100, -50, 0, 7], dtype=np.int32)
SDS = np.array([200.0, 100.0, 50.0, 400.0])


@pytest.fixture(scope="module")
def counts():
    signal = np.random.default_rng(0).normal(size=(40, 300, 4)) * SDS + OFFSETS
    return np.rint(signal).astype(np.int16)


def level(windows):
    return np.sqrt(np.square(windows - OFFSETS.astype(float)).mean(axis=1))


def test_the_neutral_variation_changes_nothing(counts):
    assert np.array_equal(vary(counts, OFFSETS, SDS, Variation(), 1), counts)


def test_gains_are_drawn_for_each_channel_and_the_common_one_for_all(counts):
    ratio = level(vary(counts, OFFSETS, SDS, Variation(gain=(0.5, 2.0)), 1)) / level(counts)
    assert 0.49 < ratio.min() < 0.6 and 1.7 < ratio.max() < 2.02
    together = level(vary(counts, OFFSETS, SDS, Variation(common_gain_sd=0.5), 1)) / level(counts)
    assert np.allclose(together, together[:, :1], rtol=0.02)
    assert np.log(together[:, 0]).std() == pytest.approx(0.5, rel=0.5)


def test_a_tilt_moves_the_spectrum_and_keeps_the_level(counts):
    for slope, higher in ((0.8, True), (-0.8, False)):
        tilted = vary(counts, OFFSETS, SDS, Variation(tilt=(slope, slope), tilted=1.0), 1)
        assert np.allclose(level(tilted), level(counts), rtol=0.02)
        steps = [np.square(np.diff(windows.astype(float), axis=1)).mean() for windows in (tilted, counts)]
        assert (steps[0] > steps[1]) == higher


def test_turned_electrodes_take_in_their_neighbour():
    counts = np.zeros((1, 30, 4), dtype=np.int16)
    counts[:, :, 0] = 1000
    turned = vary(counts, np.zeros(4, np.int32), SDS, Variation(shift=0.5), 3)[0, 0]
    assert turned[0] < 1000 and turned.sum() == pytest.approx(1000, abs=2)
    assert turned[2] == 0 and (turned[1] == 0) != (turned[3] == 0)


def test_dropped_channels_are_silent_and_noise_is_added(counts):
    dropped = vary(counts, OFFSETS, SDS, Variation(dropped=0.3), 1)
    silent = np.all(dropped == OFFSETS, axis=1)
    assert 0.15 < silent.mean() < 0.45
    noisy = vary(counts, OFFSETS, SDS, Variation(noise_sd=1.0), 1)
    assert np.allclose((noisy - counts.astype(float)).std(axis=(0, 1)), SDS, rtol=0.05)


def test_an_impulse_is_one_sample_of_a_share_of_windows_and_channels(counts):
    struck = vary(counts, OFFSETS, SDS, Variation(impulses=0.5, impulse_sd=(10.0, 40.0)), 1)
    changed = struck != counts
    assert set(changed.sum(axis=1).ravel().tolist()) == {0, 1}
    assert 0.35 < changed.sum(axis=1).mean() < 0.65
    heights = np.abs((struck.astype(float) - counts)[changed]) / np.broadcast_to(SDS, counts.shape)[changed]
    assert 9.9 < heights.min() < 15 and 30 < heights.max() < 40.1


def test_nothing_leaves_int16_and_the_seed_decides(counts):
    loud = vary(counts, OFFSETS, SDS, Variation(gain=(900.0, 1000.0)), 1)
    assert loud.max() == 32767 and loud.min() == -32768
    noisy = [vary(counts, OFFSETS, SDS, Variation(noise_sd=0.1), seed) for seed in (1, 1, 2)]
    assert np.array_equal(noisy[0], noisy[1]) and not np.array_equal(noisy[0], noisy[2])
