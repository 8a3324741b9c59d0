"""Where the fields of a `.tflite` file are: every number in it that a mutation can change with intent.

Follows the layout of flatbuffers by hand: a table begins with the signed distance to its vtable, whose
entries are the distances of the fields; vectors begin with their length.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Slot:
    """One number: what it means, where it stands, and its `struct` format."""

    kind: str
    position: int
    layout: str


# Fields of each table by vtable slot: a number (kind, layout), a vector of numbers, or tables.
_SCHEMA: dict[str, dict[int, tuple[str, str]]] = {
    "model": {6: ("tables", "opcode"), 8: ("tables", "graph"), 12: ("tables", "buffer"),
              18: ("tables", "signature")},
    "graph": {4: ("tables", "tensor"), 6: ("reference", "i"), 8: ("reference", "i"), 10: ("tables", "op")},
    "tensor": {4: ("shape", "i"), 6: ("type", "=b"), 8: ("buffer", "=I"), 10: ("name", "B"),
               12: ("table", "quantization"), 14: ("flag", "=B"), 18: ("signature_shape", "i")},
    "quantization": {8: ("scale", "f"), 10: ("zero_point", "q"), 16: ("dimension", "=i")},
    "opcode": {4: ("builtin", "=b"), 6: ("name", "B"), 8: ("version", "=i"), 10: ("builtin", "=i")},
    "op": {4: ("opcode", "=I"), 6: ("reference", "i"), 8: ("reference", "i"), 10: ("options_type", "=B"),
           12: ("table", "options"), 20: ("reference", "i")},
    "options": dict.fromkeys(range(4, 24, 2), ("option", "=i")),
    "buffer": {4: ("constant", "B"), 6: ("outside", "=Q"), 8: ("outside", "=Q")},
    "signature": {4: ("tables", "named"), 6: ("tables", "named"), 8: ("name", "B")},
    "named": {4: ("name", "B"), 6: ("reference", "=I")},
}  # fmt: skip
_SIZES = {"i": 4, "I": 4, "f": 4, "q": 8, "B": 1, "b": 1, "Q": 8}


def find_slots(content: bytes) -> list[Slot]:
    """All slots of a well-formed model, in the order of a walk from its root."""
    return list(_table(content, struct.unpack_from("<I", content)[0], "model"))


def _table(content: bytes, at: int, name: str) -> Iterator[Slot]:
    vtable = at - struct.unpack_from("<i", content, at)[0]
    yield Slot("vtable", at, "<i")
    for slot, (kind, layout) in _SCHEMA[name].items():
        if slot >= struct.unpack_from("<H", content, vtable)[0]:
            continue
        distance = struct.unpack_from("<H", content, vtable + slot)[0]
        yield Slot("field", vtable + slot, "<H")
        if distance:
            yield from _field(content, at + distance, kind, layout)


def _field(content: bytes, at: int, kind: str, layout: str) -> Iterator[Slot]:
    if layout.startswith("="):
        wide = at + _SIZES[layout[1:]] <= len(content)  # an option may be a byte at the end of the file
        yield Slot(kind, at, "<" + layout[1:] if wide else "<B")
        return
    yield Slot("offset", at, "<I")
    target = at + struct.unpack_from("<I", content, at)[0]
    if kind == "table":
        yield from _table(content, target, layout)
        return
    length = struct.unpack_from("<I", content, target)[0]
    yield Slot("length", target, "<I")
    for i in range(length):
        place = target + 4 + (4 if kind == "tables" else _SIZES[layout]) * i
        if kind == "tables":
            yield Slot("offset", place, "<I")
            yield from _table(content, place + struct.unpack_from("<I", content, place)[0], layout)
        else:
            yield Slot(kind, place, "<" + layout)
