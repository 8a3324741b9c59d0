"""The network as typed values, read from a `.tflite` file: what the generator and the reports work on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myofin.errors import ModelError
from myofin.quantization import Quantization

NO_TENSOR = -1
LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"
FEATURES, LOGITS = "features", "logits"


@dataclass(frozen=True)
class Tensor:
    """One tensor; ``data`` is present for constants, flat ``scales`` and ``zero_points`` where quantized."""

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    scales: tuple[float, ...] = ()
    zero_points: tuple[int, ...] = ()
    quantized_dimension: int = 0
    data: NDArray[Any] | None = None
    is_variable: bool = False

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def scale(self) -> float:
        """The scale of a tensor that is quantized as a whole.

        Raises:
            ModelError: It has none, or one for each channel.
        """
        if len(self.scales) != 1:
            raise ModelError(
                f"Tensor {self.index} ({self.name}) has {len(self.scales)} scales where one is needed.",
                hint="Convert the model with full-integer quantization (`--scheme int8`).",
            )
        return self.scales[0]

    @property
    def zero_point(self) -> int:
        """The zero point of a tensor that is quantized as a whole (0 where none is written)."""
        return self.zero_points[0] if self.zero_points else 0

    def real(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """What an executor's values of this tensor stand for; floats stand for themselves.

        Raises:
            ModelError: They are integers, and the tensor is not quantized as a whole.
        """
        own = Quantization() if values.dtype.kind == "f" else Quantization(self.scale, self.zero_point)
        return own.real(values)


@dataclass(frozen=True)
class Operator:
    """One operator; an absent optional input has the index -1."""

    index: int
    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    intermediates: tuple[int, ...] = ()


@dataclass(frozen=True)
class Graph:
    """One subgraph in execution order; ``names`` maps the signature's output names to tensors."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    names: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    def input(self, operator: Operator, position: int) -> Tensor:
        """The tensor at an input position that must be there.

        Raises:
            ModelError: The operator has no such input.
        """
        found = self.optional_input(operator, position)
        if found is None:
            raise refuse(operator, f"lacks its input {position}", "Convert the model again")
        return found

    def optional_input(self, operator: Operator, position: int) -> Tensor | None:
        """The tensor at an input position, or None where it was left out."""
        if position >= len(operator.inputs) or operator.inputs[position] == NO_TENSOR:
            return None
        return self.tensors[operator.inputs[position]]

    def constant(self, operator: Operator, position: int) -> NDArray[Any]:
        """The data of a constant input.

        Raises:
            ModelError: That input is missing or computed at run time.
        """
        data = self.input(operator, position).data
        if data is None:
            raise refuse(
                operator,
                f"needs a constant as input {position}",
                "Build the network with fixed weights and shapes",
            )
        return data

    def output(self, operator: Operator) -> Tensor:
        """The first output of an operator.

        Raises:
            ModelError: It has none.
        """
        if not operator.outputs:
            raise refuse(operator, "has no output", "Convert the model again")
        return self.tensors[operator.outputs[0]]


def refuse(operator: Operator, problem: str, remedy: str) -> ModelError:
    """The error for an operator that cannot be used: it names the operator, its index and what would do."""
    return ModelError(f"Operator {operator.index} ({operator.kind}) {problem}.", hint=f"{remedy}.")


@dataclass(frozen=True)
class OutputTensors:
    """The two outputs that every network of this project has, as tensor indices."""

    features: int
    logits: int


def window_shape(graph: Graph) -> tuple[int, int]:
    """Frames of a window, and values of a frame: the first axis after the batch, and all that follow.

    Raises:
        ModelError: The model has not one input with a batch of 1.
    """
    shape = graph.tensors[graph.inputs[0]].shape if len(graph.inputs) == 1 else ()
    if len(shape) < 2 or shape[0] != 1 or min(shape) < 1:
        raise ModelError(
            "The model does not take one window of shape (1, frames, codes).",
            hint="Convert a network with one input and batch 1.",
        )
    return (shape[1], math.prod(shape[2:])) if len(shape) > 2 else (1, shape[1])


def find_outputs(graph: Graph) -> OutputTensors:
    """Tell the features from the logits: by the signature's names, by the tensors' names, or by dependency.

    The order of outputs differs between converters and interpreters, so position is never trusted. Without
    names, the logits are the output that is computed from the other one. An only output is both.

    Raises:
        ModelError: The graph has other outputs than these two, or than one.
    """
    if len(graph.outputs) == 1:
        return OutputTensors(graph.outputs[0], graph.outputs[0])
    if len(graph.outputs) != 2:
        raise ModelError(
            f"The model has {len(graph.outputs)} outputs where features and logits are needed.",
            hint="Export both, under the names 'features' and 'logits'.",
        )
    if {FEATURES, LOGITS} <= set(graph.names):
        return OutputTensors(graph.names[FEATURES], graph.names[LOGITS])
    first, second = graph.outputs
    for features, logits in ((first, second), (second, first)):
        if FEATURES in graph.tensors[features].name and LOGITS in graph.tensors[logits].name:
            return OutputTensors(features, logits)
    for features, logits in ((first, second), (second, first)):
        if features in ancestors(graph, logits):
            return OutputTensors(features, logits)
    raise ModelError(
        "Nothing tells which output is the features and which the logits.",
        hint="Name the outputs of the signature 'features' and 'logits'.",
    )


def ancestors(graph: Graph, tensor: int) -> frozenset[int]:
    """All tensors that ``tensor`` is computed from, itself included."""
    needed = {tensor}
    for operator in reversed(graph.operators):
        if needed.intersection(operator.outputs):
            needed.update(index for index in operator.inputs if index != NO_TENSOR)
    return frozenset(needed)
