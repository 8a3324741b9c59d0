"""Images of the fake model, each built once in a run of the tests."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from native_board import FAKE_MODEL, FAKE_MODEL_SHA256

from myofin.boards.registry import list_boards, load_board
from myofin.firmware_bridge.build import Image, build_image

PHYSICAL = tuple(name for name in list_boards() if load_board(name).emulator is None)


@cache
def fake_image(board: str) -> Image:
    """An image for a board. The compiler and the linker take warnings for errors."""
    out = Path(mkdtemp(prefix="myofin-images-")) / board
    return build_image(FAKE_MODEL, FAKE_MODEL_SHA256, load_board(board), out)
