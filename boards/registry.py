"""The boards: each is a folder with a ``board.toml``, read into a frozen, checked model."""

from __future__ import annotations

import math
import re
import sys
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from myofin.errors import InputError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_FOLDER = Path(__file__).parent
_DESCRIPTION = "board.toml"

CounterName = Literal["cycles", "instructions", "ticks"]
BootName = Literal["vectors", "rp2040", "rp2350"]
FlashTool = Literal["bossac", "dfu-util", "esptool", "openocd", "pyocd", "uf2"]
UsbId = Annotated[str, Field(pattern=r"^[0-9a-f]{4}:[0-9a-f]{4}$")]

FILES: Final = ("elf", "bin", "uf2")  # of an image, that a flasher's arguments may name
PORT: Final = "port"


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Memory(_Facts):
    """Where code and data go."""

    flash_origin: int = Field(ge=0)
    flash_bytes: int = Field(gt=0)
    ram_origin: int = Field(ge=0)
    ram_bytes: int = Field(gt=0)
    stack_bytes: int = Field(gt=0)


class Build(_Facts):
    """How the firmware is compiled; ``sources`` and ``linker_script`` lie in the board's folder.

    ``boot`` says what the chip's ROM wants to find at the start of flash: the vector table alone, or also a
    second stage with its checksum (RP2040), or a block that describes the image (RP2350).
    """

    flags: tuple[str, ...]
    sources: tuple[str, ...]
    linker_script: str
    max_payload_bytes: int = Field(ge=64, le=65_535)
    boot: BootName = "vectors"


class Counter(_Facts):
    """The counter that measures stages: ``ticks_per_unit`` ticks make one instruction (or cycle)."""

    kind: CounterName
    hz: int = Field(gt=0)
    ticks_per_unit: float = Field(gt=0)
    units_per_second: int = Field(gt=0)

    def units(self, ticks: int) -> int:
        """Instructions (or cycles) that a stopwatch reading stands for.

        A tick is counted when it is complete, so n units read floor(n * ticks_per_unit), and rounding up
        gives n back exactly whenever a unit is at least one tick long.
        """
        return math.ceil(ticks / Fraction(repr(self.ticks_per_unit)))


class Emulator(_Facts):
    """What emulates the board."""

    program: str
    machine: str
    args: tuple[str, ...] = ()


class Link(_Facts):
    """The serial line: its rate, the USB ids that its port may have, and the cable in words."""

    baud: int = Field(gt=0)
    usb: tuple[UsbId, ...] = ()
    wiring: str = ""


class Afe(_Facts):
    """The analogue front end of a physical board: its inputs in the order of the channels."""

    channels: int = Field(gt=0)
    max_rate_hz: int = Field(gt=0)
    pins: tuple[str, ...]

    @model_validator(mode="after")
    def _one_pin_each(self) -> Afe:
        if len(set(self.pins)) != self.channels:
            raise ValueError("every channel needs a pin of its own")
        return self


class Uf2(_Facts):
    """What a UF2 file for this board says: the family of its chip, and the drive that takes it.

    ``volume`` is the drive's name, ``board_id`` what its INFO_UF2.TXT says under Board-ID.
    """

    family: int = Field(ge=0, le=0xFFFF_FFFF)
    volume: str
    board_id: str


class FlashRecipe(_Facts):
    """One way to write an image into the board: a tool, its arguments, and what to do before.

    In ``args``, ``{elf}``, ``{bin}`` and ``{uf2}`` stand for files of the image, ``{port}`` for a serial
    port, which may have one of the USB ids in ``usb``.
    """

    tool: FlashTool
    args: tuple[str, ...]
    prepare: str
    usb: tuple[UsbId, ...] = ()

    @field_validator("args")
    @classmethod
    def _known_names(cls, args: tuple[str, ...]) -> tuple[str, ...]:
        for name in re.findall(r"\{(\w+)\}", " ".join(args)):
            if name not in (*FILES, PORT):
                raise ValueError(f"{{{name}}} is not one of {', '.join((*FILES, PORT))}")
        return args

    @property
    def needs_port(self) -> bool:
        """Whether the tool must be told a serial port."""
        return any(f"{{{PORT}}}" in part for part in self.args)


class Board(_Facts):
    """All facts of one board. ``folder`` holds its C port.

    ``twin`` names the emulated board with the same kind of core that stands in for a physical one.
    """

    name: str = Field(max_length=24, pattern=r"^[a-z0-9-]+$")
    description: str
    core: str
    clock_hz: int = Field(gt=0)
    sources: tuple[str, ...]
    memory: Memory
    build: Build
    counter: Counter
    link: Link
    registers: dict[str, int]
    emulator: Emulator | None = None
    flashers: tuple[FlashRecipe, ...] = ()
    uf2: Uf2 | None = None
    afe: Afe | None = None
    twin: str | None = None
    folder: Path = Field(exclude=True)

    @model_validator(mode="after")
    def _emulated_or_physical(self) -> Board:
        if self.emulator is None and not (self.flashers and self.link.wiring and self.afe):
            raise ValueError("a physical board needs flashers, link.wiring and afe; another an emulator")
        if self.emulator is not None and self.flashers:
            raise ValueError("an emulated board is not flashed")
        if self.uf2 is None and any("{uf2}" in part for way in self.flashers for part in way.args):
            raise ValueError("a flasher that takes {uf2} needs the table uf2")
        return self

    @property
    def emulated_as(self) -> str | None:
        """Name of the emulated board that shows what this one executes: itself, or its twin."""
        return self.name if self.emulator is not None else self.twin

    def document(self) -> dict[str, Any]:
        """The facts as JSON-able data, as in reports and ``myofin boards --json``."""
        return self.model_dump(mode="json")


def list_boards() -> tuple[str, ...]:
    """Names of the known boards, sorted."""
    return tuple(sorted(path.parent.name for path in _FOLDER.glob(f"*/{_DESCRIPTION}")))


@cache
def load_board(name: str) -> Board:
    """Read a board's description.

    Raises:
        InputError: There is no such board, or its description does not hold.
    """
    if name not in list_boards():
        raise InputError(
            f"There is no board {name!r}.",
            hint=f"Choose one of: {', '.join(list_boards())}; boards/README.md shows how to add one.",
        )
    return read_board(_FOLDER / name)


def read_board(folder: Path) -> Board:
    """Read the description in a board's folder.

    Raises:
        InputError: The description is missing, malformed, or named unlike its folder.
    """
    path = folder / _DESCRIPTION
    try:
        board = Board(**tomllib.loads(path.read_text(encoding="utf-8")), folder=folder)
    except (OSError, tomllib.TOMLDecodeError, TypeError) as error:
        raise InputError(f"{path} is not readable: {error}.", hint=_COMPARE) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "as a whole"
        raise InputError(f"{path}, {where}: {first['msg']}.", hint=_COMPARE) from error
    if board.name != folder.name:
        raise InputError(f"{path} is named {board.name!r}, unlike its folder.", hint=_COMPARE)
    return board


_COMPARE = "Compare it with boards/mps2-an386/board.toml."
