"""The page of a sweep as a file: whole, self-contained, and nothing in it but text from the data."""

from __future__ import annotations

import copy
import json
import re
from typing import Any
from xml.etree import ElementTree

import pytest
from html_checker import Checker
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sweep_document import document

from myofin.scatter import Axis, Point, front, scatter
from myofin.svg import Caption
from myofin.sweep.page import render_sweep
from myofin.sweep.page_words import conclusions

EVIL = '</script></title><script>alert("x")</script><img src=x onerror=alert(1)>&amp;{{ 7*7 }}'


def page_of(data: dict[str, Any]) -> tuple[str, Checker]:
    page, checker = render_sweep(data), Checker()
    without = re.sub(r'(<script type="text/plain" id="packed">)[^<]*', r"\1", page)  # 2 MB of base64
    checker.feed(without)
    checker.close()
    assert checker.open == []
    return without, checker


def view_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="view">(.*?)</script>', page, re.DOTALL)
    assert found
    read: dict[str, Any] = json.loads(found[1])
    return read


def hostile() -> dict[str, Any]:
    """A sweep whose every text is hostile, names of boards and settings too."""
    data = document("microbit")
    data["data"] |= {"source": EVIL, "subject": EVIL}
    data["search"] = data["measured_on"] = data["board"]["name"] = EVIL
    for trial in data["trials"]:
        trial["params"] |= {EVIL: f"{EVIL}{trial['number']}", "features": EVIL}
        trial["reason"] = EVIL
        trial["fits"] = {EVIL: {"ok": False, "misses": [{"what": EVIL, "by": 1, "unit": EVIL}]}}
        if trial["values"]:
            trial["values"]["r2_log"] = {EVIL: 0.5}
    data["recommended"]["reason"] = EVIL
    return data


@pytest.mark.parametrize("fit", [None, "microbit", "nano33ble"])
def test_the_page_is_whole_and_names_everything(fit: str | None) -> None:
    data = document(fit)
    page, checker = page_of(data)
    assert len(checker.ids) == len(set(checker.ids))
    assert set(checker.referred) <= set(checker.ids)
    assert checker.tags.count("h1") == 1
    assert not re.search(r"https?:|url\(|@import|<link|<img|src=", page.replace("http://www.w3.org", ""))
    assert "None" not in page and ">nan<" not in page
    measured = [trial for trial in data["trials"] if trial["state"] == "measured"]
    assert page.count('<tr data-id="') == len(measured) == 23
    for trial in data["trials"]:
        if trial["state"] != "measured":
            assert trial["reason"] in checker.text


def test_the_recommended_point_comes_first_with_its_reason() -> None:
    data = document("microbit")
    _, checker = page_of(data)
    told = "".join(checker.text)
    number = next(t["number"] for t in data["trials"] if t["id"] == data["recommended"]["id"])
    assert (
        told.index(f"TRIAL {number}") < told.index(data["recommended"]["reason"]) < told.index("Flash, bytes")
    )


def test_the_network_that_ships_is_shown_without_an_accuracy_on_what_it_has_seen() -> None:
    _, checker = page_of(document())
    told = " ".join(checker.text)
    shipped = told[told.index("fitted again with the validation repetitions") :]
    assert "accuracy, test" in shipped[: shipped.index("31,337")]
    assert "31,337" in shipped and "accuracy, validation" not in shipped[: shipped.index("31,337")]


@pytest.mark.parametrize("state", ["measured", "refused"])
def test_an_empty_front_says_that_nothing_fits_and_what_is_nearest(state: str) -> None:
    data = document()
    nearest = next(trial for trial in data["trials"] if trial["state"] == state)
    if state == "refused":
        nearest["values"] = {"ram": 20_000}  # all that is known of it
    data |= {
        "recommended": None,
        "nearest": {"id": nearest["id"], "reason": "The nearest, trial 0, misses RAM by 7 bytes."},
    }
    page, checker = page_of(data)
    assert "✗" in page and 'class="verdict fail"' in page and "NO TRIAL" in page
    assert "The nearest, trial 0, misses RAM by 7 bytes." in checker.text
    assert view_of(page)["chosen"] == nearest["id"]
    assert ("Flash, bytes" in checker.text) == (state == "measured")


