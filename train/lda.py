"""Linear discriminant analysis in closed form: the baseline, and where the head starts.

With the within-class covariance S (pooled, shrunk towards its mean variance) and the class means m_k, the
score of class k is m_k' S^-1 x - m_k' S^-1 m_k / 2, which is a Dense layer (Hastie, Tibshirani and Friedman,
The Elements of Statistical Learning, 2nd ed., section 4.3; classes taken as equally likely).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myofin.features import FEATURE_NAMES, HUDGINS_NAMES

# The baselines: LDA on closed-form features, by name.
BASELINES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "lda-four": FEATURE_NAMES,
        "lda-loghtd": HUDGINS_NAMES,
        "lda-all": (*FEATURE_NAMES, *HUDGINS_NAMES),
    }
)
# Imitated features carry the network's own error, and RMS, VAR and SSI nearly the same information: how far
# small directions are to be trusted depends on the recording, so validation chooses.
SHRINKAGES = (1e-4, 1e-3, 1e-2, 3e-2, 1e-1)


@dataclass(frozen=True)
class LinearHead:
    """Scores ``x @ kernel + bias``: kernel float64 ``[d, classes]``, bias ``[classes]``."""

    kernel: NDArray[np.float64]
    bias: NDArray[np.float64]
    shrinkage: float

    def scores(self, features: NDArray[Any]) -> NDArray[np.float64]:
        """Scores ``[n, classes]`` of features ``[n, d]``."""
        return np.asarray(features, dtype=np.float64) @ self.kernel + self.bias

    def accuracy(self, features: NDArray[Any], classes: NDArray[np.int64]) -> float:
        """Share of windows whose highest score is that of their class."""
        return float(np.mean(self.scores(features).argmax(axis=1) == classes))


def fit_lda(features: NDArray[Any], classes: NDArray[np.int64], count: int, shrinkage: float) -> LinearHead:
    """Fit to features ``[n, d]`` with class indices ``[n]`` in 0..count-1, each class present.

    What all classes' scores have in common is taken out: it decides nothing, and would only widen the range
    that quantization has to cover.
    """
    features = np.asarray(features, dtype=np.float64)
    means = np.stack([features[classes == index].mean(axis=0) for index in range(count)])
    centred = features - means[classes]
    covariance = centred.T @ centred / max(len(features) - count, 1)
    level = max(float(np.trace(covariance)) / len(covariance), 1e-12)
    shrunk = (1.0 - shrinkage) * covariance + shrinkage * level * np.eye(len(covariance))
    kernel = np.linalg.solve(shrunk, means.T)
    bias = -0.5 * (means.T * kernel).sum(axis=0)
    return LinearHead(kernel - kernel.mean(axis=1, keepdims=True), bias - bias.mean(), shrinkage)


def choose_lda(
    train: tuple[NDArray[Any], NDArray[np.int64]],
    validation: tuple[NDArray[Any], NDArray[np.int64]],
    count: int,
    shrinkages: Iterable[float] = SHRINKAGES,
) -> LinearHead:
    """Fit with each shrinkage and return the head best on the validation windows; the stronger on a tie."""
    heads = [fit_lda(*train, count, shrinkage) for shrinkage in sorted(shrinkages, reverse=True)]
    return max(heads, key=lambda head: head.accuracy(*validation))
