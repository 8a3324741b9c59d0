"""Closed-form features of a window: which there are, how the network sees them, how well they are imitated.

The network imitates a set of features, chosen by name. The first four are those of arXiv 2405.19356: Shannon
entropy in nats of softmax(z), root mean square, population variance, and simple square integral. The others
are the usual ones of surface EMG; ``feature_windows.py`` defines them all on the z-scored window of one
channel, and ``feature_recordings.py`` gives the same numbers for the windows of a whole recording.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

from myofin.errors import InputError
from myofin.feature_recordings import features_of_recording
from myofin.feature_windows import AR_NAMES, features_of_windows
from myofin.frontend import WINDOW_FRAMES

FloatArray = npt.NDArray[np.float64]
Domain = Literal["log", "log1p", "linear"]

LOG_FLOOR = 1e-6


@dataclass(frozen=True)
class Feature:
    """One feature by name.

    Attributes:
        name: As in manifests and on the command line.
        domain: In which the network sees it: ln(max(x, 1e-6)), ln(1 + x) for counts of many, or as it is.
        score: Domain of its "log" score; counts and entropies, which may be 0, are taken as ln(1 + x),
            and coefficients, which have a sign, as they are.
        title: For people.
    """

    name: str
    domain: Domain
    score: Domain
    title: str


FEATURES: Mapping[str, Feature] = MappingProxyType(
    {
        feature.name: feature
        for feature in (
            Feature("entropy", "linear", "log1p", "entropy of the softmax, nats"),
            Feature("rms", "log", "log", "root mean square"),
            Feature("var", "log", "log", "variance"),
            Feature("ssi", "log", "log", "simple square integral"),
            Feature("mav", "log", "log", "mean absolute value"),
            Feature("wl", "log", "log", "waveform length"),
            Feature("zc", "linear", "log1p", "zero crossings"),
            Feature("ssc", "linear", "log1p", "slope sign changes"),
            Feature("wamp", "log1p", "log1p", "Willison amplitude"),
            Feature("hist_entropy", "linear", "log1p", "entropy of the histogram, nats"),
            Feature("rms_d1", "log", "log", "root mean square of the first difference"),
            Feature("rms_d2", "log", "log", "root mean square of the second difference"),
            Feature("rms_lag2", "log", "log", "root mean square of the difference over two samples"),
            Feature("ld", "log", "log", "log detector"),
            *(
                Feature(name, "linear", "linear", f"autoregressive coefficient {name[2:]}")
                for name in AR_NAMES
            ),
        )
    }
)
# The paper's four; every set that the network imitates begins with them.
FEATURE_NAMES = ("entropy", "rms", "var", "ssi")
HUDGINS_NAMES = ("mav", "wl", "zc", "ssc")


def check_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names as a tuple.

    Raises:
        InputError: None is given, one is given twice, or one is not known.
    """
    unknown = [name for name in names if name not in FEATURES]
    if unknown or not names or len(set(names)) != len(names):
        what = f"Feature {unknown[0]!r} is not known" if unknown else "A set of features names each once"
        raise InputError(
            f"{what} ({', '.join(names) or 'none given'}).", hint=f"Choose from {', '.join(FEATURES)}."
        )
    return tuple(names)


def window_features(z: npt.NDArray[Any], names: Sequence[str] = FEATURE_NAMES) -> FloatArray:
    """Features of windows: float[..., n, c] in standard deviations to float64[..., c, len(names)]."""
    return features_of_windows(z, check_names(names))


def recording_features(
    z: npt.NDArray[Any], frame_samples: int, frames: int = WINDOW_FRAMES, names: Sequence[str] = FEATURE_NAMES
) -> FloatArray:
    """Features of the window that starts at every frame: float[n, c] to float64[hops, c, len(names)].

    Window h covers samples ``h*frame_samples`` to ``(h + frames)*frame_samples``; hops is
    ``n // frame_samples - frames + 1``, or 0. A hop costs the same whatever the window's length.
    """
    return features_of_recording(z, check_names(names), frame_samples, frames)


def log_features(names: Sequence[str]) -> tuple[bool, ...]:
    """Whether the network sees each feature as its natural logarithm."""
    return tuple(FEATURES[name].domain == "log" for name in check_names(names))


def to_network_domain(features: npt.NDArray[Any], names: Sequence[str] = FEATURE_NAMES) -> FloatArray:
    """Natural features float[..., len(names)] to what the network imitates, each in its domain."""
    return _each(features, names, _forward)


def from_network_domain(features: npt.NDArray[Any], names: Sequence[str] = FEATURE_NAMES) -> FloatArray:
    """Invert ``to_network_domain``: float[..., len(names)] to natural features."""
    return _each(features, names, _backward)


def _each(features: npt.NDArray[Any], names: Sequence[str], function: Any) -> FloatArray:
    result = np.array(features, dtype=np.float64)
    if result.ndim == 0 or result.shape[-1] != len(names):
        raise ValueError(f"the last axis must hold the {len(names)} features, not shape {result.shape}")
    for index, name in enumerate(check_names(names)):
        result[..., index] = function(result[..., index], FEATURES[name].domain)
    return result


def _forward(values: FloatArray, domain: Domain) -> FloatArray:
    if domain == "log":
        return np.asarray(np.log(np.maximum(values, LOG_FLOOR)))
    return np.asarray(np.log1p(np.maximum(values, 0.0))) if domain == "log1p" else values


def _backward(values: FloatArray, domain: Domain) -> FloatArray:
    if domain == "log":
        return np.asarray(np.exp(values))
    return np.asarray(np.expm1(values)) if domain == "log1p" else values


def r2(target: npt.NDArray[Any], predicted: npt.NDArray[Any]) -> float:
    """Coefficient of determination over all elements: 1 - residual / total sum of squares.

    A constant target has no variance to explain: 1.0 where it is met exactly, else minus infinity.
    """
    target, predicted = np.asarray(target, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    if target.shape != predicted.shape or target.size == 0:
        raise ValueError(f"r2 needs two equal, non-empty shapes, not {target.shape} and {predicted.shape}")
    residual = float(np.square(target - predicted).sum())
    total = float(np.square(target - target.mean()).sum())
    if total == 0:
        return 1.0 if residual == 0 else -np.inf
    return 1.0 - residual / total


def feature_scores(
    target: npt.NDArray[Any], predicted: npt.NDArray[Any], names: Sequence[str] = FEATURE_NAMES
) -> dict[str, dict[str, float]]:
    """Agreement per feature of natural-domain float[..., len(names)]: log R², linear R², Spearman's rho.

    The log R² is of the natural logarithm, floored at 1e-6; of ln(1 + x) for counts and entropies (one high
    peak makes the softmax' entropy 0), and of the value itself for coefficients (``Feature.score``).
    """
    target, predicted = np.asarray(target, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    scores = {}
    for index, name in enumerate(check_names(names)):
        wanted, got = target[..., index].ravel(), predicted[..., index].ravel()
        domain = FEATURES[name].score
        scores[name] = {
            "log": r2(_forward(wanted, domain), _forward(got, domain)),
            "linear": r2(wanted, got),
            "spearman": _spearman(wanted, got),
        }
    return scores


def _spearman(wanted: FloatArray, got: FloatArray) -> float:
    if np.ptp(wanted) == 0 or np.ptp(got) == 0:  # ranks of a constant say nothing
        return 0.0
    return float(spearmanr(wanted, got).statistic)
