"""From a recording to what training needs: codes, closed-form targets and classes, by repetition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myofin.errors import RecordingError
from myofin.features import from_network_domain, log_features, to_network_domain, window_features
from myofin.frontend import WINDOW_FRAMES, FrontEnd, frame_samples_of
from myofin.recordings.model import Recording
from myofin.splits import Split, default_split
from myofin.train.augment import IMITATION, Variation, vary
from myofin.train.config import TrainConfig
from myofin.train.eight_bits import with_extremes
from myofin.windows import WindowSet, cut_windows, gather, merged, spread

FloatArray = NDArray[np.float64]
_WINDOWS_AT_ONCE = 256  # bounds the float64 temporaries to some tens of MB


@dataclass(frozen=True)
class Scaling:
    """Standardisation of the targets, one mean and deviation a feature, shared by all channels."""

    names: tuple[str, ...]
    mean: FloatArray
    std: FloatArray

    @staticmethod
    def fit(features: FloatArray, names: tuple[str, ...]) -> Scaling:
        """Fit to natural-domain features ``[w, c, f]`` of training windows."""
        domain = to_network_domain(features, names)
        return Scaling(names, domain.mean(axis=(0, 1)), np.maximum(domain.std(axis=(0, 1)), 1e-6))

    def standardise(self, features: FloatArray) -> NDArray[np.float32]:
        """Natural-domain features ``[..., f]`` to the network's outputs."""
        return ((to_network_domain(features, self.names) - self.mean) / self.std).astype(np.float32)

    def restore(self, outputs: NDArray[Any]) -> FloatArray:
        """The network's outputs ``[..., f]`` to natural-domain features."""
        return from_network_domain(np.asarray(outputs, dtype=np.float64) * self.std + self.mean, self.names)

    def to_json(self) -> dict[str, Any]:
        """Return the scaling as it stands in the manifest."""
        return {
            "names": list(self.names),
            "mean": self.mean.tolist(),
            "std": self.std.tolist(),
            "log": list(log_features(self.names)),
        }

    @staticmethod
    def from_json(document: Mapping[str, Any]) -> Scaling:
        """Rebuild a scaling from ``to_json``'s document."""
        return Scaling(tuple(document["names"]), np.array(document["mean"]), np.array(document["std"]))


@dataclass(frozen=True)
class Part:
    """Windows of one use (train, validation or test).

    Attributes:
        windows: Where they are in the recording.
        codes: int8 ``[w, 30, frame_samples * channels]``.
        features: float64 ``[w, channels, f]``, closed form, natural domain, of the z-scored signal.
        classes: int64 ``[w]``, index into the classes.
    """

    windows: WindowSet
    codes: NDArray[np.int8]
    features: FloatArray
    classes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.windows)

    def take(self, index: NDArray[Any]) -> Part:
        """Return the windows at these positions."""
        return Part(self.windows.take(index), self.codes[index], self.features[index], self.classes[index])


@dataclass(frozen=True)
class Dataset:
    """One recording, ready to train on. Front end and scaling come from training repetitions only."""

    recording: Recording
    frame_samples: int
    split: Split
    classes: tuple[int, ...]
    frontend: FrontEnd
    scaling: Scaling
    train: Part
    validation: Part
    test: Part


def prepare(recording: Recording, config: TrainConfig, scaling: Scaling | None = None) -> Dataset:
    """Split a recording by repetition and compute codes and targets of its movement windows.

    Args:
        recording: One subject's.
        config: Which features, how many windows, and the front end's setting.
        scaling: Of a FIN that is already trained; None fits one to the training windows.

    Raises:
        RecordingError: Too few movements or repetitions, or a movement lacks windows for a use.
    """
    frame_samples = frame_samples_of(recording.rate_hz)
    split = default_split(recording.dataset, recording.repetitions_present())
    classes = recording.classes()
    if len(classes) < 2:
        raise RecordingError(
            f"{recording.source} has {len(classes)} movement(s): there is nothing to tell apart.",
            hint="Use a recording with at least two labelled movements.",
        )
    frontend = fit_front_end(_training_counts(recording, split), config)

    def part(repetitions: tuple[int, ...], limit: int, use: str) -> Part:
        windows = cut_windows(recording, frame_samples=frame_samples, repetitions=repetitions)
        _check_classes(recording, windows, classes, use, repetitions)
        return _part(recording, frontend, frame_samples, classes, spread(windows, limit), config.features)

    train = part(split.train, config.max_windows, "training")
    return Dataset(
        recording=recording,
        frame_samples=frame_samples,
        split=split,
        classes=classes,
        frontend=frontend,
        scaling=scaling or Scaling.fit(train.features, config.features),
        train=train,
        validation=part(split.validation, config.max_test_windows, "validation"),
        test=part(split.test, config.max_test_windows, "test"),
    )


