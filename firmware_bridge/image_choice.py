"""Which image a board runs: one that is given, one built now, or what is on it already."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from myofin.boards.registry import Board
from myofin.convert.bundle import Bundle
from myofin.errors import InputError
from myofin.firmware_bridge.build import Image, build_bundle, load_image
from myofin.firmware_bridge.engine_option import EngineName
from myofin.firmware_bridge.port_option import Port


@contextmanager
def chosen_image(
    bundle: Bundle, board: Board, given: Path | None, engine: EngineName, port: Port | None
) -> Iterator[Image | None]:
    """The image given, or one built for the emulator; None where a board on a port holds its own.

    Raises:
        InputError: The image given is for another board or engine.
        ArtifactError: It is missing or damaged.
    """
    if given is not None:
        image = load_image(given)
        if image.board != board.name:
            raise InputError(
                f"The image {given} was built for {image.board}, not {board.name}.",
                hint=f"Give --board {image.board}, or build the image again.",
            )
        if image.engine != engine:
            raise InputError(
                f"The image {given} holds the engine {image.engine}, not {engine}.",
                hint=f"Give --engine {image.engine}, or build the image again.",
            )
        yield image
        return
    if port is not None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="myofin-image-") as scratch:
        yield build_bundle(bundle.folder, board, Path(scratch) / "image", engine=engine)
