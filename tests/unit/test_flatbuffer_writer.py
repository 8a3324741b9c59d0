"""What is written is what is read: a model goes through the typed graph and comes out the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from engine_cases import CHANNELS, model, windows

from myofin.convert.executors import TfliteRuntimeExecutor, TflmExecutor
from myofin.convert.flatbuffer import read_model
from myofin.convert.flatbuffer_writer import write_model


@pytest.mark.parametrize("name", CHANNELS)
def test_nothing_is_lost(name: str) -> None:
    graph = read_model(model(name))
    again = read_model(write_model(graph))
    assert (again.operators, again.inputs, again.outputs) == (graph.operators, graph.inputs, graph.outputs)
    assert again.names == graph.names
    for old, new in zip(graph.tensors, again.tensors, strict=True):
        assert replace(old, data=None) == replace(new, data=None)
        assert (old.data is None) == (new.data is None)
        assert old.data is None or (old.data.dtype == new.data.dtype and np.array_equal(old.data, new.data))


def test_the_runtime_computes_the_same() -> None:
    content = model("shared4_float32")
    codes = windows(content, 20)
    expected = TfliteRuntimeExecutor(content).run(codes)
    found = TfliteRuntimeExecutor(write_model(read_model(content))).run(codes)
    assert np.array_equal(expected.features, found.features)
    assert np.array_equal(expected.logits, found.logits)


def test_tflm_computes_the_same() -> None:
    pytest.importorskip("tflite_micro", reason="tflite-micro has no wheel for this Python")
    content = model("shared3_saturating")
    codes = windows(content, 20)
    expected = TflmExecutor(content).run(codes)
    found = TflmExecutor(write_model(read_model(content))).run(codes)
    assert np.array_equal(expected.features, found.features)
    assert np.array_equal(expected.logits, found.logits)
