"""Frames on the wire: COBS, type, sequence number, CRC-32. Pure functions and one small state machine."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from cobs import cobs

from myofin.firmware_bridge.wire import CRC_BYTES, HEADER_BYTES

DELIMITER: Final = b"\0"
MAX_ENCODED_BYTES: Final = 1 << 17  # a 64 KiB payload fits; more without a delimiter is noise


class Damage(Enum):
    """Why received bytes are not a frame."""

    FRAMING = "framing"  # COBS, too short or too long
    CRC = "CRC-32"


@dataclass(frozen=True)
class Frame:
    """One frame whose CRC-32 holds."""

    type: int
    sequence: int
    payload: bytes


def encode_frame(frame: Frame) -> bytes:
    """The frame's bytes, between delimiters: the first ends whatever noise came before."""
    body = struct.pack("<BH", frame.type, frame.sequence) + frame.payload
    checked = body + struct.pack("<I", zlib.crc32(body))
    return b"".join((DELIMITER, cobs.encode(checked), DELIMITER))


def decode_body(encoded: bytes) -> Frame | Damage:
    """Decode what stood between two delimiters."""
    try:
        checked = cobs.decode(encoded)
    except cobs.DecodeError:
        return Damage.FRAMING
    if len(checked) < HEADER_BYTES + CRC_BYTES:
        return Damage.FRAMING
    body, expected = checked[:-CRC_BYTES], int.from_bytes(checked[-CRC_BYTES:], "little")
    if zlib.crc32(body) != expected:
        return Damage.CRC
    kind, sequence = struct.unpack_from("<BH", body)
    return Frame(kind, sequence, body[HEADER_BYTES:])


class FrameReader:
    """Turns a stream of bytes into frames; survives anything that is not one."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> Iterator[Frame | Damage]:
        """Take bytes in, and yield what they complete, in order."""
        self._pending += data
        *complete, unfinished = bytes(self._pending).split(DELIMITER)
        self._pending = bytearray(unfinished)
        for encoded in complete:
            if self._skipping:  # the end of a piece that was given up, and counted, earlier
                self._skipping = False
            elif encoded:
                yield decode_body(encoded)
        if len(unfinished) > MAX_ENCODED_BYTES:
            self._pending.clear()
            if not self._skipping:
                self._skipping = True
                yield Damage.FRAMING
