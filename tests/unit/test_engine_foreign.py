"""Kernels that only other people's networks need: SOFTMAX and convolutions of pictures, bit for bit."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip(
    "tflite_micro", reason="tflite-micro has no wheel for this Python: no oracle to compare with"
)
sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from flatbuffer_builder import FlatbufferBuilder

from myofin.convert.codegen import generate_c
from myofin.convert.codegen_softmax import exponentials
from myofin.convert.executors import HostEngineExecutor, TflmExecutor
from myofin.convert.flatbuffer import read_model
from myofin.convert.graph import window_shape
from myofin.errors import ModelError
from myofin.passthrough import Passthrough

SAME, VALID = 0, 1


def generate(content: bytes, folder: Path) -> None:
    frames, frame = window_shape(read_model(content))
    generate_c(content, Passthrough(1, frames).to_json(), folder, frame_samples=frame, channels=1)


def assert_equal(content: bytes, folder: Path, rng: np.random.Generator, count: int = 40) -> None:
    """The C gives TFLM's bits, for uniform noise and for values close to each other."""
    generate(content, folder)
    shape = (count, *window_shape(read_model(content)))
    codes = rng.integers(-128, 128, shape).astype(np.int8)
    codes[count // 2 :] = np.clip(rng.normal(0, 6, codes[count // 2 :].shape), -128, 127)
    expected, found = TflmExecutor(content).run(codes), HostEngineExecutor(folder).run(codes)
    assert np.array_equal(expected.logits, found.logits)
    assert np.array_equal(expected.features, found.features)


def softmax_model(scale: float, beta: float, rows: int, depth: int, dtype: str = "int8") -> bytes:
    builder = FlatbufferBuilder()
    quantized = dtype == "int8"
    x = builder.tensor((1, rows, depth), dtype, scales=[scale] if quantized else [], zero_point=3)
    y = builder.tensor((1, rows, depth), dtype, scales=[2.0**-8] if quantized else [], zero_point=-128)
    builder.operator("SOFTMAX", [x], y, "SoftmaxOptions", {"beta": beta})
    return builder.finish(x, {"output": y})


@pytest.mark.parametrize(
    ("scale", "rows", "depth", "beta"),
    [
        (1e-4, 1, 10, 1.0),
        (0.004, 3, 2, 0.5),
        (0.02, 1, 300, 1.0),
        (0.1, 2, 1, 2.0),
        (0.35, 2, 12, 1.0),
        (1.7, 1, 9, 0.7),
    ],
)
def test_softmax_equals_tflm(scale: float, rows: int, depth: int, beta: float, tmp_path: Path) -> None:
    assert_equal(softmax_model(scale, beta, rows, depth), tmp_path, np.random.default_rng(depth))


def test_exponentials_are_those_of_real_numbers() -> None:
    wanted = np.exp(-0.05 * np.arange(256)) * 2.0**31
    assert np.abs(exponentials(0.05, 1.0) - wanted).max() < 2000  # of 2^31: seven digits
    assert exponentials(2.0, 1.0)[20] == 0  # further away than TFLM looks


def test_float_softmax_is_close(tmp_path: Path) -> None:
    content = softmax_model(1.0, 20.0, 2, 7, "float32")
    generate(content, tmp_path)
    codes = np.random.default_rng(1).integers(-128, 128, (20, 2, 7)).astype(np.int8)
    found = HostEngineExecutor(tmp_path).run(codes).logits
    assert np.allclose(found, TflmExecutor(content).run(codes).logits, atol=1e-6)
    assert found.min() >= 0.0
    assert found.max() > 0.9


def picture_model(rng: np.random.Generator, *, depthwise: bool, **given: Any) -> bytes:
    """One convolution with random sizes, weights and quantization."""
    padding = int(rng.choice([SAME, VALID]))
    taps = given.get("taps", tuple(int(tap) for tap in rng.integers(1, 5, 2)))
    strides = given.get("strides", tuple(int(stride) for stride in rng.integers(1, 4, 2)))
    height, width = (int(rng.integers(tap, 9)) for tap in taps)
    depth, outputs = int(rng.integers(1, 4)), int(rng.integers(1, 6))
    if depthwise:
        outputs *= depth
    counts = [
        -(-size // stride) if padding == SAME else (size - tap) // stride + 1
        for size, tap, stride in zip((height, width), taps, strides, strict=True)
    ]
    builder = FlatbufferBuilder()
    x_scale, y_scale = rng.uniform(0.01, 0.1, 2)
    scales = rng.uniform(0.001, 0.05, outputs).tolist()
    x = builder.tensor(
        (1, height, width, depth), "int8", scales=[x_scale], zero_point=int(rng.integers(-128, 128))
    )
    shape = (1, *taps, outputs) if depthwise else (outputs, *taps, depth)
    weights = rng.integers(-127, 128, shape).astype(np.int8)
    w = builder.tensor(shape, "int8", data=weights, scales=scales, quantized_dimension=3 * depthwise)
    bias = rng.integers(-4000, 4000, outputs).astype(np.int32)
    b = builder.tensor((outputs,), "int32", data=bias, scales=[scale * x_scale for scale in scales])
    y = builder.tensor(
        (1, *counts, outputs), "int8", scales=[y_scale], zero_point=int(rng.integers(-128, 128))
    )
    fields = {
        "padding": padding,
        "strideH": strides[0],
        "strideW": strides[1],
        "fusedActivationFunction": int(rng.choice([0, 1, 3])),
    }
    fields |= {"dilationWFactor": 1, "dilationHFactor": 1}
    if depthwise:
        fields["depthMultiplier"] = outputs // depth
        builder.operator("DEPTHWISE_CONV_2D", [x, w, b], y, "DepthwiseConv2DOptions", fields)
    else:
        builder.operator("CONV_2D", [x, w, b], y, "Conv2DOptions", fields | given.get("fields", {}))
    flat = builder.tensor((1, outputs * counts[0] * counts[1]), "int8", scales=[y_scale], zero_point=0)
    builder.operator("RESHAPE", [y, builder.tensor((2,), "int32", data=np.array([1, -1], np.int32))], flat)
    return builder.finish(x, {"output": flat})


@pytest.mark.parametrize("depthwise", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_pictures_equal_tflm(seed: int, depthwise: bool, tmp_path: Path) -> None:
    rng = np.random.default_rng(100 + seed)
    taps = (2, 1 + int(rng.integers(3))) if not depthwise else (int(rng.integers(1, 5)), 3)
    assert_equal(picture_model(rng, depthwise=depthwise, taps=taps), tmp_path, rng)


def test_a_dilated_picture_is_refused(tmp_path: Path) -> None:
    content = picture_model(
        np.random.default_rng(1), depthwise=False, taps=(2, 2), fields={"dilationHFactor": 2}
    )
    with pytest.raises(ModelError, match="is dilated"):
        generate(content, tmp_path)
