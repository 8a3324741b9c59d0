"""Integer and float arithmetic of the kernels, done at generation time in NumPy.

It serves two ends: the fixed-point factors that the C kernels take, and the folding of a pointwise
subgraph of one code into a table. The same rounding as in ``runtime/myofin_fixed.h``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from myofin.convert.graph import Graph, Operator, Tensor, refuse
from myofin.errors import ModelError

INT8_RANGE: Final = (-128, 127)
INT32_MAX: Final = 2**31 - 1
MAX_LEFT_SHIFT: Final = 30
CODE_VALUES: Final = 256
FLOAT_MAX: Final = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Scale:
    """A real factor as ``multiplier * 2^(shift - 31)``, what ``myofin_rescale`` takes."""

    multiplier: int
    shift: int


NO_SCALE: Final = Scale(0, 0)


def fixed_point(factor: float) -> Scale:
    """The nearest fixed-point factor; below 2^-32 it is zero (the reference's QuantizeMultiplier).

    Raises:
        ModelError: It is 2^30 or more: an int32 shifted so far to the left means nothing.
    """
    if factor == 0.0:
        return Scale(0, 0)
    fraction, shift = math.frexp(factor)
    multiplier = math.floor(fraction * 2**31 + 0.5)
    if multiplier == 2**31:
        multiplier, shift = multiplier // 2, shift + 1
    if shift > MAX_LEFT_SHIFT:
        raise ModelError(
            f"Two scales of the model differ by a factor of {factor:g}.", hint="Calibrate with real windows."
        )
    return Scale(0, 0) if shift < -31 else Scale(multiplier, shift)


def rescale(values: NDArray[np.int64], scale: Scale) -> NDArray[np.int64]:
    """``myofin_rescale`` on an array of int32 values: rounds twice, a left shift wraps."""
    left, right = max(scale.shift, 0), max(-scale.shift, 0)
    shifted = (values << left).astype(np.int32).astype(np.int64)
    high = (shifted * scale.multiplier + (1 << 30)) >> 31
    mask = (1 << right) - 1
    threshold = (mask >> 1) + (high < 0)
    return (high >> right) + ((high & mask) > threshold)


def activation_range(
    operator: Operator, output: Tensor, limits: tuple[int, int] = INT8_RANGE
) -> tuple[int, int]:
    """Clamp of an integer output, whose type has these limits, for the operator's fused activation.

    Raises:
        ModelError: The activation is none of none, relu, relu6, relu_n1_to_1.
    """
    bounds = _real_bounds(operator)
    if bounds is None:
        return limits
    low = _quantize(bounds[0], output)
    high = limits[1] if bounds[1] is None else min(limits[1], _quantize(bounds[1], output))
    return max(limits[0], low), high


def float_activation_range(operator: Operator) -> tuple[float, float]:
    """Clamp of a float output for the operator's fused activation.

    Raises:
        ModelError: As :func:`activation_range`.
    """
    bounds = _real_bounds(operator)
    if bounds is None:
        return -FLOAT_MAX, FLOAT_MAX
    return bounds[0], FLOAT_MAX if bounds[1] is None else bounds[1]


def _real_bounds(operator: Operator) -> tuple[float, float | None] | None:
    bounds: dict[str, tuple[float, float | None] | None] = {
        "none": None, "relu": (0.0, None), "relu6": (0.0, 6.0), "relu_n1_to_1": (-1.0, 1.0),
    }  # fmt: skip
    activation = operator.options.get("activation", "none")
    if activation not in bounds:
        raise refuse(operator, f"has the fused activation {activation}", "Use relu or none")
    return bounds[activation]


def _quantize(value: float, output: Tensor) -> int:
    ratio = float(np.float32(value) / np.float32(output.scale))
    return output.zero_point + int(math.copysign(math.floor(abs(ratio) + 0.5), ratio))


@dataclass(frozen=True)
class DenseWeights:
    """A matrix with what the integer kernel needs beside it.

    Attributes:
        weights: int8 ``[outputs, inputs]``.
        bias: int64 ``[outputs]``, with the input's zero point folded in.
        scales: One factor for each output, or one for all.
        zero_point: Of the output; ``low`` and ``high`` clamp it.
    """

    weights: NDArray[np.int8]
    bias: NDArray[np.int64]
    scales: tuple[Scale, ...]
    zero_point: int
    low: int
    high: int

    def apply(self, x: NDArray[Any]) -> NDArray[np.int8]:
        """The layer's outputs for rows of int8 inputs ``[n, inputs]``."""
        sums = x.astype(np.int64) @ self.weights.T.astype(np.int64) + self.bias
        scales = self.scales * (len(self.bias) if len(self.scales) == 1 else 1)
        columns = [rescale(sums[:, i], scale) for i, scale in enumerate(scales)]
        scaled = np.stack(columns, axis=1) + self.zero_point
        return np.clip(scaled, self.low, self.high).astype(np.int8)


def dense_weights(graph: Graph, operator: Operator) -> DenseWeights:
    """Weights of a FULLY_CONNECTED or a 1x1 CONV_2D on int8.

    Raises:
        ModelError: Types or quantization are not those of full-integer quantization.
    """
    x, output = graph.input(operator, 0), graph.output(operator)
    weights = graph.constant(operator, 1).reshape(graph.input(operator, 1).shape[0], -1)
    if {x.dtype, output.dtype, weights.dtype.name} != {"int8"}:
        raise refuse(operator, "is not int8 throughout", "Convert with full-integer quantization")
    bias = _bias(graph, operator, len(weights))
    low, high = activation_range(operator, output)
    return DenseWeights(
        weights=weights,
        bias=fold_zero_point(operator, weights, bias, x.zero_point),
        scales=_dense_scales(graph, operator, len(weights)),
        zero_point=output.zero_point,
        low=low,
        high=high,
    )


def _bias(graph: Graph, operator: Operator, outputs: int) -> NDArray[np.int64]:
    tensor = graph.optional_input(operator, 2)
    if tensor is None:
        return np.zeros(outputs, np.int64)
    bias = graph.constant(operator, 2).reshape(-1)
    if bias.dtype != np.int32 or len(bias) != outputs:
        raise refuse(operator, "has a bias that is not int32 for each output", "Convert the model again")
    return bias.astype(np.int64)


def _dense_scales(graph: Graph, operator: Operator, outputs: int) -> tuple[Scale, ...]:
    x, weights, output = graph.input(operator, 0), graph.input(operator, 1), graph.output(operator)
    if len(weights.scales) not in (1, outputs) or any(weights.zero_points):
        raise refuse(operator, "has weights that are not symmetric int8", "Convert the model again")
    if len(weights.scales) == 1 and operator.kind == "FULLY_CONNECTED":
        return (tensor_scale(x, weights, output.scale),)
    return tuple(fixed_point(x.scale * scale / output.scale) for scale in weights.scales)


def tensor_scale(x: Tensor, weights: Tensor, output_scale: float) -> Scale:
    """Factor of a matrix that is quantized as a whole, all of it in double precision.

    Some versions of the reference multiply the two scales in single precision; the pinned wheel does not. It
    shows in about one window of a thousand.
    """
    return fixed_point(x.scale * weights.scale / output_scale)


def fold_zero_point(
    operator: Operator, weights: NDArray[np.int8], bias: NDArray[np.int64], zero_point: int
) -> NDArray[np.int64]:
    """``bias - zero_point * sum(weights)`` for each row, after a check that no accumulator can overflow.

    Raises:
        ModelError: Some input could drive the 32-bit accumulator of a row out of range.
    """
    folded = bias - zero_point * weights.astype(np.int64).sum(axis=1)
    worst = np.abs(folded) + 128 * np.abs(weights.astype(np.int64)).sum(axis=1)
    if worst.size and int(worst.max()) > INT32_MAX:
        raise refuse(
            operator,
            "has a bias that overflows a 32-bit accumulator",
            "Calibrate with representative data and convert again",
        )
    return np.asarray(folded, dtype=np.int64)


@dataclass(frozen=True)
class FloatDense:
    """A float32 matrix ``[outputs, inputs]`` with its bias and the clamp of its activation."""

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    low: float
    high: float

    def apply(self, x: NDArray[Any]) -> NDArray[np.float32]:
        """Rows of outputs, summed in the order of the reference kernel, in single precision."""
        sums = np.zeros((len(x), len(self.bias)), np.float32)
        for column, weights in zip(x.T.astype(np.float32), self.weights.T, strict=True):
            sums += column[:, np.newaxis] * weights
        return np.clip(sums + self.bias, np.float32(self.low), np.float32(self.high))


def float_dense(graph: Graph, operator: Operator) -> FloatDense:
    """Weights of a FULLY_CONNECTED or a 1x1 CONV_2D on float32.

    Raises:
        ModelError: Another type is in it (dynamic-range or float16 weights, for example).
    """
    weights = graph.constant(operator, 1).reshape(graph.input(operator, 1).shape[0], -1)
    bias = np.zeros(len(weights), np.float32)
    if graph.optional_input(operator, 2) is not None:
        bias = graph.constant(operator, 2).reshape(-1)
    if {weights.dtype.name, bias.dtype.name} != {"float32"} or len(bias) != len(weights):
        raise refuse(operator, "is not float32 throughout", "Convert with `--scheme float32` or `int8`")
    low, high = float_activation_range(operator)
    return FloatDense(weights=weights, bias=bias, low=low, high=high)
