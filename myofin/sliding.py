"""Combine every so many neighbours along an axis, at a cost per output that does not grow with how many.

Through prefix and suffix results of blocks as long as the window (van Herk 1992, Pattern Recognit. Lett.
13(7):517-521): every window is one suffix and one prefix, so an output costs one combination. Unlike
differences of running sums this subtracts nothing: the last window of a long recording is as exact as the
first, and maxima and variances are served as well as sums.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = tuple[npt.NDArray[Any], ...]


def sliding(
    parts: Arrays, width: int, combine: Callable[[Arrays, Arrays], Arrays], neutral: tuple[float, ...]
) -> Arrays:
    """Combine every ``width`` neighbours: arrays ``[n, ...]`` to ``[n - width + 1, ...]``, O(1) an output.

    ``neutral`` holds the numbers that change nothing when combined: they fill the last block.
    """
    blocks = -(-len(parts[0]) // width)
    after, before = [], []
    for values, nothing in zip(parts, neutral, strict=True):
        full = np.full((blocks * width, *values.shape[1:]), nothing, dtype=values.dtype)
        full[: len(values)] = values
        # Position within the block first: each step below is then one operation on contiguous arrays.
        after.append(np.ascontiguousarray(np.swapaxes(full.reshape(blocks, width, *values.shape[1:]), 0, 1)))
        before.append(np.full_like(after[-1], nothing))
    suffix, prefix = tuple(after), tuple(before)
    for place in range(1, width):  # prefix[p] combines the places before p of its block
        _set(prefix, place, combine(_at(prefix, place - 1), _at(suffix, place - 1)))
    for place in range(width - 2, -1, -1):  # suffix[p] combines place p and those behind it
        _set(suffix, place, combine(_at(suffix, place), _at(suffix, place + 1)))
    results = tuple(np.empty((blocks, width, *values.shape[1:]), dtype=values.dtype) for values in parts)
    for place in range(width):
        ahead = tuple(
            _shifted(values[place], nothing) for values, nothing in zip(prefix, neutral, strict=True)
        )
        combined = combine(_at(suffix, place), ahead) if place else _at(suffix, 0)
        for result, values in zip(results, combined, strict=True):
            result[:, place] = values
    windows = len(parts[0]) - width + 1
    return tuple(result.reshape(blocks * width, *result.shape[2:])[:windows] for result in results)


def _at(arrays: Arrays, place: int) -> Arrays:
    return tuple(values[place] for values in arrays)


def _set(arrays: Arrays, place: int, results: Arrays) -> None:
    for values, result in zip(arrays, results, strict=True):
        values[place] = result


def _shifted(values: npt.NDArray[Any], nothing: float) -> npt.NDArray[Any]:
    ahead = np.full_like(values, nothing)
    ahead[:-1] = values[1:]
    return ahead


def sliding_sum(values: npt.NDArray[Any], width: int) -> npt.NDArray[Any]:
    """Sum every ``width`` neighbours; counts by differences of running sums, which integers bear exactly."""
    if values.dtype.kind != "i":
        return sliding((values,), width, lambda a, b: (a[0] + b[0],), (0,))[0]
    running = np.zeros((len(values) + 1, *values.shape[1:]), dtype=values.dtype)
    np.cumsum(values, axis=0, out=running[1:])
    return np.asarray(running[width:] - running[:-width])
