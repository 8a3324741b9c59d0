"""Tables of the features in integers: what a front end's codes stand for, and how features become int8.

Everything that is no integer (levels, powers of two, logarithms, means and deviations) is rounded once, here,
into tables that a model carries. ``integer_features.py`` and the C runtime compute from them with integers
alone, so they agree to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from myofin.errors import InputError
from myofin.feature_windows import LD_FLOOR_SD
from myofin.features import LOG_FLOOR, log_features
from myofin.frontend import TABLE_SIZE, WINDOW_FRAMES, FrontEnd

# What can be computed in integers; a feature's number in a model is its place here.
INTEGER_FEATURES: Final = ("entropy", "rms", "var", "ssi", "mav", "wl", "rms_d1", "rms_d2", "ld", "rms_lag2")
LEVEL_BITS: Final = 12  # of a level after the point, in standard deviations
LOG_BITS: Final = 15  # of a logarithm to base 2, and of the entropy in bits
LEVEL_LOG_BITS: Final = 12  # of the logarithm of one level
AFFINE_BITS: Final = 30
CODES: Final = 256
# A weight that is 2^-32 of the largest counts nothing.
MAX_SHIFT: Final = 31
_MAX_WEIGHT_BITS: Final = 24
_LN2: Final = math.log(2.0)


@dataclass(frozen=True, eq=False)
class IntegerTables:
    """The integers of one model's features. Arrays over codes are indexed by ``code + 128``.

    Attributes:
        numbers: int32 ``[f]``, places of the features in ``INTEGER_FEATURES``.
        channels: Channels of a frame; ``frame_samples``: samples of each; ``frames``: of a window.
        levels: int32 ``[256]``, standard deviations of the signal, 12 bits after the point.
        exponents: int32 ``[256]``: e^level is ``mantissas * 2^(exponents - weight_bits)``.
        mantissas: int32 ``[256]``, above 2^(weight_bits - 1), up to 2^weight_bits.
        moments: int32 ``[256]``, the mantissas times what the exponent was rounded up by.
        logs: int32 ``[256]``, binary logarithm of |level| + .02, 12 bits after the point.
        floors: int32 ``[f]``, the least value of each feature before it is scaled.
        multipliers: int32 ``[f]``, and ``offsets``: int64 ``[f]``: an output is
            ``(value * multiplier + offset) >> 30``, clamped to int8.
        weight_bits: Of the mantissas.
    """

    numbers: NDArray[np.int32]
    channels: int
    frame_samples: int
    frames: int
    levels: NDArray[np.int32]
    exponents: NDArray[np.int32]
    mantissas: NDArray[np.int32]
    moments: NDArray[np.int32]
    logs: NDArray[np.int32]
    floors: NDArray[np.int32]
    multipliers: NDArray[np.int32]
    offsets: NDArray[np.int64]
    weight_bits: int

    @property
    def names(self) -> tuple[str, ...]:
        """The features by name."""
        return tuple(INTEGER_FEATURES[number] for number in self.numbers)

    @property
    def samples(self) -> int:
        """Samples of a window, of one channel."""
        return self.frames * self.frame_samples

    @property
    def size(self) -> int:
        """Features of all channels."""
        return self.channels * len(self.numbers)

    def problem(self) -> str | None:
        """What would let an accumulator overflow or an index leave its table; None: nothing.

        With n samples of at most L in magnitude: sums of levels, of magnitudes and of steps (2 L each) stay
        in 32 bits where n L < 2^31. Squares of second differences, (4 L)^2 n, and the variance's n sum x^2
        stay in 63 bits where moreover L < 2^27. Weights and moments of a frame, the latter at the largest
        shift (moment + 31 weight), stay in 32 bits where 32 frame_samples times the largest mantissa do; a
        window has fewer than 32 frames.
        """
        level = int(np.abs(self.levels.astype(np.int64)).max(initial=0))
        mantissa = int(self.mantissas.max(initial=0))
        sizes = (self.channels, self.frame_samples, self.frames)
        by_code = (self.levels, self.exponents, self.mantissas, self.moments, self.logs)
        by_feature = (self.floors, self.multipliers, self.offsets)
        checks = {
            "a size is not positive, or the window too long": min(sizes) > 0
            and 3 <= self.samples < 1 << 16
            and self.frames <= MAX_SHIFT,
            "a table does not have 256 entries": all(table.shape == (CODES,) for table in by_code),
            "its features are not known": len(self.numbers) > 0
            and bool(np.all((self.numbers >= 0) & (self.numbers < len(INTEGER_FEATURES)))),
            "a feature lacks a constant": all(part.shape == self.numbers.shape for part in by_feature),
            "its levels are too high": self.samples * level < 1 << 31 and level < 1 << 27,
            "its weights are too high": 32 * self.frame_samples * mantissa < 1 << 32,
            "a weight is not positive": bool(np.all(self.mantissas > 0)),
            "a moment exceeds its weight": bool(
                np.all((self.moments >= 0) & (self.moments <= self.mantissas))
            ),
            "an exponent or a logarithm is too large": bool(
                np.all(np.abs(self.exponents.astype(np.int64)) < 1 << 15)
                and np.all(np.abs(self.logs.astype(np.int64)) < 1 << 15)
            ),
            "a constant is too large": bool(np.all((self.offsets < 1 << 62) & (self.offsets > -(1 << 62)))),
            "its weights have no bits": 0 < self.weight_bits < 32,
        }
        return next((text for text, holds in checks.items() if not holds), None)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All of it as arrays, for an ``.npz``."""
        return {one.name: np.asarray(getattr(self, one.name)) for one in fields(self)}

    @staticmethod
    def from_arrays(arrays: Mapping[str, NDArray[Any]]) -> IntegerTables:
        """Rebuild what ``arrays`` gave.

        Raises:
            KeyError: An array is missing.
        """
        found = {one.name: arrays[one.name] for one in fields(IntegerTables)}
        values: dict[str, Any] = {n: v if v.ndim else int(v) for n, v in found.items()}
        return IntegerTables(**values)


