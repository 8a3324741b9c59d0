"""A float32 graph computed in NumPy on many windows at once, with a say in every kernel and every value.

No runtime lets one round a single tensor in the middle of a graph; this does. It covers the operators of the
networks that ``train`` makes, and agrees with the TFLite runtime to the rounding of float32 sums.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from myofin.convert.codegen_lstm import BIASES, INPUT_WEIGHTS, RECURRENT_WEIGHTS
from myofin.convert.executors import CODE_SCALE
from myofin.convert.graph import LSTM, NO_TENSOR, Graph, Operator, find_outputs, refuse

Floats = NDArray[np.float32]
CELL: Final = "cell"
OUTPUT: Final = "output"
_VALID: Final = 1
_BATCH: Final = 48  # windows at once: what they need then stays within some hundred megabytes


class Arithmetic(Protocol):
    """How a graph computes: what becomes of its kernels and of the values that its operators make."""

    def kernel(self, operator: Operator, position: int, kernel: Floats) -> Floats:
        """A constant as it multiplies; ``position`` is that among the operator's inputs."""
        ...

    def values(self, operator: Operator, part: str, values: Floats) -> Floats:
        """Values ``[windows, ...]`` as later operators see them; ``part`` is ``output``, or ``cell``."""
        ...


class Exact:
    """Floats as they are."""

    def kernel(self, operator: Operator, position: int, kernel: Floats) -> Floats:
        """The kernel as it is."""
        return kernel

    def values(self, operator: Operator, part: str, values: Floats) -> Floats:
        """The values as they are."""
        return values


def evaluate(graph: Graph, codes: NDArray[np.int8], arithmetic: Arithmetic) -> tuple[Floats, Floats]:
    """Features ``[w, n]`` and logits ``[w, m]`` of windows int8 ``[w, frames, frame_codes]``.

    Raises:
        ModelError: The graph holds an operator that is not computed here.
    """
    found = find_outputs(graph)
    features, logits = [], []
    for first in range(0, len(codes), _BATCH):
        held = _evaluate(graph, codes[first : first + _BATCH], arithmetic)
        features.append(held[found.features].reshape(len(held[found.features]), -1))
        logits.append(held[found.logits].reshape(len(held[found.logits]), -1))
    return np.concatenate(features), np.concatenate(logits)


def _evaluate(graph: Graph, codes: NDArray[np.int8], arithmetic: Arithmetic) -> dict[int, Floats]:
    source = graph.tensors[graph.inputs[0]]
    values = (codes / CODE_SCALE).astype(np.float32).reshape(len(codes), *source.shape)
    held = {source.index: values}
    for operator in graph.operators:
        compute = _KINDS.get(operator.kind)
        if compute is None:
            raise refuse(operator, "is not computed by the float simulation", "Give a run of `myofin train`")
        made = compute(graph, operator, held, arithmetic)
        held[operator.outputs[0]] = arithmetic.values(operator, OUTPUT, _activated(operator, made))
    return held


def _activated(operator: Operator, values: Floats) -> Floats:
    kind = {"RELU": "relu", "RELU6": "relu6"}.get(operator.kind, operator.options.get("activation", "none"))
    if kind == "relu":
        return np.maximum(values, np.float32(0))
    return np.clip(values, np.float32(0), np.float32(6)) if kind == "relu6" else values


def _input(graph: Graph, operator: Operator, held: dict[int, Floats], position: int = 0) -> Floats:
    index = operator.inputs[position]
    data = graph.tensors[index].data
    return held[index] if data is None else np.asarray(data, np.float32)[np.newaxis]


def _reshape(graph: Graph, operator: Operator, held: dict[int, Floats], arithmetic: Arithmetic) -> Floats:
    x = _input(graph, operator, held)
    return x.reshape(len(x), *graph.output(operator).shape)


def _transpose(graph: Graph, operator: Operator, held: dict[int, Floats], arithmetic: Arithmetic) -> Floats:
    order = [int(axis) + 1 for axis in graph.constant(operator, 1)]
    return _input(graph, operator, held).transpose(0, *order)


def _concatenate(graph: Graph, operator: Operator, held: dict[int, Floats], arithmetic: Arithmetic) -> Floats:
    axis = int(operator.options["Axis"])
    parts = [_input(graph, operator, held, position) for position in range(len(operator.inputs))]
    return np.concatenate(parts, axis=axis if axis < 0 else axis + 1)


def _slice(graph: Graph, operator: Operator, held: dict[int, Floats], arithmetic: Arithmetic) -> Floats:
    begin, end, stride = (graph.constant(operator, position).tolist() for position in (1, 2, 3))
    chosen: list[Any] = [slice(None)]
    for axis, (first, last, step) in enumerate(zip(begin, end, stride, strict=True)):
        bit = 1 << axis
        if operator.options["ShrinkAxisMask"] & bit:
            chosen.append(first)
        else:
            low = None if operator.options["BeginMask"] & bit else first
            high = None if operator.options["EndMask"] & bit else last
            chosen.append(slice(low, high, step))
    return np.asarray(_input(graph, operator, held)[tuple(chosen)], np.float32)


def _dense(graph: Graph, operator: Operator, held: dict[int, Floats], arithmetic: Arithmetic) -> Floats:
    kernel = arithmetic.kernel(operator, 1, graph.constant(operator, 1))
    x = _input(graph, operator, held)
    flat = x.reshape(len(x), -1, kernel.shape[1])
    made = (flat @ kernel.T + _bias(graph, operator)).reshape(len(x), *graph.output(operator).shape)
    return np.asarray(made, np.float32)


