"""What a recording is, and what can be found wrong with one."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from myofin.errors import RecordingError
from myofin.recordings.archive import ZipMember

Int16Array = npt.NDArray[np.int16]
Int32Array = npt.NDArray[np.int32]
Severity = Literal["error", "warning", "info"]

REST = 0
NO_REPETITION = -1


@dataclass(frozen=True)
class Finding:
    """One thing worth saying about a recording; an ``error`` forbids training and validating on it."""

    severity: Severity
    sentence: str
    hint: str = ""


@dataclass(frozen=True)
class Recording:
    """A continuous multi-channel sEMG signal with its labels.

    Attributes:
        counts: int16[n, c], ADC counts.
        rate_hz: Samples a second of each channel.
        labels: int16[n]; 0 is rest, or no label.
        repetitions: int16[n], numbered as in the files; -1 where there is none.
        trial: int32[n], rising by one where a new trial starts; label and repetition are constant within a
            trial, and no window crosses from one into the next.
        subject: Who, e.g. "7".
        source: The file or files read, without folders.
        dataset: ninapro_db1, ninapro_db2, ninapro_db5, npz_trials or synthetic.
        counts_per_unit: Counts for one ``unit``; the stated scale that float files were brought here with.
        unit: "V" or "count".
        class_names: Name of each label, where the data set states them.
        sha256s: SHA-256 of each file read, by name.
        findings: What the reader noticed.
    """

    counts: Int16Array
    rate_hz: int
    labels: Int16Array
    repetitions: Int16Array
    trial: Int32Array
    subject: str
    source: str
    dataset: str
    counts_per_unit: float = 1.0
    unit: str = "count"
    class_names: Mapping[int, str] | None = None
    sha256s: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
        rows = self.counts.shape[0] if self.counts.ndim == 2 else -1
        tracks = (self.labels, self.repetitions, self.trial)
        if rows < 0 or any(track.shape != (rows,) for track in tracks):
            raise RecordingError(
                f"{self.source}: a signal {self.counts.shape} and labels {self.labels.shape} do not match.",
                hint="Each sample needs one label, one repetition and one trial.",
            )

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self.counts.shape[1])

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.counts.shape[0] / self.rate_hz

    def classes(self) -> tuple[int, ...]:
        """Return the labels present, without rest, ascending."""
        return tuple(int(label) for label in np.unique(self.labels) if label != REST)

    def repetitions_present(self) -> tuple[int, ...]:
        """Return the repetition numbers present, ascending."""
        return tuple(int(number) for number in np.unique(self.repetitions) if number != NO_REPETITION)

    def trials(self) -> Iterator[slice]:
        """Yield the samples of each trial, in order."""
        yield from runs_of(self.trial)


def runs_of(trial: npt.NDArray[Any]) -> Iterator[slice]:
    """Yield the stretches in which ``trial`` is constant, in order."""
    if len(trial):
        edges = (np.flatnonzero(np.diff(trial)) + 1).tolist()
        yield from (slice(first, end) for first, end in pairwise([0, *edges, len(trial)]))


def trials_of(labels: npt.NDArray[Any], repetitions: npt.NDArray[Any]) -> Int32Array:
    """Number the runs of constant (label, repetition): int32[n], from 0."""
    if len(labels) == 0:
        return np.zeros(0, dtype=np.int32)
    changes = (np.diff(labels) != 0) | (np.diff(repetitions) != 0)
    trial: Int32Array = np.concatenate([[0], np.cumsum(changes)]).astype(np.int32)
    return trial


def missing(path: Path) -> RecordingError:
    """Return the error for a path that is not there."""
    return RecordingError(
        f"There is no recording at {path}.",
        hint="Give the path of a .mat or .npz file, or of a folder with such files.",
    )


def unreadable(path: Path | ZipMember, kind: str, error: Exception, hint: str) -> Exception:
    """Return the error for a damaged file; a fault of the disk or of permission is returned as it is."""
    # Readers of truncated files raise OSError too: without an errno, or with that of a seek beyond the end.
    if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
        return error
    return RecordingError(
        f"{path.name} cannot be read as a {kind} file ({type(error).__name__}: {error}).", hint=hint
    )
