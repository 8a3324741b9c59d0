"""Requantization after a ReLU in two instructions, found at generation time and exact.

What TFLM does to each sum of a layer (multiply, round twice, add the zero point, clamp) is, after a ReLU, a
staircase of at most 255 steps over a known range of sums. The generator looks for integers that give the same
staircase by one multiplication, one shift and one saturation, and checks every step: exact or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from myofin.convert.codegen_arithmetic import INT8_RANGE, INT32_MAX, DenseWeights, Scale, rescale
from myofin.convert.graph import Operator, refuse

# Weights are stored times one of these, so that sums have more bits than their steps need. Each
# divides the room that the steps leave the offset elsewhere, and with powers of four alone one layer of 20
# outputs in about 70 had an output that none of them met.
WEIGHT_FACTORS: Final = range(256, 0, -1)
TOP: Final = 255
_MAX_SHIFT: Final = 20
_TRIES: Final = 8


@dataclass(frozen=True, eq=False)
class LinearLayer:
    """A layer as the kernel takes it.

    An output is ``((weights * x + offset) * factor) >> (32 + shift)``, saturated to 0..255. For inputs less
    their zero point that is TFLM's int8 output less the lowest code.

    Attributes:
        weights: int16 ``[outputs, inputs]``.
        offsets: int32 ``[outputs]``, as ``factors``.
        shift: For all outputs, from 1 on.
    """

    weights: NDArray[np.int16]
    offsets: NDArray[np.int32]
    factors: NDArray[np.int32]
    shift: int

    def apply(self, x: NDArray[Any]) -> NDArray[np.int64]:
        """Outputs 0..255 for rows of inputs ``[n, inputs]``."""
        sums = x.astype(np.int64) @ self.weights.T.astype(np.int64) + self.offsets
        found: NDArray[np.int64] = np.clip((sums * self.factors) >> (32 + self.shift), 0, TOP)
        return found


def linear_layer(operator: Operator, layer: DenseWeights, inputs: tuple[int, int]) -> LinearLayer:
    """Find the integers for all inputs in a range, which leaves out their zero point.

    Raises:
        ModelError: The layer has no ReLU, or there are no such integers (of 1,000 random layers none).
    """
    if (layer.low, layer.high, layer.zero_point) != (*INT8_RANGE, INT8_RANGE[0]):
        raise refuse(operator, "has no ReLU, or its zero is not the lowest code", "Use a ReLU")
    scales = layer.scales * (len(layer.bias) if len(layer.scales) == 1 else 1)
    staircases = _staircases(operator, layer, scales, inputs)
    for shift in range(_MAX_SHIFT, 0, -1):
        fits = []
        for staircase, scale in zip(staircases, scales, strict=True):
            fit = _fit(staircase, scale, shift)
            if fit is None:
                break
            fits.append(fit)
        else:
            return _assemble(layer, fits, shift)
    raise refuse(operator, "has scales that the kernel cannot follow exactly", "Calibrate with real windows")


def _assemble(layer: DenseWeights, fits: list[tuple[int, int, int]], shift: int) -> LinearLayer:
    weight_factors, offsets, factors = (np.array(column, np.int64) for column in zip(*fits, strict=True))
    weights = layer.weights.astype(np.int64) * weight_factors[:, np.newaxis]
    return LinearLayer(weights.astype(np.int16), offsets.astype(np.int32), factors.astype(np.int32), shift)


@dataclass(frozen=True, eq=False)
class _Staircase:
    """The outputs of one channel for sums without bias, as what is reached and what is not.

    At the sum ``reached[i, 1]`` the output is at least ``reached[i, 0]``; at ``missed[i, 1]`` it is less than
    ``missed[i, 0]``. Since outputs never fall as sums rise, these say all.
    """

    lowest: int
    steps: int
    reached: NDArray[np.int64]
    missed: NDArray[np.int64]
    reach: int  # largest magnitude of a sum


def _staircases(
    operator: Operator, layer: DenseWeights, scales: tuple[Scale, ...], inputs: tuple[int, int]
) -> list[_Staircase]:
    """Where the output of each channel steps up, by bisection of the reference's own arithmetic.

    ``layer.bias`` is for int8 inputs with their zero point, which is moved into the bias of the sums here.
    """
    products = layer.weights.astype(np.int64)[:, :, np.newaxis] * np.array(inputs)
    lows, highs = products.min(axis=2).sum(axis=1), products.max(axis=2).sum(axis=1)
    biases = layer.bias + (INT8_RANGE[0] - inputs[0]) * layer.weights.astype(np.int64).sum(axis=1)
    found = []
    for low, high, bias, scale in zip(lows.tolist(), highs.tolist(), biases.tolist(), scales, strict=True):
        if max(abs(low + bias), abs(high + bias)) << max(scale.shift, 0) > INT32_MAX:
            raise refuse(operator, "has sums that overflow when scaled", "Calibrate with real windows")
        found.append(_staircase(low, high, bias, scale))
    return found


def _staircase(low: int, high: int, bias: int, scale: Scale) -> _Staircase:
    lowest, highest = _outputs(np.array([low, high]), bias, scale).tolist()
    values = np.arange(lowest + 1, highest + 1)
    below, above = np.full(len(values), low), np.full(len(values), high)
    while np.any(above - below > 1):
        middle = (above + below) // 2
        reached = _outputs(middle, bias, scale) >= values
        above, below = np.where(reached, middle, above), np.where(reached, below, middle)
    # At both ends nothing more is said where saturation says it.
    first = [(lowest, low)] if lowest > 0 else []
    last = [(highest + 1, high)] if highest < TOP else []
    reached_at = np.array([*zip(values, above, strict=True), *first], np.int64).reshape(-1, 2)
    missed = np.array([*zip(values, below, strict=True), *last], np.int64).reshape(-1, 2)
    return _Staircase(lowest, len(values), reached_at, missed, max(abs(low), abs(high)))


def _outputs(sums: NDArray[np.int64], bias: int, scale: Scale) -> NDArray[np.int64]:
    """TFLM's outputs, less the lowest code."""
    found: NDArray[np.int64] = np.clip(rescale(sums + bias, scale), 0, TOP)
    return found


