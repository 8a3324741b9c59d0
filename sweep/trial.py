"""One trial: train, convert, build, run on the emulated board, judge. Its document is kept by content.

The board decides golden windows, which are of test repetitions, and has to equal the host bit for bit. What
it would decide of the validation repetitions is then what the same C computes on the host: that accuracy
chooses. Accuracy on test repetitions is noted beside it, and chooses nothing.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from myofin.artifacts import finite
from myofin.boards.registry import Board, load_board
from myofin.convert.bundle import Bundle
from myofin.convert.executors import HostEngineExecutor
from myofin.errors import CheckError, InputError, MyofinError
from myofin.firmware_bridge.build import build_bundle
from myofin.firmware_bridge.fit import DoesNotFitError
from myofin.firmware_bridge.quality import FeatureScaling, fidelity, recognise
from myofin.firmware_bridge.validate import Settings as Validation
from myofin.firmware_bridge.validate import validate_bundle
from myofin.firmware_bridge.windows import Use, recorded_windows
from myofin.sweep.settings import HOP_MS
from myofin.sweep.space import Point
from myofin.sweep.stages import Plan, converted, trained_run
from myofin.train.config import TrainConfig
from myofin.train.work import WorkFolder

TRIALS: Final = "trials"
BUNDLES: Final = "bundles"
JUDGED_WINDOWS: Final = 1_000


@dataclass(frozen=True)
class TrialItem:
    """A point to measure, as a worker is sent it."""

    key: str
    point: Point
    plan: Plan


@dataclass(frozen=True)
class RunItem:
    """A run to train, as a worker is sent it."""

    key: str
    config: TrainConfig
    plan: Plan


def train_item(item: RunItem) -> dict[str, Any]:
    """Train a run unless it is there; an error is returned, since the trials that need it will tell it."""
    began = time.perf_counter()
    try:
        trained_run(item.plan, item.config)
    except MyofinError as error:
        return {"key": item.key, **_told(error)}
    return {"key": item.key, "seconds": round(time.perf_counter() - began, 2)}


def measure_item(item: TrialItem) -> dict[str, Any]:
    """Measure a point unless that is done, and return its document, which the sweep's folder then holds.

    A failure is not kept: it may be mended outside. An error of tools, board or link comes back as ``{"key",
    "error", "message", "hint"}``, since it says nothing of the point.
    """
    work = WorkFolder(item.plan.out / TRIALS)
    if (found := work.read(item.key)) is not None:
        return found
    began = time.perf_counter()
    try:
        facts = _measured(item)
    except DoesNotFitError as error:
        facts = _refused(item.plan, error)
    except (CheckError, InputError) as error:
        facts = {"state": "failed", "reason": f"{error.message} {error.hint}", "values": {}, "fits": {}}
    except MyofinError as error:
        return {"key": item.key, **_told(error)}
    document = {
        "id": item.key[:12],
        **facts,
        "params": item.point.document(),
        "seconds": round(time.perf_counter() - began, 2),
    }
    if facts["state"] == "failed":
        return {"key": item.key, **document}
    return work.write(item.key, document)


def _told(error: MyofinError) -> dict[str, Any]:
    return {
        "error": type(error).__name__,
        "message": error.message,
        "hint": error.hint,
        "exit_code": error.exit_code,
    }


def _measured(item: TrialItem) -> dict[str, Any]:
    plan, point = item.plan, item.point
    run = trained_run(plan, point.train_config(plan.train))
    folder = plan.out / BUNDLES / item.key[:12]
    folder.parent.mkdir(parents=True, exist_ok=True)
    bundle = converted(plan, point, run, folder)
    try:
        with tempfile.TemporaryDirectory(prefix="myofin-trial-") as scratch:
            return measure_bundle(bundle, plan, Path(scratch))
    finally:
        if not plan.keep_bundles:
            shutil.rmtree(folder, ignore_errors=True)


def measure_bundle(bundle: Bundle, plan: Plan, folder: Path) -> dict[str, Any]:
    """Build a bundle, run it and judge it: ``state``, ``reason``, ``values`` and ``fits`` of a trial.

    Args:
        bundle: What to measure.
        plan: On which boards, and with what data.
        folder: Gets ``image`` (for the board to fit) and ``report`` (from the board that runs).

    Raises:
        DoesNotFitError: A board has too little memory.
        CheckError: The board computes something else than the host.
        MyofinError: As build and validation raise.
    """
    board = load_board(plan.fit)
    image = build_bundle(bundle.folder, board, folder / "image")
    same = folder / "image" if plan.fit == plan.measure_on else None
    validation = Validation(plan.measure_on, windows=plan.windows, image=same)
    report = validate_bundle(bundle.folder, validation, folder / "report")
    if report["verdict"] != "pass":
        raise CheckError(report["sentence"], hint="See where with `myofin validate`; this is a defect.")
    instructions = decision_cost(report["latency"]["per_stage"], plan.hop_ms)
    values = {
        **judge(bundle, plan),
        "flash": image.sizes.flash_code + image.sizes.flash_constants,
        "ram": image.sizes.ram_static,
        "stack": report["memory"]["stack_high_water"],
        "instructions": instructions,
        "windows_equal": [min(report["equal"].values()), report["windows"]],
    }
    misses = deadline_misses(instructions, board, plan.hop_ms)
    fits = {board.name: {"ok": not misses, "misses": misses}}
    return {"state": "measured", "reason": None, "values": values, "fits": fits}


def decision_cost(stages: dict[str, Any], hop_ms: int) -> int:
    """Instructions of the costliest decision, whole numbers rounded up.

    A frame is taken in every 10 ms, whatever the hop: where decisions are rarer, one decision pays for the
    frames of its hop.
    """
    more_frames = hop_ms // HOP_MS - 1
    return int(np.ceil(stages["total"]["max"] + more_frames * stages["front_end"]["max"]))


def deadline_misses(instructions: int, board: Board, hop_ms: int) -> list[dict[str, Any]]:
    """What a board misses its deadline by: nothing, or one entry."""
    there = board.counter.units_per_second * hop_ms // 1000
    if instructions <= there:
        return []
    return [{"what": "deadline", "by": instructions - there, "unit": "instructions", "hop_ms": hop_ms}]


def _refused(plan: Plan, error: DoesNotFitError) -> dict[str, Any]:
    miss = {"what": error.memory.lower(), "by": error.needed - error.there, "unit": "bytes"}
    return {
        "state": "refused",
        "reason": error.message,
        "values": {error.memory.lower(): error.needed},
        "fits": {error.board: {"ok": False, "misses": [miss]}},
    }


def judge(bundle: Bundle, plan: Plan) -> dict[str, Any]:
    """Accuracy on validation and test repetitions and R² of the features on the former, by the C engine."""
    engine = HostEngineExecutor(bundle.engine_folder)
    body = bundle.body

    def decided(use: Use) -> tuple[Any, Any, Any]:
        sent = recorded_windows(bundle, plan.data, plan.subject, JUDGED_WINDOWS, use=use)
        outputs = engine.run(bundle.frontend.encode_windows(sent.counts))
        logits = body.outputs["logits"].real(outputs.logits)
        return sent, outputs, recognise(sent.labels, logits)

    sent, outputs, chosen = decided("validation")
    scaling = FeatureScaling.from_json(body.feature_scaling.model_dump(mode="json"))
    scores = fidelity(sent.true_features, body.outputs["features"].real(outputs.features), scaling)
    tested = decided("test")[2]
    return {
        "accuracy": chosen.accuracy,
        "windows_accuracy": chosen.labelled,
        "movements": [[row[i], sum(row)] for i, row in enumerate(chosen.confusion) if sum(row)],
        "accuracy_test": tested.accuracy,
        "windows_accuracy_test": tested.labelled,
        "r2_log": {name: finite(found["log"]) for name, found in scores.items()},
    }
