"""Flashing: the exact command lines, which tool, which port, and what is refused; with fake tools."""

from __future__ import annotations

import json
import os
import pty
import shlex
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from board_images import PHYSICAL, fake_image
from fake_tools import call, error_of, fake, only_path

from myofin import cli
from myofin.boards.registry import FlashTool, load_board
from myofin.errors import BoardError, CheckError, InputError, LinkError, ToolMissingError
from myofin.firmware_bridge import flash as flashing
from myofin.firmware_bridge.build import Image
from myofin.firmware_bridge.flash import plan_flash, run_flash
from myofin.firmware_bridge.flash_tools import TOOLS

WAYS = [(name, way.tool) for name in PHYSICAL for way in load_board(name).flashers]


@pytest.fixture(scope="module")
def images() -> dict[str, Image]:
    return {name: fake_image(name, 4) for name in (*PHYSICAL, "mps2-an386")}


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return only_path(tmp_path, monkeypatch)


COMMANDS = {
    ("nano33ble", "bossac"): "bossac --port=/dev/null -U -i -e -w {bin} -R",
    ("nano33ble", "pyocd"): "pyocd flash --no-wait --target nrf52840 {elf}",
    ("nano33ble", "openocd"): "openocd -f interface/cmsis-dap.cfg -f target/nrf52.cfg "
    "-c 'program {{elf}} verify reset exit'",
    ("nucleo-f446re", "openocd"): "openocd -f board/st_nucleo_f4.cfg -c 'program {{elf}} verify reset exit'",
    ("nucleo-f446re", "pyocd"): "pyocd flash --no-wait --target stm32f446retx {elf}",
    ("nucleo-f446re", "dfu-util"): "dfu-util -d 0483:df11 -a 0 -s 0x08000000:leave -D {bin}",
    ("pico", "uf2"): "copy {uf2} to the drive RPI-RP2",
    ("pico", "pyocd"): "pyocd flash --no-wait --target rp2040 {elf}",
    ("pico", "openocd"): "openocd -f interface/cmsis-dap.cfg -f target/rp2040.cfg -c 'adapter speed 5000' "
    "-c 'program {{elf}} verify reset exit'",
    ("pico2", "uf2"): "copy {uf2} to the drive RP2350",
    ("pico2", "pyocd"): "pyocd flash --no-wait --target rp2350 {elf}",
}


@pytest.mark.parametrize(("board", "tool"), WAYS)
def test_a_dry_run_prints_the_exact_command(
    images: dict[str, Image], tools: Path, board: str, tool: FlashTool
) -> None:
    folder = images[board].folder
    port = ("--port", "/dev/null") if tool == "bossac" else ()
    done = call(folder, "--board", board, "--with", tool, "--dry-run", *port)
    assert done.exit_code == 0, done.exception
    line, before = done.output.splitlines()
    expected = COMMANDS[board, tool]
    for suffix in ("elf", "bin", "uf2"):
        expected = expected.replace(f"{{{suffix}}}", str(folder / f"firmware.{suffix}"))
    assert line == expected
    assert before.startswith("# before: ")
    document = json.loads(call(folder, "--with", tool, "--dry-run", "--json", *port).output)
    assert not document["flashed"]
    assert document["build_id"] == images[board].build_id
    if tool != "uf2":
        assert shlex.join(document["command"]) == line
    assert not (tools / "arguments").exists()


@pytest.mark.parametrize(
    ("board", "tool"), [(board, tool) for board, tool in WAYS if tool not in ("uf2", "bossac")]
)
def test_the_tool_gets_these_arguments(
    images: dict[str, Image], tools: Path, board: str, tool: FlashTool
) -> None:
    arguments = fake(tools, TOOLS[tool].program)
    done = call(images[board].folder, "--with", tool)
    assert done.exit_code == 0, done.exception
    assert "runs build" in done.output
    plan = plan_flash(images[board], load_board(board), tool=tool)
    assert arguments.read_text().splitlines() == list(plan.command[1:])


def test_the_first_that_is_installed_is_taken(images: dict[str, Image], tools: Path) -> None:
    image, board = images["nucleo-f446re"], load_board("nucleo-f446re")
    assert plan_flash(image, board).recipe.tool == "openocd"
    fake(tools, "dfu-util")
    assert plan_flash(image, board).recipe.tool == "dfu-util"
    fake(tools, "pyocd")
    assert plan_flash(image, board).recipe.tool == "pyocd"


def test_a_port_is_opened_before_the_tool_runs(images: dict[str, Image], tools: Path) -> None:
    arguments = fake(tools, "bossac")
    absent = error_of(call(images["nano33ble"].folder, "--port", "/dev/no-such-port"))
    assert isinstance(absent, LinkError)
    assert absent.message == "There is no port /dev/no-such-port."
    assert absent.exit_code == 3
    assert not arguments.exists()


def test_a_port_that_another_program_holds_is_said_to_be(images: dict[str, Image], tools: Path) -> None:
    import serial

    arguments = fake(tools, "bossac")
    control, follower = pty.openpty()
    name = os.ttyname(follower)
    with serial.Serial(name, exclusive=True):
        busy = error_of(call(images["nano33ble"].folder, "--port", name))
    assert "is used by another program" in busy.message
    assert not arguments.exists()
    assert call(images["nano33ble"].folder, "--port", name).exit_code == 0
    assert arguments.read_text().splitlines()[0] == f"--port={name}"
    os.close(control)
    os.close(follower)


