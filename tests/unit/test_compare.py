"""Comparing two reports: what is said, what is significant, what counts as worse, and what is refused."""

from __future__ import annotations

import copy
import json
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import WIDTHS, chromium, overflow, watch
from html_checker import Checker
from hypothesis import given, settings
from hypothesis import strategies as st
from report_cases import WINDOWS, document, written

from myofin import cli
from myofin.errors import InputError, MyofinError
from myofin.firmware_bridge.compare import compare_reports
from myofin.firmware_bridge.compare_accuracy import paired, unpaired
from myofin.firmware_bridge.compare_page import render_comparison, table_text
from myofin.firmware_bridge.compare_read import Named, read_report
from myofin.firmware_bridge.window_facts import WindowFacts, streamed_identities, window_identities


def both(tmp_path: Path, a: dict[str, Any], b: dict[str, Any]) -> tuple[Named, Named]:
    return read_report(written(tmp_path / "a", a)), read_report(written(tmp_path / "b", b))


def compared(tmp_path: Path, a: dict[str, Any], b: dict[str, Any], allow: float = 0.0) -> dict[str, Any]:
    found = compare_reports(*both(tmp_path, a, b), allow)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    return found


def test_the_same_windows_are_compared_in_pairs(tmp_path: Path) -> None:
    found = compared(tmp_path, document(right=250, seed=1), document(right=280, seed=2))
    accuracy = found["accuracy"]
    assert accuracy["test"] == "McNemar, exact"
    pairs = accuracy["pairs"]
    assert sum(pairs.values()) == WINDOWS
    assert pairs["both"] + pairs["only_a"] == 250 and pairs["both"] + pairs["only_b"] == 280
    assert accuracy["difference"] == pytest.approx(0.1) and accuracy["significant"]
    assert accuracy["ci95"][0] < 0.1 < accuracy["ci95"][1]
    assert f"{pairs['only_b']} are right in B alone and {pairs['only_a']} in A alone" in accuracy["sentence"]


def test_pairs_are_sharper_than_two_samples() -> None:
    labels = np.zeros(200, np.int64)
    decided_a, decided_b = labels.copy(), labels.copy()
    decided_a[:12] = 1
    decided_b[:2] = 1  # wrong only where A is wrong too
    identities = np.arange(200).astype(np.uint32)
    a = WindowFacts(identities, labels, decided_a, decided_a)
    b = WindowFacts(identities, labels, decided_b, decided_b)
    in_pairs, apart = paired(a, b), unpaired((188, 198), (200, 200))
    assert in_pairs is not None and apart is not None
    assert in_pairs.difference == pytest.approx(apart.difference)
    assert in_pairs.p == pytest.approx(2 * 0.5**10) and in_pairs.p < apart.p


def test_the_interval_is_that_of_a_worked_example() -> None:
    # Newcombe 1998, table II, method 10: 56/70 against 48/80 gives .0524 to .3339.
    found = unpaired((48, 56), (80, 70))
    assert found is not None
    assert found.ci95 == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_other_windows_are_compared_as_two_samples_and_that_is_said(tmp_path: Path) -> None:
    found = compared(tmp_path, document(), document(right=255, first=1000))
    assert found["accuracy"]["test"] == "Fisher, exact" and not found["accuracy"]["significant"]
    assert "different windows" in found["accuracy_note"]
    old = document()
    del old["decisions"]
    assert "earlier myofin" in compared(tmp_path, old, document(right=251))["accuracy_note"]


def test_other_boards_networks_and_data_are_said_and_not_refused(tmp_path: Path) -> None:
    other = document(right=240)
    other["board"] = {"name": "mps2-an547"}
    other["bundle"] = {**other["bundle"], "model_sha256": "cd" * 32}
    found = compared(tmp_path, document(), other)
    assert "Board: mps2-an386, then mps2-an547." in found["differences"]
    assert any(said.startswith("Network: ababab") for said in found["differences"])
    cycles = copy.deepcopy(other)
    cycles["latency"]["unit"] = "cycles"
    found = compared(tmp_path, document(), cycles)
    assert any("instructions, then in cycles" in said for said in found["differences"])
    assert not any("total" in cost["name"] for cost in found["costs"])


def test_other_movements_have_no_common_accuracy(tmp_path: Path) -> None:
    other = document()
    other["confusion"] = {**other["confusion"], "labels": [7, 8, 9, 10, 11]}
    found = compared(tmp_path, document(), other)
    assert found["accuracy"] is None and "other movements" in found["accuracy_note"]
    page = render_comparison(found)
    assert found["accuracy_note"] in page and "B minus A" not in page


def test_what_got_worse_is_named_and_nothing_else(tmp_path: Path) -> None:
    before = document(right=280, seed=3)
    assert compared(tmp_path, before, {**before, "tool_version": "9"})["regressions"] == []
    after = copy.deepcopy(document(right=200, seed=4))
    after["memory"]["ram_static"] = 3_100
    after["latency"]["max"] *= 2
    after["verdict"], after["equal"]["logits"], after["argmax_flips"] = "fail", 290, 4
    said = " ".join(compared(tmp_path, before, after)["regressions"])
    for words in (
        "verdict was pass",
        "equal logits fell",
        "4 of 300 decisions",
        "Accuracy fell",
        "RAM, static",
    ):
        assert words in said
    assert "flash" not in said.lower()
    again = compared(tmp_path, after, before)  # the other way round, everything is better
    assert again["regressions"] == []


