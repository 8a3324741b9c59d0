"""The windows of a sensitivity study: validation windows to measure on, training windows to calibrate with.

They are cut anew from the recording that the run was trained on, since a run keeps only what conversion
needs. Test repetitions are not touched.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from myofin.convert.run import Run
from myofin.errors import InputError, RecordingError
from myofin.features import window_features
from myofin.frontend import FrontEnd
from myofin.recordings.check import load_trainable
from myofin.recordings.model import Recording
from myofin.windows import WindowSet, cut_windows, gather, spread

SIZES: Final = (25, 50, 100, 200, 400)
RANDOM_DRAWS: Final = 3
LOUDER: Final = (0.15, 6.0)  # as training amplifies what it calibrates with
AMPLIFIED_SHARE: Final = 4  # one window in so many


@dataclass(frozen=True)
class Validation:
    """Windows to measure on.

    Attributes:
        counts: int16 ``[w, window_samples, channels]``.
        codes: int8 ``[w, frames, frame_codes]``.
        classes: int64 ``[w]``, positions among the run's classes.
        features: float64 ``[w, channels, features]``, closed form, natural domain.
    """

    counts: NDArray[np.int16]
    codes: NDArray[np.int8]
    classes: NDArray[np.int64]
    features: NDArray[np.float64]


@dataclass(frozen=True)
class CalibrationSet:
    """Windows to calibrate with: how many, how they were chosen, and which draw of chance it is."""

    size: int
    choice: str
    draw: int
    codes: NDArray[np.int8]


def open_recording(run: Run, data: Path | None) -> Recording:
    """The recording that a run was trained on.

    Args:
        run: The run.
        data: Where it is; None: where it was when the run was trained.

    Raises:
        InputError: It is not there, or it is another one.
        RecordingError: It cannot be read.
    """
    path = Path(str(run.manifest.document["arguments"].get("data"))) if data is None else data
    if not path.exists():
        raise InputError(
            f"The recordings that the run was trained on are not at {path}.", hint="Say where with --data."
        )
    recording = load_trainable(path, run.body.subject)
    known: Mapping[str, str] = run.manifest.document["inputs"]
    if set(recording.sha256s.values()) != set(known.values()):
        raise InputError(
            f"{path} holds another recording than the run was trained on.",
            hint="Give the one that `myofin train` was given with --data.",
        )
    return recording


def validation_windows(run: Run, recording: Recording, limit: int) -> Validation:
    """At most so many windows of the validation repetitions, evenly spread over the movements.

    Raises:
        RecordingError: There is none.
    """
    body = run.body
    found = spread(_cut(run, recording, body.split.validation), limit)
    if len(found) == 0:
        raise RecordingError(
            "The run has no window in its validation repetitions.", hint="Train it with some."
        )
    positions = {label: index for index, label in enumerate(body.classes)}
    classes = np.array([positions[int(label)] for label in found.labels], dtype=np.int64)
    return _measured(run, gather(recording.counts, found.starts, body.window_samples), classes)


def louder_windows(run: Run, windows: Validation, factor: float) -> Validation:
    """The same windows at so many times their level."""
    factors = np.full(len(windows.counts), factor)
    return _measured(run, louder(windows.counts, run.frontend, factors), windows.classes)


def _measured(run: Run, counts: NDArray[np.int16], classes: NDArray[np.int64]) -> Validation:
    features = window_features(run.frontend.zscore(counts), run.body.features.names)
    return Validation(counts, _encoded(run, counts), classes, features)


def calibration_sets(run: Run, recording: Recording, seed: int) -> list[CalibrationSet]:
    """Sets of each size, chosen evenly, by chance several times, and evenly with one in four amplified."""
    windows = _cut(run, recording, run.body.split.train)
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(len(windows)) for _ in range(RANDOM_DRAWS)]
    sets = []
    for size in (size for size in SIZES if size <= len(windows)):
        even = _counts(run, recording, spread(windows, size))
        sets.append(CalibrationSet(size, "even", 0, _encoded(run, even)))
        loud = amplified(even[::AMPLIFIED_SHARE], run.frontend, np.random.default_rng(seed))
        mixed = np.concatenate([even[np.arange(len(even)) % AMPLIFIED_SHARE != 0], loud])
        sets.append(CalibrationSet(size, "even, one in four amplified", 0, _encoded(run, mixed)))
        for draw, order in enumerate(orders):
            chosen = _counts(run, recording, windows.take(np.sort(order[:size])))
            sets.append(CalibrationSet(size, "random", draw, _encoded(run, chosen)))
    return sets


def amplified(counts: NDArray[np.int16], frontend: FrontEnd, rng: np.random.Generator) -> NDArray[np.int16]:
    """Windows about their channels' offsets, each louder or softer by a factor drawn log-uniform."""
    factors = np.exp(rng.uniform(math.log(LOUDER[0]), math.log(LOUDER[1]), len(counts)))
    return louder(counts, frontend, factors)


def louder(counts: NDArray[np.int16], frontend: FrontEnd, factors: NDArray[np.float64]) -> NDArray[np.int16]:
    """Windows ``[w, n, c]`` times a factor each about their channels' offsets, bounded as an ADC does."""
    offsets = np.asarray(frontend.offsets, dtype=np.float64)
    changed = (counts - offsets) * factors[:, np.newaxis, np.newaxis] + offsets
    return np.asarray(np.clip(np.rint(changed), -32768, 32767), np.int16)


def _cut(run: Run, recording: Recording, repetitions: tuple[int, ...]) -> WindowSet:
    found = cut_windows(recording, frame_samples=run.body.frame_samples, repetitions=repetitions)
    return found.take(np.isin(found.labels, run.body.classes))


def _counts(run: Run, recording: Recording, windows: WindowSet) -> NDArray[np.int16]:
    return gather(recording.counts, windows.starts, run.body.window_samples)


def _encoded(run: Run, counts: NDArray[np.int16]) -> NDArray[np.int8]:
    codes = run.frontend.encode_windows(counts)
    return codes.reshape(len(codes), run.body.frames, run.body.frame_codes)
