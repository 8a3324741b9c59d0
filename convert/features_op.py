"""Features computed in integers, as one operator of a `.tflite` file: its tables are its constant inputs.

No TFLite runtime has it, so hosts compute it with NumPy (``myofin.integer_features``), and the rest of the
graph as ever; the C engine has a kernel. So one file, and one SHA-256, still hold all that a board computes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from myofin.convert.graph import Graph, Operator, Tensor, refuse
from myofin.integer_features import exact_features, integer_features
from myofin.integer_tables import IntegerTables

FEATURES_OP: Final = "CUSTOM:MyofinFeatures"
# The constant inputs after the codes and the sizes, in order; what the sizes are.
_ARRAYS: Final = (
    "numbers", "levels", "exponents", "mantissas", "moments", "logs", "floors", "multipliers", "offsets",
)  # fmt: skip
_SIZES: Final = ("channels", "frame_samples", "frames", "weight_bits")
# What one step of an output stands for in the float graph, in standard deviations of the feature.
FLOAT_UNIT: Final = 2.0**-8
_REMEDY: Final = "Convert the run again"


@dataclass(frozen=True)
class FeaturesFront:
    """The operator at the beginning of a graph, and the graph that takes its output."""

    tables: IntegerTables
    is_float: bool
    rest: Graph

    def compute(self, codes: NDArray[np.int8]) -> NDArray[Any]:
        """Outputs ``[w, n]`` for windows of codes: int8, or unrounded float32 in the float graph."""
        if self.is_float:
            return (exact_features(self.tables, codes) * FLOAT_UNIT).astype(np.float32)
        return integer_features(self.tables, codes)


def constants_of(tables: IntegerTables) -> dict[str, NDArray[Any]]:
    """The operator's constant inputs by name, in their order."""
    sizes = np.array([getattr(tables, name) for name in _SIZES], np.int32)
    return {"sizes": sizes, **{name: getattr(tables, name) for name in _ARRAYS}}


def tables_of(graph: Graph, operator: Operator) -> IntegerTables:
    """The tables of an operator of this kind.

    Raises:
        ModelError: A constant is missing, or has values with which the kernel would overflow.
    """
    sizes = _constant(graph, operator, 1, "int32")
    if len(sizes) != len(_SIZES):
        raise refuse(operator, "does not say its sizes", _REMEDY)
    values: dict[str, Any] = dict(zip(_SIZES, map(int, sizes), strict=True))
    for position, name in enumerate(_ARRAYS, start=2):
        values[name] = _constant(graph, operator, position, "int64" if name == "offsets" else "int32")
    tables = IntegerTables(**values)
    if (problem := tables.problem()) is not None:
        raise refuse(operator, f"cannot be computed: {problem}", _REMEDY)
    window, output = graph.input(operator, 0), graph.output(operator)
    shape = (1, tables.frames, tables.frame_samples * tables.channels)
    if window.shape != shape or output.shape != (1, tables.size):
        raise refuse(operator, f"should take {shape} and give {(1, tables.size)}", _REMEDY)
    return tables


def _constant(graph: Graph, operator: Operator, position: int, dtype: str) -> NDArray[Any]:
    data = graph.constant(operator, position)
    if data.ndim != 1 or data.dtype.name != dtype:
        raise refuse(operator, f"has no {dtype} vector as its input {position}", _REMEDY)
    return data


def has_features(graph: Graph) -> bool:
    """Whether a graph computes features in integers."""
    return any(operator.kind == FEATURES_OP for operator in graph.operators)


def split_features(graph: Graph) -> FeaturesFront | None:
    """Part a graph behind its features operator; None where it has none.

    The rest has the same tensors, so quantization and names stay; its input is the operator's output.

    Raises:
        ModelError: The operator is not the first one, or something else takes the codes too.
    """
    if not has_features(graph):
        return None
    first, *others = graph.operators
    if first.kind != FEATURES_OP or any(op.kind == FEATURES_OP for op in others) or not others:
        raise refuse(first, "is not followed by a head, or not the only source of features", _REMEDY)
    if any(graph.inputs[0] in operator.inputs for operator in others):
        raise refuse(first, "is not the only one that takes the codes", _REMEDY)
    tables, output = tables_of(graph, first), graph.output(first)
    if graph.inputs != first.inputs[:1] or output.dtype not in ("int8", "float32"):
        raise refuse(first, f"does not take the model's input, or gives {output.dtype}", _REMEDY)
    kept = _only(graph, others, output)
    return FeaturesFront(tables, output.dtype == "float32", kept)


def _only(graph: Graph, operators: list[Operator], source: Tensor) -> Graph:
    """The graph of these operators alone, with its tensors numbered anew."""
    outputs = tuple(index for index in graph.outputs if index != source.index)
    used = {source.index, *outputs}
    for operator in operators:
        used.update(index for index in (*operator.inputs, *operator.outputs) if index >= 0)
    number = {old: new for new, old in enumerate(sorted(used))} | {-1: -1}
    return Graph(
        tensors=tuple(replace(graph.tensors[old], index=number[old]) for old in sorted(used)),
        operators=tuple(
            replace(
                operator,
                index=place,
                inputs=tuple(number[i] for i in operator.inputs),
                outputs=tuple(number[i] for i in operator.outputs),
            )
            for place, operator in enumerate(operators)
        ),
        inputs=(number[source.index],),
        outputs=tuple(number[index] for index in outputs),
    )
