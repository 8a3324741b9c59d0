"""Measures an engine on an emulated board: instructions by the board's clock, bytes from the linker's map."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median_low
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myofin.boards.registry import Board
from myofin.convert.codegen import generate_c
from myofin.convert.flatbuffer import read_model
from myofin.convert.host_engine import HostEngine
from myofin.convert.inspection import layer_costs
from myofin.convert.proofs import FLOAT_TOLERANCE
from myofin.convert.tflm_export import export_tflm, read_arena_bytes
from myofin.errors import CheckError
from myofin.firmware_bridge.build import Image, build_image
from myofin.firmware_bridge.emulator import emulated_session
from myofin.firmware_bridge.engine_option import EngineName
from myofin.firmware_bridge.linker_map import EngineBytes, read_engine_bytes
from myofin.firmware_bridge.session import BoardResult
from myofin.frontend import WINDOW_FRAMES, FrontEnd

CHANNELS, FRAME_SAMPLES = 12, 20
WINDOWS, HOPS = 5, 9  # odd, so that the median is a measured value
NOISE_COUNTS = 300.0
SEED = 7


@dataclass(frozen=True)
class Engine:
    """What executes one model: its folder, hash, cost in MACs, and the generated C compiled for the host."""

    model: str
    scheme: str
    mode: str
    name: EngineName
    folder: Path
    sha256: str
    macs: int
    frontend: FrontEnd
    host: HostEngine


@dataclass(frozen=True)
class Run:
    """What a run on a board gave. Instructions: FIN and head of each window; push and decide of each hop.

    ``distances`` are those of all output values of the windows from the host's, in LSB (on float32 in whole
    steps of the tolerance that bundles state, 0.001). Two runs must be equal in all but ``stack_bytes``: the
    host's bytes come when they come, and so an interrupt may find the stack a word deeper or less.
    """

    window_instructions: tuple[int, ...]
    hop_instructions: tuple[int, ...]
    outputs: bytes
    distances: tuple[int, ...]
    arena_bytes: int
    stack_bytes: int = field(compare=False)


def make_engine(name: str, scheme: str, mode: str, model: bytes, folder: Path) -> Engine:
    """Generate the C of a model and compile it for the host too; mode ``hop`` reuses work between windows."""
    frontend = FrontEnd.fit(_signal(20))
    generate_c(
        model,
        frontend.to_json(),
        folder,
        frame_samples=FRAME_SAMPLES,
        channels=CHANNELS,
        sliding=mode == "hop",
    )
    macs = sum(layer.macs for layer in layer_costs(read_model(model)))
    sha256 = hashlib.sha256(model).hexdigest()
    return Engine(name, scheme, mode, "c", folder, sha256, macs, frontend, HostEngine(folder))


def make_tflm_engine(plain: Engine, name: EngineName, model: bytes, folder: Path) -> Engine:
    """The files of a TFLM application of the model; ``plain`` is what it is compared with. Windows only."""
    front = plain.frontend.to_json()
    generate_c(model, front, folder, frame_samples=FRAME_SAMPLES, channels=CHANNELS, engine="tflm")
    export_tflm(model, folder)
    return replace(plain, mode="window", name=name, folder=folder)


def measure(engine: Engine, board: Board) -> dict[str, Any]:
    """The row of one engine on one board.

    Raises:
        CheckError: Two runs differ, or an output differs from the generated C on the host (CMSIS-NN's may).
        InputError: The engine does not fit the board.
    """
    with tempfile.TemporaryDirectory(prefix="myofin-bench-") as scratch:
        image = build_image(engine.folder, engine.sha256, board, Path(scratch) / "image", engine=engine.name)
        size = read_engine_bytes(image.folder / "firmware.map")
        first, second = (_run(engine, image, board) for _ in range(2))
    if first != second:
        raise CheckError(
            f"Two runs of {engine.model} on {board.name} differ.", hint="The counter is not deterministic."
        )
    deepest = max(first.stack_bytes, second.stack_bytes)
    return _row(engine, board, size, replace(first, stack_bytes=deepest))


def _row(engine: Engine, board: Board, size: EngineBytes, run: Run) -> dict[str, Any]:
    """One row; RAM of ``window`` leaves out the window of codes, which is the engine's input there.

    TFLM holds it twice, in the state and as the input tensor, and takes less of its arena than is reserved.
    """
    mode = engine.mode
    input_bytes = WINDOW_FRAMES * FRAME_SAMPLES * CHANNELS if mode == "window" else 0
    if engine.name != "c":
        cmsis_nn = engine.name == "tflm-cmsis-nn"
        input_bytes += input_bytes + read_arena_bytes(engine.folder, cmsis_nn=cmsis_nn) - run.arena_bytes
    instructions = run.window_instructions if mode == "window" else run.hop_instructions
    return {
        "model": engine.model,
        "board": board.name,
        "engine": engine.name,
        "mode": mode,
        "scheme": engine.scheme,
        "instructions": median_low(instructions),
        "macs": engine.macs,
        "code_bytes": size.code,
        "const_bytes": size.constants,
        "ram_bytes": size.ram - input_bytes,
        "stack_bytes": run.stack_bytes,
        "core": board.core,
        "instructions_min": min(instructions),
        "instructions_max": max(instructions),
        "library_bytes": size.library,
        "outputs": len(run.distances),
        "outputs_differing": sum(distance > 0 for distance in run.distances),
        "max_lsb": max(run.distances),
        "model_sha256": engine.sha256,
    }


def _run(engine: Engine, image: Image, board: Board) -> Run:
    """Decide some windows, and then some hops after the last one; check all against the host."""
    frames = _signal(WINDOWS * WINDOW_FRAMES + HOPS).reshape(-1, FRAME_SAMPLES, CHANNELS)
    windows = frames[: WINDOWS * WINDOW_FRAMES].reshape(WINDOWS, -1, CHANNELS)
    with emulated_session(image, board) as session:
        session.require_model(engine.sha256)
        decided = [session.inject_window(window, index, whole=True) for index, window in enumerate(windows)]
        sent = frames[-HOPS:] if engine.name == "c" else ()
        hops = [session.inject_hop(frame, index) for index, frame in enumerate(sent)]
        stack_bytes, arena_bytes = session.stats().stack_high_water, session.facts.arena_bytes
    distances = _distances(decided, engine.host.invoke(engine.frontend.encode_windows(windows)))
    if engine.name != "tflm-cmsis-nn":
        _require_equal(engine, distances, board)
    if hops:
        expected = engine.host.stream(frames[-HOPS - WINDOW_FRAMES :].reshape(-1, CHANNELS))
        _require_equal(engine, _distances(hops, (expected[0][1:], expected[1][1:])), board)
    units = board.counter.units
    return Run(
        tuple(units(result.fin_ticks) + units(result.head_ticks) for result in decided),
        tuple(
            units(result.front_end_ticks) + units(result.fin_ticks) + units(result.head_ticks)
            for result in hops
        ),
        b"".join(result.features.tobytes() + result.logits.tobytes() for result in (*decided, *hops)),
        distances,
        arena_bytes,
        stack_bytes,
    )


def _distances(results: list[BoardResult], expected: tuple[NDArray[Any], NDArray[Any]]) -> tuple[int, ...]:
    """How far each output value of the board is from the host's, as :class:`Run` states it."""
    host = np.concatenate(expected, axis=1)
    step = FLOAT_TOLERANCE if host.dtype.kind == "f" else 1
    board = np.array([[*result.features, *result.logits] for result in results], dtype=np.float64)
    return tuple((np.abs(board - host.astype(np.float64)) // step).astype(np.int64).ravel().tolist())


def _require_equal(engine: Engine, distances: tuple[int, ...], board: Board) -> None:
    if any(distances):
        raise CheckError(
            f"{board.name} computes another output of {engine.model} than the host ({engine.name}).",
            hint="Find the stage with `myofin validate`.",
        )


def _signal(frames: int) -> NDArray[np.int16]:
    """Noise of 12 channels, int16 counts ``[frames * frame_samples, channels]``, with bursts."""
    rng = np.random.default_rng(SEED)
    burst = np.repeat(rng.uniform(0.1, 3.0, frames), FRAME_SAMPLES)[:, np.newaxis]
    noise = rng.normal(0, NOISE_COUNTS, (frames * FRAME_SAMPLES, CHANNELS))
    return np.clip(np.rint(noise * burst), -32768, 32767).astype(np.int16)
