"""Convolutions of pictures, plain and depthwise, strided and padded: what is no embedding of samples.

They have one kernel, which is small and not fast; the networks that myofin trains never use it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from myofin.convert import codegen_text as c
from myofin.convert.codegen_arithmetic import INT32_MAX, Scale, activation_range, fixed_point
from myofin.convert.codegen_conv import TAPS, is_strided
from myofin.convert.codegen_places import Placing, is_computed
from myofin.convert.codegen_program import Buffer, OnBuffer
from myofin.convert.codegen_step_text import StepText, at
from myofin.convert.codegen_views import BufferSource, CodesSource, View
from myofin.convert.graph import Graph, Operator, refuse

DEPTHWISE: Final = "DEPTHWISE_CONV_2D"
_SAME: Final = 0  # of TFLite's Padding


@dataclass(frozen=True, eq=False)
class PictureStep(OnBuffer):
    """A convolution on int8; sizes are (down, right).

    Attributes:
        weights: ``[outputs, taps down, taps right, taken]``.
        bias: int32 ``[outputs]``, without the input's zero point: outside the picture there is no value.
        fan_out: Outputs of each input value where it is depthwise, else all outputs.
    """

    pictures: int
    size: tuple[int, int]
    depth: int
    places: tuple[int, int]
    strides: tuple[int, int]
    pads: tuple[int, int]
    weights: NDArray[np.int8]
    bias: NDArray[np.int64]
    scales: tuple[Scale, ...]
    fan_out: int
    input_zero_point: int
    zero_point: int
    low: int
    high: int


def is_picture(graph: Graph, operator: Operator, x: View) -> bool:
    """Whether a convolution is more than an embedding of the codes, sample by sample or of three."""
    if operator.kind != "CONV_2D":
        return operator.kind == DEPTHWISE
    kernel = graph.input(operator, 1).shape
    if len(kernel) != 4 or not (is_computed(x) or isinstance(x.source, CodesSource)):
        return False
    taps = kernel[1] * kernel[2]
    padded = taps > 1 and operator.options["Padding"] == _SAME
    return is_computed(x) or is_strided(operator) or padded or kernel[3] != 1 or taps not in (1, TAPS)


def picture(state: Placing, operator: Operator, x: View) -> View:
    """Lower a CONV_2D or DEPTHWISE_CONV_2D on a picture.

    Raises:
        ModelError: It is not int8, is dilated or grouped, or contradicts itself.
    """
    graph, shape = state.graph, x.elements.shape
    source, output = graph.input(operator, 0), graph.output(operator)
    if state.scheme != "int8" or {source.dtype, output.dtype} != {"int8"}:
        raise refuse(operator, "has a kernel on int8 only", "Convert with full-integer quantization")
    if len(shape) != 4 or any(operator.options[name] != 1 for name in ("DilationWFactor", "DilationHFactor")):
        raise refuse(operator, "is dilated, or takes something else than pictures", "Use dilation 1")
    weights, fan_out = _weights(graph, operator, shape[3])
    strides = operator.options["StrideH"], operator.options["StrideW"]
    places, pads = _placing(operator, shape[1:3], weights.shape[1:3], strides)
    bias = _bias(graph, operator, weights)
    low, high = activation_range(operator, output)
    name = state.name("picture")
    wanted = (shape[0], *places, len(weights))
    if output.shape != wanted:  # before anything of that shape is allocated
        raise refuse(operator, f"should have an output of shape {wanted}", "Convert the model again")
    made = Buffer(f"{name}_out", output.size)
    step = PictureStep(
        *(name, state.in_order(operator, x), made, shape[0], shape[1:3], shape[3], places, strides, pads),
        *(weights, bias, _scales(graph, operator, len(weights)), fan_out),
        *(source.zero_point, output.zero_point, low, high),
    )
    state.steps.append(step)
    return View(BufferSource(made), np.arange(made.size).reshape(wanted))


def _weights(graph: Graph, operator: Operator, depth: int) -> tuple[NDArray[np.int8], int]:
    """Weights by output, and how many outputs each input value has."""
    weights = graph.constant(operator, 1)
    if weights.dtype != np.int8 or weights.ndim != 4 or 0 in weights.shape:
        raise refuse(operator, "has weights that are not int8", "Convert with full-integer quantization")
    if operator.kind != DEPTHWISE:
        if weights.shape[3] != depth:
            raise refuse(operator, "is a grouped convolution", "Use a plain or a depthwise one")
        return weights, len(weights)
    if weights.shape[0] != 1 or weights.shape[3] % depth:
        raise refuse(operator, "has weights that do not fit its input", "Convert the model again")
    return np.ascontiguousarray(weights.transpose(3, 1, 2, 0)), weights.shape[3] // depth


def _placing(
    operator: Operator, size: tuple[int, ...], taps: tuple[int, ...], strides: tuple[int, int]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Places of the output, and how far the first tap lies outside the picture."""
    if min(strides) < 1:
        raise refuse(operator, f"has the strides {strides}", "Convert the model again")
    padded = operator.options["Padding"] == _SAME
    places, pads = [], []
    for length, tap, stride in zip(size, taps, strides, strict=True):
        places.append(-(-length // stride) if padded else (length - tap) // stride + 1)
        pads.append(max((places[-1] - 1) * stride + tap - length, 0) // 2 if padded else 0)
    return (places[0], places[1]), (pads[0], pads[1])


def _bias(graph: Graph, operator: Operator, weights: NDArray[np.int8]) -> NDArray[np.int64]:
    bias = np.zeros(len(weights), np.int64)
    if graph.optional_input(operator, 2) is not None:
        given = graph.constant(operator, 2).reshape(-1)
        if given.dtype != np.int32 or len(given) != len(weights):
            raise refuse(operator, "has a bias that is not int32 for each output", "Convert the model again")
        bias = given.astype(np.int64)
    worst = np.abs(bias) + 255 * np.abs(weights.astype(np.int64)).sum(axis=(1, 2, 3))
    if int(worst.max()) > INT32_MAX:
        raise refuse(
            operator, "has a bias that overflows a 32-bit accumulator", "Calibrate with real windows"
        )
    return bias


def _scales(graph: Graph, operator: Operator, outputs: int) -> tuple[Scale, ...]:
    x, weights, output = graph.input(operator, 0), graph.input(operator, 1), graph.output(operator)
    if len(weights.scales) not in (1, outputs) or any(weights.zero_points):
        raise refuse(operator, "has weights that are not symmetric int8", "Convert the model again")
    each = weights.scales * (outputs if len(weights.scales) == 1 else 1)
    return tuple(fixed_point(x.scale * scale / output.scale) for scale in each)


def picture_text(step: PictureStep) -> StepText:
    """The C text."""
    upper = step.name.upper()
    outputs, down, right, taken = step.weights.shape
    sizes = {
        "height": step.size[0], "width": step.size[1], "depth": step.depth, "rows": step.places[0],
        "columns": step.places[1], "outputs": outputs, "taps_down": down, "taps_right": right,
        "stride_down": step.strides[0], "stride_right": step.strides[1], "pad_top": step.pads[0],
        "pad_left": step.pads[1], "taken": taken, "fan_out": step.fan_out,
    }  # fmt: skip
    fields = {name: f"{value}u" for name, value in sizes.items()} | {
        "input_zero_point": str(step.input_zero_point),
        "weights": f"{upper}_WEIGHTS",
        "bias": f"{upper}_BIAS",
        "scales": f"{upper}_SCALES",
        "zero_point": str(step.zero_point),
        "low": str(step.low),
        "high": str(step.high),
    }
    parts = [
        c.array(f"{upper}_WEIGHTS", step.weights, "[output][tap down][tap right][input]"),
        c.array(f"{upper}_BIAS", step.bias.astype(np.int32)),
        c.scale_array(f"{upper}_SCALES", step.scales),
        c.struct("myofin_picture_s8_t", upper, fields),
    ]
    call = f"    myofin_picture_s8(&{upper}, {step.pictures}u, {at(step.source)}, {at(step.output)});"
    return StepText("\n".join(parts), (), call, ("myofin_picture_s8", "myofin_fixed"))
