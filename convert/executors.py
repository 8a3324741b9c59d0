"""Host executors of one model: TFLM, the TFLite runtime, and the generated C engine behind one seam.

They differ in what they do with LSTM state between invocations, so each states it through the same two
calls, and ``state_probe`` measures it. TensorFlow is never imported here.
"""

from __future__ import annotations

import importlib
import platform
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from myofin.convert.features_op import split_features
from myofin.convert.flatbuffer import read_model
from myofin.convert.flatbuffer_writer import write_model
from myofin.convert.graph import Graph, Tensor, find_outputs, window_shape
from myofin.convert.host_engine import HostEngine
from myofin.errors import ModelError, MyofinError, ToolMissingError
from myofin.progress import Progress, silent

Codes = NDArray[np.int8]
CODE_SCALE = 128.0
INT16_CODE_STEP = np.int16(256)  # a code in units of 2^-15


@dataclass(frozen=True)
class Outputs:
    """Raw outputs of ``w`` windows: ``features[w, n]`` and ``logits[w, m]``, int8, int16 or float32."""

    features: NDArray[Any]
    logits: NDArray[Any]


class Executor(Protocol):
    """Something that computes a model on windows of codes, int8 ``[w, frames, frame_codes]``."""

    name: str

    def run(self, codes: Codes, progress: Progress = silent) -> Outputs:
        """Outputs of each window, the LSTM state at its initial value before every one."""

    def run_without_reset(self, codes: Codes) -> Outputs:
        """Outputs of consecutive windows when only the first one starts from the initial state."""


class _Interpreter(Protocol):
    def reset(self) -> None: ...
    def invoke(self, window: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]: ...


class _WindowLoop:
    """Runs windows one after the other through an interpreter that holds one model.

    Features that are computed in integers are no operator of any interpreter: NumPy computes them, and the
    interpreter holds what follows.
    """

    def __init__(self, name: str, content: bytes, load: Callable[[bytes, Graph], _Interpreter]) -> None:
        graph = read_model(content)
        self._input, self._shape = _check_input(graph), window_shape(graph)
        self._outputs = _output_tensors(graph)
        self._front = split_features(graph)
        self.name = name if self._front is None else f"numpy+{name}"
        if self._front is None:
            self._interpreter = load(content, graph)
        else:
            self._interpreter = load(write_model(self._front.rest), self._front.rest)

    def run(self, codes: Codes, progress: Progress = silent) -> Outputs:
        """See :class:`Executor`."""
        return self._loop(codes, reset_each=True, progress=progress)

    def run_without_reset(self, codes: Codes) -> Outputs:
        """See :class:`Executor`."""
        return self._loop(codes, reset_each=False, progress=silent)

    def _loop(self, codes: Codes, *, reset_each: bool, progress: Progress) -> Outputs:
        windows = check_codes(codes, self._shape)
        rows = [np.empty((len(windows), t.size), t.dtype) for t in self._outputs]
        features = None if self._front is None else self._front.compute(windows)
        for i, window in enumerate(windows):
            if reset_each or i == 0:
                self._interpreter.reset()
            if features is None:
                given = network_input(window, self._input.dtype).reshape(self._input.shape)
                found = self._interpreter.invoke(given)
            else:
                found = features[i], self._interpreter.invoke(features[i][np.newaxis])[1]
            for row, value in zip(rows, found, strict=True):
                row[i] = value.reshape(-1)
            progress(self.name, i + 1, len(windows))
        return Outputs(*rows)


def network_input(window: Codes, dtype: str) -> NDArray[Any]:
    """The codes of a window as the input of a network of that type, with a batch of 1 in front."""
    if dtype == "int8":
        return window[np.newaxis]
    if dtype == "int16":
        return window[np.newaxis].astype(np.int16) * INT16_CODE_STEP
    return (window[np.newaxis] / CODE_SCALE).astype(np.float32)


def check_codes(codes: Codes, shape: tuple[int, ...]) -> Codes:
    """Windows of codes in the layout the executors read.

    Raises:
        ModelError: They are not int8 ``[w, *shape]``.
    """
    if codes.dtype != np.int8 or codes.shape[1:] != shape:
        raise ModelError(
            f"The model takes int8 windows of shape {list(shape)}, and these are {codes.dtype} "
            f"of shape {list(codes.shape[1:])}.",
            hint="Encode recordings with the bundle's own front end.",
        )
    return np.ascontiguousarray(codes)


def _check_input(graph: Graph) -> Tensor:
    window_shape(graph)
    tensor = graph.tensors[graph.inputs[0]]
    if tensor.dtype not in ("int8", "int16", "float32"):
        raise ModelError(
            f"The model's input is {tensor.dtype}.",
            hint="Convert with one of the schemes float32, int8 and int16x8.",
        )
    return tensor


def _output_tensors(graph: Graph) -> tuple[Tensor, Tensor]:
    found = find_outputs(graph)
    return graph.tensors[found.features], graph.tensors[found.logits]


