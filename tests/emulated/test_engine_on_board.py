"""The DSP and Helium kernels on emulated boards give TFLM's bits, codes to logits."""

from __future__ import annotations

import hashlib
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "unit"))

from engine_cases import CHANNELS, front_end, generate, input_shape, model, with_random_constants
from numpy.typing import NDArray

from myofin.boards.registry import load_board
from myofin.convert.executors import TflmExecutor
from myofin.firmware_bridge.build import build_image
from myofin.firmware_bridge.emulator import emulated_session
from myofin.frontend import WINDOW_FRAMES

pytest.importorskip(
    "tflite_micro", reason="tflite-micro has no wheel for this Python: no oracle to compare with"
)

DSP, HELIUM = "mps2-an386", "mps2-an547"


def windows(name: str, content: bytes, count: int) -> NDArray[np.int16]:
    """Raw counts of windows from silence to saturation."""
    rng = np.random.default_rng(7)
    channels = CHANNELS[name]
    samples = WINDOW_FRAMES * input_shape(content)[1] // channels
    loudness = np.geomspace(1, 20_000, count).reshape(-1, 1, 1) * rng.uniform(0.2, 1.5, (count, 1, channels))
    counts = rng.normal(0, 1, (count, samples, channels)) * loudness
    return np.clip(np.rint(counts), -32768, 32767).astype(np.int16)


@pytest.mark.parametrize(
    ("board_name", "name", "seed", "count"),
    [
        (DSP, "joint4_plain", None, 500),
        (DSP, "joint4_plain", 0, 100),
        (DSP, "joint3_embedded", None, 500),
        (DSP, "shared3_saturating", None, 500),
        (DSP, "shared3_saturating", 1, 100),
        (DSP, "shared2_one_sample", None, 500),
        (DSP, "shared4_hidden", None, 100),
        (DSP, "shared12", None, 30),
        (DSP, "joint4_int16x8", None, 100),
        (DSP, "joint4_int16x8", 0, 40),
        (DSP, "shared4_int16x8", 2, 40),
        (HELIUM, "shared4_int16x8", None, 40),
        (DSP, "conv3_int16x8", None, 60),
        (DSP, "conv3_int16x8", 1, 30),
        (DSP, "conv2_int16x8", None, 60),
        (HELIUM, "conv3_int16x8", None, 30),
        (DSP, "conv3_hops3", None, 100),
        (DSP, "conv3_hops3", 1, 50),
        (DSP, "conv2_joined", None, 100),
        (DSP, "conv2_hops2", None, 100),
        (HELIUM, "conv3_hops3", None, 50),
        (HELIUM, "joint2_thirteen", None, 300),
        (HELIUM, "joint4_plain", None, 100),
        (HELIUM, "joint4_plain", 0, 50),
        (HELIUM, "joint3_embedded", None, 100),
        (HELIUM, "shared3_saturating", None, 100),
        (HELIUM, "shared3_saturating", 1, 50),
        (HELIUM, "shared3_small_cell", None, 100),
        (HELIUM, "shared4_hidden", None, 50),
    ],
)
def test_every_window_equals_tflm(
    board_name: str, name: str, seed: int | None, count: int, tmp_path: Path
) -> None:
    board = load_board(board_name)
    content = model(name) if seed is None else with_random_constants(model(name), seed)
    front = front_end(CHANNELS[name])
    counts = windows(name, content, count)
    codes = front.encode_windows(counts)
    expected = TflmExecutor(content).run(codes)
    generate(content, CHANNELS[name], tmp_path / "c", front=front)
    sha256 = hashlib.sha256(content).hexdigest()
    image = build_image(tmp_path / "c", sha256, board, tmp_path / "image")
    with emulated_session(image, board) as session:
        results = [session.inject_window(window, index) for index, window in enumerate(counts)]
    assert [result.codes_crc32 for result in results] == [zlib.crc32(window.tobytes()) for window in codes]
    assert np.array_equal(np.stack([result.features for result in results]), expected.features)
    assert np.array_equal(np.stack([result.logits for result in results]), expected.logits)
