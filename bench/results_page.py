"""``docs/results.md`` and its chart, from ``results/recognition.json`` and ``imitation.json`` only."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from myofin.charts import Dots, dots, standalone
from myofin.svg import Caption
from myofin.train.summaries import Summary, best_baseline, compare, summarise

METHODS = {
    "lda-four": "LDA on the exact four features of the paper",
    "lda-loghtd": "LDA on exact log MAV, log WL, ZC, SSC",
    "lda-all": "LDA on all eight, exact",
    "closed-form-head": "LDA head on the exact features that `default` imitates",
    "default": "the network that ships: FIN, LDA as its head, tuned unless validation speaks against it",
    "frozen-fin": "the same FIN, not tuned",
    "tuned-fin": "the same, tuned in any case",
    "fin-four": "as `default`, with a FIN of the paper's four features only",
    "random-init": "the same network from random weights, trained for the decision alone",
    "raw-cnn": "a convolutional network on the codes, with as many multiplications",
}
SEEDS = 3
SEEDED = ("default", "frozen-fin", "tuned-fin", "fin-four", "random-init", "raw-cnn")
_GOALS = "0.99 in log and 0.97 in linear"


def write_page(out: Path, jobs: tuple[int, int] | None = None) -> None:
    """Write the page and its charts under ``out/docs``; ``jobs``: how many are done, of how many."""
    rows, imitated = (
        json.loads((out / "results" / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("recognition", "imitation")
    )
    docs = out / "docs"
    docs.mkdir(exist_ok=True)
    summaries = summarise(rows)
    within = [summary for summary in summaries if summary.protocol == "within"]
    (docs / "results-within.svg").write_text(_within_chart(within), encoding="utf-8")
    parts = [
        _HEAD,
        _lacking(within, imitated, jobs),
        _main_table(within),
        _subjects(within),
        _statement(within),
        _imitation(imitated),
    ]
    parts += [_others(summaries)]
    (docs / "results.md").write_text("\n".join(part for part in parts if part), encoding="utf-8")


_HEAD = """# Results

