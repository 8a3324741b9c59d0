"""The proof of the emulated cores on fewer windows: the smallest core and the largest."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from proof_cores import BOARDS_SMALL, WINDOWS_SMALL, cores
from proof_counts import Settings


def test_proof_cores(tmp_path: Path) -> None:
    pytest.importorskip("tflite_micro", reason="tflite-micro has no wheel for this Python")
    counts = cores(Settings(tmp_path, tmp_path / "models", small=True))
    assert [count.differing for count in counts] == [0] * len(BOARDS_SMALL)
    assert [count.compared for count in counts] == [2 * WINDOWS_SMALL] * len(BOARDS_SMALL)
