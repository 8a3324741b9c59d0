"""What integers stand for, asked of a tensor of a model and of a bundle's manifest alike."""

import numpy as np
import pytest

from myofin.convert.graph import Tensor
from myofin.convert.schema import TensorSpec
from myofin.errors import ModelError
from myofin.quantization import Quantization

VALUES = np.array([[-128, -3], [0, 127]], np.int8)
REAL = np.array([[-6.25, 0.0], [0.15, 6.5]])


def test_integers_stand_for_the_same_whoever_is_asked() -> None:
    tensor = Tensor(0, "features", (1, 2), "int8", scales=(0.05,), zero_points=(-3,))
    spec = TensorSpec(size=2, dtype="int8", scale=0.05, zero_point=-3)
    for found in (Quantization(0.05, -3).real(VALUES), tensor.real(VALUES), spec.real(VALUES)):
        assert found.dtype == np.float64
        assert found == pytest.approx(REAL, abs=1e-12)


def test_floats_stand_for_themselves() -> None:
    values = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    spec = TensorSpec(size=4, dtype="float32", scale=1.0, zero_point=0)
    for found in (Tensor(0, "features", (1, 4), "float32").real(values), spec.real(values)):
        assert np.array_equal(found.astype(np.float32), values)


def test_integers_of_a_tensor_without_a_scale_stand_for_nothing() -> None:
    with pytest.raises(ModelError, match="0 scales"):
        Tensor(0, "features", (1, 2), "int8").real(VALUES)
