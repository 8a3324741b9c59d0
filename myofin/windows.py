"""Windows of 30 frames cut out of a recording; none crosses a trial, and all choices are deterministic."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from myofin.frontend import WINDOW_FRAMES
from myofin.recordings.model import NO_REPETITION, REST, Recording

Int16Array = npt.NDArray[np.int16]
Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True)
class WindowSet:
    """Where windows start, and what each shows.

    Attributes:
        starts: int64[w], index of the first sample in the recording, ascending.
        labels: int16[w].
        repetitions: int16[w]; a window of rest has the repetition of the movement before it.
    """

    starts: Int64Array
    labels: Int16Array
    repetitions: Int16Array

    def __len__(self) -> int:
        return len(self.starts)

    def take(self, index: npt.NDArray[Any]) -> WindowSet:
        """Return the windows at these positions, or where this mask holds."""
        return WindowSet(self.starts[index], self.labels[index], self.repetitions[index])


def cut_windows(
    recording: Recording,
    *,
    frame_samples: int,
    hop_frames: int = 1,
    repetitions: Iterable[int] | None = None,
    include_rest: bool = False,
    per_class: int | None = None,
) -> WindowSet:
    """Cut a recording into windows of 30 frames; the first of a trial starts at its first sample.

    Args:
        recording: The recording; each of its trials has one label and one repetition.
        frame_samples: Samples of one channel in a frame.
        hop_frames: Frames between the starts of neighbouring windows of a trial.
        repetitions: Keep only these; all where None.
        include_rest: Keep windows of rest (label 0) too.
        per_class: Keep at most so many of each label, evenly spaced over what there is.
    """
    if frame_samples < 1 or hop_frames < 1:
        raise ValueError(f"frame_samples and hop_frames must be positive, not {frame_samples}, {hop_frames}")
    span, hop = WINDOW_FRAMES * frame_samples, hop_frames * frame_samples
    wanted = None if repetitions is None else {int(repetition) for repetition in repetitions}
    starts: list[Int64Array] = []
    labels: list[int] = []
    reps: list[int] = []
    for trial, label, repetition in _labelled_trials(recording):
        if (label == REST and not include_rest) or (wanted is not None and repetition not in wanted):
            continue
        starts.append(np.arange(trial.start, trial.stop - span + 1, hop, dtype=np.int64))
        labels.append(label)
        reps.append(repetition)
    sizes = [len(part) for part in starts]
    windows = WindowSet(
        np.concatenate([np.zeros(0, dtype=np.int64), *starts]),
        np.repeat(np.array(labels, dtype=np.int16), sizes),
        np.repeat(np.array(reps, dtype=np.int16), sizes),
    )
    if per_class is None:
        return windows
    return _limit(windows, dict.fromkeys(np.unique(windows.labels).tolist(), per_class))


def _labelled_trials(recording: Recording) -> Iterator[tuple[slice, int, int]]:
    """Yield trials with label and repetition; one that has no repetition takes that of the trial before."""
    repetition = NO_REPETITION
    for trial in recording.trials():
        if (own := int(recording.repetitions[trial.start])) != NO_REPETITION:
            repetition = own
        yield trial, int(recording.labels[trial.start]), repetition


def gather(counts: npt.NDArray[Any], starts: Int64Array, window_samples: int) -> npt.NDArray[Any]:
    """Copy windows out of [n, c] samples: [w, window_samples, c], of the samples' type."""
    starts = np.asarray(starts, dtype=np.int64)
    if starts.size and (starts.min() < 0 or starts.max() + window_samples > counts.shape[0]):
        raise ValueError(f"a window of {window_samples} samples reaches outside {counts.shape[0]} samples")
    return counts[starts[:, None] + np.arange(window_samples)]


def merged(parts: Sequence[WindowSet]) -> tuple[WindowSet, Int64Array]:
    """Windows of several sets of one recording in the order of recording, and that order.

    The order, int64[w], holds positions in the sets put one behind the other, for whatever else belongs to
    the windows; of windows that start together, those of the earlier set come first.
    """
    together = WindowSet(
        np.concatenate([part.starts for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.repetitions for part in parts]),
    )
    order = np.argsort(together.starts, kind="stable").astype(np.int64)
    return together.take(order), order


def spread(windows: WindowSet, n: int) -> WindowSet:
    """Choose at most n windows: as many of each label as of any other, evenly spaced within a label.

    Where a label has too few, the others make up for it; the order stays that of the recording.
    """
    if n < 0:
        raise ValueError(f"cannot choose {n} windows")
    labels, available = np.unique(windows.labels, return_counts=True)
    level = 0
    while level < n and int(np.minimum(available, level + 1).sum()) <= n:
        level += 1
    quotas = np.minimum(available, level)
    spare = np.flatnonzero(available > level)[: max(0, n - int(quotas.sum()))]
    quotas[spare] += 1
    return _limit(windows, dict(zip(labels.tolist(), quotas.tolist(), strict=True)))


def _limit(windows: WindowSet, quotas: Mapping[int, int]) -> WindowSet:
    chosen = [np.zeros(0, dtype=np.int64)]
    for label, quota in quotas.items():
        of_label = np.flatnonzero(windows.labels == label)
        count = min(quota, len(of_label))
        # The middle of each of `count` equal stretches: neither end is favoured, and no index repeats.
        chosen.append(of_label[(2 * np.arange(count) + 1) * len(of_label) // (2 * max(count, 1))])
    return windows.take(np.sort(np.concatenate(chosen)))