def make_tables(frontend: FrontEnd, frame_samples: int, names: Sequence[str]) -> IntegerTables:
    """Tables for a front end's codes, with outputs that are not scaled yet (``with_scaling`` does).

    Raises:
        InputError: A feature cannot be computed in integers, or the window is too long for the accumulators.
    """
    unknown = [name for name in names if name not in INTEGER_FEATURES]
    if unknown:
        raise InputError(
            f"Feature {unknown[0]!r} cannot be computed in integers.",
            hint=f"Choose from {', '.join(INTEGER_FEATURES)}, or imitate it (--features-by lstm).",
        )
    levels = code_levels(frontend)
    powers = levels / (1 << LEVEL_BITS) / _LN2
    exponents = np.ceil(powers)
    weight_bits = min(_MAX_WEIGHT_BITS, 32 - int(32 * frame_samples).bit_length())
    weights = np.exp2(powers - exponents) * (1 << weight_bits)
    logs = np.log2(np.abs(levels) / (1 << LEVEL_BITS) + LD_FLOOR_SD)
    count = len(names)
    tables = IntegerTables(
        numbers=np.array([INTEGER_FEATURES.index(name) for name in names], np.int32),
        channels=frontend.channels,
        frame_samples=frame_samples,
        frames=WINDOW_FRAMES,
        levels=levels,
        exponents=exponents.astype(np.int32),
        mantissas=np.rint(weights).astype(np.int32),
        moments=np.rint(weights * (exponents - powers)).astype(np.int32),
        logs=np.rint(logs * (1 << LEVEL_LOG_BITS)).astype(np.int32),
        floors=np.zeros(count, np.int32),
        multipliers=np.zeros(count, np.int32),
        offsets=np.zeros(count, np.int64),
        weight_bits=weight_bits,
    )
    if (problem := tables.problem()) is not None:
        raise InputError(
            f"These features do not fit the integers of a board: {problem}.",
            hint="Use a lower sample rate or a lower clip, or imitate them (--features-by lstm).",
        )
    floors = [
        _floor(*to_domain(name, tables.samples), log)
        for name, log in zip(names, log_features(names), strict=True)
    ]
    return replace(tables, floors=np.array(floors, np.int32))


