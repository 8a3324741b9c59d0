"""The tools that write images into boards: how they are installed, how long they may take, and what their
complaints mean. Which of them serves a board, with which arguments, stands in its ``board.toml``.

The patterns are wordings of pyOCD 0.46, OpenOCD 0.12, bossac 1.9.1, dfu-util 0.11 and esptool 5.6.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

_APT: Final = "sudo apt-get install -y --no-install-recommends "


@dataclass(frozen=True)
class Complaint:
    """A wording of a tool, as a regular expression; what it means; and how to mend it.

    ``{board}`` in the message stands for the board's name, ``{prepare}`` in the hint for what its description
    says to do before flashing.
    """

    pattern: re.Pattern[str]
    message: str
    hint: str


@dataclass(frozen=True)
class Tool:
    """A program that flashes. ``done``: what it says of success, for where its status does not tell."""

    program: str
    install: str
    timeout_s: int
    complaints: tuple[Complaint, ...]
    done: str = ""


def _complaint(pattern: str, message: str, hint: str) -> Complaint:
    return Complaint(re.compile(pattern, re.IGNORECASE), message, hint)


_RULES = "Install the tool's udev rules (or run it once as root), and connect the board again."
_WIRING = "Check the probe's wiring and the board's supply, then hold its reset button while you start again."
_AGAIN = "Try again with a short USB cable; if it stays so, the chip's flash is protected or worn."


def _not_found(pattern: str, what: str) -> Complaint:
    return _complaint(pattern, f"{what} for {{board}} is connected.", "{prepare}")


def _forbidden(pattern: str) -> Complaint:
    return _complaint(pattern, "No permission to use the USB device of {board}.", _RULES)


def _no_answer(pattern: str) -> Complaint:
    return _complaint(pattern, "The debug probe is there, but {board} does not answer it.", _WIRING)


def _not_written(pattern: str) -> Complaint:
    return _complaint(pattern, "{board} did not keep what was written to it.", _AGAIN)


TOOLS = MappingProxyType(
    {
        "pyocd": Tool(
            "pyocd",
            'pip install "myofin[flash]"',
            180,
            (
                _not_found(
                    "no (connected|available) debug probe|no target device available", "No debug probe"
                ),
                _forbidden(r"access denied|insufficient permissions|LIBUSB_ERROR_ACCESS"),
                _complaint(
                    "target type .* not recognized",
                    "This pyOCD does not know the chip of {board}.",
                    "{prepare}",
                ),
                _complaint(
                    "APPROTECT|is in a locked state",
                    "The chip of {board} is locked against debuggers.",
                    "Unlock it, which erases it (and a bootloader with it), by `pyocd erase --mass`.",
                ),
                _no_answer("communication failure|no ACK|memory transfer fault|unable to connect"),
                _not_written(r"flash (program|erase) .*(fail|timed out|timeout)|verif\w+ .*fail"),
            ),
        ),
        "openocd": Tool(
            "openocd",
            _APT + "openocd",
            120,
            (
                _forbidden("LIBUSB_ERROR_ACCESS|insufficient permissions"),
                _not_found(
                    r"unable to find a matching CMSIS-DAP|^Error: open failed|no device found",
                    "No debug probe",
                ),
                _complaint(
                    r"can't find (\S+\.cfg)",
                    "This OpenOCD does not know the chip or probe of {board}.",
                    "Install OpenOCD 0.12 or later, or choose another tool with --with.",
                ),
                _not_written(r"\*\* (verify|programming) failed \*\*|checksum mismatch"),
                _no_answer(
                    "error connecting DP|cannot read IDR|init mode failed|examination failed|"
                    "unable to connect to the target"
                ),
            ),
        ),
        "bossac": Tool(
            "bossac",
            "install Arduino's bossac (package arduino:mbed_nano of arduino-cli); "
            "Debian's bossa-cli does not know the nRF52840",
            120,
            (
                _complaint(
                    "no device found on|SAM-BA operation failed|device unsupported",
                    "The bootloader of {board} does not answer bossac on that port.",
                    "{prepare} Arduino's own bossac is needed: Debian's does not know the nRF52840.",
                ),
                _not_found("no serial ports available|auto scan for device failed", "No bootloader port"),
                _complaint(
                    "exceeds flash size|flash offset is invalid",
                    "bossac does not expect an image of this size on {board}.",
                    "Use Arduino's own bossac (1.9.1-arduino2): Debian's does not know the nRF52840.",
                ),
                _not_written("verify failed|flash (command|erase) failed"),
            ),
        ),
        "dfu-util": Tool(
            "dfu-util",
            _APT + "dfu-util",
            120,
            (
                _not_found("no DFU capable USB device", "No USB bootloader (DFU)"),
                _forbidden(r"cannot open device|LIBUSB_ERROR_ACCESS|cannot open DFU device"),
                _complaint(
                    "more than one DFU capable",
                    "More than one USB bootloader (DFU) is connected.",
                    "Disconnect all boards but {board}.",
                ),
                _complaint(
                    "not writeable|can not be erased",
                    "The flash of {board} is protected against writing.",
                    "Clear the protection in the chip's option bytes with its maker's tool.",
                ),
                _not_written(r"error during (download|special command)|status is not ok|lost device"),
            ),
            # After the board has left for its new firmware, asking it for its state fails.
            done="File downloaded successfully",
        ),
        "esptool": Tool(
            "esptool",
            'pip install "myofin[flash]"',
            180,
            (
                _complaint(
                    "permission denied|access is denied",
                    "No permission to open the port of {board}.",
                    "Add yourself to the port's group (often `dialout`), then log in again.",
                ),
                _complaint(
                    r"port is busy or doesn't exist|could not open port",
                    "The port of {board} is missing, or used by another program.",
                    "Plug the board in, close serial monitors, and check the port's name.",
                ),
                _not_found(
                    "failed to connect to|could not connect to an Espressif device|no serial data received",
                    "No bootloader",
                ),
                _not_written("MD5 of file does not match|stopped responding|timed out waiting"),
            ),
        ),
    }
)
