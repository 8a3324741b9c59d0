"""The recording that an emulated board's front end samples: a file for the emulator's loader.

    magic u32 | channels u32 | samples u32 | int16 counts [samples, channels], little-endian

The board begins anew after its last sample (boards/emulated/recording.c), so what is longer than the board's
memory is cut, and what is shorter than the stream repeats.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from myofin.boards.registry import Board
from myofin.firmware_bridge.port_option import no_port

_HEADER: Final = struct.Struct("<III")
_MAGIC: Final = int.from_bytes(b"sEMG", "little")


def recording_room(board: Board, channels: int) -> int:
    """Samples of so many channels that the board's front end has memory for.

    Raises:
        InputError: The board is a physical one.
    """
    if board.emulator is None:
        raise no_port(board)
    return (board.registers["recording_bytes"] - _HEADER.size) // (2 * channels)


def write_board_recording(path: Path, counts: NDArray[np.int16]) -> None:
    """Write int16 ``[samples, channels]`` as the board's front end reads it."""
    header = _HEADER.pack(_MAGIC, counts.shape[1], len(counts))
    path.write_bytes(header + np.ascontiguousarray(counts, dtype="<i2").tobytes())


def load_recording_arguments(board: Board, path: Path) -> tuple[str, ...]:
    """Arguments that have QEMU put the file where the board's front end looks for it."""
    # A comma ends a value of this option, and two stand for one.
    name = str(path).replace(",", ",,")
    return ("-device", f"loader,file={name},addr={board.registers['recording_base']:#x},force-raw=on")
