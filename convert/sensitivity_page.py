"""The page of a sensitivity study, from its document to HTML, and the tables for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from myofin import charts
from myofin.convert.sensitivity_words import choices
from myofin.page import UNKNOWN, fixed, percent, render
from myofin.svg import Caption

Document = Mapping[str, Any]

_TEMPLATE: Final = Path(__file__).parent / "templates" / "sensitivity.html.j2"
LAYER_COLUMNS: Final = {
    "int8": "alone in int8",
    "int16x8": "alone in int16x8",
    "rest_int8": "all int8 but this",
    "rest_int8_this_int16x8": "all int8, this int16x8",
}


def render_sensitivity(document: Document) -> str:
    """Render the self-contained page of a document made by ``study_sensitivity``."""
    whole = {
        "float model": document["float"],
        **{f"{scheme}, engine": found["engine"] for scheme, found in document["whole"].items()},
    }
    return render(
        _TEMPLATE,
        document=document,
        whole=whole,
        columns=LAYER_COLUMNS,
        layer_chart=_chart(document, "layers"),
        part_chart=_chart(document, "parts"),
        sizes=sorted({row["windows"] for row in document["calibration"]}),
        calibration={
            "Features": choices(document, "feature_rmse"),
            f"Features, {document['louder']:g} times as loud": choices(document, "louder_rmse"),
            "Logits": choices(document, "logit_rmse"),
        },
        saturation={scheme: saturation_rows(document, scheme) for scheme in document["saturation"]},
        loudness=sorted({row["loudness"] for row in document["saturation"]["int8"]}),
    )


def saturation_rows(document: Document, scheme: str) -> list[tuple[str, list[str]]]:
    """A row a stage: its name, and at each loudness the share of its bounds that cut something off."""
    rows: dict[str, list[str]] = {}
    for row in document["saturation"][scheme]:
        rows.setdefault(row["stage"], []).append(_cut_told(row))
    return list(rows.items())


def _cut_told(row: Mapping[str, Any]) -> str:
    every = row["bounded"] or row["values"]
    if not every:
        return UNKNOWN
    if row["below"] is None and row["above"] is None:
        return "by design"
    return f"{100 * row['cut'] / every:.2g}\u00a0%" if row["cut"] else "0"


def summary(document: Document) -> str:
    """What a person reads first: sentences, and a line a layer."""
    width = max(len(row["layer"]) for row in document["layers"])
    lines = [f"{'layer'.ljust(width)}  error of features: {', '.join(LAYER_COLUMNS.values())}"]
    for row in document["layers"]:
        figures = "  ".join(fixed(row[key]["feature_rmse"], 4) for key in LAYER_COLUMNS)
        lines.append(f"{row['layer'].ljust(width)}  {figures}")
    engine = document["whole"]["int8"]["engine"]
    head = f"accuracy: float {percent(document['float']['accuracy'])}, int8 {percent(engine['accuracy'])}"
    return "\n".join([head, *lines, *document["conclusions"]])


def _chart(document: Document, key: str) -> Any:
    if key == "layers":
        rows = {row["layer"]: row["int8"]["feature_rmse"] for row in document["layers"]}
        title = "Error of the features, each layer alone in int8"
    else:
        rows = {f"{row['layer']}, {row['part']}": row["feature_rmse"] for row in document["parts"]}
        title = "Error of the features, each part alone in int8"
    told = ", ".join(f"{name} {value:.4f}" for name, value in rows.items())
    return charts.bars(rows, Caption(f"{key}-chart", title, told))