def port(device: str, vid: int | None, pid: int | None) -> SimpleNamespace:
    return SimpleNamespace(device=device, vid=vid, pid=pid)


def test_the_bootloader_is_found_by_its_usb_id(images: dict[str, Image]) -> None:
    image, board = images["nano33ble"], load_board("nano33ble")
    sketch, own = port("/dev/ttyACM0", 0x2341, 0x805A), port("/dev/ttyS0", None, None)
    first, second = port("/dev/ttyACM1", 0x2341, 0x005A), port("/dev/ttyACM2", 0x2341, 0x005A)
    plan = plan_flash(image, board, tool="bossac", ports=lambda: [sketch, own, first])
    assert plan.command[1] == "--port=/dev/ttyACM1"
    with pytest.raises(LinkError, match="on /dev/ttyACM1, /dev/ttyACM2"):
        plan_flash(image, board, tool="bossac", ports=lambda: [second, first])
    with pytest.raises(LinkError, match="none is connected") as caught:
        plan_flash(image, board, tool="bossac", ports=lambda: [sketch, own])
    assert "button twice" in caught.value.hint
    dry = plan_flash(image, board, tool="bossac", port_if_absent="PORT", ports=list)
    assert dry.command[1] == "--port=PORT"


def test_a_tool_that_never_ends_is_stopped(
    images: dict[str, Image], tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(tools, "pyocd", script="exec /bin/sleep 60")
    hasty = SimpleNamespace(program="pyocd", timeout_s=1, install="", complaints=(), done="")
    monkeypatch.setattr(flashing, "TOOLS", {"pyocd": hasty})
    plan = plan_flash(images["pico2"], load_board("pico2"), tool="pyocd")
    with pytest.raises(BoardError, match="pyocd did not finish within 1 s"):
        run_flash(plan)


def test_dfu_util_has_succeeded_when_the_board_has_left(images: dict[str, Image], tools: Path) -> None:
    fake(tools, "dfu-util", said="File downloaded successfully\nError during download get_status", status=74)
    assert call(images["nucleo-f446re"].folder, "--with", "dfu-util").exit_code == 0


@pytest.mark.parametrize(("board", "tool"), [(board, tool) for board, tool in WAYS if tool != "uf2"])
def test_a_missing_tool_gives_the_line_to_run(
    images: dict[str, Image], tools: Path, board: str, tool: FlashTool
) -> None:
    port_option = ("--port", "/dev/null") if tool == "bossac" else ()
    error = error_of(call(images[board].folder, "--with", tool, *port_option))
    assert isinstance(error, ToolMissingError)
    assert error.exit_code == 4
    assert f"{TOOLS[tool].program} is not installed" in error.message
    assert TOOLS[tool].install in error.hint


def test_an_emulated_board_is_not_flashed(images: dict[str, Image]) -> None:
    error = error_of(call(images["mps2-an386"].folder, "--board", "mps2-an386"))
    assert isinstance(error, InputError)
    assert error.message == "mps2-an386 is an emulated board: there is nothing to flash."
    assert "myofin validate" in error.hint


def test_an_image_for_another_board_is_refused(images: dict[str, Image]) -> None:
    error = error_of(call(images["pico"].folder, "--board", "pico2"))
    assert "was built for pico, not pico2" in error.message
    assert error.exit_code == 2


def test_a_tool_of_another_board_is_refused(images: dict[str, Image]) -> None:
    error = error_of(call(images["pico"].folder, "--with", "esptool", "--dry-run"))
    assert error.message == "pico is not flashed with esptool."
    assert "uf2, pyocd, openocd" in error.hint
    error = error_of(call(images["pico"].folder, "--with", "pyocd", "--port", "/dev/ttyACM0", "--dry-run"))
    assert "takes no port" in error.message


def test_a_damaged_image_is_not_flashed(images: dict[str, Image], tmp_path: Path) -> None:
    folder = tmp_path / "image"
    shutil.copytree(images["pico"].folder, folder)
    manifest = json.loads((folder / "image.json").read_text())
    manifest["body"]["sizes"]["flash_code"] += 1
    (folder / "image.json").write_text(json.dumps(manifest))
    error = error_of(call(folder, "--dry-run"))
    assert isinstance(error, CheckError)
    (folder / "firmware.bin").write_bytes(b"")
    assert "was changed" in error_of(call(folder, "--dry-run")).message


def test_every_tool_of_a_board_is_known() -> None:
    assert {tool for _, tool in WAYS} - {"uf2"} <= set(TOOLS)


def test_exit_codes_reach_the_shell(
    images: dict[str, Image], tools: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(images["nucleo-f446re"].folder)
    assert cli.run(["flash", folder, "--with", "openocd"]) == 4
    assert "apt-get install" in capsys.readouterr().err
    fake(tools, "openocd", said="Error: open failed", status=1)
    assert cli.run(["flash", folder, "--with", "openocd", "--json"]) == 3
    assert json.loads(capsys.readouterr().err)["error"] == "BoardError"
    fake(tools, "openocd")
    assert cli.run(["flash", folder]) == 0
