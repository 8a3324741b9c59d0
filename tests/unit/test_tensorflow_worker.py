"""TensorFlow's converter in its child process: what it yields, and what it says when it cannot."""

import subprocess
import sys

import numpy as np
import pytest

from myofin.convert import tensorflow_client
from myofin.convert.flatbuffer import read_model
from myofin.convert.graph import LSTM
from myofin.convert.tensorflow_client import convert_with_tensorflow
from myofin.convert.tensorflow_worker import representative_windows
from myofin.errors import CheckError, ToolMissingError


@pytest.mark.parametrize("scheme", ["float32", "int8"])
def test_a_run_becomes_a_model_with_one_fused_lstm(small, scheme):
    graph = read_model(convert_with_tensorflow(small / "run", scheme))
    kinds = [operator.kind for operator in graph.operators]
    assert kinds.count(LSTM) == 1
    assert "WHILE" not in kinds
    assert not any(kind.startswith("CUSTOM") for kind in kinds)
    source = graph.tensors[graph.inputs[0]]
    assert source.dtype == scheme
    assert source.shape == (1, 30, 40)
    if scheme == "int8":
        assert (source.scale, source.zero_point) == (1 / 128, 0)
    assert set(graph.names) == {"features", "logits"}


def test_calibration_covers_the_whole_range_whatever_the_signal():
    codes = np.full((3, 30, 4), 5, dtype=np.int8)
    windows = [window for (window,) in representative_windows(codes)]
    assert all(window.shape == (1, 30, 4) and window.dtype == np.float32 for window in windows)
    lowest, highest = min(w.min() for w in windows), max(w.max() for w in windows)
    assert np.float32(highest - lowest) / np.float32(255) == np.float32(1 / 128)
    assert len(windows) == 5
    assert codes.min() == codes.max() == 5


def test_long_calibration_is_thinned_evenly():
    codes = np.zeros((2000, 30, 2), dtype=np.int8)
    assert 400 <= len(list(representative_windows(codes))) <= 502


def test_a_run_without_its_model_is_one_sentence(tmp_path):
    np.savez(tmp_path / "calibration.npz", codes=np.zeros((2, 30, 4), np.int8))
    with pytest.raises(CheckError, match="converter refused the network") as caught:
        convert_with_tensorflow(tmp_path, "float32")
    assert "\n" not in caught.value.message


def answer(monkeypatch, code, stdout, stderr=""):
    done = subprocess.CompletedProcess([sys.executable], code, stdout, stderr)
    monkeypatch.setattr(tensorflow_client.subprocess, "run", lambda *_, **__: done)


def test_missing_tensorflow_is_a_missing_tool(monkeypatch, tmp_path):
    answer(monkeypatch, 4, 'noise\n{"message": "Conversion needs TensorFlow.", "hint": "pip install it."}\n')
    with pytest.raises(ToolMissingError, match="needs TensorFlow"):
        convert_with_tensorflow(tmp_path, "int8")


def test_a_converter_that_dies_is_named_with_its_last_words(monkeypatch, tmp_path):
    answer(monkeypatch, -9, "", "first\nlast words\n")
    with pytest.raises(CheckError, match="status -9: last words"):
        convert_with_tensorflow(tmp_path, "int8")


def test_a_converter_that_hangs_is_ended(monkeypatch, tmp_path):
    def hang(*_, **__):
        raise subprocess.TimeoutExpired("worker", 600)

    monkeypatch.setattr(tensorflow_client.subprocess, "run", hang)
    with pytest.raises(CheckError, match="did not finish"):
        convert_with_tensorflow(tmp_path, "int8")
