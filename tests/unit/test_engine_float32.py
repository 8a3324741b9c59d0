"""The generated C on float32 against TFLM's reference kernels.

Tolerance: both sum in the same order, in single precision. What may differ is libm (expf, tanhf: at most
2 ulp on hosts) and contraction to fused multiply-add. An activation's error of 2^-22 enters the cell, which
forgets it with a factor below 1 at each step; 30 steps of it, times weights of order 1, stay under 2e-5.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from engine_cases import CHANNELS, FLOAT_MODELS, generate, model, windows

from myofin.convert.executors import HostEngineExecutor, TfliteRuntimeExecutor, TflmExecutor

TOLERANCE = 2e-5


@pytest.mark.parametrize("name", FLOAT_MODELS)
def test_close_to_tflm(name: str, tmp_path: Path) -> None:
    pytest.importorskip("tflite_micro", reason="tflite-micro has no wheel for this Python")
    content = model(name)
    codes = windows(content, 200)
    generate(content, CHANNELS[name], tmp_path)
    expected, found = TflmExecutor(content).run(codes), HostEngineExecutor(tmp_path).run(codes)
    assert found.features.dtype == found.logits.dtype == np.float32
    np.testing.assert_allclose(found.features, expected.features, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(found.logits, expected.logits, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("name", FLOAT_MODELS)
def test_close_to_the_tflite_runtime(name: str, tmp_path: Path) -> None:
    content = model(name)
    codes = windows(content, 100)
    generate(content, CHANNELS[name], tmp_path)
    expected, found = TfliteRuntimeExecutor(content).run(codes), HostEngineExecutor(tmp_path).run(codes)
    np.testing.assert_allclose(found.features, expected.features, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(found.logits, expected.logits, rtol=0, atol=TOLERANCE)
