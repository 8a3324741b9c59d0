"""Reader of the numeric variables in a MATLAB 5 (``-v6``, ``-v7``) file.

scipy.io.loadmat reads the same files, but a few wrong bytes in one can end the process with a segmentation
fault, and a truncated one may be read without a word; recordings come from disks and downloads, so neither
will do. Source of the format: MathWorks, "MAT-File Format" (MAT-file level 5).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from myofin.recordings.archive import AnyPath, size_of

_HEADER_BYTES = 128
_HEAD_BYTES = 512  # enough of a variable for its name: flags, up to 32 dimensions, and 63 letters
_MATRIX, _COMPRESSED = 14, 15
_NUMERIC_CLASSES = range(6, 16)
_COMPLEX_FLAG = 0x0800
_STORAGE = MappingProxyType(
    {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
)


class Matlab73Error(ValueError):
    """The file is MATLAB 7.3, which is HDF5 inside."""


@dataclass(frozen=True)
class _Element:
    """One element: its type, where its data starts, its length, and where the next begins."""

    kind: int
    start: int
    length: int
    end: int


def read_matlab5(path: AnyPath, names: tuple[str, ...]) -> dict[str, npt.NDArray[Any]]:
    """Read these variables, as far as the file has them, in the number type they are stored with.

    Variables that are not real numeric arrays are given as an empty array of type object.

    Raises:
        Matlab73Error: The file is HDF5.
        ValueError: The file is no MATLAB 5 file, or damaged or truncated.
        OSError: The file cannot be opened or read.
    """
    with path.open("rb") as stream:
        order = _byte_order(stream.read(_HEADER_BYTES))
        found = {}
        for body in _variables(stream, size_of(path), order, names):
            name, values = _matrix(body, order)
            found[name] = values
    return found


def _byte_order(header: bytes) -> str:
    if header.startswith((b"MATLAB 7.3", b"\x89HDF")):
        raise Matlab73Error("MATLAB 7.3 files are HDF5")
    order = {b"IM": "<", b"MI": ">"}.get(header[126:128])
    if order is None:
        raise ValueError("it has no MATLAB 5 header")
    return order


def _variables(stream: BinaryIO, size: int, order: str, names: tuple[str, ...]) -> Iterator[bytes]:
    """Yield the bodies of the wanted variables; of the others no more is decompressed than their name."""
    while tag := stream.read(8):
        if len(tag) < 8:
            raise ValueError("it ends inside the tag of a variable")
        kind, length = struct.unpack(f"{order}2I", tag)
        if length > size - stream.tell():
            raise ValueError(f"it ends after {size} bytes, inside a variable")
        content = stream.read(length)
        if kind == _COMPRESSED:
            content = _decompress(content, order, names)
        elif kind != _MATRIX:
            continue
        if content and _name(content[:_HEAD_BYTES], order) in names:
            yield content


def _decompress(content: bytes, order: str, names: tuple[str, ...]) -> bytes:
    """Return the variable inside a compressed element, or nothing where it is not wanted."""
    try:
        head = zlib.decompressobj().decompress(content, 8 + _HEAD_BYTES)
        kind, length = struct.unpack_from(f"{order}2I", head)
        if kind != _MATRIX or _name(head[8:], order) not in names:
            return b""
        whole = zlib.decompress(content)
    except (zlib.error, struct.error) as error:
        raise ValueError(f"a compressed variable is damaged ({error})") from error
    if len(whole) != 8 + length:
        raise ValueError("a compressed variable has another length than it says")
    return whole[8:]


def _element(body: bytes, position: int, order: str) -> _Element:
    """Parse the tag of a sub-element; small ones keep up to 4 bytes of data inside the tag itself."""
    if position + 8 > len(body):
        raise ValueError("a variable ends before its data")
    first, length = struct.unpack_from(f"{order}2I", body, position)
    if first >> 16:
        small = _Element(first & 0xFFFF, position + 4, first >> 16, position + 8)
        if small.length > 4:
            raise ValueError("a small element is longer than its tag")
        return small
    start = position + 8
    return _Element(first, start, length, start + length + -length % 8)


def _data(body: bytes, element: _Element, order: str) -> npt.NDArray[Any]:
    storage = _STORAGE.get(element.kind)
    if storage is None or element.start + element.length > len(body):
        raise ValueError("a variable has an unknown number type, or ends before its data")
    dtype = np.dtype(order + storage)
    if element.length % dtype.itemsize:
        raise ValueError("a variable does not hold whole numbers of its type")
    return np.frombuffer(body, dtype, element.length // dtype.itemsize, element.start)


def _head(body: bytes, order: str) -> tuple[npt.NDArray[Any], _Element, _Element]:
    """Return the flags, and the elements of dimensions and name."""
    flags = _element(body, 0, order)
    values = _data(body, flags, order)
    if len(values) != 2:
        raise ValueError("a variable has no flags")
    shape = _element(body, flags.end, order)
    return values, shape, _element(body, shape.end, order)


def _name(body: bytes, order: str) -> str:
    _, _, name = _head(body, order)
    return bytes(body[name.start : name.start + name.length]).decode("latin-1")


def _matrix(body: bytes, order: str) -> tuple[str, npt.NDArray[Any]]:
    flags, shape, name = _head(body, order)
    if int(flags[0]) & 0xFF not in _NUMERIC_CLASSES or int(flags[0]) & _COMPLEX_FLAG:
        return _name(body, order), np.empty(0, dtype=object)
    dimensions = [int(size) for size in _data(body, shape, order)]
    values = _data(body, _element(body, name.end, order), order)
    count = 1
    for size in dimensions:
        count *= size
    if min(dimensions, default=-1) < 0 or count != len(values):
        raise ValueError(f"a variable of shape {dimensions} holds {len(values)} numbers")
    return _name(body, order), values.astype(values.dtype.newbyteorder("=")).reshape(dimensions, order="F")
