"""Numbers of the int16x8 kernels: rescaling with one rounding, dense layers, and the LSTM's gates.

TensorFlow Lite Micro sums int16 activations times int8 weights in 64 bits, keeps 16 bits of the factor and
rounds once. What is here says where 32 bits give the same result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from myofin.convert.codegen_arithmetic import INT32_MAX, activation_range, fixed_point
from myofin.convert.codegen_staircase import LinearLayer
from myofin.convert.graph import Graph, Operator, Tensor, refuse

INT16_RANGE: Final = (-32768, 32767)
LARGEST_INPUT: Final = 32768
WIDE_BITS: Final = 47  # sums that the reference states for its 64-bit rescaling
_REMEDY: Final = "Calibrate with real windows"


@dataclass(frozen=True)
class OnceScale:
    """A factor ``multiplier * 2^-shift``, what ``myofin_rescale_once`` and ``_wide`` take."""

    multiplier: int
    shift: int

    def apply(self, sums: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rescaling, rounded once, a half up."""
        return (sums * self.multiplier + (1 << (self.shift - 1))) >> self.shift


def once_scale(factor: float) -> OnceScale:
    """The factor as the reference keeps it: 16 bits of the 32 (MultiplyByQuantizedMultiplier on int64).

    Where it can be, it is written with a shift of 32, which is a product's upper word.
    """
    full = fixed_point(factor)
    multiplier = (full.multiplier + (1 << 15)) >> 16 if full.multiplier < 0x7FFF0000 else 0x7FFF
    shift = 15 - full.shift
    if shift <= 32 and multiplier << (32 - shift) <= INT32_MAX:
        return OnceScale(multiplier << (32 - shift), 32)
    return OnceScale(multiplier, shift)


def checked_scale(operator: Operator, factor: float) -> OnceScale:
    """The factor, within the range that the reference is defined for.

    Raises:
        ModelError: It is not.
    """
    if not -31 <= fixed_point(factor).shift <= 7:
        raise refuse(operator, f"rescales by {factor:g}, outside the kernels' range", _REMEDY)
    return once_scale(factor)


@dataclass(frozen=True)
class DenseWeights16:
    """A matrix with what the int16x8 kernel needs beside it.

    Attributes:
        weights: int8 ``[outputs, inputs]``.
        bias: int64 ``[outputs]``.
        scales: One factor for each output, or one for all.
        low, high: Clamp of the outputs.
    """

    weights: NDArray[np.int8]
    bias: NDArray[np.int64]
    scales: tuple[OnceScale, ...]
    low: int
    high: int

    def apply(self, x: NDArray[Any]) -> NDArray[np.int16]:
        """The layer's outputs for rows of int16 inputs ``[n, inputs]``."""
        sums = x.astype(np.int64) @ self.weights.T.astype(np.int64) + self.bias
        scales = self.scales * (len(self.bias) if len(self.scales) == 1 else 1)
        scaled = np.stack([scale.apply(sums[:, i]) for i, scale in enumerate(scales)], axis=1)
        return np.clip(scaled, self.low, self.high).astype(np.int16)


def dense_weights_16(graph: Graph, operator: Operator) -> DenseWeights16:
    """Weights of a FULLY_CONNECTED or a 1x1 CONV_2D on int16 activations.

    Raises:
        ModelError: Types or quantization are not those of int16x8.
    """
    x, output, filters = graph.input(operator, 0), graph.output(operator), graph.input(operator, 1)
    weights = graph.constant(operator, 1).reshape(filters.shape[0], -1)
    if (x.dtype, weights.dtype.name, output.dtype) != ("int16", "int8", "int16"):
        raise refuse(operator, "is not int16 with int8 weights", "Convert with `--scheme int16x8`")
    _check_symmetric(operator, (x, output, filters))
    if len(filters.scales) not in (1, len(weights)):
        raise refuse(operator, "has neither one scale nor one for each output", "Convert the model again")
    bias = graph.constant(operator, 2).reshape(-1) if graph.optional_input(operator, 2) else None
    if bias is None or bias.dtype != np.int64 or len(bias) != len(weights):
        raise refuse(operator, "has a bias that is not int64 for each output", "Convert the model again")
    worst = [abs(int(b)) + LARGEST_INPUT * int(np.abs(w.astype(np.int64)).sum())
             for b, w in zip(bias, weights, strict=True)]  # fmt: skip
    if max(worst, default=0) >= 1 << WIDE_BITS:
        raise refuse(operator, "has a bias that overflows the accumulator", _REMEDY)
    low, high = activation_range(operator, output, INT16_RANGE)
    scales = tuple(checked_scale(operator, x.scale * scale / output.scale) for scale in filters.scales)
    return DenseWeights16(weights, bias, scales, low, high)


