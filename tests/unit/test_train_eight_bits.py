"""Rounding to the grids of the conversion, without TensorFlow."""

import numpy as np
import pytest

from myofin.train.eight_bits import Observer, round_kernel, round_layer, with_extremes

RNG = np.random.default_rng(5)


@pytest.mark.parametrize("parts", [1, 4])
def test_a_rounded_kernel_lies_on_its_grid_and_stays_there(parts):
    kernel = RNG.normal(size=(12, 8))
    rounded = round_kernel(kernel, parts)
    groups = rounded.reshape(12, parts, -1) if parts > 1 else rounded[:, :, np.newaxis]
    steps = groups / (np.abs(groups).max(axis=(0, 2), keepdims=True) / 127)
    assert np.allclose(steps, np.rint(steps), atol=1e-4)
    assert np.allclose(round_kernel(rounded, parts), rounded, rtol=1e-6)
    assert 0 < np.abs(rounded - kernel).max() <= np.abs(kernel).max() / 254 * 1.001


def test_a_layer_over_collinear_inputs_keeps_its_outputs():
    inputs = RNG.normal(size=(400, 6)) @ RNG.normal(size=(6, 30)) + 0.05 * RNG.normal(size=(400, 30)) + 2
    kernel, bias = 40 * RNG.normal(size=(30, 5)), RNG.normal(size=5)
    exact = inputs @ kernel + bias
    plain = inputs @ round_kernel(kernel) + bias
    rounded, mended = round_layer(kernel, bias, inputs)
    error = np.sqrt(np.mean(np.square(inputs @ rounded + mended - exact)))
    assert error < 0.25 * np.sqrt(np.mean(np.square(plain - exact)))
    # The converter would round it to itself.
    assert np.allclose(round_kernel(rounded), rounded, rtol=1e-5, atol=1e-5)


def test_the_observer_sees_extremes_over_all_calls_and_zero_among_them():
    class Values(np.ndarray):
        def numpy(self):
            return np.asarray(self)

    observer = Observer()
    for values in ([[1.0, 2.0]], [[0.5, 5.0], [3.0, 1.0]]):
        observer.values("place", np.array(values).view(Values))
    assert observer.ranges == {"place": (0.0, 5.0)}
    assert observer.largest("place").tolist() == [3.0, 5.0]


def test_both_extremes_of_a_code_stand_before_the_windows():
    codes = RNG.integers(-5, 6, (3, 30, 4)).astype(np.int8)
    found = with_extremes(codes)
    assert found.shape == (5, 30, 4)
    assert (found[:2, 0, 0].tolist(), found.min(), found.max()) == ([-128, 127], -128, 127)
    assert np.array_equal(found[2:], codes) and np.array_equal(found[:2, 1:], codes[[0, 0], 1:])
