"""Which windows the imitation is shown more often than they occur, and how much each of its errors counts.

Entropy is the hardest of the features. Most windows are alike in it; nine tenths of its error are in the few
in a hundred whose highest peak is above six standard deviations, half in those where one peak leaves all
others far behind. So windows are drawn the more often the rarer their entropy is. The other features are to
be right for windows as they occur: what is drawn for entropy's sake counts the less for them. The loudest are
drawn a little more often for all features, or the network flattens out there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

# Places in every set of imitated features, since the paper's four come first.
ENTROPY, RMS = 0, 1
# Entropy counts as three features.
ENTROPY_WEIGHT = 3.0
# Of the windows drawn: for the rarity of their entropy; of the others, for the rarity of their level.
RARE_ENTROPY, RARE_LEVEL = 0.35, 0.1
# Of rarity: 0 draws windows as they occur, 1 all values alike.
_EVENNESS = 0.7
_BINS, _FEWEST_ALIKE = 40, 50


@dataclass(frozen=True)
class Emphasis:
    """How sequences are drawn, and what their errors count.

    Attributes:
        chances: float64 ``[n]``, of each sequence at each draw; their sum is 1.
        weights: float32 ``[n, lanes * features]``, of each squared error of a standardised feature.
    """

    chances: FloatArray
    weights: NDArray[np.float32]

    @staticmethod
    def of(features: NDArray[np.floating[Any]], entropy: FloatArray) -> Emphasis:
        """Decide it for sequences of one lane or more; the rarest lane decides how often one is drawn.

        Args:
            features: Standardised, ``[n, lanes, features]``; entropy and RMS are the first two.
            entropy: In nats, ``[n, lanes]``.
        """
        count, lanes, names = features.shape
        level = features[:, :, RMS].max(axis=1)
        # Quiet windows are not drawn more often than others.
        rare_level = rarity(np.maximum(level, np.median(level)))
        for_all = RARE_LEVEL * rare_level + (1 - RARE_LEVEL) / count
        chances = RARE_ENTROPY * rarity(np.log1p(entropy).min(axis=1)) + (1 - RARE_ENTROPY) * for_all
        weights = np.repeat((for_all / chances)[:, np.newaxis], names, axis=1)
        weights[:, ENTROPY] = ENTROPY_WEIGHT
        weights /= (ENTROPY_WEIGHT + names - 1) / names
        return Emphasis(chances, np.tile(weights, lanes).astype(np.float32))

    def draw(self, rng: np.random.Generator, batches: int, size: int) -> NDArray[np.int64]:
        """Return positions of sequences ``[batches, size]``: each batch is spread over all there are."""
        drawn = np.sort(rng.choice(len(self.chances), batches * size, p=self.chances))
        return drawn.reshape(size, batches).T


def rarity(values: NDArray[np.floating[Any]]) -> FloatArray:
    """Chances ``[n]`` that are the higher the fewer others have nearly the same value; their sum is 1."""
    low, high = float(values.min()), float(values.max())
    place = np.minimum((values - low) / max(high - low, 1e-9) * _BINS, _BINS - 1).astype(np.int64)
    alike = np.maximum(np.bincount(place, minlength=_BINS), _FEWEST_ALIKE)[place]
    chances = alike**-_EVENNESS
    return np.asarray(chances / chances.sum())
