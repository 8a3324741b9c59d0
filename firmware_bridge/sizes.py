"""Sizes of an image, from its sections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from myofin.firmware_bridge.elf import ElfImage

_CODE_SECTIONS: Final = (".boot2", ".text")
_CONSTANT_SECTIONS: Final = (".rodata", ".ARM.exidx", ".data")
_RAM_SECTIONS: Final = (".data", ".bss")


@dataclass(frozen=True)
class Sizes:
    """Bytes of an image. Initial values of variables count as constants too; the stack is not counted."""

    flash_code: int
    flash_constants: int
    ram_static: int


def sizes_of(elf: ElfImage) -> Sizes:
    """Sizes of a linked image."""

    def total(names: Sequence[str]) -> int:
        return sum(elf.section_bytes(name) for name in names)

    return Sizes(total(_CODE_SECTIONS), total(_CONSTANT_SECTIONS), total(_RAM_SECTIONS))