def test_how_deep_an_interrupt_found_the_stack_is_shown_and_no_regression(tmp_path: Path) -> None:
    deeper = copy.deepcopy(document())
    deeper["memory"]["stack_high_water"] += 4
    found = compared(tmp_path, document(), deeper)
    (cost,) = [cost for cost in found["costs"] if cost["name"].startswith("stack")]
    assert cost["b"] == cost["a"] + 4 and found["regressions"] == []


def test_a_small_rise_can_be_allowed(tmp_path: Path) -> None:
    before = document()
    after = copy.deepcopy(before)
    after["memory"]["ram_static"] = 3_030  # one percent more
    assert len(compared(tmp_path, before, after)["regressions"]) == 1
    assert compared(tmp_path, before, after, allow=1.0)["regressions"] == []


def test_the_verb_ends_with_the_code_that_was_asked_for(tmp_path: Path, capsys: Any) -> None:
    before = written(tmp_path / "a", document())
    worse = document()
    worse["memory"]["ram_static"] += 1
    after, out = written(tmp_path / "b", worse), tmp_path / "out"
    assert cli.run(["compare", str(before), str(after.parent), "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "worse: RAM, static: 3,001 bytes, not 3,000." in shown
    assert sorted(path.name for path in out.iterdir()) == ["compare.html", "comparison.json"]
    assert cli.run(["compare", str(before), str(after), "--fail-on-regression", "--json"]) == 1
    assert len(json.loads(capsys.readouterr().out)["regressions"]) == 1
    assert cli.run(["compare", str(after), str(before), "--fail-on-regression"]) == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not readable as JSON"),
        (b"\xff\xfe", "not readable as JSON"),
        (b"[" * 100_000, "not readable as JSON"),
        (b"[]", "no report of myofin"),
        (b'{"verdict": "pass"}', "no report of myofin"),
    ],
)
def test_what_is_no_report_is_refused_with_a_sentence(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=words):
        read_report(path)
    with pytest.raises(InputError, match="no report at"):
        read_report(tmp_path / "elsewhere")


def test_a_report_against_itself_or_of_no_window_makes_no_sense(tmp_path: Path) -> None:
    one, _ = both(tmp_path, document(), document())
    with pytest.raises(InputError, match="with itself"):
        compare_reports(one, read_report(tmp_path / "a"))
    with pytest.raises(InputError, match="compared no window"):
        compare_reports(one, read_report(written(tmp_path / "c", document(windows=0))))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


SOUND = document()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_report_is_compared_or_refused_and_never_a_traceback(data: st.DataObject) -> None:
    damaged = copy.deepcopy(SOUND)
    for _ in range(data.draw(st.integers(1, 3))):
        part = damaged
        key = data.draw(st.sampled_from(sorted(part)))
        while isinstance(part[key], dict) and part[key] and data.draw(st.booleans()):
            part = part[key]
            key = data.draw(st.sampled_from(sorted(part)))
        part[key] = data.draw(JSON | st.text("0123456789abcdef -", max_size=20))
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = compare_reports(*both(Path(folder), SOUND, damaged))
            render_comparison(found), table_text(found)
        except MyofinError as error:
            assert "\n" not in error.message


def test_a_window_has_one_identity_sent_or_streamed() -> None:
    rng = np.random.default_rng(0)
    frames = rng.integers(-2000, 2000, (40, 4, 3)).astype(np.int16)
    windows = np.stack([frames[i : i + 30].reshape(-1, 3) for i in range(11)])
    streamed = streamed_identities(frames, np.arange(29, 40), 30)
    assert (window_identities(windows, 30) == streamed).all()
    assert len(set(streamed.tolist())) == 11


@given(
    st.lists(
        st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 51), st.integers(-1, 51), st.integers(-1, 51))
    )
)
def test_windows_are_read_back_as_they_were_written(rows: list[tuple[int, int, int, int]]) -> None:
    table = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    made = WindowFacts(table[0].astype(np.uint32), *table[1:])
    read = WindowFacts.from_json(json.loads(json.dumps(made.to_json())))
    for name in ("identities", "labels", "host", "device"):
        assert (getattr(read, name) == getattr(made, name)).all()


def test_the_page_is_whole_at_two_widths_and_holds_only_text(tmp_path: Path) -> None:
    evil = '</title></svg><script>alert("x")</script>'
    other = document(right=270, seed=7)
    other["board"] = {"name": evil}
    other["bundle"] = {**other["bundle"], "dataset": evil, "subject": evil}
    page = render_comparison(compared(tmp_path, document(), other))
    checker = Checker()
    checker.feed(page)
    checker.close()
    assert checker.open == [] and "script" not in checker.tags
    assert len(checker.ids) == len(set(checker.ids)) and set(checker.referred) <= set(checker.ids)
    assert not re.search(r"https?:|url\(|@import|<link|<img", page)
    (tmp_path / "compare.html").write_text(page, encoding="utf-8")
    with chromium() as browser:
        for width in WIDTHS:
            opened = browser.new_page(viewport={"width": width, "height": 800})
            wrong = watch(opened)
            opened.goto((tmp_path / "compare.html").as_uri())
            assert overflow(opened) == 0 and wrong == []
