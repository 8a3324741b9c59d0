"""Readers and writer of ``.npz``: trials (the 3DC layout), and continuous recordings (our own layout)."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from myofin.artifacts import sha256_file
from myofin.errors import RecordingError
from myofin.recordings.model import Finding, Int16Array, Recording, trials_of, unreadable

CONTINUOUS_LAYOUT = "myofin-continuous-1"
_TRIAL_KEY = re.compile(r"^g(?P<gesture>\d{1,4})_r(?P<repetition>\d{1,4})$")
_CONTINUOUS_KEYS = ("layout", "counts", "labels", "repetitions", "rate_hz", "subject", "dataset")
_TRIAL_HINT = (
    "Save each trial as int16 counts of shape (samples, channels) under g<gesture>_r<repetition>, and fs."
)

# Gesture i has label i + 1, since 0 means rest here. Source: README of the 3DC data set
# (Côté-Allard et al. 2019, IEEE TNSRE 27(4):760-771).
CLASS_NAMES_3DC = MappingProxyType(
    dict(
        enumerate(
            (
                "no motion",
                "radial deviation",
                "wrist flexion",
                "ulnar deviation",
                "wrist extension",
                "supination",
                "pronation",
                "power grip",
                "open hand",
                "chuck grip",
                "pinch grip",
            ),
            start=1,
        )
    )
)


def subject_of_name(path: Path) -> str:
    """Subject that a file's name states: its last number without leading zeros, else the whole stem."""
    numbers = re.findall(r"\d+", path.stem)
    return str(int(numbers[-1])) if numbers else path.stem


def read_npz(path: Path) -> Recording:
    """Read a ``.npz`` of trials (``g<gesture>_r<repetition>``, ``fs``) or a continuous one that myofin wrote.

    One file is one subject. Gesture g becomes label g + 1; repetitions keep their numbers.

    Raises:
        RecordingError: The file cannot be read, or has another layout.
    """
    content = _read(path)
    if "layout" in content:
        return _continuous(path, content)
    if any(_TRIAL_KEY.match(key) for key in content):
        return _trials(path, content)
    raise RecordingError(
        f"{path.name} holds no trials named g<gesture>_r<repetition> and no continuous recording.",
        hint=_TRIAL_HINT,
    )


def write_continuous(path: Path, recording: Recording, config_json: str) -> None:
    """Write a recording as a ``.npz`` that ``read_npz`` reads; the file appears when it is complete."""
    partial = path.with_name(f".{path.name}.partial-{secrets.token_hex(4)}")
    try:
        with partial.open("wb") as stream:
            np.savez_compressed(
                stream,
                layout=np.array(CONTINUOUS_LAYOUT),
                counts=recording.counts,
                labels=recording.labels,
                repetitions=recording.repetitions,
                rate_hz=np.array(recording.rate_hz),
                subject=np.array(recording.subject),
                dataset=np.array(recording.dataset),
                counts_per_unit=np.array(recording.counts_per_unit),
                unit=np.array(recording.unit),
                config=np.array(config_json),
            )
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, npt.NDArray[Any]]:
    try:
        with path.open("rb") as stream:  # numpy leaves a file that it opened itself open where it then fails
            archive = np.load(stream, allow_pickle=False)
            if isinstance(archive, np.ndarray):
                raise ValueError("it is a single array, not an archive")
            return {key: np.asarray(archive[key]) for key in archive.files}
    except Exception as error:  # the reader raises whatever a damaged byte leads it to
        hint = "Copy or make the file again; arrays of Python objects are not read."
        raise unreadable(path, ".npz", error, hint) from error


