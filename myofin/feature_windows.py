"""Closed-form features of single windows: the definitions, each a few lines over the samples of a window.

All are of the z-scored signal of one channel, so thresholds are in standard deviations.
``feature_recordings.py`` gives the same numbers for whole recordings, without cutting windows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

# Thresholds keep noise from being counted as zero crossings (ZC), slope sign changes (SSC: Hudgins, Parker,
# Scott 1993, IEEE TBME 40(1):82-94) and Willison amplitudes (WAMP: Phinyomark et al. 2012, Expert Syst. Appl.
# 39(8):7420-7431). They are in standard deviations of the z-scored signal; 0 to 0.2 for ZC and SSC move LDA's
# accuracy on validation repetitions of 3DC and DB5 by less than a point.
ZC_THRESHOLD_SD = 0.01
SSC_THRESHOLD_SD = 0.01
WAMP_THRESHOLD_SD = 0.5
LD_FLOOR_SD = 0.02
# Histogram of Zardoshti-Kermani et al. 1995 (IEEE Trans. Rehab. Eng. 3(4):324-333): equal bins over +-3
# standard deviations; samples beyond count in the outer bins.
HISTOGRAM_BINS = 20
HISTOGRAM_LIMIT_SD = 3.0
AR_ORDER = 4
# Below this share of the signal's power nothing is left to predict: higher coefficients are then 0.
_AR_RESIDUAL = 1e-12


def entropy(z: FloatArray) -> FloatArray:
    """Shannon entropy in nats of softmax over the window (arXiv 2405.19356)."""
    shifted = z - z.max(axis=-2, keepdims=True)  # softmax does not see the shift, and exp cannot overflow
    weights = np.exp(shifted)
    total = weights.sum(axis=-2)
    return np.asarray(np.log(total) - (weights * shifted).sum(axis=-2) / total)


def ssi(z: FloatArray) -> FloatArray:
    """Simple square integral: the sum of squares."""
    return np.asarray(np.square(z).sum(axis=-2))


def rms(z: FloatArray) -> FloatArray:
    """Root mean square."""
    return np.asarray(np.sqrt(ssi(z) / z.shape[-2]))


def variance(z: FloatArray) -> FloatArray:
    """Population variance."""
    return np.asarray(z.var(axis=-2))


def mav(z: FloatArray) -> FloatArray:
    """Mean absolute value."""
    return np.asarray(np.abs(z).mean(axis=-2))


def wl(z: FloatArray) -> FloatArray:
    """Waveform length: the sum of absolute differences of neighbours."""
    return np.asarray(np.abs(np.diff(z, axis=-2)).sum(axis=-2))


def zc(z: FloatArray) -> FloatArray:
    """Zero crossings: neighbours of opposite sign that differ by at least the threshold."""
    before, after = z[..., :-1, :], z[..., 1:, :]
    return _count((before * after < 0) & (np.abs(after - before) >= ZC_THRESHOLD_SD))


def ssc(z: FloatArray) -> FloatArray:
    """Slope sign changes: local extremes, at least the threshold away from one of their neighbours."""
    slopes = np.diff(z, axis=-2)
    before, after = slopes[..., :-1, :], slopes[..., 1:, :]
    return _count((before * after < 0) & (np.maximum(np.abs(before), np.abs(after)) >= SSC_THRESHOLD_SD))


def wamp(z: FloatArray) -> FloatArray:
    """Willison amplitude: neighbours that differ by at least the threshold."""
    return _count(np.abs(np.diff(z, axis=-2)) >= WAMP_THRESHOLD_SD)


def rms_d1(z: FloatArray) -> FloatArray:
    """Root mean square of the first difference: with the RMS, the signal's mobility (Hjorth 1970)."""
    return rms(np.diff(z, axis=-2))


def rms_d2(z: FloatArray) -> FloatArray:
    """Root mean square of the second difference: the highest frequencies."""
    return rms(np.diff(z, n=2, axis=-2))


def rms_lag2(z: FloatArray) -> FloatArray:
    """Root mean square of x[t] - x[t-2]: what correlates over two samples."""
    return rms(z[..., 2:, :] - z[..., :-2, :])


