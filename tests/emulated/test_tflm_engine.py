"""TFLM as the engine: the same application on the emulated board, against the same oracle."""

import json
import os

import pytest
from conftest import myofin

TREE = os.environ.get("MYOFIN_TFLM_ROOT")


@pytest.mark.skipif(not TREE, reason="MYOFIN_TFLM_ROOT names no TFLM source tree (docs/tflm-engine.md)")
def test_tflm_on_the_board_equals_tflm_on_the_host(small, small_bundle):
    image, report = small / "image-tflm", small / "report-tflm"
    board = ["--board", "mps2-an386", "--engine", "tflm"]
    built = json.loads(myofin("build", small_bundle, *board, "--out", image, "--json").stdout)
    assert built["engine"] == "tflm"
    assert built["sizes"]["flash_code"] > 20_000
    verb = ["validate", small_bundle, *board, "--image", image, "--windows", 20, "--out", report, "--json"]
    found = json.loads(myofin(*verb).stdout)
    assert found["bit_exact"] == {"codes": 20, "features": 20, "logits": 20}
    assert found["bundle"]["engine"] == "tflm"
    assert found["latency"]["p50"] > 100_000
