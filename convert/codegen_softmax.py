"""SOFTMAX: the exponentials of all differences of two int8 values, a table made with TFLM's arithmetic.

What is left for the kernel is a sum, a reciprocal in fixed point and a product for each value. The
exponential is gemmlowp's: a Taylor expansion around -1/8 on a quarter, and a factor for each further digit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from myofin.convert import codegen_text as c
from myofin.convert.codegen_arithmetic import INT32_MAX
from myofin.convert.codegen_places import Placing
from myofin.convert.codegen_program import Buffer, OnBuffer, Scheme
from myofin.convert.codegen_step_text import SUFFIX, StepText, at
from myofin.convert.codegen_views import BufferSource, View
from myofin.convert.graph import Operator, refuse

MAX_DEPTH: Final = 4095  # so that the sum of exponentials, in twelve integer bits, cannot overflow
_DIFFERENCE_BITS: Final = 26  # fractional bits of a scaled difference
_EXP_EIGHTH: Final = 1895147668  # exp(-1/8), 31 fractional bits
_THIRD: Final = 715827883
# exp(-2^k) for k from -2 on, 31 fractional bits.
_EXP_POWERS: Final = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)


@dataclass(frozen=True)
class SoftmaxStep(OnBuffer):
    """Softmax of each of ``rows``; ``table`` on int8, ``beta`` on float32."""

    rows: int
    beta: float
    table: NDArray[np.int32] | None


def softmax(state: Placing, operator: Operator, x: View) -> View:
    """Lower a SOFTMAX over the last axis.

    Raises:
        ModelError: The types or scales are others than TFLM takes, or there are too many values.
    """
    source, target = state.graph.input(operator, 0), state.graph.output(operator)
    depth, beta = x.elements.shape[-1], float(operator.options["Beta"])
    if beta <= 0 or not 1 <= depth <= MAX_DEPTH:
        raise refuse(operator, f"has the factor {beta:g} and {depth} values", f"At most {MAX_DEPTH} work")
    table = None
    if state.scheme == "int8":
        if (source.dtype, target.dtype, target.scale, target.zero_point) != ("int8", "int8", 2.0**-8, -128):
            raise refuse(operator, "has no int8 output of scale 1/256", "Convert with int8 outputs")
        table = exponentials(source.scale, beta)
    elif state.scheme != "float32":
        raise refuse(operator, "has no kernel on int16", "Export logits: the largest is the same")
    name = state.name("softmax")
    output = Buffer(f"{name}_out", x.elements.size)
    buffer = state.in_order(operator, x)
    state.steps.append(SoftmaxStep(name, buffer, output, x.elements.size // depth, beta, table))
    return View(BufferSource(output), np.arange(output.size).reshape(x.elements.shape))


def exponentials(scale: float, beta: float) -> NDArray[np.int32]:
    """``exp(-beta * scale * d)`` for d from 0 to 255, 31 fractional bits; 0 where TFLM leaves a value out."""
    factor = min(beta * scale * 2.0**_DIFFERENCE_BITS, INT32_MAX)
    fraction, shift = math.frexp(factor)
    multiplier = math.floor(fraction * 2**31 + 0.5)
    if multiplier == 2**31:
        multiplier, shift = multiplier // 2, shift + 1
    radius = (31 << _DIFFERENCE_BITS) >> shift if shift >= 0 else 255
    away = np.arange(256, dtype=np.int64)
    used = away <= radius
    scaled = _product(-(np.where(used, away, 0) << max(shift, 0)), multiplier)
    return np.where(used, _exponential(scaled), 0).astype(np.int32)


def _product(a: NDArray[np.int64], b: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """``a * b / 2^31``, a half up."""
    return np.asarray((a * b + (1 << 30)) >> 31, dtype=np.int64)


def _halved(a: NDArray[np.int64], times: int) -> NDArray[np.int64]:
    """``a / 2^times``, a half away from zero."""
    return np.asarray(np.sign(a) * ((np.abs(a) + (1 << (times - 1))) >> times), dtype=np.int64)


def _exponential(a: NDArray[np.int64]) -> NDArray[np.int64]:
    quarter = 1 << (_DIFFERENCE_BITS - 2)
    within = (a & (quarter - 1)) - quarter
    x = (within << (31 - _DIFFERENCE_BITS)) + (1 << 28)
    square = _product(x, x)
    cube, fourth = _product(square, x), _product(square, square)
    tail = _halved(_product(_halved(fourth, 2) + cube, _THIRD) + square, 1)
    result = _EXP_EIGHTH + _product(x + tail, _EXP_EIGHTH)
    rest = within - a
    for digit, power in enumerate(_EXP_POWERS, start=_DIFFERENCE_BITS - 2):
        result = np.where(rest & (1 << digit), _product(result, power), result)
    return np.where(a == 0, INT32_MAX, result)


def softmax_text(step: SoftmaxStep, scheme: Scheme) -> StepText:
    """The C text."""
    upper, kernel = step.name.upper(), f"myofin_softmax_{SUFFIX[scheme]}"
    if step.table is None:
        constants, first = "", c.number(step.beta, "float32")
    else:
        constants = c.array(f"{upper}_EXPONENTIALS", step.table, "exp of minus the distance to the largest")
        first = f"{upper}_EXPONENTIALS"
    sizes = f"{step.rows}u, {step.output.size // step.rows}u"
    call = f"    {kernel}({first}, {sizes}, {at(step.source)}, {at(step.output)});"
    fixed = () if step.table is None else ("myofin_fixed",)
    return StepText(constants, (), call, (kernel, *fixed))
