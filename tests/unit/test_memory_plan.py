"""The memory plan: buffers with a time in common never overlap, and what may share does."""

from __future__ import annotations

import doctest
from pathlib import Path

import numpy as np
import pytest
from engine_cases import CHANNELS, front_end, generate, input_shape, model, windows
from hypothesis import given
from hypothesis import strategies as st

from myofin.convert import codegen_memory
from myofin.convert.codegen import generate_c
from myofin.convert.codegen_memory import TYPE_BYTES, Member, plan_memory, relocated, unions
from myofin.convert.executors import HostEngineExecutor
from myofin.convert.prediction import predict_engine

MEMBERS = st.lists(
    st.builds(
        lambda kind, length, alive: (kind, length, frozenset(alive)),
        st.sampled_from(list(TYPE_BYTES)),
        st.integers(1, 500),
        st.lists(st.integers(-1, 6), min_size=1, max_size=4),
    ),
    min_size=1,
    max_size=12,
)


@given(MEMBERS)
def test_no_overlap_and_nothing_lost(drawn: list[tuple[str, int, frozenset[int]]]) -> None:
    members = [Member(kind, f"m{i}", length, alive) for i, (kind, length, alive) in enumerate(drawn)]
    places = plan_memory(members)
    assert sorted(m.name for place in places for m in place.members) == sorted(m.name for m in members)
    for place in places:
        times = [time for member in place.members for time in member.alive]
        assert len(times) == len(set(times)), "two members of a union are alive at one time"
        assert place.words * 4 >= max(member.size_bytes for member in place.members)
    assert sum(place.words for place in places) <= sum(-(-m.size_bytes // 4) for m in members)


def test_members_that_never_meet_share() -> None:
    early, late, both = frozenset({0}), frozenset({2}), frozenset({0, 2})
    members = [
        Member("int8_t", "a", 4, early),
        Member("int8_t", "b", 9, late),
        Member("int8_t", "c", 5, both),
    ]
    places = plan_memory(members)
    assert [[m.name for m in place.members] for place in places] == [["b", "a"], ["c"]]
    text = "state->a[state->oldest] = state->b[0] + state->c[1] + restate->a;"
    expected = "state->shared0.a[state->oldest] = state->shared0.b[0] + state->c[1] + restate->a;"
    assert relocated(text, places) == expected
    assert [place.words for place in unions(places)] == [3]


def test_examples_in_docstrings() -> None:
    assert doctest.testmod(codegen_memory).failed == 0


@pytest.mark.parametrize("name", ["shared4_hidden", "joint3_embedded", "shared4_float32"])
def test_sharing_saves_ram_and_changes_nothing(name: str, tmp_path: Path) -> None:
    content, channels = model(name), CHANNELS[name]
    codes = windows(content, 40)
    generate(content, channels, tmp_path / "shared")
    generate_c(
        content,
        front_end(channels).to_json(),
        tmp_path / "apart",
        frame_samples=input_shape(content)[1] // channels,
        channels=channels,
        keep_intermediates=True,
    )
    shared, apart = (HostEngineExecutor(tmp_path / which).run(codes) for which in ("shared", "apart"))
    assert np.array_equal(shared.features, apart.features)
    assert np.array_equal(shared.logits, apart.logits)
    assert predict_engine(tmp_path / "shared").ram < predict_engine(tmp_path / "apart").ram
