"""The state contract ``carry`` on emulated boards: every step equals TFLM's, from reset to reset."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "unit"))
sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from engine_cases import front_end
from random_graphs import carry_model

from myofin.boards.registry import load_board
from myofin.convert.codegen import generate_c
from myofin.convert.contract import encode_under, run_under
from myofin.convert.executors import TflmExecutor
from myofin.firmware_bridge.build import build_image
from myofin.firmware_bridge.emulator import emulated_session

pytest.importorskip(
    "tflite_micro", reason="tflite-micro has no wheel for this Python: no oracle to compare with"
)

CHANNELS, FRAME_SAMPLES, STEPS = 3, 10, 60


@pytest.mark.parametrize(
    ("board_name", "scheme", "hops"),
    [("microbit", "int8", 1), ("mps2-an386", "int8", 3), ("mps2-an547", "int16x8", 1)],
)
def test_every_step_equals_tflm(board_name: str, scheme: str, hops: int, tmp_path: Path) -> None:
    content, board, front = carry_model(scheme, hops), load_board(board_name), front_end(CHANNELS)
    shape = {"frame_samples": FRAME_SAMPLES, "channels": CHANNELS}
    generate_c(content, front.to_json(), tmp_path / "c", state="carry", **shape)
    counts = np.random.default_rng(5).normal(0, 400, (STEPS, hops * FRAME_SAMPLES, CHANNELS)).astype(np.int16)
    expected = run_under("carry", TflmExecutor(content), encode_under("carry", front, counts, hops))
    image = build_image(tmp_path / "c", hashlib.sha256(content).hexdigest(), board, tmp_path / "image")
    with emulated_session(image, board) as session:
        for _ in range(2):  # a reset forgets all that was carried
            found = [session.inject_window(step, i, reset=i == 0) for i, step in enumerate(counts)]
            assert np.array_equal(np.stack([result.features for result in found]), expected.features)
            assert np.array_equal(np.stack([result.logits for result in found]), expected.logits)
    assert len(np.unique(expected.logits, axis=0)) > STEPS / 2
