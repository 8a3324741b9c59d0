"""The generated C as an embedded engineer gets it: its interface, its cleanness, its refusals."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from engine_cases import CHANNELS, front_end, generate, input_shape, model, windows, with_random_constants

from myofin.convert.codegen import generate_c
from myofin.convert.executors import HostEngineExecutor
from myofin.convert.flatbuffer import read_model
from myofin.convert.graph import LSTM
from myofin.convert.host_engine import WARNINGS, HostEngine, compile_sources
from myofin.errors import ArtifactError, CheckError, ModelError

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from sanitizers import SANITIZE, WINDOWS_MAIN


@pytest.mark.parametrize(
    ("name", "seed"),
    [("shared4_hidden", 0), ("shared3_saturating", None), ("joint4_plain", 1), ("shared4_float32", None)],
)
def test_clean_under_sanitizers(name: str, seed: int | None, tmp_path: Path) -> None:
    content = model(name) if seed is None else with_random_constants(model(name), seed)
    codes = windows(content, 60)
    generate(content, CHANNELS[name], tmp_path)
    expected = HostEngineExecutor(tmp_path).run(codes)
    main, program = tmp_path / "main.c", tmp_path / "program"
    main.write_text(WINDOWS_MAIN)
    compile_sources(sorted(tmp_path.glob("*.c")), program, tmp_path, *SANITIZE)
    done = subprocess.run([program], input=codes.tobytes(), capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    rows = np.frombuffer(done.stdout, expected.features.dtype).reshape(len(codes), -1)
    assert np.array_equal(rows, np.concatenate([expected.features, expected.logits], axis=1))


@pytest.mark.parametrize("name", CHANNELS)
def test_compiles_for_cortex_m4_without_libc(name: str, tmp_path: Path) -> None:
    compiler = shutil.which("arm-none-eabi-gcc")
    assert compiler is not None, "scripts/setup.sh installs arm-none-eabi-gcc"
    generate(model(name), CHANNELS[name], tmp_path)
    target = ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16", "-O2"]
    objects = []
    for source in sorted(tmp_path.glob("*.c")):
        objects.append(source.with_suffix(".o"))
        command = [compiler, *WARNINGS, "-Wpedantic", *target, "-c", source, "-o", objects[-1]]
        subprocess.run(command, check=True, timeout=60)
    listing = subprocess.run(
        ["arm-none-eabi-nm", *objects], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    outside = {line.split()[-1] for line in listing.splitlines() if " U " in line}
    allowed = {"memcpy", "memmove", "memset"} | ({"expf", "tanhf"} if "float32" in name else set())
    assert {symbol for symbol in outside if not symbol.startswith("myofin_")} <= allowed
    assert not re.search(r" [bBdD] ", listing), "no mutable statics"


def test_streaming_equals_windows(tmp_path: Path) -> None:
    content, rng = model("shared3_saturating"), np.random.default_rng(1)
    front = front_end(3)
    generate(content, 3, tmp_path, front=front)
    frame_samples = input_shape(content)[1] // 3
    counts = rng.normal(0, 400, (frame_samples * 75, 3)).astype(np.int16)
    engine = HostEngine(tmp_path)
    features, logits = engine.stream(counts)
    hops = [counts[i * frame_samples : (i + 30) * frame_samples] for i in range(75 - 30 + 1)]
    expected = engine.invoke(front.encode_windows(np.stack(hops)))
    assert len(features) == 46
    assert np.array_equal(features, expected[0])
    assert np.array_equal(logits, expected[1])


def test_output_is_deterministic_and_says_what_it_is(tmp_path: Path) -> None:
    content = model("shared12")
    first = generate(content, 12, tmp_path / "a")
    again = generate(content, 12, tmp_path / "b")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]
    header = (tmp_path / "a" / "myofin_model.h").read_text()
    assert "do not edit" in header
    assert "#define MYOFIN_WINDOW_CODES 7200u" in header
    assert not any("f32" in path.name for path in first), "only the kernels in use"


def test_refusals(tmp_path: Path) -> None:
    content = model("shared12")
    front = front_end(12).to_json()
    with pytest.raises(ModelError, match="carry"):
        generate_c(content, front, tmp_path, frame_samples=20, channels=12, state="carry")
    with pytest.raises(ModelError, match="10 samples"):
        generate_c(content, front, tmp_path, frame_samples=10, channels=12)
    with pytest.raises(ArtifactError):
        generate_c(content, {"channels": 12}, tmp_path, frame_samples=20, channels=12)
    with pytest.raises(ArtifactError, match="no generated engine"):
        HostEngine(tmp_path)


@pytest.mark.parametrize(
    ("position", "value", "message"), [(1, -128, "gate weight of -128"), (12, 2**30, "far beyond saturation")]
)
def test_what_the_kernels_cannot_hold_is_refused(
    position: int, value: int, message: str, tmp_path: Path
) -> None:
    content = model("shared4_hidden")
    graph = read_model(content)
    lstm = next(operator for operator in graph.operators if operator.kind == LSTM)
    data = graph.constant(lstm, position)
    start = data.ctypes.data - np.frombuffer(content, np.uint8).ctypes.data
    patched = bytearray(content)
    patched[start : start + data.itemsize] = np.array([value], data.dtype).tobytes()
    with pytest.raises(ModelError, match=message):
        generate(bytes(patched), 4, tmp_path)


def test_damaged_source_is_reported(tmp_path: Path) -> None:
    generate(model("joint4_plain"), 4, tmp_path)
    (tmp_path / "myofin_model.c").write_text("int broken(")
    with pytest.raises(CheckError, match="does not compile"):
        HostEngine(tmp_path)
