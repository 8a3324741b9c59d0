"""Bundles of fixture models, and the machines that exported C is compiled for and run on."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from engine_cases import front_end, model

from myofin.artifacts import write_manifest
from myofin.convert.bundle import GOLDEN_FILE, MODEL_FILE, Bundle, Golden, read_bundle
from myofin.convert.codegen import generate_c
from myofin.convert.contract import encode_under, run_under
from myofin.convert.executors import available_executors
from myofin.convert.flatbuffer import read_model
from myofin.convert.graph import find_outputs
from myofin.convert.tflm_export import export_tflm

DATA = Path(__file__).parents[1] / "data"
WARNINGS = ("-O2", "-Wall", "-Wextra", "-Wconversion", "-Werror")
CXX_WARNINGS = ("-O1", "-std=c++17", "-Wall", "-Wextra", "-Wconversion", "-Werror")


@dataclass(frozen=True)
class Target:
    """A compiler with its flags, and what runs a program of its."""

    compiler: tuple[str, ...]
    runner: tuple[str, ...] = ()
    sources: tuple[Path, ...] = ()


_SEMIHOSTING = DATA / "semihosting"
TARGETS = {
    "host": Target(("cc", "-std=c99")),
    "cortex-m4": Target(
        (
            *("arm-none-eabi-gcc", "-std=c99", "-mcpu=cortex-m4", "-mthumb", "--specs=rdimon.specs"),
            *("-T", str(_SEMIHOSTING / "link.ld")),
        ),
        (
            *("qemu-system-arm", "-M", "mps2-an386", "-nographic", "-monitor", "none"),
            *("-semihosting-config", "enable=on,target=native", "-kernel"),
        ),
        (_SEMIHOSTING / "start.c",),
    ),
    "riscv64": Target(("riscv64-linux-gnu-gcc", "-std=c99", "-static"), ("qemu-riscv64",)),
}


def compile_for(target: str, sources: list[Path], include: Path, program: Path) -> None:
    """Compile with the project's warnings as errors; the compiler's words are in the failure."""
    machine = TARGETS[target]
    command = [
        *(*machine.compiler, *WARNINGS, f"-I{include}"),
        *(*map(str, (*machine.sources, *sources)), "-o", str(program), "-lm"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


def run_on(target: str, program: Path) -> tuple[int, str]:
    """Exit code and output of a program."""
    command = [*TARGETS[target].runner, str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, done.stdout


def compile_and_run(target: str, export: Path, main: str, scratch: Path) -> tuple[int, str]:
    """Build one example of an export with every source of it, and run it."""
    sources = [*sorted((export / "src").glob("*.c")), export / main]
    compile_for(target, sources, export / "src", scratch / "program")
    return run_on(target, scratch / "program")


def fixture_bundle(
    content: bytes | str,
    folder: Path,
    *,
    channels: int = 4,
    contract: str = "reset",
    names: tuple[str, ...] = (),
) -> Bundle:
    """A bundle of a model that nobody trained, with random golden windows whose outputs its oracle gave."""
    content = model(content) if isinstance(content, str) else content
    front = front_end(channels)
    graph = read_model(content)
    _, frames, codes = graph.tensors[graph.inputs[0]].shape
    shape = {"frame_samples": codes // channels, "channels": channels}
    generate_c(content, front.to_json(), folder / "c", state=contract, **shape)
    if contract == "reset":
        generate_c(content, front.to_json(), folder / "tflm", engine="tflm", **shape)
        export_tflm(content, folder / "tflm")
    (folder / MODEL_FILE).write_bytes(content)
    counts = (
        np.random.default_rng(3).normal(0, 900, (6, frames * codes // channels, channels)).astype(np.int16)
    )
    windows = encode_under(contract, front, counts, frames)
    executors, _ = available_executors(content, folder / "c")
    oracle = "tflm" if "tflm" in executors else "c-engine"
    found = run_under(contract, executors[oracle], windows)
    zeros = np.zeros(len(counts), np.int16)
    Golden(
        *(counts, zeros, np.zeros((len(counts), channels, 0)), windows, found.features, found.logits),
        *(found.features.astype(np.float32), found.logits.astype(np.float32)),
    ).save(folder / GOLDEN_FILE)
    body = _body(content, contract, oracle, names) | shape | {"frames": frames, "frontend": front.to_json()}
    write_manifest(folder, "bundle", body, arguments={}, inputs={})
    return read_bundle(folder)


def _body(content: bytes, contract: str, oracle: str, names: tuple[str, ...]) -> dict[str, Any]:
    graph = read_model(content)
    found = find_outputs(graph)
    tensors = {"features": graph.tensors[found.features], "logits": graph.tensors[found.logits]}
    specs = {
        name: {
            "size": tensor.size,
            "dtype": tensor.dtype,
            "scale": tensor.scale if tensor.scales else 1.0,
            "zero_point": tensor.zero_point,
        }
        for name, tensor in tensors.items()
    }
    scheme = {"float32": "float32", "int8": "int8", "int16": "int16x8"}[specs["logits"]["dtype"]]
    classes = range(specs["logits"]["size"])
    return {
        "rate_hz": 1000,
        "dataset": "nobody",
        "subject": "0",
        "classes": list(classes),
        "class_names": list(names) or [f"class {i}" for i in classes],
        "split": {"train": [1], "validation": [], "test": [2]},
        "model_sha256": hashlib.sha256(content).hexdigest(),
        "scheme": scheme,
        "input": specs["logits"],
        "outputs": specs,
        "state": {"contract": contract},
        "feature_scaling": {"names": [], "mean": [], "std": [], "log": []},
        "layers": [],
        "macs": 0,
        "gate": {},
        "oracle": {"name": oracle, "engine_equal": None},
        "float_tolerance": 1e-3 if scheme == "float32" else 0.0,
    }
