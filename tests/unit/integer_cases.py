"""Models with features by arithmetic that need no training, and windows that reach every corner of them."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myofin.convert.arithmetic import int8_model
from myofin.frontend import FrontEnd
from myofin.integer_head import IntegerHead
from myofin.integer_tables import INTEGER_FEATURES, make_tables, with_scaling

FOUR = ("entropy", "rms", "var", "ssi")
# Channels, samples of a frame, features: 2 kHz, 1 kHz, 200 Hz and 100 Hz; and 10 kHz, the longest that fits.
CASES = {
    "2kHz": (3, 20, INTEGER_FEATURES),
    "1kHz_four": (2, 10, FOUR),
    "200Hz": (4, 2, ("entropy", "rms", "var", "ssi", "rms_d2", "ld")),
    "100Hz": (3, 1, INTEGER_FEATURES),
    "10kHz": (1, 100, INTEGER_FEATURES),
}
CLASSES = 5


def signal(channels: int, samples: int, seed: int = 0) -> NDArray[np.int16]:
    """Counts int16 ``[samples, channels]`` with a level that comes and goes, and rare peaks."""
    rng = np.random.default_rng(seed)
    level = np.exp(rng.normal(0, 1, (samples // 50 + 1, channels))).repeat(50, axis=0)[:samples]
    return np.clip(rng.standard_t(4, (samples, channels)) * level * 60, -32768, 32767).astype(np.int16)


@functools.cache
def front_end(name: str) -> FrontEnd:
    """A front end fitted to such a signal."""
    channels, frame_samples, _ = CASES[name]
    return FrontEnd.fit(signal(channels, 400 * frame_samples))


@functools.cache
def head(name: str) -> IntegerHead:
    """Features with a plausible scaling, and a random layer on them."""
    _, frame_samples, names = CASES[name]
    plain = make_tables(front_end(name), frame_samples, names)
    mean = np.array([5.0 if feature == "entropy" else -0.5 for feature in names])
    std, scale, zero_point = np.full(len(names), 0.8), float(np.float32(0.04)), -20
    tables = with_scaling(plain, mean, std, scale, zero_point)
    rng = np.random.default_rng(1)
    kernel, bias = rng.normal(0, 1, (tables.size, CLASSES)), rng.normal(0, 1, CLASSES)
    return IntegerHead(tables, mean, std, scale, zero_point, kernel, bias)


def model(name: str) -> bytes:
    """The int8 model of a case."""
    return int8_model(head(name), 20.0)


def engine_arguments(name: str) -> dict[str, Any]:
    """What ``generate_c`` wants beside the model and the folder."""
    channels, frame_samples, _ = CASES[name]
    return {"frontend": front_end(name).to_json(), "frame_samples": frame_samples, "channels": channels}


def corner_windows(name: str) -> NDArray[np.int8]:
    """Windows of codes at every extreme, int8 ``[w, 30, frame_codes]``."""
    channels, frame_samples, _ = CASES[name]
    shape = (30, frame_samples * channels)
    samples = 30 * frame_samples
    rng = np.random.default_rng(2)
    alternating = np.where(np.arange(samples)[:, np.newaxis] % 2, 127, -127) * np.ones(channels)
    impulse, step = np.zeros((samples, channels)), np.zeros((samples, channels))
    impulse[samples // 2], step[samples // 3 :] = 127, -127
    pairs = np.where(np.arange(samples)[:, np.newaxis] // 2 % 2, 127, -128) * np.ones(channels)
    found = [np.full(shape, code) for code in (0, 1, -1, 127, -127, -128)]
    found += [window.reshape(shape) for window in (alternating, impulse, -impulse, step, pairs)]
    found += [rng.integers(-128, 128, shape), rng.integers(-2, 3, shape), rng.choice([-128, 0, 127], shape)]
    return np.stack(found).astype(np.int8)
