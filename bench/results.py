"""The main tables: ``results/recognition.json``, ``results/imitation.json`` and ``docs/results.md``.

    python bench/results.py --data ../shared/data --processes 2

Every job's result is kept under ``out/results``, so a run that was interrupted goes on where it was;
``--collect`` writes the tables and the page from what is done, without computing. The page is made of the two
files only. Exit code 2 where the recordings are not there.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from results_page import write_page

from myofin.errors import MyofinError
from myofin.train.evaluate import evaluate, find_subjects, make_items
from myofin.train.protocols import Job, Plan, Subject, make_jobs
from myofin.train.work import WorkFolder

ROOT = Path(__file__).resolve().parents[1]
LDA = ("lda-four", "lda-loghtd", "lda-all")
# Method and seeds of the networks, in the order in which they are worth having where a run is cut short.
FIRST = (("closed-form-head", (0,)), ("default", (0, 1, 2)))
NEXT = (
    ("frozen-fin", (0, 1, 2)),
    ("fin-four", (0,)),
    ("random-init", (0,)),
    ("raw-cnn", (0,)),
    ("tuned-fin", (0,)),
)
LAST = (("fin-four", (1, 2)), ("tuned-fin", (1, 2)), ("raw-cnn", (1, 2)), ("random-init", (1, 2)))
ROTATED = "frozen-fin"
RECOGNITION = ("dataset", "subject", "protocol", "variant", "method", "scheme", "seed", "accuracy", "windows")


def plan_jobs(subjects: tuple[Subject, ...]) -> list[Job]:
    """Everything, in the order in which it is worth having; neighbours wait for different FINs."""
    rank = {
        subject: [s for s in subjects if s.dataset == subject.dataset].index(subject) for subject in subjects
    }
    subjects = tuple(sorted(subjects, key=rank.__getitem__))

    def within(networks: Sequence[tuple[str, tuple[int, ...]]]) -> list[Job]:
        plans = (Plan(subjects, (method,), seeds) for method, seeds in networks)
        return [job for plan in plans for job in make_jobs("within", plan)]

    armband = tuple(subject for subject in subjects if subject.dataset == "3dc")
    jobs = make_jobs("within", Plan(subjects, LDA, (0,))) + within(FIRST)
    jobs += make_jobs("rotation", Plan(armband, (ROTATED,), (0,))) + within(NEXT)
    for protocol in ("loso", "calibrate", "fractions", "latency"):
        jobs += make_jobs(protocol, Plan(subjects, LDA[1:2], (0,)))
    for protocol in ("loso", "calibrate", "fractions"):
        jobs += make_jobs(protocol, Plan(subjects, ("default",), (0,)))
    return jobs + within(LAST)


def main(arguments: Sequence[str] | None = None) -> int:
    """Compute what is not done, then write tables and page."""
    parser = argparse.ArgumentParser(description="Write the tables of results.")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--work", type=Path, default=ROOT / "out" / "results")
    parser.add_argument("--out", type=Path, default=ROOT)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--methods", nargs="*", help="only these")
    parser.add_argument("--collect", action="store_true")
    chosen = parser.parse_args(arguments)
    folders = [chosen.data / name for name in ("3dc", "ninapro_db5")]
    if absent := [str(folder) for folder in folders if not folder.is_dir()]:
        sys.stderr.write(f"error: there are no recordings at {', '.join(absent)}\n  fix: give --data\n")
        return 2
    try:
        jobs = [
            job
            for job in plan_jobs(find_subjects(folders))
            if not chosen.methods or job.method in chosen.methods
        ]
        if not chosen.collect:
            evaluate(jobs, chosen.work, processes=chosen.processes, progress=_tell)
    except MyofinError as error:
        sys.stderr.write(f"error: {error.message}\n  fix: {error.hint}\n")
        return error.exit_code
    collect(jobs, chosen.work, chosen.out)
    return 0


def collect(jobs: Sequence[Job], work: Path, out: Path) -> None:
    """Write both tables from the jobs that are done, and the page from the tables."""
    folder = WorkFolder(work)
    found = [folder.read(item.key) for item in make_items(jobs, work)]
    done = [document for document in found if document is not None]
    (out / "results").mkdir(parents=True, exist_ok=True)
    recognition = [{name: row[name] for name in RECOGNITION} for document in done for row in document["rows"]]
    imitation = [
        row for document in done if document["job"]["protocol"] == "rotation" for row in document["imitation"]
    ]
    _write(out / "results" / "recognition.json", recognition)
    _write(out / "results" / "imitation.json", imitation)
    write_page(out, (len(done), len(jobs)))
    sys.stdout.write(f"{len(done)} of {len(jobs)} jobs are done; {out / 'docs' / 'results.md'} is written\n")


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    """One row a line, so that a change of one result is a change of one line."""
    partial = path.with_name(f".{path.name}.partial")
    body = ",\n".join(json.dumps(row, allow_nan=False) for row in rows)
    partial.write_text(f"[\n{body}\n]\n" if rows else "[]\n", encoding="utf-8")
    partial.replace(path)


def _tell(stage: str, done: int, total: int) -> None:
    sys.stderr.write(f"{stage} {done} of {total}\n")


if __name__ == "__main__":
    sys.exit(main())
