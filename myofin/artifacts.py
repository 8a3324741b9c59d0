"""Artifacts: versioned folders that one step leaves for the next, each with a JSON manifest.

A folder is written under a temporary name beside its place and renamed when complete, so an interrupted
step leaves nothing half made. The manifest names the SHA-256 of every file in the folder, and the next
step checks them before it starts.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import IO, Any, Literal

from myofin import __version__
from myofin.errors import ArtifactError

Kind = Literal["run", "bundle", "image", "report", "stream", "comparison", "sensitivity"]

SCHEMA_VERSION = 1
_PACKAGES = ("numpy", "scipy", "tensorflow", "tf_keras", "tflite-runtime", "ai-edge-litert", "tflite-micro")
_MADE_BY: Mapping[Kind, str] = {
    "run": "myofin train",
    "bundle": "myofin convert",
    "image": "myofin build",
    "report": "myofin validate",
    "stream": "myofin stream",
    "comparison": "myofin compare",
    "sensitivity": "myofin sensitivity",
}


@dataclass(frozen=True)
class Manifest:
    """A checked artifact: its folder, its kind, and the body that the step wrote."""

    folder: Path
    kind: Kind
    body: Mapping[str, Any]
    document: Mapping[str, Any]

    @property
    def sha256(self) -> str:
        """Digest of the manifest file, which itself holds the digests of all other files."""
        return sha256_file(manifest_path(self.folder, self.kind))


def manifest_path(folder: Path, kind: Kind) -> Path:
    """Path of the manifest of an artifact, e.g. ``bundle/bundle.json``; a report's is ``manifest.json``."""
    return folder / ("manifest.json" if kind == "report" else f"{kind}.json")


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes as 64 hexadecimal digits."""
    with path.open("rb") as stream:
        return sha256_stream(stream)


def sha256_stream(stream: IO[bytes]) -> str:
    """SHA-256 of what is left of a stream."""
    digest = hashlib.sha256()
    while block := stream.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()


def package_versions() -> dict[str, str]:
    """Installed versions of the packages whose releases change results."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


@contextmanager
def new_artifact(target: Path, kind: Kind) -> Iterator[Path]:
    """Yield a temporary folder that becomes ``target`` when the block ends without an error.

    An existing artifact of the same kind at ``target`` is replaced at that moment and not before.

    Raises:
        ArtifactError: ``target`` exists and is not a myofin artifact of this kind.
    """
    target = target.absolute()
    _check_replaceable(target, kind)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial-{secrets.token_hex(4)}")
    partial.mkdir()
    try:
        yield partial
        _replace(partial, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _check_replaceable(target: Path, kind: Kind) -> None:
    if not target.exists() or manifest_path(target, kind).is_file():
        return
    if target.is_dir() and not any(target.iterdir()):
        return
    raise ArtifactError(
        f"{target} exists and is not a {kind} that myofin wrote.",
        hint="Give --out another path, or move that folder away.",
    )


def _replace(partial: Path, target: Path) -> None:
    old = target.with_name(f".{target.name}.old-{secrets.token_hex(4)}")
    if target.exists():
        target.rename(old)
    try:
        partial.rename(target)
    except BaseException:
        if old.exists():
            old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def write_manifest(
    folder: Path,
    kind: Kind,
    body: Mapping[str, Any],
    *,
    arguments: Mapping[str, Any],
    inputs: Mapping[str, str],
    seed: int | None = None,
) -> None:
    """Write the manifest of ``folder``, with the digest of every file that is in it.

    Args:
        folder: The artifact's folder; all its other files are already written.
        kind: What the folder is.
        body: JSON-able content of the kind.
        arguments: The settings the step ran with.
        inputs: SHA-256 of each input, by name.
        seed: The seed, where chance played.
    """
    path = manifest_path(folder, kind)
    files = {
        str(entry.relative_to(folder).as_posix()): sha256_file(entry)
        for entry in sorted(folder.rglob("*"))
        if entry.is_file() and entry != path
    }
    document = {
        "kind": kind,
        "schema_version": SCHEMA_VERSION,
        "tool_version": __version__,
        "packages": package_versions(),
        "seed": seed,
        "arguments": dict(arguments),
        "inputs": dict(inputs),
        "files": files,
        "body": dict(body),
    }
    write_json(path, document)


def finite(value: float) -> float | None:
    """A number for JSON, which has no infinity: None where it is not finite."""
    return float(value) if math.isfinite(value) else None


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write JSON so that a reader never sees half of it."""
    write_whole(path, (json.dumps(document, indent=1, allow_nan=False) + "\n").encode())


def write_whole(path: Path, content: bytes) -> None:
    """Write a file through a temporary one beside it: it is complete, or as it was, on the disk too."""
    partial = path.with_name(f".{path.name}.partial-{secrets.token_hex(4)}")
    try:
        with partial.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read_manifest(folder: Path, kind: Kind) -> Manifest:
    """Read and check an artifact: kind, schema, and the digest of every file it names.

    Raises:
        ArtifactError: The folder is missing, of another kind or schema, or a file in it was changed.
    """
    path = manifest_path(folder, kind)
    again = f"Make it again with `{_MADE_BY[kind]}`."
    if not folder.is_dir():
        raise ArtifactError(f"There is no {kind} at {folder}.", hint=again)
    if not path.is_file():
        raise _other_kind(folder, kind)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        found = (document["kind"], document["schema_version"])
        body, files = dict(document["body"]), dict(document["files"])
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{path} is not a readable manifest ({error}).", hint=again) from error
    if found != (kind, SCHEMA_VERSION):
        raise ArtifactError(
            f"{path} is a {found[0]} of schema {found[1]}; needed is a {kind} of schema {SCHEMA_VERSION}.",
            hint=again,
        )
    _check_files(folder, files, again)
    return Manifest(folder=folder, kind=kind, body=body, document=document)


def _other_kind(folder: Path, kind: Kind) -> ArtifactError:
    other = next((name for name in _MADE_BY if manifest_path(folder, name).is_file()), None)
    if other is None:
        what = f"{folder} holds no {manifest_path(folder, kind).name}, so it is not a {kind}."
    else:
        what = f"{folder} is a {other}, not a {kind}."
    return ArtifactError(what, hint=f"Give a {kind}, as `{_MADE_BY[kind]}` leaves one.")


def _check_files(folder: Path, files: Mapping[str, str], hint: str) -> None:
    root = folder.resolve()
    for name, digest in files.items():
        path = (folder / name).resolve()
        if root not in path.parents:
            raise ArtifactError(f"The manifest of {folder} names {name!r}, outside the folder.", hint=hint)
        if not path.is_file():
            raise ArtifactError(f"{folder} lacks {name}, which its manifest names.", hint=hint)
        if sha256_file(path) != digest:
            raise ArtifactError(f"{folder / name} was changed after it was written.", hint=hint)
