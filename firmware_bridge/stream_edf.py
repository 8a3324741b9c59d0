"""The samples of a stream as EDF+, the format that tools for biosignals read: counts, decisions, gaps."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from edfio import Edf, EdfAnnotation, EdfSignal
from numpy.typing import NDArray

from myofin.convert.bundle import Bundle
from myofin.firmware_bridge.quality import predictions
from myofin.firmware_bridge.stream_check import Recomputation
from myofin.firmware_bridge.stream_gaps import Gap
from myofin.firmware_bridge.stream_store import StreamRecording

_INT16: Final = (-32768, 32767)
_HOPS_A_SECOND: Final = 100  # of an EDF record, at most


def write_edf(
    path: Path, bundle: Bundle, recording: StreamRecording, found: Recomputation, labels: NDArray[np.int64]
) -> None:
    """Write what came as one continuous EDF+ file; what is missing is zero there, and marked.

    Digital values are the ADC's counts. Annotations: each run of equal decisions, from its first to its last;
    each run of equal labels; each gap.

    Args:
        path: The file.
        bundle: What the board ran.
        recording: What came.
        found: Its frames in order, decisions and gaps.
        labels: int64 ``[d]`` of the decisions.
    """
    plan = recording.facts["plan"]
    rate_hz, frame_samples = plan["true_rate_hz"], plan["frame_samples"]
    counts = _continuous(found.frames, frame_samples)
    signals = [
        EdfSignal(
            counts[:, channel].astype(np.float64),
            sampling_frequency=rate_hz,
            label=f"EMG {channel + 1}",
            physical_dimension="count",
            physical_range=_INT16,
            digital_range=_INT16,
        )
        for channel in range(counts.shape[1])
    ]
    seconds = (found.decisions["index"].astype(np.float64) + frame_samples) / rate_hz
    annotations = [
        *_runs(seconds, predictions(found.device.logits), "decided", bundle.body.class_names),
        *_runs(seconds, labels, "label", bundle.body.class_names),
        *(_gap_note(gap, rate_hz) for gap in found.gaps),
    ]
    hops = len(counts) // frame_samples
    a_record = max(n for n in range(1, _HOPS_A_SECOND + 1) if hops % n == 0)
    Edf(
        signals,
        annotations=sorted(annotations, key=lambda note: note.onset),
        data_record_duration=a_record * frame_samples / rate_hz,
    ).write(path)


def _continuous(frames: NDArray[Any], frame_samples: int) -> NDArray[np.int16]:
    """Counts int16 ``[n, channels]`` at their index, zero where none came."""
    index = frames["index"].astype(np.int64)
    counts = np.zeros((int(index[-1]) + frame_samples, frames["counts"].shape[2]), dtype=np.int16)
    places = index[:, np.newaxis] + np.arange(frame_samples)
    counts[places.ravel()] = frames["counts"].reshape(-1, counts.shape[1])
    return counts


def _runs(
    seconds: NDArray[Any], values: NDArray[Any], kind: str, names: Sequence[str]
) -> list[EdfAnnotation]:
    """An annotation for each stretch of one class; negative values are none."""
    if len(values) == 0:
        return []
    edges = [0, *(np.flatnonzero(np.diff(values)) + 1).tolist(), len(values)]
    return [
        EdfAnnotation(
            float(seconds[first]), float(seconds[stop - 1] - seconds[first]), f"{kind} {names[values[first]]}"
        )
        for first, stop in pairwise(edges)
        if values[first] >= 0
    ]


def _gap_note(gap: Gap, rate_hz: float) -> EdfAnnotation:
    why = "dropped by the board" if gap.explained else "lost"
    return EdfAnnotation(gap.index / rate_hz, gap.samples / rate_hz, f"gap: {gap.samples} samples {why}")
