"""Float or integer files to int16 counts, once and by a stated scale; what is lost is found and said."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from myofin.recordings.model import Finding, Int16Array

_INT16 = np.iinfo(np.int16)
_ROWS_AT_ONCE = 1 << 17


def to_counts(signal: npt.NDArray[Any], counts_per_unit: float) -> tuple[Int16Array, tuple[Finding, ...]]:
    """Scale [n, c] numbers to int16 counts.

    Values that are not finite become 0 and values beyond int16 are clipped; both are error findings, so
    that such a recording can be looked at but not trained on. Integer data that is not whole is a warning.
    """
    counts = np.empty(signal.shape, dtype=np.int16)
    bad = np.zeros(signal.shape[1], dtype=np.int64)
    clipped, fractional = np.zeros_like(bad), 0
    for start in range(0, signal.shape[0], _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        with np.errstate(invalid="ignore", over="ignore"):  # NaN and infinity are counted below
            scaled = np.asarray(signal[rows], dtype=np.float64) * counts_per_unit
        finite = np.isfinite(scaled)
        scaled = np.where(finite, scaled, 0.0)
        rounded = np.rint(scaled)
        bad += (~finite).sum(axis=0)
        clipped += ((rounded < _INT16.min) | (rounded > _INT16.max)).sum(axis=0)
        fractional += int(np.count_nonzero(rounded != scaled))
        counts[rows] = np.clip(rounded, _INT16.min, _INT16.max).astype(np.int16)
    findings = [*_per_channel(bad, _not_finite), *_per_channel(clipped, _beyond_int16)]
    if counts_per_unit == 1.0 and fractional:
        findings.append(
            Finding(
                "warning", f"{fractional} values are not whole counts and were rounded.", "Save ADC counts."
            )
        )
    return counts, tuple(findings)


def _per_channel(numbers: npt.NDArray[np.int64], finding: Any) -> list[Finding]:
    return [finding(channel, int(number)) for channel, number in enumerate(numbers) if number]


def _not_finite(channel: int, number: int) -> Finding:
    return Finding(
        "error",
        f"Channel {channel} holds {number} samples that are NaN or infinite.",
        "Cut those samples out of the file, or leave that channel out.",
    )


def _beyond_int16(channel: int, number: int) -> Finding:
    return Finding(
        "error",
        f"Channel {channel} has {number} samples beyond int16 counts.",
        "Check that the file has the unit its data set states.",
    )