def _trials(path: Path, content: Mapping[str, npt.NDArray[Any]]) -> Recording:
    named = sorted(
        (int(match["repetition"]), int(match["gesture"]), key)
        for key in content
        if (match := _TRIAL_KEY.match(key))
    )
    signals = [_trial_signal(path, key, content[key]) for _, _, key in named]
    channels = {signal.shape[1] for signal in signals}
    if len(channels) != 1:
        raise RecordingError(
            f"The trials in {path.name} have different numbers of channels: {sorted(channels)}.",
            hint=_TRIAL_HINT,
        )
    lengths = [len(signal) for signal in signals]
    labels = np.repeat(np.array([gesture + 1 for _, gesture, _ in named], dtype=np.int16), lengths)
    gestures = {gesture for _, gesture, _ in named}
    is_3dc = channels == {10} and gestures == set(range(len(CLASS_NAMES_3DC)))
    return Recording(
        counts=np.concatenate(signals),
        rate_hz=_rate(path, content, "fs"),
        labels=labels,
        repetitions=np.repeat(np.array([number for number, _, _ in named], dtype=np.int16), lengths),
        trial=np.repeat(np.arange(len(named), dtype=np.int32), lengths),
        subject=subject_of_name(path),
        source=path.name,
        dataset="npz_trials",
        class_names=CLASS_NAMES_3DC if is_3dc else None,
        sha256s={path.name: sha256_file(path)},
        findings=_empty_trials(named, lengths),
    )


def _trial_signal(path: Path, key: str, signal: npt.NDArray[Any]) -> Int16Array:
    if signal.dtype != np.int16 or signal.ndim != 2 or signal.shape[1] == 0:
        raise RecordingError(
            f"Trial {key} in {path.name} is {signal.dtype} of shape {signal.shape}.", hint=_TRIAL_HINT
        )
    return signal


def _empty_trials(named: list[tuple[int, int, str]], lengths: list[int]) -> tuple[Finding, ...]:
    return tuple(
        Finding("warning", f"Trial {key} has no samples.", "Record that trial again, or remove its key.")
        for (_, _, key), length in zip(named, lengths, strict=True)
        if length == 0
    )


def _rate(path: Path, content: Mapping[str, npt.NDArray[Any]], key: str) -> int:
    value = content.get(key, np.array(()))
    if value.size != 1 or value.dtype.kind not in "iuf" or not float(value.flat[0]).is_integer():
        raise RecordingError(
            f"{path.name} does not state its rate as a whole number of hertz under `{key}`.", hint=_TRIAL_HINT
        )
    rate_hz = int(value.flat[0])
    if not 0 < rate_hz <= 1_000_000:
        raise RecordingError(f"{path.name} states a rate of {rate_hz} Hz.", hint=_TRIAL_HINT)
    return rate_hz


def _continuous(path: Path, content: Mapping[str, npt.NDArray[Any]]) -> Recording:
    again = "Make the file again: myofin data synth --out FILE.npz."
    absent = [key for key in _CONTINUOUS_KEYS if key not in content]
    if absent or str(content["layout"]) != CONTINUOUS_LAYOUT:
        problem = f"lacks {', '.join(absent)}" if absent else f"has layout {str(content['layout'])!r}"
        raise RecordingError(f"{path.name} {problem}, so it is not a {CONTINUOUS_LAYOUT} file.", hint=again)
    counts, labels, repetitions = (content[key] for key in ("counts", "labels", "repetitions"))
    shaped = counts.ndim == 2 and labels.ndim == repetitions.ndim == 1 and counts.shape[1] > 0
    if not shaped or any(track.dtype != np.int16 for track in (counts, labels, repetitions)):
        raise RecordingError(
            f"{path.name}: counts, labels and repetitions must be int16 of (n, channels), (n,) and (n,).",
            hint=again,
        )
    if not len(counts) == len(labels) == len(repetitions) > 0:
        raise RecordingError(
            f"{path.name}: {len(counts)} samples, {len(labels)} labels, {len(repetitions)} repetitions.",
            hint=again,
        )
    return Recording(
        counts=counts,
        rate_hz=_rate(path, content, "rate_hz"),
        labels=labels,
        repetitions=repetitions,
        trial=trials_of(labels, repetitions),
        subject=str(content["subject"]),
        source=path.name,
        dataset=str(content["dataset"]),
        counts_per_unit=_scale(path, content.get("counts_per_unit", np.array(1.0))),
        unit=str(content["unit"]) if "unit" in content else "count",
        sha256s={path.name: sha256_file(path)},
    )


def _scale(path: Path, value: npt.NDArray[Any]) -> float:
    if value.size != 1 or value.dtype.kind not in "iuf" or not 0 < float(value.flat[0]) < np.inf:
        raise RecordingError(
            f"{path.name} states no positive number as counts_per_unit.",
            hint="Make the file again: myofin data synth --out FILE.npz.",
        )
    return float(value.flat[0])
