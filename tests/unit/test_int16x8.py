"""The conversion to int16x8: ranges from the float model, and a graph of the types that TFLM takes."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from engine_cases import assert_equal, front_end, model, windows

from myofin.convert.calibration import calibration_windows, cell_states, tensor_ranges
from myofin.convert.codegen_lstm import BIASES, CELL, HIDDEN, INPUT_WEIGHTS, RECURRENT_WEIGHTS
from myofin.convert.executors import TfliteRuntimeExecutor, TflmExecutor, import_tflite_runtime
from myofin.convert.flatbuffer import read_model
from myofin.convert.flatbuffer_writer import write_model
from myofin.convert.gate import measure_closeness
from myofin.convert.graph import LSTM, Graph, Operator, find_outputs
from myofin.convert.int16x8 import (
    HEADROOM,
    INT16_MAX,
    cell_scale,
    convert_to_int16x8,
    quantize,
    shared_scales,
    weight_scales,
)
from myofin.errors import ModelError

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from random_graphs import random_graph

FLOAT = "shared4_float32"


def lstm_of(graph: Graph) -> Operator:
    return next(operator for operator in graph.operators if operator.kind == LSTM)


def test_every_tensor_has_the_type_of_its_place() -> None:
    graph = read_model(model("shared4_int16x8"))
    for operator in graph.operators:
        assert graph.tensors[operator.inputs[0]].dtype == graph.output(operator).dtype == "int16"
        if operator.kind in ("CONV_2D", "FULLY_CONNECTED"):
            weights, bias = graph.input(operator, 1), graph.input(operator, 2)
            assert (weights.dtype, bias.dtype) == ("int8", "int64")
            assert len(weights.scales) == len(bias.scales) == weights.shape[0]
    lstm = lstm_of(graph)
    for position in (*INPUT_WEIGHTS, *RECURRENT_WEIGHTS):
        weights = graph.input(lstm, position)
        assert (weights.dtype, len(weights.scales)) == ("int8", 1)
        assert np.abs(graph.constant(lstm, position)).max() == 127
    assert {graph.input(lstm, position).dtype for position in BIASES} == {"int64"}
    assert graph.input(lstm, HIDDEN).scales == graph.output(lstm).scales
    assert np.log2(graph.input(lstm, CELL).scale) % 1 == 0
    assert not any(any(tensor.zero_points) for tensor in graph.tensors)


def test_the_input_is_the_codes() -> None:
    graph = read_model(model("shared4_int16x8"))
    source = graph.tensors[graph.inputs[0]]
    assert (source.dtype, source.scale, source.zero_point) == ("int16", 2.0**-15, 0)


def test_weights_stand_for_the_float_weights() -> None:
    """Within half a step of each scale: made from the float model, not from its int8 version."""
    floats, graph = read_model(model(FLOAT)), read_model(model("shared4_int16x8"))
    for before, after in zip(floats.operators, graph.operators, strict=True):
        positions = {"CONV_2D": (1, 2), "FULLY_CONNECTED": (1, 2), LSTM: (*range(1, 9), *range(12, 16))}
        for position in positions.get(before.kind, ()):
            wanted, tensor = floats.constant(before, position), graph.input(after, position)
            scales = np.array(tensor.scales).reshape((-1,) + (1,) * (wanted.ndim - 1))
            found = graph.constant(after, position) * scales
            assert np.all(np.abs(found - wanted) <= 0.501 * scales + 1e-7)


def test_it_is_close_to_the_float_model() -> None:
    pytest.importorskip("tflite_micro", reason="tflite-micro has no wheel for this Python")
    content = model("shared4_int16x8")
    graph, codes = read_model(content), windows(content, 150, seed=5)
    outputs, found = find_outputs(graph), TflmExecutor(content).run(codes)
    closeness = measure_closeness(
        found.features * graph.tensors[outputs.features].scale,
        found.logits * graph.tensors[outputs.logits].scale,
        TfliteRuntimeExecutor(model(FLOAT)).run(codes),
    )
    assert closeness.feature_r2 > 0.999
    assert closeness.logit_correlation > 0.999


@pytest.mark.parametrize(
    ("seed", "kinds"),
    [
        (18, {"RELU"}),  # from RELU6: what it sees is far below 6
        (23, {"RELU6"}),
        (7, {"CONCATENATION"}),  # and a SQUEEZE, which becomes a RESHAPE
        (12, {"MEAN"}),
        (17, {"CONCATENATION", "RELU"}),
    ],
)
def test_operators_between_layers(seed: int, kinds: set[str], tmp_path: Path) -> None:
    """A random float network with them is converted, stays close to itself, and the C equals TFLM."""
    pytest.importorskip("tflite_micro", reason="tflite-micro has no wheel for this Python: no oracle")
    made = random_graph(seed, "float32")
    content = convert_to_int16x8(made.model, windows(made.model, 60, seed=1))
    graph, codes = read_model(content), windows(content, 60, seed=1)
    assert kinds <= {operator.kind for operator in graph.operators}
    found = assert_equal(content, made.channels, codes, tmp_path, front=front_end(made.channels))
    outputs = find_outputs(graph)
    closeness = measure_closeness(
        found.features * graph.tensors[outputs.features].scale,
        found.logits * graph.tensors[outputs.logits].scale,
        TfliteRuntimeExecutor(made.model).run(codes),
    )
    assert closeness.logit_correlation > 0.99


def test_a_bounded_embedding(tmp_path: Path) -> None:
    """ReLU6 within the embedding's layers: 6 is the largest value of the type, so it costs no clamp."""
    pytest.importorskip("tflite_micro", reason="tflite-micro has no wheel for this Python: no oracle")
    graph = read_model(model("conv3_float32"))
    bounded = tuple(
        replace(op, options={**op.options, "activation": "relu6"}) if op.kind == "CONV_2D" else op
        for op in graph.operators
    )
    first = graph.input(next(op for op in graph.operators if op.kind == "CONV_2D"), 1)
    louder = [replace(t, data=20 * t.data) if t is first and t.data is not None else t for t in graph.tensors]
    floats = write_model(replace(graph, operators=bounded, tensors=tuple(louder)))
    codes = windows(floats, 60, seed=1)
    content = convert_to_int16x8(floats, codes)
    for operator in read_model(content).operators:
        if operator.kind == "CONV_2D":
            assert read_model(content).output(operator).scale * INT16_MAX <= 6.0 * (1 + 1e-6)
    assert_equal(content, 3, codes, tmp_path, front=front_end(3))


