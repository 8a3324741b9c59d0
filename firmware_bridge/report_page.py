"""The validation report as a page: from the document of ``report.json`` to HTML, with its charts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from myofin import charts
from myofin.page import percent, render, thousands
from myofin.svg import Caption

Document = Mapping[str, Any]

_TEMPLATE = Path(__file__).parent / "templates" / "report.html.j2"
_MISMATCHES_SHOWN = 12
_SHARE_SHOWN = 0.0005
_WHOLE = ("total", "response")  # not parts of a decision but all of it, without and with the waiting


def render_html(report: Document) -> str:
    """Render the self-contained page of a document made by ``build_report``."""
    return render(
        _TEMPLATE,
        report=report,
        method={
            "compared with": report["oracle"],
            "latency unit": report["latency"]["unit"],
            **report["method"],
        },
        mismatches=_mismatch_rows(report),
        recalls=_recalls(report["confusion"]),
        stage_parts=_stage_parts(report),
        difference_charts=_difference_charts(report),
        confusion_charts=_confusion_charts(report),
        latency_charts=_latency_charts(report["latency"]),
        budget_chart=_budget_chart(report),
        timeline_chart=_timeline_chart(report),
    )


def _difference_charts(report: Document) -> dict[str, Markup]:
    unit = report["difference_unit"]
    found = {}
    for stage, bars in report["lsb_histogram"].items():
        outside = sum(n for n, good in zip(bars["counts"], bars["within"], strict=True) if not good)
        told = f"{sum(bars['counts']) - outside:,} values equal, {outside:,} different."
        caption = Caption(f"difference-{stage}", f"Device minus host, {stage}, {unit}", told)
        found[stage] = charts.difference_bars(bars["labels"], bars["counts"], bars["within"], caption)
    return found


def _confusion_charts(report: Document) -> dict[str, Markup]:
    confusion, accuracy = report["confusion"], report["accuracy"]
    labels = [str(label) for label in confusion["labels"]]
    found = {}
    for name in ("host", "device"):
        if name in confusion:
            told = f"{percent(accuracy[name])} of {accuracy['labelled']:,} windows decided right."
            caption = Caption(f"confusion-{name}", f"Confusion matrix, {name}", told)
            reference = confusion.get("host") if name == "device" else None
            found[name] = charts.confusion(confusion[name], labels, caption, reference)
    return found


def _latency_charts(latency: Document) -> dict[str, Markup]:
    found = {}
    for stage, values in latency["per_stage"].items():
        if values["p50"] is not None:
            told = ", ".join(f"{name} {thousands(values[name])}" for name in ("p50", "p99", "max"))
            caption = Caption(f"latency-{stage}", f"{stage}, {latency['unit']} a decision", told)
            histogram = values["histogram"]
            marks = {"p50": values["p50"], "p99": values["p99"]}
            found[stage] = charts.spread(histogram["edges"], histogram["counts"], marks, caption)
    return found


def _stage_parts(report: Document) -> dict[str, float]:
    """Share of a hop that each stage takes at its median; what no stage covers is ``other``."""
    latency, deadline = report["latency"], report["deadline"]
    if latency["p50"] is None:
        return {}
    stages = {name: values["p50"] for name, values in latency["per_stage"].items() if name not in _WHOLE}
    rest = latency["p50"] - sum(stages.values())
    if rest > _SHARE_SHOWN * latency["p50"]:
        stages["other"] = rest
    hop_ticks = deadline["hop_us"] * deadline["ticks_per_second"] / 1e6
    return {name: ticks / hop_ticks for name, ticks in stages.items()}


def _budget_chart(report: Document) -> Markup:
    parts = _stage_parts(report)
    told = ", ".join(f"{name} {percent(share)}" for name, share in parts.items())
    return charts.budget(parts, Caption("budget", "Share of one hop, by stage, at the median", told))


def _timeline_chart(report: Document) -> Markup:
    found = report["mismatches"]
    told = f"{thousands(found['count'])} of {thousands(report['windows'])} windows differ."
    caption = Caption("timeline", "Windows that differ, by the first stage that does", told)
    return charts.timeline(report["windows"], found["by_first_stage"], caption)


def _mismatch_rows(report: Document) -> list[dict[str, Any]]:
    """A row a mismatch, its values as (place, host, device)."""
    rows = []
    for found in report["mismatches"]["first"][:_MISMATCHES_SHOWN]:
        stage = found["stage"]
        values = zip(found["elements"], found["host"], found["device"], strict=True)
        told = [
            (_place(report, stage, at), _told(stage, ours), _told(stage, theirs))
            for at, ours, theirs in values
        ]
        rows.append({**found, "told": told})
    return rows


def _place(report: Document, stage: str, element: int) -> str:
    if stage == "features" and report["feature_names"]:
        channel, feature = divmod(element, len(report["feature_names"]))
        return f"channel {channel} {report['feature_names'][feature]}"
    if stage == "features":
        return f"value {element}"
    return f"class {report['confusion']['labels'][element]}" if stage == "logits" else "CRC-32"


def _told(stage: str, value: float | str) -> str:
    if stage == "codes":
        return f"{value:08x}"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _recalls(confusion: Document) -> list[dict[str, Any]]:
    """A row a class: number, name, how many windows, and the share decided right by host and device."""
    rows = []
    for index, (label, name) in enumerate(zip(confusion["labels"], confusion["names"], strict=True)):
        row: dict[str, Any] = {"label": label, "name": name}
        for executor in ("host", "device"):
            counts = confusion[executor][index] if executor in confusion else []
            row[executor] = counts[index] / sum(counts) if sum(counts) else None
            row["windows"] = sum(counts)
        rows.append(row)
    return rows
