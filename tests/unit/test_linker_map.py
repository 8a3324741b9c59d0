"""The linker's map is read rightly: sections of long and short names, archives, and what was discarded."""

from __future__ import annotations

from pathlib import Path

import pytest
from native_board import FAKE_MODEL, FAKE_MODEL_SHA256

from myofin.boards.registry import load_board
from myofin.errors import ArtifactError
from myofin.firmware_bridge.build import build_image
from myofin.firmware_bridge.linker_map import EngineBytes, engine_bytes, parse_map, read_engine_bytes

MAP = """
Discarded input sections

 .text          0x00000000       0x40 engine/unused.o

Memory Configuration

Linker script and memory map

LOAD engine/model.o
                0x00002000                STACK_BYTES = 0x2000

.text           0x00000000     0x1860
                0x00000000                code_start = .
 *(.text .text.*)
 .text          0x00000048        0x0 engine/model.o
 .text.fin      0x00000048       0x10 engine/model.o
                0x00000048                myofin_fin
 .text.a_name_so_long_that_the_rest_is_on_the_next_line
                0x00000058       0x20 engine/kernel.o
 *fill*         0x00000078        0x4
 .text.main     0x0000007c       0x80 firmware/main.o
 .text          0x000000fc      0x134 /usr/lib/thumb/v7e-m+fp/hard/libc_nano.a(lib_a-memcpy.o)

.rodata         0x00001860     0xedd8
 .rodata.TABLE  0x000018e0      0x200 engine/kernel.o
 .rodata.names  0x00001ae0        0x8 firmware/app.o

.bss            0x20002000     0x34f4 load address 0x00010638
 .bss.port      0x20002000      0x318 board/channel.o
 .bss.model_state.0
                0x20002318     0x1e48 firmware/main.o
 .bss.app.1     0x20004160     0x1000 firmware/main.o

.debug_info     0x00000000      0x4b3
 .debug_info    0x00000000      0x4b3 engine/model.o
"""


def test_the_engine_is_told_apart() -> None:
    assert engine_bytes(parse_map(MAP)) == EngineBytes(code=0x30, constants=0x200, ram=0x1E48, library=0x134)


def test_pieces_keep_their_place() -> None:
    found = parse_map(MAP)
    assert [(piece.output, piece.bytes) for piece in found if piece.object == "engine/kernel.o"] == [
        (".text", 0x20),
        (".rodata", 0x200),
    ]
    assert all(piece.object != "engine/unused.o" for piece in found), "it was discarded"


def test_something_else_is_refused() -> None:
    with pytest.raises(ArtifactError, match="no map of the GNU linker"):
        parse_map("nonsense")


@pytest.mark.parametrize("name", ["mps2-an386", "microbit"])
def test_the_parts_of_an_image_add_up(name: str, tmp_path: Path) -> None:
    image = build_image(FAKE_MODEL, FAKE_MODEL_SHA256, load_board(name), tmp_path / "image")
    pieces = parse_map((image.folder / "firmware.map").read_text())
    code = sum(piece.bytes for piece in pieces if piece.output == ".text")
    assert 0 <= image.sizes.flash_code - code < 64, "only alignment is between the pieces"
    engine = read_engine_bytes(image.folder / "firmware.map")
    assert 100 < engine.code < 1_000
    assert engine.constants == 32, "the hash of the model"
    assert 600 < engine.ram < 700, "a window of 600 codes"
