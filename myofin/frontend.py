"""The integer front end: int16 ADC counts to int8 codes, the same integers on host and board.

For a sample x of channel c: remove the offset, optionally the slow drift (one-pole DC blocker with integer
state), take the magnitude to a table index through a fixed-point gain, and look the companded magnitude up;
the sign is kept. All of it fits 32-bit integers, and the C runtime does exactly the same operations.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from myofin.errors import ArtifactError, RecordingError

Int8Array = npt.NDArray[np.int8]
Int16Array = npt.NDArray[np.int16]
Int32Array = npt.NDArray[np.int32]
UInt32Array = npt.NDArray[np.uint32]
FloatArray = npt.NDArray[np.float64]

WINDOW_FRAMES = 30
FRAMES_PER_SECOND = 100
TABLE_SIZE = 2048
CODE_MAX = 127
# Peaks of real recordings reach 132 standard deviations, and hold most of the variance of VAR and SSI. With
# these two, features computed of the codes alone have a log and linear R2 of .998 and more on 3DC and DB5;
# with mu 5 up to 20 standard deviations VAR and SSI end at .74 linear, entropy at .976 log.
MU_DEFAULT = 100.0
CLIP_DEFAULT_SD = 140.0
GAIN_MAX_Q16 = 1 << 27
# |d| <= 65535, so |acc| <= 65535 << 15 < 2^31: one more bit of shift and the accumulator could wrap.
DC_SHIFT_MAX = 15

_HALF_Q16 = 1 << 15
_ROWS_AT_ONCE = 1 << 16


def frame_samples_of(rate_hz: int) -> int:
    """Samples of one channel in one frame (10 ms).

    Raises:
        RecordingError: The rate is not a positive multiple of 100 Hz, so a frame is not whole samples.
    """
    if rate_hz <= 0 or rate_hz % FRAMES_PER_SECOND:
        raise RecordingError(
            f"A rate of {rate_hz} Hz does not give a whole number of samples in a frame of 10 ms.",
            hint="Resample the recording to a multiple of 100 Hz.",
        )
    return rate_hz // FRAMES_PER_SECOND


def mu_law_table(mu: float) -> Int8Array:
    """Companding table: entry i is round(127 ln(1 + mu i/2047) / ln(1 + mu)), int8[2048], 0..127.

    Source: the continuous mu-law of ITU-T G.711, with mu free instead of 255.
    """
    index = np.arange(TABLE_SIZE, dtype=np.float64)
    table = CODE_MAX * np.log1p(mu * (index / (TABLE_SIZE - 1))) / math.log1p(mu)
    return np.asarray(np.rint(table), dtype=np.int8)


@dataclass(frozen=True)
class FrontEnd:
    """The front end of one model; every number in it comes from training repetitions only.

    Attributes:
        channels: Number of channels, c.
        offsets: int32[c], counts, subtracted first; int16 range.
        gains_q16: uint32[c], table indices per count, 16 fractional bits; 1 .. 2^27.
        limits: uint32[c], smallest magnitude in counts whose index would pass the end of the table.
        table: int8[2048], magnitude of the code for each index.
        dc_shift: 0 switches the DC blocker off; else its time constant is 2^dc_shift samples.
        mu: Companding strength the table was made with.
        clip_sd: Standard deviations at which the table ends.
        means: float64[c], counts: mean of the training signal (after the DC blocker, where it is on).
        sds: float64[c], counts: its population standard deviation.
    """

    channels: int
    offsets: Int32Array
    gains_q16: UInt32Array
    limits: UInt32Array
    table: Int8Array
    dc_shift: int
    mu: float
    clip_sd: float
    means: FloatArray
    sds: FloatArray

    @staticmethod
    def fit(
        counts: Int16Array, *, mu: float = MU_DEFAULT, clip_sd: float = CLIP_DEFAULT_SD, dc_shift: int = 0
    ) -> FrontEnd:
        """Fit offsets and gains to training counts.

        Args:
            counts: int16[n, c] ADC counts of the training repetitions.
            mu: Companding strength, > 0.
            clip_sd: Standard deviations that the last table entry stands for, > 0.
            dc_shift: 0 (off) .. 15.

        Raises:
            RecordingError: There are no samples, or a channel is dead or too loud for the gain's range.
        """
        _check_settings(mu, clip_sd, dc_shift)
        _check_counts(counts, ndim=2)
        if counts.shape[0] == 0 or counts.shape[1] == 0:
            raise RecordingError(
                f"There are no samples to fit the front end to (shape {counts.shape}).",
                hint="Check that the recording has the training repetitions: myofin data check PATH.",
            )
        offsets = np.rint(counts.mean(axis=0, dtype=np.float64)).astype(np.int32)
        signal = _block_dc(counts - offsets, dc_shift) if dc_shift else counts
        means = signal.mean(axis=0, dtype=np.float64)
        sds = signal.std(axis=0, dtype=np.float64)
        gains, limits = _gains_and_limits(sds, clip_sd)
        return FrontEnd(
            channels=counts.shape[1],
            offsets=offsets,
            gains_q16=gains,
            limits=limits,
            table=mu_law_table(mu),
            dc_shift=dc_shift,
            mu=float(mu),
            clip_sd=float(clip_sd),
            means=means,
            sds=sds,
        )

    def encode(self, counts: Int16Array) -> Int8Array:
        """Encode int16[n, c] counts to int8[n, c] codes; the DC blocker is reset at the first row."""
        _check_counts(counts, ndim=2, channels=self.channels)
        if self.dc_shift:
            return self._compand(_block_dc(counts - self.offsets, self.dc_shift))
        codes = np.empty(counts.shape, dtype=np.int8)
        for start in range(0, counts.shape[0], _ROWS_AT_ONCE):  # bounds the 32-bit temporaries
            rows = slice(start, start + _ROWS_AT_ONCE)
            codes[rows] = self._compand(counts[rows] - self.offsets)
        return codes

    def encode_windows(self, counts: Int16Array) -> Int8Array:
        """Encode windows int16[w, n, c] to int8[w, 30, n/30*c]; the DC blocker is reset at each window.

        Within a frame the order is sample-major, channel fastest: index = sample*channels + channel.

        Raises:
            ValueError: n is not a multiple of 30.
        """
        _check_counts(counts, ndim=3, channels=self.channels)
        windows, samples, channels = counts.shape
        if samples == 0 or samples % WINDOW_FRAMES:
            raise ValueError(f"a window of {samples} samples is not {WINDOW_FRAMES} whole frames")
        if self.dc_shift:
            codes = self._compand(_block_dc(counts - self.offsets, self.dc_shift))
        else:
            codes = self.encode(counts.reshape(-1, channels))
        return np.ascontiguousarray(codes).reshape(
            windows, WINDOW_FRAMES, samples // WINDOW_FRAMES * channels
        )

    def zscore(self, counts: Int16Array) -> FloatArray:
        """Standardise int16[n, c] or windows int16[w, n, c] with the training statistics: float64, in sd.

        Where the DC blocker is on, it is reset at the first row of the recording, or of each window.
        """
        _check_counts(counts, ndim=counts.ndim if counts.ndim == 3 else 2, channels=self.channels)
        signal = _block_dc(counts - self.offsets, self.dc_shift) if self.dc_shift else counts
        return np.asarray((signal - self.means) / self.sds, dtype=np.float64)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON-able values; ``from_json`` gives an equal front end back, to the last bit."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in values.items()
        }

    @staticmethod
    def from_json(document: Mapping[str, Any]) -> FrontEnd:
        """Rebuild a front end from ``to_json``'s document.

        Raises:
            ArtifactError: A key is missing, or a value is outside what the integer contract allows.
        """
        try:
            front_end = _parse(document)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise _malformed(f"{type(error).__name__}: {error}") from error
        _check_contract(front_end)
        return front_end

    def _compand(self, deviations: Int32Array) -> Int8Array:
        magnitudes = np.abs(deviations)
        # m < limit gives m*gain + 2^15 < 2^27, so 32 bits hold the product; above it the index saturates.
        limits = self.limits.astype(np.int64)
        below = np.minimum(magnitudes, limits - 1).astype(np.uint32)
        index = (below * self.gains_q16 + np.uint32(_HALF_Q16)) >> np.uint32(16)
        index = np.where(magnitudes >= limits, np.uint32(TABLE_SIZE - 1), index)
        codes = self.table[index]
        return np.where(deviations < 0, -codes, codes).astype(np.int8)


def _block_dc(deviations: npt.NDArray[Any], dc_shift: int) -> Int32Array:
    """Apply the one-pole DC blocker along the samples of int32[..., n, c], reset at the first one.

    No int32 wraps: with D = 65535 >= |d| and s <= 15, |acc| <= D 2^s < 2^31 holds at the first sample, and
    acc - (acc >> s) does not decrease with acc, so the update stays between -D 2^s + D - D and
    D 2^s - D + D: the bound holds at every sample. The output is at most 2 D in magnitude.
    """
    by_time = np.ascontiguousarray(np.moveaxis(deviations, -2, 0), dtype=np.int32)
    blocked = np.empty_like(by_time)
    accumulator = np.left_shift(by_time[0], dc_shift) if len(by_time) else by_time
    drift = np.right_shift(accumulator, dc_shift)
    for row, (value, out) in enumerate(zip(by_time, blocked, strict=True)):
        if row:  # in place, since this loop cannot be vectorised over time and allocations would dominate
            np.subtract(value, drift, out=out)
            np.add(accumulator, out, out=accumulator)
            np.right_shift(accumulator, dc_shift, out=drift)
        np.subtract(value, drift, out=out)
    return np.moveaxis(blocked, 0, -2)


def _gains_and_limits(sds: FloatArray, clip_sd: float) -> tuple[UInt32Array, UInt32Array]:
    gains = []
    for channel, sd in enumerate(sds.tolist()):
        gain = round(TABLE_SIZE * 65536 / (clip_sd * sd)) if sd > 0 else 0
        if not 1 <= gain <= GAIN_MAX_Q16:
            raise RecordingError(
                f"Channel {channel} is dead or out of range: its standard deviation is {sd:.4g} counts.",
                hint="Check the electrode, or leave that channel out of the recording.",
            )
        gains.append(gain)
    limits = [-(-(TABLE_SIZE * 65536 - _HALF_Q16) // gain) for gain in gains]
    return np.array(gains, dtype=np.uint32), np.array(limits, dtype=np.uint32)


def _check_counts(counts: npt.NDArray[Any], *, ndim: int, channels: int | None = None) -> None:
    if counts.dtype != np.int16:
        raise ValueError(f"counts must be int16, not {counts.dtype}")
    if counts.ndim != ndim or (channels is not None and counts.shape[-1] != channels):
        expected = f"{ndim} dimensions" + ("" if channels is None else f", {channels} channels last")
        raise ValueError(f"counts must have {expected}, not shape {counts.shape}")


def _check_settings(mu: float, clip_sd: float, dc_shift: int) -> None:
    if not (math.isfinite(mu) and mu > 0 and math.isfinite(clip_sd) and clip_sd > 0):
        raise ValueError(f"mu and clip_sd must be positive and finite, not {mu} and {clip_sd}")
    if not 0 <= dc_shift <= DC_SHIFT_MAX:
        raise ValueError(f"dc_shift must be 0..{DC_SHIFT_MAX}, not {dc_shift}")


def _parse(document: Mapping[str, Any]) -> FrontEnd:
    def integers(key: str, dtype: type[Any]) -> npt.NDArray[Any]:
        values = np.array(document[key], dtype=np.int64)
        if values.ndim != 1 or not np.array_equal(values, np.array(document[key])):
            raise ValueError(f"{key} is not a list of integers")
        limits = np.iinfo(dtype)
        if values.size and not limits.min <= values.min() <= values.max() <= limits.max:
            raise ValueError(f"{key} is out of range")
        return values.astype(dtype)

    return FrontEnd(
        channels=int(document["channels"]),
        offsets=integers("offsets", np.int32),
        gains_q16=integers("gains_q16", np.uint32),
        limits=integers("limits", np.uint32),
        table=integers("table", np.int8),
        dc_shift=int(document["dc_shift"]),
        mu=float(document["mu"]),
        clip_sd=float(document["clip_sd"]),
        means=np.array(document["means"], dtype=np.float64),
        sds=np.array(document["sds"], dtype=np.float64),
    )


def _check_contract(front_end: FrontEnd) -> None:
    shape = (front_end.channels,)
    arrays = (front_end.offsets, front_end.gains_q16, front_end.limits, front_end.means, front_end.sds)
    gains = front_end.gains_q16.astype(np.int64)
    checks = {
        "its arrays do not have one entry a channel": all(array.shape == shape for array in arrays),
        "it has no channels": front_end.channels > 0,
        "an offset is outside int16": bool(np.all(np.abs(front_end.offsets + 0.5) < 32768)),
        "a gain is outside 1..2^27": bool(np.all((gains >= 1) & (gains <= GAIN_MAX_Q16))),
        "dc_shift is outside 0..15": 0 <= front_end.dc_shift <= DC_SHIFT_MAX,
        "its table is not 2048 entries of 0..127": front_end.table.shape == (TABLE_SIZE,)
        and bool(np.all(front_end.table >= 0)),
        "a standard deviation is not positive": bool(np.all(front_end.sds > 0)),
    }
    for problem, holds in checks.items():
        if not holds:
            raise _malformed(problem)
    expected = -(-(TABLE_SIZE * 65536 - _HALF_Q16) // gains)
    if not np.array_equal(expected, front_end.limits):
        raise _malformed("a limit does not follow from its gain")


def _malformed(reason: str) -> ArtifactError:
    return ArtifactError(
        f"The front end in the manifest is not usable: {reason}.",
        hint="Make the run again with `myofin train`, or the bundle with `myofin convert`.",
    )
