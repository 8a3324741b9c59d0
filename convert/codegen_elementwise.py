"""Lowering of what is computed from values but no layer: RELU, RELU6, QUANTIZE, MEAN, CONCATENATION."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from myofin.convert.codegen_arithmetic import FLOAT_MAX, INT8_RANGE, Scale, fixed_point
from myofin.convert.codegen_places import Placing
from myofin.convert.codegen_program import Buffer, JoinStep, MeanStep, RescaleStep, Scheme
from myofin.convert.codegen_s16 import INT16_RANGE
from myofin.convert.codegen_views import BufferSource, View
from myofin.convert.graph import Graph, Operator, Tensor, refuse

MAX_AVERAGED: Final = 1 << 15  # values of one mean: their sum stays inside int32, of int16 too
# Type of a value, and its range where it is an integer.
_VALUES: Final[Mapping[Scheme, tuple[str, tuple[int, int]]]] = {
    "int8": ("int8", INT8_RANGE),
    "int16x8": ("int16", INT16_RANGE),
    "float32": ("float32", (0, 0)),
}


def mean(state: Placing, operator: Operator, x: View) -> View:
    """MEAN over axes that lie side by side, such as time.

    Raises:
        ModelError: The axes, types or shapes do not allow it.
    """
    sizes = _averaged_axes(state.graph, operator, x.elements.shape)
    shape = state.graph.output(operator).shape
    name = state.name("mean")
    output = Buffer(f"{name}_out", sizes[0] * sizes[2])
    if math.prod(shape) != output.size:
        raise refuse(operator, "has an output of another size", "Convert the model again")
    source = state.in_order(operator, x)
    state.steps.append(_mean_step(state.graph, operator, name, sizes, source, output, state.scheme))
    return View(BufferSource(output), np.arange(output.size).reshape(shape))


def rescale(state: Placing, operator: Operator, x: View) -> View:
    """RELU, RELU6 or QUANTIZE.

    Raises:
        ModelError: The types or scales do not allow it.
    """
    name = state.name("rescale")
    output = Buffer(f"{name}_out", x.elements.size)
    source = state.in_order(operator, x)
    state.steps.append(_rescale_step(state.graph, operator, name, source, output, state.scheme))
    return View(BufferSource(output), np.arange(output.size).reshape(x.elements.shape))


def join(state: Placing, operator: Operator, views: list[View]) -> View:
    """CONCATENATION of computed tensors: copied side by side, which asks for equal scales as in TFLM.

    Raises:
        ModelError: Scales or shapes differ.
    """
    total, shape = state.graph.output(operator), state.graph.output(operator).shape
    parts = [state.graph.input(operator, i) for i in range(len(views))]
    unequal = [p for p in parts if (p.scales, p.zero_points) != (total.scales, total.zero_points)]
    if operator.options["activation"] != "none" or unequal:
        raise refuse(
            operator,
            "has a fused activation or joins tensors of different scales, which TFLM refuses too",
            "Convert again, so that a QUANTIZE brings its inputs to one scale",
        )
    axis = operator.options["Axis"] % len(shape)
    joined = np.concatenate([np.zeros(view.elements.shape, np.int8) for view in views], axis=axis)
    if joined.shape != shape:
        raise refuse(operator, f"should have an output of shape {joined.shape}", "Convert the model again")
    name = state.name("join")
    output = Buffer(f"{name}_out", joined.size)
    sources = tuple(state.in_order(operator, view) for view in views)
    state.steps.append(JoinStep(name, sources, math.prod(shape[:axis]), output))
    return View(BufferSource(output), np.arange(output.size).reshape(shape))


def _rescale_step(
    graph: Graph, operator: Operator, name: str, source: Buffer, output: Buffer, scheme: Scheme
) -> RescaleStep:
    """The step of RELU, RELU6 or QUANTIZE.

    Raises:
        ModelError: The types are not those of the scheme, or RELU6 changes the scale.
    """
    x, y = graph.input(operator, 0), graph.output(operator)
    _expect_types(operator, x, y, scheme)
    if scheme == "float32" and operator.kind == "QUANTIZE":
        raise refuse(operator, "is in a float32 network", "Convert with one type throughout")
    if scheme == "float32":
        return RescaleStep(name, source, output, 0.0, 6.0 if operator.kind == "RELU6" else FLOAT_MAX)
    low, high = _integer_bounds(operator, x, y, _VALUES[scheme][1])
    return RescaleStep(
        name=name,
        source=source,
        output=output,
        low=low,
        high=high,
        input_zero_point=x.zero_point,
        zero_point=y.zero_point,
        scale=fixed_point(x.scale / y.scale),
    )


def _expect_types(operator: Operator, x: Tensor, y: Tensor, scheme: Scheme) -> None:
    """Refuse values of another type than the scheme's."""
    dtype, _ = _VALUES[scheme]
    if (x.dtype, y.dtype) != (dtype, dtype):
        raise refuse(operator, f"turns {x.dtype} into {y.dtype}", "Convert with one type throughout")
    # The reference's 16-bit kernels refuse it too.
    if dtype == "int16" and (x.zero_point or y.zero_point):
        raise refuse(operator, "has an int16 zero point that is not 0", "Convert with symmetric int16")


