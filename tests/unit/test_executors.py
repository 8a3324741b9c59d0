"""The executors behind one seam: outputs by name, state by contract, and what is said when one is missing."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_cases import CHANNELS, generate, model, windows

from myofin.convert import host_engine
from myofin.convert.executors import (
    HostEngineExecutor,
    TfliteRuntimeExecutor,
    TflmExecutor,
    available_executors,
)
from myofin.convert.state_probe import probe_state
from myofin.errors import ModelError, ToolMissingError


@pytest.fixture
def engine_folder(tmp_path: Path) -> Path:
    generate(model("shared4_hidden"), 4, tmp_path)
    return tmp_path


def test_all_agree_and_match_outputs_by_name(engine_folder: Path) -> None:
    content = model("shared4_hidden")
    executors, missing = available_executors(content, engine_folder)
    codes = windows(content, 60)
    outputs = {name: executor.run(codes) for name, executor in executors.items()}
    assert "c-engine" in executors
    assert set(executors) | set(missing) == {"tflm", "tflite-runtime", "c-engine"}
    for found in outputs.values():
        assert found.features.shape == (60, 16)
        assert found.logits.shape == (60, 6)
        assert found.features.dtype == np.int8
        distance = np.abs(found.features.astype(int) - outputs["c-engine"].features)
        assert distance.max() <= 3


def test_probe_finds_who_keeps_state(engine_folder: Path) -> None:
    content = model("shared4_hidden")
    codes = windows(content, 12)[5:]
    executors, _ = available_executors(content, engine_folder)
    probes = {name: probe_state(executor, codes) for name, executor in executors.items()}
    assert all(probe.same_after_reset for probe in probes.values())
    assert all(probe.honours("reset") for probe in probes.values())
    assert not probes["c-engine"].differs_without_reset
    assert not probes["c-engine"].honours("carry")
    if "tflm" in probes:
        assert probes["tflm"].differs_without_reset


def test_int16x8_runs_on_tflm_and_the_engine_and_says_why_not_elsewhere(tmp_path: Path) -> None:
    content = model("shared4_int16x8")
    generate(content, 4, tmp_path)
    executors, missing = available_executors(content, tmp_path)
    assert "no LSTM on int16" in missing["tflite-runtime"].message
    for executor in executors.values():
        found = executor.run(windows(content, 10))
        assert found.features.dtype == found.logits.dtype == np.int16


def test_float_models_take_codes(tmp_path: Path) -> None:
    content = model("joint4_float32")
    found = TfliteRuntimeExecutor(content).run(windows(content, 6))
    assert found.features.dtype == np.float32
    assert not np.array_equal(found.logits[0], found.logits[5])


@pytest.mark.parametrize("codes", [np.zeros((2, 30, 41), np.int8), np.zeros((2, 30, 40), np.int16)])
def test_wrong_codes_are_refused(codes: Any, engine_folder: Path) -> None:
    content = model("shared4_hidden")
    for executor in (TfliteRuntimeExecutor(content), HostEngineExecutor(engine_folder)):
        with pytest.raises(ModelError, match="windows of shape"):
            executor.run(codes)


def test_damaged_model_is_refused() -> None:
    with pytest.raises(ModelError):
        available_executors(b"not a model")


def test_missing_tflm_is_told_with_the_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> Any:
        raise ImportError(f"No module named {name}")

    monkeypatch.setattr(importlib, "import_module", fail)
    executors, missing = available_executors(model("joint4_plain"))
    assert executors == {}
    assert "pip install tflite-micro" in missing["tflm"].hint
    assert "pip install" in missing["tflite-runtime"].hint
    with pytest.raises(ToolMissingError):
        TflmExecutor(model("joint4_plain"))


def test_missing_compiler_is_told_with_the_install_line(
    engine_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_engine.shutil, "which", lambda name: None)
    with pytest.raises(ToolMissingError) as error:
        HostEngineExecutor(engine_folder)
    assert "apt-get install gcc" in error.value.hint


def test_tensorflow_is_not_imported() -> None:
    assert CHANNELS
    assert "tensorflow" not in sys.modules
