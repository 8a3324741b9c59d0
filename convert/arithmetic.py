"""A run with features by arithmetic to its models: the features operator and a quantized head."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from myofin.convert.features_op import FEATURES_OP, FLOAT_UNIT, constants_of
from myofin.convert.flatbuffer_writer import write_model
from myofin.convert.graph import FEATURES, LOGITS, Graph, Operator, Tensor
from myofin.convert.run import Run
from myofin.errors import ArtifactError, InputError
from myofin.integer_features import integer_features
from myofin.integer_head import HEAD_FILE, IntegerHead, load_head

_WEIGHT_MAX: Final = 127
_SMALLEST_RANGE: Final = 1e-6
_OPTIONS: Final = MappingProxyType({"WeightsFormat": 0, "KeepNumDims": False, "activation": "relu"})


def arithmetic_models(run: Run, scheme: str) -> tuple[bytes, bytes]:
    """The float32 reference and the int8 model of such a run.

    Raises:
        InputError: The scheme is another one.
        ArtifactError: The run lacks its head, or it does not fit the run.
    """
    if scheme != "int8":
        raise InputError(
            f"Features by arithmetic are integers: there is no scheme {scheme} for them.",
            hint="Convert with --scheme int8, or train with --features-by lstm.",
        )
    head = _read_head(run.manifest.folder, run)
    return float_model(head), quantized_head(head, run.calibration)


def quantized_head(head: IntegerHead, codes: NDArray[np.int8]) -> bytes:
    """The int8 model of a head whose logits reach as far as those of calibration windows of codes."""
    logits = head.logits(integer_features(head.tables, codes))
    return int8_model(head, float(logits.max(initial=_SMALLEST_RANGE)))


def _read_head(folder: Path, run: Run) -> IntegerHead:
    try:
        head = load_head(folder)
    except (OSError, KeyError, ValueError) as error:
        raise ArtifactError(
            f"The run {folder} lacks {HEAD_FILE}, or an array of it ({error}).",
            hint="Make it again with `myofin train`.",
        ) from error
    body, tables = run.body, head.tables
    sizes = (tables.channels, tables.frame_samples, tables.frames)
    if (
        sizes != (body.channels, body.frame_samples, body.frames)
        or tables.names != body.features.names
        or head.kernel.shape != (tables.size, len(body.classes))
        or tables.problem() is not None
    ):
        raise ArtifactError(
            f"{HEAD_FILE} of the run {folder} does not fit the run.",
            hint="Make it again with `myofin train`.",
        )
    return head


def int8_model(head: IntegerHead, highest: float) -> bytes:
    """A head as a `.tflite` file: weights with one scale for each class, and logits from 0 to ``highest``."""
    kernel = head.kernel.T
    scales = np.maximum(np.abs(kernel).max(axis=1), _SMALLEST_RANGE) / _WEIGHT_MAX
    scales = scales.astype(np.float32).astype(np.float64)
    weights = np.clip(np.rint(kernel / scales[:, np.newaxis]), -_WEIGHT_MAX, _WEIGHT_MAX).astype(np.int8)
    bias = np.rint(head.bias / (scales * head.scale)).astype(np.int32)
    per_class = tuple(float(scale) for scale in scales)
    zeros = (0,) * len(per_class)
    return _model(
        head,
        "int8",
        {"scales": (head.scale,), "zero_points": (head.zero_point,)},
        (weights, {"scales": per_class, "zero_points": zeros}),
        (bias, {"scales": tuple(head.scale * scale for scale in per_class), "zero_points": zeros}),
        {"scales": (float(np.float32(highest / 255)),), "zero_points": (-128,)},
    )


def float_model(head: IntegerHead) -> bytes:
    """The same features unrounded, standardised, and the head on them, as a `.tflite` file."""
    kernel, bias = head.kernel.T.astype(np.float32), head.bias.astype(np.float32)
    return _model(head, "float32", {}, (kernel, {}), (bias, {}), {}, exact=True)


def _model(
    head: IntegerHead,
    dtype: str,
    features: dict[str, Any],
    weights: tuple[NDArray[Any], dict[str, Any]],
    bias: tuple[NDArray[Any], dict[str, Any]],
    logits: dict[str, Any],
    *,
    exact: bool = False,
) -> bytes:
    tables = head.with_step(FLOAT_UNIT) if exact else head.tables
    count = head.kernel.shape[1]
    code: dict[str, Any] = {} if exact else {"scales": (2.0**-7,), "zero_points": (0,)}
    window = (1, tables.frames, tables.frame_samples * tables.channels)
    constants = constants_of(tables)
    tensors = [Tensor(0, "codes", window, dtype, **code)]
    tensors += [
        Tensor(place, name, data.shape, data.dtype.name, data=data)
        for place, (name, data) in enumerate(constants.items(), start=1)
    ]
    first = len(tensors)
    tensors += [
        Tensor(first, FEATURES, (1, tables.size), dtype, **features),
        Tensor(
            first + 1, "head/kernel", weights[0].shape, weights[0].dtype.name, data=weights[0], **weights[1]
        ),
        Tensor(first + 2, "head/bias", bias[0].shape, bias[0].dtype.name, data=bias[0], **bias[1]),
        Tensor(first + 3, LOGITS, (1, count), dtype, **logits),
    ]
    operators = (
        Operator(0, FEATURES_OP, tuple(range(first)), (first,)),
        Operator(1, "FULLY_CONNECTED", (first, first + 1, first + 2), (first + 3,), _OPTIONS),
    )
    names = MappingProxyType({FEATURES: first, LOGITS: first + 3})
    return write_model(Graph(tuple(tensors), operators, (0,), (first, first + 3), names))