def _integer_bounds(operator: Operator, x: Tensor, y: Tensor, limits: tuple[int, int]) -> tuple[int, int]:
    if operator.kind == "QUANTIZE":
        return limits
    if operator.kind == "RELU":
        return max(limits[0], y.zero_point), limits[1]
    # The reference's RELU6 copies values and clamps them in the input's scale, whatever the output's is.
    if (x.scale, x.zero_point) != (y.scale, y.zero_point):
        raise refuse(operator, "has an output of another scale than its input", "Use RELU, or fuse the RELU6")
    six = x.zero_point + math.floor(float(np.float32(6.0) / np.float32(x.scale)) + 0.5)
    if six > limits[1] and limits == INT16_RANGE:
        raise refuse(operator, "has a 6 beyond int16, which TFLM refuses too", "Use RELU")
    return max(limits[0], x.zero_point), min(limits[1], six)


def _averaged_axes(graph: Graph, operator: Operator, shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Sizes before, within and after the axes of a MEAN, which must lie side by side.

    Raises:
        ModelError: They do not, or there are none.
    """
    given = [int(axis) for axis in graph.constant(operator, 1).reshape(-1)]
    axes = sorted({axis + len(shape) if axis < 0 else axis for axis in given})
    if (
        not axes
        or axes != list(range(axes[0], axes[0] + len(axes)))
        or not 0 <= axes[0] <= axes[-1] < len(shape)
    ):
        raise refuse(operator, f"averages over the axes {given}", "Average over one axis, such as time")
    count = math.prod(shape[axes[0] : axes[-1] + 1])
    if not 1 <= count <= MAX_AVERAGED:
        raise refuse(operator, f"averages {count} values", f"At most {MAX_AVERAGED} are supported")
    return math.prod(shape[: axes[0]]), count, math.prod(shape[axes[-1] + 1 :])


def _mean_step(
    graph: Graph,
    operator: Operator,
    name: str,
    sizes: tuple[int, int, int],
    source: Buffer,
    output: Buffer,
    scheme: Scheme,
) -> MeanStep:
    """The step of a MEAN over the middle of ``sizes``.

    Raises:
        ModelError: The types are not those of the scheme.
    """
    x, y = graph.input(operator, 0), graph.output(operator)
    _expect_types(operator, x, y, scheme)
    if scheme == "float32":
        return MeanStep(name, source, output, *sizes)
    scale = divided(fixed_point(x.scale / y.scale), sizes[1])
    return MeanStep(name, source, output, *sizes, x.zero_point, y.zero_point, scale)


def divided(scale: Scale, count: int) -> Scale:
    """``scale / count`` as the reference has it: the multiplier divided with as many bits as fit.

    >>> divided(Scale(1 << 30, 1), 30)
    Scale(multiplier=572662306, shift=-3)
    """
    shift = min(count.bit_length() - 1, 32, 31 + scale.shift)
    return Scale((scale.multiplier << shift) // count, scale.shift - shift)


COMPUTED: Final[Mapping[str, Callable[[Placing, Operator, View], View]]] = {
    "MEAN": mean,
    "RELU": rescale,
    "RELU6": rescale,
    "QUANTIZE": rescale,
}
