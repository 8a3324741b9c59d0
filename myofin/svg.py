"""Primitives of the charts: inline SVG, 360 units wide so that text stays readable on a phone.

Everything is drawn in the classes of ``templates/style.css.j2``; all text is escaped here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH = 360.0


@dataclass(frozen=True)
class Caption:
    """Name of a chart, unique within its page, and what a screen reader says of it."""

    key: str
    title: str
    description: str


def short(count: float) -> str:
    """A count in at most four characters: 14400 becomes ``14k``."""
    for limit, suffix in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if count >= limit:
            scaled = count / (1e3 if suffix == "k" else limit)
            return f"{scaled:.1f}{suffix}" if scaled < 10 else f"{scaled:.0f}{suffix}"
    return f"{count:.0f}"


def svg(height: float, caption: Caption, body: Sequence[str]) -> Markup:
    """A drawing of ``WIDTH`` units by ``height``, which names itself for screen readers."""
    key = escape(caption.key)
    return Markup(
        f'<svg viewBox="0 0 {WIDTH:.0f} {height:.0f}" role="img" aria-labelledby="{key}-title {key}-desc">'
        f'<title id="{key}-title">{escape(caption.title)}</title>'
        f'<desc id="{key}-desc">{escape(caption.description)}</desc>{"".join(body)}</svg>'
    )


def rect(x: float, y: float, width: float, height: float, kind: str, tip: str, opacity: float = 1.0) -> str:
    """A rectangle with a tip that shows when it is pointed at."""
    shade = f' fill-opacity="{opacity:.2f}"' if opacity < 1.0 else ""
    place = f'x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{max(height, 0):.1f}"'
    return f'<rect class="{kind}" {place}{shade}><title>{escape(tip)}</title></rect>'


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """A straight line."""
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def text(x: float, y: float, words: str, kind: str) -> str:
    """Words whose base line begins, is centred or ends at a point, by their class."""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(words)}</text>'
