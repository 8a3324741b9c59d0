"""The four closed-form features that the network imitates, in the definitions of arXiv 2405.19356.

On the z-scored window of one channel: Shannon entropy in nats of softmax(z), root mean square, population
variance, and simple square integral (sum of squares). ``window_features`` is the definition; for whole
recordings ``recording_features`` gives the same numbers from per-frame partial sums.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

from myofin.frontend import WINDOW_FRAMES

FloatArray = npt.NDArray[np.float64]

FEATURE_NAMES = ("entropy", "rms", "var", "ssi")
# Features that the network sees as logarithms; entropy stays linear there.
LOG_FEATURES = (False, True, True, True)
LOG_FLOOR = 1e-6


def window_features(z: npt.NDArray[Any]) -> FloatArray:
    """Features of windows: float[..., n, c] in standard deviations to float64[..., c, 4]."""
    z = np.asarray(z, dtype=np.float64)
    if z.ndim < 2 or z.shape[-2] == 0:
        raise ValueError(f"a window needs samples and channels, not shape {z.shape}")
    shifted = z - z.max(axis=-2, keepdims=True)  # softmax does not see the shift, and exp cannot overflow
    weights = np.exp(shifted)
    total = weights.sum(axis=-2)
    entropy = np.log(total) - (weights * shifted).sum(axis=-2) / total
    ssi = np.square(z).sum(axis=-2)
    rms = np.sqrt(ssi / z.shape[-2])
    return np.stack([entropy, rms, z.var(axis=-2), ssi], axis=-1)


def recording_features(z: npt.NDArray[Any], frame_samples: int, frames: int = WINDOW_FRAMES) -> FloatArray:
    """Features of the window that starts at every frame: float[n, c] to float64[hops, c, 4].

    Window h covers samples ``h*frame_samples`` to ``(h + frames)*frame_samples``; hops is
    ``n // frame_samples - frames + 1``, or 0. The work a hop is independent of the samples in a frame:
    each frame is reduced once, and a window combines its frames. Exponentials are summed relative to the
    frame's own maximum and combined relative to the window's (log-sum-exp), since z may reach 85 and a
    recording-wide shift would underflow everywhere else; variances are combined by the pairwise formula of
    Chan, Golub and LeVeque, since differences of plain prefix sums cancel.
    """
    z = np.asarray(z, dtype=np.float64)
    if z.ndim != 2 or frame_samples < 1 or frames < 1:
        raise ValueError(f"cannot cut shape {z.shape} into frames of {frame_samples}, windows of {frames}")
    count, channels = z.shape[0] // frame_samples, z.shape[1]
    hops = count - frames + 1
    if hops <= 0:
        return np.zeros((0, channels, len(FEATURE_NAMES)))
    blocks = z[: count * frame_samples].reshape(count, frame_samples, channels)
    squares = np.square(blocks).sum(axis=1)
    ssi = _over_frames(squares, frames, hops)
    rms = np.sqrt(ssi / (frames * frame_samples))
    return np.stack(
        [_entropy(blocks, frames, hops), rms, _variance(blocks, frames, hops), ssi],
        axis=-1,
    )


def _over_frames(per_frame: FloatArray, frames: int, hops: int) -> FloatArray:
    # Adding the frames of each window anew keeps rounding local, where a running sum would carry it along.
    total = per_frame[:hops].copy()
    for frame in range(1, frames):
        total += per_frame[frame : frame + hops]
    return total


def _variance(blocks: FloatArray, frames: int, hops: int) -> FloatArray:
    means = blocks.mean(axis=1)
    within = _over_frames(np.square(blocks - means[:, None]).sum(axis=1), frames, hops)
    mean = _over_frames(means, frames, hops) / frames
    between = np.zeros_like(mean)
    for frame in range(frames):
        between += np.square(means[frame : frame + hops] - mean)
    samples = blocks.shape[1]
    return (within + samples * between) / (frames * samples)


def _entropy(blocks: FloatArray, frames: int, hops: int) -> FloatArray:
    """Entropy of softmax over each window: ln S - T/S, with S = sum e^(z-M), T = sum (z-M) e^(z-M)."""
    peaks = blocks.max(axis=1)
    shifted = blocks - peaks[:, None]
    weights = np.exp(shifted)
    sums = weights.sum(axis=1)
    moments = (weights * shifted).sum(axis=1)
    peak = peaks[:hops].copy()
    for frame in range(1, frames):
        np.maximum(peak, peaks[frame : frame + hops], out=peak)
    total, moment = np.zeros_like(peak), np.zeros_like(peak)
    for frame in range(frames):
        rows = slice(frame, frame + hops)
        below = peaks[rows] - peak
        scale = np.exp(below)
        total += scale * sums[rows]
        moment += scale * (moments[rows] + below * sums[rows])
    return np.asarray(np.log(total) - moment / total)


def to_network_domain(features: npt.NDArray[Any]) -> FloatArray:
    """Natural features float[..., 4] to what the network imitates: ln of rms, var and ssi; entropy as is."""
    return _where_log(features, lambda values: np.log(np.maximum(values, LOG_FLOOR)))


def from_network_domain(features: npt.NDArray[Any]) -> FloatArray:
    """Invert ``to_network_domain``: float[..., 4] to natural features."""
    return _where_log(features, np.exp)


def _where_log(features: npt.NDArray[Any], function: Any) -> FloatArray:
    result = np.array(features, dtype=np.float64)
    if result.ndim == 0 or result.shape[-1] != len(FEATURE_NAMES):
        raise ValueError(
            f"the last axis must hold the {len(FEATURE_NAMES)} features, not shape {result.shape}"
        )
    logged = np.array(LOG_FEATURES)
    result[..., logged] = function(result[..., logged])
    return result


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


def feature_scores(target: npt.NDArray[Any], predicted: npt.NDArray[Any]) -> dict[str, dict[str, float]]:
    """Agreement per feature of natural-domain features float[..., 4]: log R², linear R² and Spearman's rho.

    The log R² is of the natural logarithm of each feature, entropy included, floored at 1e-6.
    """
    scores = {}
    for index, name in enumerate(FEATURE_NAMES):
        wanted = np.asarray(target, dtype=np.float64)[..., index].ravel()
        got = np.asarray(predicted, dtype=np.float64)[..., index].ravel()
        logs = [np.log(np.maximum(values, LOG_FLOOR)) for values in (wanted, got)]
        scores[name] = {
            "log": r2(logs[0], logs[1]),
            "linear": r2(wanted, got),
            "spearman": _spearman(wanted, got),
        }
    return scores


def _spearman(wanted: FloatArray, got: FloatArray) -> float:
    if np.ptp(wanted) == 0 or np.ptp(got) == 0:  # ranks of a constant say nothing
        return 0.0
    return float(spearmanr(wanted, got).statistic)
