"""Eight bits in training: what the int8 network computes, as float operations that gradients pass through.

The converter rounds a kernel symmetrically, a scale for each output, or one for each gate of the LSTM; and a
tensor of values asymmetrically between the least and the largest value that calibration windows show.
TensorFlow's fake quantization rounds to the same grids and lets gradients straight through (Jacob et al.,
Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference, CVPR 2018). What
is finer than eight bits there (sums, gates, the cell state) stays as it is, but for the bounds of the gates.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from myofin.train.tensorflow_setup import load_tensorflow

Ranges = Mapping[str, tuple[float, float]]
GATES: Final = 4
_LARGEST: Final = 127
_SMALLEST_RANGE: Final = 1e-6
_DAMPING: Final = 1e-3
# TensorFlow Lite Micro holds each half of what enters a gate in 16 bits, 12 of them behind the point.
_GATE_BOUND: Final = 8.0


class Arithmetic(Protocol):
    """How a network computes: what becomes of its kernels and of the values between its layers."""

    def kernel(self, kernel: Any, parts: int = 1) -> Any:
        """A kernel ``[inputs, outputs]`` as it multiplies; with several parts it has one scale for each."""
        ...

    def values(self, place: str, values: Any) -> Any:
        """Values at a place of the network as the next layer sees them."""
        ...

    def gates(self, values: Any) -> Any:
        """What enters the LSTM's gates: from its inputs, from its state, and both in all."""
        ...


class Exact:
    """Floats as they are."""

    def kernel(self, kernel: Any, parts: int = 1) -> Any:
        """The kernel as it is."""
        return kernel

    def values(self, place: str, values: Any) -> Any:
        """The values as they are."""
        return values

    def gates(self, values: Any) -> Any:
        """The values as they are."""
        return values


class Observer(Exact):
    """Floats as they are, and the least and the largest values that came by, as calibration sees them."""

    def __init__(self) -> None:
        self._extremes: dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]] = {}

    def values(self, place: str, values: Any) -> Any:
        """The values as they are; eager only."""
        found = values.numpy().reshape(-1, values.shape[-1])
        low, high = self._extremes.get(place, (0.0, 0.0))  # zero is always on the grid
        self._extremes[place] = np.minimum(low, found.min(axis=0)), np.maximum(high, found.max(axis=0))
        return values

    @property
    def ranges(self) -> Ranges:
        """Least and largest value at each place."""
        return {place: (float(low.min()), float(high.max())) for place, (low, high) in self._extremes.items()}

    def largest(self, place: str) -> NDArray[np.float32]:
        """Largest value of each unit ``[units]`` at a place, at least 0."""
        return self._extremes[place][1]


class EightBits:
    """Kernels and values rounded to eight bits, the values within ranges that can be set anew."""

    def __init__(self, ranges: Ranges) -> None:
        self._tf, _ = load_tensorflow()
        self._ranges = {
            place: self._tf.Variable(_open(pair), trainable=False) for place, pair in ranges.items()
        }

    def set_ranges(self, ranges: Ranges) -> None:
        """Replace the ranges; functions that are traced already see them."""
        for place, pair in ranges.items():
            self._ranges[place].assign(_open(pair))

    def kernel(self, kernel: Any, parts: int = 1) -> Any:
        """The kernel on its grid: 127 is the largest magnitude of an output, or of each of several parts."""
        tf = self._tf
        if parts == 1:
            largest = tf.reduce_max(tf.abs(kernel), 0)
            return tf.quantization.fake_quant_with_min_max_vars_per_channel(
                kernel, -largest, largest, narrow_range=True
            )
        rounded = []
        for part in tf.split(kernel, parts, axis=1):
            largest = tf.reduce_max(tf.abs(part))
            rounded.append(
                tf.quantization.fake_quant_with_min_max_vars(part, -largest, largest, narrow_range=True)
            )
        return tf.concat(rounded, 1)

    def values(self, place: str, values: Any) -> Any:
        """The values on the grid of their place."""
        low, high = self._tf.unstack(self._ranges[place])
        return self._tf.quantization.fake_quant_with_min_max_vars(values, low, high)

    def gates(self, values: Any) -> Any:
        """The values within what the integers hold: two that cancel do so only there."""
        return self._tf.clip_by_value(values, -_GATE_BOUND, _GATE_BOUND)


def with_extremes(codes: NDArray[np.int8]) -> NDArray[np.int8]:
    """Codes ``[n, 30, f]`` after two copies of the first window, with the least and the largest code in them.

    The converter adds the same two to what it calibrates with, to see the whole range of its input.
    """
    extremes = np.repeat(codes[:1], 2, axis=0)
    extremes[:, 0, 0] = (-128, 127)
    return np.concatenate([extremes, codes])


def round_kernel(kernel: NDArray[np.floating[Any]], parts: int = 1) -> NDArray[np.float32]:
    """A kernel ``[inputs, outputs]`` on the converter's grid: rounding it once more changes nothing."""
    kernel = np.asarray(kernel, dtype=np.float64)
    columns = np.abs(kernel).max(axis=0)
    if parts > 1:
        columns = np.repeat(columns.reshape(parts, -1).max(axis=1), kernel.shape[1] // parts)
    scale = np.maximum(columns, _SMALLEST_RANGE) / _LARGEST
    return np.asarray(np.rint(kernel / scale) * scale, dtype=np.float32)


def round_layer(
    kernel: NDArray[np.floating[Any]], bias: NDArray[np.floating[Any]], inputs: NDArray[np.floating[Any]]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A layer on the converter's grid whose outputs change least on given inputs.

    Weights of inputs that vary together are large and cancel: rounded one by one, what is left over is not
    small. So what the rounding of a weight does to the output is made up by the weights not rounded yet
    (Frantar et al., GPTQ, ICLR 2023), the largest first, since it sets the scale.

    Args:
        kernel: ``[d, outputs]``.
        bias: ``[outputs]``.
        inputs: ``[n, d]`` that it will see.
    """
    kernel, inputs = np.asarray(kernel, dtype=np.float64), np.asarray(inputs, dtype=np.float64)
    covariance = np.atleast_2d(np.cov(inputs.T))
    level = max(float(np.trace(covariance)) / len(covariance), 1e-12)
    inverse = np.linalg.inv(covariance + _DAMPING * level * np.eye(len(covariance)))
    rounded = np.stack([_round_column(column, inverse) for column in kernel.T], axis=1)
    return rounded.astype(np.float32), (bias + inputs.mean(axis=0) @ (kernel - rounded)).astype(np.float32)


def _round_column(column: NDArray[np.float64], inverse: NDArray[np.float64]) -> NDArray[np.float64]:
    order = np.argsort(-np.abs(column))
    weights, left = column[order], inverse[np.ix_(order, order)]
    scale = max(float(np.abs(column).max()), _SMALLEST_RANGE) / _LARGEST
    for place in range(len(weights)):
        whole = np.clip(np.rint(weights[place] / scale), -_LARGEST, _LARGEST) * scale
        share = left[place, place + 1 :] / left[place, place]
        weights[place + 1 :] -= (weights[place] - whole) * share
        left[place + 1 :, place + 1 :] -= np.outer(left[place + 1 :, place], share)
        weights[place] = whole
    result = np.empty_like(weights)
    result[order] = weights
    return result


def _open(pair: tuple[float, float]) -> tuple[float, float]:
    """A range that is not empty: a layer may be silent on everything seen."""
    return min(pair[0], 0.0), max(pair[1], _SMALLEST_RANGE)
