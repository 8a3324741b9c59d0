"""Lowering of ADD with a constant vector: what the converter makes of a bias that it could not fuse."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from myofin.convert.codegen_arithmetic import (
    INT8_RANGE,
    activation_range,
    fixed_point,
    float_activation_range,
    rescale,
)
from myofin.convert.codegen_program import AddStep, Buffer
from myofin.convert.codegen_s16 import INT16_RANGE
from myofin.convert.graph import Graph, Operator, refuse

# The integer kernels carry both operands with this many more bits.
ADD_HEADROOM_BITS: Final = {"int8": 20, "int16": 15}


def integer_add(
    graph: Graph,
    operator: Operator,
    name: str,
    constants: NDArray[Any],
    rows: int,
    source: Buffer,
    output: Buffer,
) -> AddStep:
    """The step on int8 or int16, its constants brought to the common scale of the sum.

    Raises:
        ModelError: The operands are not of one integer type.
    """
    x, bias, total = graph.input(operator, 0), graph.input(operator, 1), graph.output(operator)
    if x.dtype not in ADD_HEADROOM_BITS or not x.dtype == bias.dtype == total.dtype:
        raise refuse(operator, "is not int8 or int16 throughout", "Convert with full-integer quantization")
    headroom = ADD_HEADROOM_BITS[x.dtype]
    common = 2 * max(x.scale, bias.scale)
    wide = (constants.astype(np.int64) - bias.zero_point) << headroom
    limits = INT8_RANGE if x.dtype == "int8" else INT16_RANGE
    low, high = activation_range(operator, total, limits)
    return AddStep(
        name=name,
        source=source,
        output=output,
        constants=rescale(wide, fixed_point(bias.scale / common)),
        low=low,
        high=high,
        rows=rows,
        input_zero_point=x.zero_point,
        zero_point=total.zero_point,
        input_scale=fixed_point(x.scale / common),
        output_scale=fixed_point(common / (2**headroom * total.scale)),
    )


def float_add(
    graph: Graph,
    operator: Operator,
    name: str,
    constants: NDArray[Any],
    rows: int,
    source: Buffer,
    output: Buffer,
) -> AddStep:
    """The step on float32.

    Raises:
        ModelError: The constants are of another type.
    """
    if constants.dtype != np.float32:
        raise refuse(operator, "is not float32 throughout", "Convert with `--scheme float32`")
    low, high = float_activation_range(operator)
    return AddStep(name, source, output, constants, low, high, rows)