def test_ranges_are_of_every_step() -> None:
    """Cell states are computed again; the last one is known from the runtime."""
    content = model(FLOAT)
    graph, codes = read_model(content), windows(content, 6, seed=2)
    lstm = lstm_of(graph)
    module = import_tflite_runtime()
    interpreter = module.Interpreter(
        model_content=content,
        experimental_op_resolver_type=module.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    for window in codes:
        interpreter.reset_all_variables()
        interpreter.set_tensor(graph.inputs[0], (window[np.newaxis] / 128).astype(np.float32))
        interpreter.invoke()
        states = cell_states(graph, lstm, interpreter.get_tensor(lstm.inputs[0]))
        assert states.shape == (30, *graph.input(lstm, CELL).shape)
        np.testing.assert_allclose(states[-1], interpreter.get_tensor(lstm.inputs[CELL]), atol=1e-4)


def test_a_range_is_the_largest_magnitude_of_all_windows() -> None:
    content = model(FLOAT)
    codes = windows(content, 8, seed=3)
    ranges = tensor_ranges(content, codes)
    logits = find_outputs(read_model(content)).logits
    shown = TfliteRuntimeExecutor(content).run(calibration_windows(codes)).logits
    assert ranges[logits] == pytest.approx(np.abs(shown).max(), rel=1e-6)
    assert set(np.unique(calibration_windows(codes)[0])) == set(range(-128, 128))
    assert len(calibration_windows(np.zeros((5000, 2, 3), np.int8))) <= 401


def test_twice_the_calibrated_range_still_fits() -> None:
    graph = read_model(model(FLOAT))
    ranges = {tensor.index: 3.0 for tensor in graph.tensors}
    made = quantize(graph, ranges)
    outputs = find_outputs(made)
    assert made.tensors[outputs.logits].scale * INT16_MAX == pytest.approx(HEADROOM * 3.0)
    assert made.output(lstm_of(made)).scale * INT16_MAX == pytest.approx(1.0)  # hidden values are within one
    assert made.input(lstm_of(made), CELL).scale == 2.0**-12


def test_what_only_moves_values_shares_a_scale() -> None:
    graph = read_model(model(FLOAT))
    groups = {frozenset(graph.tensors[index].name for index in group) for group in shared_scales(graph)}
    pooled = next(group for group in groups if any("MaxPool" in name for name in group))
    assert any("AvgPool" in name for name in pooled)
    assert "concat" in pooled


def test_scales_of_nothing_are_usable() -> None:
    assert np.all(weight_scales(np.zeros((3, 4)), per_output=True) > 0)
    assert cell_scale(0.0) == 2.0**-15
    assert cell_scale(100.0) * 32768 >= 200.0


def test_an_operator_that_is_not_covered_is_named() -> None:
    graph = read_model(model(FLOAT))
    strange = (replace(graph.operators[0], kind="SOFTMAX"), *graph.operators[1:])
    with pytest.raises(ModelError, match=r"Operator 0 \(SOFTMAX\) is not covered by int16x8"):
        quantize(replace(graph, operators=strange), dict.fromkeys(range(len(graph.tensors)), 1.0))


def test_only_float_models_are_calibrated() -> None:
    with pytest.raises(ModelError, match="float32 model"):
        tensor_ranges(model("shared4_hidden"), windows(model("shared4_hidden"), 5))
