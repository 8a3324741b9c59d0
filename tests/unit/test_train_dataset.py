"""From a recording to windows, targets and classes: by repetition, with nothing leaking from the test."""

import json
from dataclasses import replace

import numpy as np
import pytest

from myofin.errors import InputError, RecordingError
from myofin.features import recording_features, window_features
from myofin.frontend import FrontEnd
from myofin.recordings.synthetic import SyntheticConfig, generate
from myofin.train.baselines import cnn_filters, cnn_multiplications, multiplications
from myofin.train.config import RICH_FEATURES, TrainConfig
from myofin.train.dataset import Scaling, amplified, closed_form, joined, prepare
from myofin.train.fin import SIZE_NAMES, Fin, network_shape
from myofin.train.network_shape import NetworkShape, sequences_of
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
        assert part.features.shape == (len(part), 3, len(RICH_FEATURES))
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
    expected = recording_features(z, frame_samples=2, names=RICH_FEATURES)[0]
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
    assert Scaling.fit(np.ones((2, 1, 4)), RICH_FEATURES[:4]).std.min() > 0


def test_sequences_keep_every_code_in_its_place():
    codes = np.arange(2 * 30 * 6, dtype=np.int64).astype(np.int8).reshape(2, 30, 6)
    shape = NetworkShape(channels=3, frame_samples=2, classes=2)
    assert np.array_equal(sequences_of(codes, replace(shape, layout="joint")), codes)
    singles = sequences_of(codes, shape)
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


def test_amplified_windows_are_training_windows_at_other_levels_with_their_exact_features(dataset):
    part = amplified(dataset, 50, seed=1)
    assert part.codes.shape == (50, 30, 6)
    assert part.features.shape == (50, 3, len(RICH_FEATURES))
    chosen = spread(dataset.train.windows, 50)
    at = np.searchsorted(dataset.train.windows.starts, chosen.starts)
    rms, mav = (part.features[..., RICH_FEATURES.index(name)] for name in ("rms", "mav"))
    struck = rms > 1.7 * mav  # by an impulse; of noise it is 1.25 times
    gains = rms / dataset.train.features[at][..., RICH_FEATURES.index("rms")]
    assert 0.14 < gains[~struck].min() < 0.3
    assert 4 < gains[~struck].max() < 6.5
    assert 0.1 < struck.mean() < 0.3 and gains[struck].max() > 6.5
    assert np.array_equal(part.classes, dataset.train.classes[at])
    assert np.array_equal(part.codes, amplified(dataset, 50, seed=1).codes)
    assert not np.array_equal(part.codes, amplified(dataset, 50, seed=2).codes)


def test_no_amplified_windows_where_none_are_asked_for(dataset):
    part = amplified(dataset, 0, seed=0)
    assert part.codes.shape == (0, 30, 6)
    assert part.features.shape == (0, 3, len(RICH_FEATURES))


def test_joined_parts_are_in_the_order_of_recording_and_lose_nothing(dataset):
    both = joined([dataset.validation, dataset.train])
    assert len(both) == len(dataset.train) + len(dataset.validation)
    assert np.all(np.diff(both.windows.starts) > 0)
    at = np.searchsorted(both.windows.starts, dataset.train.windows.starts)
    assert np.array_equal(both.codes[at], dataset.train.codes)
    assert np.array_equal(both.classes[at], dataset.train.classes)


def test_closed_form_features_are_of_the_windows_also_where_the_part_holds_those_of_later_ones(dataset):
    names = ("ssi", "zc", "entropy", "ssc")
    counts, frame = dataset.recording.counts, dataset.frame_samples
    windows = np.stack([counts[start : start + 30 * frame] for start in dataset.test.windows.starts])
    expected = window_features(dataset.frontend.zscore(windows), names)
    ahead = replace(dataset.test, features=np.zeros_like(dataset.test.features))
    assert np.array_equal(closed_form(dataset, ahead, names), expected)


def test_a_scaling_survives_its_json(dataset):
    again = Scaling.from_json(json.loads(json.dumps(dataset.scaling.to_json())))
    assert again.to_json() == dataset.scaling.to_json()


def test_the_paper_s_features_come_first():
    with pytest.raises(InputError, match="imitated features"):
        TrainConfig(features=("rms", "entropy", "var", "ssi"))
    with pytest.raises(InputError, match="not known"):
        TrainConfig(features=("entropy", "rms", "var", "ssi", "nonsense"))


@pytest.mark.parametrize("other", [{"units": 5}, {"features": ("entropy", "rms", "var", "ssi")}])
def test_a_fin_of_other_sizes_or_features_is_refused(dataset, other):
    config = TrainConfig()
    fin = Fin({n: getattr(network_shape(dataset, config), n) for n in SIZE_NAMES}, dataset.scaling, [])
    assert fin.adopt(dataset, config).scaling is dataset.scaling
    with pytest.raises(InputError, match="FIN"):
        fin.adopt(dataset, replace(config, **other))


def test_the_cnn_it_is_compared_with_costs_as_much(dataset):
    shape = network_shape(dataset, TrainConfig())
    filters = cnn_filters(shape)
    cost = cnn_multiplications(filters, 60, shape.channels, shape.classes)
    assert cost == pytest.approx(multiplications(shape), rel=0.2)