def ld(z: FloatArray) -> FloatArray:
    """Log detector: the geometric mean of |z| + 0.02, a level that single peaks hardly move.

    Tkach, Huang, Kuiken 2010 (J. Neuroeng. Rehabil. 7:21), with a floor, since samples may be 0.
    """
    return np.asarray(np.exp(np.log(np.abs(z) + LD_FLOOR_SD).mean(axis=-2)))


def histogram_entropy(z: FloatArray) -> FloatArray:
    """Shannon entropy in nats of the samples' histogram over ``HISTOGRAM_BINS`` fixed bins of equal width."""
    bins = histogram_bin(z)
    total = np.zeros(z.shape[:-2] + z.shape[-1:])
    for number in range(HISTOGRAM_BINS):
        share = (bins == number).mean(axis=-2)
        total -= share * np.log(np.where(share > 0, share, 1.0))
    return total


def histogram_bin(z: FloatArray) -> npt.NDArray[np.int8]:
    """Bin of each sample, 0 .. HISTOGRAM_BINS - 1."""
    width = 2 * HISTOGRAM_LIMIT_SD / HISTOGRAM_BINS
    place = np.clip((z + HISTOGRAM_LIMIT_SD) * (1 / width), 0, HISTOGRAM_BINS - 1)
    return place.astype(np.int8)


def autoregression(z: FloatArray) -> FloatArray:
    """Coefficients a_1 .. a_4 of x_t = sum a_k x_(t-k) + e: ``[..., 4]``, from biased autocorrelations.

    Graupe and Cline 1975 (IEEE Trans. SMC 5(2):252-259); about zero, as the z-scored signal has that mean.
    """
    samples = z.shape[-2]
    lags = [
        (z[..., : max(samples - lag, 0), :] * z[..., lag:, :]).sum(axis=-2) for lag in range(AR_ORDER + 1)
    ]
    return np.stack(levinson(lags), axis=-1)


def levinson(lags: list[FloatArray]) -> list[FloatArray]:
    """Solve the Yule-Walker equations for autocorrelations of lag 0, 1, ..: the coefficients, one array each.

    Levinson-Durbin recursion over all windows at once (Golub and Van Loan, Matrix Computations, section 4.7).
    """
    error = lags[0].copy()
    floor = _AR_RESIDUAL * lags[0]
    found: list[FloatArray] = []
    for order in range(1, len(lags)):
        ahead = lags[order] - sum(
            (a * lags[order - k] for k, a in enumerate(found, start=1)), start=np.zeros_like(error)
        )
        alive = error > floor
        reflection = np.where(alive, ahead / np.where(alive, error, 1.0), 0.0)
        found = [a - reflection * b for a, b in zip(found, reversed(found), strict=True)] + [reflection]
        error = error * (1.0 - np.square(reflection))
    return found


def _count(events: npt.NDArray[np.bool_]) -> FloatArray:
    return np.asarray(events.sum(axis=-2), dtype=np.float64)


WINDOW_KERNELS: Mapping[str, Callable[[FloatArray], FloatArray]] = MappingProxyType(
    {
        "entropy": entropy,
        "rms": rms,
        "var": variance,
        "ssi": ssi,
        "mav": mav,
        "wl": wl,
        "zc": zc,
        "ssc": ssc,
        "wamp": wamp,
        "hist_entropy": histogram_entropy,
        "rms_d1": rms_d1,
        "rms_d2": rms_d2,
        "rms_lag2": rms_lag2,
        "ld": ld,
    }
)
AR_NAMES = tuple(f"ar{number}" for number in range(1, AR_ORDER + 1))


def features_of_windows(z: npt.NDArray[Any], names: tuple[str, ...]) -> FloatArray:
    """Features of windows: float[..., n, c] in standard deviations to float64[..., c, len(names)]."""
    z = np.asarray(z, dtype=np.float64)
    if z.ndim < 2 or z.shape[-2] == 0:
        raise ValueError(f"a window needs samples and channels, not shape {z.shape}")
    result = np.empty((*z.shape[:-2], z.shape[-1], len(names)))
    coefficients = autoregression(z) if set(names) & set(AR_NAMES) else None
    for index, name in enumerate(names):
        if name in AR_NAMES and coefficients is not None:
            result[..., index] = coefficients[..., AR_NAMES.index(name)]
        else:
            result[..., index] = WINDOW_KERNELS[name](z)
    return result
