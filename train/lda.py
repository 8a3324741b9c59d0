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
# small directions are to be trusted depends on the recording, so repetitions left out in turn choose.
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


def fit_lda(
    features: NDArray[Any],
    classes: NDArray[np.int64],
    count: int,
    shrinkage: float,
    expected: NDArray[np.float64] | None = None,
) -> LinearHead:
    """Fit to features ``[n, d]`` with class indices ``[n]`` in 0..count-1, each class present.

    ``expected`` ``[d, d]`` is a covariance to expect beside what the windows show (``covariance_of``).
    """
    return _solve(*_moments(features, classes, count, expected), shrinkage)


def covariance_of(changes: NDArray[Any]) -> NDArray[np.float64]:
    """Second moment ``[d, d]`` of what other conditions change in the features ``[n, d]`` of windows.

    Added to the covariance within classes, it lets LDA decide as if each window had been seen under all of
    them, with nothing drawn and no window added (Bishop 1995, Neural Comput. 7(1):108-116).
    """
    changes = np.asarray(changes, dtype=np.float64)
    return np.asarray(changes.T @ changes / max(len(changes), 1))


def choose_shrinkage(
    features: NDArray[Any],
    classes: NDArray[np.int64],
    repetitions: NDArray[np.integer[Any]],
    count: int,
    shrinkages: Iterable[float] = SHRINKAGES,
    expected: NDArray[np.float64] | None = None,
) -> float:
    """The shrinkage that decides best on repetitions left out in turn; the stronger on a tie.

    A repetition is left out only where the others show every class; where none can be, the middle is taken.

    Args:
        features: ``[n, d]``.
        classes: Class indices ``[n]`` in 0..count-1.
        repetitions: Of which each window is, ``[n]``.
        count: Number of classes.
        shrinkages: To choose from.
        expected: As for ``fit_lda``.
    """
    ordered = sorted(shrinkages, reverse=True)
    accuracies = np.zeros(len(ordered))
    left_out = 0
    for repetition in np.unique(repetitions):
        judged = repetitions == repetition
        if len(np.unique(classes[~judged])) < count:
            continue
        left_out += 1
        moments = _moments(features[~judged], classes[~judged], count, expected)
        heads = [_solve(*moments, shrinkage) for shrinkage in ordered]
        accuracies += [head.accuracy(features[judged], classes[judged]) for head in heads]
    return ordered[int(accuracies.argmax())] if left_out else ordered[len(ordered) // 2]


def _moments(
    features: NDArray[Any],
    classes: NDArray[np.int64],
    count: int,
    expected: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Class means ``[count, d]`` and within-class covariance ``[d, d]``, with what is expected beside it."""
    features = np.asarray(features, dtype=np.float64)
    means = np.stack([features[classes == index].mean(axis=0) for index in range(count)])
    centred = features - means[classes]
    covariance = centred.T @ centred / max(len(features) - count, 1)
    return means, covariance if expected is None else covariance + expected


def _solve(means: NDArray[np.float64], covariance: NDArray[np.float64], shrinkage: float) -> LinearHead:
    """The layer of these moments.

    What all classes' scores have in common is taken out: it decides nothing, and would only widen the range
    that quantization has to cover.
    """
    level = max(float(np.trace(covariance)) / len(covariance), 1e-12)
    shrunk = (1.0 - shrinkage) * covariance + shrinkage * level * np.eye(len(covariance))
    kernel = np.linalg.solve(shrunk, means.T)
    bias = -0.5 * (means.T * kernel).sum(axis=0)
    return LinearHead(kernel - kernel.mean(axis=1, keepdims=True), bias - bias.mean(), shrinkage)
