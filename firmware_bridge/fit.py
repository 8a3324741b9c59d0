"""Whether an engine has room on a board, and a network its electrodes, asked before anything is done."""

from __future__ import annotations

from pathlib import Path

from myofin.boards.registry import Board
from myofin.convert.prediction import predict_engine
from myofin.errors import InputError, ModelError


def require_room(engine_folder: Path, board: Board) -> None:
    """Refuse an engine that cannot fit: its declared constants and RAM, and what the board sets aside.

    This is a lower bound, without the application's code and small variables; what it lets through may still
    be refused by the linker. C text that cannot be read is left to the linker too.

    Raises:
        InputError: Flash or RAM do not suffice; the message has the numbers.
    """
    try:
        engine = predict_engine(engine_folder)
    except ModelError:
        return
    memory = board.memory
    ram = engine.ram + memory.stack_bytes + board.build.max_payload_bytes
    for name, needed, there in (
        ("flash", engine.constants, memory.flash_bytes),
        ("RAM", ram, memory.ram_bytes),
    ):
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


def does_not_fit(board: Board, name: str, needed: int, there: int, *, bound: str = "") -> InputError:
    """The error for firmware that is too large, with the numbers in bytes."""
    return InputError(
        f"The firmware needs {bound}{needed:,} bytes of {name}; "
        f"{board.name} has {there:,}, which is {needed - there:,} too few.",
        hint="Train with fewer units, convert to int8, or choose a board with more memory.",
    )
