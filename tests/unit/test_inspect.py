"""``myofin inspect``: costs by layer with the LSTM counted, and sizes that the linker's map confirms."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from native_board import DATA, FAKE_MODEL

from myofin import cli
from myofin.boards.registry import load_board
from myofin.convert import inspect_model
from myofin.convert.codegen import generate_c
from myofin.convert.inspect_model import inspect_path
from myofin.convert.prediction import predict_engine, predict_text
from myofin.errors import InputError, ModelError
from myofin.firmware_bridge.build import build_image
from myofin.firmware_bridge.linker_map import read_engine_bytes
from myofin.frontend import FrontEnd

SHAPES = {
    "shared12": (12, 20),
    "shared4_hidden": (4, 10),
    "shared2_one_sample": (2, 1),
    "joint3_embedded": (3, 4),
    "joint4_float32": (4, 2),
}
SHA256 = "00" * 32


def frontend(channels: int) -> FrontEnd:
    signal = np.random.default_rng(1).normal(0, 300, (400, channels))
    return FrontEnd.fit(signal.astype(np.int16))


def inspect(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert cli.run(["inspect", *map(str, arguments)]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("board", ["mps2-an386", "microbit"])
@pytest.mark.parametrize("name", list(SHAPES))
def test_the_linker_confirms_the_prediction(name: str, board: str, tmp_path: Path) -> None:
    channels, frame_samples = SHAPES[name]
    generate_c(
        (DATA / f"{name}.tflite").read_bytes(),
        frontend(channels).to_json(),
        tmp_path / "c",
        frame_samples=frame_samples,
        channels=channels,
        sliding=False if board == "microbit" else None,
    )
    predicted = predict_engine(tmp_path / "c")
    image = build_image(tmp_path / "c", SHA256, load_board(board), tmp_path / "image")
    linked = read_engine_bytes(image.folder / "firmware.map")
    assert predicted.ram == linked.ram
    assert abs(predicted.constants - linked.constants) < 256
    assert predicted.flash == pytest.approx(linked.code + linked.constants, rel=0.2)


def test_a_bare_model_is_inspected(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(inspect(capsys, DATA / "shared12.tflite", "--channels", 12, "--json"))
    (lstm,) = [layer for layer in found["layers"] if layer["op"] == "UNIDIRECTIONAL_SEQUENCE_LSTM"]
    assert lstm["macs"] == 12 * 30 * 4 * 16 * (32 + 16), "sequences x steps x gates x units x inputs"
    assert found["totals"]["macs"] == sum(layer["macs"] for layer in found["layers"])
    (fused,) = found["lstm"]["fused"]
    assert (fused["batch"], fused["steps"], fused["inputs"], fused["units"]) == (12, 30, 32, 16)
    engine = found["engine"]
    assert engine["supported"]
    assert engine["flash_bytes"] == engine["code_bytes"] + engine["const_bytes"]
    assert engine["window_bytes"] == 7200 < engine["ram_bytes"]


def test_the_text_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    found = inspect_path(DATA / "shared12.tflite", 12)
    text = inspect(capsys, DATA / "shared12.tflite", "--channels", 12)
    assert f"{found['totals']['macs']:,}" in text
    assert f"RAM {found['engine']['ram_bytes']:,} B" in text
    assert "fused, 12 x 30 steps, 32 inputs, 16 units" in text
    assert "State contract: reset" in text


def test_a_float_model_is_inspected(capsys: pytest.CaptureFixture[str]) -> None:
    assert "float state" in inspect(capsys, DATA / "joint4_float32.tflite", "--channels", 4)


def test_channels_that_cannot_be_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    text = inspect(capsys, DATA / "shared12.tflite", "--channels", 7)
    assert "not supported. A frame of 240 codes cannot be of 7 channels." in text


def test_an_unsupported_model_gives_the_reason(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise ModelError("Operator 3 (SOFTMAX) is not supported.", hint="Leave it to the host.")

    monkeypatch.setattr(inspect_model, "generate_c", refuse)
    found = json.loads(inspect(capsys, DATA / "shared12.tflite", "--json"))
    assert found["engine"] == {
        "supported": False,
        "reason": "Operator 3 (SOFTMAX) is not supported.",
        "hint": "Leave it to the host.",
    }
    assert "not supported. Operator 3 (SOFTMAX)" in inspect(capsys, DATA / "shared12.tflite")


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no model or bundle"):
        inspect_path(tmp_path / "nothing.tflite")
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"nonsense")
    with pytest.raises(ModelError, match="not a TFLite model"):
        inspect_path(broken)


def test_structs_are_laid_out_as_on_arm() -> None:
    header = """
#define WIDE 3u
#define CODES (WIDE * 4u + 1u)
typedef struct { inner_t inner; bool last; } outer_t;
typedef struct { int8_t a; int32_t b; const int8_t *pointer; } inner_t;
typedef struct { uint32_t held; int8_t codes[CODES]; int16_t pairs[2][WIDE]; outer_t outer; } myofin_state_t;
"""
    source = "static const int8_t TABLE[CODES] = {0};\nstatic const outer_t X = {0};\nconst int32_t y = 1;\n"
    found = predict_text([header], [source])
    assert found.ram == 4 + 13 + 1 + 12 + 2 + 16
    assert found.constants == 16 + 16


@pytest.mark.parametrize(
    "state", ["odd_t thing;", "int8_t codes[UNKNOWN];", "int (*f)(void);", "int8_t codes[2 ** 9];"]
)
def test_c_that_is_not_understood_is_told(state: str) -> None:
    with pytest.raises(ModelError, match="cannot be predicted"):
        predict_text([f"typedef struct {{ {state} }} myofin_state_t;"], [])


def test_the_fake_model_is_predicted() -> None:
    assert predict_engine(FAKE_MODEL).ram == 4 + 600 + 4
