from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from myofin import charts
from myofin.svg import WIDTH, Caption, short

CAPTION = Caption("key", "A <title>", "what & how")


def parse(svg: Markup) -> ElementTree.Element:
    root = ElementTree.fromstring(svg)
    assert root.attrib["aria-labelledby"] == "key-title key-desc"
    assert [child.text for child in root[:2]] == ["A <title>", "what & how"]
    assert "nan" not in svg and "inf" not in svg
    return root


def of_class(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [element for element in root.iter() if name in element.attrib.get("class", "").split()]


def inside(root: ElementTree.Element) -> None:
    _, _, width, height = (float(part) for part in root.attrib["viewBox"].split())
    assert width == WIDTH
    for rect in root.iter("rect"):
        x, y, wide, tall = (float(rect.attrib[name]) for name in ("x", "y", "width", "height"))
        assert -0.2 <= x <= x + wide <= width + 2 and -0.2 <= y <= y + tall <= height + 0.2


def test_difference_bars_show_used_bins_and_mark_bad_ones() -> None:
    labels = [str(i) for i in range(-8, 9)]
    counts = [0] * 8 + [5000, 1] + [0] * 7
    root = parse(charts.difference_bars(labels, counts, [i == 8 for i in range(17)], CAPTION))
    inside(root)
    assert [text.text for text in of_class(root, "tick")] == ["-2", "-1", "0", "1", "2", "3"]
    good, bad = of_class(root, "good"), of_class(root, "bad")
    assert len(good) == 1 and len(bad) == 5
    assert sum(float(bar.attrib["height"]) > 0 for bar in bad) == 1  # one differing value is visible
    assert float(bad[2].attrib["height"]) > 5


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=20))
def test_difference_bars_stay_inside_whatever_the_counts(counts: list[int]) -> None:
    inside(parse(charts.difference_bars([str(c) for c in counts], counts, [False] * len(counts), CAPTION)))


@pytest.mark.parametrize("classes", [2, 17, 52])
def test_confusion_has_a_cell_for_each_pair_and_frames_what_differs(classes: int) -> None:
    host = [[10 if row == column else 1 for column in range(classes)] for row in range(classes)]
    device = [list(row) for row in host]
    device[0][0], device[0][1] = 9, 2
    root = parse(charts.confusion(device, [str(i) for i in range(classes)], CAPTION, host))
    inside(root)
    assert len(of_class(root, "cell-back")) == classes**2
    assert len(of_class(root, "diagonal")) == classes
    assert [cell[0].text for cell in of_class(root, "differs")] == [
        "true 0, decided 0: 9",
        "true 0, decided 1: 2",
    ]
    written = of_class(root, "cell") + of_class(root, "cell-strong")
    assert len(written) == (classes**2 if classes < 20 else 0)


def test_confusion_of_classes_without_windows() -> None:
    root = parse(charts.confusion([[0, 0], [0, 0]], ["a", "b"], CAPTION))
    assert of_class(root, "heat") == [] and of_class(root, "differs") == []


def test_spread_places_percentiles_on_its_own_scale() -> None:
    root = parse(charts.spread([100.0, 200.0, 300.0], [3, 1], {"p50": 150.0, "p99": 300.0}, CAPTION))
    inside(root)
    assert [line.attrib["x1"] for line in of_class(root, "mark")] == ["90.0", "360.0"]
    assert [text.text for text in of_class(root, "tick")] == ["p50", "p99", "100", "300"]


def test_spread_of_one_value_says_so() -> None:
    root = parse(charts.spread([9120.0, 9121.0], [300], {"p50": 9120.0}, CAPTION))
    assert [text.text for text in root.iter("text")] == ["always 9,120"]


@pytest.mark.parametrize("load", [0.1, 1.0, 2.5])
def test_budget_draws_the_hop_to_scale(load: float) -> None:
    root = parse(charts.budget({"fin": load * 0.75, "head": load * 0.25}, CAPTION))
    inside(root)
    fin, hop = (
        float(of_class(root, "part-0")[0].attrib["width"]),
        float(of_class(root, "cell-back")[0].attrib["width"]),
    )
    assert fin / hop == pytest.approx(load * 0.75, rel=2e-3)


