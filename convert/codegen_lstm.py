"""Lowering of the fused LSTM: where its inputs come from, and the numbers its kernel needs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from myofin.convert.codegen_arithmetic import INT32_MAX, Scale, fixed_point, fold_zero_point, tensor_scale
from myofin.convert.codegen_program import (
    POOL_MODES,
    Convolution,
    FrameInput,
    LstmNumbers,
    Scheme,
)
from myofin.convert.codegen_s16 import gate_scales, narrow_bias
from myofin.convert.codegen_views import (
    CodesSource,
    Elements,
    EmbeddedSource,
    PooledSource,
    View,
    places_and_columns,
)
from myofin.convert.graph import Graph, Operator, Tensor, refuse

INPUT_WEIGHTS, RECURRENT_WEIGHTS, PEEPHOLES, BIASES = range(1, 5), range(5, 9), range(9, 12), range(12, 16)
PROJECTION, HIDDEN, CELL, LAYER_NORM = range(16, 18), 18, 19, range(20, 24)
# Fixed formats of the kernel: gate pre-activations in units of 2^-12, activations in units of 2^-15.
GATE_SCALE: Final = 2.0**-12
ACTIVATION_SCALE: Final = 2.0**-15
MAX_POOLED_SAMPLES: Final = 256  # their sum is kept in 16 bits
# Types of weights and biases.
_TYPES: Final = {"int8": ("int8", "int32"), "int16x8": ("int8", "int64"), "float32": ("float32", "float32")}
_ORDER_REMEDY = "Keep frames, samples and channels in regular order between the input and the LSTM"


def check_variant(graph: Graph, operator: Operator) -> None:
    """Refuse what the kernel has not: peepholes, projection, layer normalisation, other activations.

    Raises:
        ModelError: The LSTM is of such a variant.
    """
    extras = (*PEEPHOLES, *PROJECTION, *LAYER_NORM)
    if any(graph.optional_input(operator, position) is not None for position in extras):
        raise refuse(operator, "has peepholes, a projection or layer normalisation", "Use a plain Keras LSTM")
    if operator.options["TimeMajor"] or operator.options["activation"] != "tanh":
        raise refuse(operator, "is time-major or not a tanh LSTM", "Use a plain Keras LSTM, batch first")


@dataclass(frozen=True)
class _Origin:
    """For every input of every step: the first code place of its group, and its column in a group."""

    starts: Elements
    columns: Elements
    column_count: int
    groups: Elements  # [m, samples]: code places of the groups in use
    embedding: NDArray[Any] | Convolution | None
    modes: tuple[Any, ...]


def _origin(operator: Operator, view: View) -> _Origin:
    source = view.source
    if isinstance(source, PooledSource):
        group, column = np.divmod(view.elements, len(source.columns))
        modes = tuple(mode for mode in POOL_MODES if any(mode == m for m, _ in source.columns))
        embedding = source.embedding
        width = embedding.width if isinstance(embedding, Convolution) else embedding.shape[1]
        canonical = np.array([modes.index(mode) * width + c for mode, c in source.columns])
        if sorted(canonical.tolist()) != list(range(len(modes) * width)):
            raise refuse(operator, "takes only some of the pooled columns", "Use all of mean and maximum")
        used = source.places[np.unique(group)]
        starts = source.places[:, 0][group]
        return _Origin(starts, canonical[column], len(canonical), used, source.embedding, modes)
    if isinstance(source, CodesSource | EmbeddedSource):
        places, columns, width = places_and_columns(view)
        table = source.table if isinstance(source, EmbeddedSource) else None
        return _Origin(places, columns, width, np.unique(places)[:, np.newaxis], table, ())
    raise refuse(
        operator, "does not take the codes of the window", "One LSTM layer on the embedded codes is supported"
    )


def frame_input(
    operator: Operator, view: View, scheme: Scheme, hop_codes: int
) -> tuple[FrameInput, Elements]:
    """How the steps of an LSTM take their inputs, and the kernel's slot of each input.

    The kernel computes the groups one after the other, columns fastest; any other order of the inputs is
    folded into the weights.

    Raises:
        ModelError: Some step takes its inputs in another pattern than the others.
    """
    origin = _origin(operator, view)
    batch, steps, inputs = view.elements.shape
    first = np.unique(origin.starts[0, 0])
    base = int(origin.starts.min())
    batch_stride = int(origin.starts[1, 0, 0] - origin.starts[0, 0, 0]) if batch > 1 else 0
    step_stride = int(origin.starts[0, 1, 0] - origin.starts[0, 0, 0]) if steps > 1 else 0
    group_stride = int(first[1] - first[0]) if len(first) > 1 else 1
    shift = batch_stride * np.arange(batch)[:, None, None] + step_stride * np.arange(steps)[None, :, None]
    slots = np.searchsorted(first, origin.starts[0, 0]) * origin.column_count + origin.columns[0, 0]
    samples = origin.groups - origin.groups[:, :1]
    regular = (
        np.array_equal(origin.starts, origin.starts[:1, :1] + shift)
        and np.array_equal(origin.columns, np.broadcast_to(origin.columns[:1, :1], origin.columns.shape))
        and np.array_equal(first, first[0] + group_stride * np.arange(len(first)))
        and np.array_equal(np.sort(slots), np.arange(inputs))
        and np.array_equal(samples, np.broadcast_to(_ramp(samples[0]), samples.shape))
        and base == int(first[0])
    )
    if not regular:
        raise refuse(operator, "takes its inputs in an irregular order", _ORDER_REMEDY)
    count = samples.shape[1]
    if count > MAX_POOLED_SAMPLES:
        raise refuse(operator, f"takes {count} samples pooled in one", "Use fewer hops a frame")
    embedding = origin.embedding
    conv = embedding if isinstance(embedding, Convolution) else None
    frame = FrameInput(
        table=None if isinstance(embedding, Convolution) else _table(embedding, scheme, group_stride),
        modes=origin.modes,
        offset=base,
        batch_stride=batch_stride,
        step_stride=step_stride,
        groups=len(first),
        group_stride=group_stride,
        samples=count,
        sample_stride=int(samples[0, 1]) if count > 1 else 1,
        hop_codes=hop_codes,
        conv=conv,
    )
    return frame, np.asarray(slots, dtype=np.int64)


def _ramp(row: Elements) -> Elements:
    return (row[1] if len(row) > 1 else 0) * np.arange(len(row))


def _table(table: NDArray[Any] | None, scheme: Scheme, group_stride: int) -> NDArray[Any] | None:
    """Plain codes need a table too where they are not int8 in a row."""
    return code_table(scheme) if table is None and (scheme == "float32" or group_stride != 1) else table


def code_table(scheme: Scheme) -> NDArray[Any]:
    """What the network sees of each code, ``[256, 1]`` from -128 on: codes / 128 in the scheme's type."""
    codes = np.arange(-128, 128)[:, np.newaxis]
    if scheme == "float32":
        return (codes / 128).astype(np.float32)
    return codes.astype(np.int8) if scheme == "int8" else (256 * codes).astype(np.int16)


