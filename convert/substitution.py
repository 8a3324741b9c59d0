"""Float graphs of which some parts compute in integers: which parts there are, and the grids they round to.

A part is an operator's kernel (of an LSTM also its recurrent one), or the values it makes (of an LSTM also
its cell). Operators that only move values make none: what they move is on its grid already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from myofin.convert.codegen_lstm import CELL as CELL_INPUT
from myofin.convert.codegen_lstm import INPUT_WEIGHTS, RECURRENT_WEIGHTS
from myofin.convert.float_graph import CELL, OUTPUT, Exact, Floats, evaluate
from myofin.convert.graph import LSTM, Graph, Operator, Tensor, find_outputs, refuse
from myofin.convert.int16x8 import shared_scales

KERNEL: Final = "kernel"
RECURRENT: Final = "recurrent kernel"
_PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "CONV_2D": (KERNEL, OUTPUT),
    "FULLY_CONNECTED": (KERNEL, OUTPUT),
    LSTM: (KERNEL, RECURRENT, CELL, OUTPUT),
    **dict.fromkeys(("AVERAGE_POOL_2D", "MEAN", "ADD"), (OUTPUT,)),
}
_WORDS: Final[Mapping[str, str]] = {
    "CONV_2D": "convolution",
    "FULLY_CONNECTED": "dense",
    LSTM: "LSTM",
    "AVERAGE_POOL_2D": "mean of a frame",
    "MEAN": "mean of a frame",
    "ADD": "sum",
}
_MOVING: Final = frozenset({"RESHAPE", "SQUEEZE", "TRANSPOSE", "STRIDED_SLICE", "EXPAND_DIMS"})
_SAME: Final = frozenset({("RELU6", "RELU"), ("SQUEEZE", "RESHAPE")})  # as int16x8 writes them
_LIMITS: Final[Mapping[str, tuple[int, int]]] = {"int8": (-128, 127), "int16": (-32768, 32767)}


@dataclass(frozen=True)
class Part:
    """A part of an operator; ``name`` is one of kernel, recurrent kernel, cell and output."""

    operator: int
    name: str


@dataclass(frozen=True)
class Layer:
    """An operator that has parts, with a name that says which it is."""

    name: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Grid:
    """Values that integers stand for: ``(integer - zero_point) * scale`` between two integers."""

    scale: float
    zero_point: int
    low: int
    high: int

    @classmethod
    def of(cls, tensor: Tensor) -> Grid:
        """That of a quantized tensor."""
        return cls(tensor.scale, tensor.zero_point, *_LIMITS[tensor.dtype])

    @classmethod
    def over(cls, low: float, high: float) -> Grid:
        """The int8 grid that the converter takes for values between two bounds; zero is always on it."""
        low, high = min(low, 0.0), max(high, 0.0)
        scale = max(high - low, 1e-6) / 255
        return cls(scale, int(np.clip(round(-128 - low / scale), -128, 127)), -128, 127)

    def round(self, values: Floats) -> Floats:
        """The nearest values on the grid."""
        whole = np.clip(np.rint(values / self.scale) + self.zero_point, self.low, self.high)
        return np.asarray((whole - self.zero_point) * self.scale, np.float32)


@dataclass(frozen=True)
class Grids:
    """What a quantized graph makes of the parts of its float graph.

    ``values`` by part; ``kernels`` by operator and position among its inputs, as the floats they stand for.
    """

    values: Mapping[Part, Grid]
    kernels: Mapping[tuple[int, int], Floats]


class Substituted(Exact):
    """Floats, but for some parts, which round as the grids given for each say."""

    def __init__(self, grids: Mapping[Part, Grids]) -> None:
        self._grids = grids

    def kernel(self, operator: Operator, position: int, kernel: Floats) -> Floats:
        """The kernel on its grid, if it is one of the parts."""
        grids = self._grids.get(Part(operator.index, _kernel_name(operator, position)))
        return kernel if grids is None else grids.kernels[operator.index, position]

    def values(self, operator: Operator, part: str, values: Floats) -> Floats:
        """The values on their grid, if they are one of the parts."""
        here = Part(operator.index, part)
        grids = self._grids.get(here)
        return values if grids is None else grids.values[here].round(values)


def layers_of(graph: Graph) -> list[Layer]:
    """Layers in the order of computing."""
    found = find_outputs(graph)
    ends = {_origin(graph, found.features): "features", _origin(graph, found.logits): "logits"}
    counts: dict[str, int] = {}
    layers = []
    for operator in graph.operators:
        if operator.kind not in _PARTS:
            continue
        word = _WORDS[operator.kind]
        counts[word] = counts.get(word, 0) + 1
        name = ends.get(operator.index, f"{word} {counts[word]}")
        parts = tuple(Part(operator.index, part) for part in _PARTS[operator.kind])
        layers.append(Layer(name, parts))
    return layers


def _origin(graph: Graph, tensor: int) -> int:
    """The operator whose values a tensor holds, past those that only move them."""
    makers = {output: operator for operator in graph.operators for output in operator.outputs}
    operator = makers[tensor]
    while operator.kind in _MOVING and operator.inputs[0] in makers:
        operator = makers[operator.inputs[0]]
    return operator.index


def grids_of(graph: Graph, quantized: Graph) -> Grids:
    """The grids that a quantized graph of the same network has.

    Raises:
        ModelError: The graphs do not have the same operators.
    """
    values: dict[Part, Grid] = {}
    kernels: dict[tuple[int, int], Floats] = {}
    if len(graph.operators) != len(quantized.operators):
        raise refuse(
            quantized.operators[-1], "has no counterpart in the float model", "Convert the run again"
        )
    for operator, other in zip(graph.operators, quantized.operators, strict=True):
        if operator.kind != other.kind and (operator.kind, other.kind) not in _SAME:
            raise refuse(other, f"stands where the float model has {operator.kind}", "Convert the run again")
        for name in _PARTS.get(operator.kind, ()):
            if name == OUTPUT:
                values[Part(operator.index, name)] = Grid.of(quantized.output(other))
            elif name == CELL:
                values[Part(operator.index, name)] = Grid.of(quantized.input(other, CELL_INPUT))
            else:
                for position in _positions(operator, name):
                    kernels[operator.index, position] = _floats(quantized.input(other, position))
    return Grids(values, kernels)


def _positions(operator: Operator, name: str) -> Sequence[int]:
    if operator.kind != LSTM:
        return (1,)
    return RECURRENT_WEIGHTS if name == RECURRENT else INPUT_WEIGHTS


def _kernel_name(operator: Operator, position: int) -> str:
    return RECURRENT if operator.kind == LSTM and position in RECURRENT_WEIGHTS else KERNEL


def _floats(tensor: Tensor) -> Floats:
    assert tensor.data is not None
    scales = np.array(tensor.scales).reshape(-1, *(1,) * (len(tensor.shape) - 1))
    points = np.array(tensor.zero_points or (0,)).reshape(-1, *(1,) * (len(tensor.shape) - 1))
    return np.asarray((tensor.data.astype(np.float64) - points) * scales, np.float32)


class _Extremes(Exact):
    """Floats as they are, and the least and largest value at each part."""

    def __init__(self) -> None:
        self.found: dict[Part, tuple[float, float]] = {}

    def values(self, operator: Operator, part: str, values: Floats) -> Floats:
        """The values as they are."""
        here = Part(operator.index, part)
        low, high = self.found.get(here, (0.0, 0.0))  # zero is always on the grid
        self.found[here] = min(low, float(values.min())), max(high, float(values.max()))
        return values


@dataclass(frozen=True)
class Ranges:
    """Least and largest value at each part, over all tensors that share its scale."""

    extremes: Mapping[Part, tuple[float, float]]

    def grids(self, converted: Grids) -> Grids:
        """The int8 grids that calibration on these windows gives; cells and kernels stay."""
        values = dict(converted.values)
        for part in values:
            if part.name != CELL:
                values[part] = Grid.over(*self.extremes[part])
        return Grids(values, converted.kernels)


def observe(graph: Graph, codes: NDArray[np.int8]) -> Ranges:
    """What calibration windows int8 ``[w, frames, frame_codes]`` show."""
    watched = _Extremes()
    evaluate(graph, codes, watched)
    return Ranges({part: _shared(graph, part, watched.found) for part in watched.found})


def _shared(graph: Graph, part: Part, every: Mapping[Part, tuple[float, float]]) -> tuple[float, float]:
    if part.name == CELL:
        return every[part]
    makers = {output: op.index for op in graph.operators for output in op.outputs}
    output = graph.operators[part.operator].outputs[0]
    group = next((group for group in shared_scales(graph) if output in group), {output})
    members = [every[Part(makers[index], OUTPUT)] for index in group if index in makers]
    return min(low for low, _ in members), max(high for _, high in members)
