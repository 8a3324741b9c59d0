"""Building images: reproducible, sized, and every failure one sentence."""

from __future__ import annotations

import json
import shutil
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner
from native_board import FAKE_MODEL, FAKE_MODEL_SHA256

from myofin.artifacts import sha256_file, write_manifest
from myofin.boards.registry import Board, load_board
from myofin.errors import ArtifactError, BoardError, InputError, MyofinError, ToolMissingError
from myofin.firmware_bridge.build import Image, build_image, load_image
from myofin.firmware_bridge.build_cli import build

BOARD = load_board("mps2-an386")


def board_with(**memory: int) -> Board:
    return BOARD.model_copy(update={"memory": BOARD.memory.model_copy(update=memory)})


def build_fake(out: Path, model: Path = FAKE_MODEL, board: Board = BOARD) -> Image:
    return build_image(model, FAKE_MODEL_SHA256, board, out)


def model_with(folder: Path, old: str, new: str) -> Path:
    shutil.copytree(FAKE_MODEL, folder)
    source = folder / "myofin_model.c"
    text = source.read_text()
    assert old in text
    source.write_text(text.replace(old, new))
    return folder


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return build_fake(tmp_path_factory.mktemp("built") / "image")


def test_an_image_is_an_artifact(image: Image) -> None:
    assert {path.name for path in image.folder.iterdir()} == {
        "image.json",
        "firmware.elf",
        "firmware.bin",
        "firmware.map",
    }
    assert load_image(image.folder) == image
    assert (image.board, image.engine, image.model_sha256) == ("mps2-an386", "c", FAKE_MODEL_SHA256)


def test_sizes_add_up(image: Image) -> None:
    sizes = image.sizes
    assert 1_000 < sizes.flash_code < 10_000
    assert 64 <= sizes.flash_constants < 1_000
    assert BOARD.build.max_payload_bytes < sizes.ram_static < BOARD.build.max_payload_bytes + 4_000
    assert (image.folder / "firmware.bin").stat().st_size == sizes.flash_code + sizes.flash_constants


def test_the_map_shows_the_memory_of_the_application(image: Image) -> None:
    assert "app" in (image.folder / "firmware.map").read_text()


def test_the_same_inputs_give_the_same_bytes(image: Image, tmp_path: Path) -> None:
    shutil.copytree(FAKE_MODEL, tmp_path / "elsewhere")
    again = build_fake(tmp_path / "image", tmp_path / "elsewhere")
    assert again.build_id == image.build_id
    assert sha256_file(again.elf) == sha256_file(image.elf)
    binaries = [folder / "firmware.bin" for folder in (again.folder, image.folder)]
    assert sha256_file(binaries[0]) == sha256_file(binaries[1])


def test_another_model_gives_another_build_id(image: Image, tmp_path: Path) -> None:
    other = model_with(tmp_path / "model", "(int32_t)l)", "(int32_t)l + 1)")
    assert build_fake(tmp_path / "image", other).build_id != image.build_id


@pytest.mark.parametrize(
    ("memory", "words"),
    [
        ({"flash_bytes": 2048}, r"needs [\d,]+ bytes of flash; mps2-an386 has 2,048, which is"),
        ({"ram_bytes": 10_000}, r"needs at least 12,\d+ bytes of RAM; mps2-an386 has 10,000, which is"),
        ({"ram_bytes": 13_000}, r"needs [\d,]+ bytes of RAM; mps2-an386 has 13,000, which is"),
        ({"flash_bytes": 16}, r"needs at least 32 bytes of flash; mps2-an386 has 16, which is 16 too few"),
    ],
)
def test_a_model_that_does_not_fit_gives_numbers(tmp_path: Path, memory: dict[str, int], words: str) -> None:
    with pytest.raises(InputError, match=words):
        build_fake(tmp_path / "image", board=board_with(**memory))
    assert not list(tmp_path.iterdir())


def test_a_frame_that_does_not_fit_a_message_is_refused(tmp_path: Path) -> None:
    small = BOARD.model_copy(update={"build": BOARD.build.model_copy(update={"max_payload_bytes": 40})})
    with pytest.raises(BoardError, match="one frame of counts does not fit"):
        build_fake(tmp_path / "image", board=small)