def with_scaling(
    tables: IntegerTables, mean: NDArray[Any], std: NDArray[Any], scale: float, zero_point: int
) -> IntegerTables:
    """The same features with outputs ``(standardised / scale) + zero_point``.

    Args:
        tables: As ``make_tables`` gave them.
        mean: ``[f]``, of each feature in its domain; ``std`` alike.
        scale: What one step of the output stands for, in standard deviations of the feature.
        zero_point: The output of a feature at its mean.

    Raises:
        InputError: A feature hardly varies, so that its factor does not fit 32 bits.
    """
    multipliers, offsets = [], []
    half = 1 << (AFFINE_BITS - 1)
    for name, centre, deviation in zip(tables.names, mean, std, strict=True):
        slope, intercept = to_domain(name, tables.samples)
        step = float(deviation) * scale
        multipliers.append(round(slope / step * 2**AFFINE_BITS))
        offsets.append(round(((intercept - float(centre)) / step + zero_point) * 2**AFFINE_BITS) + half)
        if not 0 < multipliers[-1] < 1 << 31 or abs(offsets[-1]) >= 1 << 62:
            raise InputError(
                f"The feature {name} hardly varies in the training repetitions, or far too much.",
                hint="Check the recording: myofin data check PATH.",
            )
    return replace(tables, multipliers=np.array(multipliers, np.int32), offsets=np.array(offsets, np.int64))


def code_levels(frontend: FrontEnd) -> NDArray[np.int32]:
    """What each code stands for, int32 ``[256]``: the middle of the table's entries that give it.

    A code that no entry gives lies between its neighbours; -128, which the front end never gives, is as -127.
    """
    entries = np.arange(TABLE_SIZE, dtype=np.float64)
    found = np.unique(frontend.table)
    middles = np.array([entries[frontend.table == code].mean() for code in found])
    magnitudes = np.interp(np.arange(CODES // 2), found, middles)
    magnitudes[0] = 0.0
    codes = np.arange(CODES) - CODES // 2
    steps = np.sign(codes) * magnitudes[np.minimum(np.abs(codes), CODES // 2 - 1)]
    levels = np.rint(steps * (frontend.clip_sd / TABLE_SIZE) * (1 << LEVEL_BITS))
    return np.asarray(levels, dtype=np.int32)


def to_domain(name: str, samples: int) -> tuple[float, float]:
    """Slope and intercept from a feature's integer value to what the network sees (``features.py``).

    Values are binary logarithms of sums over the window, of levels or their squares; for the entropy, bits;
    for the log detector, the sum of logarithms.
    """
    one, level, square = _LN2 / (1 << LOG_BITS), LEVEL_BITS * _LN2, 2 * LEVEL_BITS * _LN2
    return {
        "entropy": (one, 0.0),
        "rms": (one / 2, -(math.log(samples) + square) / 2),
        "var": (one, -2 * math.log(samples) - square),
        "ssi": (one, -square),
        "mav": (one, -math.log(samples) - level),
        "wl": (one, -level),
        "rms_d1": (one / 2, -(math.log(samples - 1) + square) / 2),
        "rms_d2": (one / 2, -(math.log(samples - 2) + square) / 2),
        "rms_lag2": (one / 2, -(math.log(samples - 2) + square) / 2),
        "ld": (_LN2 / (1 << LEVEL_LOG_BITS) / samples, 0.0),
    }[name]


def _floor(slope: float, intercept: float, log: bool) -> int:
    """The least value of a feature: where the network sees its logarithm, that of 1e-6."""
    return math.ceil((math.log(LOG_FLOOR) - intercept) / slope) if log else 0
