"""What 8-bit codes alone leave of the features: a limit for every network that sees nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from myofin.features import window_features
from myofin.frontend import FrontEnd

FloatArray = NDArray[np.float64]
_CODES = 256
_WINDOWS_AT_ONCE = 256  # bounds the float64 temporaries to some tens of MB


def code_levels(frontend: FrontEnd) -> FloatArray:
    """What each code of each channel stands for, float64 ``[256, channels]``: the mean of its counts.

    Z-scored, in standard deviations of the training signal. The DC blocker has to be off: with it, what a
    code stands for depends on the past.
    """
    counts = np.arange(-(1 << 15), 1 << 15)
    every = np.repeat(counts[:, np.newaxis], frontend.channels, axis=1).astype(np.int16)
    index = frontend.encode(every).astype(np.int64) + _CODES // 2
    levels = np.zeros((_CODES, frontend.channels))
    for channel in range(frontend.channels):
        # The last code has no end: it stands for what is below the limit.
        within = np.abs(counts - frontend.offsets[channel]) <= frontend.limits[channel]
        places = index[within, channel]
        sums = np.bincount(places, weights=counts[within], minlength=_CODES)
        levels[:, channel] = sums / np.maximum(np.bincount(places, minlength=_CODES), 1)
    return np.asarray((levels - frontend.means) / frontend.sds)


def decoded(levels: FloatArray, codes: NDArray[np.int8]) -> FloatArray:
    """The signal float64 ``[w, 30 * samples, channels]`` of codes int8 ``[w, 30, samples * channels]``."""
    channels = levels.shape[1]
    index = codes.reshape(len(codes), -1, channels).astype(np.int64) + _CODES // 2
    return np.asarray(levels[index, np.arange(channels)])


def features_of_codes(frontend: FrontEnd, codes: NDArray[np.int8], names: tuple[str, ...]) -> NDArray[Any]:
    """Closed-form features ``[w, channels, f]`` in the natural domain of what codes stand for."""
    levels = code_levels(frontend)
    blocks = (codes[first : first + _WINDOWS_AT_ONCE] for first in range(0, len(codes), _WINDOWS_AT_ONCE))
    return np.concatenate([window_features(decoded(levels, block), names) for block in blocks])
