"""The page of a sweep, ``sweep.html``: from the document of ``sweep.json`` to one self-contained file.

Plotly draws the chart that answers to the pointer and to the filters. PyPI has only the whole of it (4.8 MB,
with maps and 3D; the smaller builds are on npm), so the page carries it compressed, 2 MB, and unpacks it when
opened. Everything else works without it: the picture for print, the table, the reasons.
"""

from __future__ import annotations

import base64
import gzip
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup

from myofin.errors import ToolMissingError
from myofin.page import percent, render
from myofin.scatter import SHAPES, Axis, Point, mark, scatter
from myofin.svg import Caption, short
from myofin.sweep.front import quality_of
from myofin.sweep.page_rows import (
    MEASURED,
    OBJECTIVES,
    VALUES,
    Column,
    Trial,
    cells,
    misses_told,
    name_of,
    series_name,
    split_params,
    whole_trial,
)
from myofin.sweep.page_words import conclusions, trial_of

_TEMPLATE: Final = Path(__file__).parent / "templates" / "sweep.html.j2"
_NUMBER: Final = Column("number", "trial", "count")


def render_sweep(data: Mapping[str, Any]) -> str:
    """Render the page of a sweep from the document of its ``sweep.json``.

    Args:
        data: ``trials`` with their ``params``, ``values`` and ``fits``; ``front``, ``recommended`` or
            ``nearest``, and what was swept.

    Raises:
        ToolMissingError: Plotly is not installed.
    """
    measured = [trial for trial in data["trials"] if trial["state"] == MEASURED]
    varied, shared = split_params(data["trials"])
    columns = [_NUMBER, *VALUES, *varied]
    series = sorted({series_name(trial) for trial in measured})
    chosen = data.get("recommended") or data.get("nearest")
    view = _view(data, measured, columns, series)
    return render(
        _TEMPLATE,
        data=data,
        columns=columns,
        shared=shared,
        rows=[{**row, "told": _told(row["cells"], columns)} for row in view["trials"]],
        refused=[_refusal(trial, varied) for trial in data["trials"] if trial["state"] != MEASURED],
        varied=varied,
        chosen=trial_of(data, chosen["id"]) if chosen else None,
        chosen_reason=chosen["reason"] if chosen else "",
        conclusions=conclusions(data),
        shipped=_shipped(data),
        objectives=OBJECTIVES,
        by_accuracy=quality_of(data["objectives"]) == "accuracy",
        weighed=[name_of(name) for name in data["objectives"]],
        boards=view["boards"],
        series=[(name, _swatch(index)) for index, name in enumerate(series)],
        picture=_picture(data, measured, series),
        view=view,
        plotly=_packed_plotly(),
    )


def _view(
    data: Mapping[str, Any], measured: Sequence[Trial], columns: Sequence[Column], series: Sequence[str]
) -> dict[str, Any]:
    """What the page's script works on, as plain JSON."""
    board = data.get("board")
    return {
        "objectives": [vars(objective) for objective in OBJECTIVES],
        "columns": [vars(column) for column in columns],
        "series": list(series),
        "shapes": SHAPES,
        "boards": _boards(data, measured),
        "board": board["name"] if board else "",
        "chosen": (data.get("recommended") or data.get("nearest") or {}).get("id"),
        "trials": [_row(data, trial, columns, series) for trial in measured],
    }


def _row(
    data: Mapping[str, Any], trial: Trial, columns: Sequence[Column], series: Sequence[str]
) -> dict[str, Any]:
    recommended = (data.get("recommended") or {}).get("id")
    return {
        "id": trial["id"],
        "number": trial["number"],
        "series": series.index(series_name(trial)),
        "front": trial["id"] in data["front"],
        "recommended": trial["id"] == recommended,
        "cells": {**cells(trial, columns), _NUMBER.key: trial["number"]},
        "whole": whole_trial(trial),
        "misses": {
            board: "" if found["ok"] else misses_told(found["misses"])
            for board, found in (trial.get("fits") or {}).items()
        },
    }


def _told(row: Mapping[str, Any], columns: Sequence[Column]) -> dict[str, str]:
    return {column.key: column.told(row[column.key]) for column in columns}


def _shipped(data: Mapping[str, Any]) -> dict[str, str]:
    """Figures of the recommended network once it was fitted to the validation repetitions too."""
    shipped = (data.get("recommended") or {}).get("shipped")
    if not shipped:
        return {}
    # Its validation repetitions are no longer unseen, so an accuracy on them would mean nothing.
    found = cells({"params": {}, **shipped}, VALUES[1:])
    return {column.label: column.told(found[column.key]) for column in VALUES[1:]}


def _refusal(trial: Trial, varied: Sequence[Column]) -> dict[str, Any]:
    told = _told(cells(trial, varied), varied)
    return {
        "number": trial["number"],
        "state": trial["state"],
        "settings": ", ".join(f"{column.label} {told[column.key]}" for column in varied),
        "reason": trial["reason"] or "",
    }


def _boards(data: Mapping[str, Any], measured: Sequence[Trial]) -> list[dict[str, str]]:
    """Boards whose budget can be chosen, with what is known of them."""
    names = dict.fromkeys(name for trial in measured for name in (trial.get("fits") or {}))
    budgets = dict(data.get("budgets") or {})
    if data.get("board"):
        budgets[data["board"]["name"]] = data["board"]
    return [{"name": name, "budget": _budget(budgets.get(name), data["hop_ms"])} for name in names]


def _budget(facts: Mapping[str, Any] | None, hop_ms: float) -> str:
    if not facts:
        return ""
    hop = facts["instructions_per_second"] * hop_ms / 1000
    return f"{facts['flash_bytes']:,} B flash, {facts['ram_bytes']:,} B RAM, {hop:,.0f} instructions a hop"


def _picture(data: Mapping[str, Any], measured: Sequence[Trial], series: Sequence[str]) -> Markup:
    """The chart as it is first shown, for print and for readers without scripts."""
    x, y = _axis(1), _axis(0)
    recommended = (data.get("recommended") or {}).get("id")
    points = [
        Point(
            x=float(trial["values"]["instructions"]),
            y=float(trial["values"]["accuracy"]),
            series=series.index(series_name(trial)),
            filled=trial["id"] in data["front"],
            ringed=trial["id"] == recommended,
            tip=f"trial {trial['number']}: {y.told(trial['values']['accuracy'])}, "
            f"{trial['values']['instructions']:,} instructions",
        )
        for trial in measured
    ]
    told = f"{len(points)} measured trials; the table below holds every figure."
    return scatter(points, x, y, Caption("picture", "Accuracy against instructions a decision", told))


def _axis(index: int) -> Axis:
    objective = OBJECTIVES[index]
    told = (lambda value: percent(value, 0)) if objective.unit == "" else short
    return Axis(objective.label, objective.better, told)


def _swatch(index: int) -> Markup:
    return Markup(
        f'<svg class="shape" viewBox="-6 -6 12 12" aria-hidden="true">{mark(index, 0, 0, 4, True)}</svg>'
    )


@cache
def _packed_plotly() -> str:
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise ToolMissingError(
            "Plotly is not installed, which draws the page of a sweep.", hint='pip install "myofin[sweep]"'
        ) from error
    # No time stamp: the same sweep makes the same page.
    return base64.b64encode(gzip.compress(get_plotlyjs().encode("utf-8"), mtime=0)).decode("ascii")
