"""From a recording to windows, targets and classes: by repetition, with nothing leaking from the test."""

from dataclasses import replace

import numpy as np
import pytest

from myofin.errors import InputError, RecordingError
from myofin.features import recording_features
from myofin.frontend import FrontEnd
from myofin.recordings.synthetic import SyntheticConfig, generate
from myofin.train.config import TrainConfig
from myofin.train.dataset import Scaling, amplified, prepare, single_channels
from myofin.windows import spread


@pytest.fixture(scope="module")
def recording():
    return generate(SyntheticConfig(channels=3, rate_hz=200, movements=4, movement_s=1.0, rest_s=0.3))


@pytest.fixture(scope="module")
def dataset(recording):
    return prepare(recording, TrainConfig(max_windows=200, max_test_windows=80))


def test_parts_hold_only_their_repetitions_and_every_movement(dataset):
    for name in ("train", "validation", "test"):
        part = getattr(dataset, name)
        assert set(part.windows.repetitions.tolist()) <= set(getattr(dataset.split, name))
        assert sorted(set(part.classes.tolist())) == [0, 1, 2, 3]
        assert part.codes.shape == (len(part), 30, 2 * 3)
        assert part.features.shape == (len(part), 3, 4)
    assert len(dataset.train) == 200
    assert len(dataset.test) == 80


def test_what_happens_in_test_repetitions_changes_nothing_that_training_sees(recording, dataset):
    counts = recording.counts.copy()
    counts[np.isin(recording.repetitions, dataset.split.test)] = 31_000
    other = prepare(replace(recording, counts=counts), TrainConfig(max_windows=200, max_test_windows=80))
    assert other.frontend.to_json() == dataset.frontend.to_json()
    assert other.scaling.to_json() == dataset.scaling.to_json()
    assert np.array_equal(other.train.codes, dataset.train.codes)


def test_targets_are_the_closed_form_features_of_the_z_scored_recording(recording, dataset):
    start = int(dataset.test.windows.starts[7])
    z = dataset.frontend.zscore(recording.counts[start : start + 60])
    expected = recording_features(z, frame_samples=2)[0]
    assert np.allclose(dataset.test.features[7], expected)


@pytest.mark.parametrize("dc_shift", [0, 5])
def test_z_scored_windows_equal_windows_taken_alone(recording, dc_shift):
    frontend = FrontEnd.fit(recording.counts, dc_shift=dc_shift)
    windows = np.stack([recording.counts[s : s + 60] for s in (0, 111, 222)])
    alone = np.stack([frontend.zscore(window) for window in windows])
    assert np.array_equal(frontend.zscore(windows), alone)


def test_scaling_standardises_training_targets_and_is_undone(dataset):
    standard = dataset.scaling.standardise(dataset.train.features)
    assert np.allclose(standard.mean(axis=(0, 1)), 0, atol=1e-4)
    assert np.allclose(standard.std(axis=(0, 1)), 1, atol=1e-4)
    restored = dataset.scaling.restore(standard)
    np.testing.assert_allclose(restored, dataset.train.features, rtol=1e-4)
    assert Scaling.fit(np.ones((2, 1, 4))).std.min() > 0


def test_single_channels_keep_every_code_in_its_place():
    codes = np.arange(2 * 30 * 6, dtype=np.int64).astype(np.int8).reshape(2, 30, 6)
    singles = single_channels(codes, channels=3)
    assert singles.shape == (6, 30, 2)
    for window in range(2):
        for channel in range(3):
            expected = codes[window].reshape(30, 2, 3)[:, :, channel]
            assert np.array_equal(singles[window * 3 + channel], expected)


def test_a_movement_without_test_windows_is_refused_by_name(recording):
    gone = (recording.labels == 3) & np.isin(recording.repetitions, (2, 5))
    labels = np.where(gone, 0, recording.labels).astype(np.int16)
    with pytest.raises(RecordingError, match="movement 3 has no test window"):
        prepare(replace(recording, labels=labels), TrainConfig())


def test_one_movement_is_nothing_to_tell_apart(recording):
    labels = np.where(recording.labels == 1, 1, 0).astype(np.int16)
    with pytest.raises(RecordingError, match="1 movement"):
        prepare(replace(recording, labels=labels), TrainConfig())


@pytest.mark.parametrize("settings", [{"units": 0}, {"epochs": 0}, {"dc_shift": 16}, {"finetune_epochs": -1}])
def test_impossible_settings_are_refused(settings):
    with pytest.raises(InputError, match=next(iter(settings))):
        TrainConfig(**settings)


def test_amplified_windows_are_louder_training_windows_with_their_exact_features(dataset):
    codes, features = amplified(dataset, 50, seed=1)
    assert codes.shape == (50, 30, 6)
    assert features.shape == (50, 3, 4)
    assert codes.min() >= -127
    chosen = spread(dataset.train.windows, 50)
    own = dataset.train.features[np.searchsorted(dataset.train.windows.starts, chosen.starts)]
    gains = features[..., 1] / own[..., 1]
    assert 0.45 < gains.min() < 0.7
    assert 4 < gains.max() < 6.5
    again, _ = amplified(dataset, 50, seed=1)
    assert np.array_equal(codes, again)
    assert not np.array_equal(codes, amplified(dataset, 50, seed=2)[0])


def test_no_amplified_windows_where_none_are_asked_for(dataset):
    codes, features = amplified(dataset, 0, seed=0)
    assert codes.shape == (0, 30, 6)
    assert features.shape == (0, 3, 4)