@given(st.integers(1, 100_000), st.data())
def test_every_mismatch_shows_on_the_timeline(windows: int, data: st.DataObject) -> None:
    hits = data.draw(st.lists(st.integers(0, windows - 1), max_size=30, unique=True))
    root = parse(charts.timeline(windows, {"codes": [], "features": hits, "logits": []}, CAPTION))
    inside(root)
    marks = [mark[0].text or "" for mark in of_class(root, "bad")]
    told = [re.fullmatch(r"features: ([\d,]+) differ from window ([\d,]+) on", mark) for mark in marks]
    assert sum(int(match[1].replace(",", "")) for match in told if match) == len(hits)
    if hits:
        assert int(told[0][2].replace(",", "")) <= min(hits) if told[0] else False


def test_timeline_of_nothing() -> None:
    parse(charts.timeline(0, {"codes": []}, CAPTION))


NAMES = st.sampled_from("abcdefgh")


@given(st.dictionaries(NAMES, st.integers(0, 10**6), min_size=1))
def test_bars_are_as_long_as_their_figures(rows: dict[str, int]) -> None:
    root = parse(charts.bars(rows, CAPTION))
    inside(root)
    widths = [float(bar.attrib["width"]) for bar in of_class(root, "bar")]
    unit = max(widths) / max(1, *rows.values())
    assert widths == pytest.approx([value * unit for value in rows.values()], abs=0.11)
    assert max(widths) > 200 or not any(rows.values())


@given(st.dictionaries(NAMES, st.floats(-1, 1e6), min_size=1))
def test_changes_go_to_the_left_where_a_figure_fell(rows: dict[str, float]) -> None:
    root = parse(charts.changes(rows, CAPTION))
    inside(root)
    middle = float(of_class(root, "axis")[0].attrib["x1"])
    for bar, change in zip(of_class(root, "bar"), rows.values(), strict=True):
        left, wide = float(bar.attrib["x"]), float(bar.attrib["width"])
        near = left if change > 0 else left + wide
        assert near == pytest.approx(middle, abs=0.21)
        assert ("bad" in bar.attrib["class"]) == (change > 0)


SHARES = st.integers(0, 1000)


@given(st.lists(st.tuples(SHARES, SHARES, SHARES), min_size=1, max_size=5))
def test_intervals_hold_their_value_and_mark_no_difference(rows: list[tuple[int, int, int]]) -> None:
    found = [
        charts.Interval("row", value / 1000 - 0.5, (value - below) / 1000 - 0.5, (value + above) / 1000 - 0.5)
        for value, below, above in rows
    ]
    root = parse(charts.intervals(found, CAPTION, zero=True))
    assert len(of_class(root, "mark")) == 1
    ends = of_class(root, "limit")[::3]  # the line of a row, and then the bars at its ends
    for line, dot in zip(ends, root.iter("circle"), strict=True):
        low, high = float(line.attrib["x1"]), float(line.attrib["x2"])
        assert 112 <= low <= high <= WIDTH
        assert low - 0.11 <= float(dot.attrib["cx"]) <= high + 0.11


@given(st.lists(st.lists(st.floats(0, 1), min_size=1, max_size=6), min_size=1, max_size=5))
def test_dots_stand_between_the_lowest_and_the_highest(rows: list[list[float]]) -> None:
    found = [charts.Dots("row", values, [f"of {i}" for i in range(len(values))]) for values in rows]
    root = parse(charts.dots(found, CAPTION))
    places = [float(dot.attrib["cx"]) for dot in root.iter("circle")]
    every = [value for values in rows for value in values]
    assert len(places) == len(every) and all(118 <= place <= WIDTH for place in places)
    assert places[every.index(max(every))] == max(places) and places[every.index(min(every))] == min(places)
    assert all(118 <= float(mean.attrib["x1"]) <= WIDTH for mean in of_class(root, "limit"))


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0"), (9999, "9999"), (14400, "14k"), (1_500_000, "1.5M"), (2e9, "2.0G")]
)
def test_counts_are_shortened(count: float, words: str) -> None:
    assert short(count) == words