def test_a_compiler_error_becomes_one_sentence(tmp_path: Path) -> None:
    broken = model_with(tmp_path / "model", "memset(state, 0,", "memset(state, nonsense,")
    with pytest.raises(BoardError, match=r"refused the firmware: .*'nonsense' undeclared"):
        build_fake(tmp_path / "image", broken)


def test_a_missing_function_becomes_one_sentence(tmp_path: Path) -> None:
    broken = model_with(tmp_path / "model", "void myofin_head(", "void another_head(")
    header = broken / "myofin_model.h"
    header.write_text(
        header.read_text().replace(
            "void myofin_head(",
            "void another_head(myofin_state_t *state, myofin_value_t *logits);\nvoid myofin_head(",
        )
    )
    with pytest.raises(BoardError, match="undefined reference to `myofin_head'"):
        build_fake(tmp_path / "image", broken)


def test_a_float_model_may_use_the_math_library(tmp_path: Path) -> None:
    model = model_with(tmp_path / "model", "(int32_t)l)", "(int32_t)expf((float)state->features[l]))")
    source = model / "myofin_model.c"
    source.write_text("#include <math.h>\n" + source.read_text())
    assert build_fake(tmp_path / "image", model).sizes.flash_code > 0


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no myofin_model\.h"):
        build_fake(tmp_path / "image", tmp_path)


@pytest.mark.parametrize("missing", ["arm-none-eabi-gcc", "arm-none-eabi-objcopy"])
def test_a_missing_tool_gives_the_line_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    present = {"arm-none-eabi-gcc", "arm-none-eabi-objcopy"} - {missing}
    for name in present:
        (tmp_path / name).symlink_to(shutil.which(name) or "")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissingError, match=f"{missing} is not installed") as caught:
        build_fake(tmp_path / "image")
    assert "apt-get install" in caught.value.hint
    assert caught.value.exit_code == 4
    assert not (tmp_path / "image").exists()


def test_a_missing_c_library_gives_the_line_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "arm-none-eabi-objcopy").symlink_to(shutil.which("arm-none-eabi-objcopy") or "")
    compiler = tmp_path / "arm-none-eabi-gcc"
    compiler.write_text("#!/bin/sh\necho nano.specs\n")
    compiler.chmod(compiler.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissingError, match="no C library") as caught:
        build_fake(tmp_path / "image")
    assert "libnewlib-arm-none-eabi" in caught.value.hint


def bundle_at(folder: Path) -> Path:
    folder.mkdir()
    shutil.copytree(FAKE_MODEL, folder / "c")
    body = {"model_sha256": FAKE_MODEL_SHA256, "engine": "c"}
    write_manifest(folder, "bundle", body, arguments={}, inputs={})
    return folder


def test_the_command_builds_a_bundle(tmp_path: Path, image: Image) -> None:
    bundle = bundle_at(tmp_path / "bundle")
    arguments = [str(bundle), "--board", "mps2-an386", "--out", str(tmp_path / "image")]
    text = CliRunner().invoke(build, arguments, catch_exceptions=False)
    assert "firmware.elf for mps2-an386, engine c: code" in text.output
    document = json.loads(CliRunner().invoke(build, [*arguments, "--json"], catch_exceptions=False).output)
    assert document["build_id"] == image.build_id
    assert document["sizes"] == vars(image.sizes)


def test_the_command_refuses_what_is_no_bundle(tmp_path: Path) -> None:
    arguments = [str(tmp_path / "none"), "--board", "mps2-an386", "--out", str(tmp_path / "image")]
    assert isinstance(CliRunner().invoke(build, arguments).exception, ArtifactError)
    bundle = bundle_at(tmp_path / "bundle")
    (bundle / "c" / "myofin_model.h").write_text("changed")
    changed = CliRunner().invoke(build, [str(bundle), "--board", "mps2-an386", "--out", str(tmp_path / "i")])
    assert isinstance(changed.exception, MyofinError)
    assert "was changed" in changed.exception.message
