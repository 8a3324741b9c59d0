"""Find and read the recording of a subject, whatever its layout."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from myofin.errors import RecordingError
from myofin.recordings.archive import AnyPath, ZipMember, locate, members
from myofin.recordings.model import Finding, Recording, missing
from myofin.recordings.ninapro import parse_name, read_ninapro
from myofin.recordings.npz import read_npz, subject_of_name

_SUFFIXES = (".mat", ".npz")
_ARCHIVE = ".zip"


@dataclass(frozen=True)
class _Source:
    """A file, whose recording it is, and which exercise (0 where the data set has none)."""

    subject: str
    exercise: int
    path: AnyPath


def normalise_subject(subject: str | int) -> str:
    """Bring "S1", "s01", "1" and 1 to "1"; names that are not numbers stay as they are."""
    text = str(subject).strip()
    digits = text[1:] if text[:1] in "sS" else text
    return str(int(digits)) if digits.isascii() and digits.isdigit() else text


def load_recording(path: Path, subject: str | int | None = None) -> Recording:
    """Read the recording of one subject from a file or a folder.

    Known layouts: Ninapro ``.mat``, ``.npz`` trials, and what ``myofin data synth`` writes. In a folder (or
    one level below it) the subject's file is chosen by name; of several Ninapro exercises the first is read.
    Problems in the signal do not stop the reading: they are the recording's findings.

    Args:
        path: A file, or a folder.
        subject: "1", "S1", "01" or 1; needed where a folder has several subjects.

    Raises:
        RecordingError: Nothing is there, it cannot be read, or the subject is absent or not stated.
    """
    sources = _sources(Path(path))
    chosen = _choose(Path(path), sources, None if subject is None else normalise_subject(subject))
    recording = _read(chosen[0].path)
    if subject is not None and is_recording(Path(path)) and recording.subject != normalise_subject(subject):
        raise RecordingError(
            f"{recording.source} is of subject {recording.subject}, not {subject}.",
            hint=f"Give --subject {recording.subject}, or the file of the subject you want.",
        )
    if len(chosen) > 1:
        others = ", ".join(source.path.name for source in chosen[1:])
        note = Finding(
            "info", f"{recording.source} was read; not read: {others}.", "Give the path of one file."
        )
        recording = replace(recording, findings=(*recording.findings, note))
    return recording


def subject_files(path: Path) -> dict[str, AnyPath]:
    """Return the file of each subject at a path, the first exercise of several, numbers first in their order.

    Raises:
        RecordingError: There is no recording at the path.
    """
    found: dict[str, AnyPath] = {}
    for source in _sources(Path(path)):
        found.setdefault(source.subject, source.path)
    return dict(sorted(found.items(), key=lambda pair: _by_number(pair[0])))


def list_subjects(path: Path) -> list[str]:
    """Return the subjects with a recording in a file or folder, numbers first in their order.

    Raises:
        RecordingError: There is no recording at the path.
    """
    return sorted({source.subject for source in _sources(Path(path))}, key=_by_number)


def _by_number(subject: str) -> tuple[bool, int, str]:
    return (not subject.isdigit(), int(subject) if subject.isdigit() else 0, subject)


def _sources(path: Path) -> list[_Source]:
    if isinstance(member := locate(path), ZipMember):
        return [_source(member)]
    if _is_archive(path):
        if not (inside := _inside(path)):
            raise missing(path)
        return sorted(inside, key=_by_source)
    if path.is_file():
        if path.suffix.lower() not in _SUFFIXES:
            raise RecordingError(
                f"{path} is not a recording that is read here (its name ends in {path.suffix or 'nothing'}).",
                hint="Give a .mat, .npz or .zip file, or a folder with such files.",
            )
        return [_source(path)]
    if not path.is_dir():
        raise missing(path)
    files = [
        file
        for pattern in ("*", "*/*")
        for file in path.glob(pattern)
        if file.suffix.lower() in _SUFFIXES and file.is_file() and not file.name.startswith(".")
    ]
    found = [_source(file) for file in files]
    have = {(source.subject, source.exercise) for source in found}
    archives = sorted({file for pattern in ("*", "*/*") for file in path.glob(pattern) if _is_archive(file)})
    for archive in archives:  # a file that was unpacked beside its archive is read, and the archive left
        found += [source for source in _inside(archive) if (source.subject, source.exercise) not in have]
    if not found:
        raise missing(path)
    return sorted(found, key=_by_source)


def _is_archive(file: Path) -> bool:
    return file.suffix.lower() == _ARCHIVE and file.is_file() and not file.name.startswith(".")


def _by_source(source: _Source) -> tuple[str, int, str]:
    return source.subject, source.exercise, str(source.path)


def _inside(archive: Path) -> list[_Source]:
    """Ninapro recordings in an archive, at any depth; what macOS adds begins with a dot."""
    return [
        _source(member)
        for member in members(archive)
        if member.suffix.lower() == ".mat" and parse_name(member) is not None
    ]


def _source(path: AnyPath) -> _Source:
    name = parse_name(path)
    if path.suffix.lower() == ".mat" and name is not None:
        return _Source(name.subject, name.exercise, path)
    return _Source(subject_of_name(Path(path.name)), 0, path)


def _choose(path: Path, sources: list[_Source], subject: str | None) -> list[_Source]:
    if is_recording(path):
        return sources
    subjects = sorted({source.subject for source in sources}, key=_by_number)
    if subject is None and len(subjects) > 1:
        raise RecordingError(
            f"{path} holds {len(subjects)} subjects: {', '.join(subjects)}.",
            hint=f"Choose one with --subject, such as --subject {subjects[0]}.",
        )
    chosen = [source for source in sources if subject in (None, source.subject)]
    if not chosen:
        raise RecordingError(
            f"{path} holds no recording of subject {subject}; it has {', '.join(subjects)}.",
            hint=f"Choose one of those, such as --subject {subjects[0]}.",
        )
    return chosen


def is_recording(path: Path) -> bool:
    """Whether a path is one recording, and no folder or archive of several."""
    return isinstance(locate(path), ZipMember) or (path.is_file() and not _is_archive(path))


def _read(path: AnyPath) -> Recording:
    if isinstance(path, ZipMember) or path.suffix.lower() == ".mat":
        return read_ninapro(path)
    return read_npz(path)
