"""How messages are declared and laid out: little-endian fields, each with a C type and a meaning."""

from __future__ import annotations

import struct
from dataclasses import Field, dataclass, fields
from typing import Any, ClassVar, Final, TypeVar, cast, get_type_hints


@dataclass(frozen=True)
class Wire:
    """How one field is laid out: its ``struct`` format (empty: the rest of the payload), C type, meaning."""

    format: str
    c_type: str
    doc: str

    @property
    def size(self) -> int:
        """Bytes on the wire; 0 for the rest of the payload."""
        return struct.calcsize("<" + self.format)


def u8(doc: str) -> Wire:
    """An unsigned byte."""
    return Wire("B", "uint8_t", doc)


def u16(doc: str) -> Wire:
    """An unsigned 16-bit integer."""
    return Wire("H", "uint16_t", doc)


def u32(doc: str) -> Wire:
    """An unsigned 32-bit integer."""
    return Wire("I", "uint32_t", doc)


def text(size: int, doc: str) -> Wire:
    """ASCII text, filled up with zero bytes."""
    return Wire(f"{size}s", "char", doc)


def blob(size: int, doc: str) -> Wire:
    """A fixed number of bytes."""
    return Wire(f"{size}s", "uint8_t", doc)


def rest(doc: str) -> Wire:
    """All remaining bytes of the payload; only as the last field."""
    return Wire("", "uint8_t", doc)


class Payload:
    """Base of the message declarations: a frozen dataclass whose fields carry their wire layout."""

    NAME: ClassVar[str]
    TYPE: ClassVar[int]

    def pack(self) -> bytes:
        """The payload's bytes."""
        parts = []
        for name, wire in layout(type(self)).items():
            value = getattr(self, name)
            data = value.encode("ascii") if isinstance(value, str) else value
            parts.append(struct.pack("<" + wire.format, data) if wire.format else bytes(data))
        return b"".join(parts)


Message = TypeVar("Message", bound=Payload)


_layouts: Final[dict[int, dict[str, Wire]]] = {}  # by message type; reading annotations is slow


def layout(message: type[Payload]) -> dict[str, Wire]:
    """The wire layout of each field of a message, in order."""
    if message.TYPE not in _layouts:
        hints = get_type_hints(message, include_extras=True)
        declared: tuple[Field[Any], ...] = fields(cast(Any, message))
        _layouts[message.TYPE] = {item.name: hints[item.name].__metadata__[0] for item in declared}
    return _layouts[message.TYPE]


def fixed_bytes(message: type[Payload]) -> int:
    """Bytes of a message's payload without its variable rest."""
    return sum(wire.size for wire in layout(message).values())


def has_rest(message: type[Payload]) -> bool:
    """Whether a payload ends in a variable number of bytes."""
    return any(not wire.format for wire in layout(message).values())


def unpack(message: type[Message], payload: bytes) -> Message:
    """Read a payload.

    Raises:
        ValueError: It is too short, or too long for a message without a variable rest.
    """
    fixed = fixed_bytes(message)
    if len(payload) < fixed or (len(payload) > fixed and not has_rest(message)):
        raise ValueError(f"{message.NAME} has {fixed} bytes, not {len(payload)}")
    values: dict[str, Any] = {}
    offset = 0
    for name, wire in layout(message).items():
        if not wire.format:
            values[name] = payload[offset:]
            continue
        (value,) = struct.unpack_from("<" + wire.format, payload, offset)
        is_text = wire.c_type == "char"
        values[name] = value.rstrip(b"\0").decode("ascii", "replace") if is_text else value
        offset += wire.size
    return message(**values)
