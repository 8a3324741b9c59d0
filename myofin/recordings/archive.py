"""Recordings inside zip files, as Ninapro gives them out: read in place, never unpacked."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

from myofin.errors import RecordingError


@dataclass(frozen=True, order=True)
class ZipMember:
    """A file in an archive, with as much of a path's interface as readers use; its text is archive/member."""

    archive: Path
    member: str

    def __str__(self) -> str:
        return f"{self.archive}/{self.member}"

    @property
    def name(self) -> str:
        """Last part of the member's name."""
        return PurePosixPath(self.member).name

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return PurePosixPath(self.member).stem

    @property
    def suffix(self) -> str:
        """The ending of the name, with its dot."""
        return PurePosixPath(self.member).suffix

    @property
    def size(self) -> int:
        """Bytes when unpacked."""
        with _open(self.archive) as archive:
            return archive.getinfo(self.member).file_size

    def open(self, mode: str = "rb") -> BinaryIO:
        """Open for reading bytes.

        Raises:
            RecordingError: The archive is damaged.
        """
        if mode != "rb":
            raise ValueError(f"archives are read only, not {mode}")
        try:
            return cast(BinaryIO, _open(self.archive).open(self.member))
        except (KeyError, zipfile.BadZipFile) as error:
            raise _damaged(self.archive, error) from error


AnyPath = Path | ZipMember


def members(archive: Path) -> list[ZipMember]:
    """Every file in an archive, in its order.

    Raises:
        RecordingError: It is no zip file, or damaged.
    """
    with _open(archive) as opened:
        return [ZipMember(archive, info.filename) for info in opened.infolist() if not info.is_dir()]


def locate(path: AnyPath) -> AnyPath:
    """Return what a path means: itself, or the member of an archive where the path goes on inside one."""
    if isinstance(path, ZipMember) or path.exists():
        return path
    for parent in path.parents:
        if parent.suffix.lower() == ".zip" and parent.is_file():
            return ZipMember(parent, path.relative_to(parent).as_posix())
    return path


def size_of(path: AnyPath) -> int:
    """Bytes of a file."""
    return path.size if isinstance(path, ZipMember) else path.stat().st_size


def _open(archive: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(archive)
    except zipfile.BadZipFile as error:
        raise _damaged(archive, error) from error


def _damaged(archive: Path, error: Any) -> RecordingError:
    return RecordingError(
        f"{archive.name} cannot be read as a zip file ({error}).", hint="Download the file again."
    )