def lstm_numbers(graph: Graph, operator: Operator, slots: Elements, scheme: Scheme) -> LstmNumbers:
    """Constants of the kernel, with the inputs of the weights in the order of ``slots``.

    Raises:
        ModelError: Types, shapes or scales are not those of a fused LSTM of this scheme.
    """
    check_variant(graph, operator)
    x = graph.input(operator, 0)
    units = graph.constant(operator, RECURRENT_WEIGHTS[0]).shape[0]
    input_weights = _stack(graph, operator, INPUT_WEIGHTS, (units, x.shape[2]))
    recurrent = _stack(graph, operator, RECURRENT_WEIGHTS, (units, units))
    bias = _stack(graph, operator, BIASES, (units,))
    ordered = np.empty_like(input_weights)
    ordered[:, :, slots] = input_weights
    wanted = _TYPES[scheme]
    if {input_weights.dtype.name, recurrent.dtype.name} != {wanted[0]} or bias.dtype.name != wanted[1]:
        raise refuse(operator, f"is not {scheme} throughout", "Convert with one of myofin's schemes")
    if scheme == "float32":
        clip = float(operator.options["CellClip"])
        return LstmNumbers(ordered, recurrent, bias, max(clip, 0.0))
    if scheme == "int16x8":
        return _numbers_16(graph, operator, ordered, recurrent, bias)
    return _integer_numbers(graph, operator, ordered, recurrent, bias)


def _stack(graph: Graph, operator: Operator, positions: range, shape: tuple[int, ...]) -> NDArray[Any]:
    parts = [graph.constant(operator, position) for position in positions]
    if any(part.shape != shape or part.dtype != parts[0].dtype for part in parts):
        raise refuse(operator, "has gates of different shapes or types", "Convert the model again")
    return np.stack(parts)


def _integer_numbers(
    graph: Graph, operator: Operator, weights: NDArray[Any], recurrent: NDArray[Any], bias: NDArray[Any]
) -> LstmNumbers:
    x, hidden, cell = graph.input(operator, 0), *_states(graph, operator, "int8")
    factor, shift = _tanh_input(operator, cell)
    input_scales = tuple(_gate_scale(graph, operator, x, i) for i in INPUT_WEIGHTS)
    recurrent_scales = tuple(_gate_scale(graph, operator, hidden, i) for i in RECURRENT_WEIGHTS)
    numbers = LstmNumbers(
        input_weights=weights,
        recurrent_weights=recurrent,
        input_bias=np.stack([fold_zero_point(operator, w, b.astype(np.int64), x.zero_point)
                             for w, b in zip(weights, bias, strict=True)]),
        cell_clip=_cell_clip(operator, cell),
        input_scales=input_scales,
        recurrent_scales=recurrent_scales,
        forget_scale=fixed_point(ACTIVATION_SCALE),
        update_scale=fixed_point(ACTIVATION_SCALE * ACTIVATION_SCALE / cell.scale),
        hidden_scale=fixed_point(ACTIVATION_SCALE * ACTIVATION_SCALE / hidden.scale),
        tanh_factor=factor,
        tanh_shift=shift,
        hidden_zero_point=hidden.zero_point,
    )  # fmt: skip
    _check_range(operator, weights, numbers.input_bias, input_scales)
    _check_range(operator, recurrent, np.zeros_like(numbers.input_bias), recurrent_scales)
    return numbers


