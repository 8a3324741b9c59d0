"""The scheme int16x8, made from the float model: int16 activations, int8 weights, no TensorFlow.

The official converter refuses an LSTM with int16 activations, so ranges, scales and the flatbuffer are made
here, in the form that TensorFlow Lite Micro's kernels take: activations and weights symmetric (weights with a
scale for each output in CONV_2D and FULLY_CONNECTED, with one for a whole matrix of the LSTM), biases int64,
the cell state int16 with a power of two as its scale.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from myofin.convert.calibration import Ranges, tensor_ranges
from myofin.convert.codegen_lstm import BIASES, CELL, HIDDEN, INPUT_WEIGHTS, RECURRENT_WEIGHTS
from myofin.convert.flatbuffer import SMALLEST_CELL_SCALE, read_model
from myofin.convert.flatbuffer_writer import write_model
from myofin.convert.graph import LSTM, NO_TENSOR, Graph, Operator, Tensor, refuse
from myofin.progress import Progress, silent

INPUT_SCALE: Final = 2.0**-15
INT16_MAX: Final = 32767
# One of the 16 bits is spent on this: what is twice as large as anything in calibration is not cut off.
HEADROOM: Final = 2.0
# A tensor that calibration never saw move still needs a scale.
SMALLEST_RANGE: Final = 2.0**-10
WEIGHT_MAX: Final = 127
SIX: Final = 6.0
# Bounds of an embedding over several samples, which sums in 32 bits.
LARGEST_BIAS: Final = 2.0**30
SMALLEST_FACTOR: Final = 2.0**-15
_SINGLE: Final = frozenset({"MEAN", "RELU", "RELU6"})  # one operand, and no constants of theirs
_MOVING: Final = frozenset(
    {"RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE", "STRIDED_SLICE", "CONCATENATION"}
    | {"AVERAGE_POOL_2D", "MAX_POOL_2D"}
)
_WEIGHTED: Final = frozenset({"CONV_2D", "FULLY_CONNECTED"})


def convert_to_int16x8(float_model: bytes, codes: NDArray[np.int8], *, progress: Progress = silent) -> bytes:
    """The int16x8 model of a float32 model.

    Args:
        float_model: Content of a float32 `.tflite` file.
        codes: Calibration windows, int8 ``[n, frames, frame_codes]``, of training repetitions only.
        progress: Told about the stage ``calibrate``.

    Raises:
        ModelError: The model is malformed, or holds an operator that the scheme does not cover.
        ToolMissingError: There is no TFLite runtime to calibrate with.
    """
    return write_model(
        quantize(read_model(float_model), tensor_ranges(float_model, codes, progress=progress))
    )


def quantize(graph: Graph, ranges: Ranges) -> Graph:
    """The graph with int16 activations and int8 weights.

    Args:
        graph: A float32 graph.
        ranges: Largest magnitude of each computed tensor and of each cell state, by index.

    Raises:
        ModelError: An operator that the scheme does not cover.
    """
    state = _Quantizer(graph, list(graph.tensors))
    state.set_activations(ranges)
    operators = tuple(state.operator(operator, ranges) for operator in graph.operators)
    return without_unused(replace(graph, tensors=tuple(state.tensors), operators=operators))


def shared_scales(graph: Graph) -> list[set[int]]:
    """Groups of tensors of one scale: what only moves or pools values, and an LSTM's hidden state."""
    groups: list[set[int]] = []
    for operator in graph.operators:
        members = set(operator.outputs)
        if operator.kind in _MOVING or operator.kind == "RELU6":  # whose kernel keeps the scale
            members |= {i for i in operator.inputs if i != NO_TENSOR and graph.tensors[i].dtype == "float32"}
        elif operator.kind == LSTM:
            members.add(operator.inputs[HIDDEN])
        touched = [group for group in groups if group & members]
        groups = [group for group in groups if not group & members]
        groups.append(members.union(*touched))
    return groups


