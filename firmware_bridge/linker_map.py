"""Reads the map that the GNU linker writes: which bytes of an image belong to which part.

The build names object files ``<part>/<name>.o``, and the model's state is a variable of its own in the
application, so the engine's share can be told from that of firmware, board port and C library.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from myofin.errors import ArtifactError
from myofin.firmware_bridge.recipe import ENGINE_OBJECTS

_MEMORY_MAP: Final = "Linker script and memory map"
_OUTPUT: Final = re.compile(r"(?P<name>[.\w]\S*)(?:\s+0x[0-9a-f]+\s+0x[0-9a-f]+.*)?$")
_INPUT: Final = re.compile(r" (?P<name>[.\w]\S*)\s+0x[0-9a-f]+\s+0x(?P<size>[0-9a-f]+)\s+(?P<object>\S.*)$")
_LONG_NAME: Final = re.compile(r" (?P<name>[.\w]\S*)$")
_CONSTANTS: Final = (".rodata", ".data")
_STATE: Final = re.compile(r"\.bss\.model_state(\.\d+)?$")


@dataclass(frozen=True)
class InputSection:
    """One piece of an object file in the image: ``bytes`` of ``object``, put into section ``output``."""

    output: str
    name: str
    bytes: int
    object: str

    @property
    def is_library(self) -> bool:
        """Whether it comes from an archive, such as the C library."""
        return self.object.endswith(")")


@dataclass(frozen=True)
class EngineBytes:
    """What the engine takes of a board. ``library`` is code from archives, which the application shares."""

    code: int
    constants: int
    ram: int
    library: int


def parse_map(text: str) -> tuple[InputSection, ...]:
    """All pieces of object files that the linker kept, in order of their addresses; empty ones are left out.

    Raises:
        ArtifactError: This is no map of the GNU linker.
    """
    _, found, body = text.partition(_MEMORY_MAP)
    if not found:
        raise ArtifactError("This is no map of the GNU linker.", hint="Build the image again.")
    sections, output = [], ""
    for line in _joined(body.splitlines()):
        if match := _INPUT.match(line):
            if size := int(match["size"], 16):
                sections.append(InputSection(output, match["name"], size, match["object"]))
        elif match := _OUTPUT.match(line):
            output = match["name"]
    return tuple(sections)


def _joined(lines: Iterable[str]) -> Iterable[str]:
    """Lines with those put together that the linker parts after a long section name."""
    pending = ""
    for line in lines:
        if _LONG_NAME.match(line):
            pending = line
            continue
        yield pending + line
        pending = ""


def engine_bytes(sections: Iterable[InputSection]) -> EngineBytes:
    """Sizes of the engine alone: its object files, and its state, which the application places."""
    code = constants = ram = library = 0
    for section in sections:
        engine = section.object.startswith(f"{ENGINE_OBJECTS}/")
        if section.output == ".text":
            code += section.bytes if engine else 0
            library += section.bytes if section.is_library else 0
        elif section.output in _CONSTANTS:
            constants += section.bytes if engine else 0
        elif section.output == ".bss" and (engine or _STATE.match(section.name)):
            ram += section.bytes
    return EngineBytes(code, constants, ram, library)


def read_engine_bytes(path: Path) -> EngineBytes:
    """Sizes of the engine in an image, from its ``firmware.map``.

    Raises:
        ArtifactError: The file is no map of the GNU linker.
    """
    return engine_bytes(parse_map(path.read_text(encoding="utf-8")))
