"""The emulator is started, stopped, and never left behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "unit"))

from native_board import FAKE_MODEL, FAKE_MODEL_SHA256

from myofin.boards.registry import Board, load_board
from myofin.errors import BoardError, InputError, ToolMissingError
from myofin.firmware_bridge.build import Image, build_image
from myofin.firmware_bridge.emulator import emulated, emulated_session

BOARD = load_board("mps2-an386")
HOLD = """
import sys, time
from pathlib import Path
from myofin.boards.registry import load_board
from myofin.firmware_bridge.build import load_image
from myofin.firmware_bridge.emulator import emulated_session
with emulated_session(load_image(Path(sys.argv[1])), load_board("mps2-an386")) as session:
    print(session.facts.board, flush=True)
    time.sleep(60)
"""


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return build_image(FAKE_MODEL, FAKE_MODEL_SHA256, BOARD, tmp_path_factory.mktemp("built") / "image")


def emulators(image: Image) -> list[int]:
    """Process ids of the emulators that run this image."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if str(image.elf).encode() in arguments and b"qemu-system-arm" in arguments:
            found.append(int(folder.name))
    return found


def gone(image: Image, within_s: float = 5.0) -> bool:
    deadline = time.monotonic() + within_s
    while emulators(image) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not emulators(image)


def test_it_is_stopped_at_the_end(image: Image) -> None:
    with emulated_session(image, BOARD):
        assert len(emulators(image)) == 1
    assert not emulators(image)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_it_is_stopped_by_an_error(image: Image, error: type[BaseException]) -> None:
    with pytest.raises(error), emulated(image, BOARD):
        raise error
    assert not emulators(image)


def _crash(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def _interrupt(pid: int) -> None:
    os.kill(pid, signal.SIGINT)


def _terminate(pid: int) -> None:
    os.kill(pid, signal.SIGTERM)


@pytest.mark.parametrize("end", [_interrupt, _terminate, _crash])
def test_it_does_not_outlive_us(image: Image, end: Callable[[int], None]) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(image.folder)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"mps2-an386\n"
    assert len(emulators(image)) == 1
    end(holder.pid)
    holder.wait(10)
    holder.stdout.close()
    assert gone(image)


def test_two_run_beside_each_other(image: Image) -> None:
    with emulated_session(image, BOARD) as first, emulated_session(image, BOARD) as second:
        assert first.stats().frames_received == second.stats().frames_received == 2
        assert len(emulators(image)) == 2
    assert not emulators(image)


def with_emulator(**changes: object) -> Board:
    assert BOARD.emulator is not None
    return BOARD.model_copy(update={"emulator": BOARD.emulator.model_copy(update=changes)})


def test_a_missing_emulator_gives_the_line_to_run(image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    missing = pytest.raises(ToolMissingError, match="qemu-system-arm is not installed")
    with missing as caught, emulated(image, BOARD):
        pass
    assert "apt-get install" in caught.value.hint
    assert caught.value.exit_code == 4


def test_an_emulator_that_ends_says_why(image: Image) -> None:
    with (
        pytest.raises(BoardError, match=r"ended by itself: .*unsupported machine type"),
        emulated_session(image, with_emulator(machine="no-such-machine")),
    ):
        pass


def test_an_emulator_that_is_killed_ends_in_a_sentence(image: Image) -> None:
    with pytest.raises(BoardError, match="ended by itself"), emulated_session(image, BOARD) as session:
        os.kill(emulators(image)[0], signal.SIGKILL)
        session.stats()


def test_an_image_for_another_board_is_refused(image: Image) -> None:
    other = BOARD.model_copy(update={"name": "another"})
    with pytest.raises(InputError, match="is for mps2-an386, not for another"), emulated(image, other):
        pass


def test_a_physical_board_is_not_emulated(image: Image) -> None:
    physical = BOARD.model_copy(update={"emulator": None})
    with (
        pytest.raises(InputError, match="is a physical board, and no port was given"),
        emulated(image, physical),
    ):
        pass


def test_the_emulator_is_what_the_board_says() -> None:
    assert BOARD.emulator is not None
    assert shutil.which(BOARD.emulator.program), "qemu-system-arm must be installed for these tests"
