"""``myofin evaluate``: methods under a protocol, subject by subject."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from myofin.artifacts import write_json
from myofin.console import emit, json_option, progress_bar
from myofin.smoothing import Smoothing
from myofin.train.candidates import CANDIDATES
from myofin.train.evaluate_smoothing import smoothed_rows, smoothing_lines
from myofin.train.protocols import PROTOCOLS, Plan, make_jobs
from myofin.train.summaries import Summary, best_baseline, compare, summarise

_STREAM = ("active_error", "false_movement", "accuracy_kept", "onset_delay_ms", "missed_onsets")


@click.command()
@click.argument("data", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--protocol", type=click.Choice(list(PROTOCOLS)), default="within", show_default=True)
@click.option(
    "--method",
    "methods",
    multiple=True,
    help="One of the methods; by default all LDA baselines, or the paper's two.",
)
@click.option("--subject", "subjects", multiple=True, help="Only these subjects.")
@click.option("--seeds", type=click.IntRange(1, 100), default=3, show_default=True, help="Seeds 0, 1, ..")
@click.option("--rest", is_flag=True, help="Rest is a class too, and the test is a stream through onsets.")
@click.option("--votes", type=click.IntRange(1), default=1, show_default=True, help="Of the last decisions.")
@click.option(
    "--reject", type=click.FloatRange(0, 1), default=0.0, show_default=True, help="Below such a confidence."
)
@click.option("--work", type=click.Path(path_type=Path), default=Path("out/evaluate"), show_default=True)
@click.option(
    "--processes", type=click.IntRange(1, 256), default=1, show_default=True, help="On this machine."
)
@click.option(
    "--dask", help="Address of a dask scheduler, such as tcp://10.0.0.1:8786, in place of --processes."
)
@click.option("--out", type=click.Path(path_type=Path), help="Write the rows to this JSON file as well.")
@json_option
def evaluate(
    data: tuple[Path, ...],
    protocol: str,
    methods: tuple[str, ...],
    subjects: tuple[str, ...],
    seeds: int,
    rest: bool,
    votes: int,
    reject: float,
    work: Path,
    processes: int,
    dask: str | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Measure methods on the recordings at DATA under a protocol, subject by subject.

    Each finished job is a file under --work, named by what decides its content: work that is interrupted goes
    on where it was, also when a process or a worker of a cluster is killed.

    --votes and --reject act on the decisions, outside the network: a majority of the last ones of a trial,
    none below a confidence. They are computed from kept scores; the accuracy without them is told too.

    \b
    Protocols:
      within     repetitions of the same subject teach, choose and test (Ninapro: 1,3,4 / 6 / 2,5)
      loso       zero-shot: the other subjects teach
      rotation   a FIN of the other subjects, the head from the subject's own repetitions
      calibrate  1, 2 and 4 repetitions of a new subject teach
      fractions  six shares of the training windows
      latency    labels 0 to 300 ms ahead, and windows of 100 to 300 ms
      paper      arXiv 2405.19356 on Ninapro DB2: as released, flaws named, and mended (docs/paper.md)

    \b
    Example:
      myofin evaluate recordings/ --protocol within --method lda-all --method lda-four
      myofin evaluate recordings/ --protocol loso --dask tcp://127.0.0.1:8786 --work shared/evaluate
    """
    from myofin.train.evaluate import evaluate as run_jobs
    from myofin.train.evaluate import find_subjects, seeds_of

    usual = "paper-" if protocol == "paper" else "lda-"
    chosen = methods or tuple(name for name in CANDIDATES if name.startswith(usual))
    plan = Plan(find_subjects(data, subjects or None), chosen, tuple(range(seeds)), rest)
    jobs = [job for job in make_jobs(protocol, plan) if job.seed in seeds_of(job, seeds)]
    with progress_bar() as progress:
        documents = run_jobs(jobs, work, processes=processes, dask=dask, progress=progress)
    rows = [row for document in documents for row in document["rows"]]
    if votes > 1 or reject > 0:
        rows = smoothed_rows(documents, work, Smoothing(votes, reject))
    if out is not None:
        write_json(out, {"protocol": protocol, "rows": rows})
    emit(as_json, {"protocol": protocol, "rows": rows}, table(rows))


def table(rows: list[dict[str, Any]]) -> str:
    """Draw one line a method, its difference from the best LDA beneath the same protocol and variant."""
    summaries = summarise(rows)
    baselines = best_baseline(summaries)
    lines = []
    for summary in summaries:
        worst, low = summary.worst
        line = (
            f"{summary.protocol:10} {summary.variant:16} {summary.method:16} {summary.scheme:8}"
            f" {summary.mean:.3f} ± {summary.spread:.3f} over {len(summary.per_subject)} subjects,"
            f" worst {low:.3f} ({worst})"
        )
        lines.append(line + _against(summary, baselines.get((summary.protocol, summary.variant))))
    for row in rows:
        if "active_error" in row:
            told = ", ".join(f"{name} {_number(row[name])}" for name in _STREAM)
            lines.append(
                f"  stream {row['dataset']}/{row['subject']} {row['method']} {row['scheme']}: {told}"
            )
    for flaw in next((row["flaws"] for row in rows if row.get("flaws")), ()):
        lines.append(f"  paper-released, as its code was: {flaw}")
    return "\n".join(lines + smoothing_lines(rows))


def _against(summary: Summary, baseline: Summary | None) -> str:
    if baseline is None or baseline is summary:
        return ""
    found = compare(summary, baseline)
    p = "" if found.wilcoxon_p is None else f", Wilcoxon p {found.wilcoxon_p:.3f}"
    return f"; {found.difference:+.3f} against {baseline.method}, better on {found.better}{p}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"
