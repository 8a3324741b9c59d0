"""Faults on the link, fewer than ``bench/faults.py`` injects: none is accepted as a result."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from fault_link import KINDS, Kind
from faults import LIMIT_S, Tally, inject, native_link, page
from native_board import expected_values

FAULTS = 150


@pytest.mark.parametrize("kind", KINDS)
def test_every_fault_is_noticed_or_harmless(kind: Kind) -> None:
    tally = inject(kind, FAULTS, native_link(seed=2))
    assert tally.injected >= FAULTS
    assert tally.repaired + tally.harmless == tally.injected
    assert (tally.wrong, tally.ended) == (0, 0)
    assert tally.windows >= FAULTS
    assert tally.repaired > tally.harmless, "most faults leave a trace"
    assert tally.longest_s <= LIMIT_S
    assert (tally.restarts > 0) == (kind == "reset in mid-frame")


def test_a_wrong_result_would_be_counted() -> None:
    def other(counts: np.ndarray[tuple[int, int], np.dtype[np.int16]]) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
        features, logits = expected_values(counts)
        return features, logits + 1

    tally = inject("drops", 5, native_link(seed=3), expect=other)
    assert tally.wrong == tally.windows > 0


def test_the_page_states_the_figures() -> None:
    text = page([Tally("drops", injected=10_000, repaired=9_990, harmless=10, longest_s=0.5)])
    assert "| drops | 10,000 | 9,990 | 10 | 0 | 0 | 0 | 0 | 0 | 0.5 |" in text
