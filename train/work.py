"""A folder of finished jobs: one file each, written whole or not at all, named by what decided its content.

The key of a job hashes the recordings' bytes, the job itself, the method's settings and the sources that
compute, so a file is used again exactly where computing would give it again. Whoever is killed in the middle
leaves the files that are finished, and the next run does the rest.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import myofin
from myofin.artifacts import sha256_stream, write_whole
from myofin.errors import InputError
from myofin.recordings.archive import locate
from myofin.train.protocols import Job, Use

# What may change a bit of a result: the packages that train, convert and decide.
_PACKAGES = ("numpy", "scipy", "tensorflow", "tf_keras", "tflite-micro")
_COMPUTING = {".py", ".c", ".h", ".j2"}
_SPINE = (
    "features",
    "feature_windows",
    "feature_recordings",
    "sliding",
    "frontend",
    "windows",
    "splits",
    "integer_tables",
    "integer_features",
    "integer_head",
    "quantization",
)


@cache
def code_version() -> str:
    """Hash of what computes results: sources, and versions of the packages; pages and command lines are none.

    The conversion counts too, since rows of integers come out of it.
    """
    spine = Path(myofin.__file__).parent
    trained = Path(__file__).parent
    sources = [spine / f"{name}.py" for name in _SPINE]
    sources += sorted((spine / "recordings").glob("*.py"))
    sources += [
        path
        for path in sorted(trained.glob("*.py"))
        if not path.stem.startswith(("cli", "evaluate_", "results", "work", "curves"))
    ]
    convert = find_spec("myofin.convert")  # found, not imported: only its files matter here
    for folder in (convert.submodule_search_locations or []) if convert else []:
        sources += sorted(path for path in Path(folder).rglob("*") if path.suffix in _COMPUTING)
    digest = hashlib.sha256(myofin.__version__.encode())
    for package in _PACKAGES:
        digest.update(f"{package} {_version(package)}\0".encode())
    for source in sources:
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    return digest.hexdigest()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def job_key(job: Job, data: Mapping[str, str], config: Mapping[str, Any], code: str) -> str:
    """Return the key of a job: SHA-256 of all that decides its rows; where the files lie does not.

    Args:
        job: The job.
        data: SHA-256 of the recording at each path that the job names.
        config: Settings of its method.
        code: ``code_version()``.
    """
    content = asdict(job)
    for name in ("train", "validation", "others"):
        content[name] = [_anonymous(use, data) for use in getattr(job, name)]
    content["test"] = _anonymous(job.test, data)
    text = json.dumps({"job": content, "config": dict(config), "code": code}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _anonymous(use: Use, data: Mapping[str, str]) -> list[Any]:
    return [data[use.path], use.subject, list(use.repetitions)]


def data_sha(path: str) -> str:
    """SHA-256 of a recording file, or of one inside an archive."""
    with locate(Path(path)).open("rb") as stream:
        return sha256_stream(stream)


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write an ``.npz``, complete or not at all."""
    packed = io.BytesIO()
    np.savez_compressed(packed, **dict(arrays))
    write_whole(path, packed.getvalue())


class WorkFolder:
    """Results by key: a document, and arrays beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            raise InputError(f"{folder} is not a folder.", hint="Give --work another path.") from error

    def read(self, key: str) -> dict[str, Any] | None:
        """Return what was written under a key, or None; a file that is not whole JSON counts as absent."""
        try:
            found = json.loads((self.folder / f"{key}.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        return found if isinstance(found, dict) and found.get("key") == key else None

    def write(self, key: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """Write under a key, complete or not at all, also where several do; return what is then read."""
        text = json.dumps({"key": key, **document}, indent=1, allow_nan=False)
        write_whole(self.folder / f"{key}.json", text.encode())
        read: dict[str, Any] = json.loads(text)
        return read

    def read_arrays(self, key: str) -> dict[str, NDArray[Any]] | None:
        """Return the arrays that were written under a key, or None."""
        try:
            with np.load(self._arrays(key), allow_pickle=False) as arrays:
                return {name: arrays[name] for name in arrays.files}
        except FileNotFoundError:
            return None

    def write_arrays(self, key: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Write arrays under a key, complete or not at all; before its document, which says it is done."""
        target = self._arrays(key)
        target.parent.mkdir(exist_ok=True)
        write_arrays(target, arrays)

    def _arrays(self, key: str) -> Path:
        # Two levels down, a folder with recordings above does not take them for one.
        return self.folder / "arrays" / f"{key}.npz"
