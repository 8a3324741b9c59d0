"""The generated C on int8 equals TFLM's reference kernels in every bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from engine_cases import CHANNELS, INT8_MODELS, assert_equal, generate, model, windows, with_random_constants

from myofin.convert.executors import HostEngineExecutor, TflmExecutor
from myofin.convert.flatbuffer import CELL_STATE_INPUT, mend_cell_scale, read_model, with_scale
from myofin.convert.graph import LSTM
from myofin.frontend import FrontEnd
from myofin.recordings.load import load_recording

pytest.importorskip(
    "tflite_micro", reason="tflite-micro has no wheel for this Python: no oracle to compare with"
)


@pytest.mark.parametrize("name", INT8_MODELS)
def test_converted_models(name: str, tmp_path: Path) -> None:
    content = model(name)
    count = 150 if name == "shared12" else 400
    found = assert_equal(content, CHANNELS[name], windows(content, count), tmp_path)
    assert len(np.unique(found.features)) > 5  # the comparison is not of constants


@pytest.mark.parametrize("name", ["shared4_hidden", "joint4_plain", "joint3_embedded"])
@pytest.mark.parametrize("seed", range(4))
def test_random_and_saturating_weights(name: str, seed: int, tmp_path: Path) -> None:
    content = with_random_constants(model(name), seed)
    assert_equal(content, CHANNELS[name], windows(content, 200, seed), tmp_path)


def test_sums_of_several_runs(tmp_path: Path) -> None:
    """Sums over more than 256 columns are done in runs; with runs of 16 a small model has several."""
    content, codes = model("joint3_embedded"), windows(model("joint3_embedded"), 200)
    generate(content, 3, tmp_path)
    header = tmp_path / "myofin_dot_s8.h"
    shortened = header.read_text().replace("MYOFIN_DOT_RUN 16u", "MYOFIN_DOT_RUN 1u")
    assert shortened != header.read_text()
    header.write_text(shortened)
    expected, found = TflmExecutor(content).run(codes), HostEngineExecutor(tmp_path).run(codes)
    assert np.array_equal(expected.features, found.features)
    assert np.array_equal(expected.logits, found.logits)


@pytest.mark.parametrize("power", [-18, -15, -12, -9])
def test_cell_scales(power: int, tmp_path: Path) -> None:
    content = model("shared3_saturating")
    lstm = next(op for op in read_model(content).operators if op.kind == LSTM)
    content = with_scale(content, lstm.inputs[CELL_STATE_INPUT], 2.0**power)
    assert_equal(content, 3, windows(content, 100), tmp_path)


def test_mended_small_cell(tmp_path: Path) -> None:
    mended, sentences = mend_cell_scale(model("shared3_small_cell"))
    assert len(sentences) == 1
    assert_equal(mended, 3, windows(mended, 300), tmp_path)


def test_real_recording(tmp_path: Path, real_data: Path) -> None:
    counts = load_recording(real_data / "3dc" / "participant07.npz").counts[:, :4]
    front = FrontEnd.fit(counts)
    content = model("shared4_hidden")
    # Of 2,500 evenly spaced windows these hold the three where a factor off by 2^-25 shows.
    starts = np.linspace(0, len(counts) - 300, 2500).astype(int)[600:1000]
    codes = front.encode_windows(np.stack([counts[start : start + 300] for start in starts]))
    assert_equal(content, 4, codes, tmp_path, front=front)
