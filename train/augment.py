"""Other conditions of the same movement: pure functions of counts, so that codes and features stay exact.

A later session is louder or softer as a whole (contraction, sweat), differs from electrode to electrode
(contact), has other frequency content (electrode shift, fatigue: Merletti and Farina, Surface
Electromyography, 2016, ch. 3 and 10), and an electrode may lose contact, for one sample or for long.
Everything is applied to ADC counts about each channel's mean, before the front end, as it would happen to a
wearer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Variation:
    """How far windows are varied; the neutral values change nothing.

    Attributes:
        gain: Lowest and highest gain of a channel, drawn log-uniform for each window and channel.
        common_gain_sd: Standard deviation of the logarithm of a gain that all channels of a window share.
        tilt: Lowest and highest a in y[t] = x[t] - a x[t-1]; above 0 it lifts high frequencies.
        tilted: Share of windows and channels that are tilted; their root mean square stays.
        shift: Largest share of its neighbour that each channel takes in (electrodes turned around the arm);
            the channels are taken as a ring in their order.
        dropped: Share of channels that are silent.
        noise_sd: White noise, in standard deviations of the channel's training signal.
        impulses: Share of windows and channels with one sample far off; in the recordings at hand such
            artefacts of single electrodes reach 132 standard deviations, and hold most of VAR's variance.
        impulse_sd: Lowest and highest height of an impulse, log-uniform, in the same standard deviations.
    """

    gain: tuple[float, float] = (1.0, 1.0)
    common_gain_sd: float = 0.0
    tilt: tuple[float, float] = (0.0, 0.0)
    tilted: float = 0.0
    shift: float = 0.0
    dropped: float = 0.0
    noise_sd: float = 0.0
    impulses: float = 0.0
    impulse_sd: tuple[float, float] = (10.0, 200.0)


# For imitation, as wide as the features are defined; for decisions, as far as sessions differ. LDA as the
# head takes what can differ while all electrodes work.
IMITATION = Variation(gain=(0.15, 6.0), tilt=(-0.6, 0.95), tilted=0.6, impulses=0.25)
SESSION = Variation(gain=(0.9, 1.1), common_gain_sd=0.2, dropped=0.02, noise_sd=0.02)
ATTACHED = Variation(gain=(0.9, 1.1), common_gain_sd=0.2, tilt=(-0.1, 0.1), tilted=1.0)


def vary(
    counts: NDArray[np.int16], offsets: NDArray[np.int32], sds: FloatArray, variation: Variation, seed: int
) -> NDArray[np.int16]:
    """Return int16 windows ``[w, n, c]`` as they could have been under other conditions.

    Args:
        counts: int16 ``[w, n, c]`` ADC counts.
        offsets: int32 ``[c]``, each channel's mean in counts; it stays.
        sds: float64 ``[c]``, each channel's standard deviation in counts.
        variation: How far to go.
        seed: Of all draws.
    """
    rng = np.random.default_rng(seed)
    windows, _, channels = counts.shape
    each = (windows, 1, channels)
    signal = (counts - offsets).astype(np.float64)
    if variation.tilted:
        slopes = rng.uniform(*variation.tilt, each) * (rng.random(each) < variation.tilted)
        signal = _tilt(signal, slopes)
    if variation.shift:
        signal = _turn(signal, rng.uniform(-variation.shift, variation.shift, (windows, 1, 1)))
    low, high = np.log(variation.gain)
    gains = np.exp(
        rng.uniform(low, high, each) + rng.normal(0.0, 1.0, (windows, 1, 1)) * variation.common_gain_sd
    )
    signal = signal * gains * (rng.random(each) >= variation.dropped)
    if variation.noise_sd:
        signal = signal + rng.normal(0.0, 1.0, signal.shape) * (variation.noise_sd * sds)
    if variation.impulses:
        signal = _strike(signal, sds, variation, rng)
    return np.asarray(np.clip(np.rint(signal) + offsets, -32768, 32767), dtype=np.int16)


def _tilt(signal: FloatArray, slopes: FloatArray) -> FloatArray:
    tilted = signal.copy()
    tilted[:, 1:] -= slopes * signal[:, :-1]
    before = np.square(signal).mean(axis=1, keepdims=True)
    after = np.square(tilted).mean(axis=1, keepdims=True)
    return np.asarray(tilted * np.sqrt(before / np.maximum(after, 1e-9)))


def _strike(
    signal: FloatArray, sds: FloatArray, variation: Variation, rng: np.random.Generator
) -> FloatArray:
    windows, samples, channels = signal.shape
    low, high = np.log(variation.impulse_sd)
    each = (windows, 1, channels)
    heights = np.exp(rng.uniform(low, high, each)) * rng.choice((-1.0, 1.0), each) * sds
    heights *= rng.random(each) < variation.impulses
    struck = np.arange(samples)[:, np.newaxis] == rng.integers(0, samples, each)
    return np.asarray(signal + struck * heights)


def _turn(signal: FloatArray, shares: FloatArray) -> FloatArray:
    neighbour = np.where(shares > 0, np.roll(signal, 1, axis=2), np.roll(signal, -1, axis=2))
    size = np.abs(shares)
    return np.asarray((1.0 - size) * signal + size * neighbour)
