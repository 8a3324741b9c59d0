"""A chart of points that are better the more they lie to one corner, with the line of the best of them.

Pure functions from numbers to inline SVG, like ``charts.py``: a shape and a colour for each series, so that
neither alone tells them apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from markupsafe import Markup, escape

from myofin.svg import WIDTH, Caption, line, svg, text

Better = Literal["high", "low"]

SHAPES: Final = ("circle", "square", "diamond", "triangle-up", "cross", "pentagon")
_WIDE: Final = 8.0  # the highest value over the lowest, from where an axis is logarithmic
_SMALLEST: Final = 1e-9  # of a logarithmic axis
_HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 230.0, 44.0, 8.0, 12.0, 34.0


@dataclass(frozen=True)
class Axis:
    """What an axis is of, where better is on it, and how its figures are told."""

    label: str
    better: Better
    told: Callable[[float], str]


@dataclass(frozen=True)
class Point:
    """A point, the number of its series, whether it is filled or ringed, and its tip."""

    x: float
    y: float
    series: int
    filled: bool
    ringed: bool
    tip: str


def front(points: Sequence[tuple[float, float]], better: tuple[Better, Better]) -> list[int]:
    """Which points no other beats in both coordinates, from best to worst in the first.

    Of equal points the first one is named.
    """
    signs = [-1.0 if direction == "high" else 1.0 for direction in better]
    order = sorted(range(len(points)), key=lambda i: (signs[0] * points[i][0], signs[1] * points[i][1]))
    found: list[int] = []
    best = math.inf
    for index in order:
        if signs[1] * points[index][1] < best:
            best = signs[1] * points[index][1]
            found.append(index)
    return found


def scatter(points: Sequence[Point], x: Axis, y: Axis, caption: Caption) -> Markup:
    """Draw points, and the stair of those that none beats in both; without points only the axes."""
    across = _Scale.over([p.x for p in points], _LEFT, WIDTH - _RIGHT)
    up = _Scale.over([p.y for p in points], _HEIGHT - _BOTTOM, _TOP)
    body = [line(_LEFT, _HEIGHT - _BOTTOM, WIDTH - _RIGHT, _HEIGHT - _BOTTOM, "axis")]
    for value in across.ticks():
        body.append(text(across(value), _HEIGHT - _BOTTOM + 13, x.told(value), "tick middle"))
    for value in up.ticks():
        body.append(line(_LEFT, up(value), WIDTH - _RIGHT, up(value), "grid"))
        body.append(text(_LEFT - 4, up(value) + 3, y.told(value), "tick end"))
    body.append(
        text(
            (WIDTH + _LEFT) / 2,
            _HEIGHT - 4,
            f"{x.label}, {_where(x, 'to the right', 'to the left')}",
            "tick middle",
        )
    )
    body.append(text(0, 8, f"{y.label}, {_where(y, 'higher', 'lower')}", "tick start"))
    best = front([(p.x, p.y) for p in points], (x.better, y.better))
    if best:
        body.append(_stair([(across(points[i].x), up(points[i].y)) for i in best]))
    body += [_mark(point, across(point.x), up(point.y)) for point in points]
    return svg(_HEIGHT, caption, body)


def mark(series: int, x: float, y: float, size: float, filled: bool) -> str:
    """The shape of a series around a point, ``size`` to each side."""
    kind = f'class="series-{series % len(SHAPES)}{" filled" if filled else ""}"'
    shape = SHAPES[series % len(SHAPES)]
    if shape == "circle":
        return f'<circle {kind} cx="{x:.1f}" cy="{y:.1f}" r="{size:.1f}"/>'
    places = " ".join(f"{x + dx * size:.1f},{y + dy * size:.1f}" for dx, dy in _CORNERS[shape])
    return f'<polygon {kind} points="{places}"/>'


def _turned(corners: int) -> list[tuple[float, float]]:
    angles = [2 * math.pi * i / corners for i in range(corners)]
    return [(1.1 * math.sin(angle), -1.1 * math.cos(angle)) for angle in angles]


_THIRD = 0.34
_CORNERS: Final = {
    "square": [(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
    "diamond": [(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)],
    "triangle-up": [(0.0, -1.2), (1.1, 0.8), (-1.1, 0.8)],
    "cross": [
        *(
            (-_THIRD, -1.0),
            (_THIRD, -1.0),
            (_THIRD, -_THIRD),
            (1.0, -_THIRD),
            (1.0, _THIRD),
            (_THIRD, _THIRD),
        ),
        *(
            (_THIRD, 1.0),
            (-_THIRD, 1.0),
            (-_THIRD, _THIRD),
            (-1.0, _THIRD),
            (-1.0, -_THIRD),
            (-_THIRD, -_THIRD),
        ),
    ],
    "pentagon": _turned(5),
}


@dataclass(frozen=True)
class _Scale:
    """Values to places: linear, or logarithmic where they span more than a factor of 8."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool

    @classmethod
    def over(cls, values: Sequence[float], start: float, end: float) -> _Scale:
        low, high = (min(values), max(values)) if values else (0.0, 1.0)
        logarithmic = low > _SMALLEST and high / low > _WIDE
        if logarithmic:
            low, high = math.log10(low), math.log10(high)
        room = 0.06 * (high - low) or abs(high) * 0.05 or 1.0
        return cls(low - room, high + room, start, end, logarithmic)

    def __call__(self, value: float) -> float:
        value = math.log10(value) if self.logarithmic else value
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round values inside the scale, about five."""
        if self.logarithmic:
            powers = range(math.floor(self.low), math.ceil(self.high) + 1)
            several = (1, 2, 5) if self.high - self.low < 2.5 else (1,)
            values = [factor * 10.0**power for power in powers for factor in several]
            return [value for value in values if self.low <= math.log10(value) <= self.high]
        rough = (self.high - self.low) / 5
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
        first = math.ceil(self.low / step)
        return [step * i for i in range(first, math.floor(self.high / step) + 1)]


def _where(axis: Axis, more: str, less: str) -> str:
    return f"better {more if axis.better == 'high' else less}"


def _stair(corners: Sequence[tuple[float, float]]) -> str:
    path = f"M{corners[0][0]:.1f} {corners[0][1]:.1f}"
    path += "".join(f"H{x:.1f}V{y:.1f}" for x, y in corners[1:])
    return f'<path class="front" d="{path}"/>'


def _mark(point: Point, x: float, y: float) -> str:
    ring = f'<circle class="ring" cx="{x:.1f}" cy="{y:.1f}" r="8"/>' if point.ringed else ""
    shape = mark(point.series, x, y, 3.6, point.filled)
    return f"<g>{ring}{shape}<title>{escape(point.tip)}</title></g>"
