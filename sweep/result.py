"""The document of ``sweep.json``: trials, front, recommendation, and what they were made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from myofin import __version__
from myofin.artifacts import package_versions
from myofin.boards.registry import Board
from myofin.recordings.model import Recording
from myofin.sweep.front import nearest, pareto_front, recommend
from myofin.sweep.search import Measured
from myofin.sweep.settings import Settings, fitted_board, measured_board

SCHEMA: Final = 1
_TOLD: Final = ("id", "state", "reason", "params", "values", "fits", "seconds")
# What depends on the machine's mood and is left out when two results are compared: how long it took, and how
# deep the stack was when the link's interrupt came, which is as deep as it was by chance.
CHANCE_KEYS: Final = frozenset({"seconds", "stack"})


def sweep_document(settings: Settings, recording: Recording, found: Sequence[Measured]) -> dict[str, Any]:
    """Put together what a sweep found; ``recommended`` is not yet shipped.

    A point that a search drew twice stands once, with its first number.
    """
    fitted = fitted_board(settings)
    budget = board_budget(fitted)
    trials = list({one.document["id"]: _trial(one) for one in reversed(found)}.values())[::-1]
    trials.sort(key=lambda trial: int(trial["number"]))
    front = pareto_front(trials, settings.objectives, settings.fit)
    chosen = recommend(front, settings.objectives)
    return {
        "schema": SCHEMA,
        "tool_version": __version__,
        "packages": package_versions(),
        "data": {
            "source": recording.source,
            "subject": recording.subject,
            "rate_hz": recording.rate_hz,
            "channels": recording.channels,
            "classes": len(recording.classes()),
        },
        "inputs": dict(recording.sha256s),
        "arguments": settings.identity(),
        "seed": settings.seed,
        "hop_ms": settings.hop_ms,
        "objectives": list(settings.objectives),
        "search": settings.search,
        "board": {"name": fitted.name, "core": fitted.core, **budget} if settings.fit else None,
        "budgets": {fitted.name: budget},
        "measured_on": measured_board(settings).name,
        "trials": trials,
        "front": [trial["id"] for trial in front],
        "recommended": chosen,
        "nearest": None if chosen else nearest(trials, {"name": fitted.name, **budget}, settings.hop_ms),
    }


def board_budget(board: Board) -> dict[str, int]:
    """What a board has; instructions a second are what its deadlines are placed by."""
    return {
        "flash_bytes": board.memory.flash_bytes,
        "ram_bytes": board.memory.ram_bytes,
        "instructions_per_second": board.counter.units_per_second,
    }


def _trial(measured: Measured) -> dict[str, Any]:
    document = measured.document
    return {"number": measured.number, **{name: document[name] for name in _TOLD}}


def timeless(document: Any) -> Any:
    """A result without what depends on when things happened: equal for equal sweeps."""
    if isinstance(document, Mapping):
        return {name: timeless(value) for name, value in document.items() if name not in CHANCE_KEYS}
    if isinstance(document, list):
        return [timeless(value) for value in document]
    return document
