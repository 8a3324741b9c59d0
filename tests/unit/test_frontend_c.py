"""The front end in C equals the one in NumPy: on every count there is, and on whole recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from engine_cases import front_end, generate, model

from myofin.convert.host_engine import HostEngine
from myofin.frontend import FrontEnd
from myofin.recordings.load import load_recording

ALL_COUNTS = np.arange(-32768, 32768, dtype=np.int16)


def c_engine(front: FrontEnd, folder: Path) -> HostEngine:
    """An engine around a front end of two channels and one sample a frame."""
    generate(model("shared2_one_sample"), 2, folder, front=front)
    return HostEngine(folder)


def extreme_front_end() -> FrontEnd:
    """The smallest and the largest gain that the contract allows, and offsets at both ends."""
    document = front_end(2).to_json()
    gains = [1, 1 << 27]
    limits = [-(-(2048 * 65536 - 32768) // gain) for gain in gains]
    return FrontEnd.from_json(document | {"gains_q16": gains, "limits": limits, "offsets": [-32768, 32767]})


@pytest.mark.parametrize("seed", range(3))
def test_all_65536_counts(seed: int, tmp_path: Path) -> None:
    front = front_end(2, seed=seed)
    counts = np.stack([ALL_COUNTS, ALL_COUNTS[::-1]], axis=1)
    assert np.array_equal(c_engine(front, tmp_path).encode(counts), front.encode(counts))


def test_all_counts_at_the_limits_of_the_contract(tmp_path: Path) -> None:
    front = extreme_front_end()
    counts = np.stack([ALL_COUNTS, ALL_COUNTS], axis=1)
    assert np.array_equal(c_engine(front, tmp_path).encode(counts), front.encode(counts))


@pytest.mark.parametrize("dc_shift", [1, 8, 15])
def test_dc_blocker(dc_shift: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(dc_shift)
    front = front_end(2, dc_shift=dc_shift)
    drift = 20000 * np.sin(np.arange(20000) / 900.0)[:, np.newaxis]
    counts = np.clip(drift + rng.normal(0, 6000, (20000, 2)), -32768, 32767).astype(np.int16)
    counts[:200] = rng.choice(np.array([-32768, 32767], np.int16), (200, 2))
    assert np.array_equal(c_engine(front, tmp_path).encode(counts), front.encode(counts))


def test_dc_blocker_holds_the_largest_step(tmp_path: Path) -> None:
    """Half a minute at one rail, then the other: the accumulator goes as far as it can."""
    front = FrontEnd.from_json(extreme_front_end().to_json() | {"dc_shift": 15})
    counts = np.full((60000, 2), 32767, np.int16)
    counts[30000:] = -32768
    assert np.array_equal(c_engine(front, tmp_path).encode(counts), front.encode(counts))


@pytest.mark.parametrize("dc_shift", [0, 9])
def test_whole_recording(dc_shift: int, tmp_path: Path, real_data: Path) -> None:
    counts = load_recording(real_data / "3dc" / "participant15.npz").counts[:, :2]
    counts = counts if dc_shift == 0 else counts[:60000]  # the NumPy blocker is a loop
    front = FrontEnd.fit(counts, dc_shift=dc_shift)
    assert np.array_equal(c_engine(front, tmp_path).encode(counts), front.encode(counts))
