"""Windows as the paper's procedure takes them: raw samples, z-scored, singly by channel or whole.

Pure functions and small holders of signal. The signal of the FIN's participants is kept as int16 and only
where training windows are: 12 MB a subject of Ninapro DB2, whose files have 470 MB.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from myofin.errors import RecordingError
from myofin.features import FEATURE_NAMES, window_features
from myofin.frontend import WINDOW_FRAMES
from myofin.train.candidates import Source, Task
from myofin.train.lda_baselines import Statistics, covered, covered_samples
from myofin.windows import WindowSet, cut_windows, gather, merged

FloatArray = NDArray[np.float32]
Int64Array = NDArray[np.int64]
_SCALED_OVER = 20_000


@dataclass(frozen=True)
class Geometry:
    """Sizes in samples: of a window, how far behind a 300 ms window's start it begins, and how far ahead its
    features are.
    """

    span: int
    late: int
    ahead: int

    @staticmethod
    def of(task: Task, ahead_hops: int) -> Geometry:
        """Those of a task, with the features to imitate so many hops ahead."""
        samples = task.frame_samples
        return Geometry(
            task.window_frames * samples, (WINDOW_FRAMES - task.window_frames) * samples, ahead_hops * samples
        )


@dataclass(frozen=True)
class SinglePool:
    """Single-channel windows of several participants, each z-scored by its own participant's statistics.

    Attributes:
        counts: int16 ``[n, channels]``, the covered signal of all, one behind the other.
        starts: int64 ``[w]``, where windows begin in it.
        owners: int64 ``[w]``, whose they are: a row of ``mean`` and ``std``, float64 ``[owners, channels]``.
    """

    counts: NDArray[np.int16]
    starts: Int64Array
    owners: Int64Array
    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    geometry: Geometry

    @staticmethod
    def of(sources: Iterable[Source], frame_samples: int, geometry: Geometry) -> SinglePool:
        """Take over what is needed of each source, one at a time, in an order that theirs does not change.

        A window whose features lie ahead is kept where these lie in the same trial.

        Raises:
            RecordingError: No window is left.
        """
        pieces = sorted(
            map(partial(_piece, frame_samples=frame_samples, ahead=geometry.ahead), sources),
            key=lambda piece: piece.name,
        )
        if not any(len(piece.starts) for piece in pieces):
            raise RecordingError(
                f"No movement lasts long enough for features {geometry.ahead} samples ahead of a window.",
                hint="Give recordings with longer movements, such as Ninapro DB2's of 5 s.",
            )
        offsets = np.cumsum([0, *(len(piece.counts) for piece in pieces)])
        return SinglePool(
            np.concatenate([piece.counts for piece in pieces]),
            np.concatenate([piece.starts + at for piece, at in zip(pieces, offsets, strict=False)]),
            np.repeat(np.arange(len(pieces)), [len(piece.starts) for piece in pieces]),
            np.stack([piece.statistics.mean for piece in pieces]),
            np.stack([piece.statistics.std for piece in pieces]),
            geometry,
        )

    def __len__(self) -> int:
        return len(self.starts) * self.counts.shape[1]

    def take(self, index: Int64Array) -> tuple[FloatArray, NDArray[np.float64]]:
        """Windows ``[n, samples]`` and their four natural features ``[n, 4]``; index below ``len``."""
        window, channel = np.divmod(index, self.counts.shape[1])
        ahead = self.geometry.ahead
        features = window_features(self._scaled(window, channel, ahead)[:, :, np.newaxis])[:, 0]
        return self._scaled(window, channel, 0).astype(np.float32), features

    def _scaled(self, window: Int64Array, channel: Int64Array, ahead: int) -> NDArray[np.float64]:
        first = self.starts[window] + self.geometry.late + ahead
        counts = self.counts[
            first[:, np.newaxis] + np.arange(self.geometry.span), channel[:, np.newaxis]
        ].astype(np.float64)
        owner = self.owners[window]
        return np.asarray(
            (counts - self.mean[owner, channel][:, np.newaxis]) / self.std[owner, channel][:, np.newaxis]
        )

    def feature_scale(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """Mean and deviation of each feature ``[2, 4]`` over windows drawn at random."""
        drawn = rng.choice(len(self), size=min(len(self), _SCALED_OVER), replace=False)
        parts = [self.take(part)[1] for part in np.array_split(drawn, max(1, len(drawn) // 1_000))]
        features = np.concatenate(parts)
        return np.stack([features.mean(axis=0), np.maximum(features.std(axis=0), 1e-9)])


# More than any recording has samples: trials and places make one number by which windows are looked up.
_FAR = 1 << 40


@dataclass(frozen=True)
class _Piece:
    """What a pool takes over of one participant; ``name`` orders them."""

    name: list[str]
    counts: NDArray[np.int16]
    starts: Int64Array
    statistics: Statistics


def _piece(source: Source, frame_samples: int, ahead: int) -> _Piece:
    trials = source.recording.trial[source.windows.starts].astype(np.int64) * _FAR
    places = _places(source, frame_samples)
    complete = np.isin(trials + places + ahead, trials + places)
    return _Piece(
        sorted(source.recording.sha256s.values()),
        covered_samples(source.recording, source.windows, frame_samples),
        places[complete],
        Statistics.of((source,), frame_samples),
    )


def _places(source: Source, frame_samples: int) -> Int64Array:
    """Where each window begins among the samples that any window covers."""
    place = np.cumsum(covered(source.recording, source.windows, frame_samples)) - 1
    return np.asarray(place[source.windows.starts], dtype=np.int64)


@dataclass(frozen=True)
class WholeWindows:
    """Windows of one subject with all channels, and the statistics that z-score them."""

    source: Source
    statistics: Statistics
    classes: Int64Array
    geometry: Geometry

    def __len__(self) -> int:
        return len(self.classes)

    def signal(self, index: Int64Array, *, ahead: bool = False) -> FloatArray:
        """Z-scored windows float32 ``[n, samples, channels]``; those so far ahead where asked."""
        geometry = self.geometry
        starts = self.source.windows.starts[index] + geometry.late + (geometry.ahead if ahead else 0)
        counts = gather(self.source.recording.counts, starts, geometry.span)
        return np.asarray((counts - self.statistics.mean) / self.statistics.std, dtype=np.float32)

    def batches(self, size: int, rng: np.random.Generator | None = None) -> Iterator[Int64Array]:
        """Indices in batches of about this size, shuffled where a generator is given."""
        order = np.arange(len(self)) if rng is None else rng.permutation(len(self))
        yield from np.array_split(order, max(1, round(len(order) / size)))


def released_windows(task: Task, sources: Iterable[Source]) -> Source:
    """The movement windows of some sources of one recording, labelled as the released code labels them.

    Labels ahead run on through the list of windows: the last of a movement take the label of the next.
    """
    found = list(sources)
    repetitions = {int(number) for source in found for number in source.windows.repetitions}
    windows = cut_windows(
        found[0].recording,
        frame_samples=task.frame_samples,
        hop_frames=task.hop_frames,
        repetitions=repetitions,
    )
    return Source(found[0].recording, shift_labels(windows, task.ahead_hops // task.hop_frames))


def shift_labels(windows: WindowSet, places: int) -> WindowSet:
    """Give each window the label that is so many places later in the list; the last label is repeated."""
    later = np.minimum(np.arange(len(windows)) + places, len(windows) - 1)
    return replace(windows, labels=windows.labels[later])


def joined(sources: Iterable[Source]) -> Source:
    """Windows of several sources of one recording as one source, ascending."""
    found = list(sources)
    return Source(found[0].recording, merged([source.windows for source in found])[0])


def targets_of(
    features: NDArray[np.float64],
    scale: NDArray[np.float64],
    copies: int,
    noise: float,
    rng: np.random.Generator,
) -> FloatArray:
    """Targets ``[features, n, copies]`` of natural features ``[n, features]``: noisy copies, standardised."""
    grain = 1.0 + noise * rng.standard_normal((len(FEATURE_NAMES), len(features), copies))
    natural = features.T[:, :, np.newaxis] * grain
    mean, std = scale[:, :, np.newaxis, np.newaxis]
    return np.asarray((natural - mean) / std, dtype=np.float32)
