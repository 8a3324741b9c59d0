"""The USB drive that a UF2 bootloader shows: found by its INFO_UF2.TXT, flashed by copying a file to it."""

from __future__ import annotations

import os
import string
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from myofin.boards.registry import Uf2
from myofin.errors import BoardError, LinkError

_INFO: Final = "INFO_UF2.TXT"
_MOUNTS: Final = Path("/proc/self/mounts")


def mounted_folders() -> list[Path]:
    """Where drives are mounted on this machine."""
    if sys.platform == "win32":
        return [Path(f"{letter}:\\") for letter in string.ascii_uppercase]
    if sys.platform == "darwin":
        return sorted(Path("/Volumes").iterdir())
    lines = _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
    return [Path(_unescaped(line.split()[1])) for line in lines]


def _unescaped(name: str) -> str:
    """A name of the kernel's table, in which blanks and the like are octal."""
    return name.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")


def find_drive(board: str, uf2: Uf2, prepare: str, folders: Iterable[Path] | None = None) -> Path:
    """The drive of the board's bootloader.

    Raises:
        LinkError: It is not mounted, or there are several.
    """
    found = [
        folder for folder in (mounted_folders() if folders is None else folders) if _is_board(folder, uf2)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise LinkError(
            f"Several drives of a {board} are mounted: {', '.join(map(str, found))}.",
            hint="Disconnect all boards but one.",
        )
    raise LinkError(f"No drive of a {board} is mounted.", hint=prepare)


def _is_board(folder: Path, uf2: Uf2) -> bool:
    try:
        text = (folder / _INFO).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    ids = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("Board-ID:")]
    return ids == [uf2.board_id]


def copy_to_drive(file: Path, drive: Path) -> None:
    """Copy a UF2 file; the board restarts itself when it has taken the last block.

    Raises:
        BoardError: The drive does not take it.
    """
    try:
        with (drive / file.name).open("wb", buffering=0) as target:
            target.write(file.read_bytes())
            os.fsync(target.fileno())
    except OSError as error:
        raise BoardError(
            f"The drive {drive} did not take the file ({error.strerror}).",
            hint="Mount it so that you may write to it, and try again.",
        ) from error
