"""What the flash tools say when they fail, in their own words, becomes one sentence and a hint."""

from __future__ import annotations

from pathlib import Path

import pytest
from board_images import fake_image
from fake_tools import call, error_of, fake, only_path

from myofin.boards.registry import FlashTool, load_board
from myofin.errors import BoardError
from myofin.firmware_bridge import flash as flashing
from myofin.firmware_bridge.build import Image
from myofin.firmware_bridge.flash import plan_flash
from myofin.firmware_bridge.flash_tools import TOOLS


@pytest.fixture(scope="module")
def images() -> dict[str, Image]:
    return {name: fake_image(name, 4) for name in ("nano33ble", "nucleo-f446re")}


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return only_path(tmp_path, monkeypatch)


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
