from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from comparison_cases import CLASSES, FLOAT32, INT8, copy, decisions, facts, ticks, truth
from html_checker import Checker

from myofin.errors import InputError
from myofin.firmware_bridge.comparison import compare
from myofin.firmware_bridge.decisions import NumberFormat, Truth
from myofin.firmware_bridge.report import build_report, render_html, write_report
from myofin.page import fixed, flat, percent, thousands

DESIGN_KEYS = {
    "verdict": None,
    "windows": None,
    "bit_exact": {"codes", "features", "logits"},
    "max_lsb": {"features", "logits"},
    "argmax_flips": None,
    "accuracy": {"float", "host", "device", "ci95"},
    "feature_r2": {"entropy", "rms", "var", "ssi"},
    "latency": {"unit", "p50", "p95", "p99", "max", "per_stage"},
    "deadline": {"hop_us", "missed"},
    "link": {"bytes", "crc_errors", "resyncs", "dropped_samples", "rtt_ms_p50"},
    "memory": {"flash_code", "flash_constants", "ram_static", "stack_high_water"},
    "board": {"name"},
    "bundle": {"model_sha256"},
}


def make(
    change: str = "", number_format: NumberFormat = INT8, known: Truth | None = None, **changes: Any
) -> dict[str, Any]:
    host = decisions(30, dtype=np.float32 if number_format.is_float else np.int8)
    device = copy(host)
    if change == "logits":
        device.logits[7] = np.roll(host.logits[7], 1)
    elif change == "codes":
        device.codes_crc[3] ^= 1
    elif change == "nan":
        device.features[5, 2] = np.nan
    elif change == "nothing":
        host = device = decisions(0)
    windows = len(host)
    return build_report(
        compare(host, device, number_format, ticks(windows), known or truth(windows)), facts(**changes)
    )


def page_of(report: dict[str, Any]) -> tuple[str, Checker]:
    page, checker = render_html(report), Checker()
    checker.feed(page)
    checker.close()
    assert checker.open == []
    return page, checker


CASES = {
    "pass": make,
    "logits": lambda: make("logits"),
    "codes": lambda: make("codes"),
    "nothing": lambda: make("nothing"),
    "float": lambda: make("", FLOAT32),
    "nan": lambda: make("nan", FLOAT32),
    "bare": lambda: make("", known=Truth(labels=np.full(30, -1))),
    "unlabelled": lambda: make("", known=Truth(features=np.ones((30, 3, 4)))),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_documents_are_plain_json_with_the_keys_of_the_design(name: str) -> None:
    report = CASES[name]()
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    for key, inner in DESIGN_KEYS.items():
        assert key in report
        if inner is not None and (key != "feature_r2" or report[key]):
            assert inner <= set(report[key])
    assert report["verdict"] == ("pass" if name in ("pass", "float", "bare", "unlabelled") else "fail")


@pytest.mark.parametrize("name", sorted(CASES))
def test_pages_are_whole_self_contained_and_named(name: str) -> None:
    report = CASES[name]()
    page, checker = page_of(report)
    assert not re.search(r"https?:|//[a-z]|url\(|@import|<script|<link|<img", page)
    assert "NaN</" not in page and "None" not in page and ">nan" not in page
    assert len(checker.ids) == len(set(checker.ids))
    assert set(checker.referred) <= set(checker.ids)
    assert checker.tags.count("h1") == 1
    assert checker.tags.count("svg") == checker.tags.count("desc")
    first = next(i for i, text in enumerate(checker.text) if report["verdict"].upper() in text and i > 5)
    assert first < checker.text.index(report["sentence"]) < checker.text.index("Flash, bytes")


def test_classes_without_a_name_are_refused() -> None:
    with pytest.raises(InputError, match="differ in number: 4, 5"):
        make(class_names=["a"] * (CLASSES - 1))


def test_a_page_is_made_from_the_document_alone() -> None:
    report = make("logits")
    assert render_html(json.loads(json.dumps(report))) == render_html(report)


def test_sentences_say_how_many_and_where() -> None:
    assert make()["sentence"] == (
        "The board computed exactly what the host computed: "
        "30 of 30 windows equal in codes, features and logits."
    )
    assert make("logits")["sentence"] == (
        "The board differs from the host in 1 of 30 windows; the first is window 7, "
        "where the logits are the first to differ."
    )
    assert make("", FLOAT32)["sentence"].endswith("features and logits within 0.001.")
    assert make("nothing")["sentence"] == "No window was compared, so nothing is shown."


def test_figures_of_the_page_follow_the_document() -> None:
    report = make("logits")
    page, _ = page_of(report)
    assert "29 of 30" in page
    assert "30,000" in page  # flash: code and constants
    changed = {**report, "memory": {**report["memory"], "flash_constants": 1}}
    assert "30,000" not in render_html(changed) and "10,001" in render_html(changed)
    assert "instructions, not cycles" in page
    cycles = {**report, "latency": {**report["latency"], "unit": "cycles"}}
    assert "not cycles" not in render_html(cycles)


def test_a_nan_from_the_board_is_told_by_name() -> None:
    report = make("nan", FLOAT32)
    (found,) = report["mismatches"]["first"]
    assert (found["window"], found["stage"], found["elements"], found["device"]) == (
        5,
        "features",
        [2],
        ["nan"],
    )
    assert report["non_finite"]["features"] == 1
    assert "channel 0 var" in render_html(report)


def test_crcs_are_told_in_hexadecimal() -> None:
    report = make("codes")
    (found,) = report["mismatches"]["first"]
    assert f"CRC-32: {found['host'][0]:08x} → {found['device'][0]:08x}" in render_html(report)


def test_hostile_names_are_only_text() -> None:
    evil = '</title></svg><script>alert("x")</script>&amp;'
    report = make(
        "logits",
        class_names=[evil] * CLASSES,
        class_labels=list(range(CLASSES)),
        board={"name": evil, evil: [evil]},
        bundle={"subject": evil},
        method={evil: evil},
        oracle=evil,
    )
    report["confusion"]["labels"] = [evil] * CLASSES
    page, checker = page_of(report)
    assert "<script" not in page
    assert "script" not in checker.tags
    assert evil in checker.text


def test_reports_are_written_side_by_side(tmp_path: Path) -> None:
    report = make()
    write_report(tmp_path, report)
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8")) == report
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == render_html(report)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "report.json"]


def test_facts_of_any_depth_become_rows() -> None:
    rows = flat(
        {"state": {"contract": "reset", "probed": True}, "shape": [1, 30], "sha_256": "ab", "tol": 1e-5}
    )
    assert rows == [
        ("state contract", "reset"),
        ("state probed", "yes"),
        ("shape", "1, 30"),
        ("sha 256", "ab"),
        ("tol", "1e-05"),
    ]
    assert flat({"macs": 1659696, "rate": 2000, "none": None}) == [
        ("macs", "1,659,696"),
        ("rate", "2000"),
        ("none", "—"),
    ]


def test_numbers_read_well_and_unknown_is_a_dash() -> None:
    assert thousands(1234567) == "1,234,567"
    assert percent(0.8125) == "81.2\u00a0%"
    assert fixed(-0.5) == "−0.500"
    assert (thousands(None), percent(None), fixed(None)) == ("—", "—", "—")