def linear_layer_16(operator: Operator, layer: DenseWeights16) -> LinearLayer:
    """A layer with ReLU as the kernel over several samples takes it.

    An output is ``(weights * x + offset) * factor * 2^-32``, a half up, saturated to 0..32767: the
    reference's own arithmetic where the sums stay in 32 bits and each factor is one of 2^-32.

    Raises:
        ModelError: The layer has no ReLU, or sums or factors are outside these bounds.
    """
    if (layer.low, layer.high) != (0, INT16_RANGE[1]):
        raise refuse(operator, "has no ReLU", "Use a ReLU")
    scales = layer.scales * (len(layer.bias) if len(layer.scales) == 1 else 1)
    if any(scale.shift != 32 for scale in scales):
        raise refuse(operator, "has scales that the kernel over samples cannot follow", _REMEDY)
    offsets = narrow_bias(operator, layer.weights[:, np.newaxis], layer.bias[:, np.newaxis], scales)
    factors = np.array([scale.multiplier for scale in scales], np.int32)
    return LinearLayer(layer.weights.astype(np.int16), offsets[:, 0].astype(np.int32), factors, shift=0)


def _check_symmetric(operator: Operator, tensors: tuple[Tensor, ...]) -> None:
    if any(any(tensor.zero_points) for tensor in tensors):
        raise refuse(operator, "has a zero point, and int16x8 has none", "Convert with `--scheme int16x8`")


def gate_scales(
    graph: Graph, operator: Operator, x: Tensor, positions: range, gate_scale: float
) -> tuple[OnceScale, ...]:
    """Factors of the four gates' matrices at ``positions``.

    Raises:
        ModelError: A matrix has a scale for each unit, or a zero point.
    """
    scales = []
    for position in positions:
        weights = graph.input(operator, position)
        if len(weights.scales) != 1:
            raise refuse(operator, "has gate weights with a scale for each unit", "Convert the model again")
        _check_symmetric(operator, (x, weights))
        scales.append(checked_scale(operator, x.scale * weights.scale / gate_scale))
    return tuple(scales)


def narrow_bias(
    operator: Operator, weights: NDArray[np.int8], bias: NDArray[np.int64], scales: tuple[OnceScale, ...]
) -> NDArray[np.int64]:
    """Biases ``[gates, units]`` with which no sum leaves int32, and every gate keeps its value.

    A bias that would push a sum out of int32 is brought back to where all sums still saturate the gate, or
    the output of a layer; then nothing changes. With D the largest sum of products and f the factor, that
    place is B with B + D < 2^31 and f * (B - D) >= 32769.

    Args:
        operator: For the error.
        weights: ``[gates, units, columns]``.
        bias: ``[gates, units]``.
        scales: One for each gate.

    Raises:
        ModelError: There is no such place, or a weight is -128, which the packing cannot hold.
    """
    wide = weights.astype(np.int64)
    if int(wide.min(initial=0)) < -127:
        raise refuse(operator, "has a weight of -128", "Convert with symmetric weights (-127..127)")
    reach = LARGEST_INPUT * np.abs(wide).sum(axis=2)
    limit = INT32_MAX - reach
    factors = np.array([scale.multiplier * 2.0**-scale.shift for scale in scales])[:, np.newaxis]
    saturating = (factors * (limit - reach) >= 32769) & (np.abs(bias) * factors < 2.0**30)
    if np.any(limit < 0) or np.any((np.abs(bias) > limit) & ~saturating):
        raise refuse(operator, "has sums beyond 32 bits", _REMEDY)
    return np.clip(bias, -limit, limit)
