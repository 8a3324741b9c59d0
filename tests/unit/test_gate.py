"""The conversion gate refuses each fault by name, and passes a sound model with its facts."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from myofin.convert import gate
from myofin.convert.executors import Outputs
from myofin.convert.gate import Closeness, check_gate, measure_closeness
from myofin.convert.graph import LSTM, Graph, Operator, Tensor
from myofin.errors import CheckError

RNG = np.random.default_rng(0)
FLOATS = Outputs(
    RNG.normal(size=(200, 8)).astype(np.float32), (3 * RNG.normal(size=(200, 5))).astype(np.float32)
)


def tensor(index: int, shape: tuple[int, ...], dtype: str, scale: float = 0.0) -> Tensor:
    return Tensor(
        index=index,
        name=f"t{index}",
        shape=shape,
        dtype=dtype,
        scales=(scale,) if scale else (),
        zero_points=(0,) if scale else (),
        quantized_dimension=0,
        data=None,
        is_variable=False,
    )


def sound(dtype: str = "int8", cell_scale: float = 2.0**-12, input_scale: float = 1 / 128) -> Graph:
    scales = (input_scale, 1 / 32, 1 / 8) if dtype != "float32" else (0.0, 0.0, 0.0)
    tensors = (
        tensor(0, (1, 30, 8), dtype, scales[0]),
        tensor(1, (1, 8), dtype, scales[1]),
        tensor(2, (1, 5), dtype, scales[2]),
        tensor(3, (1, 8), "int16", cell_scale),
    )
    lstm = Operator(0, LSTM, (0, *[-1] * 18, 3), (1,))
    dense = Operator(1, "FULLY_CONNECTED", (1,), (2,))
    return Graph(tensors, (lstm, dense), (0,), (1, 2), MappingProxyType({"features": 1, "logits": 2}))


def quantized() -> Outputs:
    features = np.clip(np.rint(FLOATS.features * 32), -128, 127).astype(np.int8)
    return Outputs(features, np.clip(np.rint(FLOATS.logits * 8), -128, 127).astype(np.int8))


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> Any:
    """check(graph, outputs) with the graph in the place of the model's bytes."""

    def run(graph: Graph, outputs: Outputs, **settings: Any) -> gate.GateReport:
        monkeypatch.setattr(gate, "read_model", lambda content: graph)
        return check_gate(b"", b"", {"tflm": outputs}, FLOATS, **settings)

    return run


def test_a_sound_int8_model_passes_with_its_facts(check: Any) -> None:
    report = check(sound(), quantized())
    assert report.lstm_ops == 1
    assert report.input_scale == 1 / 128
    assert report.cell_scales == (2.0**-12,)
    assert report.windows == 200
    assert report.executors["tflm"].feature_r2 > 0.999


def test_a_sound_float_model_passes(check: Any) -> None:
    report = check(sound("float32"), FLOATS)
    assert report.executors["tflm"] == Closeness(1.0, pytest.approx(1.0), 1.0)


def test_a_sound_int16x8_model_passes(check: Any) -> None:
    report = check(sound("int16", input_scale=2.0**-15), quantized())
    assert (report.input_scale, report.cell_scales) == (2.0**-15, (2.0**-12,))
    assert report.thresholds == gate.THRESHOLDS["int16x8"]


def with_kinds(*kinds: str) -> Graph:
    graph = sound()
    return replace(
        graph,
        operators=tuple(replace(graph.operators[0], index=i, kind=kind) for i, kind in enumerate(kinds)),
    )


@pytest.mark.parametrize(
    ("graph", "word"),
    [
        (with_kinds("WHILE"), "WHILE"),
        (with_kinds(LSTM, "CUSTOM:FlexErf"), "FlexErf"),
        (with_kinds(LSTM, LSTM), "2 fused"),
        (with_kinds("FULLY_CONNECTED"), "0 fused"),
        (sound(cell_scale=2.0**-16), r"2\^-15"),
        (sound(input_scale=1 / 127), "1/128"),
        (sound("int16"), "1/32768"),
        (
            replace(sound(), tensors=(tensor(0, (1, 30, 8), "uint8", 1 / 128), *sound().tensors[1:])),
            "not int8 or int16",
        ),
        (
            replace(
                sound(), tensors=(*sound().tensors[:2], tensor(2, (1, 5), "int16", 1.0), sound().tensors[3])
            ),
            "output t2 is int16",
        ),
    ],
)
def test_each_structural_fault_is_named(check: Any, graph: Graph, word: str) -> None:
    with pytest.raises(CheckError, match=word) as caught:
        check(graph, quantized())
    assert caught.value.hint.endswith(".")


def test_as_many_lstm_operators_as_the_network_has_are_accepted(check: Any) -> None:
    assert check(with_kinds(LSTM, LSTM), quantized(), expected_lstm_ops=2).lstm_ops == 2


def test_an_executor_that_computes_garbage_is_refused_by_name(check: Any) -> None:
    garbage = Outputs(quantized().features[::-1], quantized().logits)
    with pytest.raises(CheckError, match="tflm is too far from the float model: feature r2"):
        check(sound(), garbage)


def test_values_that_are_not_numbers_are_refused(check: Any) -> None:
    nan = Outputs(np.full_like(FLOATS.features, np.nan), FLOATS.logits)
    with pytest.raises(CheckError, match="feature r2"):
        check(sound("float32"), nan)


def test_closeness_of_outputs_that_never_vary() -> None:
    flat = Outputs(np.zeros((4, 2), np.float32), np.zeros((4, 3), np.float32))
    same = measure_closeness(np.zeros((4, 2)), np.zeros((4, 3)), flat)
    assert same == Closeness(1.0, 1.0, 1.0)
    other = measure_closeness(np.ones((4, 2)), np.ones((4, 3)), flat)
    assert other.feature_r2 == -1.0
    assert other.logit_correlation == 0.0
