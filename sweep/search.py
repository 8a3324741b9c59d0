"""How a sweep finds its points: a grid. (The search with Optuna is in ``study.py``.)"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from myofin.sweep.space import Point, grid_points

# Points and how many the whole sweep will have -> their documents.
Measure = Callable[[Sequence[Point], int], list[dict[str, Any]]]


@dataclass(frozen=True)
class Measured:
    """A point with its number in the sweep and the document of its trial."""

    number: int
    point: Point
    document: dict[str, Any]


def grid_search(size: str, features_by: str | None, layout: str | None, measure: Measure) -> list[Measured]:
    """Measure every point of a grid, or those whose features an LSTM of this layout makes, or arithmetic.

    Raises:
        InputError: There is no grid of this name.
    """
    points = grid_points(size, features_by, layout)
    return numbered(points, measure(points, len(points)))


def numbered(points: Sequence[Point], documents: Sequence[dict[str, Any]], first: int = 0) -> list[Measured]:
    """Points with their documents and numbers from ``first`` on."""
    return [
        Measured(first + place, point, document)
        for place, (point, document) in enumerate(zip(points, documents, strict=True))
    ]
