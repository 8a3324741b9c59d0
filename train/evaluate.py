"""Evaluate methods: jobs to rows, over processes or a cluster, resuming what is done.

The unit of work is a job. Whoever computes it writes its file itself, so that nothing is lost between a
worker and the one who collects; that needs a work folder that all of them see.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myofin.artifacts import finite
from myofin.errors import InputError, MyofinError
from myofin.fanout import fan_out
from myofin.features import FEATURES, LOG_FLOOR, feature_scores, r2
from myofin.frontend import WINDOW_FRAMES
from myofin.progress import Progress, silent
from myofin.recordings.load import normalise_subject, subject_files
from myofin.train.candidates import Outcome, Task, make_method
from myofin.train.lda_baselines import Statistics, features_at
from myofin.train.protocols import Job, Subject
from myofin.train.streams import stream_scores
from myofin.train.tasks import describe, make_task
from myofin.train.work import WorkFolder, code_version, data_sha, job_key
from myofin.windows import WindowSet


@dataclass(frozen=True)
class Item:
    """A job with its key and the folder where its result goes: all that a worker is sent."""

    job: Job
    key: str
    folder: str


def find_subjects(paths: Sequence[Path], only: Iterable[str] | None = None) -> tuple[Subject, ...]:
    """Describe the subjects at some paths, each by its own file.

    Raises:
        RecordingError: There is no recording, or one cannot be trained on.
    """
    wanted = None if only is None else {normalise_subject(name) for name in only}
    found = [
        describe(str(file))
        for path in paths
        for name, file in subject_files(path).items()
        if wanted is None or name in wanted
    ]
    if not found:
        raise InputError("No subject was chosen.", hint="See which there are: myofin data check PATH.")
    return tuple(found)


def seeds_of(job: Job, seeds: int) -> range:
    """Seeds worth running: one where the method does not depend on it."""
    return range(seeds if make_method(job.method).seeded else 1)


def make_items(jobs: Iterable[Job], folder: Path) -> list[Item]:
    """Give each job its key; every recording is hashed once."""
    shas: dict[str, str] = {}
    items = []
    for job in jobs:
        for use in (*job.train, *job.validation, job.test, *job.others):
            if use.path not in shas:
                shas[use.path] = data_sha(use.path)
        key = job_key(job, shas, make_method(job.method).config, code_version())
        items.append(Item(job, key, str(folder)))
    return items


def compute(item: Item) -> dict[str, Any]:
    """Do one job, unless it is done, and return its document; the work folder has it then.

    A refusal is returned as ``{"error", "hint"}`` and not kept: it may be mended outside.
    """
    work = WorkFolder(Path(item.folder))
    if (found := work.read(item.key)) is not None:
        return found
    began = time.perf_counter()
    try:
        task, shas = make_task(item.job, cache=work.folder / "cache")
        outcome = make_method(item.job.method).run(task)
    except MyofinError as error:
        return {"key": item.key, "error": error.message, "hint": error.hint}
    document = {
        "job": asdict(item.job),
        "rows": rows_of(item.job, task, outcome),
        "imitation": imitation_of(item.job, task, outcome),
        "facts": dict(outcome.facts),
        "inputs": shas,
        "seconds": round(time.perf_counter() - began, 2),
    }
    work.write_arrays(item.key, scores_of(task, outcome))
    return work.write(item.key, document)


def scores_of(task: Task, outcome: Outcome) -> dict[str, NDArray[Any]]:
    """What votes and rejection need: ``scores_SCHEME`` ``[w, classes]``, ``truth`` and ``streams`` ``[w]``.

    ``truth`` counts classes from 0; ``streams`` is the trial in which a window ends, where votes begin anew.
    """
    test = outcome.measured or task.test
    ends = test.windows.starts + WINDOW_FRAMES * task.frame_samples - 1
    kept: dict[str, NDArray[Any]] = {
        "truth": np.searchsorted(np.array(task.classes), test.windows.labels),
        "streams": test.recording.trial[ends],
    }
    return kept | {
        f"scores_{scheme}": np.asarray(scores, dtype=np.float32) for scheme, scores in outcome.scores.items()
    }


def rows_of(job: Job, task: Task, outcome: Outcome) -> list[dict[str, Any]]:
    """Rows of the recognition table, one a scheme."""
    test, rows = outcome.measured or task.test, []
    labels = test.windows.labels
    for scheme, scores in outcome.scores.items():
        decided = np.array(task.classes)[np.asarray(scores).argmax(axis=1)]
        row: dict[str, Any] = {
            "dataset": job.dataset,
            "subject": job.test.subject,
            "protocol": job.protocol + ("-rest" if job.rest else ""),
            "variant": job.variant,
            "method": job.method,
            "scheme": scheme,
            "seed": job.seed,
            "accuracy": float(np.mean(decided == labels)),
            "windows": len(labels),
        }
        if "flaws" in outcome.facts:
            row["flaws"] = list(outcome.facts["flaws"])
        if job.rest:
            trials = test.recording.trial[test.windows.starts + WINDOW_FRAMES * task.frame_samples - 1]
            row |= stream_scores(labels, trials, decided, scores, 10.0 * job.hop_frames)
        rows.append(row)
    return rows


def imitation_of(job: Job, task: Task, outcome: Outcome) -> list[dict[str, Any]]:
    """Rows of the imitation table, against the closed form of the true signal; none without imitation."""
    if not outcome.features:
        return []
    statistics = Statistics.of(task.train, task.frame_samples)
    test = task.test
    ahead = task.ahead_hops * task.frame_samples
    windows = WindowSet(test.windows.starts + ahead, test.windows.labels, test.windows.repetitions)
    true = features_at(
        test.recording, windows, statistics, outcome.names, task.frame_samples, task.window_frames
    )
    rows = []
    for scheme, features in outcome.features.items():
        for place, (name, scores) in enumerate(feature_scores(true, features, outcome.names).items()):
            rows.append(
                {
                    "dataset": job.dataset,
                    "train_subjects": sorted({use.subject for use in job.others}) or [job.test.subject],
                    "test_subject": job.test.subject,
                    "method": job.method,
                    "seed": job.seed,
                    "feature": name,
                    "scheme": scheme,
                    "r2_log": finite(scores["log"]),
                    "r2_log_strict": _strict(true[..., place], features[..., place], name),
                    "r2_linear": finite(scores["linear"]),
                    "spearman": finite(scores["spearman"]),
                }
            )
    return rows


def _strict(true: NDArray[Any], found: NDArray[Any], name: str) -> float | None:
    """R² of logarithms floored at 1e-6, also where ``r2_log`` takes ln(1 + x); None for signed features."""
    if FEATURES[name].score == "linear":
        return None
    logs = [np.log(np.maximum(np.asarray(values, dtype=np.float64), LOG_FLOOR)) for values in (true, found)]
    return finite(r2(*logs))


def evaluate(
    jobs: Iterable[Job],
    folder: Path,
    *,
    processes: int = 1,
    dask: str | None = None,
    progress: Progress = silent,
) -> list[dict[str, Any]]:
    """Do the jobs that are not done yet and return the documents of all, in their order.

    Args:
        jobs: What to do.
        folder: Work folder; over a cluster it has to be one that every worker sees under this path.
        processes: Processes of this machine; 1 computes here.
        dask: Address of a dask scheduler, in place of processes.
        progress: Told after each job.

    Raises:
        MyofinError: A job was refused, after the others were done; or workers kept dying.
    """
    WorkFolder(folder)
    items = make_items(jobs, folder.resolve())
    done: dict[str, dict[str, Any]] = {}
    for document in fan_out(compute, items, processes=processes, dask=dask, version=code_version):
        done[document["key"]] = document
        progress("jobs", len(done), len({item.key for item in items}))
    refused = [document for document in done.values() if "error" in document]
    if refused:
        more = f" ({len(refused)} of {len(done)} jobs were refused)" if len(done) > 1 else ""
        raise InputError(f"{refused[0]['error']}{more}", hint=refused[0]["hint"])
    return [done[item.key] for item in items]