def fit_front_end(counts: NDArray[np.int16], config: TrainConfig) -> FrontEnd:
    """Fit the front end that the settings describe to training counts int16 ``[n, c]``."""
    return FrontEnd.fit(counts, mu=config.mu, clip_sd=config.clip_sd, dc_shift=config.dc_shift)


def varied(dataset: Dataset, part: Part, variation: Variation, count: int, seed: int) -> Part:
    """At most ``count`` windows of a part under other conditions, with the features of the varied signal."""
    windows = spread(part.windows, count)
    index = np.searchsorted(part.windows.starts, windows.starts)
    frontend, samples = dataset.frontend, WINDOW_FRAMES * dataset.frame_samples
    codes, features = [part.codes[:0]], [part.features[:0]]
    for number, starts in enumerate(_blocks(windows.starts)):
        counts = gather(dataset.recording.counts, starts, samples)
        other = vary(counts, frontend.offsets, frontend.sds, variation, seed * 1_000_003 + number)
        codes.append(frontend.encode_windows(other))
        features.append(window_features(frontend.zscore(other), dataset.scaling.names))
    return Part(windows, np.concatenate(codes), np.concatenate(features), part.classes[index])


def amplified(dataset: Dataset, count: int, seed: int) -> Part:
    """Training windows as the features are defined for, but the training repetitions do not show them.

    A later session is often louder than the training repetitions, and another wearer's spectrum differs; the
    network would otherwise flatten out there.
    """
    return varied(dataset, dataset.train, IMITATION, count, seed)


def calibration_codes(dataset: Dataset, config: TrainConfig) -> NDArray[np.int8]:
    """Codes int8 ``[n, 30, F]`` that set the ranges of an int8 model: of training repetitions only.

    One in four is amplified, so that the outputs have headroom for a louder session: without it the integers
    saturate there, and on validation repetitions the linear R² of VAR and SSI was .87 instead of .997.
    """
    loud = amplified(dataset, config.calibration_windows // 4, config.seed).codes
    plain = spread(dataset.train.windows, config.calibration_windows - len(loud))
    index = np.searchsorted(dataset.train.windows.starts, plain.starts)
    return with_extremes(np.concatenate([dataset.train.codes[index], loud]))


def joined(parts: Sequence[Part]) -> Part:
    """The windows of several parts of one recording, in the order of recording."""
    windows, order = merged([part.windows for part in parts])
    return Part(
        windows,
        np.concatenate([part.codes for part in parts])[order],
        np.concatenate([part.features for part in parts])[order],
        np.concatenate([part.classes for part in parts])[order],
    )


def closed_form(dataset: Dataset, part: Part, names: tuple[str, ...]) -> FloatArray:
    """Natural-domain features float64 ``[w, channels, f]`` of a part, by any names."""
    samples = WINDOW_FRAMES * dataset.frame_samples
    blocks = [gather(dataset.recording.counts, starts, samples) for starts in _blocks(part.windows.starts)]
    return np.concatenate([window_features(dataset.frontend.zscore(block), names) for block in blocks])


def _training_counts(recording: Recording, split: Split) -> NDArray[np.int16]:
    moving = (recording.labels > 0) & np.isin(recording.repetitions, split.train)
    return recording.counts[moving]


def _check_classes(
    recording: Recording, windows: WindowSet, classes: tuple[int, ...], use: str, repetitions: tuple[int, ...]
) -> None:
    lacking = [label for label in classes if label not in set(windows.labels.tolist())]
    if lacking:
        raise RecordingError(
            f"{recording.source}: movement {lacking[0]} has no {use} window of 300 ms"
            f" (repetitions {', '.join(map(str, repetitions))}).",
            hint="Record every movement in every repetition, or leave the incomplete movements out.",
        )


def _part(
    recording: Recording,
    frontend: FrontEnd,
    frame_samples: int,
    classes: tuple[int, ...],
    windows: WindowSet,
    names: tuple[str, ...],
) -> Part:
    samples = WINDOW_FRAMES * frame_samples
    blocks = [gather(recording.counts, starts, samples) for starts in _blocks(windows.starts)]
    return Part(
        windows=windows,
        codes=np.concatenate([frontend.encode_windows(block) for block in blocks]),
        features=np.concatenate([window_features(frontend.zscore(block), names) for block in blocks]),
        classes=np.searchsorted(np.array(classes), windows.labels).astype(np.int64),
    )


def _blocks(starts: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    for first in range(0, len(starts), _WINDOWS_AT_ONCE):
        yield starts[first : first + _WINDOWS_AT_ONCE]
