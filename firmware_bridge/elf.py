"""What an ELF file says of the image in it: sections, symbols, and the bytes that go into flash."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from myofin.errors import CheckError

_ALLOCATED = 0x2  # SHF_ALLOC
_ARM = "EM_ARM"


@dataclass(frozen=True)
class Section:
    """A section that takes memory on the board. ``file_offset`` is where its bytes stand in the file."""

    name: str
    address: int
    bytes: int
    file_offset: int
    is_loaded: bool


@dataclass(frozen=True)
class Segment:
    """Bytes that are written to flash at ``address``."""

    address: int
    data: bytes


@dataclass(frozen=True)
class ElfImage:
    """An executable for a 32-bit Arm."""

    entry: int
    sections: tuple[Section, ...]
    segments: tuple[Segment, ...]
    symbols: dict[str, tuple[int, int]]  # name -> address, bytes

    def section_bytes(self, name: str) -> int:
        """Size of a section, 0 when there is none."""
        return sum(section.bytes for section in self.sections if section.name == name)

    def flash(self) -> Segment:
        """All segments as one, gaps filled with zeros, as ``objcopy -O binary`` does.

        Raises:
            CheckError: There is nothing to write.
        """
        if not self.segments:
            raise broken("holds nothing that goes into flash")
        start = min(segment.address for segment in self.segments)
        end = max(segment.address + len(segment.data) for segment in self.segments)
        whole = bytearray(end - start)
        for segment in self.segments:
            offset = segment.address - start
            whole[offset : offset + len(segment.data)] = segment.data
        return Segment(start, bytes(whole))


def broken(what: str) -> CheckError:
    """The error for an image that no board should be given: ``what`` follows "The image"."""
    return CheckError(f"The image {what}.", hint="Build it again with `myofin build`; nothing was flashed.")


def read_elf(path: Path) -> ElfImage:
    """Read an executable.

    Raises:
        CheckError: The file is missing, or no executable for a 32-bit Arm.
    """
    try:
        return _parse(path.read_bytes())
    except (OSError, ELFError, ValueError, LookupError, AttributeError, struct.error) as error:
        raise broken(f"has no readable ELF file ({error or type(error).__name__})") from error


def _parse(data: bytes) -> ElfImage:
    file = ELFFile(io.BytesIO(data))
    if file.elfclass != 32 or not file.little_endian or file["e_machine"] != _ARM:
        raise ValueError("it is not for a little-endian 32-bit Arm")
    sections = tuple(
        _section(section) for section in file.iter_sections() if section["sh_flags"] & _ALLOCATED
    )
    segments = tuple(
        Segment(segment["p_paddr"], segment.data())
        for segment in file.iter_segments("PT_LOAD")
        if segment["p_filesz"]
    )
    table = file.get_section_by_name(".symtab")
    symbols = {
        symbol.name: (symbol["st_value"], symbol["st_size"])
        for symbol in (table.iter_symbols() if table is not None else ())
        if symbol.name
    }
    return ElfImage(file["e_entry"], sections, segments, symbols)


def _section(section: Any) -> Section:
    return Section(
        name=section.name,
        address=section["sh_addr"],
        bytes=section["sh_size"],
        file_offset=section["sh_offset"],
        is_loaded=section["sh_type"] != "SHT_NOBITS",
    )
