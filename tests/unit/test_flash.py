"""Flashing: the exact command lines, and the tools' real complaints as sentences, from fakes on the path."""

from __future__ import annotations

import json
import os
import pty
import shlex
import shutil
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest
from board_images import PHYSICAL, fake_image
from click.testing import CliRunner, Result

from myofin import cli
from myofin.boards.registry import FlashTool, load_board
from myofin.errors import BoardError, CheckError, InputError, LinkError, MyofinError, ToolMissingError
from myofin.firmware_bridge import flash as flashing
from myofin.firmware_bridge import uf2_drive
from myofin.firmware_bridge.build import Image
from myofin.firmware_bridge.flash import plan_flash, run_flash
from myofin.firmware_bridge.flash_cli import flash
from myofin.firmware_bridge.flash_tools import TOOLS
from myofin.firmware_bridge.uf2_drive import find_drive, mounted_folders

WAYS = [(name, way.tool) for name in PHYSICAL for way in load_board(name).flashers]


@pytest.fixture(scope="module")
def images() -> dict[str, Image]:
    return {name: fake_image(name, 4) for name in (*PHYSICAL, "mps2-an386")}


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(flash, list(map(str, arguments)))


def error_of(result: Result) -> MyofinError:
    assert isinstance(result.exception, MyofinError), result.output
    return result.exception


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the whole path."""
    folder = tmp_path / "tools"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def fake(folder: Path, program: str, *, said: str = "", status: int = 0, script: str = "") -> Path:
    """A program that notes its arguments, says something, and ends with a status."""
    path = folder / program
    lines = (
        "#!/bin/sh",
        f'for word in "$@"; do echo "$word" >> {shlex.quote(str(folder / "arguments"))}; done',
        script,
        f"echo {shlex.quote(said)} >&2",
        f"exit {status}",
    )
    path.write_text("\n".join(lines) + "\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return folder / "arguments"


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


PYOCD = "nano33ble", "pyocd"
OPENOCD = "nucleo-f446re", "openocd"
DFU = "nucleo-f446re", "dfu-util"
# What the tools really say, from running them with nothing connected and from their sources.
COMPLAINTS = [
    (
        PYOCD,
        "No connected debug probes\n0001030 E No target device available [load_cmd]",
        "No debug probe for",
    ),
    (PYOCD, "0000522 C No available debug probes are connected [__main__]", "No debug probe for"),
    (PYOCD, "usb.core.USBError: [Errno 13] Access denied (insufficient permissions)", "No permission to use"),
    (
        PYOCD,
        "0000310 C Target type stm32f446retx not recognized. Use 'pyocd list --targets' to see currently "
        "available target types. [__main__]",
        "does not know the chip",
    ),
    (
        PYOCD,
        "0000700 W NRF52840 APPROTECT enabled: not automatically unlocking [target_nRF52]",
        "locked against debuggers",
    ),
    (PYOCD, "0000412 C SWD/JTAG communication failure (No ACK) [__main__]", "does not answer it"),
    (PYOCD, "0003412 C flash program page failure (address 0x00010000; result code 0x67)", "did not keep"),
    (OPENOCD, "Info : clock speed 2000 kHz\nError: open failed\n", "No debug probe for"),
    (OPENOCD, "Error: unable to find a matching CMSIS-DAP device", "No debug probe for"),
    (
        OPENOCD,
        "Error: libusb_open() failed with LIBUSB_ERROR_ACCESS\nError: open failed",
        "No permission to use",
    ),
    (OPENOCD, "embedded:startup.tcl:28: Error: Can't find board/st_nucleo_f4.cfg", "does not know the chip"),
    (OPENOCD, "Error: init mode failed (unable to connect to the target)", "does not answer it"),
    (OPENOCD, "Error: Error connecting DP: cannot read IDR", "does not answer it"),
    (OPENOCD, "** Programming Started **\nError: checksum mismatch\n** Verify Failed **", "did not keep"),
    (DFU, "dfu-util: No DFU capable USB device available", r"No USB bootloader \(DFU\) for"),
    (
        DFU,
        "dfu-util: Cannot open DFU device 0483:df11 found on devnum 7 (LIBUSB_ERROR_ACCESS)",
        "No permission",
    ),
    (
        DFU,
        "dfu-util: More than one DFU capable USB device found! Try `--list' and specify the serial number",
        "More than one",
    ),
    (DFU, "dfu-util: Page at 0x08000000 is not writeable", "protected against writing"),
    (DFU, 'dfu-util: Error during special command "ERASE_PAGE" download', "did not keep"),
    (OPENOCD, "Error: something that nobody has seen", "openocd failed: Error: something that nobody"),
    (DFU, "", "dfu-util failed: exit status 9"),
]


@pytest.mark.parametrize(("way", "said", "words"), COMPLAINTS)
def test_a_complaint_becomes_one_sentence(
    images: dict[str, Image], tools: Path, way: tuple[str, FlashTool], said: str, words: str
) -> None:
    board, tool = way
    fake(tools, TOOLS[tool].program, said=said, status=9)
    error = error_of(call(images[board].folder, "--with", tool))
    assert type(error) is BoardError
    assert error.exit_code == 3
    with pytest.raises(BoardError, match=words):
        raise error
    assert error.message.endswith(".")
    assert "{" not in error.message + error.hint


BOSSAC = [
    ("No device found on /dev/ttyACM0", "does not answer bossac"),
    ("SAM-BA operation failed", "does not answer bossac"),
    ("No serial ports available", "No bootloader port"),
    ("Flash offset is invalid", "does not expect an image of this size"),
    ("Verify failed\nPage errors: 1", "did not keep"),
]
ESPTOOL = [
    (
        "A fatal error occurred: Could not open /dev/ttyUSB0, the port is busy or doesn't exist.\n"
        "([Errno 2] could not open port /dev/ttyUSB0: [Errno 2] No such file or directory)",
        "is missing, or used by another program",
    ),
    (
        "A fatal error occurred: Could not open /dev/ttyUSB0, the port is busy or doesn't exist.\n"
        "([Errno 13] could not open port /dev/ttyUSB0: [Errno 13] Permission denied: '/dev/ttyUSB0')",
        "No permission to open the port",
    ),
    (
        "/dev/ttyS0 failed to connect: Failed to connect to ESP32-S3: No serial data received.",
        "No bootloader",
    ),
    ("A fatal error occurred: MD5 of file does not match data in flash!", "did not keep"),
]


@pytest.mark.parametrize(
    ("tool", "said", "words"),
    [*(("bossac", *pair) for pair in BOSSAC), *(("esptool", *pair) for pair in ESPTOOL)],
)
def test_tools_on_a_port_are_explained_too(
    images: dict[str, Image], tool: str, said: str, words: str
) -> None:
    plan = plan_flash(images["nano33ble"], load_board("nano33ble"), tool="bossac", port="/dev/ttyACM0")
    error = flashing.explain(plan, TOOLS[tool], said, 1)
    assert words in error.message
    assert "{" not in error.message + error.hint


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


@pytest.fixture
def drive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A drive of a Pico 2, beside others."""
    ids = {"stick": None, "pico": "RPI-RP2", "pico2 drive": "RP2350"}
    for name, board_id in ids.items():
        (tmp_path / name).mkdir()
        if board_id is not None:
            info = f"UF2 Bootloader v1.0\r\nModel: Raspberry Pi\r\nBoard-ID: {board_id}\r\n"
            (tmp_path / name / "INFO_UF2.TXT").write_text(info)
    monkeypatch.setattr(uf2_drive, "mounted_folders", lambda: [tmp_path / name for name in ids])
    return tmp_path / "pico2 drive"