@dataclass
class _Quantizer:
    graph: Graph
    tensors: list[Tensor]
    weights: dict[tuple[int, bool, bytes], int] = field(default_factory=dict)

    def set_activations(self, ranges: Ranges) -> None:
        """int16 with one scale for each group, and 2^-15 for whatever holds codes."""
        source = self.graph.inputs[0]
        for group in [*shared_scales(self.graph), {source}]:
            if source in group:
                scale = INPUT_SCALE
            else:
                scale = max(self._reach(group, ranges), SMALLEST_RANGE) / INT16_MAX
            for index in group:
                self._set(index, dtype="int16", scales=(_single(scale),), zero_points=(0,))

    def _reach(self, group: set[int], ranges: Ranges) -> float:
        reach = HEADROOM * max(ranges.get(index, 0.0) for index in group)
        makers = {op.kind for op in self.graph.operators if group.intersection(op.outputs)}
        if any(self._bounded(op) for op in self.graph.operators if group.intersection(op.outputs)):
            reach = min(reach, SIX)  # nothing is larger, and the largest value of the type is then the bound
        # Hidden values of an LSTM are within one, whatever comes.
        return min(reach, 1.0) if LSTM in makers and "CONCATENATION" not in makers else reach

    def _bounded(self, operator: Operator) -> bool:
        return operator.options.get("activation") == "relu6"

    def operator(self, operator: Operator, ranges: Ranges) -> Operator:
        """The operator on quantized tensors; constants are added as need be."""
        if operator.kind == LSTM:
            return self._lstm(operator, ranges)
        if operator.kind in _WEIGHTED:
            return self._weighted(operator)
        if operator.kind == "ADD":
            return self._add(operator)
        if operator.kind == "SQUEEZE":
            return self._reshape(operator)
        if operator.kind == "RELU6" and self.tensors[operator.inputs[0]].scale * INT16_MAX < SIX:
            return replace(operator, kind="RELU")  # 6 is beyond the type: its kernel would refuse
        if operator.kind in _MOVING | _SINGLE:
            return operator
        raise refuse(operator, "is not covered by int16x8", "Use `--scheme int8` or float32")

    def _reshape(self, operator: Operator) -> Operator:
        """SQUEEZE in the form that needs no options: the axes of one element are in the shape."""
        shape = np.array(self.graph.output(operator).shape, np.int32)
        number = len(self.tensors)
        tensor = Tensor(number, f"shape_{number}", shape.shape, "int32", data=shape)
        self.tensors.append(tensor)
        return replace(operator, kind="RESHAPE", inputs=(operator.inputs[0], number))

    def _weighted(self, operator: Operator) -> Operator:
        source = self.tensors[operator.inputs[0]]
        outputs = self.graph.input(operator, 1).shape[0]
        # Without a bias some kernels sum in 32 bits; with one, even of zeros, all of them do in 64.
        bias = self.graph.optional_input(operator, 2)
        values = np.zeros(outputs) if bias is None else self.graph.constant(operator, 2)
        least = self._least_scales(operator, source, values) if operator.kind == "CONV_2D" else None
        weights = self._weights(operator.inputs[1], per_output=True, least=least)
        number = self._bias(operator, values, source, self.tensors[weights])
        return replace(operator, inputs=(operator.inputs[0], weights, number))

    def _least_scales(self, operator: Operator, source: Tensor, bias: NDArray[Any]) -> NDArray[np.float64]:
        """Scales of weights below which an embedding would leave 32-bit sums and factors of 2^-32.

        Rounding weights of a finer scale to these moves an output by at most half a unit for each input.
        """
        output = self.tensors[operator.outputs[0]]
        by_bias = np.abs(bias.astype(np.float64).reshape(-1)) / (LARGEST_BIAS * source.scale)
        return np.asarray(np.maximum(by_bias, SMALLEST_FACTOR * output.scale / source.scale))

    def _lstm(self, operator: Operator, ranges: Ranges) -> Operator:
        inputs = list(operator.inputs)
        source, cell = self.tensors[inputs[0]], inputs[CELL]
        for position in (*INPUT_WEIGHTS, *RECURRENT_WEIGHTS):
            inputs[position] = self._weights(inputs[position], per_output=False)
        for gate, position in zip(INPUT_WEIGHTS, BIASES, strict=True):
            values = self.graph.constant(operator, position)
            inputs[position] = self._bias(operator, values, source, self.tensors[inputs[gate]])
        scale = cell_scale(ranges[cell])
        self._set(cell, dtype="int16", scales=(scale,), zero_points=(0,))
        return replace(operator, inputs=tuple(inputs))

    def _add(self, operator: Operator) -> Operator:
        inputs = list(operator.inputs)
        for position, index in enumerate(inputs):
            data = self.tensors[index].data
            if data is not None:
                inputs[position] = self._constant(index, data)
        return replace(operator, inputs=tuple(inputs))

    def _constant(self, index: int, data: NDArray[Any]) -> int:
        scale = _single(max(float(np.abs(data).max()), SMALLEST_RANGE) / INT16_MAX)
        values = np.rint(data.astype(np.float64) / scale).astype(np.int16)
        return self._append(index, "_int16", data=values, dtype="int16", scales=(scale,), zero_points=(0,))

    def _weights(self, index: int, *, per_output: bool, least: NDArray[np.float64] | None = None) -> int:
        """int8 weights, made once for all operators that share them."""
        key = (index, per_output, b"" if least is None else least.tobytes())
        if key not in self.weights:
            data = np.asarray(self.graph.tensors[index].data, np.float64)
            scales = weight_scales(data, per_output=per_output)
            if least is not None:
                scales = np.maximum(scales, least).astype(np.float32).astype(np.float64)
            values = np.rint((data.reshape(len(scales), -1)) / scales[:, np.newaxis])
            values = np.clip(values, -WEIGHT_MAX, WEIGHT_MAX).astype(np.int8).reshape(data.shape)
            self.weights[key] = self._append(
                index,
                "_int8",
                data=values,
                dtype="int8",
                scales=tuple(scales.tolist()),
                zero_points=(0,) * len(scales),
                quantized_dimension=0,
            )
        return self.weights[key]

    def _bias(self, operator: Operator, values: NDArray[Any], source: Tensor, weights: Tensor) -> int:
        scales = np.array(weights.scales) * source.scale
        whole = np.rint(values.astype(np.float64).reshape(-1) / scales).astype(np.int64)
        name = self.tensors[operator.outputs[0]].name
        tensor = Tensor(
            index=len(self.tensors),
            name=f"{name[:64]}_bias_{operator.index}_{len(self.tensors)}",
            shape=whole.shape,
            dtype="int64",
            scales=tuple(_single(scale) for scale in scales),
            zero_points=(0,) * len(scales),
            data=whole,
        )
        self.tensors.append(tensor)
        return tensor.index

    def _append(self, index: int, suffix: str, **changes: Any) -> int:
        old = self.graph.tensors[index]
        self.tensors.append(replace(old, index=len(self.tensors), name=old.name + suffix, **changes))
        return len(self.tensors) - 1

    def _set(self, index: int, **changes: Any) -> None:
        self.tensors[index] = replace(self.tensors[index], **changes)


