"""UF2 files: what the USB drives of some bootloaders take. Format: the README of microsoft/uf2.

block of 512 bytes, little-endian:
magic u32 | magic u32 | flags u32 | address u32 | bytes u32 | block u32 | blocks u32 | family u32 |
data, padded to 476 bytes | magic u32
"""

from __future__ import annotations

import struct
from typing import Final

from myofin.firmware_bridge.elf import Segment, broken

BLOCK_BYTES: Final = 512
PAYLOAD_BYTES: Final = 256  # what the RP2040's and RP2350's ROM take in one block
_HEADER: Final = struct.Struct("<8I")
_END: Final = struct.Struct("<I")
_MAGICS: Final = (0x0A32_4655, 0x9E5D_5157)
_MAGIC_END: Final = 0x0AB1_6F30
_FAMILY_PRESENT: Final = 0x2000
_DATA_BYTES: Final = BLOCK_BYTES - _HEADER.size - _END.size


def encode_uf2(image: Segment, family: int) -> bytes:
    """A UF2 file that writes an image to its address; the last block is filled up with zeros."""
    data = image.data
    count = -(-len(data) // PAYLOAD_BYTES)
    blocks = []
    for number in range(count):
        payload = data[number * PAYLOAD_BYTES :][:PAYLOAD_BYTES].ljust(PAYLOAD_BYTES, b"\0")
        address = image.address + number * PAYLOAD_BYTES
        header = _HEADER.pack(*_MAGICS, _FAMILY_PRESENT, address, PAYLOAD_BYTES, number, count, family)
        blocks.append(header + payload.ljust(_DATA_BYTES, b"\0") + _END.pack(_MAGIC_END))
    return b"".join(blocks)


def decode_uf2(file: bytes, family: int) -> Segment:
    """What a UF2 file writes, and where.

    Raises:
        CheckError: A block is malformed, missing, out of order, or for another family of chips.
    """
    if not file or len(file) % BLOCK_BYTES:
        raise broken(f"has a UF2 file of {len(file):,} bytes, which is no whole number of blocks")
    count = len(file) // BLOCK_BYTES
    start, data = 0, b""
    for number in range(count):
        block = file[number * BLOCK_BYTES :][:BLOCK_BYTES]
        *magics, flags, address, size, index, total, of_family = _HEADER.unpack_from(block)
        if tuple(magics) != _MAGICS or _END.unpack_from(block, BLOCK_BYTES - _END.size)[0] != _MAGIC_END:
            raise broken(f"has a UF2 file whose block {number} is damaged")
        if flags != _FAMILY_PRESENT or of_family != family:
            raise broken(f"has a UF2 file for the family {of_family:#010x}, not {family:#010x}")
        start = address if number == 0 else start
        expected = (number, count, PAYLOAD_BYTES, start + number * PAYLOAD_BYTES)
        if (index, total, size, address) != expected:
            raise broken(f"has a UF2 file whose block {number} is out of order")
        data += block[_HEADER.size :][:size]
    return Segment(start, data)