Made by `make results` from `results/recognition.json` and `results/imitation.json`, which hold every row.
Recordings: 3DC participants 7, 15, 18, 22 (11 gestures, train 0-2, validation 3, test 4-7, which were
recorded in a second session) and Ninapro DB5 exercise 1, subjects 1 and 5 (12 movements, train 1, 3, 4,
validation 6, test 2, 5). Windows of 300 ms, one each 20 ms, movements only. Everything is chosen on
training and validation repetitions, which then train together; the test repetitions are
measured once. One configuration serves all subjects. The FIN is pre-trained on the training repetitions of
all participants of a data set, labels unused, once a seed, and their validation repetitions choose its epoch;
in the imitation table, and wherever little of a subject is learned from, it never saw the participant that it
is tested on. Accuracies are means over seeds; ± is the standard deviation over subjects, and "seeds" the mean
deviation over seeds. LDA has no seed.
"""


def _lacking(
    within: Sequence[Summary], imitated: Sequence[Mapping[str, Any]], jobs: tuple[int, int] | None
) -> str:
    """Say which rows there are not, so that nobody takes a part for the whole."""
    seeds = {summary.method: summary.seeds for summary in within}
    absent = [f"`{name}`" for name in METHODS if name not in seeds]
    fewer = [f"`{name}`" for name, count in seeds.items() if name in SEEDED and count < SEEDS]
    most = max((len(summary.per_subject) for summary in within), default=0)
    partly = [f"`{name}`" for name in {s.method: 0 for s in within if len(s.per_subject) < most}]
    said = [f"{jobs[0]} of {jobs[1]} jobs are done"] if jobs and jobs[0] < jobs[1] else []
    said += [f"no rows yet of {', '.join(absent)}"] if absent else []
    said += [f"not all subjects of {', '.join(partly)}, whose means are of other subjects"] if partly else []
    said += [f"fewer than {SEEDS} seeds of {', '.join(fewer)}"] if fewer else []
    said += [] if imitated else ["no rows yet of the imitation"]
    return f"**This is a part of the run**: {'; '.join(said)}.\n" if said else ""


def _main_table(within: Sequence[Summary]) -> str:
    lines = [
        "\n## Within subject\n\n![Accuracy of each method, a dot a subject](results-within.svg)\n",
        "| method | scheme | accuracy ± | seeds | n | worst subject | against best LDA | better on |"
        " p: Wilcoxon, t |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    baseline = next(iter(best_baseline(within).values()), None)
    for summary in within:
        worst, low = summary.worst
        cells = [
            f"`{summary.method}`",
            summary.scheme,
            f"{summary.mean:.3f} ± {summary.spread:.3f}",
            f"± {summary.seed_spread:.3f}" if summary.seeds > 1 else "-",
            str(summary.seeds),
            f"{low:.3f} ({worst})",
            *_against(summary, baseline),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", *(f"- `{name}`: {words}." for name, words in METHODS.items())]
    return "\n".join(lines) + "\n"


def _against(summary: Summary, baseline: Summary | None) -> list[str]:
    if baseline is None or baseline is summary:
        return ["-", "-", "-"]
    found = compare(summary, baseline)
    p = ", ".join("-" if p is None else f"{p:.2f}" for p in (found.wilcoxon_p, found.t_test_p))
    return [f"{found.difference:+.3f}", f"{found.better} of {found.subjects}", p]


def _subjects(within: Sequence[Summary]) -> str:
    subjects = sorted({subject for summary in within for subject in summary.per_subject}, key=_by_number)
    lines = [f"| method | scheme | {' | '.join(subjects)} |", f"|---|---|{'---|' * len(subjects)}"]
    for summary in within:
        cells = (
            f"{summary.per_subject[subject]:.3f}" if subject in summary.per_subject else "-"
            for subject in subjects
        )
        lines.append(f"| `{summary.method}` | {summary.scheme} | {' | '.join(cells)} |")
    return "\n".join(["\nEach subject:\n", *lines, ""])


def _by_number(subject: str) -> tuple[str, int]:
    dataset, name = subject.split("/")
    return dataset, int(name)


def _statement(within: Sequence[Summary]) -> str:
    """Say whether the goals of the ablation hold, in the words of the figures."""
    lda = [summary for summary in within if summary.method.startswith("lda-")]
    said = []
    for summary in within:
        if (summary.method, summary.scheme) != ("default", "int8") or not lda:
            continue
        best = {s: max(base.per_subject.get(s, 0.0) for base in lda) for s in summary.per_subject}
        mean_best = max(lda, key=lambda base: base.mean)
        gaps = {subject: value - best[subject] for subject, value in summary.per_subject.items()}
        behind = ", ".join(f"{subject} {gap:+.3f}" for subject, gap in gaps.items() if gap < 0) or "none"
        gain = f"{summary.mean - mean_best.mean:+.3f} against `{mean_best.method}`"
        said.append(
            f"\n`default` in int8 is {gain}, the LDA that is best on average. Against the best LDA of each"
            f" subject, chosen with hindsight, it is behind on: {behind}.\n"
        )
    four = {summary.method: summary.mean for summary in within if summary.scheme in ("float32", "float64")}
    if {"fin-four", "lda-four"} <= set(four):
        gain = f"{four['fin-four'] - four['lda-four']:+.3f}"
        said.append(f"The FIN of the paper's four features is {gain} against `lda-four`.\n")
    return "\n".join(said)


def _imitation(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    lines = [
        "\n## Imitation on participants that the FIN never saw\n",
        "3DC: trained on three participants, tested on the fourth, all rotations; closed form of the true"
        f" signal against the network's outputs. The goal is {_GOALS}. The log R² of counts, and of entropy"
        " where the code scores it so, is of ln(1 + x), since these may be 0; the strict one is of"
        " ln(max(x, 1e-6)) for every feature. `codes` is no network: the closed form of the signal that the"
        " 8-bit codes stand for, the limit of whatever sees these codes alone.\n",
        "| feature | scheme | log R², each participant | worst | strict, worst | linear R², each | worst |"
        " Spearman, worst |",
        "|---|---|---|---|---|---|---|---|",
    ]
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["feature"], row["scheme"]), []).append(row)
    for (feature, scheme), found in groups.items():
        logs, linears = ([row[key] for row in found] for key in ("r2_log", "r2_linear"))
        cells = [feature, scheme, _each(logs), _worst(logs), _worst([row["r2_log_strict"] for row in found])]
        cells += [_each(linears), _worst(linears), _worst([row["spearman"] for row in found])]
        lines.append(f"| {' | '.join(cells)} |")
    who = ", ".join(dict.fromkeys(row["test_subject"] for row in rows))
    return "\n".join([*lines, f"\nParticipants in this order: {who}.\n"])


def _each(values: Sequence[float | None]) -> str:
    return " ".join("-" if value is None else f"{value:.3f}" for value in values)


def _worst(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{min(known):.4f}" if known else "-"


def _others(summaries: Sequence[Summary]) -> str:
    lines = []
    for protocol, title in (
        ("loso", "Zero-shot: nothing of the subject was learned from"),
        ("calibrate", "After some repetitions of a new subject"),
        ("fractions", "From a share of each training trial"),
        ("latency", "Labels ahead of the window, and shorter windows"),
    ):
        found = [summary for summary in summaries if summary.protocol == protocol]
        if found:
            lines += [
                f"\n## {title} (`{protocol}`)\n",
                "| | method | scheme | accuracy ± | worst subject |",
                "|---|---|---|---|---|",
            ]
        variants = list(dict.fromkeys(summary.variant for summary in found))
        for summary in sorted(found, key=lambda summary: variants.index(summary.variant)):
            worst, low = summary.worst
            lines.append(
                f"| {summary.variant} | `{summary.method}` | {summary.scheme}"
                f" | {summary.mean:.3f} ± {summary.spread:.3f} | {low:.3f} ({worst}) |"
            )
    return "\n".join([*lines, ""]) if lines else ""


def _within_chart(within: Sequence[Summary]) -> str:
    rows = [
        Dots(
            f"{summary.method} {summary.scheme}",
            list(summary.per_subject.values()),
            list(summary.per_subject),
        )
        for summary in within
    ]
    means = ", ".join(f"{row.label} {float(np.mean(row.values)):.3f}" for row in rows)
    return standalone(dots(rows, Caption("within", "Accuracy within subject, a dot a subject", means)))