def _fit(staircase: _Staircase, scale: Scale, shift: int) -> tuple[int, int, int] | None:
    """Factor of the weights, offset and factor of the sum for one channel, or None.

    With the weights times w, the sum d reaches the output n where (w * d + offset) * f >= n * 2^(32 + shift),
    that is where offset >= ceil(n * 2^(32 + shift) / f) - w * d. So each step bounds the offset from both
    sides. The true slope nearly always leaves it room; else slopes beside it and other w are tried.
    """
    if staircase.steps == 0:
        return 0, staircase.lowest << (shift + 2), 1 << 30
    slope = scale.multiplier * 2.0 ** (scale.shift - 31)
    rng = np.random.default_rng(0)
    for weight in WEIGHT_FACTORS:
        true = round(slope * 2.0 ** (32 + shift) / weight)
        near = max(1, 2 * true // (weight * (int(np.ptp(staircase.reached[:, 1])) + 1)))
        for trial in range(_TRIES if 1 <= true <= INT32_MAX else 0):
            factor = true + (int(rng.integers(-near, near + 1)) if trial else 0)
            if not 1 <= factor <= INT32_MAX:
                continue
            lowest = int(_offsets(staircase.reached, weight, factor, shift).max())
            highest = int(_offsets(staircase.missed, weight, factor, shift).min()) - 1
            largest = weight * staircase.reach + max(abs(lowest), abs(highest))
            if lowest <= highest and largest <= INT32_MAX:
                return weight, (lowest + highest) // 2, factor
    return None


def _offsets(points: NDArray[np.int64], weight: int, factor: int, shift: int) -> NDArray[np.int64]:
    """The least offset with which each ``(output, sum)`` is reached."""
    outputs, sums = points.T
    found: NDArray[np.int64] = -(-(outputs << (32 + shift)) // factor) - weight * sums
    return found
