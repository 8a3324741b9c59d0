"""Read a `.tflite` file without TensorFlow, trusting none of its bytes.

The accessors of the `tflite` package check nothing: an offset may point anywhere and a length may say
anything. Here every length is bounded before it is walked, constant data are views into the file, and
whatever goes wrong in an accessor becomes a :class:`ModelError`.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import tflite
from numpy.typing import NDArray

from myofin.convert.flatbuffer_table import checked
from myofin.convert.graph import LSTM, NO_TENSOR, Graph, Operator, Tensor, refuse
from myofin.errors import ModelError

MAX_FILE_BYTES: Final = 64 << 20
MAX_TENSORS: Final = 4096
MAX_OPERATORS: Final = 4096
MAX_RANK: Final = 6
MAX_ELEMENTS: Final = 1 << 22
MAX_ELEMENTS_TOTAL: Final = 1 << 24
MAX_NAME_BYTES: Final = 1024
MAX_CHANNELS: Final = 1 << 16
CELL_STATE_INPUT: Final = 19
SMALLEST_CELL_SCALE: Final = 2.0**-15

_HINT = "Convert the model again, or copy it again if it came over a network."
DTYPES: Mapping[int, str] = {
    0: "float32", 1: "float16", 2: "int32", 3: "uint8", 4: "int64", 6: "bool", 7: "int16", 9: "int8",
    10: "float64",
}  # fmt: skip
_SCALE_FIELD = 8  # vtable slot of QuantizationParameters.scale
_NAME_FIELD = 10  # vtable slot of Tensor.name
ACTIVATIONS = {0: "none", 1: "relu", 2: "relu_n1_to_1", 3: "relu6", 4: "tanh", 5: "sign"}

# What an accessor raises when the bytes it follows make no sense.
_ACCESSOR_ERRORS = (struct.error, IndexError, ValueError, TypeError, OverflowError, AttributeError, KeyError)


def read_model(content: bytes) -> Graph:
    """Read the network of a `.tflite` file.

    Raises:
        ModelError: The file is malformed, too large, or not one static graph.
    """
    if not 8 <= len(content) <= MAX_FILE_BYTES or content[4:8] != b"TFL3":
        raise ModelError("This is not a TFLite model (no TFL3 mark, or an unlikely size).", hint=_HINT)
    try:
        return _read_graph(content)
    except _ACCESSOR_ERRORS as error:
        raise ModelError(f"The TFLite model is malformed ({error}).", hint=_HINT) from error


def _read_graph(content: bytes) -> Graph:
    model = checked(tflite.Model.GetRootAs(content, 0))
    if _bounded(model.SubgraphsLength(), 64, "subgraphs") < 1:
        raise ModelError("The TFLite model holds no graph.", hint=_HINT)
    graph = checked(model.Subgraphs(0))
    tensor_count = _bounded(graph.TensorsLength(), MAX_TENSORS, "tensors")
    tensors = tuple(
        _read_tensor(model, checked(graph.Tensors(i)), i, len(content)) for i in range(tensor_count)
    )
    if sum(tensor.size for tensor in tensors) > MAX_ELEMENTS_TOTAL:
        raise ModelError("The tensors of the model are too large for a microcontroller.", hint=_HINT)
    operator_count = _bounded(graph.OperatorsLength(), MAX_OPERATORS, "operators")
    operators = tuple(
        _read_operator(model, checked(graph.Operators(i)), i, tensor_count) for i in range(operator_count)
    )
    return Graph(
        tensors=tensors,
        operators=operators,
        inputs=_indices(graph.InputsAsNumpy, graph.InputsLength(), tensor_count),
        outputs=_indices(graph.OutputsAsNumpy, graph.OutputsLength(), tensor_count),
        names=_signature_outputs(model, tensor_count),
    )


def _bounded(length: int, limit: int, what: str) -> int:
    if not 0 <= length <= limit:
        raise ModelError(f"The TFLite model claims {length} {what}, more than {limit}.", hint=_HINT)
    return int(length)


def _numbers(length: int, limit: int, what: str, values: Callable[[], Any]) -> tuple[Any, ...]:
    """A vector of numbers, looked at only once its length is known to be reasonable."""
    return tuple(values().tolist()) if _bounded(length, limit, what) else ()


def _indices(
    values: Callable[[], Any], length: int, tensor_count: int, *, optional: bool = False
) -> tuple[int, ...]:
    found = _numbers(length, 256, "inputs or outputs of one operator", values)
    lowest = NO_TENSOR if optional else 0
    if any(not lowest <= index < tensor_count for index in found):
        raise ModelError("The TFLite model refers to a tensor that it does not hold.", hint=_HINT)
    return found


def _text(table: Any, field: int) -> str:
    """A string field, read only after its length is known to be reasonable."""
    offset = table.Offset(field)
    if offset == 0:
        return ""
    length = _bounded(table.VectorLen(offset), MAX_NAME_BYTES, "bytes of a name")
    start = table.Vector(offset)
    return bytes(table.Bytes[start : start + length]).decode("utf-8", "replace")


def _read_tensor(model: Any, raw: Any, index: int, file_bytes: int) -> Tensor:
    shape = _numbers(raw.ShapeLength(), MAX_RANK, "dimensions", raw.ShapeAsNumpy)
    if any(not 0 <= size <= MAX_ELEMENTS for size in shape) or math.prod(shape) > MAX_ELEMENTS:
        raise ModelError(
            f"Tensor {index} has the shape {shape}, which is not static or far too large.",
            hint="Convert with fixed shapes: batch 1 through a concrete function.",
        )
    dtype = DTYPES.get(raw.Type(), f"type{raw.Type()}")
    scales, zero_points, dimension = _quantization(checked(raw.Quantization()), index)
    return Tensor(
        index=index,
        name=_text(raw._tab, _NAME_FIELD),
        shape=shape,
        dtype=dtype,
        scales=scales,
        zero_points=zero_points,
        quantized_dimension=dimension,
        data=_constant(model, raw, shape, dtype, file_bytes),
        is_variable=bool(raw.IsVariable()),
    )


def _quantization(raw: Any, index: int) -> tuple[tuple[float, ...], tuple[int, ...], int]:
    if raw is None:
        return (), (), 0
    scales = _numbers(raw.ScaleLength(), MAX_CHANNELS, "scales", raw.ScaleAsNumpy)
    zero_points = _numbers(raw.ZeroPointLength(), MAX_CHANNELS, "zero points", raw.ZeroPointAsNumpy)
    if any(not (math.isfinite(scale) and scale > 0) for scale in scales) or (
        scales and len(zero_points) not in (0, len(scales))
    ):
        raise ModelError(f"Tensor {index} has an impossible quantization.", hint=_HINT)
    if any(not -32768 <= zero <= 32767 for zero in zero_points):
        raise ModelError(f"Tensor {index} has a zero point outside its type.", hint=_HINT)
    return scales, zero_points, int(raw.QuantizedDimension())


def _constant(
    model: Any, raw: Any, shape: tuple[int, ...], dtype: str, file_bytes: int
) -> NDArray[Any] | None:
    number = raw.Buffer()
    if number == 0:
        return None
    if number >= _bounded(model.BuffersLength(), 4 * MAX_TENSORS, "buffers"):
        raise ModelError("The TFLite model refers to a buffer that it does not hold.", hint=_HINT)
    buffer = checked(model.Buffers(number))
    if buffer.Offset() or buffer.Size():
        raise ModelError(
            "The TFLite model keeps weights outside the flatbuffer.", hint="Export a model below 2 GB."
        )
    length = buffer.DataLength()
    if length == 0:
        return None
    if dtype.startswith("type"):
        raise ModelError(f"A constant has the unknown type {dtype[4:]}.", hint=_HINT)
    if length > file_bytes or length != math.prod(shape) * np.dtype(dtype).itemsize:
        raise ModelError(f"A constant of {length} bytes does not fill its shape {shape}.", hint=_HINT)
    data = np.asarray(buffer.DataAsNumpy()).view(dtype).reshape(shape)
    if data.dtype.kind == "f" and not np.all(np.isfinite(data)):
        raise ModelError("A constant of the model is infinite or no number.", hint="Train again.")
    data.flags.writeable = False
    return data


def _read_operator(model: Any, raw: Any, index: int, tensor_count: int) -> Operator:
    code = model.OperatorCodes(raw.OpcodeIndex()) if raw.OpcodeIndex() < _bounded(
        model.OperatorCodesLength(), MAX_OPERATORS, "operator codes"
    ) else None  # fmt: skip
    if code is None:
        raise ModelError(f"Operator {index} is of a kind that the model does not declare.", hint=_HINT)
    checked(code)
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    kind = tflite.utils.BUILTIN_OPCODE2NAME.get(number, f"BUILTIN_{number}")
    if kind == "CUSTOM":
        kind = f"CUSTOM:{_text(code._tab, 6)}"
    return Operator(
        index=index,
        kind=kind,
        inputs=_indices(raw.InputsAsNumpy, raw.InputsLength(), tensor_count, optional=True),
        outputs=_indices(raw.OutputsAsNumpy, raw.OutputsLength(), tensor_count),
        options=MappingProxyType(_options(kind, raw)),
        intermediates=_indices(
            raw.IntermediatesAsNumpy, raw.IntermediatesLength(), tensor_count, optional=True
        ),
    )


# For each kind: the type of its options, and what is read of them.
OPTION_FIELDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "CONV_2D": ("Conv2DOptions", ("Padding", "StrideW", "StrideH", "DilationWFactor", "DilationHFactor")),
    "DEPTHWISE_CONV_2D": (
        "DepthwiseConv2DOptions",
        ("Padding", "StrideW", "StrideH", "DepthMultiplier", "DilationWFactor", "DilationHFactor"),
    ),
    "AVERAGE_POOL_2D": ("Pool2DOptions", ("Padding", "StrideW", "StrideH", "FilterWidth", "FilterHeight")),
    "MAX_POOL_2D": ("Pool2DOptions", ("Padding", "StrideW", "StrideH", "FilterWidth", "FilterHeight")),
    "ADD": ("AddOptions", ()),
    "CONCATENATION": ("ConcatenationOptions", ("Axis",)),
    "FULLY_CONNECTED": ("FullyConnectedOptions", ("WeightsFormat", "KeepNumDims")),
    "MEAN": ("ReducerOptions", ("KeepDims",)),
    "SOFTMAX": ("SoftmaxOptions", ("Beta",)),
    LSTM: ("UnidirectionalSequenceLSTMOptions", ("CellClip", "ProjClip", "TimeMajor")),
    "STRIDED_SLICE": (
        "StridedSliceOptions",
        ("BeginMask", "EndMask", "EllipsisMask", "NewAxisMask", "ShrinkAxisMask", "Offset"),
    ),
}


def _options(kind: str, raw: Any) -> dict[str, Any]:
    if kind not in OPTION_FIELDS:
        return {}
    name, fields = OPTION_FIELDS[kind]
    table = raw.BuiltinOptions()
    if table is None or raw.BuiltinOptionsType() != getattr(tflite.BuiltinOptions, name):
        raise ModelError(f"An operator {kind} comes without its options.", hint=_HINT)
    options = getattr(tflite, name)()
    options.Init(table.Bytes, table.Pos)
    checked(options)
    found = {field: getattr(options, field)() for field in fields}
    if not all(math.isfinite(value) for value in found.values()):
        raise ModelError(f"An option of an operator {kind} is infinite or no number.", hint=_HINT)
    if hasattr(options, "FusedActivationFunction"):
        found["activation"] = ACTIVATIONS.get(options.FusedActivationFunction(), "unknown")
    return found


def _signature_outputs(model: Any, tensor_count: int) -> Mapping[str, int]:
    names = {}
    if _bounded(model.SignatureDefsLength(), 64, "signatures") > 0:
        signature = checked(model.SignatureDefs(0))
        for i in range(_bounded(signature.OutputsLength(), 64, "signature outputs")):
            entry = checked(signature.Outputs(i))
            names[_text(entry._tab, 4)] = _bounded(entry.TensorIndex(), tensor_count - 1, "as tensor index")
    return MappingProxyType(names)


def with_scale(content: bytes, tensor: int, scale: float) -> bytes:
    """The model with another scale for a tensor that is quantized as a whole; nothing else changes.

    Raises:
        ModelError: The model is malformed, or that tensor has not exactly one scale.
    """
    if len(read_model(content).tensors[tensor].scales) != 1:
        raise ModelError(f"Tensor {tensor} has not exactly one scale.", hint=_HINT)
    raw = tflite.Model.GetRootAs(content, 0).Subgraphs(0).Tensors(tensor).Quantization()._tab
    patched = bytearray(content)
    struct.pack_into("<f", patched, raw.Vector(raw.Offset(_SCALE_FIELD)), scale)
    return bytes(patched)


def mend_cell_scale(content: bytes) -> tuple[bytes, list[str]]:
    """Raise LSTM cell-state scales below 2^-15 to 2^-15; return the model and a sentence for each change.

    With a scale of 2^-16, which the converter writes for cell states that stay under 0.5, the TFLite runtime
    shifts by a negative amount and computes garbage without an error.

    Raises:
        ModelError: The model is malformed.
    """
    graph = read_model(content)
    sentences = []
    for operator in graph.operators:
        if operator.kind != LSTM:
            continue
        cell = graph.optional_input(operator, CELL_STATE_INPUT)
        if cell is None or len(cell.scales) > 1:
            raise refuse(operator, "has no proper cell state", "Convert the model again")
        if cell.scales and cell.scale < SMALLEST_CELL_SCALE:
            content = with_scale(content, cell.index, SMALLEST_CELL_SCALE)
            sentences.append(
                f"The cell state of operator {operator.index} had the scale 2^{math.log2(cell.scale):g}, "
                "which the TFLite runtime computes wrongly; it is now 2^-15."
            )
    return content, sentences
