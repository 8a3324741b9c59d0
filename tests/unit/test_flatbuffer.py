"""Reading `.tflite` files: what is in them, and what is refused; test_proofs.py damages many more."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from engine_cases import model

from myofin.convert.codegen_lower import lower
from myofin.convert.flatbuffer import CELL_STATE_INPUT, mend_cell_scale, read_model
from myofin.convert.graph import LSTM, find_outputs
from myofin.convert.inspection import layer_costs, lstm_report
from myofin.errors import ModelError


def test_reads_the_graph() -> None:
    graph = read_model(model("shared12"))
    assert [graph.tensors[i].shape for i in graph.inputs] == [(1, 30, 240)]
    tensor = graph.tensors[graph.inputs[0]]
    assert (tensor.dtype, tensor.scale, tensor.zero_point) == ("int8", 1 / 128, 0)
    found = find_outputs(graph)
    assert graph.tensors[found.features].shape == (1, 48)
    assert graph.tensors[found.logits].shape == (1, 17)
    lstm = next(op for op in graph.operators if op.kind == LSTM)
    assert lstm.options["CellClip"] == 10.0
    assert graph.constant(lstm, 1).dtype == np.int8


def test_costs_count_the_lstm() -> None:
    costs = {cost.op: cost for cost in layer_costs(read_model(model("shared12")))}
    assert costs[LSTM].macs == 12 * 30 * 4 * 16 * (32 + 16)
    assert costs[LSTM].weight_bytes == 4 * 16 * (32 + 16) + 4 * 16 * 4
    assert costs[LSTM].state_bytes == 12 * 16 * 3
    assert costs["RESHAPE"].weight_bytes == 0


def test_lstm_report() -> None:
    report = lstm_report(read_model(model("shared4_hidden")))
    assert (len(report.fused), report.unfused, report.foreign) == (1, (), ())
    assert {k: report.fused[0][k] for k in ("batch", "steps", "inputs", "units")} == {
        "batch": 4, "steps": 30, "inputs": 32, "units": 16,
    }  # fmt: skip


def test_mends_only_a_small_cell_scale() -> None:
    content = model("shared3_small_cell")
    mended, sentences = mend_cell_scale(content)
    graph = read_model(mended)
    lstm = next(op for op in graph.operators if op.kind == LSTM)
    assert graph.input(lstm, CELL_STATE_INPUT).scale == 2.0**-15
    assert len(sentences) == 1
    assert "2^-18" in sentences[0]
    assert sum(a != b for a, b in zip(content, mended, strict=True)) <= 4
    assert mend_cell_scale(mended) == (mended, [])
    assert mend_cell_scale(model("joint4_float32")) == (model("joint4_float32"), [])


@pytest.mark.parametrize("content", [b"", b"TFL3", b"\0" * 64, b"\0\0\0\0TFL3", b"\xff\xff\xff\xffTFL3" * 9])
def test_refuses_what_is_no_model(content: bytes) -> None:
    with pytest.raises(ModelError) as error:
        read_model(content)
    assert error.value.hint


def test_refuses_every_truncation() -> None:
    content = model("joint4_plain")
    for length in range(0, len(content) - 64, 97):
        with pytest.raises(ModelError):
            lower(read_model(content[:length]))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_refuses_weights_that_are_no_numbers(value: float) -> None:
    content = bytearray(model("joint4_float32"))
    weight = struct.pack("<f", first_weight(bytes(content)))
    assert content.count(weight) == 1
    at = content.index(weight)
    content[at : at + 4] = struct.pack("<f", value)
    with pytest.raises(ModelError, match="infinite or no number"):
        read_model(bytes(content))


def first_weight(content: bytes) -> float:
    graph = read_model(content)
    lstm = next(op for op in graph.operators if op.kind == LSTM)
    return float(graph.constant(lstm, 1).reshape(-1)[0])


def test_unsupported_operator_is_named() -> None:
    """A CONV_2D turned into an operator that the engine lacks: the error names it and its index."""
    content = bytearray(model("shared12"))
    graph = read_model(bytes(content))
    assert graph.operators[3].kind == "CONV_2D"
    for at in range(len(content) - 4):
        patched = (
            content[:at] + bytes([content[at] ^ 3 ^ 14]) + content[at + 1 :] if content[at] == 3 else None
        )
        if patched is None:
            continue
        try:
            if read_model(bytes(patched)).operators[3].kind != "LOGISTIC":
                continue
        except ModelError:
            continue
        with pytest.raises(ModelError, match=r"Operator 3 \(LOGISTIC\)") as error:
            lower(read_model(bytes(patched)))
        assert "Supported are" in error.value.hint
        return
    pytest.fail("no byte of the file turns the operator into LOGISTIC")
