"""The state contract ``carry``: one step a network frame, the state kept until ``myofin_init``."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import numpy as np
import pytest
from engine_cases import front_end

from myofin.convert.codegen import generate_c
from myofin.convert.contract import encode_under, run_under
from myofin.convert.executors import Executor, HostEngineExecutor, available_executors
from myofin.convert.host_engine import HostEngine, compile_sources
from myofin.convert.state_probe import probe_state
from myofin.recordings.synthetic import SyntheticConfig
from myofin.recordings.synthetic import generate as synthesise

pytest.importorskip(
    "tflite_micro", reason="tflite-micro has no wheel for this Python: no oracle to compare with"
)
sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from random_graphs import carry_model

CHANNELS, FRAME_SAMPLES = 3, 10


def engine(folder: Path, scheme: str = "int8", state: str = "carry", hops: int = 1) -> bytes:
    content = carry_model(scheme, hops)
    front = front_end(CHANNELS).to_json()
    generate_c(content, front, folder, frame_samples=FRAME_SAMPLES, channels=CHANNELS, state=state)
    return content


@pytest.mark.parametrize(("scheme", "hops"), [("int8", 1), ("float32", 1), ("int8", 3)])
def test_a_whole_recording_equals_tflm_frame_by_frame(scheme: str, hops: int, tmp_path: Path) -> None:
    content = engine(tmp_path, scheme, hops=hops)
    config = SyntheticConfig(channels=CHANNELS, rate_hz=1000, movements=3, movement_s=0.8, rest_s=0.3, seed=5)
    counts = synthesise(config).counts
    features, logits = HostEngine(tmp_path).stream(counts)
    samples = hops * FRAME_SAMPLES
    steps = len(counts) // samples
    windows = counts[: steps * samples].reshape(steps, samples, CHANNELS)
    codes = encode_under("carry", front_end(CHANNELS), windows, hops)
    executors, _ = available_executors(content)
    expected = run_under("carry", executors["tflm"], codes)
    assert len(features) == steps > 300 / hops
    assert np.array_equal(expected.features, features)
    assert np.array_equal(expected.logits, logits)
    assert len(np.unique(logits, axis=0)) > 20


def loud_codes() -> np.ndarray:
    rng = np.random.default_rng(1)
    return rng.integers(-128, 128, (6, 1, FRAME_SAMPLES * CHANNELS)).astype(np.int8)


def test_every_executor_carries(tmp_path: Path) -> None:
    executors, _ = available_executors(engine(tmp_path), tmp_path)
    assert set(executors) == {"tflm", "tflite-runtime", "c-engine"}
    for name, executor in executors.items():
        assert probe_state(executor, loud_codes()).honours("carry"), name


def test_an_engine_that_forgets_is_found_out(tmp_path: Path) -> None:
    engine(tmp_path, state="reset")
    forgetful: Executor = HostEngineExecutor(tmp_path)
    probe = probe_state(forgetful, loud_codes())
    assert probe.honours("reset")
    assert not probe.honours("carry")


def test_decisions_may_be_left_out_or_repeated(tmp_path: Path) -> None:
    """What a later decision says depends on the frames pushed, not on which of them were decided on."""
    engine(tmp_path)
    rng = np.random.default_rng(3)
    frames = rng.normal(0, 500, (40, FRAME_SAMPLES * CHANNELS)).astype(np.int16)
    (tmp_path / "driver.c").write_text(_DRIVER)
    library = ctypes.CDLL(str(_compiled(tmp_path)))
    always = [library.decide_at(_pointer(frames), 40, every) for every in (1, 1, 3, 7)]
    assert len(set(always)) == 1
    assert library.decide_at(_pointer(frames), 39, 1) != always[0]


_DRIVER = """
#include "myofin_model.h"
static myofin_state_t state;
uint32_t decide_at(const int16_t *counts, uint32_t frames, uint32_t every);
uint32_t decide_at(const int16_t *counts, uint32_t frames, uint32_t every)
{
    myofin_value_t features[MYOFIN_FEATURES];
    myofin_value_t logits[MYOFIN_LOGITS];
    uint32_t hash = 0;
    myofin_init(&state);
    for (uint32_t i = 0; i < frames; i++) {
        (void)myofin_push_frame(&state, counts + (i * MYOFIN_FRAME_CODES));
        for (uint32_t k = 0; ((i % every) == 0u) && (k < every); k++) {
            myofin_decide(&state, features, logits);
        }
    }
    myofin_decide(&state, features, logits);
    for (uint32_t i = 0; i < MYOFIN_FEATURES; i++) {
        hash = (uint32_t)((hash * 31u) + (uint32_t)(uint8_t)features[i]);
    }
    for (uint32_t i = 0; i < MYOFIN_LOGITS; i++) {
        hash = (uint32_t)((hash * 31u) + (uint32_t)(uint8_t)logits[i]);
    }
    return hash & 0x7FFFFFFFu;
}
"""


def _compiled(folder: Path) -> Path:
    library = folder / "driver.so"
    compile_sources(sorted(folder.glob("*.c")), library, folder, "-O1", "-shared", "-fPIC")
    return library


def _pointer(array: np.ndarray) -> ctypes.c_void_p:
    return array.ctypes.data_as(ctypes.c_void_p)
