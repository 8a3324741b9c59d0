"""The generated C on int16x8 equals TFLM's reference kernels in every bit, between layers too."""

from __future__ import annotations

import itertools
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from engine_cases import CHANNELS, INT16_MODELS, assert_equal, model, windows, with_random_constants

from myofin.convert.codegen_s16 import DenseWeights16, OnceScale, linear_layer_16, narrow_bias, once_scale
from myofin.convert.executors import TflmExecutor
from myofin.convert.flatbuffer import CELL_STATE_INPUT, read_model, with_scale
from myofin.convert.flatbuffer_writer import write_model
from myofin.convert.graph import LSTM, Operator
from myofin.convert.int16x8 import convert_to_int16x8
from myofin.errors import ModelError
from myofin.frontend import FrontEnd
from myofin.recordings.load import load_recording

needs_tflm = pytest.mark.skipif(
    find_spec("tflite_micro") is None,
    reason="tflite-micro has no wheel for this Python: no oracle to compare with",
)
HIDDEN_INPUT = 18
SIGNED_SHIFTS = range(-31, 8)
OPERATOR = Operator(7, "CONV_2D", (), ())


@needs_tflm
@pytest.mark.parametrize("name", INT16_MODELS)
def test_converted_models(name: str, tmp_path: Path) -> None:
    content = model(name)
    found = assert_equal(content, CHANNELS[name], windows(content, 150), tmp_path)
    assert len(np.unique(found.features)) > 500  # the comparison is not of constants


@needs_tflm
@pytest.mark.parametrize("name", INT16_MODELS)
@pytest.mark.parametrize("seed", range(3))
def test_random_and_saturating_weights(name: str, seed: int, tmp_path: Path) -> None:
    content = with_random_constants(model(name), seed)
    assert_equal(content, CHANNELS[name], windows(content, 60, seed), tmp_path)


@needs_tflm
@pytest.mark.parametrize("power", [-18, -15, -12, -9])
def test_cell_scales(power: int, tmp_path: Path) -> None:
    content = model("shared4_int16x8")
    lstm = next(op for op in read_model(content).operators if op.kind == LSTM)
    content = with_scale(content, lstm.inputs[CELL_STATE_INPUT], 2.0**power)
    assert_equal(content, 4, windows(content, 40), tmp_path)


@needs_tflm
@pytest.mark.parametrize("factor", [2.0**-9, 2.0**-5, 2.0**5])
def test_scales_of_hidden_values(factor: float, tmp_path: Path) -> None:
    """Fine scales saturate the hidden values, and need more than 32 bits of shift; coarse ones lose them."""
    content = model("shared4_int16x8")
    graph = read_model(content)
    lstm = next(op for op in graph.operators if op.kind == LSTM)
    for tensor in (lstm.inputs[HIDDEN_INPUT], lstm.outputs[0]):
        content = with_scale(content, tensor, graph.tensors[tensor].scale * factor)
    assert_equal(content, 4, windows(content, 40), tmp_path)


@needs_tflm
def test_between_the_layers(tmp_path: Path) -> None:
    """The same graph cut short: its outputs are the LSTM's last state and each layer after it."""
    graph = read_model(model("shared4_int16x8"))
    kept = [op for op in graph.operators if op.kind in ("STRIDED_SLICE", "FULLY_CONNECTED")]
    tensors = [op.outputs[0] for op in kept]
    for number, (features, logits) in enumerate(itertools.pairwise(tensors)):
        names = {"features": features, "logits": logits}
        last = next(op.index for op in graph.operators if logits in op.outputs)
        cut = replace(graph, operators=graph.operators[: last + 1], outputs=(features, logits), names=names)
        content = write_model(cut)
        found = assert_equal(content, 4, windows(content, 40), tmp_path / str(number))
        assert len(np.unique(found.features)) > 100


@needs_tflm
def test_real_recording(tmp_path: Path, real_data: Path) -> None:
    counts = load_recording(real_data / "3dc" / "participant07.npz").counts[:, :4]
    front = FrontEnd.fit(counts)
    content = model("shared4_int16x8")
    starts = np.linspace(0, len(counts) - 300, 200).astype(int)
    codes = front.encode_windows(np.stack([counts[start : start + 300] for start in starts]))
    assert_equal(content, 4, codes, tmp_path, front=front)


def reference_rescale(value: int, factor: float) -> int:
    """TFLM's MultiplyByQuantizedMultiplier on int64, transcribed."""
    fraction, shift = np.frexp(factor)
    multiplier = int(np.floor(fraction * 2**31 + 0.5))
    if multiplier == 2**31:
        multiplier, shift = multiplier // 2, shift + 1
    reduced = (multiplier + (1 << 15)) >> 16 if multiplier < 0x7FFF0000 else 0x7FFF
    total = 15 - int(shift)
    return (value * reduced + (1 << (total - 1))) >> total


