"""What a network takes: the scheme that its input stands for, and whether it is a front end's codes."""

from __future__ import annotations

from collections.abc import Mapping

from myofin.convert.codegen_program import Scheme
from myofin.convert.graph import Graph, Tensor, window_shape
from myofin.errors import ModelError

_SCHEMES: Mapping[str, Scheme] = {"int8": "int8", "int16": "int16x8", "float32": "float32"}
_CODE_SCALES: Mapping[str, float] = {"int8": 2.0**-7, "int16": 2.0**-15}


def scheme_of(graph: Graph) -> tuple[Scheme, Tensor]:
    """The scheme that the type of the input stands for, and the input.

    Raises:
        ModelError: The type, or the shape of the input, is not supported.
    """
    window_shape(graph)
    tensor = graph.tensors[graph.inputs[0]]
    if tensor.dtype not in _SCHEMES:
        raise ModelError(
            f"The model's input is {tensor.dtype}.",
            hint="Use the scheme int8, int16x8 or float32 on a board.",
        )
    return _SCHEMES[tensor.dtype], tensor


def check_code_scale(graph: Graph) -> None:
    """Refuse a network that takes something else than the codes of a front end.

    Raises:
        ModelError: The input's scale is not that of a code, or its zero point not 0.
    """
    tensor = graph.tensors[graph.inputs[0]] if graph.inputs else None
    scale = _CODE_SCALES.get(tensor.dtype) if tensor is not None else None
    if tensor is None or scale is None or (tensor.scale, tensor.zero_point) == (scale, 0):
        return
    raise ModelError(
        f"The input's scale is {tensor.scale:g} and its zero point {tensor.zero_point}, "
        f"not 1/{1 / scale:.0f} and 0.",
        hint="Calibrate with codes that reach -128 and 127.",
    )
