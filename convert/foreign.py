"""A `.tflite` file of anybody to a bundle: no run, no front end, no float model, and nothing changed in it.

The network's own input travels as int16 values, saturated to its int8 input. What can be proven is proven as
for a run: the state contract on every executor, and the generated C against TFLM on every window.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from myofin.artifacts import new_artifact, sha256_file, write_manifest
from myofin.convert.bundle import (
    ENGINE_FOLDER,
    GOLDEN_FILE,
    MODEL_FILE,
    TFLM_FOLDER,
    Bundle,
    Golden,
    read_bundle,
)
from myofin.convert.bundle_page import write_bundle_page
from myofin.convert.codegen import generate_c
from myofin.convert.codegen_lower import lower
from myofin.convert.flatbuffer import read_model
from myofin.convert.graph import Graph, find_outputs, window_shape
from myofin.convert.proofs import model_facts, prove_engine
from myofin.convert.tflm_export import export_tflm
from myofin.errors import InputError
from myofin.frontend import FRAMES_PER_SECOND
from myofin.passthrough import Passthrough
from myofin.progress import Progress, silent

PROOF_WINDOWS: Final = 200
GOLDEN_WINDOWS: Final = 60
INPUTS_KEY: Final = "inputs"


@dataclass(frozen=True)
class _Foreign:
    """A model that the engine can run, and the windows it is proven on, int8 ``[w, frames, frame_codes]``."""

    content: bytes
    graph: Graph
    codes: NDArray[np.int8]
    origin: str


def convert_model(
    path: Path, out: Path, *, windows: Path | None = None, seed: int = 0, progress: Progress = silent
) -> Bundle:
    """Convert a `.tflite` file as it is, and write its bundle.

    Args:
        path: The file: one input with a batch of 1, of type int8 or float32; one output, or myofin's two.
        out: Folder of the bundle; an older bundle there is replaced.
        windows: An ``.npz`` whose array ``inputs`` holds int8 inputs, ``[w, *input shape without batch]``;
            for a float32 model they are multiplied by 1/128. None: random ones.
        seed: Of the random windows.
        progress: Told about the stages ``convert`` and ``prove``.

    Raises:
        InputError: There is no such file, or the windows do not fit the model.
        ModelError: The file is malformed, or holds something that the engine does not support.
        CheckError: The state contract or the equality of the C engine does not hold.
        ToolMissingError: A C compiler is missing.
    """
    progress("convert", 0, 1)
    model = _read(path, windows, seed)
    with new_artifact(out, "bundle") as folder:
        (folder / MODEL_FILE).write_bytes(model.content)
        _generate(model, folder)
        progress("convert", 1, 1)
        body = _body(model, path) | _prove(model, folder, progress)
        write_bundle_page(folder, body)
        inputs = {"model.tflite": body["model_sha256"]}
        if windows is not None:
            inputs["windows"] = sha256_file(windows)
        write_manifest(folder, "bundle", body, arguments={"model": path.name}, inputs=inputs, seed=seed)
    return read_bundle(out)


def _read(path: Path, windows: Path | None, seed: int) -> _Foreign:
    if not path.is_file():
        raise InputError(f"There is no model at {path}.", hint="Give a .tflite file.")
    content = path.read_bytes()
    graph = read_model(content)
    if lower(graph).scheme == "int16x8":
        raise InputError(
            f"The input of {path.name} is int16, which only myofin's own networks may have.",
            hint="Convert the model with an int8 or float32 input.",
        )
    shape = window_shape(graph)
    if windows is None:
        rng = np.random.default_rng(seed)
        codes = _random_windows(rng, (PROOF_WINDOWS, *shape))
        return _Foreign(content, graph, codes, f"random numbers (seed {seed})")
    return _Foreign(
        content, graph, _given_windows(windows, shape), f"the array {INPUTS_KEY!r} of {windows.name}"
    )


def _random_windows(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.int8]:
    """Windows from nearly constant to uniform noise, around a centre of their own, and both extremes."""
    each = (shape[0], *(1 for _ in shape[1:]))
    spread, centre = rng.uniform(0, 2, each) * 64, rng.uniform(-100, 100, each)
    noise = np.rint(rng.normal(0, 1, shape) * spread + centre)
    codes: NDArray[np.int8] = np.clip(noise, -128, 127).astype(np.int8)
    codes[:2], codes[2] = np.array([-128, 127], np.int8).reshape(2, 1, 1), rng.integers(-128, 128, shape[1:])
    return codes


def _given_windows(path: Path, shape: tuple[int, int]) -> NDArray[np.int8]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            given = arrays[INPUTS_KEY]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{path} holds no array {INPUTS_KEY!r} ({error}).",
            hint="Write it with numpy.savez(path, inputs=array).",
        ) from error
    count = len(given) if given.ndim else 0
    if given.dtype != np.int8 or count == 0 or given.size != count * shape[0] * shape[1]:
        raise InputError(
            f"The inputs in {path} are {given.dtype} of shape {list(given.shape)}; needed is int8 of "
            f"[windows, {shape[0]}, {shape[1]}].",
            hint="Give the model's own int8 inputs.",
        )
    windows: NDArray[np.int8] = given.reshape(count, *shape)
    return windows


def _frontend(graph: Graph) -> Passthrough:
    return Passthrough(channels=1, frames=window_shape(graph)[0])


def _generate(model: _Foreign, folder: Path) -> None:
    frontend, frame = _frontend(model.graph).to_json(), window_shape(model.graph)[1]
    generate_c(model.content, frontend, folder / ENGINE_FOLDER, frame_samples=frame, channels=1)
    generate_c(model.content, frontend, folder / TFLM_FOLDER, frame_samples=frame, channels=1, engine="tflm")
    export_tflm(model.content, folder / TFLM_FOLDER)


def _prove(model: _Foreign, folder: Path, progress: Progress) -> dict[str, Any]:
    scheme = lower(model.graph).scheme
    proven = prove_engine(model.content, folder / ENGINE_FOLDER, scheme, "reset", model.codes, progress)
    golden = model.codes[:GOLDEN_WINDOWS]
    count, found = len(golden), proven.oracle
    counts = golden.astype(np.int16).reshape(count, -1, 1)
    features, logits = found.features[:count], found.logits[:count]
    Golden(
        counts=counts,
        labels=np.full(count, -1, np.int16),
        true_features=np.zeros((count, 1, 0)),
        codes=golden,
        features=features,
        logits=logits,
        float_features=features.astype(np.float32),
        float_logits=logits.astype(np.float32),
    ).save(folder / GOLDEN_FILE)
    return proven.facts


def _body(model: _Foreign, path: Path) -> dict[str, Any]:
    graph, (frames, frame) = model.graph, window_shape(model.graph)
    classes = graph.tensors[find_outputs(graph).logits].size
    signal = {
        "rate_hz": FRAMES_PER_SECOND * frame,  # a frame counts as 10 ms: it only places deadlines
        "channels": 1,
        "frames": frames,
        "frame_samples": frame,
        "dataset": path.name,
        "subject": "none",
        "classes": list(range(classes)),
        "class_names": [f"output {index}" for index in range(classes)],
        "split": {"train": [], "validation": [], "test": []},
        "frontend": _frontend(graph).to_json(),
        "windows": model.origin,
        "feature_scaling": {"names": [], "mean": [], "std": [], "log": []},
        "gate": {"not compared": "the model came without the float model that it was made from"},
        "mended": [],
    }
    return signal | model_facts(model.content, lower(graph).scheme)
