"""Closed-form features of the window at every hop of a recording.

Each frame of samples is reduced once; the frames of a window are then combined as ``sliding.py`` does it.
Samples are handled in chunks, and windows in stretches, that stay in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from myofin.feature_windows import (
    AR_NAMES,
    AR_ORDER,
    HISTOGRAM_BINS,
    LD_FLOOR_SD,
    SSC_THRESHOLD_SD,
    WAMP_THRESHOLD_SD,
    ZC_THRESHOLD_SD,
    FloatArray,
    histogram_bin,
    levinson,
)
from myofin.sliding import Arrays, sliding, sliding_sum

_LAG = {
    "squares": 0,
    "mav": 0,
    "wl": 1,
    "zc": 1,
    "wamp": 1,
    "ssc": 2,
    "rms_d1": 1,
    "rms_d2": 2,
    "rms_lag2": 2,
    "ld": 0,
} | {f"lag{number}": number for number in range(1, AR_ORDER + 1)}
_SUMS_OF = {
    name: ("squares", *(f"lag{number}" for number in range(1, AR_ORDER + 1))) for name in AR_NAMES
} | dict.fromkeys(("rms", "ssi"), ("squares",))
_CHUNK_VALUES = 1 << 15  # samples handled at once, all channels
_STRETCH_VALUES = 1 << 15  # windows combined at once, all channels


@dataclass(frozen=True)
class _Cut:
    """How a recording is cut: samples a frame, frames a window, and how many windows there are."""

    samples: int
    frames: int
    hops: int
    channels: int


def features_of_recording(
    z: npt.NDArray[Any], names: tuple[str, ...], frame_samples: int, frames: int
) -> FloatArray:
    """Features of the window that starts at every frame: float[n, c] to float64[hops, c, len(names)]."""
    z = np.asarray(z, dtype=np.float64)
    if z.ndim != 2 or frame_samples < 1 or frames < 1:
        raise ValueError(f"cannot cut shape {z.shape} into frames of {frame_samples}, windows of {frames}")
    count, channels = z.shape[0] // frame_samples, z.shape[1]
    hops = max(count - frames + 1, 0)
    result = np.empty((hops, channels, len(names)))
    stretch = max(_STRETCH_VALUES // channels, 4 * frames)
    for first in range(0, hops, stretch):
        last = min(first + stretch, hops)
        samples = z[first * frame_samples : (last + frames - 1) * frame_samples + AR_ORDER]
        _stretch(samples, names, _Cut(frame_samples, frames, last - first, channels), result[first:last])
    return result


def _stretch(z: FloatArray, names: tuple[str, ...], cut: _Cut, result: FloatArray) -> None:
    """Write the features of some neighbouring windows: a stretch small enough for the cache."""
    reduced = _reduce(z, names, cut)
    sums, samples = _window_sums(reduced, cut), cut.frames * cut.samples
    if set(names) & set(AR_NAMES):
        sums |= zip(AR_NAMES, levinson([sums[key] for key in _SUMS_OF["ar1"]]), strict=True)
    if "squares" in sums:
        sums |= {"ssi": sums["squares"], "rms": np.sqrt(sums["squares"] / samples)}
    if "mav" in sums:
        sums["mav"] = sums["mav"] / samples
    if "ld" in sums:
        sums["ld"] = np.exp(sums["ld"] / samples)
    for name in {"rms_d1", "rms_d2", "rms_lag2"} & set(sums):
        sums[name] = np.sqrt(sums[name] / (samples - _LAG[name]))
    for index, name in enumerate(names):
        result[..., index] = sums[name] if name in sums else _COMBINED[name](reduced, cut)


def _reduce(z: FloatArray, names: tuple[str, ...], cut: _Cut) -> dict[str, npt.NDArray[Any]]:
    """Reduce each frame: ``key -> [frames of the recording, channels]`` (histograms: bins last)."""
    wanted = {sums for name in names for sums in _SUMS_OF.get(name, (name,))}
    count = cut.hops + cut.frames - 1
    per_chunk = max(1, _CHUNK_VALUES // (cut.samples * cut.channels))
    lacking = count * cut.samples + AR_ORDER - len(z)
    padded = np.concatenate([z, np.zeros((lacking, cut.channels))]) if lacking > 0 else z
    parts: dict[str, npt.NDArray[Any]] = {}
    for first in range(0, count, per_chunk):
        last = min(first + per_chunk, count)
        for key, values in _reduce_chunk(_picture(padded, first, last, cut), wanted, cut).items():
            if key not in parts:
                parts[key] = np.empty((count, *values.shape[1:]), dtype=values.dtype)
            parts[key][first:last] = values
    return parts


def _picture(padded: FloatArray, first: int, last: int, cut: _Cut) -> FloatArray:
    """Samples of frames ``[samples + 4, frames, channels]``, each with the four samples that follow it."""
    rows, columns = padded.strides
    view = np.lib.stride_tricks.as_strided(
        padded[first * cut.samples :],
        (cut.samples + AR_ORDER, last - first, cut.channels),
        (rows, rows * cut.samples, columns),
        writeable=False,
    )
    return np.ascontiguousarray(view)


def _reduce_chunk(x: FloatArray, wanted: set[str], cut: _Cut) -> dict[str, npt.NDArray[Any]]:
    own = x[: cut.samples]
    found: dict[str, npt.NDArray[Any]] = {}
    for key, events in _events(x, wanted, cut).items():
        found[key] = _total(events)
        if rest := max(cut.frames * cut.samples - _LAG[key], 0) % cut.samples:
            found[f"{key}/part"] = _total(events[:rest])
    if "entropy" in wanted:
        found["peak"] = own.max(axis=0)
        shifted = own - found["peak"]
        weights = np.exp(shifted)
        found["weight"] = weights.sum(axis=0)
        weights *= shifted
        found["moment"] = weights.sum(axis=0)
    if "var" in wanted:
        found["mean"] = own.mean(axis=0)
        centred = own - found["mean"]
        found["spread"] = np.square(centred, out=centred).sum(axis=0)
    if "hist_entropy" in wanted:
        found["histogram"] = _histograms(histogram_bin(own))
    return found


def _events(x: FloatArray, wanted: set[str], cut: _Cut) -> dict[str, npt.NDArray[Any]]:
    """What sums over the samples give a feature, one value for each sample, from it and those that follow."""
    own = x[: cut.samples]
    found: dict[str, npt.NDArray[Any]] = {}
    if "squares" in wanted:
        found["squares"] = own * own
    sizes = np.abs(own) if wanted & {"mav", "ld"} else own
    if "mav" in wanted:
        found["mav"] = sizes
    if "ld" in wanted:
        logarithms = sizes + LD_FLOOR_SD
        found["ld"] = np.log(logarithms, out=logarithms)
    for lag in range(1, AR_ORDER + 1):
        if f"lag{lag}" in wanted:
            found[f"lag{lag}"] = own * x[lag : cut.samples + lag]
    if "rms_lag2" in wanted:
        gaps = x[2 : cut.samples + 2] - own
        found["rms_lag2"] = np.square(gaps, out=gaps)
    if wanted & {"wl", "zc", "wamp", "ssc", "rms_d1", "rms_d2"}:
        slopes = np.diff(x[: cut.samples + 2], axis=0)
        steps = np.abs(slopes)
        if "zc" in wanted:
            product = found["lag1"] if "lag1" in found else own * x[1 : cut.samples + 1]
            found["zc"] = (product < 0) & (steps[:-1] >= ZC_THRESHOLD_SD)
        found |= _slope_events(slopes, steps, wanted)
    return found


def _slope_events(slopes: FloatArray, steps: FloatArray, wanted: set[str]) -> dict[str, npt.NDArray[Any]]:
    """Those of the first difference and its size, which have one value more than there are samples."""
    found: dict[str, npt.NDArray[Any]] = {}
    if "rms_d1" in wanted:
        found["rms_d1"] = np.square(slopes[:-1])
    if "rms_d2" in wanted:
        curves = np.diff(slopes, axis=0)
        found["rms_d2"] = np.square(curves, out=curves)
    if "wl" in wanted:
        found["wl"] = steps[:-1]
    if "wamp" in wanted:
        found["wamp"] = steps[:-1] >= WAMP_THRESHOLD_SD
    if "ssc" in wanted:
        found["ssc"] = (slopes[:-1] * slopes[1:] < 0) & (
            np.maximum(steps[:-1], steps[1:]) >= SSC_THRESHOLD_SD
        )
    return found


def _total(events: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if events.dtype != np.bool_:
        return np.asarray(events.sum(axis=0))
    narrow = np.int8 if len(events) < 128 else np.int32
    return np.asarray(np.add.reduce(events.view(np.int8), axis=0, dtype=narrow)).astype(np.int32)


def _histograms(bins: npt.NDArray[np.int8]) -> npt.NDArray[np.int32]:
    """Count the bins of each frame and channel: int8[samples, frames, c] to int32[frames, c, bins]."""
    _, frames, channels = bins.shape
    columns = np.arange(frames * channels).reshape(frames, channels) * HISTOGRAM_BINS
    counts = np.bincount((bins + columns).ravel(), minlength=columns.size * HISTOGRAM_BINS)
    return counts.reshape(frames, channels, HISTOGRAM_BINS).astype(np.int32)


def _window_sums(reduced: dict[str, npt.NDArray[Any]], cut: _Cut) -> dict[str, npt.NDArray[Any]]:
    """Sum over each window; where a value needs ``lag`` further samples, the window's last ``lag`` have none.

    Keys that are summed over equally many whole frames are handled as one array: fewer, longer operations.
    """
    alike: dict[tuple[int, str], list[str]] = {}
    for key in (key for key in _LAG if key in reduced):
        whole = max(cut.frames * cut.samples - _LAG[key], 0) // cut.samples
        alike.setdefault((whole, reduced[key].dtype.kind), []).append(key)
    sums: dict[str, npt.NDArray[Any]] = {}
    for (whole, _), keys in alike.items():
        together = np.stack([reduced[key] for key in keys], axis=1)
        total = sliding_sum(together, whole)[: cut.hops] if whole else np.zeros_like(together[: cut.hops])
        for place, key in enumerate(keys):
            sums[key] = total[:, place]
            if f"{key}/part" in reduced:
                sums[key] = sums[key] + reduced[f"{key}/part"][whole : whole + cut.hops]
    return sums


def _variance(reduced: dict[str, npt.NDArray[Any]], cut: _Cut) -> npt.NDArray[Any]:
    """Combine the frames' means and spreads pairwise: Chan, Golub, LeVeque 1983 (Am. Stat. 37(3):242-247)."""
    parts = (reduced["mean"], reduced["spread"], np.full_like(reduced["mean"], cut.samples))

    def combine(a: Arrays, b: Arrays) -> Arrays:
        count = a[2] + b[2]
        share = b[2] / np.maximum(count, 1)
        gap = b[0] - a[0]
        return a[0] + gap * share, a[1] + b[1] + np.square(gap) * a[2] * share, count

    spread = sliding(parts, cut.frames, combine, (0, 0, 0))[1]
    return np.asarray(spread / (cut.frames * cut.samples))


