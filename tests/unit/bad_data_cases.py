"""Every fault that recordings are known to have: how to make it, and what has to be said of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from recording_cases import ninapro_content, write_mat

Content = dict[str, Any]


def flat(content: Content) -> None:
    content["emg"][:, 3] = 7.0


def nan(content: Content) -> None:
    content["emg"][100, 2] = np.nan


def envelope(content: Content) -> None:
    smooth = np.cumsum(np.abs(content["emg"].astype(float)), axis=0)
    content["emg"] = np.rint(np.abs(smooth[200:] - smooth[:-200]) / 20).astype(np.float32)
    for key in ("stimulus", "restimulus", "repetition", "rerepetition"):
        content[key] = content[key][:-200]


def one_repetition(content: Content) -> None:
    for key in ("repetition", "rerepetition"):
        content[key] = np.minimum(content[key], 1)


def no_test_windows(content: Content) -> None:
    gone = (content["restimulus"] == 2) & np.isin(content["rerepetition"], (2, 5))
    content["restimulus"][gone] = 0
    content["rerepetition"][gone] = 0


def wrong_rate(content: Content) -> None:
    content["frequency"] = np.array([[1000]])


def infinite(content: Content) -> None:
    content["emg"][100, 2] = np.inf


def beyond_int16(content: Content) -> None:
    content["emg"][100, 2] = 40_000


def wrong_labels(content: Content) -> None:
    content["restimulus"] = np.where(content["restimulus"] > 0, content["restimulus"] + 30, 0)


def none(content: Content) -> None:
    """The content is sound; the file is cut."""


FAULTS: dict[str, tuple[Callable[[Content], None], str]] = {
    "wrong sampling rate": (wrong_rate, "`frequency` says 1000 Hz"),
    "envelope": (envelope, "rectified envelope, not raw sEMG"),
    "one repetition": (one_repetition, "1 repetition; training, validation and test need one each"),
    "no test windows": (no_test_windows, "movement 2 has no test window"),
    "NaN": (nan, "Channel 2 holds 1 samples that are NaN"),
    "infinity": (infinite, "Channel 2 holds 1 samples that are NaN or infinite"),
    "values beyond int16": (beyond_int16, "Channel 2 has 1 samples beyond int16"),
    "flat channel": (flat, "Channel 3 is dead"),
    "truncated file": (none, "S3_E1_A1.mat cannot be read as a MATLAB file"),
    "labels of another exercise": (wrong_labels, "labels 31 to 33"),
}


def spoiled(fault: str, folder: Path) -> tuple[Path, str]:
    """A file with a fault, and what has to be said of it."""
    spoil, said = FAULTS[fault]
    content = ninapro_content(samples=7200)
    spoil(content)
    file = write_mat(folder / "S3_E1_A1.mat", content)
    if fault == "truncated file":
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2])
    return file, said
