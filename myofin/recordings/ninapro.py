"""Reader of Ninapro ``.mat`` files: DB1 (``S9_A1_E1.mat``), DB2 and DB5 (``S1_E1_A1.mat``).

Atzori et al. 2014 (Sci Data 1:140053) describe DB1 and DB2, Pizzolato et al. 2017 (PLoS ONE 12(10)) DB5.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from myofin.artifacts import sha256_stream
from myofin.errors import RecordingError
from myofin.recordings.archive import AnyPath
from myofin.recordings.convert_counts import to_counts
from myofin.recordings.matlab5 import Matlab73Error, read_matlab5
from myofin.recordings.model import NO_REPETITION, Finding, Recording, trials_of, unreadable

_NAMES = (
    re.compile(r"^S(?P<subject>\d+)_A\d+_E(?P<exercise>\d+)$", re.IGNORECASE),
    re.compile(r"^S(?P<subject>\d+)_E(?P<exercise>\d+)_A\d+$", re.IGNORECASE),
)
_KEYS = ("emg", "stimulus", "restimulus", "repetition", "rerepetition", "subject", "frequency", "exercise")
_REDOWNLOAD = "Download the file again; it is not a complete MATLAB 5 file."


_Content = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class _Database:
    """Facts of one Ninapro database; counts_per_unit is the scale from the file's unit to counts."""

    name: str
    rate_hz: int
    channels: int
    counts_per_unit: float
    unit: str
    movements: tuple[int, ...]  # of exercise 1, 2, 3; DB2 and its papers call them B, C, D


# DB2: Delsys Trigno, 11 mV input range over 16 bits, 168 nV a count. DB5: Myo, the values are counts already.
# DB1: Otto Bock envelope in volts after amplification, 0..5 V; 4096 counts a volt leaves room to 8 V.
_DATABASES = (
    _Database("ninapro_db1", 100, 10, 4096.0, "V", (12, 17, 23)),
    _Database("ninapro_db2", 2000, 12, 1 / 168e-9, "V", (17, 23, 9)),
    _Database("ninapro_db5", 200, 16, 1.0, "count", (12, 17, 23)),
)
_BY_CHANNELS = MappingProxyType({database.channels: database for database in _DATABASES})


@dataclass(frozen=True)
class NinaproName:
    """What a file's name says; it is trusted over the fields, since DB5's S1 has a wrong ``exercise``."""

    subject: str
    exercise: int


def parse_name(path: AnyPath) -> NinaproName | None:
    """Read subject and exercise from a Ninapro file name of either order; None where it has neither."""
    for pattern in _NAMES:
        if match := pattern.match(path.stem):
            return NinaproName(str(int(match["subject"])), int(match["exercise"]))
    return None


def read_ninapro(path: AnyPath) -> Recording:
    """Read one Ninapro ``.mat`` file.

    The corrected ``restimulus`` and ``rerepetition`` are preferred, as a pair. Keys of different
    lengths are cut to the shortest, which is a finding. Repetition 0 (rest) becomes -1.

    Raises:
        RecordingError: The file cannot be read, or is no Ninapro recording.
    """
    content = _read_mat(path)
    signal = _signal(path, content)
    database, notes = _identify(path, content, signal.shape[1])
    labels, repetitions = _tracks(path, content)
    labels, exercise_notes = _exercise_labels(path, content, database, labels)
    notes += exercise_notes
    samples = min(signal.shape[0], len(labels), len(repetitions))
    if samples == 0:
        raise RecordingError(f"{path.name} holds no samples.", hint=_REDOWNLOAD)
    notes += _length_findings(
        {"emg": signal.shape[0], "stimulus": len(labels), "repetition": len(repetitions)}, samples
    )
    counts, scale_notes = to_counts(signal[:samples], database.counts_per_unit)
    labels, repetitions = labels[:samples], repetitions[:samples]
    repetitions = np.where(repetitions == 0, NO_REPETITION, repetitions).astype(np.int16)
    return Recording(
        counts=counts,
        rate_hz=database.rate_hz,
        labels=labels,
        repetitions=repetitions,
        trial=trials_of(labels, repetitions),
        subject=_subject(path, content),
        source=path.name,
        dataset=database.name,
        counts_per_unit=database.counts_per_unit,
        unit=database.unit,
        sha256s={path.name: _sha256(path)},
        findings=(*notes, *scale_notes),
    )


def _sha256(path: AnyPath) -> str:
    with path.open("rb") as stream:
        return sha256_stream(stream)


def _read_mat(path: AnyPath) -> _Content:
    try:
        return read_matlab5(path, _KEYS)
    except Matlab73Error as error:
        raise RecordingError(
            f"{path.name} is a MATLAB 7.3 (HDF5) file, which is not read here.",
            hint="Save it in MATLAB with save(..., '-v7').",
        ) from error
    except ValueError as error:
        raise unreadable(path, "MATLAB", error, _REDOWNLOAD) from error


