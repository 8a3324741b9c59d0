"""The Arm GNU tools: whether they are there, running one, and saying in one sentence what it refused."""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from myofin.boards.registry import Board
from myofin.errors import BoardError, MyofinError, ToolMissingError
from myofin.firmware_bridge.fit import Memory, does_not_fit

COMPILER: Final = "arm-none-eabi-gcc"
CXX_COMPILER: Final = "arm-none-eabi-g++"
OBJCOPY: Final = "arm-none-eabi-objcopy"
_APT: Final = "sudo apt-get install -y --no-install-recommends gcc-arm-none-eabi libnewlib-arm-none-eabi"
CXX_INSTALL: Final = "sudo apt-get install -y --no-install-recommends libstdc++-arm-none-eabi-newlib"
_TIMEOUT_S: Final = 300


def require_compiler() -> str:
    """Path of the C compiler.

    Raises:
        ToolMissingError: A program or the C library is not installed.
    """
    found = shutil.which(COMPILER)
    for program in (COMPILER, OBJCOPY):
        if shutil.which(program) is None:
            raise ToolMissingError(f"{program} is not installed.", hint=f"Run: {_APT}")
    assert found is not None
    asked = run([found, "-print-file-name=nano.specs"])
    if not Path(asked.stdout.strip()).is_absolute():
        raise ToolMissingError(f"{COMPILER} has no C library (newlib).", hint=f"Run: {_APT}")
    return found


def has_cxx_library() -> bool:
    """Whether the C++ compiler and the headers of its library are installed."""
    found = shutil.which(CXX_COMPILER)
    return (
        found is not None and Path(run([found, "-print-file-name=libstdc++.a"]).stdout.strip()).is_absolute()
    )


def require_cxx_compiler() -> str:
    """Path of the C++ compiler.

    Raises:
        ToolMissingError: It, or its library, is not installed.
    """
    found = shutil.which(CXX_COMPILER)
    if found is None or not has_cxx_library():
        raise ToolMissingError(
            f"There is no C++ library for {CXX_COMPILER}, which TFLM needs.",
            hint=f"Run (1.6 GB): {CXX_INSTALL}",
        )
    return found


def run(
    command: list[str], *, folder: Path | None = None, check: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder and return what it said.

    Raises:
        BoardError: It did not finish in time; or it failed, and ``check`` is set.
    """
    try:
        outcome = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise BoardError(
            f"{Path(command[0]).name} did not finish within {_TIMEOUT_S} s.",
            hint="Free memory and processor time on this machine, and try again.",
        ) from error
    if check and outcome.returncode != 0:
        line = (outcome.stderr.strip().splitlines() or ["no message"])[0]
        raise BoardError(f"{Path(command[0]).name} failed: {line}", hint=f"Install it again: {_APT}")
    return outcome


def explain_compiler(stderr: str, board: Board) -> MyofinError:
    """Turn the output of a failed compiler run into one sentence: too large, or the first error."""
    memory = board.memory
    sizes: dict[str, tuple[Memory, int]] = {
        "FLASH": ("flash", memory.flash_bytes),
        "RAM": ("RAM", memory.ram_bytes),
    }
    overflow = re.search(r"region `(\w+)' overflowed by (\d+) bytes", stderr)
    if overflow and overflow[1] in sizes:
        name, available = sizes[overflow[1]]
        return does_not_fit(board, name, available + int(overflow[2]), available)
    if "No space left on device" in stderr:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), tempfile.gettempdir())
    return BoardError(
        f"The compiler refused the firmware: {first_error(stderr)}",
        hint="Make the bundle again with this version's `myofin convert`.",
    )


def first_error(stderr: str) -> str:
    """The first line of a compiler's output that says what is wrong."""
    errors = [line for line in stderr.splitlines() if re.search(r"\b[Ee]rror: |undefined reference", line)]
    return (errors or stderr.strip().splitlines() or ["no message"])[0].strip()
