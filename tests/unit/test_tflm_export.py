"""The files for a TFLM application."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from engine_cases import front_end, generate, model, windows

from myofin.convert import tflm_export
from myofin.convert.arena_worker import STEP_BYTES, fits
from myofin.convert.codegen import generate_c
from myofin.convert.executors import TflmExecutor, import_tflm, roomy_arena
from myofin.convert.flatbuffer import read_model
from myofin.convert.host_engine import HostEngine, find_compiler
from myofin.convert.tflm_export import (
    ARENA_MARGIN_BYTES,
    cmsis_nn_bytes,
    export_tflm,
    measure_arena,
    operator_kinds,
    read_arena_bytes,
)
from myofin.errors import ArtifactError, ModelError, ToolMissingError


def test_array_holds_the_model_aligned(tmp_path: Path) -> None:
    content = model("joint4_plain")
    export_tflm(content, tmp_path)
    main, program = tmp_path / "main.c", tmp_path / "main"
    main.write_text(
        '#include <stdio.h>\n#include "model_data.h"\n#include "arena.h"\nint main(void)\n{\n'
        "    fwrite(myofin_model_data, 1, sizeof(myofin_model_data), stdout);\n"
        "    return (int)((uintptr_t)myofin_model_data % 16u) + (int)(MYOFIN_ARENA_BYTES % 16u);\n}\n"
    )
    sources = [main, tmp_path / "model_data.c"]
    subprocess.run([find_compiler(), "-std=c99", "-Wall", "-Werror", "-o", program, *sources], check=True)
    done = subprocess.run([program], capture_output=True, check=True, timeout=20)
    assert done.stdout == content


def test_resolver_has_exactly_the_operators(tmp_path: Path) -> None:
    content = model("shared4_hidden")
    export_tflm(content, tmp_path)
    text = (tmp_path / "resolver.h").read_text()
    methods = set(re.findall(r"resolver\.(Add\w+)\(\)", text))
    assert methods == {
        "AddReshape", "AddTranspose", "AddConv2D", "AddAveragePool2D", "AddMaxPool2D", "AddConcatenation",
        "AddUnidirectionalSequenceLSTM", "AddStridedSlice", "AddFullyConnected",
    }  # fmt: skip
    assert f"kOperators = {len(methods)};" in text


def test_unknown_operator_is_named() -> None:
    graph = read_model(model("joint4_plain"))
    odd = graph.operators[1].__class__(index=1, kind="CUSTOM:FlexErf", inputs=(), outputs=())
    with pytest.raises(ModelError, match=r"Operator 1 \(CUSTOM:FlexErf\)"):
        operator_kinds(graph.__class__(graph.tensors, (odd,), graph.inputs, graph.outputs))


def test_measured_arena_is_enough_and_not_more() -> None:
    pytest.importorskip("tflite_micro", reason="tflite-micro has no wheel for this Python")
    content = model("joint4_plain")
    arena = measure_arena(content, read_model(content))
    assert arena.measured is not None
    assert arena.size >= arena.measured + ARENA_MARGIN_BYTES
    TflmExecutor(content, arena_bytes=arena.measured).run(windows(content, 6))
    assert not fits(import_tflm(), content, arena.measured - STEP_BYTES)


def test_without_tflm_the_arena_is_a_stated_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ToolMissingError("absent", hint="install it")

    monkeypatch.setattr(tflm_export, "import_tflm", fail)
    content = model("joint4_plain")
    export_tflm(content, tmp_path)
    text = (tmp_path / "arena.h").read_text()
    assert "not a measurement" in text
    assert read_arena_bytes(tmp_path, cmsis_nn=False) >= roomy_arena(read_model(content))


def test_cmsis_nn_gets_room_of_its_own(tmp_path: Path) -> None:
    content = model("shared4_hidden")
    export_tflm(content, tmp_path)
    extra = cmsis_nn_bytes(read_model(content))
    assert extra > 8 * 4 * 4, "folded biases of one LSTM at least"
    reserved = read_arena_bytes(tmp_path, cmsis_nn=True)
    assert reserved - read_arena_bytes(tmp_path, cmsis_nn=False) == extra
    for flags, expected in (([], reserved - extra), (["-DCMSIS_NN"], reserved)):
        show = subprocess.run(
            [find_compiler(), "-E", "-P", *flags, "-include", tmp_path / "arena.h", "-x", "c", "-"],
            input="MYOFIN_ARENA_BYTES", capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert sum(map(int, re.findall(r"(\d+)u", show.stdout))) == expected


def test_a_folder_without_an_arena_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"holds no arena\.h"):
        read_arena_bytes(tmp_path, cmsis_nn=False)


NETWORK = """
#include "myofin_model.h"
static uint32_t used;
void myofin_network_start(myofin_state_t *state) { used = (uint32_t)sizeof state->arena; }
uint32_t myofin_arena_used(void) { return used; }
void myofin_fin(myofin_state_t *state, const int8_t *codes, myofin_value_t *features)
{
    (void)state;
    for (uint32_t i = 0; i < MYOFIN_FEATURES; i++) {
        features[i] = codes[MYOFIN_WINDOW_CODES - 1u - i * 7u];
    }
}
void myofin_head(myofin_state_t *state, myofin_value_t *logits)
{
    for (uint32_t i = 0; i < MYOFIN_LOGITS; i++) {
        logits[i] = myofin_window_codes(state)[i];
    }
}
"""


def test_front_end_and_window_are_those_of_the_c_engine(tmp_path: Path) -> None:
    content, front = model("joint4_plain"), front_end(4, dc_shift=6)
    generate(content, 4, tmp_path / "c", front=front)
    plain = HostEngine(tmp_path / "c")
    frame_samples = plain.sizes.frame_samples
    generate_c(
        content, front.to_json(), tmp_path / "tflm",
        frame_samples=frame_samples, channels=4, engine="tflm",
    )  # fmt: skip
    export_tflm(content, tmp_path / "tflm")
    (tmp_path / "tflm" / "network.c").write_text(NETWORK)
    engine = HostEngine(tmp_path / "tflm")
    assert engine.sizes.state_bytes > plain.sizes.frames * plain.sizes.frame_codes
    counts = np.random.default_rng(3).normal(0, 900, (45 * frame_samples, 4)).astype(np.int16)
    codes = plain.encode(counts)
    np.testing.assert_array_equal(engine.encode(counts), codes)
    features, logits = engine.stream(counts)
    frames = codes.reshape(45, -1)
    held = np.stack([frames[first : first + 30].ravel() for first in range(16)])
    np.testing.assert_array_equal(features, held[:, ::-1][:, : 7 * engine.sizes.features : 7])
    np.testing.assert_array_equal(logits, held[:, : engine.sizes.logits])
