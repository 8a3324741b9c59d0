"""The generated C equals TFLM on random networks; ``bench/equality_graphs.py`` runs hundreds of them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip(
    "tflite_micro", reason="tflite-micro has no wheel for this Python: no oracle to compare with"
)
sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from equality_graphs import Tally, compare_graphs


@pytest.mark.parametrize(("scheme", "count"), [("int8", 14), ("int16x8", 10), ("float32", 8)])
def test_outputs_and_intermediates_equal(scheme: str, count: int) -> None:
    total, kinds = Tally(), set()
    for graph, tally in compare_graphs(count, scheme):
        assert (tally.different, tally.refused) == (0, 0), graph.summary
        total.add(tally)
        kinds.update(word for word in ("mean", "join", "relu", "carry") if word in graph.summary)
    assert total.outputs > 100 * count and total.intermediate_tensors >= 3 * count
    assert total.varied >= count / 2, "most comparisons are not of constants"
    assert total.streamed >= 2
    assert kinds == {"mean", "join", "relu", "carry"}, "the sample holds every kind of network"