def test_a_factor_in_another_form_gives_the_same_bits() -> None:
    rng = np.random.default_rng(1)
    forms = set()
    for shift in SIGNED_SHIFTS:
        for fraction in (*rng.uniform(0.5, 1, 40), 0.5, 1 - 2.0**-33, 1 - 2.0**-17):
            factor = float(fraction * 2.0**shift)
            scale = once_scale(factor)
            forms.add(scale.shift == 32)
            assert 0 < scale.multiplier < 2**31
            for value in (*rng.integers(-(2**31), 2**31, 20), -(2**31), 2**31 - 1, 0, 1, -1):
                expected = reference_rescale(int(value), factor)
                assert int(scale.apply(np.array([value], np.int64))[0]) == expected
    assert forms == {True, False}


def test_a_bias_beyond_saturation_is_brought_back() -> None:
    """Every gate keeps its value: clamped or not, the sums saturate alike."""
    operator = next(op for op in read_model(model("joint4_int16x8")).operators if op.kind == LSTM)
    weights = np.full((4, 1, 3), 100, np.int8)
    scales = (OnceScale(1 << 20, 32),) * 4
    bias = np.array([[5_000_000_000], [-5_000_000_000], [77], [0]])
    narrow = narrow_bias(operator, weights, bias, scales)
    reach = 32768 * 300
    for sums in (-reach, 0, reach):
        wide, kept = (np.clip(scales[0].apply(b + sums), -32768, 32767) for b in (bias, narrow))
        assert np.array_equal(wide, kept)
    assert np.abs(narrow).max() + reach < 2**31
    with pytest.raises(ModelError, match="beyond 32 bits"):
        narrow_bias(operator, weights, bias, (OnceScale(1 << 10, 32),) * 4)
    with pytest.raises(ModelError, match="-128"):
        narrow_bias(operator, np.full((4, 1, 3), -128, np.int8), bias, scales)


def random_layer_16(seed: int) -> DenseWeights16:
    rng = np.random.default_rng(seed)
    weights = rng.integers(-127, 128, (6, 24)).astype(np.int8)
    bias = np.rint(rng.normal(0, 1, 6) * 10.0 ** np.array([3, 5, 6, 7, 9, 11])).astype(np.int64)
    scales = tuple(once_scale(float(factor)) for factor in 2.0 ** rng.uniform(-13, -6, 6))
    return DenseWeights16(weights, bias, scales, 0, 32767)


@pytest.mark.parametrize("seed", range(6))
def test_a_layer_over_samples_in_32_bits_equals_64(seed: int) -> None:
    """What ``SMMULR`` and ``USAT`` compute, for inputs of every size and biases far beyond them."""
    layer = random_layer_16(seed)
    linear = linear_layer_16(OPERATOR, layer)
    rng = np.random.default_rng(seed)
    x = rng.integers(-32768, 32768, (500, 24)) >> rng.integers(0, 16, (500, 1))
    sums = x @ linear.weights.T.astype(np.int64) + linear.offsets
    assert np.abs(sums).max() < 2**31
    found = np.clip((sums * linear.factors + 2**31) >> 32, 0, 32767)
    assert np.array_equal(found, layer.apply(x.astype(np.int16)))
    assert len(np.unique(found)) > 100


def test_layers_over_samples_that_the_kernel_cannot_follow_are_refused() -> None:
    layer = random_layer_16(0)
    with pytest.raises(ModelError, match=r"Operator 7 \(CONV_2D\) has no ReLU"):
        linear_layer_16(OPERATOR, replace(layer, low=-32768))
    with pytest.raises(ModelError, match="cannot follow"):
        linear_layer_16(OPERATOR, replace(layer, scales=(once_scale(0.7),)))


@needs_tflm
def test_weights_too_fine_for_their_bias_take_a_coarser_scale(tmp_path: Path) -> None:
    """A value that hardly depends on its samples: with the scale of its weights, its bias needs 34 bits."""
    graph = read_model(model("conv3_float32"))
    conv = next(op for op in graph.operators if op.kind == "CONV_2D")
    weights, bias = graph.constant(conv, 1).copy(), graph.constant(conv, 2).copy()
    weights[0], bias[0] = 1e-6, 2.0
    tensors = list(graph.tensors)
    for position, data in ((1, weights), (2, bias)):
        tensors[conv.inputs[position]] = replace(tensors[conv.inputs[position]], data=data)
    changed = write_model(replace(graph, tensors=tuple(tensors)))
    codes = windows(changed, 60, seed=1)
    content = convert_to_int16x8(changed, codes)
    found = assert_equal(content, 3, codes, tmp_path)
    scale = read_model(content).tensors[read_model(content).names["features"]].scale
    assert np.abs(found.features * scale - TflmExecutor(changed).run(codes).features).max() < 0.1
