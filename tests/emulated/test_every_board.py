"""A small bundle validates on every emulated board; one that is too large is refused before the build."""

import json
import sys
from pathlib import Path

import pytest
from conftest import myofin

sys.path.insert(0, str(Path(__file__).parent.parent / "unit"))

from native_board import FAKE_MODEL, FAKE_MODEL_SHA256

from myofin.boards.registry import list_boards, load_board
from myofin.errors import InputError
from myofin.firmware_bridge.build import build_image

EMULATED = [name for name in list_boards() if load_board(name).emulator]


@pytest.mark.parametrize("board", EMULATED)
def test_every_board_computes_what_the_host_computes(board, small_bundle, tmp_path):
    done = myofin(
        "validate", small_bundle, "--board", board, "--windows", 30, "--out", tmp_path / "report", "--json"
    )
    found = json.loads(done.stdout)
    assert found["verdict"] == "pass"
    assert found["bit_exact"] == {"codes": 30, "features": 30, "logits": 30}
    assert found["board"]["name"] == board
    assert found["memory"]["ram_static"] < load_board(board).memory.ram_bytes


def test_a_model_too_large_for_the_microbit_is_refused_before_the_build(tmp_path, monkeypatch):
    model = tmp_path / "model"
    model.mkdir()
    for path in FAKE_MODEL.iterdir():
        text = path.read_text().replace("int8_t window[MYOFIN_WINDOW_CODES];", "int8_t window[20000];")
        (model / path.name).write_text(text)
    monkeypatch.setenv("PATH", "")  # no compiler: it is not asked
    refused = pytest.raises(
        InputError, match="needs at least 22,568 bytes of RAM; microbit has 16,384, which is 6,184 too few"
    )
    with refused as caught:
        build_image(model, FAKE_MODEL_SHA256, load_board("microbit"), tmp_path / "image")
    assert caught.value.exit_code == 2
