"""How well decisions are, against labels and closed-form features: accuracy, confusion, imitation.

Pure functions; ``comparison.py`` calls them for the float model, the host oracle and the device alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myofin.features import check_names, feature_scores, from_network_domain
from myofin.firmware_bridge.statistics import wilson_interval

UNDECIDED = -1


@dataclass(frozen=True)
class FeatureScaling:
    """How features are standardised: ``(domain(value) - mean) / std``, one set for all channels."""

    names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> FeatureScaling:
        """Read the ``feature_scaling`` of a bundle's manifest.

        Raises:
            InputError: The bundle has a feature that this version does not know.
        """
        names = check_names(body["names"]) if body["names"] else ()  # of a network that imitates none
        return cls(names, tuple(body["mean"]), tuple(body["std"]))

    def natural(self, standardised: NDArray[Any]) -> NDArray[np.float64]:
        """Bring network outputs ``[w, channels * features]`` (channel-major) to the features' natural domain.

        Returns:
            Values ``[w, channels, features]``; infinite where a wild output overflows the exponential.
        """
        windows, outputs = standardised.shape
        values = np.asarray(standardised, dtype=np.float64).reshape(windows, outputs // len(self.mean), -1)
        domain = values * np.asarray(self.std) + np.asarray(self.mean)
        with np.errstate(over="ignore", invalid="ignore"):
            return from_network_domain(domain, self.names)


@dataclass(frozen=True)
class Recognition:
    """Right decisions among labelled windows, with the 95 % Wilson interval, and the confusion counts.

    ``confusion[i][j]`` counts windows of class ``i`` decided as ``j``; ``undecided`` those whose logits
    hold a value that is not a number, which count as wrong.
    """

    right: int
    labelled: int
    ci95: tuple[float, float] | None
    confusion: tuple[tuple[int, ...], ...]
    undecided: int

    @property
    def accuracy(self) -> float | None:
        """Share of right decisions, ``None`` when no window is labelled."""
        return self.right / self.labelled if self.labelled else None


def predictions(logits: NDArray[Any]) -> NDArray[np.int64]:
    """Decided class of each row of ``[w, classes]``, the first of equals; ``UNDECIDED`` where one is NaN."""
    if logits.size == 0:
        return np.full(len(logits), UNDECIDED, dtype=np.int64)
    best = np.argmax(logits, axis=1).astype(np.int64)
    return np.where(np.isnan(logits.astype(np.float64)).any(axis=1), UNDECIDED, best)


def recognise(labels: NDArray[Any], logits: NDArray[Any]) -> Recognition:
    """Compare decisions with class indices ``labels[w]``; negative labels are windows without one."""
    known = labels >= 0
    truth, decided = labels[known].astype(np.int64), predictions(logits)[known]
    classes = logits.shape[1]
    confusion = np.zeros((classes, classes), dtype=np.int64)
    made = decided != UNDECIDED
    np.add.at(confusion, (truth[made], decided[made]), 1)
    right = int(np.count_nonzero(truth == decided))
    return Recognition(
        right=right,
        labelled=len(truth),
        ci95=wilson_interval(right, len(truth)),
        confusion=tuple(tuple(int(count) for count in row) for row in confusion),
        undecided=int(np.count_nonzero(~made)),
    )


def fidelity(
    true: NDArray[Any], standardised: NDArray[Any], scaling: FeatureScaling
) -> Mapping[str, Mapping[str, float]]:
    """Score each feature against the closed form over all windows and channels: log R², linear R², Spearman.

    A score is not finite where it is undefined: a constant target, or an output that is not a number.

    Args:
        true: Closed-form features ``[w, channels, features]`` in their natural domain.
        standardised: Dequantised network outputs ``[w, channels * features]``, channel-major.
        scaling: How the network's features were standardised.
    """
    if true.size == 0:
        return {}
    with np.errstate(over="ignore", invalid="ignore"):
        return feature_scores(true, scaling.natural(standardised), scaling.names)
