"""The recommended point as something to use: trained once more with the validation repetitions, and kept.

The points were compared on validation repetitions that none of them had learned from. The one that is chosen
may learn from them: the same settings and the same FIN, with head and tuning fitted to both.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from myofin.artifacts import write_json
from myofin.convert.bundle import read_bundle
from myofin.errors import ArtifactError
from myofin.progress import Progress
from myofin.sweep.space import Point
from myofin.sweep.stages import Plan, converted, trained_run, trial_key
from myofin.sweep.trial import measure_bundle

FOLDER: Final = "recommended"
_FACTS: Final = "shipped.json"
_ACCURACIES_LEARNED: Final = ("accuracy", "windows_accuracy", "movements")


def ship(plan: Plan, point: Point, name: str, out: Path, progress: Progress) -> dict[str, Any]:
    """Leave ``recommended/`` with bundle, image and report of a point, and return what was measured of it.

    Args:
        plan: Of the sweep.
        point: The recommended one.
        name: The id of its trial.
        out: The sweep's folder.
        progress: Told about the stage ``ship``.

    Returns:
        ``{"values", "fits"}`` as of a trial; no accuracy on validation repetitions, which it learned from.

    Raises:
        MyofinError: As training, conversion, build and validation raise.
    """
    golden = plan.shipped_windows
    final = replace(plan, train=replace(plan.train, refit=True, golden_windows=golden), windows=golden)
    key = trial_key(final, point)
    folder = out / FOLDER
    if (kept := _kept(folder, key)) is not None:
        return kept
    progress("ship", 0, 2)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    run = trained_run(final, point.train_config(final.train))
    progress("ship", 1, 2)
    bundle = converted(final, point, run, folder / "bundle")
    facts = measure_bundle(bundle, final, folder)
    values = {label: value for label, value in facts["values"].items() if label not in _ACCURACIES_LEARNED}
    shipped = {"values": values, "fits": facts["fits"]}
    write_json(folder / _FACTS, {"key": key, "id": name, "params": point.document(), **shipped})
    progress("ship", 2, 2)
    return shipped


def _kept(folder: Path, key: str) -> dict[str, Any] | None:
    try:
        found = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
        read_bundle(folder / "bundle")
    except (OSError, ValueError, ArtifactError):
        return None
    return {label: found[label] for label in ("values", "fits")} if found.get("key") == key else None
