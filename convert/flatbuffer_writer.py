"""Write a typed graph as a `.tflite` file without TensorFlow: the counterpart of ``read_model``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import flatbuffers
import numpy as np
import tflite
from numpy.typing import NDArray

from myofin.convert.flatbuffer import ACTIVATIONS, DTYPES, OPTION_FIELDS
from myofin.convert.graph import Graph, Operator, Tensor

SCHEMA_VERSION: Final = 3
FILE_MARK: Final = b"TFL3"
CONSTANT_ALIGNMENT: Final = 16
SIGNATURE_KEY: Final = "serving_default"
_TYPE_NUMBERS: Final = {name: number for number, name in DTYPES.items()}
_ACTIVATION_NUMBERS: Final = {name: number for number, name in ACTIVATIONS.items()}
_OLD_CODES: Final = 127  # operators beyond this number have no deprecated code of one byte


def write_model(graph: Graph) -> bytes:
    """The content of a `.tflite` file: one graph, its constants, and a signature that names the outputs.

    What ``read_model`` reads of an operator's options is written; whatever else they held takes its default.
    """
    builder = flatbuffers.Builder(1 << 16)
    kinds = list(dict.fromkeys(operator.kind for operator in graph.operators))
    held = [tensor for tensor in graph.tensors if tensor.data is not None]
    buffers = [_buffer(builder, None), *(_buffer(builder, tensor.data) for tensor in held)]
    numbers = {tensor.index: i + 1 for i, tensor in enumerate(held)}
    codes = [_operator_code(builder, kind) for kind in kinds]
    parts = {
        "OperatorCodes": _offsets(builder, codes),
        "Buffers": _offsets(builder, buffers),
        "Subgraphs": _offsets(builder, [_subgraph(builder, graph, kinds, numbers)]),
        "SignatureDefs": _offsets(builder, [_signature(builder, graph)] if graph.names else []),
    }
    tflite.ModelStart(builder)
    tflite.ModelAddVersion(builder, SCHEMA_VERSION)
    for name, offset in parts.items():
        getattr(tflite, f"ModelAdd{name}")(builder, offset)
    builder.Finish(tflite.ModelEnd(builder), FILE_MARK)
    return bytes(builder.Output())


def _offsets(builder: Any, offsets: Iterable[int]) -> int:
    items = list(offsets)
    builder.StartVector(4, len(items), 4)
    for item in reversed(items):
        builder.PrependUOffsetTRelative(item)
    return int(builder.EndVector())


def _integers(builder: Any, values: Iterable[int]) -> int:
    return int(builder.CreateNumpyVector(np.array(list(values), np.int32)))


def _buffer(builder: Any, data: NDArray[Any] | None) -> int:
    offset = 0
    if data is not None:
        raw = np.ascontiguousarray(data).tobytes()
        builder.StartVector(1, len(raw), CONSTANT_ALIGNMENT)
        builder.head -= len(raw)
        builder.Bytes[builder.head : builder.head + len(raw)] = raw
        offset = builder.EndVector()
    tflite.BufferStart(builder)
    if data is not None:
        tflite.BufferAddData(builder, offset)
    return int(tflite.BufferEnd(builder))


def _operator_code(builder: Any, kind: str) -> int:
    builtin, _, custom = kind.partition(":")
    number = int(getattr(tflite.BuiltinOperator, builtin))
    name = builder.CreateString(custom) if custom else None
    tflite.OperatorCodeStart(builder)
    if name is not None:
        tflite.OperatorCodeAddCustomCode(builder, name)
    tflite.OperatorCodeAddDeprecatedBuiltinCode(builder, min(number, _OLD_CODES))
    tflite.OperatorCodeAddVersion(builder, 1)
    tflite.OperatorCodeAddBuiltinCode(builder, number)
    return int(tflite.OperatorCodeEnd(builder))


def _subgraph(builder: Any, graph: Graph, kinds: list[str], buffers: Mapping[int, int]) -> int:
    tensors = _offsets(builder, [_tensor(builder, t, buffers.get(t.index, 0)) for t in graph.tensors])
    operators = _offsets(builder, [_operator(builder, op, kinds.index(op.kind)) for op in graph.operators])
    inputs, outputs = _integers(builder, graph.inputs), _integers(builder, graph.outputs)
    tflite.SubGraphStart(builder)
    tflite.SubGraphAddTensors(builder, tensors)
    tflite.SubGraphAddInputs(builder, inputs)
    tflite.SubGraphAddOutputs(builder, outputs)
    tflite.SubGraphAddOperators(builder, operators)
    return int(tflite.SubGraphEnd(builder))


def _tensor(builder: Any, tensor: Tensor, buffer: int) -> int:
    name, shape = builder.CreateString(tensor.name), _integers(builder, tensor.shape)
    quantization = _quantization(builder, tensor) if tensor.scales else None
    tflite.TensorStart(builder)
    tflite.TensorAddShape(builder, shape)
    tflite.TensorAddType(builder, _TYPE_NUMBERS[tensor.dtype])
    tflite.TensorAddBuffer(builder, buffer)
    tflite.TensorAddName(builder, name)
    if quantization is not None:
        tflite.TensorAddQuantization(builder, quantization)
    tflite.TensorAddIsVariable(builder, tensor.is_variable)
    return int(tflite.TensorEnd(builder))


def _quantization(builder: Any, tensor: Tensor) -> int:
    scales = builder.CreateNumpyVector(np.array(tensor.scales, np.float32))
    zeros = tensor.zero_points or (0,) * len(tensor.scales)
    zero_points = builder.CreateNumpyVector(np.array(zeros, np.int64))
    tflite.QuantizationParametersStart(builder)
    tflite.QuantizationParametersAddScale(builder, scales)
    tflite.QuantizationParametersAddZeroPoint(builder, zero_points)
    tflite.QuantizationParametersAddQuantizedDimension(builder, tensor.quantized_dimension)
    return int(tflite.QuantizationParametersEnd(builder))


def _operator(builder: Any, operator: Operator, code: int) -> int:
    inputs, outputs = _integers(builder, operator.inputs), _integers(builder, operator.outputs)
    intermediates = _integers(builder, operator.intermediates) if operator.intermediates else None
    options = _options(builder, operator)
    tflite.OperatorStart(builder)
    tflite.OperatorAddOpcodeIndex(builder, code)
    tflite.OperatorAddInputs(builder, inputs)
    tflite.OperatorAddOutputs(builder, outputs)
    if options is not None:
        kind, offset = options
        tflite.OperatorAddBuiltinOptionsType(builder, getattr(tflite.BuiltinOptions, kind))
        tflite.OperatorAddBuiltinOptions(builder, offset)
    if intermediates is not None:
        tflite.OperatorAddIntermediates(builder, intermediates)
    return int(tflite.OperatorEnd(builder))


def _options(builder: Any, operator: Operator) -> tuple[str, int] | None:
    if operator.kind not in OPTION_FIELDS:
        return None
    kind, fields = OPTION_FIELDS[operator.kind]
    getattr(tflite, f"{kind}Start")(builder)
    for field in fields:
        getattr(tflite, f"{kind}Add{field}")(builder, operator.options[field])
    if "activation" in operator.options:
        number = _ACTIVATION_NUMBERS[operator.options["activation"]]
        getattr(tflite, f"{kind}AddFusedActivationFunction")(builder, number)
    return kind, int(getattr(tflite, f"{kind}End")(builder))


def _signature(builder: Any, graph: Graph) -> int:
    outputs = _offsets(builder, [_named(builder, name, index) for name, index in sorted(graph.names.items())])
    inputs = _offsets(builder, [_named(builder, "codes", index) for index in graph.inputs])
    key = builder.CreateString(SIGNATURE_KEY)
    tflite.SignatureDefStart(builder)
    tflite.SignatureDefAddInputs(builder, inputs)
    tflite.SignatureDefAddOutputs(builder, outputs)
    tflite.SignatureDefAddSignatureKey(builder, key)
    return int(tflite.SignatureDefEnd(builder))


def _named(builder: Any, name: str, tensor: int) -> int:
    text = builder.CreateString(name)
    tflite.TensorMapStart(builder)
    tflite.TensorMapAddName(builder, text)
    tflite.TensorMapAddTensorIndex(builder, tensor)
    return int(tflite.TensorMapEnd(builder))
