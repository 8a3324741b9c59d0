"""How a board is reached: in its emulator, or on a serial port."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from myofin.boards.registry import Board
from myofin.errors import BoardError, InputError
from myofin.firmware_bridge.build import Image
from myofin.firmware_bridge.discovery import candidate_ports, find_board
from myofin.firmware_bridge.emulator import emulated_session
from myofin.firmware_bridge.exchange import Timing
from myofin.firmware_bridge.port_option import AUTO, Port
from myofin.firmware_bridge.returning import ReturningLink, SamePort
from myofin.firmware_bridge.session import BoardSession

# A board on a port answers at once; only decisions take their time.
_TIMING: Final = Timing(answer_s=1.0)


@contextmanager
def board_session(
    board: Board, image: Image | None, port: Port | None, recording: Path | None = None
) -> Iterator[BoardSession]:
    """A session that has said hello.

    Args:
        board: The board to talk to.
        image: What it runs: started in the emulator, or checked against what is on the port where given.
        port: Where a board is connected; None: the board's emulator.
        recording: What the front end of an emulated board samples, see ``board_recording``.

    Raises:
        InputError: There is neither port nor emulator.
        BoardError: The board does not start, does not answer, is another one or runs another image.
        ToolMissingError: The emulator is not installed.
    """
    if port is None:
        if image is None:
            raise InputError(f"{board.name} has nothing to run.", hint="Build an image with `myofin build`.")
        with emulated_session(image, board, recording) as session:
            yield session
        return
    with _port_session(board, port) as session:
        _check(session, board, image)
        yield session


@contextmanager
def _port_session(board: Board, port: Port) -> Iterator[BoardSession]:
    url, baud = port.url, port.baud or board.link.baud
    if url == AUTO:
        url = find_board(board.name, candidate_ports(board.link.usb), baud=baud)
    link = ReturningLink(SamePort(url, baud=baud))
    try:
        session = BoardSession(link, timing=_TIMING)
        session.hello()
        yield session
    finally:
        link.close()


def _check(session: BoardSession, board: Board, image: Image | None) -> None:
    facts = session.facts
    if facts.board != board.name:
        raise BoardError(
            f"The board on the port is {facts.board}, not {board.name}.", hint=f"Give --board {facts.board}."
        )
    if image is not None and facts.build_id.hex() != image.build_id:
        raise BoardError(
            f"The firmware on the board is not the image {image.folder}.",
            hint="Flash that image, or leave --image out.",
        )
