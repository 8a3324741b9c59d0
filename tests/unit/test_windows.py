"""Windows and splits: no window crosses a trial, nothing leaks between repetitions, all is deterministic."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myofin.errors import RecordingError
from myofin.recordings.model import Recording, trials_of
from myofin.splits import Split, default_split
from myofin.windows import WindowSet, cut_windows, gather, merged, spread


def recording_of(*runs: tuple[int, int, int]) -> Recording:
    """Build a recording from (label, repetition, samples); each sample holds its own index."""
    labels = np.concatenate([np.full(n, label, dtype=np.int16) for label, _, n in runs])
    repetitions = np.concatenate([np.full(n, number, dtype=np.int16) for _, number, n in runs])
    counts = np.stack([np.arange(len(labels)), -np.arange(len(labels))], axis=1).astype(np.int16)
    trial = trials_of(labels, repetitions)
    return Recording(counts, 200, labels, repetitions, trial, "1", "made", "synthetic")


@settings(max_examples=60, deadline=None)
@given(
    runs=st.lists(
        st.tuples(st.integers(0, 3), st.integers(-1, 4), st.integers(1, 200)), min_size=1, max_size=12
    ),
    hop_frames=st.integers(1, 5),
    include_rest=st.booleans(),
)
def test_no_window_crosses_a_trial(
    runs: list[tuple[int, int, int]], hop_frames: int, include_rest: bool
) -> None:
    recording = recording_of(*runs)
    windows = cut_windows(recording, frame_samples=2, hop_frames=hop_frames, include_rest=include_rest)
    for start, label in zip(windows.starts, windows.labels, strict=True):
        inside = slice(start, start + 60)
        assert len(np.unique(recording.trial[inside])) == 1
        assert np.all(recording.labels[inside] == label)
        assert len(recording.labels[inside]) == 60
        assert label > 0 or include_rest
    assert np.all(np.diff(windows.starts) > 0)


def test_starts_begin_with_the_trial_and_hop() -> None:
    recording = recording_of((0, -1, 33), (1, 1, 70), (0, -1, 100), (2, 1, 60), (2, 2, 59))
    windows = cut_windows(recording, frame_samples=2, hop_frames=2)
    assert windows.starts.tolist() == [33, 37, 41, 203]
    assert windows.labels.tolist() == [1, 1, 1, 2]
    assert windows.repetitions.tolist() == [1, 1, 1, 1]
    assert (windows.starts.dtype, windows.labels.dtype, windows.repetitions.dtype) == (
        np.int64,
        np.int16,
        np.int16,
    )


def test_rest_belongs_to_the_movement_before_it() -> None:
    recording = recording_of((0, -1, 60), (1, 1, 60), (0, -1, 60), (1, 2, 60), (0, -1, 60))
    windows = cut_windows(recording, frame_samples=2, include_rest=True)
    assert windows.labels.tolist() == [0, 1, 0, 1, 0]
    assert windows.repetitions.tolist() == [-1, 1, 1, 2, 2]
    kept = cut_windows(recording, frame_samples=2, include_rest=True, repetitions=[2])
    assert kept.starts.tolist() == [180, 240]


def test_repetitions_choose_windows() -> None:
    recording = recording_of((1, 1, 60), (1, 2, 60), (2, 1, 60), (2, 2, 60))
    assert cut_windows(recording, frame_samples=2, repetitions=(2,)).starts.tolist() == [60, 180]
    assert len(cut_windows(recording, frame_samples=2, repetitions=())) == 0


def test_per_class_keeps_evenly_spaced_windows() -> None:
    recording = recording_of((1, 1, 58 + 200), (2, 1, 58 + 20))
    windows = cut_windows(recording, frame_samples=2, per_class=10)
    assert windows.starts[windows.labels == 1].tolist() == list(range(10, 200, 20))
    assert windows.starts[windows.labels == 2].tolist() == list(range(258, 278, 2))
    assert len(cut_windows(recording, frame_samples=2, per_class=50)) == 50 + 10


def test_gather_copies_the_samples() -> None:
    recording = recording_of((1, 1, 100))
    windows = gather(recording.counts, np.array([0, 40]), 60)
    assert windows.shape == (2, 60, 2) and windows.dtype == np.int16
    assert windows[1, :, 0].tolist() == list(range(40, 100))
    assert gather(recording.counts, np.zeros(0, dtype=np.int64), 60).shape == (0, 60, 2)
    for start in (-1, 41):
        with pytest.raises(ValueError, match="outside"):
            gather(recording.counts, np.array([start]), 60)


def window_set(sizes: list[int]) -> WindowSet:
    labels = np.repeat(np.arange(1, len(sizes) + 1), sizes).astype(np.int16)
    return WindowSet(np.arange(len(labels)), labels, np.ones_like(labels))


@settings(max_examples=100, deadline=None)
@given(sizes=st.lists(st.integers(0, 40), min_size=1, max_size=8), n=st.integers(0, 250))
def test_spread_balances_the_classes(sizes: list[int], n: int) -> None:
    windows = window_set(sizes)
    chosen = spread(windows, n)
    assert len(chosen) == min(n, len(windows))
    assert len(set(chosen.starts.tolist())) == len(chosen)
    assert np.all(np.diff(chosen.starts) > 0)
    got = [int(np.sum(chosen.labels == label)) for label in range(1, len(sizes) + 1)]
    most = max(got)
    for size, number in zip(sizes, got, strict=True):
        assert number == size or number >= most - 1  # a class is short only where it has no more


def test_spread_is_even_and_repeatable() -> None:
    windows = window_set([100, 100])
    first, again = spread(windows, 10), spread(windows, 10)
    assert first.starts.tolist() == again.starts.tolist() == [10, 30, 50, 70, 90, 110, 130, 150, 170, 190]


@pytest.mark.parametrize(
    ("dataset", "present", "expected"),
    [
        ("ninapro_db2", range(1, 7), Split((1, 3, 4), (6,), (2, 5))),
        ("ninapro_db5", range(1, 7), Split((1, 3, 4), (6,), (2, 5))),
        ("synthetic", range(1, 7), Split((1, 3, 4), (6,), (2, 5))),
        ("npz_trials", range(8), Split((0, 1, 2), (3,), (4, 5, 6, 7))),
        ("ninapro_db1", range(1, 11), Split((1, 3, 4, 6, 8, 9), (10,), (2, 5, 7))),
        ("npz_trials", [0, 1, 2], Split((0,), (1,), (2,))),
        ("synthetic", [-1, 1, 2, 3, 4], Split((1, 2), (3,), (4,))),
        ("elsewhere", range(1, 10), Split((1, 2, 3, 4, 5), (6,), (7, 8, 9))),
    ],
)
def test_default_splits(dataset: str, present: list[int], expected: Split) -> None:
    assert default_split(dataset, present) == expected


@given(st.sets(st.integers(-1, 30), min_size=4))
def test_every_split_uses_each_repetition_once(present: set[int]) -> None:
    split = default_split("npz_trials", present)
    assert sorted((*split.train, *split.validation, *split.test)) == sorted(present - {-1})
    assert split.train and split.validation and split.test


def test_too_few_repetitions_and_double_use_are_refused() -> None:
    with pytest.raises(RecordingError, match="2 repetitions"):
        default_split("synthetic", [-1, 1, 2])
    with pytest.raises(ValueError, match="twice"):
        Split((1, 2), (2,), (3,))


def test_merged_windows_are_in_the_order_of_recording_and_so_is_what_belongs_to_them() -> None:
    later = WindowSet(np.array([40, 90]), np.array([2, 3], np.int16), np.array([1, 4], np.int16))
    earlier = WindowSet(np.array([7, 40]), np.array([5, 6], np.int16), np.array([0, 2], np.int16))
    windows, order = merged([later, earlier])
    assert windows.starts.tolist() == [7, 40, 40, 90]
    assert windows.labels.tolist() == [5, 2, 6, 3]  # of two that start together, that of the first set
    assert windows.repetitions.tolist() == [0, 1, 2, 4]
    assert order.tolist() == [2, 0, 3, 1]
