"""Charts of the reports: pure functions from numbers to inline SVG.

All are drawn 360 units wide, so that text stays readable on a phone, and take their colours from the classes
of ``templates/style.css.j2``, so that they follow light and dark. Every chart names itself with ``<title>``
and ``<desc>`` for screen readers, and nothing is told by colour alone. All text is escaped here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from myofin.page import percent
from myofin.svg import WIDTH, Caption, line, rect, short, svg, text

_TOP, _AXIS = 16.0, 24.0


def difference_bars(
    labels: Sequence[str], counts: Sequence[int], within: Sequence[bool], caption: Caption
) -> Markup:
    """Bars of logarithmic height, the count above each; bins outside the verdict get class ``bad``.

    Empty bins at both ends are left out, apart from the two next to a bin that is shown.
    """
    low, high = _shown(counts, within)
    labels, counts, within = labels[low:high], counts[low:high], within[low:high]
    height, step = 150.0, WIDTH / max(len(labels), 1)
    base, top = height - _AXIS, max([1, *counts])
    body = [line(0, base, WIDTH, base, "axis")]
    for index, (label, count, good) in enumerate(zip(labels, counts, within, strict=True)):
        x, tall = index * step, (base - _TOP) * math.log1p(count) / math.log1p(top)
        kind = "bar good" if good else "bar bad"
        body.append(rect(x + step * 0.12, base - tall, step * 0.76, tall, kind, f"{label}: {count:,}"))
        body.append(
            text(x + step / 2, base - tall - 4, short(count), "value middle" if count else "faint middle")
        )
        body.append(text(x + step / 2, base + 14, label, "tick middle"))
    return svg(height, caption, body)


def _shown(counts: Sequence[int], within: Sequence[bool]) -> tuple[int, int]:
    used = [i for i, (count, good) in enumerate(zip(counts, within, strict=True)) if count or good]
    if not used:
        return 0, len(counts)
    return max(0, used[0] - 2), min(len(counts), used[-1] + 3)


def confusion(
    counts: Sequence[Sequence[int]],
    labels: Sequence[str],
    caption: Caption,
    reference: Sequence[Sequence[int]] | None = None,
) -> Markup:
    """Confusion matrix, rows true and columns decided, shaded by share of the row.

    Cells that differ from ``reference`` get a dashed frame. Counts are written while cells can hold them.
    """
    size, gutter = len(labels), 34.0
    cell = (WIDTH - gutter) / max(size, 1)
    middle = gutter + size * cell / 2
    body = [
        text(middle, 10, "decided", "tick middle"),
        f'<text class="tick middle" transform="translate(9 {middle:.1f}) rotate(-90)">true</text>',
    ]
    for row, name in enumerate(labels):
        y, total = gutter + row * cell, sum(counts[row])
        body.append(text(gutter - 4, y + cell / 2 + 3, name, "tick end"))
        body.append(text(y + cell / 2, gutter - 6, name, "tick middle"))
        for column, count in enumerate(counts[row]):
            box = _Box(gutter + column * cell, y, cell)
            differs = reference is not None and reference[row][column] != count
            tip = f"true {name}, decided {labels[column]}: {count:,}"
            body += _cell(box, count, count / total if total else 0.0, row == column, differs, tip)
    return svg(gutter + size * cell + 2, caption, body)


@dataclass(frozen=True)
class _Box:
    x: float
    y: float
    size: float

    def rect(self, inset: float, kind: str, tip: str, opacity: float = 1.0) -> str:
        side = self.size - 2 * inset
        return rect(self.x + inset, self.y + inset, side, side, kind, tip, opacity)


def _cell(box: _Box, count: int, share: float, diagonal: bool, differs: bool, tip: str) -> list[str]:
    drawn = [box.rect(0.5, "cell-back diagonal" if diagonal else "cell-back", tip)]
    if count:
        drawn.append(box.rect(0.5, "heat", tip, 0.12 + 0.88 * share))
    if count and box.size >= 15:
        kind = "cell-strong middle" if share > 0.55 else "cell middle"
        drawn.append(text(box.x + box.size / 2, box.y + box.size / 2 + 3, short(count), kind))
    if differs:
        drawn.append(box.rect(1.5, "differs", tip))
    return drawn


def spread(
    edges: Sequence[float], counts: Sequence[int], marks: Mapping[str, float], caption: Caption
) -> Markup:
    """Histogram of one stage's ticks over its own range, with a dashed line for each named percentile.

    One bin stands for one value that never varied, and is written out.
    """
    height = 84.0
    base, top, low = height - _AXIS, max([1, *counts]), edges[0]
    if len(counts) == 1:
        words = text(WIDTH / 2, base / 2 + 8, f"always {low:,.0f}", "value middle")
        return svg(height, caption, [words, line(0, base, WIDTH, base, "axis")])
    scale = WIDTH / (edges[-1] - low)
    body = [line(0, base, WIDTH, base, "axis")]
    for left, right, count in zip(edges, edges[1:], counts, strict=False):
        tall = (base - _TOP) * count / top
        tip = f"{left:,.0f} to {right:,.0f}: {count:,}"
        body.append(
            rect((left - low) * scale + 0.5, base - tall, (right - left) * scale - 1, tall, "bar", tip)
        )
    for name, value in marks.items():
        x = min(max((value - low) * scale, 0.0), WIDTH)
        anchor = "start" if x < 20 else "end" if x > WIDTH - 20 else "middle"
        body.append(line(x, 12, x, base, "mark"))
        body.append(text(x, 9, name, f"tick {anchor}"))
    body.append(text(0, base + 14, f"{low:,.0f}", "tick start"))
    body.append(text(WIDTH, base + 14, f"{edges[-1]:,.0f}", "tick end"))
    return svg(height, caption, body)


def budget(parts: Mapping[str, float], caption: Caption) -> Markup:
    """One bar of a hop: each part's share in turn, the rest empty; beyond a whole hop the scale shrinks."""
    scale = WIDTH / max(1.0, sum(parts.values()))
    body = [f'<rect class="cell-back" x="0" y="8" width="{scale:.1f}" height="30"/>']
    x = 0.0
    for index, (name, share) in enumerate(parts.items()):
        body.append(rect(x, 8, share * scale, 30, f"part-{index % 4}", f"{name}: {share:.2%}"))
        x += share * scale
    body.append(line(scale - 0.75, 2, scale - 0.75, 44, "limit"))
    if scale > WIDTH / 2:
        body.append(text(0, 56, "0 %", "tick start"))
        body.append(text(scale, 56, "one hop", "tick end"))
    else:  # far over budget: the mark of the hop is near the start
        body.append(text(scale, 56, "one hop", "tick start"))
    return svg(62, caption, body)


