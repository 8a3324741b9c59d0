"""The course of a training as a table and as a picture: pure functions of its rows."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import asdict, fields
from html import escape

from myofin.train.pretrain import EpochRow

_WIDTH, _HEIGHT, _MARGIN = 640, 320, 56
_COLOURS = {"loss": "#1f6feb", "validation_loss": "#d1592a"}


def curves_csv(rows: Sequence[EpochRow]) -> str:
    """Return one line an epoch under a header; an accuracy that was not measured is left empty."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, [field.name for field in fields(EpochRow)], lineterminator="\n")
    writer.writeheader()
    for row in rows:
        cells = asdict(row)
        writer.writerow({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in cells.items()})
    return stream.getvalue()


def curves_svg(rows: Sequence[EpochRow]) -> str:
    """Return a self-contained SVG of the losses of each stage over its epochs, on a logarithmic axis."""
    stages = list(dict.fromkeys(row.stage for row in rows))
    height = _HEIGHT * max(len(stages), 1)
    panels = [
        _panel(stage, [row for row in rows if row.stage == stage], index * _HEIGHT)
        for index, stage in enumerate(stages)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}"'
        f' height="{height}" font-family="sans-serif" font-size="12">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n{"".join(panels)}</svg>\n'
    )


def _panel(stage: str, rows: Sequence[EpochRow], top: int) -> str:
    values = [getattr(row, name) for row in rows for name in _COLOURS]
    logs = [math.log10(max(value, 1e-9)) for value in values]
    low, high = math.floor(min(logs)), max(math.ceil(max(logs)), math.floor(min(logs)) + 1)
    parts = [f'<text x="{_MARGIN}" y="{top + 24}" font-weight="bold">{escape(stage)}</text>\n']
    for decade in range(low, high + 1):
        y = top + _y(10.0**decade, low, high)
        parts.append(
            f'<line x1="{_MARGIN}" x2="{_WIDTH - 16}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
            f'<text x="{_MARGIN - 8}" y="{y + 4:.1f}" text-anchor="end">1e{decade}</text>\n'
        )
    for number, (name, colour) in enumerate(_COLOURS.items()):
        points = " ".join(
            f"{_x(i, len(rows)):.1f},{top + _y(getattr(row, name), low, high):.1f}"
            for i, row in enumerate(rows)
        )
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{points}"/>\n')
        label = name.replace("_", " ")
        parts.append(f'<text x="{200 + 130 * number}" y="{top + 24}" fill="{colour}">{label}</text>\n')
    parts.append(
        f'<text x="{_WIDTH - 16}" y="{top + _HEIGHT - 12}" text-anchor="end">{len(rows)} epochs</text>\n'
    )
    return "".join(parts)


def _x(index: int, count: int) -> float:
    return _MARGIN + (_WIDTH - 16 - _MARGIN) * (index / (count - 1) if count > 1 else 0.5)


def _y(value: float, low: int, high: int) -> float:
    share = (math.log10(max(value, 1e-9)) - low) / (high - low)
    return 40 + (_HEIGHT - 80) * (1 - share)
