"""Ranges of a float model's tensors on calibration windows, as the int16x8 scheme needs them.

The TFLite runtime computes the float model with every intermediate tensor kept. The LSTM's cell state, of
which it keeps only the last value, is computed again from the operator's inputs for all steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from myofin.convert.codegen_lstm import CELL
from myofin.convert.executors import CODE_SCALE, import_tflite_runtime
from myofin.convert.flatbuffer import read_model
from myofin.convert.float_graph import CELL as CELL_PART
from myofin.convert.float_graph import Exact, Floats, lstm_values
from myofin.convert.graph import LSTM, Graph, Operator
from myofin.errors import ModelError
from myofin.progress import Progress, silent

Ranges = Mapping[int, float]
MAX_CALIBRATION_WINDOWS: Final = 400


def calibration_windows(codes: NDArray[np.int8]) -> NDArray[np.int8]:
    """At most 400 windows, evenly spaced, after one more that holds every code.

    With every code seen once, the range of what is computed from single codes is exact.

    Args:
        codes: int8 ``[n, frames, frame_codes]``, n > 0, of training repetitions only.
    """
    every = np.resize(np.arange(-128, 128).astype(np.int8), codes.shape[1:])
    step = -(-len(codes) // MAX_CALIBRATION_WINDOWS)
    return np.concatenate([every[np.newaxis], codes[::step]])


def tensor_ranges(float_model: bytes, codes: NDArray[np.int8], *, progress: Progress = silent) -> Ranges:
    """Largest magnitude of every float tensor that is computed, by its index; of cell states too.

    Args:
        float_model: Content of a float32 `.tflite` file.
        codes: Windows, int8 ``[n, frames, frame_codes]``.
        progress: Told about the stage ``calibrate``.

    Raises:
        ModelError: The model is malformed, or not float32.
        ToolMissingError: There is no TFLite runtime.
    """
    graph = read_model(float_model)
    _check_float(graph)
    interpreter = _interpreter(float_model)
    computed = [index for operator in graph.operators for index in operator.outputs]
    lstms = [operator for operator in graph.operators if operator.kind == LSTM]
    ranges = dict.fromkeys((*graph.inputs, *computed), 0.0)
    for done, window in enumerate(calibration_windows(codes)):
        interpreter.reset_all_variables()
        interpreter.set_tensor(graph.inputs[0], (window[np.newaxis] / CODE_SCALE).astype(np.float32))
        interpreter.invoke()
        found = {index: interpreter.get_tensor(index) for index in (*graph.inputs, *computed)}
        for index, values in found.items():
            ranges[index] = max(ranges[index], float(np.abs(values).max()))
        for operator in lstms:
            cells = cell_states(graph, operator, found[operator.inputs[0]])
            largest = float(np.abs(cells).max())
            ranges[operator.inputs[CELL]] = max(ranges.get(operator.inputs[CELL], 0.0), largest)
        progress("calibrate", done + 1, min(len(codes), MAX_CALIBRATION_WINDOWS) + 1)
    return ranges


def _check_float(graph: Graph) -> None:
    if len(graph.inputs) != 1 or graph.tensors[graph.inputs[0]].dtype != "float32":
        raise ModelError(
            "Calibration for int16x8 starts from a float32 model of one input.",
            hint="Give the model that `--scheme float32` makes.",
        )


def _interpreter(float_model: bytes) -> Any:
    module = import_tflite_runtime()
    interpreter = module.Interpreter(
        model_content=float_model,
        num_threads=1,
        experimental_op_resolver_type=module.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    return interpreter


class _Cells(Exact):
    """Floats as they are, and the cell of each step."""

    def __init__(self) -> None:
        self.states: list[Floats] = []

    def values(self, operator: Operator, part: str, values: Floats) -> Floats:
        """The values as they are."""
        if part == CELL_PART:
            self.states.append(values[0])
        return values


def cell_states(graph: Graph, operator: Operator, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """An LSTM's cell state after each step of ``x[batch, steps, inputs]``: ``[steps, batch, units]``."""
    watched = _Cells()
    lstm_values(graph, operator, x[np.newaxis], watched)
    return np.stack(watched.states)
