"""The head, fitted to features whoever computes them: LDA, chosen on training and validation repetitions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myofin.train.finetune import cross_entropy
from myofin.train.lda import Choice, LinearHead, choose, covariance_of, fit_lda

TEMPERATURES = (1.0, 0.7, 0.5, 0.35, 0.25, 0.15, 0.1)


@dataclass(frozen=True)
class Taught:
    """What a head is fitted to.

    Attributes:
        features: ``[w, d]`` of training windows, and of validation windows.
        classes: Their class indices ``[w]``.
        repetitions: Of which each is, training windows first ``[w]``.
        count: Number of classes.
        changes: What another session changes in the features ``[n, d]`` of windows.
    """

    features: tuple[NDArray[Any], NDArray[Any]]
    classes: tuple[NDArray[np.int64], NDArray[np.int64]]
    repetitions: NDArray[np.int16]
    count: int
    changes: NDArray[Any]


@dataclass(frozen=True)
class FittedHead:
    """A head, and how it came about.

    Attributes:
        choice: What repetitions left out in turn chose.
        temperature: The factor on its scores, best on validation windows.
        first: Fitted to training windows alone.
        final: Fitted to all that it may learn from.
        learned: Those features ``[w, d]``.
    """

    choice: Choice
    temperature: float
    first: LinearHead
    final: LinearHead
    learned: NDArray[Any]

    @property
    def facts(self) -> dict[str, Any]:
        """For the run's metrics."""
        return {
            "shrinkage": self.choice.shrinkage,
            "expected_share": self.choice.share,
            "temperature": self.temperature,
        }


def fit_head(taught: Taught, *, refit: bool) -> FittedHead:
    """Choose and fit a head; with ``refit`` it learns from validation windows too in the end."""
    both = np.concatenate(taught.features), np.concatenate(taught.classes)
    train = taught.features[0], taught.classes[0]
    choice = choose(*both, taught.repetitions, taught.count, covariance_of(taught.changes))
    first = fit_lda(*train, taught.count, choice.shrinkage, choice.expected)
    temperature = choose_temperature(first.scores(taught.features[1]), taught.classes[1])
    if not refit:
        return FittedHead(choice, temperature, first, first, train[0])
    final = fit_lda(*both, taught.count, choice.shrinkage, choice.expected)
    return FittedHead(choice, temperature, first, final, both[0])


def choose_temperature(scores: NDArray[np.float64], classes: NDArray[np.int64]) -> float:
    """The factor on LDA's scores with the least cross-entropy; as they are, they are far too sure.

    It changes no decision; it makes the logits usable for rejection and for the gradients of the tuning.
    """
    return min(TEMPERATURES, key=lambda factor: cross_entropy(scores * factor, classes))