def _bias(graph: Graph, operator: Operator) -> Floats:
    bias = graph.optional_input(operator, 2)
    return np.zeros(1, np.float32) if bias is None or bias.data is None else bias.data.reshape(-1)


def _convolution(graph: Graph, operator: Operator, held: dict[int, Floats], arithmetic: Arithmetic) -> Floats:
    kernel = arithmetic.kernel(operator, 1, graph.constant(operator, 1))
    steps = (int(operator.options["StrideH"]), int(operator.options["StrideW"]))
    views = _views(operator, _input(graph, operator, held), kernel.shape[1:3], steps)
    places = np.ndindex(*kernel.shape[1:3])
    seen = (view @ kernel[:, i, j, :].T for view, (i, j) in zip(views, places, strict=True))
    return np.asarray(sum(seen, start=_bias(graph, operator)), np.float32)


def _pool(reduce: Callable[[Sequence[Floats]], Floats]) -> Any:
    def compute(graph: Graph, operator: Operator, held: dict[int, Floats], arithmetic: Arithmetic) -> Floats:
        size = (int(operator.options["FilterHeight"]), int(operator.options["FilterWidth"]))
        steps = (int(operator.options["StrideH"]), int(operator.options["StrideW"]))
        return reduce(_views(operator, _input(graph, operator, held), size, steps))

    return compute


def _views(operator: Operator, x: Floats, size: Sequence[int], steps: tuple[int, int]) -> list[Floats]:
    """What each place of a kernel sees of ``x[windows, batch, height, width, values]``, without padding."""
    dilated = {operator.options.get(name, 1) for name in ("DilationHFactor", "DilationWFactor")}
    if operator.options["Padding"] != _VALID or dilated != {1}:
        raise refuse(operator, "is padded or dilated", "Give a run of `myofin train`")
    rows, columns = ((x.shape[2 + i] - size[i]) // steps[i] + 1 for i in range(2))
    return [
        x[:, :, i : i + rows * steps[0] : steps[0], j : j + columns * steps[1] : steps[1]]
        for i, j in np.ndindex(*size)
    ]


def _mean_of(views: Sequence[Floats]) -> Floats:
    return np.asarray(sum(views[1:], start=views[0]) / np.float32(len(views)), np.float32)


def _largest_of(views: Sequence[Floats]) -> Floats:
    return np.asarray(np.maximum.reduce(views), np.float32)


def _mean(graph: Graph, operator: Operator, held: dict[int, Floats], arithmetic: Arithmetic) -> Floats:
    x = _input(graph, operator, held)
    rank = x.ndim - 1
    axes = tuple(int(axis) % rank + 1 for axis in graph.constant(operator, 1).reshape(-1))
    return np.asarray(x.mean(axis=axes), np.float32).reshape(len(x), *graph.output(operator).shape)


def _add(graph: Graph, operator: Operator, held: dict[int, Floats], arithmetic: Arithmetic) -> Floats:
    return _input(graph, operator, held, 0) + _input(graph, operator, held, 1)


def _same(graph: Graph, operator: Operator, held: dict[int, Floats], arithmetic: Arithmetic) -> Floats:
    return _input(graph, operator, held)


def _lstm(graph: Graph, operator: Operator, held: dict[int, Floats], arithmetic: Arithmetic) -> Floats:
    present = [i for i in BIASES if operator.inputs[i] != NO_TENSOR]
    if operator.options.get("TimeMajor") or len(present) != len(BIASES):
        raise refuse(operator, "is time-major or lacks a bias", "Give a run of `myofin train`")
    return lstm_values(graph, operator, _input(graph, operator, held), arithmetic)


def lstm_values(graph: Graph, operator: Operator, x: Floats, arithmetic: Arithmetic) -> Floats:
    """An LSTM's hidden values ``[windows, batch, steps, units]`` of ``x[windows, batch, steps, inputs]``."""

    def gates_of(positions: Sequence[int]) -> Floats:
        return np.concatenate(
            [arithmetic.kernel(operator, i, graph.constant(operator, i)) for i in positions]
        )

    weights, recurrent = gates_of(INPUT_WEIGHTS), gates_of(RECURRENT_WEIGHTS)
    bias = np.concatenate([graph.constant(operator, i) for i in BIASES])
    clip = float(operator.options.get("CellClip", 0.0)) or np.inf
    cell = hidden = np.zeros((*x.shape[:2], len(bias) // 4), np.float32)
    states = []
    for step in range(x.shape[2]):
        gates = x[:, :, step] @ weights.T + hidden @ recurrent.T + bias
        entry, forget, candidate, leave = np.split(gates, 4, axis=-1)
        cell = np.clip(_sigmoid(forget) * cell + _sigmoid(entry) * np.tanh(candidate), -clip, clip)
        cell = arithmetic.values(operator, CELL, np.asarray(cell, np.float32))
        hidden = arithmetic.values(operator, OUTPUT, _sigmoid(leave) * np.tanh(cell))
        states.append(hidden)
    return np.stack(states, axis=2)


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * x), np.float32)


_KINDS: Final[dict[str, Any]] = {
    **dict.fromkeys(("RESHAPE", "SQUEEZE", "EXPAND_DIMS"), _reshape),
    "TRANSPOSE": _transpose,
    "CONCATENATION": _concatenate,
    "STRIDED_SLICE": _slice,
    "FULLY_CONNECTED": _dense,
    "CONV_2D": _convolution,
    "AVERAGE_POOL_2D": _pool(_mean_of),
    "MAX_POOL_2D": _pool(_largest_of),
    "MEAN": _mean,
    "ADD": _add,
    **dict.fromkeys(("RELU", "RELU6"), _same),
    LSTM: _lstm,
}
