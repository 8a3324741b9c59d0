"""Small recordings for the tests, laid out as the data sets lay theirs out; all made here, none taken."""

from pathlib import Path
from typing import Any

import numpy as np
import scipy.io


def ninapro_content(
    channels: int = 16, samples: int = 1200, movements: int = 3, repetitions: int = 6, scale: float = 30.0
) -> dict[str, Any]:
    """Content of a Ninapro `.mat`: movements x repetitions, each preceded by rest."""
    parts = 2 * movements * repetitions
    length = samples // parts
    labels, numbers = np.zeros(samples, dtype=np.uint8), np.zeros(samples, dtype=np.uint8)
    for index in range(movements * repetitions):
        active = slice((2 * index + 1) * length, (2 * index + 2) * length)
        labels[active] = index // repetitions + 1
        numbers[active] = index % repetitions + 1
    noise = np.random.default_rng(0).normal(0, 1, (samples, channels))
    signal = np.rint(noise * scale) if scale >= 1 else noise * scale
    column = (labels[:, None], numbers[:, None])
    return {
        "emg": signal.astype(np.float32),
        "stimulus": np.roll(column[0], 3, axis=0),
        "restimulus": column[0],
        "repetition": np.roll(column[1], 3, axis=0),
        "rerepetition": column[1],
        "subject": np.array([[1]], dtype=np.uint8),
        "exercise": np.array([[1]], dtype=np.uint8),
    }


def write_mat(path: Path, content: dict[str, Any]) -> Path:
    """Save as MATLAB 5."""
    scipy.io.savemat(path, content, do_compression=True)
    return path


def trials_content(
    gestures: int = 3, repetitions: int = 4, channels: int = 4, samples: int = 400
) -> dict[str, Any]:
    """Content of an `.npz` of trials at 1 kHz."""
    rng = np.random.default_rng(1)
    content: dict[str, Any] = {"fs": np.array(1000)}
    for gesture in range(gestures):
        for repetition in range(repetitions):
            signal = rng.normal(0, 50 * (gesture + 1), (samples + gesture, channels))
            content[f"g{gesture:02d}_r{repetition}"] = signal.astype(np.int16)
    return content


def write_npz(path: Path, content: dict[str, Any]) -> Path:
    """Save the arrays under their keys."""
    np.savez_compressed(path, **content)
    return path