def weight_scales(data: NDArray[np.float64], *, per_output: bool) -> NDArray[np.float64]:
    """Scales of symmetric int8 weights ``[outputs, ...]``: the largest magnitude is 127."""
    rows = data.reshape(len(data), -1) if per_output else data.reshape(1, -1)
    largest = np.maximum(np.abs(rows).max(axis=1, initial=0.0), SMALLEST_RANGE / WEIGHT_MAX)
    return np.asarray(largest / WEIGHT_MAX, np.float32).astype(np.float64)


def cell_scale(largest: float) -> float:
    """The power of two that holds a cell state of this magnitude with headroom; at least 2^-15.

    >>> cell_scale(3.0) == 2.0**-12, cell_scale(0.0) == 2.0**-15
    (True, True)
    """
    power = math.ceil(math.log2(HEADROOM * max(largest, SMALLEST_RANGE))) - 15
    return max(2.0**power, SMALLEST_CELL_SCALE)


def _single(scale: float) -> float:
    """The scale as the flatbuffer stores it, in single precision."""
    return float(np.float32(scale))


def without_unused(graph: Graph) -> Graph:
    """The graph without constants that no operator takes; tensors are numbered anew."""
    used = {index for operator in graph.operators for index in operator.inputs}
    kept = [t for t in graph.tensors if t.data is None or t.index in used]
    number = {tensor.index: i for i, tensor in enumerate(kept)} | {NO_TENSOR: NO_TENSOR}

    def renumbered(indices: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(number[index] for index in indices)

    return Graph(
        tensors=tuple(replace(tensor, index=i) for i, tensor in enumerate(kept)),
        operators=tuple(
            replace(op, inputs=renumbered(op.inputs), outputs=renumbered(op.outputs), intermediates=())
            for op in graph.operators
        ),
        inputs=renumbered(graph.inputs),
        outputs=renumbered(graph.outputs),
        names={name: number[index] for name, index in graph.names.items()},
    )
