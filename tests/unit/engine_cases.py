"""Models and windows that the engine's tests share."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myofin.convert.codegen import generate_c
from myofin.convert.executors import HostEngineExecutor, Outputs, TflmExecutor
from myofin.convert.flatbuffer import read_model
from myofin.convert.graph import Graph
from myofin.convert.int16x8 import convert_to_int16x8
from myofin.frontend import FrontEnd

DATA = Path(__file__).parents[1] / "data"
CHANNELS = {
    "shared12": 12,
    "shared4_hidden": 4,
    "shared3_saturating": 3,
    "shared2_one_sample": 2,
    "shared3_small_cell": 3,
    "joint4_plain": 4,
    "joint3_embedded": 3,
    "frames3_hops3": 3,
    "frames2_hops10": 2,
    "joint2_hops5": 2,
    "joint2_thirteen": 2,
    "conv3_hops3": 3,
    "conv2_hops2": 2,
    "conv2_joined": 2,
    "convjoint2_hops5": 2,
    "conv3_float32": 3,
    "conv2_float32": 2,
    "frames2_float32": 2,
    "shared4_float32": 4,
    "joint4_float32": 4,
    "shared4_int16x8": 4,
    "joint4_int16x8": 4,
    "conv3_int16x8": 3,
    "conv2_int16x8": 2,
    "frames2_int16x8": 2,
}
INT8_MODELS = [name for name in CHANNELS if not name.endswith(("float32", "int16x8"))]
INT16_MODELS = [name for name in CHANNELS if name.endswith("int16x8")]
FLOAT_MODELS = [name for name in CHANNELS if name.endswith("float32")]


@functools.cache
def model(name: str) -> bytes:
    if name.endswith("int16x8"):
        float_model = model(name.replace("int16x8", "float32"))
        return convert_to_int16x8(float_model, windows(float_model, 60, seed=1))
    return (DATA / f"{name}.tflite").read_bytes()


def input_shape(content: bytes) -> tuple[int, ...]:
    graph = read_model(content)
    return graph.tensors[graph.inputs[0]].shape[1:]


def front_end(channels: int, *, seed: int = 0, dc_shift: int = 0) -> FrontEnd:
    rng = np.random.default_rng(seed)
    counts = rng.normal(rng.uniform(-500, 500, channels), rng.uniform(3, 900, channels), (2000, channels))
    return FrontEnd.fit(counts.astype(np.int16), dc_shift=dc_shift)


def generate(content: bytes, channels: int, folder: Path, *, front: FrontEnd | None = None) -> list[Path]:
    front = front or front_end(channels)
    frame_samples = input_shape(content)[1] // channels
    return generate_c(content, front.to_json(), folder, frame_samples=frame_samples, channels=channels)


def assert_equal(
    content: bytes, channels: int, codes: NDArray[np.int8], folder: Path, *, front: FrontEnd | None = None
) -> Outputs:
    """Every output of the generated C equals TFLM's on these windows; return them."""
    generate(content, channels, folder, front=front)
    expected, found = TflmExecutor(content).run(codes), HostEngineExecutor(folder).run(codes)
    assert expected.features.dtype == found.features.dtype
    assert np.array_equal(expected.features, found.features)
    assert np.array_equal(expected.logits, found.logits)
    return found


def windows(content: bytes, count: int, seed: int = 0) -> NDArray[np.int8]:
    """Random windows of every loudness, besides silence, both extremes and uniform noise."""
    rng = np.random.default_rng(seed)
    shape = input_shape(content)
    loudness = np.geomspace(0.5, 120, count).reshape(-1, 1, 1) * rng.uniform(0.3, 1.5, (count, 1, shape[1]))
    codes = np.clip(np.rint(rng.normal(0, 1, (count, *shape)) * loudness), -128, 127).astype(np.int8)
    codes[0], codes[1], codes[2] = 0, 127, -128
    codes[3] = rng.integers(-128, 128, shape)
    codes[4] = rng.choice(np.array([-128, 127], np.int8), shape)
    return codes


def with_random_constants(content: bytes, seed: int) -> bytes:
    """The same network with other weights and biases, written in place: uniform, or only extremes.

    Biases reach far beyond what calibration would give, so that gates and outputs saturate.
    """
    rng = np.random.default_rng(seed)
    patched = bytearray(content)
    base = np.frombuffer(content, np.uint8).ctypes.data
    for tensor in _weights(read_model(content)):
        data: NDArray[Any] = tensor
        start = data.ctypes.data - base
        if data.dtype == np.int8 and seed % 3 == 0:
            values = rng.choice(np.array([-127, 127], np.int8), data.shape)
        elif data.dtype == np.int8:
            values = rng.integers(-127, 128, data.shape).astype(np.int8)
        else:
            reach = 10.0 ** rng.uniform(2, 6.5)
            values = rng.uniform(-reach, reach, data.shape).astype(data.dtype)
        patched[start : start + data.nbytes] = values.tobytes()
    return bytes(patched)


def _weights(graph: Graph) -> list[NDArray[Any]]:
    positions = {
        "CONV_2D": (1, 2),
        "FULLY_CONNECTED": (1, 2),
        "ADD": (1,),
        "UNIDIRECTIONAL_SEQUENCE_LSTM": (*range(1, 9), *range(12, 16)),
    }
    found = {
        tensor.index: tensor.data
        for operator in graph.operators
        for position in positions.get(operator.kind, ())
        if (tensor := graph.optional_input(operator, position)) is not None and tensor.data is not None
    }
    return list(found.values())
