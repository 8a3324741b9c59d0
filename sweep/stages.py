"""What a trial is made of, kept by content: the trained run and its conversion.

A run is trained in a child process, since TensorFlow must not share one with the TFLite runtime that proves
conversions. Everything here may be asked for by several processes at once, and killed at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from myofin.artifacts import read_manifest
from myofin.convert.bundle import Bundle, read_bundle
from myofin.convert.pipeline import convert_run
from myofin.errors import ArtifactError, CheckError, InputError, MyofinError, ToolMissingError
from myofin.firmware_bridge.toolchain import require_compiler, run
from myofin.locks import locked
from myofin.processes import bound_to_parent
from myofin.sweep.space import Point
from myofin.train.config import TrainConfig
from myofin.train.work import code_version

_WORKER: Final = "myofin.sweep.train_worker"
_WORKER_TIMEOUT_S: Final = 24 * 3600
_MEASURING: Final = ("myofin.firmware_bridge", "myofin.boards", "myofin.sweep")
_COMPUTING: Final = {".py", ".c", ".h", ".ld", ".toml"}
_PAGES: Final = ("cli", "page", "page_rows", "page_words")


@dataclass(frozen=True)
class Plan:
    """What all trials of a sweep share; it is sent to every worker.

    Attributes:
        data: Recording, or folder of them.
        subject: Which.
        inputs: SHA-256 of each file of the recording, by name.
        train: Settings that the sweep does not vary.
        fit: Board that the image is built for and has to fit.
        measure_on: Emulated board that runs it.
        hop_ms: Time between two decisions.
        windows: Golden windows that the board decides for each point.
        shipped_windows: Golden windows of the recommended point, which the board decides too.
        out: The sweep's folder.
        cache: Where runs and models are kept.
        keep_bundles: Whether bundles stay.
    """

    data: Path
    subject: str | None
    inputs: Mapping[str, str]
    train: TrainConfig
    fit: str
    measure_on: str
    hop_ms: int
    windows: int
    shipped_windows: int
    out: Path
    cache: Path
    keep_bundles: bool = False


def run_key(plan: Plan, config: TrainConfig) -> str:
    """Name of a run by all that decides it."""
    content = [sorted(plan.inputs.values()), plan.subject, asdict(config), code_version()]
    return _digest(content)


def trial_key(plan: Plan, point: Point) -> str:
    """Name of a trial by all that decides its result; where files lie does not."""
    content = [
        run_key(plan, point.train_config(plan.train)),
        point.document(),
        plan.fit,
        plan.measure_on,
        plan.hop_ms,
        plan.windows,
        measuring_version(),
    ]
    return _digest(content)


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


@cache
def measuring_version() -> str:
    """Hash of what builds, runs and judges firmware: sources, compiler and emulator."""
    digest = hashlib.sha256(code_version().encode())
    digest.update(run([require_compiler(), "--version"]).stdout.encode())
    for part in _MEASURING:
        for path in sorted(path for path in Path(str(files(part))).rglob("*") if path.is_file()):
            if path.suffix in _COMPUTING and not path.stem.endswith(_PAGES):
                digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def trained_run(plan: Plan, config: TrainConfig) -> Path:
    """Folder of the run that these settings train, trained now unless it is there.

    Raises:
        MyofinError: As training raises.
    """
    plan.cache.mkdir(parents=True, exist_ok=True)
    folder = plan.cache / f"run-{run_key(plan, config)}"
    with locked(folder.with_suffix(".lock")):
        try:
            read_manifest(folder, "run")
        except ArtifactError:
            shutil.rmtree(folder, ignore_errors=True)
            _train(plan, config, folder)
    return folder


def _train(plan: Plan, config: TrainConfig, folder: Path) -> None:
    order = {
        "data": str(plan.data),
        "subject": plan.subject,
        "out": str(folder),
        "cache": str(plan.cache),
        "config": asdict(config),
    }
    command = bound_to_parent([sys.executable, "-m", _WORKER, json.dumps(order)])
    with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.PIPE)
        try:
            _, complaint = process.communicate(timeout=_WORKER_TIMEOUT_S)
        except BaseException:
            process.terminate()  # it removes what it left half made
            process.wait()
            raise
        said.seek(0)
        answer = said.read().strip()
    if process.returncode != 0 or not folder.is_dir():
        _raise(answer, complaint.decode("utf-8", "replace"), process.returncode)


def _raise(answer: str, complaint: str, status: int) -> None:
    try:
        document = json.loads(answer.splitlines()[-1])
        number, message, hint = document["errno"], document["message"], document["hint"]
        kind = {error.__name__: error for error in (CheckError, InputError, ToolMissingError)}
        error_class: type[MyofinError] = kind.get(document["error"], InputError)
    except (ValueError, LookupError):
        last = (complaint.strip().splitlines() or ["no message"])[-1]
        raise CheckError(
            f"The process that trains ended with status {status}: {last}",
            hint="Is there memory enough? Run the sweep again; what is done is kept.",
        ) from None
    if number:
        raise OSError(number, os.strerror(number))
    raise error_class(message, hint=hint)


def converted(plan: Plan, point: Point, run_folder: Path, out: Path) -> Bundle:
    """The bundle of a point, converted from its run to ``out``; what TensorFlow makes of a run is kept.

    Raises:
        MyofinError: As conversion raises.
    """
    try:
        return read_bundle(out)
    except ArtifactError:
        shutil.rmtree(out, ignore_errors=True)
    sliding = point.engine == "sliding"
    convert_run(run_folder, point.scheme, out, sliding=sliding, models=plan.cache)
    return read_bundle(out)
