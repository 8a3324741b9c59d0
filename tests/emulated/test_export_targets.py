"""Exported C, compiled as its README says for three kinds of machine, passes its self-test there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "unit"))
sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from export_cases import TARGETS, compile_and_run, fixture_bundle
from numpy.typing import NDArray
from random_graphs import carry_model

from myofin.convert.bundle import Bundle, read_bundle
from myofin.convert.export import export_bundle
from myofin.convert.host_engine import HostEngine

RUNS = (
    *(("joint4_plain", target) for target in TARGETS),
    ("shared4_float32", "cortex-m4"),
    ("shared4_float32", "riscv64"),
    ("joint4_int16x8", "cortex-m4"),
)


def exported(bundle: Bundle, folder: Path, kind: str = "c") -> Path:
    return export_bundle(bundle, kind, folder / "export").folder


@pytest.mark.parametrize(("name", "target"), RUNS)
def test_the_self_test_passes_and_decisions_are_printed(name: str, target: str, tmp_path: Path) -> None:
    export = exported(fixture_bundle(name, tmp_path / "bundle"), tmp_path)
    code, text = compile_and_run(target, export, "examples/decide.c", tmp_path)
    first, *decisions = text.splitlines()
    assert (code, first) == (0, "self-test: 4 windows passed")
    assert decisions
    assert all(re.fullmatch(r"frame \d+: class \d+", line) for line in decisions)


@pytest.mark.parametrize("target", list(TARGETS))
def test_a_trained_network_decides_as_its_engine_does(
    target: str, small_bundle: Path, tmp_path: Path
) -> None:
    bundle = read_bundle(small_bundle)
    export = exported(bundle, tmp_path)
    code, text = compile_and_run(target, export, "examples/decide.c", tmp_path)
    golden = bundle.golden()
    counts = golden.counts[exported_windows(export, golden.counts)].reshape(-1, bundle.body.channels)
    best = HostEngine(bundle.engine_folder).stream(counts)[1].argmax(axis=1)
    expected, shown = ["self-test: 4 windows passed"], None
    for frame, position in enumerate(best, start=bundle.body.frames):
        if position != shown:
            expected.append(f"frame {frame}: {bundle.body.class_names[position]}")
            shown = position
    assert (code, text.splitlines()) == (0, expected)


def exported_windows(export: Path, counts: NDArray[np.int16]) -> list[int]:
    """Which golden windows the self-test holds, found by their values."""
    text = (export / "src" / "myofin_selftest.c").read_text()
    body = text.split("MYOFIN_SELFTEST_WINDOWS * MYOFIN_WINDOW_CODES] = {")[1].split("}")[0]
    held = np.fromstring(body, dtype=np.int16, sep=",").reshape(-1, *counts.shape[1:])
    return [int(np.flatnonzero((counts == window).all(axis=(1, 2)))[0]) for window in held]


def test_under_carry_the_windows_are_steps_of_one_sequence(tmp_path: Path) -> None:
    bundle = fixture_bundle(carry_model("int8", 1), tmp_path / "bundle", channels=3, contract="carry")
    export = exported(bundle, tmp_path)
    code, text = compile_and_run("riscv64", export, "examples/selftest.c", tmp_path)
    assert (code, text) == (0, "window 3: passed\n")


@pytest.mark.parametrize(
    ("name", "array", "stage"),
    [
        ("joint4_plain", "CODES_CRC32", "codes"),
        ("joint4_plain", "FEATURES", "features"),
        ("joint4_plain", "LOGITS", "logits"),
        ("shared4_float32", "FEATURES", "features"),
    ],
)
def test_a_difference_is_named_by_window_and_stage(name: str, array: str, stage: str, tmp_path: Path) -> None:
    export = exported(fixture_bundle(name, tmp_path / "bundle"), tmp_path)
    source = export / "src" / "myofin_selftest.c"
    head, begin, rest = re.split(rf"({array}\[[^=]*= \{{)", source.read_text(), maxsplit=1)
    values, end = rest.split("}", 1)
    changed = values.split(",")
    place = len(changed) // 4 * 2  # the first value of the third of four windows
    changed[place] = "0x1u" if stage == "codes" else f"{changed[place]} + 1"
    source.write_text(f"{head}{begin}{','.join(changed)}}}{end}")
    code, text = compile_and_run("host", export, "examples/selftest.c", tmp_path)
    assert (code, text) == (1, f"window 2: {stage}\n")


def test_the_cmake_project_builds_and_its_tests_pass(tmp_path: Path) -> None:
    export = exported(fixture_bundle("shared4_hidden", tmp_path / "bundle"), tmp_path)
    build = str(tmp_path / "build")
    flags = "-DCMAKE_C_FLAGS=-Wall -Wextra -Wconversion -Werror"
    for command in (
        ["cmake", "-S", str(export), "-B", build, flags],
        ["cmake", "--build", build],
        ["ctest", "--test-dir", build],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "100% tests passed, 0 tests failed out of 2" in done.stdout
