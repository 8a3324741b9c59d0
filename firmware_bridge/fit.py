"""Whether an engine has room on a board, and a network its electrodes, asked before anything is done."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from myofin.boards.registry import Board
from myofin.convert.prediction import predict_engine
from myofin.errors import InputError, ModelError

Memory = Literal["flash", "RAM"]


class DoesNotFitError(InputError):
    """Firmware is too large for a memory of ``board``: ``needed`` bytes (or more) where ``there`` are."""

    def __init__(
        self, message: str, *, hint: str, board: str, memory: Memory, needed: int, there: int
    ) -> None:
        super().__init__(message, hint=hint)
        self.board = board
        self.memory = memory
        self.needed = needed
        self.there = there


def require_room(engine_folder: Path, board: Board) -> None:
    """Refuse an engine that cannot fit: its declared constants and RAM, and what the board sets aside.

    This is a lower bound, without the application's code and small variables; what it lets through may still
    be refused by the linker. C text that cannot be read is left to the linker too.

    Raises:
        DoesNotFitError: Flash or RAM do not suffice; the message has the numbers.
    """
    try:
        engine = predict_engine(engine_folder)
    except ModelError:
        return
    memory = board.memory
    ram = engine.ram + memory.stack_bytes + board.build.max_payload_bytes
    needs: tuple[tuple[Memory, int, int], ...] = (
        ("flash", engine.constants, memory.flash_bytes),
        ("RAM", ram, memory.ram_bytes),
    )
    for name, needed, there in needs:
        if needed > there:
            raise does_not_fit(board, name, needed, there, bound="at least ")


def require_inputs(board: Board, channels: int, rate_hz: int) -> None:
    """Refuse to stream from electrodes that a board's own converter has no inputs for.

    Emulated boards have as many as the recording.

    Raises:
        InputError: There are too few inputs, or they cannot be sampled so fast.
    """
    afe = board.afe
    if afe is None:
        return
    if channels > afe.channels:
        raise InputError(
            f"The network has {channels} channels; the converter of {board.name} has {afe.channels} inputs.",
            hint="Connect a front end over SPI, such as the ADS1298, as firmware_bridge/firmware/afe.h says.",
        )
    if rate_hz > afe.max_rate_hz:
        raise InputError(
            f"The network wants {rate_hz:,} samples a second; "
            f"the converter of {board.name} takes {afe.max_rate_hz:,}.",
            hint="Train on a recording of a lower rate, or connect a front end over SPI.",
        )


def does_not_fit(board: Board, name: Memory, needed: int, there: int, *, bound: str = "") -> DoesNotFitError:
    """The error for firmware that is too large, with the numbers in bytes."""
    return DoesNotFitError(
        f"The firmware needs {bound}{needed:,} bytes of {name}; "
        f"{board.name} has {there:,}, which is {needed - there:,} too few.",
        hint="Train with fewer units, convert to int8, or choose a board with more memory.",
        board=board.name,
        memory=name,
        needed=needed,
        there=there,
    )