def _signal(path: AnyPath, content: _Content) -> npt.NDArray[Any]:
    if "emg" not in content:
        raise RecordingError(
            f"{path.name} holds no variable `emg`, so it is not a Ninapro recording.",
            hint="Give a Ninapro file such as S1_E1_A1.mat.",
        )
    signal = np.asarray(content["emg"])
    if signal.dtype.kind not in "iuf" or signal.ndim != 2:
        raise RecordingError(
            f"`emg` in {path.name} is {signal.dtype} of shape {signal.shape}, not samples x channels.",
            hint="Give the file as Ninapro published it.",
        )
    return signal


def _identify(path: AnyPath, content: _Content, channels: int) -> tuple[_Database, tuple[Finding, ...]]:
    database = _BY_CHANNELS.get(channels)
    if database is None:
        raise RecordingError(
            f"`emg` in {path.name} has {channels} channels; Ninapro DB1, DB2 and DB5 have 10, 12 and 16.",
            hint="Give a file of one of these databases, or save your own recording as .npz trials.",
        )
    frequency = _scalar(content, "frequency")
    # DB2's 2000 Hz does not fit the uint8 that some exports use: wrapped to 208, or saturated to 255.
    if frequency in (None, database.rate_hz) or (frequency in (208, 255) and database.rate_hz == 2000):
        return database, ()
    sentence = f"`frequency` says {frequency} Hz; {database.name} has {database.rate_hz} Hz."
    hint = "Check which database the file is from; both rates cannot hold."
    return database, (Finding("error", sentence, hint),)


def _exercise_labels(
    path: AnyPath, content: _Content, database: _Database, labels: npt.NDArray[np.int16]
) -> tuple[npt.NDArray[np.int16], tuple[Finding, ...]]:
    """Bring the labels of an exercise to 1, 2, ..: some files count on from the exercise before.

    Which exercise it is, the file's name says.

    Raises:
        RecordingError: The labels are of neither count.
    """
    named, field = parse_name(path), _scalar(content, "exercise")
    if named is None or not 1 <= named.exercise <= len(database.movements):
        return labels, ()
    notes: tuple[Finding, ...] = ()
    if field is not None and field != named.exercise:
        sentence = f"`exercise` says {field}, the file's name {named.exercise}, which is used."
        notes = (Finding("info", sentence, "Nothing: some published files have a wrong field."),)
    before, own = sum(database.movements[: named.exercise - 1]), database.movements[named.exercise - 1]
    moving = labels[labels > 0]
    if len(moving) and 0 < before < moving.min() and moving.max() <= before + own:
        return np.where(labels > 0, labels - before, labels).astype(np.int16), notes
    if not len(moving) or moving.max() <= own:
        return labels, notes
    raise RecordingError(
        f"{path.name} has labels {moving.min()} to {moving.max()}; exercise {named.exercise} of"
        f" {database.name} has 1 to {own}" + (f" or {before + 1} to {before + own}." if before else "."),
        hint="Check that the file has the name it was published with.",
    )


def _scalar(content: _Content, key: str) -> int | None:
    value = np.asarray(content.get(key, ()))
    return int(value.flat[0]) if value.size == 1 and value.dtype.kind in "iuf" else None


def _tracks(path: AnyPath, content: _Content) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int16]]:
    for names in (("restimulus", "rerepetition"), ("stimulus", "repetition")):
        if all(name in content for name in names):
            labels, repetitions = (_track(path, name, np.asarray(content[name])) for name in names)
            return labels, repetitions
    raise RecordingError(
        f"{path.name} holds neither `restimulus` with `rerepetition` nor `stimulus` with `repetition`.",
        hint="Give a Ninapro file with its labels, such as S1_E1_A1.mat.",
    )


def _track(path: AnyPath, name: str, track: npt.NDArray[Any]) -> npt.NDArray[np.int16]:
    if track.dtype.kind not in "iuf" or track.size != max(track.shape, default=0):
        raise RecordingError(
            f"`{name}` in {path.name} is {track.dtype} of shape {track.shape}, not one number a sample.",
            hint="Give the file as Ninapro published it.",
        )
    return _whole_numbers(path, name, track.ravel())


def _whole_numbers(path: AnyPath, name: str, track: npt.NDArray[Any]) -> npt.NDArray[np.int16]:
    if track.dtype.kind == "f" and not np.array_equal(track, np.rint(track)):
        raise RecordingError(
            f"`{name}` in {path.name} holds values that are not whole numbers.",
            hint="Give the file as Ninapro published it.",
        )
    if track.size and not 0 <= track.min() <= track.max() <= np.iinfo(np.int16).max:
        raise RecordingError(
            f"`{name}` in {path.name} ranges over {track.min()}..{track.max()}, which are no label numbers.",
            hint="Give the file as Ninapro published it.",
        )
    return track.astype(np.int16)


def _length_findings(lengths: Mapping[str, int], samples: int) -> tuple[Finding, ...]:
    if len(set(lengths.values())) == 1:
        return ()
    told = ", ".join(f"{key} {length}" for key, length in lengths.items())
    sentence = f"The variables have different lengths ({told}); all were cut to the first {samples} samples."
    return (
        Finding("warning", sentence, "Download the file again if the difference is more than a few samples."),
    )


def _subject(path: AnyPath, content: _Content) -> str:
    named = parse_name(path)
    if named is not None:
        return named.subject
    field = _scalar(content, "subject")
    return path.stem if field is None else str(field)