def test_a_sweep_without_a_measured_trial_is_still_a_page() -> None:
    data = document()
    data["trials"] = [trial for trial in data["trials"] if trial["state"] != "measured"]
    data |= {"front": [], "recommended": None, "nearest": None}
    _, checker = page_of(data)
    assert "No trial was measured, so nothing can be recommended." in checker.text


def test_texts_from_the_data_are_only_text() -> None:
    page, checker = page_of(hostile())
    assert checker.tags.count("script") == 3 and "img" not in checker.tags
    assert "<script>alert" not in page
    assert EVIL in checker.text
    assert view_of(page)["boards"][0]["name"] == EVIL


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_whatever_a_subject_is_called_the_script_reads_it_back(name: str) -> None:
    data = document()
    data["data"]["subject"] = name
    data["trials"][0]["params"] = {**data["trials"][0]["params"], name: name}
    page, _ = page_of(data)
    told = next(trial for trial in view_of(page)["trials"] if trial["number"] == 0)["whole"]
    assert [name.replace("_", " "), name] in told


def test_the_same_sweep_makes_the_same_page_and_other_figures_another() -> None:
    data = document()
    assert render_sweep(data) == render_sweep(copy.deepcopy(data))
    changed = copy.deepcopy(data)
    changed["trials"][1]["values"]["flash"] = 7_654_321
    assert "7,654,321" in render_sweep(changed) and "7,654,321" not in render_sweep(data)


@pytest.mark.parametrize("quality", ["accuracy", "r2"])
def test_the_page_says_by_what_points_are_chosen(quality: str) -> None:
    data = document("microbit") | {"objectives": [quality, "flash"]}
    _, checker = page_of(data)
    told = " ".join(checker.text)
    assert ("what points are chosen by" in told) == (quality == "accuracy")
    assert ("chosen by the mean log R² of their features" in told) == (quality == "r2")
    assert "beaten by another, or do not fit microbit." in told


def test_conclusions_say_what_chose_and_how_the_test_repetitions_order() -> None:
    data = document()
    said = " ".join(conclusions(data))
    assert "validation repetitions alone" in said and "choose nothing" in said
    assert "over 12 movements has a standard error of" in said
    assert "1,440 validation windows" in said and "Spearman's ρ 0.9" in said
    for trial in data["trials"]:  # the test repetitions turn the order round
        if trial["values"] and trial["values"]["accuracy_test"]:
            trial["values"]["accuracy_test"] = 1 - trial["values"]["accuracy"]
    turned = " ".join(conclusions(data))
    assert "ρ −1.00" in turned and "the highest of all there is" in turned


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12))
def test_the_front_is_what_nothing_beats(points: list[tuple[int, int]]) -> None:
    places = [(float(x), float(y)) for x, y in points]
    found = front(places, ("low", "high"))

    def beaten(i: int) -> bool:
        x, y = places[i]
        return any((a <= x and b >= y) and (a < x or b > y) for a, b in places)

    assert {places[i] for i in found} == {places[i] for i in range(len(places)) if not beaten(i)}
    assert [places[i][0] for i in found] == sorted(places[i][0] for i in found)


@given(st.lists(st.tuples(st.floats(1e-3, 1e9), st.floats(0, 1)), max_size=20))
def test_points_stay_inside_the_picture_whatever_they_are(points: list[tuple[float, float]]) -> None:
    drawn = scatter(
        [Point(x, y, i, i % 2 == 0, i == 0, "a <tip>") for i, (x, y) in enumerate(points)],
        Axis("cost", "low", str),
        Axis("gain", "high", str),
        Caption("key", "A <title>", "what & how"),
    )
    root = ElementTree.fromstring(drawn)
    assert "nan" not in drawn and len(list(root.iter("g"))) == len(points)
    for circle in root.iter("circle"):
        assert 0 <= float(circle.attrib["cx"]) <= 360 and 0 <= float(circle.attrib["cy"]) <= 230
