"""Layers over three samples: their one rounding against the reference's two, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from engine_cases import CHANNELS, generate, model, windows, with_random_constants

from myofin.convert.codegen_arithmetic import DenseWeights, Scale, dense_weights, fixed_point, rescale
from myofin.convert.codegen_staircase import LinearLayer, linear_layer
from myofin.convert.executors import HostEngineExecutor, TflmExecutor
from myofin.convert.flatbuffer import read_model
from myofin.convert.graph import Operator
from myofin.errors import ModelError

pytest.importorskip(
    "tflite_micro", reason="tflite-micro has no wheel for this Python: no oracle to compare with"
)

OPERATOR = Operator(7, "CONV_2D", (), ())


def assert_every_sum(layer: DenseWeights, linear: LinearLayer, inputs: tuple[int, int]) -> None:
    """All sums between the least and the largest, whether or not some input gives them."""
    scales = layer.scales * (len(layer.bias) if len(layer.scales) == 1 else 1)
    for row, (weights, scale) in enumerate(zip(layer.weights.astype(np.int64), scales, strict=True)):
        products = weights[:, np.newaxis] * np.array(inputs)
        sums = np.arange(products.min(axis=1).sum(), products.max(axis=1).sum() + 1)
        zero_point = -128 - inputs[0]
        expected = np.clip(rescale(sums + layer.bias[row] + zero_point * weights.sum(), scale), 0, 255)
        used = np.flatnonzero(weights)
        factor = int(linear.weights[row, used[0]]) // int(weights[used[0]]) if len(used) else 0
        assert np.array_equal(linear.weights[row], factor * weights)
        wide = factor * sums + int(linear.offsets[row])
        assert np.abs(wide).max() < 2**31
        found = np.clip((wide * int(linear.factors[row])) >> (32 + linear.shift), 0, 255)
        assert np.array_equal(found, expected)


@pytest.mark.parametrize("name", ["conv3_hops3", "conv2_hops2", "conv2_joined", "convjoint2_hops5"])
@pytest.mark.parametrize("seed", [None, 3, 4])
def test_one_rounding_equals_two(name: str, seed: int | None) -> None:
    graph = read_model(model(name) if seed is None else with_random_constants(model(name), seed))
    for operator in graph.operators:
        if operator.kind == "CONV_2D":
            inputs = (-128, 127) if graph.input(operator, 1).shape[1] == 3 else (0, 255)
            layer = dense_weights(graph, operator)
            assert_every_sum(layer, linear_layer(operator, layer, inputs), inputs)


def wide_layer(seed: int) -> DenseWeights:
    """20 outputs of 60 inputs, as the default network's second layer, each of which covers its range."""
    rng = np.random.default_rng(seed)
    weights = rng.integers(-127, 128, (20, 60)).astype(np.int8)
    reach = 255 * np.abs(weights.astype(np.int64)).sum(axis=1)
    cover = 10 ** rng.uniform(0, 1.2, len(weights))
    scales: tuple[Scale, ...] = tuple(fixed_point(255 * c / r) for c, r in zip(cover, reach, strict=True))
    bias = np.rint(rng.normal(0, 0.2, len(weights)) * reach).astype(np.int64)
    return DenseWeights(weights, bias, scales, -128, -128, 127)


@pytest.mark.parametrize("seed", [100, 127, 132, 385, 397])
def test_scales_that_no_power_of_four_follows(seed: int) -> None:
    """With weights times 256, 64, 16, 4 or 1 alone these layers were refused, as a trained network was."""
    layer = wide_layer(seed)
    assert_every_sum(layer, linear_layer(OPERATOR, layer, (0, 255)), (0, 255))


def random_layer(seed: int) -> tuple[DenseWeights, tuple[int, int]]:
    """Scales with which the sums of a layer cover from next to nothing to 30 times the outputs' range."""
    rng = np.random.default_rng(seed)
    inputs = (-128, 127) if seed % 2 else (0, 255)
    weights = rng.integers(-127, 128, (6, 3 if seed % 2 else int(rng.integers(1, 33)))).astype(np.int8)
    weights[0] = 0
    reach = 255 * np.abs(weights.astype(np.int64)).sum(axis=1) + 1
    cover = 10 ** rng.uniform(-3, 1.5, len(weights))
    scales: tuple[Scale, ...] = tuple(fixed_point(255 * c / r) for c, r in zip(cover, reach, strict=True))
    bias = np.rint(rng.normal(0, 0.4, len(weights)) * reach).astype(np.int64)
    return DenseWeights(weights, bias, scales, -128, -128, 127), inputs


@pytest.mark.parametrize("seed", range(12))
def test_one_rounding_equals_two_for_random_scales(seed: int) -> None:
    layer, inputs = random_layer(seed)
    assert_every_sum(layer, linear_layer(OPERATOR, layer, inputs), inputs)


@pytest.mark.parametrize("bounds", [(-127, -127, 127), (0, -128, 127), (-128, -128, 100)])
def test_layers_without_relu_are_refused(bounds: tuple[int, int, int]) -> None:
    layer, inputs = random_layer(0)
    other = DenseWeights(layer.weights, layer.bias, layer.scales, *bounds)
    with pytest.raises(ModelError, match=r"Operator 7 \(CONV_2D\) has no ReLU"):
        linear_layer(OPERATOR, other, inputs)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["conv3_hops3", "conv2_joined", "convjoint2_hops5"])
def test_random_and_saturating_weights(name: str, seed: int, tmp_path: Path) -> None:
    content = with_random_constants(model(name), seed)
    codes = windows(content, 100, seed)
    generate(content, CHANNELS[name], tmp_path)
    expected, found = TflmExecutor(content).run(codes), HostEngineExecutor(tmp_path).run(codes)
    assert np.array_equal(expected.features, found.features)
    assert np.array_equal(expected.logits, found.logits)