def _numbers_16(
    graph: Graph, operator: Operator, weights: NDArray[Any], recurrent: NDArray[Any], bias: NDArray[Any]
) -> LstmNumbers:
    x, hidden, cell = graph.input(operator, 0), *_states(graph, operator, "int16")
    factor, shift = _tanh_input(operator, cell)
    input_scales = gate_scales(graph, operator, x, INPUT_WEIGHTS, GATE_SCALE)
    recurrent_scales = gate_scales(graph, operator, hidden, RECURRENT_WEIGHTS, GATE_SCALE)
    hidden_scale = fixed_point(ACTIVATION_SCALE * ACTIVATION_SCALE / hidden.scale)
    if hidden_scale.shift > 0:
        raise refuse(
            operator, f"has a hidden state with the scale {hidden.scale:g}", "Calibrate with real windows"
        )
    narrow_bias(operator, recurrent, np.zeros_like(bias), recurrent_scales)
    return LstmNumbers(
        input_weights=weights,
        recurrent_weights=recurrent,
        input_bias=narrow_bias(operator, weights, bias, input_scales),
        cell_clip=_cell_clip(operator, cell),
        input_scales=input_scales,
        recurrent_scales=recurrent_scales,
        forget_scale=fixed_point(ACTIVATION_SCALE),
        update_scale=fixed_point(ACTIVATION_SCALE * ACTIVATION_SCALE / cell.scale),
        hidden_scale=hidden_scale,
        tanh_factor=factor,
        tanh_shift=shift,
    )


def _states(graph: Graph, operator: Operator, dtype: str) -> tuple[Tensor, Tensor]:
    """The hidden and the cell state, of the types that the kernels take."""
    hidden, cell, output = graph.input(operator, HIDDEN), graph.input(operator, CELL), graph.output(operator)
    if (hidden.dtype, cell.dtype) != (dtype, "int16") or cell.zero_point != 0:
        raise refuse(
            operator, f"has no {dtype} hidden and int16 cell state", "Convert with one of myofin's schemes"
        )
    if (output.scales, output.zero_points) != (hidden.scales, hidden.zero_points):
        remedy = "Give the head a Dense layer of the state: joined with others the state loses its own scale"
        raise refuse(operator, "quantizes its output unlike its hidden state", remedy)
    return hidden, cell


def _check_range(
    operator: Operator, weights: NDArray[Any], bias: NDArray[Any], scales: tuple[Scale, ...]
) -> None:
    """The kernel doubles sums, and holds two weights in one int16: 256 * a + b."""
    wide = weights.astype(np.int64)
    if int(wide.min(initial=0)) < -127:
        raise refuse(operator, "has a gate weight of -128", "Convert with symmetric weights (-127..127)")
    worst = 2 * (np.abs(bias) + 255 * np.abs(wide).sum(axis=2)).max(axis=1, initial=0)
    if any(int(sums) << max(scale.shift, 0) > INT32_MAX for sums, scale in zip(worst, scales, strict=True)):
        raise refuse(operator, "has a gate bias far beyond saturation", "Calibrate with real windows")


def _gate_scale(graph: Graph, operator: Operator, x: Tensor, position: int) -> Any:
    weights = graph.input(operator, position)
    if len(weights.scales) != 1 or weights.zero_point != 0:
        raise refuse(operator, "has gate weights with a scale for each unit", "Convert the model again")
    return tensor_scale(x, weights, GATE_SCALE)


def _tanh_input(operator: Operator, cell: Tensor) -> tuple[int, int]:
    """Factor and right shift that bring the cell state to a third of the table's step (2^-12 / 3)."""
    power = round(math.log2(cell.scale))
    left = power + 12
    if not -15 <= left <= 13:
        raise refuse(operator, f"has a cell state with the scale 2^{power}", "Calibrate with real windows")
    return (3 << left, 0) if left >= 0 else (3, -left)


def _cell_clip(operator: Operator, cell: Tensor) -> int:
    clip = float(np.float32(operator.options["CellClip"]))
    return int(min(clip / cell.scale, 32767.0)) if clip > 0 else 0
