"""Whether an image may be given to a board: what its processor and its ROM will look for, checked first."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Final

from myofin.boards.registry import Board, Memory
from myofin.firmware_bridge.boot import BOOT2_BYTES, check_boot2, check_image_def
from myofin.firmware_bridge.elf import ElfImage, Segment, broken, read_elf
from myofin.firmware_bridge.sizes import Sizes, sizes_of
from myofin.firmware_bridge.uf2 import PAYLOAD_BYTES, decode_uf2

_VECTORS: Final = "vectors"
_LEAST_VECTORS: Final = 16
_STACK_ALIGNMENT: Final = 8


def check_image(folder: Path, board: Board, sizes: Sizes) -> None:
    """Check the files of an image folder against the board and against each other.

    Vector table where the processor looks; initial stack pointer in RAM and aligned; every handler an odd
    address in flash; sections inside flash and RAM; sizes as stated; second boot stage or image description
    as the ROM wants them; binary and UF2 file equal to what the ELF file loads.

    Raises:
        CheckError: One of these does not hold; the message says which, with numbers.
    """
    elf = read_elf(folder / "firmware.elf")
    _check_sections(elf, board)
    flash = elf.flash()
    _check_vectors(elf, flash, board)
    if board.build.boot == "rp2040":
        check_boot2(flash.data)
    elif board.build.boot == "rp2350":
        check_image_def(flash.data)
    if sizes_of(elf) != sizes:
        raise broken(f"has sizes {sizes_of(elf)}, but {sizes} are stated")
    if _read(folder / "firmware.bin") != flash.data:
        raise broken("has a firmware.bin that is not what its ELF file loads")
    if board.uf2 is not None:
        _check_uf2(_read(folder / "firmware.uf2"), flash, board.uf2.family)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise broken(f"has no readable {path.name} ({error.strerror})") from error


def _check_uf2(file: bytes, flash: Segment, family: int) -> None:
    written = decode_uf2(file, family)
    padding = -len(flash.data) % PAYLOAD_BYTES
    if written != Segment(flash.address, flash.data + bytes(padding)):
        raise broken("has a firmware.uf2 that is not what its ELF file loads")


def _in_flash(memory: Memory, start: int, size: int = 1) -> bool:
    return memory.flash_origin <= start and start + size <= memory.flash_origin + memory.flash_bytes


def _in_ram(memory: Memory, start: int, size: int) -> bool:
    return memory.ram_origin <= start and start + size <= memory.ram_origin + memory.ram_bytes


def _check_sections(elf: ElfImage, board: Board) -> None:
    memory = board.memory
    for section in elf.sections:
        if section.bytes and not (
            _in_flash(memory, section.address, section.bytes)
            or _in_ram(memory, section.address, section.bytes)
        ):
            end = section.address + section.bytes
            raise broken(
                f"puts {section.name} at {section.address:#010x} to {end:#010x}, where {board.name} has "
                "neither flash nor RAM"
            )
    for segment in elf.segments:
        if not _in_flash(memory, segment.address, len(segment.data)):
            raise broken(
                f"loads {len(segment.data):,} bytes at {segment.address:#010x}, outside {board.name}'s flash"
            )


def _check_vectors(elf: ElfImage, flash: Segment, board: Board) -> None:
    memory = board.memory
    expected = memory.flash_origin + (BOOT2_BYTES if board.build.boot == "rp2040" else 0)
    address, size = elf.symbols.get(_VECTORS, (0, 0))
    if address != expected:
        raise broken(
            f"has its vector table at {address:#010x}; {board.core} looks for it at {expected:#010x}"
        )
    offset = address - flash.address
    if size % 4 or size < 4 * _LEAST_VECTORS or not 0 <= offset <= len(flash.data) - size:
        raise broken(f"has a vector table of {size} bytes")
    if address % (1 << (size - 1).bit_length()):  # as VTOR wants it
        raise broken(f"has a vector table of {size} bytes at {address:#010x}, not aligned to its size")
    stack, reset, *others = struct.unpack_from(f"<{size // 4}I", flash.data, offset)
    if not _in_ram(memory, stack - 4, 4) or stack % _STACK_ALIGNMENT:
        raise broken(f"starts with its stack pointer at {stack:#010x}, not at an aligned address in RAM")
    if reset != elf.entry:
        raise broken(f"resets to {reset:#010x}, but its entry is {elf.entry:#010x}")
    for number, handler in enumerate((reset, *others), start=1):
        if handler == 0 and number > 1:
            continue  # reserved, or an interrupt that is never enabled
        _check_handler(number, handler, elf, memory)


def _check_handler(number: int, handler: int, elf: ElfImage, memory: Memory) -> None:
    if handler % 2 == 0:
        raise broken(f"has an even address {handler:#010x} in vector {number}: no Thumb code")
    if not _in_flash(memory, handler) or not any(
        section.name == ".text" and section.address <= handler < section.address + section.bytes
        for section in elf.sections
    ):
        raise broken(f"has vector {number} point to {handler:#010x}, outside its code")
