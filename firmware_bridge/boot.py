"""What the ROMs of some chips look for before they start an image.

RP2040 (data sheet 2.8.1.3.1): 256 bytes at the start of flash, of which the last four are the CRC-32 of the
others. RP2350 (data sheet 5.9.5): a block that describes the image, in the first 4 KiB.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from myofin.firmware_bridge.elf import ElfImage, broken

BOOT2_BYTES: Final = 256
BOOT2_CODE_BYTES: Final = 252
_BOOT2: Final = ".boot2"
_CRC_POLYNOMIAL: Final = 0x04C1_1DB7
_BLOCK_START: Final = 0xFFFF_DED3
_BLOCK_END: Final = 0xAB12_3579
_BLOCK_SEARCHED_BYTES: Final = 4096
_ITEM_IMAGE_TYPE: Final = 0x42
_ITEM_LAST: Final = 0xFF
_EXECUTABLE_ARM_SECURE_RP2350: Final = 0x1021


def boot2_checksum(code: bytes) -> int:
    """The RP2040's CRC-32: not reflected, begun with ones, not inverted at the end."""
    remainder = 0xFFFF_FFFF
    for byte in code:
        remainder ^= byte << 24
        for _ in range(8):
            carry = remainder & 0x8000_0000
            remainder = (remainder << 1) & 0xFFFF_FFFF
            if carry:
                remainder ^= _CRC_POLYNOMIAL
    return remainder


def seal_boot2(file: bytes, elf: ElfImage) -> bytes:
    """The ELF file with the checksum of its second boot stage filled in.

    Raises:
        CheckError: The stage is missing, or leaves no room for the checksum.
    """
    sections = [section for section in elf.sections if section.name == _BOOT2]
    if len(sections) != 1 or sections[0].bytes != BOOT2_BYTES:
        raise broken(f"has no second boot stage of {BOOT2_BYTES} bytes")
    start = sections[0].file_offset
    stage = file[start : start + BOOT2_BYTES]
    if any(stage[BOOT2_CODE_BYTES:]):
        raise broken("has a second boot stage that leaves no room for its checksum")
    checksum = struct.pack("<I", boot2_checksum(stage[:BOOT2_CODE_BYTES]))
    return file[: start + BOOT2_CODE_BYTES] + checksum + file[start + BOOT2_BYTES :]


def check_boot2(flash: bytes) -> None:
    """Whether the RP2040's ROM would start this flash. Raises CheckError when not."""
    (stored,) = struct.unpack_from("<I", flash[:BOOT2_BYTES].ljust(BOOT2_BYTES, b"\0"), BOOT2_CODE_BYTES)
    computed = boot2_checksum(flash[:BOOT2_CODE_BYTES])
    if stored != computed:
        raise broken(f"has a second boot stage with checksum {stored:#010x}; its bytes give {computed:#010x}")


def check_image_def(flash: bytes) -> None:
    """Whether the RP2350's ROM would find an Arm executable in this flash. Raises CheckError when not."""
    searched = flash[:_BLOCK_SEARCHED_BYTES]
    words = struct.unpack(f"<{len(searched) // 4}I", searched[: len(searched) // 4 * 4])
    if _BLOCK_START not in words:
        raise broken("has no block in its first 4 KiB that the RP2350's ROM could start it by")
    start = words.index(_BLOCK_START) + 1
    items = dict(_items(words[start:]))
    if items.get(_ITEM_IMAGE_TYPE) != _EXECUTABLE_ARM_SECURE_RP2350:
        raise broken("is not described as an Arm executable in the secure state of the RP2350")


def _items(words: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Type and first value of each item; a block is sound when its last item counts the others' words."""
    used = 0
    while used < len(words):
        kind = words[used] & 0xFF
        if kind == _ITEM_LAST:
            counted = (words[used] >> 8) & 0xFFFF
            link, end = (*words[used + 1 : used + 3], 0, 0)[:2]
            if (counted, link, end) != (used, 0, _BLOCK_END):
                break
            return
        size = (words[used] >> 8) & 0xFF
        yield kind, words[used] >> 16
        used += max(size, 1)
    raise broken("has a block for the RP2350's ROM that is malformed")
