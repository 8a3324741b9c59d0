"""From the recording of a stream to what is kept of it: arrays, EDF+, report, manifest."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from myofin.artifacts import write_manifest
from myofin.boards.registry import load_board
from myofin.convert.bundle import Bundle
from myofin.convert.executors import Executor
from myofin.convert.host_engine import HostEngine
from myofin.convert.oracle import bundle_oracle
from myofin.errors import ArtifactError
from myofin.firmware_bridge.gates import NO_GATES, Gates, apply_gates
from myofin.firmware_bridge.report import write_report
from myofin.firmware_bridge.stream_check import Recomputation, recompute
from myofin.firmware_bridge.stream_labels import NO_LABEL, Played
from myofin.firmware_bridge.stream_report import CrossCheck, stream_report
from myofin.firmware_bridge.stream_store import (
    DECISIONS_FILE,
    END_FILE,
    FACTS_FILE,
    SAMPLES_FILE,
    StreamRecording,
    read_stream,
)
from myofin.progress import Progress, silent
from myofin.smoothing import NO_SMOOTHING, Smoothing

CROSS_CHECKED: Final = 100  # decisions that the oracle computes too, evenly spread


@dataclass(frozen=True)
class Wanted:
    """What is wanted of a recording: thresholds to pass, smoothing of its decisions, and EDF+ beside it."""

    gates: Gates = NO_GATES
    smoothing: Smoothing = NO_SMOOTHING
    edf: bool = False


REPORT_ONLY: Final = Wanted()


def finish_stream(
    bundle: Bundle,
    out: Path,
    played: Played | None,
    wanted: Wanted,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Compute the decisions of a recording again, and write arrays and report beside it.

    ``samples.npz`` and ``decisions.npz`` take the place of the files that were appended to.

    Args:
        bundle: What the board ran.
        out: Folder of the recording.
        played: What the electrodes of an emulated board felt, for the labels.
        wanted: What is wanted of it.
        progress: Told about the stages ``recompute`` and ``oracle``.

    Raises:
        ArtifactError: There is no recording, or it is of another bundle.
    """
    recording = read_stream(out)
    if recording.facts["model_sha256"] != bundle.body.model_sha256:
        raise ArtifactError(
            f"The stream in {out} was made with another model than this bundle's.",
            hint="Give the bundle that the board ran.",
        )
    found = recompute(bundle, HostEngine(bundle.engine_folder), recording, CROSS_CHECKED, progress)
    labels = _labels(bundle, played, found)
    checked = _cross_check(bundle, found, progress)
    board = load_board(recording.facts["board"])
    report = stream_report(bundle, board, recording, found, labels, checked, wanted.smoothing)
    report = apply_gates(report, wanted.gates)
    _write_arrays(out, recording, found, labels)
    if wanted.edf:
        from myofin.firmware_bridge.stream_edf import write_edf

        write_edf(out / "samples.edf", bundle, recording, found, labels)
    write_report(out, report)
    _conclude(bundle, out, recording, report["verdict"])
    return report


def _conclude(bundle: Bundle, out: Path, recording: StreamRecording, verdict: str) -> None:
    """The manifest takes the place of the files that were appended to."""
    facts = recording.facts
    for name in (SAMPLES_FILE, DECISIONS_FILE, END_FILE, FACTS_FILE):
        (out / name).unlink(missing_ok=True)
    write_manifest(
        out,
        "stream",
        {"verdict": verdict, "recording": facts, "end": recording.end},
        arguments={name: facts[name] for name in ("board", "data", "subject")},
        inputs={"bundle.json": bundle.manifest.sha256, **facts["inputs"]},
    )


def _labels(bundle: Bundle, played: Played | None, found: Recomputation) -> Any:
    body = bundle.body
    index = found.decisions["index"]
    if played is None:
        return np.full(len(index), NO_LABEL, dtype=np.int64)
    return played.window_labels(index, body.window_samples, body.frame_samples)


def _cross_check(bundle: Bundle, found: Recomputation, progress: Progress) -> CrossCheck | None:
    """The oracle's word on some of the decisions; None where a decision is not of its window alone."""
    if bundle.body.contract != "reset" or len(found.windows) == 0:
        return None
    progress("oracle", 0, 1)
    oracle: Executor = bundle_oracle(bundle)
    outputs = oracle.run(found.windows)
    progress("oracle", 1, 1)
    rows = found.window_rows
    same = (outputs.features == found.device.features[rows]).all(axis=1)
    same &= (outputs.logits == found.device.logits[rows]).all(axis=1)
    if bundle.body.scheme == "float32":
        near = np.abs(outputs.logits - found.device.logits[rows]) <= bundle.body.float_tolerance
        close = np.abs(outputs.features - found.device.features[rows]) <= bundle.body.float_tolerance
        same = near.all(axis=1) & close.all(axis=1)
    return CrossCheck(oracle.name, len(rows), int(np.count_nonzero(same)))


def _write_arrays(out: Path, recording: StreamRecording, found: Recomputation, labels: Any) -> None:
    frames, decisions = recording.frames, recording.decisions
    fields = {name: frames[name] for name in frames.dtype.names or () if name != "counts"}
    shape = (-1, frames["counts"].shape[2])
    _save(out / "samples.npz", counts=frames["counts"].reshape(shape), **fields)
    sent = {name: decisions[name] for name in decisions.dtype.names or ()}
    _save(out / "decisions.npz", **sent, labels=_of_all(decisions, found, labels))


def _save(path: Path, **arrays: Any) -> None:
    """Write an archive, or nothing: a full disk leaves no half of one."""
    made = io.BytesIO()
    np.savez(made, **arrays)
    try:
        path.write_bytes(made.getbuffer())
    except OSError:
        path.unlink(missing_ok=True)
        raise


def _of_all(decisions: Any, found: Recomputation, labels: Any) -> Any:
    """Labels of all decisions that came, where those of the verified ones are known."""
    every = np.full(len(decisions), NO_LABEL, dtype=np.int64)
    place = np.searchsorted(found.decisions["index"], decisions["index"])
    inside = place < len(found.decisions)
    hit = inside.copy()
    hit[inside] = found.decisions["index"][place[inside]] == decisions["index"][inside]
    every[hit] = labels[place[hit]]
    return every
