"""Records of a computation's stages, as a traced image sends them and as a traced engine on the host makes
them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from myofin.errors import LinkError
from myofin.firmware_bridge.framing import Frame
from myofin.firmware_bridge.wire import Trace
from myofin.firmware_bridge.wire_layout import unpack

# Integers by their size; in a float32 engine everything but the codes is floats.
_INTEGERS: Final = {1: "<i1", 2: "<i2", 4: "<i4"}

Records = Mapping[str, Sequence[NDArray[Any]]]


@dataclass(frozen=True)
class Piece:
    """Some values of one record of a stage; ``first`` 0 begins another record."""

    stage: str
    first: int
    value_bytes: int
    values: bytes


def join(pieces: Iterator[Piece], *, floats: bool) -> Records:
    """The records of each stage, in the order in which stages and records came."""
    found: dict[str, list[list[NDArray[Any]]]] = {}
    for piece in pieces:
        kind = "<f4" if floats and piece.value_bytes == 4 else _INTEGERS[piece.value_bytes]
        records = found.setdefault(piece.stage, [])
        if piece.first == 0 or not records:
            records.append([])
        records[-1].append(np.frombuffer(piece.values, kind))
    return {stage: [np.concatenate(parts) for parts in records] for stage, records in found.items()}


class TraceCollector:
    """Takes TRACE messages of a board; give ``take`` to an exchange as ``on_unasked``."""

    def __init__(self) -> None:
        self._messages: list[Trace] = []

    def take(self, frame: Frame) -> None:
        """Keep a message, if it is one."""
        if frame.type == Trace.TYPE:
            self._messages.append(unpack(Trace, frame.payload))

    def records(self, *, floats: bool) -> Records:
        """All that came; empty where the image sends none.

        Raises:
            LinkError: Messages are missing.
        """
        numbers = [message.number for message in self._messages]
        if numbers != list(range(numbers[0], numbers[0] + len(numbers)) if numbers else []):
            raise LinkError(
                "Part of the board's trace was lost on the way.", hint="Check the cable, and run it again."
            )
        pieces = (Piece(m.name, m.first, m.value_bytes, m.values) for m in self._messages)
        return join(pieces, floats=floats)
