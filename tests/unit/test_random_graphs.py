"""The generated C equals TFLM on random networks; ``bench/equality_graphs.py`` runs hundreds of them."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip(
    "tflite_micro", reason="tflite-micro has no wheel for this Python: no oracle to compare with"
)
sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from equality_graphs import Tally, compare_graphs
from flatbuffer_builder import FlatbufferBuilder
from tflite_micro import runtime

from myofin.convert.codegen_arithmetic import fixed_point, rescale


def test_a_factor_of_relu_in_double_precision() -> None:
    """One value of this network's RELU rounds the other way with a factor divided in single precision."""
    graph, tally = next(compare_graphs(1, "int16x8", first=30))
    assert "relu" in graph.summary
    assert (tally.different, tally.refused) == (0, 0)


@pytest.mark.parametrize(
    ("dtype", "before", "after"),
    [
        ("int8", 0.031098369508981705, 0.013722489587962627),
        ("int8", 0.01042770966887474, 0.018734529614448547),
        ("int16", 0.0042231399565935135, 0.0016213891794905066),
        ("int16", 0.007796362042427063, 0.0029343964997678995),
    ],
)
def test_relu_by_itself(dtype: str, before: float, after: float) -> None:
    """Scales for which single precision gives another result for some value."""
    x = np.arange(128 if dtype == "int8" else 2000)
    build = FlatbufferBuilder()
    source = build.tensor((1, len(x)), dtype, scales=[before])
    output = build.tensor((1, len(x)), dtype, scales=[after])
    build.operator("RELU", [source], output)
    model = build.finish(source, {"features": output, "logits": output})
    tflm = runtime.Interpreter.from_bytes(model, arena_size=1 << 16)
    tflm.set_input(x[np.newaxis].astype(dtype), 0)
    tflm.invoke()
    ours = rescale(x, fixed_point(before / after))
    assert np.array_equal(tflm.get_output(0)[0], np.clip(ours, 0, np.iinfo(dtype).max))
    single = rescale(x, fixed_point(float(np.float32(before) / np.float32(after))))
    assert not np.array_equal(ours, single)


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
