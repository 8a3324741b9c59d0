"""Images of the fake model, each built once in a run of the tests."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from native_board import FAKE_MODEL, FAKE_MODEL_SHA256

from myofin.boards.registry import list_boards, load_board
from myofin.firmware_bridge.build import Image, build_image

PHYSICAL = tuple(name for name in list_boards() if load_board(name).emulator is None)


@cache
def fake_image(board: str, channels: int) -> Image:
    """An image for a board. The compiler and the linker take warnings for errors."""
    folder = Path(mkdtemp(prefix="myofin-images-"))
    model = shutil.copytree(FAKE_MODEL, folder / "model")
    header = model / "myofin_model.h"
    text = header.read_text()
    assert "MYOFIN_CHANNELS 4u" in text
    header.write_text(text.replace("MYOFIN_CHANNELS 4u", f"MYOFIN_CHANNELS {channels}u"))
    return build_image(model, FAKE_MODEL_SHA256, load_board(board), folder / board)