def test_uf2_is_copied_to_the_board_s_drive(images: dict[str, Image], drive: Path) -> None:
    done = call(images["pico2"].folder)
    assert done.exit_code == 0, done.exception
    assert (drive / "firmware.uf2").read_bytes() == (images["pico2"].folder / "firmware.uf2").read_bytes()
    assert [path.name for path in (drive.parent / "pico").iterdir()] == ["INFO_UF2.TXT"]


def test_without_a_drive_the_button_is_named(
    images: dict[str, Image], monkeypatch: pytest.MonkeyPatch, drive: Path
) -> None:
    shutil.rmtree(drive)
    error = error_of(call(images["pico2"].folder))
    assert isinstance(error, LinkError)
    assert error.message == "No drive of a pico2 is mounted."
    assert "BOOTSEL" in error.hint


def test_two_drives_are_too_many(drive: Path) -> None:
    uf2 = load_board("pico2").uf2
    assert uf2 is not None
    shutil.copytree(drive, drive.parent / "second")
    with pytest.raises(LinkError, match="Several drives of a pico2"):
        find_drive("pico2", uf2, "", [drive, drive.parent / "second"])


def test_a_full_drive_is_a_sentence(images: dict[str, Image], drive: Path) -> None:
    (drive / "firmware.uf2").mkdir()
    with pytest.raises(BoardError, match="did not take the file"):
        run_flash(plan_flash(images["pico2"], load_board("pico2"), tool="uf2"))


def test_mounted_drives_are_listed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    table = tmp_path / "mounts"
    table.write_text("/dev/sda1 / ext4 rw 0 0\n/dev/sdb1 /media/me/RPI\\040RP2 vfat rw 0 0\n")
    monkeypatch.setattr(uf2_drive, "_MOUNTS", table)
    monkeypatch.setattr(uf2_drive.sys, "platform", "linux")
    assert mounted_folders() == [Path("/"), Path("/media/me/RPI RP2")]


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
