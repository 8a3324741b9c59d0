"""What a model costs and holds: MACs and bytes of each layer, and the facts about its LSTM operators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from myofin.convert.codegen_lstm import BIASES, CELL, HIDDEN, INPUT_WEIGHTS, RECURRENT_WEIGHTS
from myofin.convert.features_op import FEATURES_OP
from myofin.convert.graph import LSTM, Graph, Operator, Tensor, refuse

_WEIGHTED = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"})


@dataclass(frozen=True)
class LayerCost:
    """Cost of one operator in one window.

    Attributes:
        op: Kind of the operator.
        name: Name of its output tensor.
        macs: Multiplications with accumulation as the graph states them. The C engine folds pointwise
            layers into a table, so it executes fewer.
        weight_bytes: Constant weights and biases.
        output_bytes: What the operator writes.
        state_bytes: State that it keeps between steps (LSTM).
    """

    op: str
    name: str
    macs: int
    weight_bytes: int
    output_bytes: int
    state_bytes: int = 0


def layer_costs(graph: Graph) -> list[LayerCost]:
    """Costs of every operator, in order of execution; the LSTM counts all four gates at every step.

    Raises:
        ModelError: An operator lacks an input, or an LSTM has no static shape.
    """
    return [
        LayerCost(
            op=operator.kind,
            name=graph.tensors[operator.outputs[0]].name if operator.outputs else "",
            macs=_macs(graph, operator),
            weight_bytes=_weight_bytes(graph, operator),
            output_bytes=sum(_bytes(graph.tensors[index]) for index in operator.outputs),
            state_bytes=_state_bytes(graph, operator),
        )
        for operator in graph.operators
    ]


def _macs(graph: Graph, operator: Operator) -> int:
    if operator.kind == LSTM:
        batch, steps, inputs, units = _lstm_shape(graph, operator)
        return batch * steps * 4 * units * (inputs + units)
    if operator.kind in ("CONV_2D", "FULLY_CONNECTED"):
        kernel = graph.input(operator, 1).shape
        return graph.output(operator).size * int(np.prod(kernel[1:], dtype=np.int64))
    if operator.kind == "DEPTHWISE_CONV_2D":
        kernel = graph.input(operator, 1).shape
        return graph.output(operator).size * int(np.prod(kernel[1:3], dtype=np.int64))
    return 0


def _lstm_shape(graph: Graph, operator: Operator) -> tuple[int, int, int, int]:
    """Batch, steps, inputs and units of a fused LSTM."""
    x, recurrent = graph.input(operator, 0).shape, graph.input(operator, RECURRENT_WEIGHTS[0]).shape
    if len(x) != 3 or len(recurrent) != 2:
        raise refuse(operator, f"has the input shape {x}", "Convert a Keras LSTM with static shapes")
    return x[0], x[1], x[2], recurrent[0]


def _weight_bytes(graph: Graph, operator: Operator) -> int:
    """Bytes of weights; the shapes and axes of RESHAPE and the like are not weights."""
    if operator.kind == LSTM:
        positions = [*INPUT_WEIGHTS, *RECURRENT_WEIGHTS, *BIASES]
    elif operator.kind in _WEIGHTED:
        positions = [1, 2]
    elif operator.kind == FEATURES_OP:
        positions = list(range(1, len(operator.inputs)))  # its tables
    elif operator.kind in ("ADD", "MUL", "SUB"):
        positions = [0, 1]
    else:
        positions = []
    tensors = [graph.optional_input(operator, position) for position in positions]
    return sum(int(t.data.nbytes) for t in tensors if t is not None and t.data is not None)


def _state_bytes(graph: Graph, operator: Operator) -> int:
    if operator.kind != LSTM:
        return 0
    states = (graph.optional_input(operator, position) for position in (HIDDEN, CELL))
    return sum(_bytes(tensor) for tensor in states if tensor is not None)


def _bytes(tensor: Tensor) -> int:
    try:
        return tensor.size * np.dtype(tensor.dtype).itemsize
    except TypeError:
        return 0


@dataclass(frozen=True)
class LstmReport:
    """Facts about the recurrent part of a model, for the conversion gate and for `inspect`.

    Attributes:
        fused: For each fused LSTM its index, shape and scales: keys ``operator``, ``batch``, ``steps``,
            ``inputs``, ``units``, ``hidden_scale``, ``hidden_zero_point``, ``cell_scale``, ``cell_clip``
            (scales are None on float32).
        unfused: Indices of WHILE and single-step LSTM or RNN operators: a conversion that did not fuse.
        foreign: Names of custom (Flex) operators.
    """

    fused: tuple[dict[str, Any], ...]
    unfused: tuple[int, ...]
    foreign: tuple[str, ...]


def lstm_report(graph: Graph) -> LstmReport:
    """Find every recurrent operator.

    Raises:
        ModelError: A fused LSTM lacks an input.
    """
    loose = ("WHILE", "LSTM", "RNN", "UNIDIRECTIONAL_SEQUENCE_RNN", "BIDIRECTIONAL_SEQUENCE_LSTM")
    return LstmReport(
        fused=tuple(_fused(graph, operator) for operator in graph.operators if operator.kind == LSTM),
        unfused=tuple(operator.index for operator in graph.operators if operator.kind in loose),
        foreign=tuple(
            op.kind.partition(":")[2]
            for op in graph.operators
            if op.kind.startswith("CUSTOM") and op.kind != FEATURES_OP
        ),
    )


def _fused(graph: Graph, operator: Operator) -> dict[str, Any]:
    batch, steps, inputs, units = _lstm_shape(graph, operator)
    hidden, cell = graph.input(operator, HIDDEN), graph.input(operator, CELL)
    return {
        "operator": operator.index,
        "batch": batch,
        "steps": steps,
        "inputs": inputs,
        "units": units,
        "hidden_scale": hidden.scale if hidden.scales else None,
        "hidden_zero_point": hidden.zero_point,
        "cell_scale": cell.scale if cell.scales else None,
        "cell_clip": float(operator.options["CellClip"]),
    }
