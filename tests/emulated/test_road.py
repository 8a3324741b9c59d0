"""The whole road with a small network: recording, run, bundle, firmware in the emulator, report."""

import json

import numpy as np
import pytest
from conftest import myofin

DESIGN_KEYS = {
    "verdict": set(),
    "windows": set(),
    "bit_exact": {"codes", "features", "logits"},
    "max_lsb": {"features", "logits"},
    "argmax_flips": set(),
    "accuracy": {"float", "host", "device", "ci95"},
    "feature_r2": {"entropy", "rms", "var", "ssi"},
    "latency": {"unit", "p50", "p95", "p99", "max", "per_stage"},
    "deadline": {"hop_us", "missed"},
    "link": {"bytes", "crc_errors", "resyncs", "dropped_samples", "rtt_ms_p50"},
    "memory": {"flash_code", "flash_constants", "ram_static", "stack_high_water"},
    "board": {"name"},
    "bundle": {"model_sha256"},
}


@pytest.fixture(scope="module")
def report(small, small_bundle):
    done = myofin(
        "validate", small_bundle, "--board", "mps2-an386", "--data", small / "recording.npz",
        "--windows", 60, "--out", small / "report", "--json",
    )  # fmt: skip
    assert json.loads(done.stdout)["verdict"] == "pass"
    return json.loads((small / "report" / "report.json").read_text())


def test_every_window_is_equal_in_every_stage(report):
    assert report["verdict"] == "pass"
    assert report["windows"] == 60
    assert report["bit_exact"] == {"codes": 60, "features": 60, "logits": 60}
    assert report["argmax_flips"] == 0


@pytest.mark.parametrize("key", list(DESIGN_KEYS))
def test_the_report_has_the_keys_of_the_design(report, key):
    value = report[key]
    assert DESIGN_KEYS[key] <= (set(value) if isinstance(value, dict) else set())


def test_the_figures_make_sense(report):
    latency = report["latency"]
    assert latency["unit"] == "instructions"
    assert 10_000 < latency["p50"] <= latency["p95"] <= latency["p99"] <= latency["max"] < 100_000_000
    assert set(latency["per_stage"]) >= {"front_end", "fin", "head"}
    assert report["accuracy"]["device"] == report["accuracy"]["host"] > 2 / 5  # five movements: chance is 1/5
    low, high = report["accuracy"]["ci95"]
    assert low < report["accuracy"]["device"] < high
    memory = report["memory"]
    assert 0 < memory["stack_high_water"] < 64_000
    assert 1_000 < memory["flash_code"] < 64_000


def test_the_page_says_the_verdict_first_and_needs_no_network(small, report):
    page = (small / "report" / "report.html").read_text()
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page
    assert page.index("PASS") < page.index("<svg")


def test_golden_windows_validate_without_recordings(small, small_bundle):
    done = myofin(
        "validate", small_bundle, "--board", "mps2-an386", "--out", small / "golden-report", "--json"
    )
    found = json.loads(done.stdout)
    with np.load(small_bundle / "golden.npz") as golden:
        assert found["windows"] == len(golden["labels"])
    assert found["verdict"] == "pass"


def test_instruction_counts_repeat_exactly(small, small_bundle, report):
    again = myofin(
        "validate", small_bundle, "--board", "mps2-an386", "--data", small / "recording.npz",
        "--windows", 60, "--out", small / "again", "--json",
    )  # fmt: skip
    assert json.loads(again.stdout)["latency"] == report["latency"]
    compared = myofin("compare", small / "report", small / "again", "--fail-on-regression", "--json")
    found = json.loads(compared.stdout)
    assert found["regressions"] == found["differences"] == []
    assert sum(found["accuracy"]["pairs"].values()) == 60 and found["accuracy"]["p"] == 1.0


def test_a_built_image_can_be_validated(small, small_bundle):
    myofin("build", small_bundle, "--board", "mps2-an386", "--out", small / "image")
    done = myofin(
        "validate", small_bundle, "--board", "mps2-an386", "--image", small / "image",
        "--windows", 5, "--out", small / "image-report", "--json",
    )  # fmt: skip
    assert json.loads(done.stdout)["bit_exact"]["logits"] == 5


def test_int16x8_runs_on_the_board_bit_for_bit(small):
    myofin("convert", small / "run", "--scheme", "int16x8", "--out", small / "bundle-int16x8")
    done = myofin(
        "validate", small / "bundle-int16x8", "--board", "mps2-an386", "--windows", 20,
        "--out", small / "int16x8-report", "--json",
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert (found["verdict"], found["scheme"]) == ("pass", "int16x8")
    assert found["bit_exact"] == {"codes": 20, "features": 20, "logits": 20}


def test_float32_runs_on_the_board_within_its_tolerance(small):
    myofin("convert", small / "run", "--scheme", "float32", "--out", small / "bundle-float32")
    done = myofin(
        "validate", small / "bundle-float32", "--board", "mps2-an386", "--windows", 10,
        "--out", small / "float-report", "--json",
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert found["verdict"] == "pass"
    assert found["bit_exact"]["codes"] == 10
    assert found["argmax_flips"] == 0
