"""What the page of a sweep shows of each trial: columns, cells as figures and as words, and series. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from myofin.page import UNKNOWN, fixed, percent, thousands

Trial = Mapping[str, Any]
Kind = Literal["share", "count", "figure", "text"]

MEASURED: Final = "measured"
LOWEST_R2: Final = "r2"


@dataclass(frozen=True)
class Column:
    """A column of the table: its key among a row's cells, its heading, and what its cells are."""

    key: str
    label: str
    kind: Kind

    def told(self, value: Any) -> str:
        """A cell in words."""
        if value is None:
            return UNKNOWN
        if self.kind == "text":
            return words(value)
        return {"share": percent, "count": thousands, "figure": fixed}[self.kind](value)


@dataclass(frozen=True)
class Objective:
    """A figure that points are chosen by, which way is better, and its unit."""

    key: str
    label: str
    better: Literal["high", "low"]
    unit: str


OBJECTIVES: Final = (
    Objective("accuracy", "accuracy", "high", ""),
    Objective("instructions", "instructions a decision", "low", "instructions"),
    Objective("flash", "flash", "low", "bytes"),
    Objective("ram", "RAM", "low", "bytes"),
)

VALUES: Final = (
    Column("accuracy", "accuracy, validation", "share"),
    Column("accuracy_test", "accuracy, test", "share"),
    Column(LOWEST_R2, "lowest log R²", "figure"),
    Column("instructions", "instructions", "count"),
    Column("flash", "flash, B", "count"),
    Column("ram", "RAM, B", "count"),
    Column("stack", "stack, B", "count"),
)


def words(value: Any) -> str:
    """A setting in words: lists of more than three as their number, booleans as yes and no."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return (
            ", ".join(map(str, value)) if len(value) <= 3 else f"{len(value)}: {', '.join(map(str, value))}"
        )
    if isinstance(value, float):
        return f"{value:g}"
    return UNKNOWN if value is None else str(value)


def split_params(trials: Sequence[Trial]) -> tuple[list[Column], dict[str, str]]:
    """Settings that differ between trials, as columns, and those that all share, in words."""
    names = list(dict.fromkeys(name for trial in trials for name in trial["params"]))
    columns, shared = [], {}
    for name in names:
        told = {words(trial["params"].get(name)) for trial in trials}
        if len(told) > 1:
            columns.append(Column(f"param {name}", name.replace("_", " "), "text"))
        else:
            shared[name.replace("_", " ")] = told.pop()
    return columns, shared


def cells(trial: Trial, columns: Sequence[Column]) -> dict[str, Any]:
    """A trial's raw figures by column; settings as they are, or in words where they are lists."""
    values = trial.get("values") or {}
    found: dict[str, Any] = {}
    for column in columns:
        if column.key.startswith("param "):
            setting = trial["params"].get(column.key.removeprefix("param "))
            plain = isinstance(setting, (int, float)) and not isinstance(setting, bool)
            found[column.key] = setting if plain else words(setting)
        elif column.key == LOWEST_R2:
            known = [score for score in (values.get("r2_log") or {}).values() if score is not None]
            found[column.key] = min(known, default=None)
        else:
            found[column.key] = values.get(column.key)
    return found


def series_name(trial: Trial) -> str:
    """What makes the shape and colour of a trial's point: its arithmetic."""
    scheme, features = trial["params"].get("scheme", "?"), trial["params"].get("features", "lstm")
    kind = {"lstm": "LSTM", "arithmetic": "closed form"}.get(str(features), str(features))
    return f"{kind}, {scheme}"


def name_of(objective: str) -> str:
    """An objective or budget as it is written in a sentence."""
    return "RAM" if objective == "ram" else objective


def misses_told(misses: Sequence[Mapping[str, Any]]) -> str:
    """By how much a trial misses a board: ``flash by 1,024 bytes``."""
    return ", ".join(f"{name_of(miss['what'])} by {thousands(miss['by'])} {miss['unit']}" for miss in misses)


def whole_trial(trial: Trial) -> list[tuple[str, str]]:
    """Everything known of a trial, a pair of words a line."""
    values = trial.get("values") or {}
    lines = [(name.replace("_", " "), words(value)) for name, value in trial["params"].items()]
    lines += [
        (column.label, column.told(values.get(column.key))) for column in VALUES if column.key != LOWEST_R2
    ]
    scores = values.get("r2_log") or {}
    if scores:
        lines.append(("log R²", ", ".join(f"{name} {fixed(score)}" for name, score in scores.items())))
    equal = values.get("windows_equal")
    if equal:
        lines.append(("windows equal to the host", f"{thousands(equal[0])} of {thousands(equal[1])}"))
    for board, found in (trial.get("fits") or {}).items():
        lines.append((board, "fits" if found["ok"] else f"does not fit: {misses_told(found['misses'])}"))
    if trial.get("seconds") is not None:
        lines.append(("took", f"{trial['seconds']:.0f} s"))
    return lines
