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
# How much of another session's changes is expected, the most first, and what that may cost on repetitions of
# this one: a recording whose movements differ by less than sessions do cannot be told apart under all of it.
EXPECTED_SHARES = (1.0, 0.25, 0.0)
EXPECTED_COST = 0.01


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


@dataclass(frozen=True)
class Choice:
    """What repetitions left out in turn chose for LDA.

    Attributes:
        shrinkage: Towards the mean variance.
        share: Of the changes to expect.
        expected: Their covariance ``[d, d]``, times the share.
    """

    shrinkage: float
    share: float
    expected: NDArray[np.float64]


def choose(
    features: NDArray[Any],
    classes: NDArray[np.int64],
    repetitions: NDArray[np.integer[Any]],
    count: int,
    expected: NDArray[np.float64],
) -> Choice:
    """As much of the expected changes as costs at most a point of accuracy, and the shrinkage best with it.

    Arguments are those of ``choose_shrinkage``, and the covariance of changes. Where no repetition can be
    left out, nothing says what they cost: none are expected.
    """
    ordered = sorted(SHRINKAGES, reverse=True)
    judged = []
    for share in EXPECTED_SHARES:
        accuracies = _left_out(features, classes, repetitions, count, ordered, share * expected)
        if accuracies is None:
            return Choice(ordered[len(ordered) // 2], 0.0, 0.0 * expected)
        judged.append((share, float(accuracies.max()), ordered[int(accuracies.argmax())]))
    enough = max(accuracy for _, accuracy, _ in judged) - EXPECTED_COST
    share, _, shrinkage = next(found for found in judged if found[1] >= enough)
    return Choice(shrinkage, share, share * expected)


def choose_shrinkage(
    features: NDArray[Any],
    classes: NDArray[np.int64],
    repetitions: NDArray[np.integer[Any]],
    count: int,
    shrinkages: Iterable[float] = SHRINKAGES,
) -> float:
    """The shrinkage that decides best on repetitions left out in turn; the stronger on a tie.

    A repetition is left out only where the others show every class; where none can be, the middle is taken.

    Args:
        features: ``[n, d]``.
        classes: Class indices ``[n]`` in 0..count-1.
        repetitions: Of which each window is, ``[n]``.
        count: Number of classes.
        shrinkages: To choose from.
    """
    ordered = sorted(shrinkages, reverse=True)
    accuracies = _left_out(features, classes, repetitions, count, ordered)
    return ordered[len(ordered) // 2 if accuracies is None else int(accuracies.argmax())]


def _left_out(
    features: NDArray[Any],
    classes: NDArray[np.int64],
    repetitions: NDArray[np.integer[Any]],
    count: int,
    shrinkages: Iterable[float],
    expected: NDArray[np.float64] | None = None,
) -> NDArray[np.float64] | None:
    """Mean accuracy of each shrinkage on repetitions left out in turn, or None where none can be."""
    accuracies = []
    for repetition in np.unique(repetitions):
        judged = repetitions == repetition
        if len(np.unique(classes[~judged])) < count:
            continue
        moments = _moments(features[~judged], classes[~judged], count, expected)
        heads = [_solve(*moments, shrinkage) for shrinkage in shrinkages]
        accuracies.append([head.accuracy(features[judged], classes[judged]) for head in heads])
    return np.asarray(np.mean(accuracies, axis=0)) if accuracies else None


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
