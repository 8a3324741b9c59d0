"""The conversion gate: a model passes only if its structure is what the engines can run and if every
executor comes close to the float model. Comparing executors with each other is not enough: they can agree on
a wrong answer, and one of them is known to compute garbage silently (see ``mend_cell_scale``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myofin.convert.executors import Outputs
from myofin.convert.features_op import FEATURES_OP
from myofin.convert.flatbuffer import CELL_STATE_INPUT, SMALLEST_CELL_SCALE, read_model
from myofin.convert.graph import LSTM, Graph, Tensor, find_outputs
from myofin.errors import CheckError
from myofin.features import r2

# What the codes are in units of one, by the type of the input: int16 inputs are codes * 256.
INPUT_SCALES: Mapping[str, float] = {"int8": 2.0**-7, "int16": 2.0**-15}
_SCHEMES: Mapping[str, str] = {"float32": "float32", "int8": "int8", "int16": "int16x8"}
_KERAS_HINT = "Train again with tf_keras (Keras 2) and static shapes: Keras 3 and a free batch do not fuse."


@dataclass(frozen=True)
class Closeness:
    """How close one executor is to the float model, or how close it must be.

    Attributes:
        feature_r2: R² of the features against the float model's, over all windows and features.
        logit_correlation: Pearson correlation of the logits, over all windows and classes.
        argmax_agreement: Share of windows in which both decide for the same class.
    """

    feature_r2: float
    logit_correlation: float
    argmax_agreement: float


# Rounding to 8 bits (of int16x8: the weights) costs about .001 in R²; a leaked state, a wrong scale or
# another graph costs far more. Agreement is looser: where classes overlap, windows sit on the boundary in
# the float model already.
THRESHOLDS: Mapping[str, Closeness] = {
    "float32": Closeness(feature_r2=0.99999, logit_correlation=0.99999, argmax_agreement=0.995),
    "int8": Closeness(feature_r2=0.95, logit_correlation=0.95, argmax_agreement=0.80),
    "int16x8": Closeness(feature_r2=0.95, logit_correlation=0.95, argmax_agreement=0.80),
}


@dataclass(frozen=True)
class GateReport:
    """What the gate found; everything in it held.

    Attributes:
        lstm_ops: Fused LSTM operators.
        operators: Kind of every operator, in order.
        cell_scales: Scale of each LSTM's int16 cell state; empty for float models.
        input_scale: Of the input, exactly 1/128 (int8) or 1/32768 (int16); 1 for float models.
        input_zero_point: Of the input, 0.
        executors: Closeness of each executor to the float model.
        thresholds: What each had to reach.
        windows: Windows compared.
    """

    lstm_ops: int
    operators: tuple[str, ...]
    cell_scales: tuple[float, ...]
    input_scale: float
    input_zero_point: int
    thresholds: Closeness
    windows: int
    executors: dict[str, Closeness] = field(default_factory=dict)


def check_gate(
    model: bytes,
    float_model: bytes,
    outputs: Mapping[str, Outputs],
    floats: Outputs,
    *,
    expected_lstm_ops: int = 1,
) -> GateReport:
    """Check a converted model's structure, and its outputs against the float model's.

    Args:
        model: The TFLite model that is to ship.
        float_model: The float32 TFLite model of the same run; its structure is checked too.
        outputs: Raw outputs of each executor on the same windows of ``model``.
        floats: Outputs of the float model on these windows.
        expected_lstm_ops: How many fused LSTM operators the network has.

    Raises:
        CheckError: Something does not hold; the message names the cause and the hint the fix.
        ModelError: A model is malformed, or its shapes are not static.
    """
    graph = read_model(model)
    outputs_found = find_outputs(graph)
    if outputs_found.features == outputs_found.logits:
        raise CheckError(
            "The model has one output where features and logits are needed.",
            hint="Export both, under the names 'features' and 'logits'.",
        )
    for candidate in (read_model(float_model), graph):
        _check_operators(candidate, expected_lstm_ops)
    source = graph.tensors[graph.inputs[0]]
    is_float = source.dtype == "float32"
    _check_types(graph, source)
    cell_scales = () if is_float else _check_cells(graph)
    threshold = THRESHOLDS[_SCHEMES[source.dtype]]
    return GateReport(
        lstm_ops=expected_lstm_ops,
        operators=tuple(operator.kind for operator in graph.operators),
        cell_scales=cell_scales,
        input_scale=1.0 if is_float else source.scale,
        input_zero_point=0 if is_float else source.zero_point,
        thresholds=threshold,
        windows=len(floats.logits),
        executors={
            name: _check_close(name, graph, found, floats, threshold) for name, found in outputs.items()
        },
    )


def _check_operators(graph: Graph, expected_lstm_ops: int) -> None:
    kinds = [operator.kind for operator in graph.operators]
    foreign = [kind for kind in kinds if kind.startswith("CUSTOM") and kind != FEATURES_OP]
    if foreign:
        raise CheckError(
            f"The model needs {foreign[0]}, which no microcontroller engine has (a Flex or custom operator).",
            hint="Build the network from operators that TFLite has itself.",
        )
    if "WHILE" in kinds:
        raise CheckError("The LSTM was converted to a WHILE loop instead of one operator.", hint=_KERAS_HINT)
    found = kinds.count(LSTM)
    if found != expected_lstm_ops:
        raise CheckError(
            f"The model has {found} fused {LSTM} where {expected_lstm_ops} are needed.", hint=_KERAS_HINT
        )


def _check_types(graph: Graph, source: Tensor) -> None:
    if source.dtype == "float32":
        return
    if source.dtype not in INPUT_SCALES or len(source.scales) != 1:
        raise CheckError(
            f"The model's input is {source.dtype}, not int8 or int16.",
            hint="Convert with one of the schemes float32, int8 and int16x8.",
        )
    wanted = INPUT_SCALES[source.dtype]
    if source.scale != wanted or source.zero_point != 0:
        raise CheckError(
            f"The input has the scale {source.scale!r} and zero point {source.zero_point}; the codes need"
            f" exactly 1/{1 / wanted:.0f} and 0.",
            hint="Calibrate with windows that hold the codes -128 and 127, as myofin's own worker does.",
        )
    found = find_outputs(graph)
    for index in (found.features, found.logits):
        if graph.tensors[index].dtype != source.dtype:
            raise CheckError(
                f"The output {graph.tensors[index].name} is {graph.tensors[index].dtype}, "
                f"not {source.dtype} as the input is.",
                hint="Convert with inputs and outputs of one type.",
            )


def _check_cells(graph: Graph) -> tuple[float, ...]:
    scales = []
    for operator in graph.operators:
        if operator.kind != LSTM:
            continue
        scale = graph.input(operator, CELL_STATE_INPUT).scale
        if scale < SMALLEST_CELL_SCALE:
            raise CheckError(
                f"The cell state of operator {operator.index} has the scale {scale:.3g}, under 2^-15:"
                " the TFLite runtime computes garbage with it.",
                hint="Pass the model through myofin.convert.flatbuffer.mend_cell_scale first.",
            )
        scales.append(scale)
    return tuple(scales)


def _check_close(name: str, graph: Graph, found: Outputs, floats: Outputs, threshold: Closeness) -> Closeness:
    tensors = find_outputs(graph)
    features = graph.tensors[tensors.features].real(found.features)
    logits = graph.tensors[tensors.logits].real(found.logits)
    closeness = measure_closeness(features, logits, floats)
    for quantity, needed in vars(threshold).items():
        value = getattr(closeness, quantity)
        if value < needed:
            raise CheckError(
                f"{name} is too far from the float model: {quantity.replace('_', ' ')} {value:.4f}, at least"
                f" {needed} is needed.",
                hint="Train longer (--epochs), and give calibration windows that are like the test signal.",
            )
    return closeness


def measure_closeness(
    features: NDArray[np.float64], logits: NDArray[np.float64], floats: Outputs
) -> Closeness:
    """Compare outputs in real units, ``[w, n]``, with the float model's."""
    return Closeness(
        feature_r2=_finite(r2(floats.features, features)),
        logit_correlation=_correlation(floats.logits, logits),
        argmax_agreement=float(np.mean(floats.logits.argmax(axis=1) == logits.argmax(axis=1))),
    )


def _correlation(wanted: NDArray[Any], got: NDArray[Any]) -> float:
    a = wanted.astype(np.float64).ravel() - wanted.mean()
    b = got.astype(np.float64).ravel() - got.mean()
    size = float(np.sqrt(np.square(a).sum() * np.square(b).sum()))
    return _finite(float((a * b).sum()) / size) if size > 0 else float(np.array_equal(wanted, got))


def _finite(value: float) -> float:
    # NaN outputs must fail the comparison, and manifests hold finite numbers only.
    return value if np.isfinite(value) else -1.0
