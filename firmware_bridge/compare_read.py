"""Reading a report to compare: a folder of ``validate`` or ``stream``, or a ``report.json`` alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from myofin.artifacts import Kind, manifest_path, read_manifest
from myofin.errors import InputError
from myofin.firmware_bridge.window_facts import WindowFacts

_KINDS: Final[tuple[Kind, ...]] = ("report", "stream")
_LARGEST_BYTES: Final = 256 << 20
_HINT: Final = "Give the folder that `myofin validate` or `myofin stream` wrote, or its report.json."

Count = Annotated[int, Field(ge=0)]
Number = Annotated[float, Field(allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow")


class Percentiles(_Part):
    """Of one stage, in the unit of the latency."""

    p50: Number | None
    p99: Number | None
    max: Number | None


class Latency(_Part):
    """What a decision takes."""

    unit: str
    p50: Number | None
    p99: Number | None
    max: Number | None
    per_stage: dict[str, Percentiles]


class Deadline(_Part):
    """How long a hop is, and how often it did not suffice."""

    hop_us: Number
    ticks_per_second: Number
    missed: Count


class Memory(_Part):
    """Bytes."""

    flash_code: Count
    flash_constants: Count
    ram_static: Count
    stack_high_water: Count | None


class Confusion(_Part):
    """Classes, in the order of the logits."""

    labels: tuple[int, ...]
    names: tuple[str, ...]


class Accuracy(_Part):
    """On the device, 0 to 1, of the labelled windows."""

    device: Annotated[float, Field(ge=0, le=1)] | None
    labelled: Count


class Report(_Part):
    """The parts of ``report.json`` that a comparison looks at."""

    verdict: Literal["pass", "fail"]
    scheme: str
    windows: Count
    equal: dict[str, Count]
    argmax_flips: Count
    accuracy: Accuracy
    confusion: Confusion
    feature_r2: dict[str, dict[str, Number | None]]
    latency: Latency
    deadline: Deadline
    memory: Memory
    board: dict[str, Any]
    bundle: dict[str, Any]
    method: dict[str, Any]
    tool_version: str
    decisions: dict[str, str] | None = None
    stream: dict[str, Any] | None = None


@dataclass(frozen=True)
class Named:
    """A report, what to call it, its file, and its labelled windows where it keeps them."""

    name: str
    path: Path
    report: Report
    windows: WindowFacts | None


def read_report(path: Path) -> Named:
    """Read and check a report.

    Raises:
        ArtifactError: The folder was changed after it was written.
        InputError: There is no report, or it is not one that myofin wrote.
    """
    _check_folder(path)
    document = _document(report_file(path))
    try:
        report = Report.model_validate(document)
        windows = None if report.decisions is None else WindowFacts.from_json(report.decisions)
        _check_windows(report, windows)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{path} is no report of myofin ({where}: {first['msg']}).", hint=_HINT) from error
    except (ValueError, KeyError, OverflowError) as error:
        raise InputError(f"{path} has damaged decisions ({error}).", hint=_HINT) from error
    return Named(str(path), report_file(path), report, windows)


def report_file(path: Path) -> Path:
    """Where the document of a report is, given its folder or the file itself."""
    return path / "report.json" if path.is_dir() else path


def _check_folder(path: Path) -> None:
    for kind in _KINDS:
        if path.is_dir() and manifest_path(path, kind).is_file():
            read_manifest(path, kind)  # its digests show damage


def _document(file: Path) -> Any:
    if not file.is_file():
        raise InputError(f"There is no report at {file}.", hint=_HINT)
    if file.stat().st_size > _LARGEST_BYTES:
        raise InputError(f"{file} has more than {_LARGEST_BYTES >> 20} MiB, so it is no report.", hint=_HINT)
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file} is not readable as JSON ({error}).", hint=_HINT) from error


def _check_windows(report: Report, windows: WindowFacts | None) -> None:
    classes = len(report.confusion.labels)
    if len(report.confusion.names) != classes:
        raise ValueError("labels and names of the classes differ in number")
    if windows is None:
        return
    for values in (windows.labels, windows.host, windows.device):
        if values.size and (values.min() < -1 or values.max() >= classes):
            raise ValueError("a decision is of no class")