def _entropy(reduced: dict[str, npt.NDArray[Any]], cut: _Cut) -> npt.NDArray[Any]:
    """Entropy of softmax, ln S - T/S with S = sum e^(z-M), T = sum (z-M) e^(z-M), M the highest of the frame.

    Each frame is summed relative to its own maximum (z may reach 85, and one shift for the whole recording
    would underflow elsewhere) and two are combined relative to the higher.
    """
    lowest = -1e300  # neutral: finite, so that differences stay numbers, and exp() of them is 0
    parts = (reduced["peak"], reduced["weight"], reduced["moment"])

    def combine(a: Arrays, b: Arrays) -> Arrays:
        peak = np.maximum(a[0], b[0])
        below_a, below_b = np.maximum(a[0] - peak, -800.0), np.maximum(b[0] - peak, -800.0)
        scale_a, scale_b = np.exp(below_a), np.exp(below_b)
        weight = scale_a * a[1] + scale_b * b[1]
        moment = scale_a * (a[2] + below_a * a[1]) + scale_b * (b[2] + below_b * b[1])
        return peak, weight, moment

    _, weight, moment = sliding(parts, cut.frames, combine, (lowest, 0, 0))
    return np.asarray(np.log(weight) - moment / weight)


def _histogram_entropy(reduced: dict[str, npt.NDArray[Any]], cut: _Cut) -> npt.NDArray[Any]:
    samples = cut.frames * cut.samples
    counts = sliding_sum(reduced["histogram"], cut.frames)
    share = np.arange(samples + 1) / samples
    terms = -share * np.log(np.where(share > 0, share, 1.0))
    return np.asarray(terms[counts].sum(axis=-1))


_COMBINED: dict[str, Callable[[dict[str, npt.NDArray[Any]], _Cut], npt.NDArray[Any]]] = {
    "entropy": _entropy,
    "var": _variance,
    "hist_entropy": _histogram_entropy,
}
