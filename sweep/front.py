"""Which points are worth having: fit, Pareto front, recommendation. Pure functions of trials' documents."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np

Trial = Mapping[str, Any]

QUALITIES: Final = ("accuracy", "r2")
COSTS: Final = ("instructions", "flash", "ram")
OBJECTIVES: Final = (*QUALITIES, *COSTS)
# The order in which cost decides: what is executed a decision drains the battery, bytes are there anyway.
_UNITS: Final = {"instructions": "instructions a decision", "flash": "bytes of flash", "ram": "bytes of RAM"}


def counts(trial: Trial, board: str | None) -> bool:
    """Whether a trial may be chosen: it is measured, and fits the board where one is asked for."""
    return trial["state"] == "measured" and (board is None or trial["fits"][board]["ok"])


def score(trial: Trial, objective: str) -> float:
    """What a measured trial reaches in an objective, as it stands in the page: more quality, less cost."""
    values = trial["values"]
    if objective != "r2":
        return float(values[objective])
    known = [value for value in values["r2_log"].values() if value is not None]
    return float(np.mean(known)) if known else -math.inf


def losses(trial: Trial, objectives: Sequence[str]) -> tuple[float, ...]:
    """The objectives of a measured trial as numbers of which less is better."""
    return tuple(-score(trial, name) if name in QUALITIES else score(trial, name) for name in objectives)


def pareto_front(trials: Iterable[Trial], objectives: Sequence[str], board: str | None) -> list[Trial]:
    """The trials that count and that no other one beats: as good in all objectives, better in one."""
    able = [trial for trial in trials if counts(trial, board)]
    found = [losses(trial, objectives) for trial in able]
    return [
        trial
        for trial, own in zip(able, found, strict=True)
        if not any(_dominates(other, own) for other in found)
    ]


def _dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(a <= b for a, b in zip(one, other, strict=True)) and tuple(one) != tuple(other)


def recommend(front: Sequence[Trial], objectives: Sequence[str]) -> dict[str, Any] | None:
    """The cheapest point of the front that is not worse than the best within one standard error.

    With accuracy among the objectives the error is that of the difference to the best point, over movements:
    windows of one movement are near copies of each other, and both points decided the same ones. Of R² there
    are no such pairs, and .005 are taken.

    Returns:
        ``{"id", "reason"}``, or None where the front is empty.
    """
    if not front:
        return None
    quality = quality_of(objectives)
    costs = [name for name in COSTS if name in objectives]
    best = min(front, key=lambda trial: losses(trial, (quality, *costs)))
    as_good = [trial for trial in front if _as_good(trial, best, quality)]
    chosen = min(as_good, key=lambda trial: losses(trial, (*costs, quality)))
    return {"id": chosen["id"], "reason": _reason(chosen, best, quality, costs[0], len(as_good))}


def quality_of(objectives: Sequence[str]) -> str:
    """The quality that points are chosen by: accuracy where it is among the objectives, else R²."""
    return next(name for name in QUALITIES if name in objectives)


_R2_MARGIN: Final = 0.005


def _as_good(trial: Trial, best: Trial, quality: str) -> bool:
    if quality == "r2":
        return score(best, "r2") - score(trial, "r2") <= _R2_MARGIN
    lost = _by_movement(best) - _by_movement(trial)
    error = float(np.std(lost, ddof=1) / math.sqrt(len(lost))) if len(lost) > 1 else 0.0
    return float(np.mean(lost)) <= error


def _by_movement(trial: Trial) -> Any:
    return np.array([right / windows for right, windows in trial["values"]["movements"]])


def _told(trial: Trial, quality: str) -> str:
    value = score(trial, quality)
    return f"{100 * value:.1f} %" if quality == "accuracy" else f"a mean log R² of {value:.4f}"


def _reason(chosen: Trial, best: Trial, quality: str, cost: str, as_good: int) -> str:
    needs = f"{round(score(chosen, cost)):,} {_UNITS[cost]}"
    reached = f"{_told(chosen, quality)} on validation repetitions with {needs}"
    if chosen is best:
        alone = "no cheaper point comes within" if as_good == 1 else "none is cheaper within"
        return f"It is the best of the front, {reached}; {alone} one standard error of it."
    margin = "one standard error" if quality == "accuracy" else f"{_R2_MARGIN}"
    return (
        f"It has {reached}, the least of the {as_good} points of the front within {margin} of the best one, "
        f"which has {_told(best, quality)} with {round(score(best, cost)):,}."
    )


def nearest(trials: Iterable[Trial], board: Mapping[str, Any], hop_ms: int) -> dict[str, Any] | None:
    """The trial that misses a board by the smallest share of what the board has, all misses added.

    Args:
        trials: Of which none counts, with their ``number``.
        board: ``name``, ``flash_bytes``, ``ram_bytes`` and ``instructions_per_second`` of the board.
        hop_ms: Time between two decisions.

    Returns:
        ``{"id", "reason"}``, or None where no trial is known to miss the board by something.
    """
    there = {
        "flash": board["flash_bytes"],
        "ram": board["ram_bytes"],
        "deadline": board["instructions_per_second"] * hop_ms / 1000,
    }
    missing = [trial for trial in trials if trial["fits"].get(board["name"], {}).get("misses")]
    if not missing:
        return None

    def distance(trial: Trial) -> float:
        misses = trial["fits"][board["name"]]["misses"]
        # What was not measured misses its deadline by nobody knows how much: it comes after all others.
        unknown = trial["state"] != "measured"
        return sum(float(miss["by"] / there[miss["what"]]) for miss in misses) + 1e6 * float(unknown)

    found = min(missing, key=distance)
    misses = tell_misses(board["name"], found["fits"])
    return {
        "id": found["id"],
        "reason": f"Nothing fits: the nearest, trial {found['number']}, misses {misses}.",
    }


def tell_misses(board: str, fits: Mapping[str, Any]) -> str:
    """What a trial misses a board by, in words that follow "misses"."""
    return f"{board} by " + " and ".join(map(_told_miss, fits[board]["misses"]))


def _told_miss(miss: Mapping[str, Any]) -> str:
    if miss["what"] == "deadline":
        return f"{miss['by']:,} {miss['unit']} in each {miss['hop_ms']} ms"
    return f"{miss['by']:,} {miss['unit']} of {'RAM' if miss['what'] == 'ram' else miss['what']}"