def timeline(
    windows: int, lanes: Mapping[str, Sequence[int]], caption: Caption, columns: int = 150
) -> Markup:
    """Where mismatches are: a lane a stage, windows from left to right, a mark where at least one differs."""
    lane_height, left = 26.0, 58.0
    bins = max(1, min(windows, columns))
    step = (WIDTH - left) / bins
    body = []
    for index, (name, hits) in enumerate(lanes.items()):
        y = index * lane_height + 4
        body.append(text(0, y + 14, name, "tick start"))
        body.append(
            f'<rect class="cell-back" x="{left}" y="{y:.1f}" width="{WIDTH - left:.1f}" height="20"/>'
        )
        for column, count in sorted(_binned(hits, windows, bins).items()):
            first = math.ceil(column * windows / bins)
            tip = f"{name}: {count:,} differ from window {first:,} on"
            body.append(rect(left + column * step, y, max(step, 1.5), 20, "bar bad", tip))
    end = len(lanes) * lane_height + 14
    body.append(text(left, end, "window 0", "tick start"))
    body.append(text(WIDTH, end, f"{max(windows - 1, 0):,}", "tick end"))
    return svg(end + 6, caption, body)


def _binned(hits: Sequence[int], windows: int, bins: int) -> dict[int, int]:
    found: dict[int, int] = {}
    for hit in hits:
        column = hit * bins // windows
        found[column] = found.get(column, 0) + 1
    return found


@dataclass(frozen=True)
class Dots:
    """One line of ``dots``: its name, values, and what each is of."""

    label: str
    values: Sequence[float]
    names: Sequence[str]


def dots(rows: Sequence[Dots], caption: Caption) -> Markup:
    """A line a row, a dot a value between the lowest and the highest of all, and a bar at the row's mean."""
    lane, left, every = 18.0, 118.0, [value for row in rows for value in row.values] or [0.0, 1.0]
    low, high = min(every) - 0.01, max(every) + 0.01
    scale, body = (WIDTH - left - 6) / (high - low), []
    for index, row in enumerate(rows):
        y = index * lane + 12
        body += [text(0, y + 3, row.label, "tick start"), line(left, y, WIDTH, y, "axis")]
        for value, name in zip(row.values, row.names, strict=True):
            place = f'cx="{left + (value - low) * scale:.1f}" cy="{y:.1f}" r="3.2"'
            body.append(f'<circle class="bar" {place}><title>{escape(name)}: {value:.3f}</title></circle>')
        mean = left + (sum(row.values) / max(len(row.values), 1) - low) * scale
        body.append(line(mean, y - 6, mean, y + 6, "limit"))
    end = len(rows) * lane + 14
    body += [text(left, end, f"{low:.2f}", "tick start"), text(WIDTH, end, f"{high:.2f}", "tick end")]
    return svg(end + 6, caption, body)


