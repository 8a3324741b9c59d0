"""The page of the comparison of imitation and arithmetic, and its verdict."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean
from typing import Any

NAMES = {
    "arithmetic-four": "arithmetic, the paper's four features",
    "arithmetic": "arithmetic, all that the LSTM imitates",
    "default": "LSTM",
}
_DATASETS = {"3dc": "3DC", "ninapro_db5": "Ninapro DB5"}
# An accuracy that is lower by less than this is no reason for an LSTM.
_TOLERATED = 0.005


def page(result: dict[str, Any]) -> str:
    """Markdown of the whole result."""
    rows, costs = result["accuracy"], result["costs"]
    return "\n".join(
        [
            "# Feature imitation against arithmetic",
            "",
            "Written by `bench/arithmetic.py`; do not edit. 2-core x86-64, Debian 12, Python 3.11, QEMU 7.2.",
            "",
            f"**{verdict(rows, costs)}**",
            "",
            "Accuracy on the test repetitions (they chose nothing), within subject, decided by the generated",
            "int8 C; of the LSTM the mean of its seeds, from `results/recognition.json` (`make results`).",
            "",
            *_accuracy_table(rows),
            "",
            f"What a decision and the firmware take on the emulated `{result['board']}` (Cortex-M4F), one",
            "subject of each data set; instructions of a hop of a stream, the leaving frame included. The",
            "LSTM there is hardly trained: its cost does not depend on its weights.",
            "",
            *_cost_table(costs),
            "",
            f"On `{result['small_board']}` (Cortex-M0, 16 KB RAM), one window at a time, so that no frame",
            "leaves:",
            "",
            *(_small(row) for row in costs),
            "",
            "R² of the features by arithmetic, as int8, against the closed form of the true signal, the",
            "lowest of the subjects:",
            "",
            *_r2_table(rows),
            "",
        ]
    )


def verdict(rows: Sequence[dict[str, Any]], costs: Sequence[dict[str, Any]]) -> str:
    """Whether the LSTM is worth its cycles, in plain words."""
    gaps = [row["arithmetic"] - mean(row["default"]) for row in rows if row["default"]]
    if not gaps:
        return "There are no results of the network to compare with: run `make results`."
    ratios = [_ratio(costs, dataset) for dataset in sorted({row["dataset"] for row in costs})]
    times = f"{min(ratios):.1f} to {max(ratios):.1f} times" if len(ratios) > 1 else f"{ratios[0]:.1f} times"
    gap = mean(gaps)
    found = (
        f"on the same features arithmetic is {100 * abs(gap):.1f} points of accuracy "
        f"{'better' if gap >= 0 else 'worse'} on average ({sum(g > 0 for g in gaps)} of {len(gaps)} subjects "
        f"better), and the LSTM takes {times} the instructions"
    )
    if gap >= -_TOLERATED and min(ratios) > 1:
        return f"The LSTM is not worth its cycles here: {found}."
    return f"The LSTM buys accuracy with cycles here: {found}."


def _ratio(costs: Sequence[dict[str, Any]], dataset: str) -> float:
    by_kind = {row["kind"]: row["instructions_max"] for row in costs if row["dataset"] == dataset}
    return float(by_kind["default"] / by_kind["arithmetic"])


def _accuracy_table(rows: Sequence[dict[str, Any]]) -> list[str]:
    head = ("subject", "test windows", "arithmetic, four", "arithmetic, all", "LSTM (seeds)", "all - LSTM")
    lines = [_line(head), "|---" * len(head) + "|"]
    for row in rows:
        seeds, gap = row["default"], "–"
        if seeds:
            gap = f"{100 * (row['arithmetic'] - mean(seeds)):+.1f} points"
        who, figures = f"{_DATASETS[row['dataset']]} {row['subject']}", ("arithmetic-four", "arithmetic")
        shown = (f"{row[kind]:.3f}" for kind in figures)
        lines.append(_line((who, f"{row['windows']:,}", *shown, _seeds(seeds), gap)))
    known = [row for row in rows if row["default"]]
    if known:
        four, every = (mean(row[kind] for row in known) for kind in ("arithmetic-four", "arithmetic"))
        lstm = mean(mean(row["default"]) for row in known)
        gap = f"{100 * (every - lstm):+.1f} points"
        lines.append(_line(("mean", "", f"{four:.3f}", f"{every:.3f}", f"{lstm:.3f}", gap)))
    return lines


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _seeds(seeds: Sequence[float]) -> str:
    return f"{mean(seeds):.3f} ({len(seeds)})" if seeds else "–"


def _cost_table(costs: Sequence[dict[str, Any]]) -> list[str]:
    head = ("data", "features by", "instructions p50", "max", "flash, B", "RAM, B", "stack, B", "equal")
    lines = [_line(head), "|---" * len(head) + "|"]
    for row in costs:
        windows, decisions = (" of ".join(map(str, row[key])) for key in ("windows_equal", "decisions_equal"))
        figures = ("instructions_p50", "instructions_max", "flash", "ram", "stack")
        shown = (f"{row[name]:,.0f}" for name in figures)
        equal = f"{windows} windows, {decisions} decisions"
        lines.append(_line((_DATASETS[row["dataset"]], NAMES[row["kind"]], *shown, equal)))
    return lines


def _small(row: dict[str, Any]) -> str:
    who, small = f"- {_DATASETS[row['dataset']]}, {NAMES[row['kind']]}: ", row["small"]
    if "refused" in small:
        return f"{who}refused. {small['refused']}"
    equal, windows = small["windows_equal"]
    return (
        f"{who}{equal} of {windows} windows equal, {small['instructions_max']:,.0f} instructions, "
        f"{small['ram']:,} B of RAM."
    )


def _r2_table(rows: Sequence[dict[str, Any]]) -> list[str]:
    names = list(rows[0]["r2"])
    lowest = [[min(row["r2"][name][kind] for row in rows) for name in names] for kind in (0, 1)]
    return [
        f"| | {' | '.join(names)} |",
        "|---|" + "---|" * len(names),
        f"| log | {' | '.join(f'{value:.4f}' for value in lowest[0])} |",
        f"| linear | {' | '.join(f'{value:.4f}' for value in lowest[1])} |",
    ]
