"""Training without a network to imitate anything: integer arithmetic computes the features, LDA is the head.

The head is fitted to the very int8 features that the board will compute, chosen and refitted as the network's
head is (``transfer.py``). TensorFlow is not needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myofin.features import feature_scores
from myofin.integer_features import exact_features, integer_features
from myofin.integer_head import IntegerHead
from myofin.integer_tables import IntegerTables, make_tables, with_scaling
from myofin.quantization import Quantization
from myofin.train.config import TrainConfig
from myofin.train.dataset import Dataset, Part, calibration_codes
from myofin.train.eight_bits import round_layer
from myofin.train.head import Taught, fit_head
from myofin.train.lda import LinearHead
from myofin.train.transfer import attached, repetitions_of

# Where outputs are spread to find their range, before it is known.
_FINE_STEP = 2.0**-8
_EXTREMES = 2  # of the calibration windows, which hold the least and the largest code


@dataclass(frozen=True)
class ArithmeticRecogniser:
    """Features by arithmetic and their head, fitted to a data set."""

    head: IntegerHead
    dataset: Dataset
    facts: dict[str, Any]

    def features(self, part: Part) -> NDArray[np.float64]:
        """Standardised features ``[w, channels, f]``, as int8 holds them."""
        return self.head.real(integer_features(self.head.tables, part.codes)).reshape(part.features.shape)

    def logits(self, part: Part) -> NDArray[np.float64]:
        """Logits ``[w, classes]`` of a part's windows."""
        return self.head.logits(integer_features(self.head.tables, part.codes))

    def accuracy(self, part: Part) -> float:
        """Share of windows that it decides rightly."""
        return float(np.mean(self.logits(part).argmax(axis=1) == part.classes))

    def scores(self, part: Part) -> dict[str, dict[str, float]]:
        """Agreement with the closed form of the true signal, per feature (``feature_scores``)."""
        scaling = self.dataset.scaling
        return feature_scores(part.features, scaling.restore(self.features(part)), scaling.names)

    def describe(self) -> dict[str, Any]:
        """Facts for the run's manifest, in the place of a network's."""
        tables = self.head.tables
        return {
            "features_by": "arithmetic",
            "features": len(tables.numbers),
            "channels": tables.channels,
            "frame_samples": tables.frame_samples,
            "frames": tables.frames,
            "classes": self.head.kernel.shape[1],
            "parameters": int(self.head.kernel.size + self.head.bias.size),
            "lstm_ops": 0,
        }


def fit_arithmetic(dataset: Dataset, config: TrainConfig) -> ArithmeticRecogniser:
    """Choose the features' int8 range and fit the head.

    Training and validation repetitions, left out in turn, choose the shrinkage; validation repetitions the
    temperature. What was chosen is then fitted to both (``config.refit``). As the network's head, it expects
    what another session changes in the features.

    Args:
        dataset: In the scaling of its own training windows.
        config: The features and the numbers of windows.

    Raises:
        InputError: A feature cannot be computed in integers.
    """
    scaling = dataset.scaling
    plain = make_tables(dataset.frontend, dataset.frame_samples, config.features)
    scale, zero_point = _range(with_scaling(plain, scaling.mean, scaling.std, _FINE_STEP, 0), dataset, config)
    tables = with_scaling(plain, scaling.mean, scaling.std, scale, zero_point)
    parts = (dataset.train, dataset.validation)
    quantization = Quantization(scale, zero_point)
    rounded = [quantization.real(integer_features(tables, part.codes)) for part in parts]
    index, other = attached(dataset, config)
    changed = quantization.real(integer_features(tables, other.codes))
    taught = Taught(
        (rounded[0], rounded[1]),
        (dataset.train.classes, dataset.validation.classes),
        repetitions_of(dataset),
        len(dataset.classes),
        changed - rounded[0][index],
    )
    fitted = fit_head(taught, refit=config.refit)
    facts = {
        "start": "lda",
        **fitted.facts,
        "before": fitted.first.accuracy(rounded[1], dataset.validation.classes),
        "kept": False,  # there is nothing to tune
    }
    kernel, bias = _on_grid(fitted.final, fitted.temperature, fitted.learned)
    head = IntegerHead(tables, scaling.mean, scaling.std, scale, zero_point, kernel, bias)
    return ArithmeticRecogniser(head, dataset, facts)


def _range(fine: IntegerTables, dataset: Dataset, config: TrainConfig) -> tuple[float, int]:
    """Scale and zero point with which int8 holds the features of the calibration windows."""
    values = exact_features(fine, calibration_codes(dataset, config)[_EXTREMES:]) * _FINE_STEP
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    scale = float(np.float32(max(high - low, _FINE_STEP) / 255))
    return scale, round(-128 - low / scale)


def _on_grid(
    head: LinearHead, temperature: float, features: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The head's kernel on the grid of the conversion, weight by weight, and its bias."""
    kernel, bias = round_layer(head.kernel * temperature, head.bias * temperature, features)
    return kernel.astype(np.float64), bias.astype(np.float64)
