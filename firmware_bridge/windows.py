"""Which windows a validation sends: the bundle's golden ones, or test windows of a recording."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from myofin.convert.bundle import Bundle
from myofin.errors import RecordingError
from myofin.features import window_features
from myofin.frontend import FrontEnd
from myofin.passthrough import Passthrough
from myofin.recordings.check import load_trainable
from myofin.recordings.model import Recording
from myofin.windows import cut_windows, gather, spread

DEFAULT_WINDOWS = 300
Use = Literal["train", "validation", "test"]


@dataclass(frozen=True)
class SentWindows:
    """Windows to decide, with what is true of them.

    Attributes:
        counts: int16 ``[w, window_samples, channels]``, raw ADC counts.
        labels: int64 ``[w]``, positions among the bundle's classes; -1 for a movement it does not know.
        true_features: float64 ``[w, channels, features]``, closed form, natural domain.
        origin: One sentence on where they are from.
        inputs: SHA-256 of each file they were read from, by name.
    """

    counts: NDArray[np.int16]
    labels: NDArray[np.int64]
    true_features: NDArray[np.float64]
    origin: str
    inputs: dict[str, str]

    def __len__(self) -> int:
        return len(self.counts)


def golden_windows(bundle: Bundle, limit: int | None) -> SentWindows:
    """The bundle's own golden windows, evenly thinned to ``limit`` where that is given."""
    golden = bundle.golden()
    total = len(golden.labels)
    index = np.arange(total) if limit is None or limit >= total else np.arange(limit) * total // limit
    return SentWindows(
        counts=golden.counts[index],
        labels=class_positions(bundle, golden.labels[index]),
        true_features=golden.true_features[index],
        origin=f"{len(index)} golden windows of the bundle, from {_origin(bundle)}",
        inputs={},
    )


def recorded_windows(
    bundle: Bundle, data: Path, subject: str | None, limit: int, *, use: Use = "test"
) -> SentWindows:
    """At most ``limit`` windows of a recording's repetitions of one use, evenly spread over the movements.

    Raises:
        RecordingError: The recording cannot be read, is not the signal that the network was made for, or has
            no window in these repetitions.
    """
    front, body = require_front_end(bundle), bundle.body
    recording = load_trainable(data, subject)
    check_signal(recording, bundle)
    carried = body.contract == "carry"  # its windows are steps that follow each other
    hop_frames = body.frames if carried else 1
    found = cut_windows(
        recording,
        frame_samples=body.frame_samples,
        hop_frames=hop_frames,
        repetitions=getattr(body.split, use),
    )
    known = found.take(np.isin(found.labels, body.classes))
    windows = known.take(np.arange(len(known)) < limit) if carried else spread(known, limit)
    if len(windows) == 0:
        raise RecordingError(
            f"{recording.source} has no window of 300 ms in the {use} repetitions {_said(bundle, use)}.",
            hint="Give a recording with these repetitions and the movements that the network was trained on.",
        )
    counts = gather(recording.counts, windows.starts, body.window_samples)
    return SentWindows(
        counts=counts,
        labels=class_positions(bundle, windows.labels),
        true_features=window_features(front.zscore(counts), body.feature_scaling.names),
        origin=(
            f"{len(windows)} windows of {recording.source}, subject {recording.subject}, "
            f"{'the first' if carried else 'spread evenly over the movements'} of the {use} repetitions "
            f"{_said(bundle, use)}"
        ),
        inputs=dict(recording.sha256s),
    )


def check_signal(recording: Recording, bundle: Bundle) -> None:
    """Check that a recording is the kind of signal that a bundle was made for.

    Raises:
        RecordingError: It has other channels, or another rate; or the bundle has no front end.
    """
    require_front_end(bundle)
    body = bundle.body
    if (recording.rate_hz, recording.channels) != (body.rate_hz, body.channels):
        raise RecordingError(
            f"{recording.source} has {recording.channels} channels at {recording.rate_hz} Hz; "
            f"the bundle was made for {body.channels} at {body.rate_hz} Hz.",
            hint="Give a recording of the kind that the network was trained on.",
        )


def require_front_end(bundle: Bundle) -> FrontEnd:
    """The bundle's front end.

    Raises:
        RecordingError: It has none, so that no recording can be fed to it.
    """
    if isinstance(bundle.frontend, Passthrough):
        raise RecordingError(
            "The bundle has no front end, so it cannot take a recording.",
            hint="Leave --data out: only a network that was trained on recordings takes them.",
        )
    return bundle.frontend


def _origin(bundle: Bundle) -> str:
    given = bundle.body.windows
    return f"the test repetitions {_said(bundle, 'test')}" if given is None else given


def class_positions(bundle: Bundle, labels: NDArray[np.int16]) -> NDArray[np.int64]:
    """Position of each label among the bundle's classes, -1 for one that it does not know."""
    position = {label: index for index, label in enumerate(bundle.body.classes)}
    known, places = np.unique(labels, return_inverse=True)
    return np.array([position.get(int(label), -1) for label in known], dtype=np.int64)[places]


def _said(bundle: Bundle, use: Use) -> str:
    return ", ".join(map(str, getattr(bundle.body.split, use)))
