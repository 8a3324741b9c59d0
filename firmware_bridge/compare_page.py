"""The page of a comparison, from its document to HTML, and the table for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup

from myofin import charts
from myofin.page import UNKNOWN, fixed, percent, render
from myofin.svg import Caption

Document = Mapping[str, Any]

_TEMPLATE: Final = Path(__file__).parent / "templates" / "compare.html.j2"
_MARKS: Final = {"better": "▼ less", "worse": "▲ more", "same": "= same", "unknown": ""}


def render_comparison(document: Document) -> str:
    """Render the self-contained page of a document made by ``compare_reports``."""
    return render(
        _TEMPLATE,
        document=document,
        rows=cost_rows(document),
        cost_chart=_cost_chart(document),
        accuracy_chart=_accuracy_chart(document),
    )


def cost_rows(document: Document) -> list[tuple[str, str, str, str, str, str]]:
    """Name, unit, A, B, relative change, and what it means, of each cost."""
    return [
        (
            cost["name"],
            cost["unit"],
            _figure(cost["a"]),
            _figure(cost["b"]),
            signed_percent(cost["relative"]),
            _MARKS[cost["way"]],
        )
        for cost in document["costs"]
    ]


def table_text(document: Document) -> str:
    """The comparison for a terminal."""
    rows: list[tuple[str, ...]] = [("", "A", "B", "change", "")]
    rows.append(("verdict", *(verdict.upper() for verdict in document["verdicts"]), "", ""))
    for stage, (a, b) in document["equal"].items():
        rows.append((f"windows with equal {stage}", percent(a), percent(b), "", ""))
    rows.append(("accuracy on the device", *(percent(value) for value in document["accuracies"]), "", ""))
    for found in document["features"]:
        rows.append((f"log R² of {found['feature']}", *(fixed(value) for value in found["log"]), "", ""))
    rows += [(f"{name}, {unit}", *figures) for name, unit, *figures in cost_rows(document)]
    said = [f"  {sentence}" for sentence in document["differences"]]
    accuracy = document["accuracy"]
    return "\n".join(
        (
            document["sentence"],
            *(f"  worse: {sentence}" for sentence in document["regressions"]),
            *(["not made alike:", *said] if said else []),
            *_aligned(rows),
            *([f"accuracy, B minus A: {accuracy['sentence']}"] if accuracy else []),
            document["accuracy_note"],
        )
    )


def signed_percent(share: float | None) -> str:
    """A relative change, as ``+1.5 %``."""
    if share is None:
        return UNKNOWN
    return f"{100 * share:+.1f} %".replace("-", "−") if share else "0 %"


def _figure(value: float | None) -> str:
    if value is None:
        return UNKNOWN
    return f"{value:,.0f}" if float(value).is_integer() or value >= 1000 else f"{value:,.1f}"


def _aligned(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for name, *figures in rows:
        padded = (figure.rjust(width) for figure, width in zip(figures, widths[1:], strict=True))
        yield f"{name.ljust(widths[0])}  {'  '.join(padded)}".rstrip()


def _cost_chart(document: Document) -> Markup:
    shown = {cost["name"]: cost["relative"] for cost in document["costs"] if cost["relative"] is not None}
    told = ", ".join(f"{name} {signed_percent(change)}" for name, change in shown.items())
    return charts.changes(shown, Caption("costs", "Change of each cost from A to B", told))


def _accuracy_chart(document: Document) -> Markup | None:
    found = document["accuracy"]
    if found is None:
        return None
    caption = Caption("accuracy-change", "Accuracy, B minus A", found["sentence"])
    row = charts.Interval("B minus A", found["difference"], *found["ci95"])
    return charts.intervals([row], caption, zero=True)
