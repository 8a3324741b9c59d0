"""Feature imitation against arithmetic on the real recordings: accuracy, instructions, flash, RAM.

    python bench/arithmetic.py --data ../shared/data

Accuracy of features by arithmetic comes from ``myofin evaluate``'s protocol ``within``, decided by the
generated C; that of the network from the rows of ``make results`` in ``results/recognition.json``. Costs are
measured on the emulated board, each bundle validated and streamed from; they depend on channels, rate and
classes only, so one subject of each data set is measured; the network there is hardly trained. What is done
is kept under ``--work``, so a run that was interrupted goes on. Writes arithmetic.json and arithmetic.md.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import click
from arithmetic_page import page

from myofin.convert.pipeline import convert_run
from myofin.errors import InputError, MyofinError
from myofin.features import FEATURE_NAMES
from myofin.firmware_bridge.stream import StreamSettings, stream_bundle
from myofin.firmware_bridge.validate import Settings, validate_bundle
from myofin.train.config import TrainConfig
from myofin.train.evaluate import evaluate, find_subjects
from myofin.train.pipeline import train_run
from myofin.train.protocols import Plan, Subject, make_jobs

ROOT = Path(__file__).resolve().parents[1]
HERE = Path(__file__).parent
FOLDERS = ("3dc", "ninapro_db5")
# Enough for the conversion's gate; the cost of a network does not depend on its weights.
BRIEF = TrainConfig(
    epochs=2,
    epoch_windows=8_000,
    finetune_epochs=0,
    amplified_windows=500,
    varied_windows=500,
    max_windows=2_000,
    max_test_windows=500,
)
CONFIGS = {
    "arithmetic-four": TrainConfig(features_by="arithmetic", features=FEATURE_NAMES),
    "arithmetic": TrainConfig(features_by="arithmetic"),
    "default": BRIEF,
}
BOARD, SMALL_BOARD = "mps2-an386", "microbit"
STREAM_S = 3.0


@click.command()
@click.option("--data", type=click.Path(path_type=Path), default=ROOT.parent / "shared" / "data")
@click.option("--work", type=click.Path(path_type=Path), default=ROOT / "out" / "arithmetic")
@click.option("--out", type=click.Path(path_type=Path), default=HERE, show_default="bench/")
@click.option("--recognition", type=click.Path(path_type=Path), default=ROOT / "results" / "recognition.json")
@click.option("--subject", "only", multiple=True, help="Only these subjects.")
@click.option("--windows", default=20, show_default=True, help="Validated on each board.")
def main(data: Path, work: Path, out: Path, recognition: Path, only: tuple[str, ...], windows: int) -> None:
    """Measure what is not measured yet, then write table and page."""
    try:
        subjects = find_subjects([data / name for name in FOLDERS if (data / name).is_dir()], only or None)
        result = {
            "board": BOARD,
            "small_board": SMALL_BOARD,
            "costs": costs(subjects, work, windows),
            "accuracy": accuracies(subjects, work, recognition),
        }
    except MyofinError as error:
        click.echo(f"error: {error.message}\n  fix: {error.hint}", err=True)
        sys.exit(error.exit_code)
    (out / "arithmetic.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (out / "arithmetic.md").write_text(page(result), encoding="utf-8")
    click.echo(page(result))


def accuracies(subjects: tuple[Subject, ...], work: Path, recognition: Path) -> list[dict[str, Any]]:
    """A row a subject: accuracy on its test repetitions by method, as int8; of the network, each seed's."""
    methods = [name for name in CONFIGS if name != "default"]
    jobs = make_jobs("within", Plan(subjects, tuple(methods), (0,)))
    documents = evaluate(jobs, work, progress=_tell)
    known = json.loads(recognition.read_text(encoding="utf-8"))
    found = []
    for subject in subjects:
        own = [d for d in documents if _is_of(d["rows"][0], subject)]
        accuracy: dict[str, Any] = {row["method"]: row["accuracy"] for d in own for row in d["rows"]}
        network = [row for row in known if _is_of(row, subject) and row["protocol"] == "within"]
        r2 = {row["feature"]: row for d in own for row in d["imitation"] if row["method"] == "arithmetic"}
        found.append(
            {
                "dataset": subject.dataset,
                "subject": subject.name,
                "windows": own[0]["rows"][0]["windows"],
                **accuracy,
                "default": [
                    row["accuracy"]
                    for row in network
                    if (row["method"], row["scheme"]) == ("default", "int8")
                ],
                "lda-loghtd": next(row["accuracy"] for row in network if row["method"] == "lda-loghtd"),
                "r2": {name: [row["r2_log"], row["r2_linear"]] for name, row in r2.items()},
            }
        )
    return found


def _is_of(row: dict[str, Any], subject: Subject) -> bool:
    return (row["dataset"], row["subject"]) == (subject.dataset, subject.name)


def costs(subjects: tuple[Subject, ...], work: Path, windows: int) -> list[dict[str, Any]]:
    """A row for each data set and kind of features."""
    first = {subject.dataset: subject for subject in reversed(subjects)}
    rows = []
    for dataset, subject in sorted(first.items()):
        for kind in CONFIGS:
            folder = work / f"{dataset}-{subject.name}-{kind}"
            kept = folder / "cost.json"
            if not kept.is_file():
                folder.mkdir(parents=True, exist_ok=True)
                row = cost(subject, kind, folder, windows)
                kept.write_text(json.dumps(row), encoding="utf-8")
            rows.append(json.loads(kept.read_text(encoding="utf-8")))
            _tell(f"costs: {dataset} {kind}", len(rows), len(first) * len(CONFIGS))
    return rows


def cost(subject: Subject, kind: str, folder: Path, windows: int) -> dict[str, Any]:
    """Train, convert, validate and stream; what a decision and the firmware take."""
    data, run, bundle = Path(subject.path), folder / "run", folder / "bundle"
    if not (run / "run.json").is_file():
        # A process of its own: TensorFlow and the TFLite runtime cannot share one.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            pool.submit(train_run, data, subject.name, run, CONFIGS[kind]).result()
    convert_run(run, "int8", bundle)
    report = validate_bundle(bundle, Settings(BOARD, windows=windows), folder / "report")
    stream = stream_bundle(bundle, StreamSettings(BOARD, seconds=STREAM_S), folder / "stream")
    memory, latency = report["memory"], stream["latency"]
    return {
        "dataset": subject.dataset,
        "subject": subject.name,
        "kind": kind,
        "windows_equal": [min(report["bit_exact"].values()), report["windows"]],
        "decisions_equal": [min(stream["equal"].values()), stream["windows"]],
        "instructions_p50": latency["p50"],
        "instructions_max": latency["max"],
        "flash": memory["flash_code"] + memory["flash_constants"],
        "ram": memory["ram_static"],
        "stack": memory["stack_high_water"],
        "small": _on_small(bundle, folder / "small", windows),
    }


def _on_small(bundle: Path, folder: Path, windows: int) -> dict[str, Any]:
    """The same on the board with 16 KB of RAM, or why not."""
    try:
        report = validate_bundle(bundle, Settings(SMALL_BOARD, windows=windows), folder)
    except InputError as error:
        return {"refused": error.message}
    return {
        "windows_equal": [min(report["bit_exact"].values()), report["windows"]],
        "instructions_max": report["latency"]["max"],
        "ram": report["memory"]["ram_static"],
    }


def _tell(stage: str, done: int, total: int) -> None:
    click.echo(f"{stage} {done} of {total}", err=True)


if __name__ == "__main__":
    main()