class _TflmInterpreter:
    def __init__(self, content: bytes, graph: Graph, arena_bytes: int | None) -> None:
        runtime = import_tflm()
        try:
            self._tflm = runtime.Interpreter.from_bytes(content, arena_size=arena_bytes or roomy_arena(graph))
        except RuntimeError as error:
            raise ModelError(
                "TFLM does not load the model (its reason is printed above).",
                hint="An operator or type that TFLM lacks, or too small an arena.",
            ) from error
        found = find_outputs(graph)
        self._positions = [graph.outputs.index(found.features), graph.outputs.index(found.logits)]

    def reset(self) -> None:
        self._tflm.reset()

    def invoke(self, window: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        self._tflm.set_input(window, 0)
        self._tflm.invoke()
        return self._tflm.get_output(self._positions[0]), self._tflm.get_output(self._positions[1])


def roomy_arena(graph: Graph) -> int:
    """Bytes of arena that always suffice: all tensors alive at once, 2 kB of bookkeeping for each, 64 kB."""
    return (1 << 16) + sum(8 * tensor.size + 2048 for tensor in graph.tensors)


class _LiteInterpreter:
    def __init__(self, content: bytes, graph: Graph) -> None:
        module = import_tflite_runtime()
        try:
            # Without the XNNPACK delegate: it does not run the LSTM, and announces itself on stderr.
            resolver = module.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
            self._lite = module.Interpreter(
                model_content=content, num_threads=1, experimental_op_resolver_type=resolver
            )
            self._lite.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise ModelError(
                f"The TFLite runtime does not load the model ({error}).",
                hint="Convert without Flex operators, and never in the process that imported TensorFlow.",
            ) from error
        found = find_outputs(graph)
        self._input, self._wanted = graph.inputs[0], (found.features, found.logits)

    def reset(self) -> None:
        self._lite.reset_all_variables()

    def invoke(self, window: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        self._lite.set_tensor(self._input, window)
        self._lite.invoke()
        return self._lite.get_tensor(self._wanted[0]), self._lite.get_tensor(self._wanted[1])


def import_tflm() -> Any:
    """The `tflite_micro` runtime module.

    Raises:
        ToolMissingError: It is not installed, or this Python or machine has no wheel of it.
    """
    try:
        return importlib.import_module("tflite_micro.python.tflite_micro.runtime")
    except ImportError as error:
        raise ToolMissingError(
            f"The package tflite-micro is not usable here (Python {platform.python_version()}: {error}).",
            hint="Use Python 3.11-3.13 on Linux x86-64: pip install tflite-micro==0.dev20261023182759",
        ) from error


def import_tflite_runtime() -> Any:
    """The TFLite runtime's interpreter module: `tflite_runtime` before Python 3.12, `ai_edge_litert` after.

    Raises:
        ToolMissingError: It is not installed, or does not fit the installed numpy.
    """
    package = "tflite_runtime" if sys.version_info < (3, 12) else "ai_edge_litert"
    try:
        return importlib.import_module(f"{package}.interpreter")
    except ImportError as error:
        line = "tflite-runtime==2.14.0 'numpy<2'" if package == "tflite_runtime" else "ai-edge-litert==2.3.0"
        raise ToolMissingError(
            f"The package {package} is not usable here ({error}).", hint=f"pip install {line}"
        ) from error


class TflmExecutor(_WindowLoop):
    """TFLM's reference kernels: the bit-exact oracle of the integer schemes."""

    def __init__(self, content: bytes, *, arena_bytes: int | None = None) -> None:
        super().__init__("tflm", content, lambda model, graph: _TflmInterpreter(model, graph, arena_bytes))


class TfliteRuntimeExecutor(_WindowLoop):
    """The TFLite runtime: a cross-check, typically within 1 LSB of TFLM on int8; not for int16x8."""

    def __init__(self, content: bytes) -> None:
        if _check_input(read_model(content)).dtype == "int16":
            raise ToolMissingError(
                "The TFLite runtime has no LSTM on int16 activations.",
                hint="TFLM and the C engine compute int16x8; or convert with another scheme.",
            )
        super().__init__("tflite-runtime", content, _LiteInterpreter)


class HostEngineExecutor:
    """The generated C engine of a bundle's ``c/`` folder, compiled for this machine."""

    name = "c-engine"

    def __init__(self, engine_folder: Path) -> None:
        self.engine = HostEngine(engine_folder)

    def run(self, codes: Codes, progress: Progress = silent) -> Outputs:
        """See :class:`Executor`."""
        return self._run(codes, reset_each=True)

    def run_without_reset(self, codes: Codes) -> Outputs:
        """See :class:`Executor`."""
        return self._run(codes, reset_each=False)

    def _run(self, codes: Codes, *, reset_each: bool) -> Outputs:
        sizes = self.engine.sizes
        checked = check_codes(codes, (sizes.frames, sizes.frame_codes))
        return Outputs(*self.engine.invoke(checked, reset_each=reset_each))


def available_executors(
    content: bytes, engine_folder: Path | None = None
) -> tuple[dict[str, Executor], dict[str, MyofinError]]:
    """Every executor that can be had here, and why each of the others cannot.

    Raises:
        ModelError: The model itself is malformed.
    """
    read_model(content)
    makers: Mapping[str, Any] = {"tflm": lambda: TflmExecutor(content)}
    makers = {**makers, "tflite-runtime": lambda: TfliteRuntimeExecutor(content)}
    if engine_folder is not None:
        makers = {**makers, "c-engine": lambda: HostEngineExecutor(engine_folder)}
    found: dict[str, Executor] = {}
    missing: dict[str, MyofinError] = {}
    for name, make in makers.items():
        try:
            found[name] = make()
        except ToolMissingError as error:
            missing[name] = error
    return found, missing
