"""Closed-form features of windows of codes in integers; the C runtime gives the same bits.

Sums over a window are exact. The softmax' weights are taken relative to a power of two that is at least the
highest of them, first in each frame and then in the window, so that a frame is combined with the others by
shifts alone and a decision needs only the frames' sums. Logarithms come from a table of 128 intervals,
interpolated.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from myofin.feature_windows import features_of_windows
from myofin.features import to_network_domain
from myofin.integer_tables import (
    AFFINE_BITS,
    LEVEL_BITS,
    LOG_BITS,
    MAX_SHIFT,
    IntegerTables,
    to_domain,
)

Integers = NDArray[np.int64]

# 2^15 log2(1 + i / 128); myofin_features_s8.c has the same numbers.
LOG_TABLE: Final[NDArray[np.int64]] = np.rint(np.log2(1 + np.arange(129) / 128) * (1 << LOG_BITS)).astype(
    np.int64
)
_FRACTION_BITS: Final = 16
_VALUES_AT_ONCE: Final = 1 << 20  # bounds the temporaries to some tens of MB


def integer_features(tables: IntegerTables, codes: NDArray[np.int8]) -> NDArray[np.int8]:
    """Features int8 ``[w, channels * f]`` of windows of codes int8 ``[w, frames, frame_codes]``.

    Raises:
        ValueError: The codes have another shape or type.
    """
    values = integer_values(tables, codes)
    scaled = (values * tables.multipliers.astype(np.int64) + tables.offsets) >> AFFINE_BITS
    return np.clip(scaled, -128, 127).astype(np.int8).reshape(len(codes), tables.size)


def integer_values(tables: IntegerTables, codes: NDArray[np.int8]) -> Integers:
    """The features before scaling, int64 ``[w, channels, f]``; ``to_domain`` has their units.

    Raises:
        ValueError: The codes have another shape or type.
    """
    found = [_values(tables, block) for block in _blocks(tables, codes)]
    return np.concatenate(found) if found else np.empty((0, tables.channels, len(tables.numbers)), np.int64)


def exact_features(tables: IntegerTables, codes: NDArray[np.int8]) -> NDArray[np.float64]:
    """The same features in float64, scaled but not rounded, ``[w, channels * f]``: what integers may lose.

    Raises:
        ValueError: The codes have another shape or type.
    """
    slopes, intercepts = np.array([to_domain(name, tables.samples) for name in tables.names]).T
    found = []
    for block in _blocks(tables, codes):
        levels = _levels(tables, block) / (1 << LEVEL_BITS)
        domain = to_network_domain(features_of_windows(levels, tables.names), tables.names)
        found.append((domain - intercepts) / slopes)
    values = np.concatenate(found) if found else np.empty((0, tables.channels, len(tables.numbers)))
    half = 1 << (AFFINE_BITS - 1)  # which rounds where the integers are shifted
    scaled = (values * tables.multipliers + (tables.offsets - half)) / 2.0**AFFINE_BITS
    return np.asarray(scaled.reshape(len(codes), tables.size))


def log2_of(values: NDArray[np.uint64]) -> Integers:
    """Binary logarithm of positive integers below 2^63, 15 bits after the point."""
    normal, exponent = values.astype(np.uint64), np.full(values.shape, 63, np.int64)
    for shift in (32, 16, 8, 4, 2, 1):
        low = normal < np.uint64(1) << np.uint64(64 - shift)
        normal = np.where(low, normal << np.uint64(shift), normal)
        exponent -= np.where(low, shift, 0)
    interval = ((normal >> np.uint64(56)) & np.uint64(127)).astype(np.int64)
    fraction = ((normal >> np.uint64(40)) & np.uint64(0xFFFF)).astype(np.int64)
    rise = LOG_TABLE[interval + 1] - LOG_TABLE[interval]
    between = (rise * fraction + (1 << (_FRACTION_BITS - 1))) >> _FRACTION_BITS
    return np.asarray((exponent << LOG_BITS) + LOG_TABLE[interval] + between, dtype=np.int64)


def _blocks(tables: IntegerTables, codes: NDArray[np.int8]) -> Iterator[NDArray[np.int8]]:
    shape = (tables.frames, tables.frame_samples * tables.channels)
    if codes.dtype != np.int8 or codes.ndim != 3 or codes.shape[1:] != shape:
        raise ValueError(f"codes must be int8 [w, {shape[0]}, {shape[1]}], not {codes.dtype} {codes.shape}")
    step = max(1, _VALUES_AT_ONCE // (shape[0] * shape[1]))
    for first in range(0, len(codes), step):
        yield codes[first : first + step]


def _indices(tables: IntegerTables, codes: NDArray[np.int8]) -> Integers:
    """Rows of the tables, ``[w, samples, channels]``."""
    return codes.reshape(len(codes), tables.samples, tables.channels).astype(np.int64) + 128


def _levels(tables: IntegerTables, codes: NDArray[np.int8]) -> Integers:
    return tables.levels[_indices(tables, codes)].astype(np.int64)


def _values(tables: IntegerTables, codes: NDArray[np.int8]) -> Integers:
    rows, levels = _indices(tables, codes), _levels(tables, codes)
    sums = _sums(levels, tables.names)
    columns = []
    for place, name in enumerate(tables.names):
        floor = int(tables.floors[place])
        if name == "entropy":
            column = _entropy(tables, rows)
        elif name == "ld":
            column = tables.logs[rows].astype(np.int64).sum(axis=1)
        else:
            total = sums[name]
            column = np.where(total > 0, log2_of(np.maximum(total, 1).astype(np.uint64)), floor)
        columns.append(np.maximum(column, floor))
    return np.stack(columns, axis=-1)


def _sums(levels: Integers, names: tuple[str, ...]) -> dict[str, Integers]:
    """Sums over the window, ``[w, channels]``, whose logarithms the features are."""
    steps = np.diff(levels, axis=1)
    squares = np.square(levels).sum(axis=1)
    made: dict[str, Any] = {
        "rms": lambda: squares,
        "ssi": lambda: squares,
        "var": lambda: levels.shape[1] * squares - np.square(levels.sum(axis=1)),
        "mav": lambda: np.abs(levels).sum(axis=1),
        "wl": lambda: np.abs(steps).sum(axis=1),
        "rms_d1": lambda: np.square(steps).sum(axis=1),
        "rms_d2": lambda: np.square(np.diff(steps, axis=1)).sum(axis=1),
        "rms_lag2": lambda: np.square(levels[:, 2:] - levels[:, :-2]).sum(axis=1),
    }
    return {name: made[name]() for name in names if name in made}


def _entropy(tables: IntegerTables, rows: Integers) -> Integers:
    """Entropy of the softmax over the window in bits, log2 W + T / W, 15 bits after the point.

    With weights w = 2^-d, d the distance below the common power of two: W = sum w, T = sum d w.
    """
    windows, _, channels = rows.shape
    framed = rows.reshape(windows, tables.frames, tables.frame_samples, channels)
    exponents = tables.exponents[framed].astype(np.int64)
    highest = exponents.max(axis=2)
    weights, moments = _lowered(
        tables.mantissas[framed], tables.moments[framed], highest[:, :, np.newaxis] - exponents, axis=2
    )
    weight, moment = _lowered(weights, moments, highest.max(axis=1, keepdims=True) - highest, axis=1)
    ratio = (moment << LOG_BITS) // weight
    return log2_of(weight.astype(np.uint64)) - (tables.weight_bits << LOG_BITS) + ratio


def _lowered(
    weights: NDArray[Any], moments: NDArray[Any], distance: Integers, axis: int
) -> tuple[Integers, Integers]:
    """Sums of weights and moments relative to a power of two that is ``distance`` higher."""
    shift = np.minimum(distance, MAX_SHIFT)
    counted = distance <= MAX_SHIFT
    lower = np.where(counted, weights.astype(np.int64) >> shift, 0)
    further = np.where(counted, (moments.astype(np.int64) + shift * weights) >> shift, 0)
    return lower.sum(axis=axis), further.sum(axis=axis)
