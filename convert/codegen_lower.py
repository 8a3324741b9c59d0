"""From the graph to the program: moves become views, pointwise layers become tables, the rest steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myofin.convert.codegen_add import float_add, integer_add
from myofin.convert.codegen_arithmetic import dense_weights, float_dense
from myofin.convert.codegen_conv import convolve, is_strided, spans_samples
from myofin.convert.codegen_elementwise import COMPUTED, join
from myofin.convert.codegen_features import lower_features
from myofin.convert.codegen_input import scheme_of
from myofin.convert.codegen_lstm import code_table, frame_input, lstm_numbers
from myofin.convert.codegen_picture import is_picture, picture
from myofin.convert.codegen_places import Placing, is_computed, plain_rows
from myofin.convert.codegen_program import (
    Buffer,
    DenseStep,
    LstmStep,
    Program,
    Scheme,
    Step,
    reads_codes,
)
from myofin.convert.codegen_s16 import dense_weights_16
from myofin.convert.codegen_softmax import softmax
from myofin.convert.codegen_views import (
    MOVES,
    BufferSource,
    CodesSource,
    ConvolvedSource,
    Elements,
    EmbeddedSource,
    PooledSource,
    SequenceSource,
    View,
    concatenate,
    is_pointwise,
    pointwise_places,
    pool,
)
from myofin.convert.features_op import FEATURES_OP
from myofin.convert.graph import LSTM, Graph, Operator, find_outputs, refuse, window_shape
from myofin.errors import ModelError

MAX_EMBEDDING = 256
# What NumPy raises when shapes, axes or indices of a damaged model do not fit each other.
_INCONSISTENT = (ValueError, IndexError, TypeError, KeyError, OverflowError, ZeroDivisionError)
_LAYERS: Mapping[Scheme, Callable[[Graph, Operator], Any]] = {
    "float32": float_dense,
    "int8": dense_weights,
    "int16x8": dense_weights_16,
}
_SUPPORTED = (
    "RESHAPE, SQUEEZE, EXPAND_DIMS, TRANSPOSE, STRIDED_SLICE, CONV_2D and DEPTHWISE_CONV_2D (beyond "
    "embeddings on int8 only), pooling of embeddings, "
    "CONCATENATION, LSTM, FULLY_CONNECTED, ADD of a bias, MEAN, RELU, RELU6, QUANTIZE, SOFTMAX"
)
_REMEDIES: Mapping[str, str] = {
    "WHILE": "Train with tf_keras (Keras 2) and static shapes, so that the LSTM fuses",
    "LOGISTIC": "Export logits without an activation",
}


def lower(graph: Graph, *, carry: bool = False, keep_intermediates: bool = False) -> Program:
    """Lower a network to the steps that the C engine runs.

    Args:
        graph: The network.
        carry: Whether LSTMs keep their state from one call to the next.
        keep_intermediates: Whether LSTMs store all of their outputs, for :func:`intermediates`.

    Raises:
        ModelError: An operator, type or order that the engine does not support, named with its index.
    """
    state = _lowered(graph, carry, keep_intermediates)
    outputs = find_outputs(graph)
    features = state.output_buffer(outputs.features)
    logits = state.output_buffer(outputs.logits)
    needed = _needed(state.steps, features)
    frames, frame_codes = window_shape(graph)
    return Program(
        scheme=state.scheme,
        frames=frames,
        frame_codes=frame_codes,
        fin=tuple(step for step in state.steps if step.output in needed),
        head=tuple(step for step in state.steps if step.output not in needed),
        features=features,
        logits=logits,
    )


def intermediates(graph: Graph) -> Mapping[int, tuple[Buffer, Elements]]:
    """For every tensor that the engine holds in the state: the buffer, and the place of each element in it.

    It describes an engine that was lowered with ``keep_intermediates``.

    Raises:
        ModelError: As :func:`lower`.
    """
    found: dict[int, tuple[Buffer, Elements]] = {}
    for index, view in _lowered(graph, False, True).views.items():
        if isinstance(view.source, BufferSource):
            found[index] = view.source.buffer, view.elements
        elif isinstance(view.source, SequenceSource):
            found[index] = view.source.step.output, view.elements
    return found


def _lowered(graph: Graph, carry: bool, keep_intermediates: bool) -> _Lowering:
    """Lower again where a pass finds that all outputs of an LSTM are used, not only the last."""
    scheme, tensor = scheme_of(graph)
    lstms = frozenset(operator.index for operator in graph.operators if operator.kind == LSTM)
    whole = lstms if keep_intermediates else frozenset()
    while True:
        state = _Lowering(graph, scheme, window_shape(graph)[1], carry, whole)
        state.views[tensor.index] = View(CodesSource(), np.arange(tensor.size).reshape(tensor.shape))
        for operator in graph.operators:
            state.lower(operator)
        if state.wanted_whole <= whole:
            return state
        whole = whole | state.wanted_whole


def _needed(steps: list[Step], features: Buffer) -> set[Buffer]:
    """What is computed before the head: all that the features, an LSTM or a reader of the codes needs."""
    needed = {features}
    needed.update(step.output for step in steps if isinstance(step, LstmStep) or reads_codes(step))
    for step in reversed(steps):
        if step.output in needed:
            needed.update(step.sources)
    return needed


@dataclass
class _Lowering(Placing):
    carry: bool
    whole: frozenset[int]  # operators of the LSTMs that store all of their outputs
    views: dict[int, View] = field(default_factory=dict)

    def lower(self, operator: Operator) -> None:
        """Give the operator's output a view, adding a step where something is computed."""
        try:
            view = self._view(operator)
        except _INCONSISTENT as error:
            raise refuse(operator, f"contradicts itself ({error})", "Convert the model again") from error
        self._expect(operator, view.elements.shape)
        self.views[self.graph.output(operator).index] = view

    def _expect(self, operator: Operator, shape: tuple[int, ...]) -> None:
        """Refuse an output of another shape, before anything of that shape is allocated."""
        if self.graph.output(operator).shape != shape:
            raise refuse(operator, f"should have an output of shape {shape}", "Convert the model again")

    def _view(self, operator: Operator) -> View:
        x = self._input_view(operator, 0)
        if operator.kind in MOVES:
            return MOVES[operator.kind](self.graph, operator, x)
        if operator.kind in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
            return pool(self.graph, operator, x)
        if operator.kind == "CONCATENATION":
            return self._concatenate(operator)
        if is_picture(self.graph, operator, x):
            return picture(self, operator, x)
        if isinstance(x.source, ConvolvedSource) or spans_samples(self.graph, operator):
            return convolve(self.graph, operator, x, self._layer(operator))
        if operator.kind == "CONV_2D" and isinstance(x.source, CodesSource | EmbeddedSource):
            return self._embed(operator, x)
        if operator.kind == "FULLY_CONNECTED":
            return self._embed(operator, x) if is_pointwise(x) else self._dense(operator, x)
        if operator.kind == LSTM:
            return self._lstm(operator, x)
        if operator.kind == "ADD":
            return self._add(operator, x)
        if operator.kind == "SOFTMAX":
            return softmax(self, operator, x)
        if operator.kind == FEATURES_OP:
            step, view = lower_features(self.graph, operator, x, self.name("features"))
            self.steps.append(step)
            return view
        if operator.kind in COMPUTED:
            return COMPUTED[operator.kind](self, operator, x)
        remedy = f"{_REMEDIES[operator.kind]}. " if operator.kind in _REMEDIES else ""
        raise refuse(operator, "is not supported by the C engine here", f"{remedy}Supported are {_SUPPORTED}")

    def _input_view(self, operator: Operator, position: int) -> View:
        tensor = self.graph.input(operator, position)
        if tensor.index not in self.views:
            raise refuse(operator, f"computes from a constant (input {position})", "Convert the model again")
        return self.views[tensor.index]

    def _layer(self, operator: Operator) -> Any:
        return _LAYERS[self.scheme](self.graph, operator)

    def _embed(self, operator: Operator, x: View) -> View:
        """Fold a pointwise layer into a table over the 256 codes: exact, since every input is enumerated."""
        kernel = self.graph.input(operator, 1).shape
        if operator.kind == "CONV_2D" and (len(kernel) != 4 or kernel[1:3] != (1, 1) or is_strided(operator)):
            raise refuse(operator, f"has a kernel {kernel} or a stride", "Embed each sample by itself")
        places = pointwise_places(operator, x)
        layer = self._layer(operator)
        before = _table_before(x, self.scheme)
        if layer.weights.shape[1] != before.shape[1]:
            raise refuse(operator, "has weights that do not fit its input", "Convert the model again")
        width = layer.weights.shape[0]
        if width > MAX_EMBEDDING:
            raise refuse(
                operator, f"embeds a sample in {width} values", f"At most {MAX_EMBEDDING} are supported"
            )
        shape = (*x.elements.shape[:-1], width)
        self._expect(operator, shape)
        elements = places[:, np.newaxis] * width + np.arange(width)
        with np.errstate(over="ignore", invalid="ignore"):
            table = layer.apply(before)
        if not np.all(np.isfinite(table)):
            raise refuse(operator, "overflows for some code", "Train again, with smaller weights")
        return View(EmbeddedSource(table), elements.reshape(shape))

    def _lstm(self, operator: Operator, x: View) -> View:
        if x.elements.ndim != 3:
            raise refuse(operator, "takes something else than (batch, steps, inputs)", "Convert it again")
        source = self.in_order(operator, x) if is_computed(x) else None
        if source is None:
            frame, slots = frame_input(operator, x, self.scheme, self.hop_codes)
        else:
            frame, slots = plain_rows(x.elements.shape), np.arange(x.elements.shape[2])
        numbers = lstm_numbers(self.graph, operator, slots, self.scheme)
        batch, steps, _ = x.elements.shape
        if self.carry and steps != 1:
            raise refuse(
                operator,
                f"takes {steps} steps a call where the state contract 'carry' has one",
                "Export the network for one frame, with an input of shape (1, 1, codes), or use 'reset'",
            )
        shape = (batch, steps, numbers.units)
        self._expect(operator, shape)
        name, whole = self.name("lstm"), operator.index in self.whole
        output = Buffer(f"{name}_hidden", (math.prod(shape) if whole else batch * numbers.units))
        step = LstmStep(name, frame, numbers, batch, steps, output, source, whole, self.carry)
        self.steps.append(step)
        self.lstms[name] = operator.index
        return View(SequenceSource(step), np.arange(math.prod(shape)).reshape(shape))

    def _dense(self, operator: Operator, x: View) -> View:
        layer = self._layer(operator)
        inputs = layer.weights.shape[1]
        if x.elements.size % inputs:
            raise refuse(operator, "has weights that do not fit its input", "Convert the model again")
        rows = x.elements.size // inputs
        shape = self.graph.output(operator).shape
        if self.graph.output(operator).size != rows * layer.weights.shape[0]:
            raise refuse(operator, "has an output of another size", "Convert the model again")
        name = self.name("dense")
        output = Buffer(f"{name}_out", rows * layer.weights.shape[0])
        self.steps.append(DenseStep(name, self.in_order(operator, x), output, layer, rows))
        return View(BufferSource(output), np.arange(output.size).reshape(shape))

    def _add(self, operator: Operator, x: View) -> View:
        constants = self.graph.constant(operator, 1).reshape(-1)
        if len(constants) == 0 or len(constants) != x.elements.shape[-1]:
            raise refuse(operator, "adds something else than a bias", "Build biases into Dense layers")
        name = self.name("add")
        output = Buffer(f"{name}_out", x.elements.size)
        rows = output.size // len(constants)
        source = self.in_order(operator, x)
        make = float_add if self.scheme == "float32" else integer_add
        self.steps.append(make(self.graph, operator, name, constants, rows, source, output))
        return View(BufferSource(output), np.arange(output.size).reshape(x.elements.shape))

    def _concatenate(self, operator: Operator) -> View:
        views = [self._input_view(operator, i) for i in range(len(operator.inputs))]
        if all(isinstance(view.source, PooledSource) for view in views):
            return concatenate(operator, views)
        return join(self, operator, views)

    def output_buffer(self, tensor: int) -> Buffer:
        """The buffer of a model output.

        Raises:
            ModelError: Nothing computes that output.
        """
        if tensor not in self.views:
            raise ModelError("An output of the model is a constant.", hint="Convert the model again.")
        producer = next((op for op in self.graph.operators if tensor in op.outputs), None)
        if producer is None or not is_computed(self.views[tensor]):
            raise ModelError("An output of the model is its input.", hint="Export features and logits.")
        return self.in_order(producer, self.views[tensor])


def _table_before(x: View, scheme: Scheme) -> NDArray[Any]:
    if isinstance(x.source, EmbeddedSource):
        return x.source.table
    return code_table(scheme)
