"""LDA on closed-form features of the true signal: what a network has to live up to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myofin.features import recording_features, to_network_domain
from myofin.frontend import WINDOW_FRAMES
from myofin.recordings.model import Recording
from myofin.train.candidates import Outcome, Source, Task
from myofin.train.lda import BASELINES, SHRINKAGES, choose_shrinkage, fit_lda
from myofin.windows import WindowSet

FloatArray = NDArray[np.float64]


def make(name: str) -> Lda:
    """Return one of the baselines."""
    return Lda(name, BASELINES[name])


@dataclass(frozen=True)
class Statistics:
    """Mean and deviation of each channel's training signal, in counts; they z-score every signal alike."""

    mean: FloatArray
    std: FloatArray

    @staticmethod
    def of(sources: Iterable[Source], frame_samples: int) -> Statistics:
        """Pool over the samples of the windows' trials, each sample counted once."""
        count, total, squares = 0, 0.0, 0.0
        for source in sources:
            counts = covered_samples(source.recording, source.windows, frame_samples).astype(np.float64)
            count += len(counts)
            total, squares = total + counts.sum(axis=0), squares + np.square(counts).sum(axis=0)
        mean = np.asarray(total) / max(count, 1)
        variance = np.asarray(squares) / max(count, 1) - np.square(mean)
        return Statistics(mean, np.sqrt(np.maximum(variance, 1e-12)))


def covered_samples(recording: Recording, windows: WindowSet, frame_samples: int) -> NDArray[np.int16]:
    """Counts ``[n, channels]`` of the samples that lie in any of the windows, each once."""
    return np.asarray(recording.counts[covered(recording, windows, frame_samples)])


def covered(recording: Recording, windows: WindowSet, frame_samples: int) -> NDArray[np.bool_]:
    """Which of a recording's samples, bool ``[n]``, lie in any of the windows."""
    edges = np.zeros(len(recording.counts) + 1, dtype=np.int64)
    np.add.at(edges, windows.starts, 1)
    np.add.at(edges, windows.starts + WINDOW_FRAMES * frame_samples, -1)
    return np.asarray(np.cumsum(edges[:-1]) > 0)


def features_at(
    recording: Recording,
    windows: WindowSet,
    statistics: Statistics,
    names: tuple[str, ...],
    frame_samples: int,
    window_frames: int = WINDOW_FRAMES,
) -> FloatArray:
    """Natural-domain features ``[w, channels, names]`` of the last ``window_frames`` frames of each window.

    Windows that lie a whole number of frames apart share their frames: each stretch of such windows is
    reduced once, as ``myofin.features.recording_features`` does it.
    """
    result = np.empty((len(windows), recording.channels, len(names)))
    span, late = WINDOW_FRAMES * frame_samples, (WINDOW_FRAMES - window_frames) * frame_samples
    starts = windows.starts
    gaps = np.diff(starts)
    breaks = np.flatnonzero((gaps % frame_samples != 0) | (gaps > span)) + 1
    for part in np.split(np.arange(len(starts)), breaks):
        if not len(part):
            continue
        first, last = int(starts[part[0]]), int(starts[part[-1]]) + span
        z = (recording.counts[first + late : last] - statistics.mean) / statistics.std
        found = recording_features(z, frame_samples, window_frames, names)
        result[part] = found[(starts[part] - first) // frame_samples]
    return result


@dataclass(frozen=True)
class Lda:
    """LDA on features in the network's domain, with the shrinkage best on repetitions left out in turn."""

    name: str
    names: tuple[str, ...]
    seeded: bool = False

    @property
    def config(self) -> Mapping[str, Any]:
        """Everything that changes what it computes."""
        return {"features": list(self.names), "shrinkages": list(SHRINKAGES)}

    def run(self, task: Task) -> Outcome:
        """Choose on repetitions of train and validation left out in turn, fit to all, and decide on test."""
        known = (*task.train, *task.validation)
        statistics = Statistics.of(known, task.frame_samples)
        features, classes = self._inputs(task, known, statistics)
        mean, std = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-9)
        inputs = (features - mean) / std
        repetitions = np.concatenate([source.windows.repetitions for source in known])
        shrinkage = choose_shrinkage(inputs, classes, repetitions, len(task.classes))
        head = fit_lda(inputs, classes, len(task.classes), shrinkage)
        test = self._inputs(task, (task.test,), statistics)[0]
        return Outcome({"float64": head.scores((test - mean) / std)}, facts={"shrinkage": shrinkage})

    def _inputs(
        self, task: Task, sources: tuple[Source, ...], statistics: Statistics
    ) -> tuple[FloatArray, NDArray[np.int64]]:
        """Features ``[w, channels * names]`` and class indices of some sources."""
        parts = [
            to_network_domain(
                features_at(
                    source.recording,
                    source.windows,
                    statistics,
                    self.names,
                    task.frame_samples,
                    task.window_frames,
                ),
                self.names,
            ).reshape(len(source), -1)
            for source in sources
        ]
        labels = np.concatenate([source.windows.labels for source in sources])
        return np.concatenate(parts), np.searchsorted(np.array(task.classes), labels).astype(np.int64)
