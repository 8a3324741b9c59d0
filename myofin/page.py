"""Pages: one look for every report, self-contained HTML from a template and plain data.

Templates extend ``base.html.j2``, which carries the style; everything they are given is escaped unless it is
``Markup`` (the charts).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

UNKNOWN = "—"


def render(template: Path, **context: Any) -> str:
    """Render a template file to a page; a name the template needs and does not get is an error."""
    return _environment(template.parent).get_template(template.name).render(**context)


def thousands(value: float | None) -> str:
    """``1234567`` as ``1,234,567``."""
    return UNKNOWN if value is None else f"{value:,.0f}"


def percent(value: float | None, digits: int = 1) -> str:
    """``0.5`` as ``50.0 %``."""
    return UNKNOWN if value is None else f"{100 * value:.{digits}f}\u00a0%"


def fixed(value: float | None, digits: int = 3) -> str:
    """A figure with so many digits after the point."""
    return UNKNOWN if value is None else f"{value:.{digits}f}".replace("-", "−")


def flat(facts: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Nested facts as rows of a table: names joined by spaces, lists by commas."""
    if isinstance(facts, dict):
        rows = []
        for key, value in facts.items():
            rows += flat(value, f"{prefix} {key}".strip().replace("_", " "))
        return rows
    if isinstance(facts, (list, tuple)):
        return [(prefix, ", ".join(_words(item) for item in facts))]
    return [(prefix, _words(facts))]


def _words(value: Any) -> str:
    if value is None:
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return thousands(value) if isinstance(value, int) and value >= 10_000 else str(value)


@cache
def _environment(folder: Path) -> Environment:
    environment = Environment(
        loader=FileSystemLoader((folder, Path(__file__).parent / "templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"thousands": thousands, "percent": percent, "fixed": fixed, "flat": flat}
    return environment
