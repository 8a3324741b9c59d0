"""The files for a TFLM application."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from engine_cases import model, windows

from myofin.convert import tflm_export
from myofin.convert.arena_worker import STEP_BYTES, fits
from myofin.convert.executors import TflmExecutor, import_tflm, roomy_arena
from myofin.convert.flatbuffer import read_model
from myofin.convert.host_engine import find_compiler
from myofin.convert.tflm_export import ARENA_MARGIN_BYTES, export_tflm, measure_arena, operator_kinds
from myofin.errors import ModelError, ToolMissingError


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
    assert int(re.findall(r"BYTES (\d+)u", text)[0]) >= roomy_arena(read_model(content))
