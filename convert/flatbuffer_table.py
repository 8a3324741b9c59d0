"""One table of a flatbuffer, as the accessors of the `tflite` package use it: checked, and faster.

The `flatbuffers` package looks a table's vtable up anew for each field, and takes a negative position for
one from the end of the file. Here the vtable is read once, and no position may lie outside the file.
"""

from __future__ import annotations

import struct
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_SIGNED: Final = struct.Struct("<i")
_UNSIGNED: Final = struct.Struct("<I")
_SHORT: Final = struct.Struct("<H")


class CheckedTable:
    """Stands in for ``flatbuffers.table.Table``; bad bytes raise ValueError or struct.error."""

    __slots__ = ("Bytes", "Pos", "_fields")

    def __init__(self, content: bytes, position: int) -> None:
        self.Bytes, self.Pos = content, position
        vtable = position - int(_SIGNED.unpack_from(content, self._inside(position))[0])
        (size,) = _SHORT.unpack_from(content, self._inside(vtable))
        self._fields = struct.unpack_from(f"<{size // 2}H", content, vtable)

    def _inside(self, position: int) -> int:
        if position < 0:
            raise ValueError("an offset points before the file")
        return position

    def Offset(self, slot: int) -> int:  # noqa: N802 (the names are those of flatbuffers)
        """Distance of a field from the table, 0 where it is absent."""
        return int(self._fields[slot // 2]) if slot // 2 < len(self._fields) else 0

    def Indirect(self, position: int) -> int:  # noqa: N802
        """Where the offset at a position points to."""
        return position + int(_UNSIGNED.unpack_from(self.Bytes, self._inside(position))[0])

    def VectorLen(self, field: int) -> int:  # noqa: N802
        """Length of the vector of a field, as the file claims it."""
        return int(_UNSIGNED.unpack_from(self.Bytes, self.Indirect(self.Pos + field))[0])

    def Vector(self, field: int) -> int:  # noqa: N802
        """Where the elements of the vector of a field begin."""
        return self.Indirect(self.Pos + field) + 4

    def Union(self, table: Any, field: int) -> None:  # noqa: N802
        """Make another table that of a union field."""
        table.Bytes, table.Pos = self.Bytes, self.Indirect(self.Pos + field)

    def Get(self, flags: Any, position: int) -> Any:  # noqa: N802
        """The number of a type at a position."""
        return flags.packer_type.unpack_from(self.Bytes, self._inside(position))[0]

    def GetVectorAsNumpy(self, flags: Any, field: int) -> NDArray[Any]:  # noqa: N802
        """The vector of a field, without a copy."""
        dtype = np.dtype(flags.packer_type.format)
        return np.frombuffer(self.Bytes, dtype, count=self.VectorLen(field), offset=self.Vector(field))


def checked(accessor: Any) -> Any:
    """The same accessor of the `tflite` package (or None) on a checked table.

    Raises:
        ValueError: The table or its vtable lies outside the file; likewise struct.error.
    """
    if accessor is not None:
        accessor._tab = CheckedTable(accessor._tab.Bytes, accessor._tab.Pos)
    return accessor
