"""What the page of a sweep says in sentences: how far its conclusion can be trusted. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import stdev
from typing import Any, Final

from scipy.stats import spearmanr

from myofin.firmware_bridge.statistics import wilson_interval
from myofin.page import fixed, percent
from myofin.sweep.front import quality_of
from myofin.sweep.page_rows import MEASURED, Trial

_ENOUGH: Final = 4  # trials, to speak of an order between them
_CHOSEN_BY: Final = {"accuracy": "their accuracy", "r2": "the mean log R² of their features"}


def conclusions(data: Mapping[str, Any]) -> list[str]:
    """Sentences that say what the recommendation rests on, and what would speak against it."""
    measured = [trial for trial in data["trials"] if trial["state"] == MEASURED]
    known = [trial for trial in measured if trial["values"].get("accuracy_test") is not None]
    chosen = trial_of(data, (data.get("recommended") or {}).get("id"))
    said = [
        f"Points are chosen by {_CHOSEN_BY[quality_of(data['objectives'])]} on the validation repetitions "
        "alone. The test repetitions are shown beside it and choose nothing."
    ]
    if chosen is not None:
        said += _of_the_chosen(chosen, known)
    return said + _of_the_order(known)


def trial_of(data: Mapping[str, Any], identity: str | None) -> Trial | None:
    """The trial with this id, if there is one."""
    return next((trial for trial in data["trials"] if trial["id"] == identity), None)


def _of_the_chosen(chosen: Trial, known: Sequence[Trial]) -> list[str]:
    values = chosen["values"]
    said = _by_movement(values.get("movements") or [])
    windows = values.get("windows_accuracy")
    interval = wilson_interval(round(values["accuracy"] * windows), windows) if windows else None
    if interval is not None:
        said.append(
            f"Its {percent(values['accuracy'])} are of {windows:,} validation windows: "
            f"{percent(interval[0])} to {percent(interval[1])} with 95 % confidence if they "
            "were independent; those of one repetition are alike, so the truth is wider."
        )
    if values.get("accuracy_test") is not None and known:
        best = max(known, key=lambda trial: float(trial["values"]["accuracy_test"]))
        told = f"On the test repetitions trial {chosen['number']} reaches {percent(values['accuracy_test'])}"
        if best["id"] == chosen["id"]:
            said.append(f"{told}, the highest of all.")
        else:
            highest = percent(best["values"]["accuracy_test"])
            said.append(f"{told}; the highest of all there is {highest}, of trial {best['number']}.")
    return said


def _by_movement(movements: Sequence[Sequence[int]]) -> list[str]:
    shares = [right / windows for right, windows in movements if windows]
    if len(shares) < _ENOUGH:
        return []
    error = stdev(shares) / len(shares) ** 0.5
    return [
        f"By movement its validation accuracy goes from {percent(min(shares))} to {percent(max(shares))}; "
        f"the mean over {len(shares)} movements has a standard error of {100 * error:.1f} points. Hold a "
        "difference between two points against that: windows of one movement are near copies of each other."
    ]


def _of_the_order(known: Sequence[Trial]) -> list[str]:
    pairs = [(trial["values"]["accuracy"], trial["values"]["accuracy_test"]) for trial in known]
    if len(known) < _ENOUGH or len({a for a, _ in pairs}) < 2 or len({b for _, b in pairs}) < 2:
        return []
    order = float(spearmanr([a for a, _ in pairs], [b for _, b in pairs]).statistic)
    scatter = stdev(b - a for a, b in pairs)
    return [
        f"Over {len(known)} measured trials the order by validation and the order by test agree to "
        f"Spearman's ρ {fixed(order, 2)} (1: the same order, 0: none in common), and the difference of the "
        f"two scatters by {100 * scatter:.1f} points (standard deviation). Accuracies that lie closer "
        "together than that should be taken as equal, and the cheaper point preferred."
    ]