def changes(rows: Mapping[str, float], caption: Caption) -> Markup:
    """A row a figure: its relative change, to the left where it fell, to the right where it rose."""
    lane, left, room = 22.0, 112.0, 44.0
    middle = (left + WIDTH) / 2
    scale = (WIDTH - left - 2 * room) / 2 / max([*(abs(change) for change in rows.values()), 1e-9])
    body = [line(middle, 4, middle, len(rows) * lane + 4, "axis")]
    for index, (name, change) in enumerate(rows.items()):
        y, end = index * lane + 4, middle + change * scale
        kind = "bar bad" if change > 0 else "bar good"
        told = f"{100 * change:+.1f} %".replace("-", "−") if change else "same"
        body.append(text(0, y + 14, name, "tick start"))
        body.append(rect(min(middle, end), y + 4, abs(end - middle), lane - 8, kind, f"{name}: {told}"))
        anchor = "start" if change >= 0 else "end"
        body.append(text(end + (4 if change >= 0 else -4), y + 14, told, f"value {anchor}"))
    return svg(len(rows) * lane + 8, caption, body)


def bars(rows: Mapping[str, float], caption: Caption, digits: int = 4) -> Markup:
    """A row a figure, all from zero on one scale, the figure behind its bar."""
    lane, left, room = 20.0, 8.0 + 5.2 * max(map(len, rows), default=0), 44.0
    scale = (WIDTH - left - room) / max([*rows.values(), 1e-12])
    body = [line(left, 2, left, len(rows) * lane + 2, "axis")]
    for index, (name, value) in enumerate(rows.items()):
        y, told = index * lane + 2, f"{value:.{digits}f}"
        body += [
            text(0, y + 13, name, "tick start"),
            rect(left, y + 4, value * scale, lane - 8, "bar", f"{name}: {told}"),
            text(left + value * scale + 4, y + 13, told, "value start"),
        ]
    return svg(len(rows) * lane + 6, caption, body)


@dataclass(frozen=True)
class Interval:
    """A figure with what it lies between."""

    label: str
    value: float
    low: float
    high: float


def intervals(rows: Sequence[Interval], caption: Caption, zero: bool = False) -> Markup:
    """A line a row from its lowest to its highest, with a dot at the value; ``zero`` marks no difference."""
    lane, left = 24.0, 112.0
    every = [bound for row in rows for bound in (row.low, row.high)] + ([0.0] if zero else [])
    low, high = min(every, default=0.0), max(every, default=1.0)
    low, high = low - 0.03 * (high - low or 1), high + 0.03 * (high - low or 1)
    scale = (WIDTH - left - 8) / (high - low)
    body = [line(left - low * scale, 2, left - low * scale, len(rows) * lane, "mark")] if zero else []
    for index, row in enumerate(rows):
        y = index * lane + 12
        ends = [left + (bound - low) * scale for bound in (row.low, row.high)]
        tip = f"{row.label}: {percent(row.value)}, {percent(row.low)} to {percent(row.high)}"
        body += [text(0, y + 3, row.label, "tick start"), line(ends[0], y, ends[1], y, "limit")]
        body += [line(end, y - 4, end, y + 4, "limit") for end in ends]
        place = f'cx="{left + (row.value - low) * scale:.1f}" cy="{y:.1f}" r="4"'
        body.append(f'<circle class="bar" {place}><title>{escape(tip)}</title></circle>')
    end = len(rows) * lane + 12
    body += [text(left, end, percent(low), "tick start"), text(WIDTH, end, percent(high), "tick end")]
    return svg(end + 6, caption, body)


def standalone(chart: Markup) -> str:
    """A chart as a file of its own, with the colours that a page would give it."""
    style = (
        "<style>text{font:9px sans-serif;fill:#333}.end{text-anchor:end}.middle{text-anchor:middle}"
        ".axis{stroke:#ddd}.limit{stroke:#d1592a;stroke-width:2}.bar{fill:#1f6feb;fill-opacity:.7}</style>"
        '<rect width="100%" height="100%" fill="white"/>'
    )
    opened, body = str(chart).split(">", 1)
    return f'{opened} xmlns="http://www.w3.org/2000/svg" width="720">{style}{body}\n'
