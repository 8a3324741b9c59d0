"""Generated engines compiled for this machine in number, and TFLM with its intermediate tensors readable."""

from __future__ import annotations

import ctypes
import itertools
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myofin.convert.codegen_program import Buffer
from myofin.convert.executors import import_tflm, network_input, roomy_arena
from myofin.convert.graph import Graph, find_outputs
from myofin.convert.host_engine import WARNINGS, find_compiler

_DTYPES = {0: np.float32, 1: np.int8, 2: np.int16}
_HARNESS = """
#include "myofin_model.c"
static myofin_state_t state;
void host_sizes(uint32_t *sizes);
void host_init(void);
void host_invoke(const int8_t *codes, myofin_value_t *outputs);
uint32_t host_push(const int16_t *counts, int8_t *codes, myofin_value_t *outputs);
void host_sizes(uint32_t *sizes)
{
    sizes[0] = MYOFIN_FRAMES;
    sizes[1] = MYOFIN_FRAME_CODES;
    sizes[2] = MYOFIN_FEATURES;
    sizes[3] = MYOFIN_LOGITS;
    sizes[4] = MYOFIN_SCHEME;
    sizes[5] = MYOFIN_SLIDING;
}
void host_init(void)
{
    myofin_init(&state);
}
void host_invoke(const int8_t *codes, myofin_value_t *outputs)
{
    myofin_invoke(&state, codes, outputs, outputs + MYOFIN_FEATURES);
}
uint32_t host_push(const int16_t *counts, int8_t *codes, myofin_value_t *outputs)
{
    if (!myofin_push_frame(&state, counts)) {
        return 0;
    }
    myofin_decide(&state, outputs, outputs + MYOFIN_FEATURES);
    memcpy(codes, myofin_window_codes(&state), MYOFIN_WINDOW_CODES);
    return 1;
}
"""


def _member(buffer: Buffer) -> str:
    name = buffer.name
    return (
        f"void read_{name}(myofin_value_t *values);\n"
        f"void read_{name}(myofin_value_t *values)\n{{\n"
        f"    memcpy(values, state.{name}, sizeof(state.{name}));\n}}\n"
    )


class EngineFactory:
    """Compiles engines; the runtime's sources are compiled once."""

    def __init__(self, folder: Path, flags: tuple[str, ...]) -> None:
        self._folder, self._flags = folder, flags
        self._numbers = itertools.count()
        self._objects: dict[str, Path] = {}

    def new_folder(self) -> Path:
        """An empty folder for the sources of one engine."""
        folder = self._folder / f"engine{next(self._numbers)}"
        folder.mkdir()
        return folder

    def build(self, folder: Path, members: Iterable[Buffer] = ()) -> GraphEngine:
        """Compile the engine in a folder, with readers for some buffers of its state."""
        members = tuple(buffer for buffer in members if buffer.in_state)
        harness, library = folder / "harness.c", folder / "engine.so"
        harness.write_text(_HARNESS + "".join(_member(buffer) for buffer in members))
        objects = [
            self._object(path) for path in sorted(folder.glob("*.c")) if path.stem.startswith("myofin_")
            and path.stem != "myofin_model"
        ]  # fmt: skip
        self._compile(harness, library, folder, "-shared", *map(str, objects), "-lm")
        return GraphEngine(library, members)

    def _object(self, source: Path) -> Path:
        if source.stem not in self._objects:
            made = self._folder / f"{source.stem}.o"
            self._compile(source, made, source.parent, "-c")
            self._objects[source.stem] = made
        return self._objects[source.stem]

    def _compile(self, source: Path, output: Path, include: Path, *more: str) -> None:
        command = [find_compiler(), *WARNINGS, *self._flags, "-fPIC", f"-I{include}", "-o", str(output)]
        subprocess.run([*command, str(source), *more], check=True, timeout=300)


class GraphEngine:
    """One engine as a shared library."""

    def __init__(self, library: Path, members: tuple[Buffer, ...]) -> None:
        self._library, self._members = ctypes.CDLL(str(library)), members
        sizes = (ctypes.c_uint32 * 6)()
        self._library.host_sizes(sizes)
        self.frames, self.frame_codes, features, logits, scheme, sliding = sizes
        self.slides = bool(sliding)
        self._outputs, self._dtype = features + logits, _DTYPES[scheme]

    def run(self, codes: NDArray[np.int8], *, reset_each: bool) -> NDArray[Any]:
        """Features and logits side by side, ``[w, n]``."""
        return self.run_with_members(codes, reset_each=reset_each, read=False)[0]

    def run_with_members(
        self, codes: NDArray[np.int8], *, reset_each: bool, read: bool = True
    ) -> tuple[NDArray[Any], dict[str, NDArray[Any]]]:
        """The same, and what the readable buffers held after each window, ``[w, size]``."""
        found = np.empty((len(codes), self._outputs), self._dtype)
        held = {b.name: np.empty((len(codes), b.size), self._dtype) for b in self._members} if read else {}
        for i, window in enumerate(np.ascontiguousarray(codes)):
            if reset_each or i == 0:
                self._library.host_init()
            self._library.host_invoke(_pointer(window), _pointer(found[i]))
            for name, rows in held.items():
                getattr(self._library, f"read_{name}")(_pointer(rows[i]))
        return found, held

    def stream(self, counts: NDArray[np.int16]) -> tuple[NDArray[np.int8], NDArray[Any]]:
        """Push frames of counts ``[n, frame_codes]``: the codes and outputs of each decision."""
        windows, rows = [], []
        codes = np.empty((self.frames, self.frame_codes), np.int8)
        outputs = np.empty(self._outputs, self._dtype)
        self._library.host_init()
        for frame in np.ascontiguousarray(counts):
            if self._library.host_push(_pointer(frame), _pointer(codes), _pointer(outputs)):
                windows.append(codes.copy())
                rows.append(outputs.copy())
        return np.stack(windows), np.stack(rows)


def _pointer(array: NDArray[Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


class TflmProbe:
    """TFLM's reference kernels with all tensors preserved."""

    def __init__(self, model: bytes, graph: Graph) -> None:
        runtime = import_tflm()
        config = runtime.InterpreterConfig.kPreserveAllTensors
        arena = roomy_arena(graph)
        self._tflm = runtime.Interpreter.from_bytes(model, arena_size=arena, intrepreter_config=config)
        self._input = graph.tensors[graph.inputs[0]].dtype
        found = find_outputs(graph)
        self._positions = [graph.outputs.index(found.features), graph.outputs.index(found.logits)]

    def run(
        self, codes: NDArray[np.int8], *, reset_each: bool, tensors: tuple[int, ...] = ()
    ) -> tuple[NDArray[Any], dict[int, NDArray[Any]]]:
        """Features and logits side by side, and the values of some tensors, a row for each window."""
        rows: list[NDArray[Any]] = []
        held: dict[int, list[NDArray[Any]]] = {index: [] for index in tensors}
        for i, window in enumerate(codes):
            if reset_each or i == 0:
                self._tflm.reset()
            self._tflm.set_input(network_input(window, self._input), 0)
            self._tflm.invoke()
            rows.append(np.concatenate([self._tflm.get_output(p).reshape(-1) for p in self._positions]))
            for index in tensors:
                held[index].append(np.array(self._tflm.GetTensor(index, 0)["tensor_data"]).reshape(-1))
        return np.stack(rows), {index: np.stack(values) for index, values in held.items()}
