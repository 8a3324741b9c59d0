"""Builds `.tflite` files operator by operator, with quantization that a converter would never write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import flatbuffers
import numpy as np
from numpy.typing import NDArray
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

_TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "int32": schema.TensorType.INT32,
    "int64": schema.TensorType.INT64,
    "int16": schema.TensorType.INT16,
    "int8": schema.TensorType.INT8,
}


class FlatbufferBuilder:
    """One graph; tensors and operators are added in order of execution, tensors are named by their index."""

    def __init__(self) -> None:
        self._buffers = [schema.BufferT()]
        self._tensors: list[Any] = []
        self._operators: list[Any] = []
        self._codes: list[int] = []

    def tensor(
        self,
        shape: Sequence[int],
        dtype: str,
        *,
        data: NDArray[Any] | None = None,
        scales: Sequence[float] = (),
        zero_point: int = 0,
        variable: bool = False,
        quantized_dimension: int = 0,
    ) -> int:
        """Add a tensor, constant where there are data, and return its index."""
        made = schema.TensorT()
        made.name, made.shape, made.type = f"t{len(self._tensors)}", list(shape), _TYPES[dtype]
        made.isVariable = variable
        made.buffer = 0
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
            made.buffer = len(self._buffers)
            self._buffers.append(buffer)
        if scales:
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale = [float(np.float32(scale)) for scale in scales]
            made.quantization.zeroPoint = [zero_point] * len(scales)
            made.quantization.quantizedDimension = quantized_dimension
        self._tensors.append(made)
        return len(self._tensors) - 1

    def operator(
        self,
        kind: str,
        inputs: Sequence[int],
        output: int,
        options: str = "",
        fields: Mapping[str, Any] | None = None,
        intermediates: Sequence[int] = (),
    ) -> int:
        """Add an operator with the fields of its options, and return its output."""
        code = getattr(schema.BuiltinOperator, kind)
        if code not in self._codes:
            self._codes.append(code)
        made = schema.OperatorT()
        made.opcodeIndex, made.inputs, made.outputs = self._codes.index(code), list(inputs), [output]
        made.intermediates = list(intermediates)
        if options:
            made.builtinOptionsType = getattr(schema.BuiltinOptions, options)
            made.builtinOptions = getattr(schema, f"{options}T")()
            for name, value in (fields or {}).items():
                setattr(made.builtinOptions, name, value)
        self._operators.append(made)
        return output

    def finish(self, source: int, outputs: Mapping[str, int]) -> bytes:
        """The file, with one input and outputs by their signature's names."""
        graph = schema.SubGraphT()
        graph.tensors, graph.operators = self._tensors, self._operators
        graph.inputs, graph.outputs = [source], list(outputs.values())
        model = schema.ModelT()
        model.version, model.subgraphs, model.buffers = 3, [graph], self._buffers
        model.operatorCodes = [_operator_code(code) for code in self._codes]
        model.signatureDefs = [_signature(source, outputs)]
        builder = flatbuffers.Builder(1 << 16)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def _operator_code(code: int) -> Any:
    made = schema.OperatorCodeT()
    made.builtinCode, made.deprecatedBuiltinCode, made.version = code, min(code, 127), 1
    return made


def _signature(source: int, outputs: Mapping[str, int]) -> Any:
    made = schema.SignatureDefT()
    made.signatureKey, made.subgraphIndex = "serving_default", 0
    made.inputs = [_entry("codes", source)]
    made.outputs = [_entry(name, index) for name, index in outputs.items()]
    return made


def _entry(name: str, index: int) -> Any:
    made = schema.TensorMapT()
    made.name, made.tensorIndex = name, index
    return made
