"""Networks in the style of TFLM's published examples, as they come, give TFLM's bits on the board."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, myofin

sys.path.insert(0, str(ROOT / "tests" / "unit"))

from export_cases import compile_and_run

from myofin.convert.bundle import read_bundle
from myofin.convert.export import export_bundle

BOARD = "mps2-an386"
WINDOWS = {"lstm": 40, "speech": 10, "lstm_float32": 10}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """The models, made here with random weights in a process of their own."""
    folder = tmp_path_factory.mktemp("foreign")
    command = [sys.executable, ROOT / "tests" / "data" / "make_foreign.py", folder]
    subprocess.run(command, check=True, capture_output=True, timeout=600)
    return folder


@pytest.fixture(scope="module")
def bundles(models):
    """Their bundles, converted by the command line."""
    made = {}
    for name in WINDOWS:
        bundle = models / f"bundle-{name}"
        done = myofin("convert", models / f"{name}.tflite", "--out", bundle, "--json")
        made[name] = (bundle, json.loads(done.stdout))
    return made


@pytest.mark.parametrize("name", list(WINDOWS))
def test_every_window_is_equal_on_the_board(name, models, bundles):
    bundle, told = bundles[name]
    assert told["oracle"]["engine_equal"]["equal"] == told["oracle"]["engine_equal"]["windows"] == 200
    assert told["scheme"] == ("float32" if name.endswith("float32") else "int8")
    report = models / f"report-{name}"
    done = myofin("validate", bundle, "--board", BOARD, "--windows", WINDOWS[name], "--out", report, "--json")
    found = json.loads(done.stdout)
    assert found["verdict"] == "pass"
    if told["scheme"] == "int8":
        assert found["bit_exact"] == dict.fromkeys(("codes", "features", "logits"), WINDOWS[name])
    page = (report / "report.html").read_text()
    assert page.index("PASS") < page.index("<svg")


def test_inspect_counts_the_lstm(models):
    told = json.loads(myofin("inspect", models / "lstm.tflite", "--json").stdout)
    assert told["totals"]["macs"] == 28 * 4 * 20 * (28 + 20) + 560 * 10
    assert told["engine"]["supported"]
    assert [layer["op"] for layer in told["layers"]][-1] == "SOFTMAX"


@pytest.mark.parametrize("name", ["lstm", "speech"])
def test_the_export_passes_its_self_test(name, bundles, tmp_path: Path):
    export = export_bundle(read_bundle(bundles[name][0]), "c", tmp_path / "export").folder
    code, text = compile_and_run("cortex-m4", export, "examples/selftest.c", tmp_path)
    assert (code, text) == (0, "window 3: passed\n")
