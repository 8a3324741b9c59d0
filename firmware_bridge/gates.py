"""Thresholds that turn a report into a check for continuous integration. Pure."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class Gates:
    """What a report must hold to pass; None: no such condition.

    Attributes:
        max_latency_us: Longest time of a decision, at the stated rate of instructions or cycles.
        min_accuracy: Least accuracy on the device, 0 to 1.
        max_flips: Most decisions that differ from the host's.
        max_missed: Most missed deadlines.
    """

    max_latency_us: float | None = None
    min_accuracy: float | None = None
    max_flips: int | None = None
    max_missed: int | None = None


NO_GATES: Final = Gates()


def broken_gates(report: Mapping[str, Any], gates: Gates) -> list[str]:
    """One sentence for each condition that a report does not hold; what it does not know is not held."""
    latency, accuracy = report["deadline"]["max_us"], report["accuracy"]["device"]
    flips, missed = report["argmax_flips"], report["deadline"]["missed"]
    found = (
        (
            gates.max_latency_us is not None
            and not (latency is not None and latency <= gates.max_latency_us),
            f"The slowest decision took {_told(latency, ',.1f')} us, more than {gates.max_latency_us} us.",
        ),
        (
            gates.min_accuracy is not None and not (accuracy is not None and accuracy >= gates.min_accuracy),
            f"The accuracy on the device is {_told(accuracy, '.4f')}, less than {gates.min_accuracy}.",
        ),
        (
            gates.max_flips is not None and flips > gates.max_flips,
            f"{flips:,} decisions differ from the host's, more than {gates.max_flips}.",
        ),
        (
            gates.max_missed is not None and missed > gates.max_missed,
            f"{missed:,} deadlines were missed, more than {gates.max_missed}.",
        ),
    )
    return [sentence for broken, sentence in found if broken]


def apply_gates(report: Mapping[str, Any], gates: Gates) -> dict[str, Any]:
    """The report with the sentences of its broken gates, and the verdict ``fail`` where there is one."""
    broken = broken_gates(report, gates)
    verdict = "fail" if broken else report["verdict"]
    sentence = " ".join([report["sentence"], *broken])
    return {**report, "verdict": verdict, "sentence": sentence, "broken_gates": broken}


def gate_options(command: Command) -> Command:
    """Add the options of the thresholds, passed to the command as ``gates: Gates``."""

    @functools.wraps(command)
    def with_gates(
        *arguments: Any,
        max_latency_us: float | None,
        min_accuracy: float | None,
        max_flips: int | None,
        max_missed: int | None,
        **options: Any,
    ) -> Any:
        gates = Gates(max_latency_us, min_accuracy, max_flips, max_missed)
        return command(*arguments, gates=gates, **options)

    for option in (
        click.option("--max-missed", type=click.IntRange(0), help="Fail above so many missed deadlines."),
        click.option("--max-flips", type=click.IntRange(0), help="Fail above so many other classes decided."),
        click.option("--min-accuracy", type=click.FloatRange(0, 1), help="Fail below it, 0 to 1."),
        click.option("--max-latency-us", type=click.FloatRange(0), help="Fail when a decision takes longer."),
    ):
        with_gates = option(with_gates)
    return with_gates  # type: ignore[return-value]


def _told(value: float | None, form: str) -> str:
    return "unknown" if value is None else format(value, form)
