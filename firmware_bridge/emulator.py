"""Starts and stops the emulator of a board; whatever happens, no emulator process is left behind."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Final

from myofin.boards.registry import Board, Emulator
from myofin.errors import BoardError, InputError, LinkError, ToolMissingError
from myofin.firmware_bridge.board_recording import load_recording_arguments
from myofin.firmware_bridge.build import Image
from myofin.firmware_bridge.link import open_link
from myofin.firmware_bridge.port_option import no_port
from myofin.firmware_bridge.session import BoardSession
from myofin.processes import bound_to_parent

_STOP_TIMEOUT_S: Final = 5.0
_EXIT_GRACE_S: Final = 0.5
# A multiplexed character device has a buffer of 32 bytes, where a plain one hands over byte by byte: four
# times the throughput. Its escape character is moved to where no byte can be.
_UART: Final = "socket,id=uart,fd={descriptor},server=on,wait=off,nodelay=on,mux=on"
_NO_ESCAPE: Final = "0x1ff"


@contextmanager
def emulated(image: Image, board: Board, recording: Path | None = None) -> Iterator[str]:
    """Run an image in the board's emulator, and yield the URL of its byte channel for ``open_link``.

    Args:
        image: What to run.
        board: The board, with an emulator.
        recording: What its front end samples, a file that ``write_board_recording`` wrote.

    Raises:
        InputError: The image is for another board, or the board is not an emulated one.
        ToolMissingError: The emulator is not installed.
        BoardError: The emulator ended by itself; its complaint is in the message.
    """
    if image.board != board.name:
        raise InputError(
            f"The image at {image.folder} is for {image.board}, not for {board.name}.",
            hint=f"Build it with `myofin build --board {board.name}`.",
        )
    with _listener() as server, tempfile.TemporaryFile() as log:
        port = server.getsockname()[1]
        process = _start(command(image, board, server.fileno(), recording), server.fileno(), log)
        server.close()  # from here on the emulator alone listens: when it ends, so does the connection
        stop = partial(_stop, process)
        atexit.register(stop)
        try:
            yield f"socket://127.0.0.1:{port}"
        except LinkError as error:
            _explain_end(process, log, error)
            raise
        finally:
            stop()
            atexit.unregister(stop)


@contextmanager
def emulated_session(image: Image, board: Board, recording: Path | None = None) -> Iterator[BoardSession]:
    """Run an image as ``emulated`` does, and yield a session that has said hello."""
    with emulated(image, board, recording) as url, open_link(url) as link:
        session = BoardSession(link)
        session.hello()
        yield session


def command(image: Image, board: Board, descriptor: int, recording: Path | None = None) -> list[str]:
    """The emulator's command line, with its UART on an inherited listening socket.

    Raises:
        InputError: The board is not an emulated one.
        ToolMissingError: The emulator is not installed.
    """
    emulator = board.emulator
    if emulator is None:
        raise no_port(board)
    return [
        *(_program(emulator), "-M", emulator.machine, "-kernel", str(image.elf)),
        *("-display", "none", "-monitor", "none", "-nic", "none", *emulator.args),
        *("-chardev", _UART.format(descriptor=descriptor), "-serial", "chardev:uart", "-echr", _NO_ESCAPE),
        *(() if recording is None else load_recording_arguments(board, recording)),
    ]


def _program(emulator: Emulator) -> str:
    found = shutil.which(emulator.program)
    if found is None:
        line = f"sudo apt-get install -y --no-install-recommends {emulator.program}"
        raise ToolMissingError(f"{emulator.program} is not installed.", hint=f"Run: {line}")
    return found


def _listener() -> socket.socket:
    """A listening socket on a free port; inherited by the emulator, so that no one can take the port."""
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(1)
    return server


def _start(arguments: list[str], descriptor: int, log: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        bound_to_parent(arguments),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        pass_fds=[descriptor],
        start_new_session=True,  # Ctrl-C reaches us alone, and we stop it in order
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(_STOP_TIMEOUT_S)


def _explain_end(process: subprocess.Popen[bytes], log: IO[bytes], error: LinkError) -> None:
    """Raise BoardError when the link failed because the emulator ended."""
    try:
        status = process.wait(_EXIT_GRACE_S)
    except subprocess.TimeoutExpired:
        return
    log.seek(0)
    lines = log.read().decode("utf-8", "replace").strip().splitlines()
    complaints = [line for line in lines if "warning:" not in line]
    said = complaints[0] if complaints else f"exit status {status}"
    raise BoardError(
        f"The emulator ended by itself: {said}",
        hint="Check the image with `myofin build`, and the emulator with `myofin doctor`.",
    ) from error
