"""The validation report as a document: the keys of ``report.json``, and the folder that holds it.

``build_report`` turns a comparison and the facts around it into plain JSON-able data; ``render_html`` makes
the page from that document alone, so a page can be made again from its ``report.json``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from myofin import __version__
from myofin.artifacts import finite, write_json
from myofin.errors import InputError
from myofin.firmware_bridge.comparison import STAGES, Comparison, Latency, Mismatch
from myofin.firmware_bridge.report_page import render_html
from myofin.firmware_bridge.statistics import Distribution
from myofin.firmware_bridge.window_facts import WindowFacts

__all__ = ["Facts", "LinkFacts", "MemoryFacts", "build_report", "render_html", "write_report"]

MISMATCHES_KEPT = 50
_EXECUTORS = ("float", "host", "device")


@dataclass(frozen=True)
class LinkFacts:
    """What the link carried and what went wrong on it; round trip in milliseconds."""

    bytes: int = 0
    crc_errors: int = 0
    resyncs: int = 0
    restarts: int = 0
    dropped_samples: int = 0
    rtt_ms_p50: float | None = None


@dataclass(frozen=True)
class MemoryFacts:
    """Sizes in bytes, from the image and from the board's own high-water mark."""

    flash_code: int
    flash_constants: int
    ram_static: int
    stack_high_water: int | None = None


@dataclass(frozen=True)
class Facts:
    """What surrounds a comparison: classes in logit order, link, memory, board, bundle, and the method.

    ``board``, ``bundle`` and ``method`` are free, JSON-able and shown as they are; ``board["name"]`` is the
    page's heading. ``oracle`` names the host executor compared with. ``method`` pairs a topic with a
    sentence, such as ``{"windows": "300 windows of the test repetitions 2 and 5"}``.
    """

    oracle: str
    class_labels: Sequence[int]
    class_names: Sequence[str]
    link: LinkFacts
    memory: MemoryFacts
    board: Mapping[str, Any]
    bundle: Mapping[str, Any]
    method: Mapping[str, str] = field(default_factory=dict)


def build_report(comparison: Comparison, facts: Facts, windows: WindowFacts | None = None) -> dict[str, Any]:
    """Build the document of ``report.json``: plain JSON types, no NaN; undefined figures are ``None``.

    ``windows`` is what another report can be compared with, window by window.

    Raises:
        InputError: There is not one label and one name for each class of the logits.
    """
    _check_classes(comparison, facts)
    report = {
        "verdict": "pass" if comparison.passed else "fail",
        "sentence": verdict_sentence(comparison),
        "windows": comparison.windows,
        "oracle": facts.oracle,
        "scheme": comparison.number_format.scheme,
        **_parity(comparison),
        **_recognition(comparison, facts),
        "decisions": windows.to_json() if windows else None,
        "feature_names": list(comparison.number_format.scaling.names),
        **_fidelity(comparison),
        "latency": _latency(comparison.latency),
        "deadline": _deadline(comparison.latency),
        "link": asdict(facts.link),
        "memory": asdict(facts.memory),
        "board": facts.board,
        "bundle": facts.bundle,
        "method": facts.method,
        "tool_version": __version__,
    }
    plain = _plain(report)
    assert isinstance(plain, dict)
    return plain


def write_report(folder: Path, report: Mapping[str, Any]) -> None:
    """Write ``report.json`` and ``report.html`` into an existing folder."""
    write_json(folder / "report.json", report)
    (folder / "report.html").write_text(render_html(report), encoding="utf-8")


def verdict_sentence(comparison: Comparison) -> str:
    """The result in one plain sentence, with the first stage that differs where one does."""
    windows = comparison.windows
    if windows == 0:
        return "No window was compared, so nothing is shown."
    if not comparison.passed:
        first = comparison.mismatches[0]
        return (
            f"The board differs from the host in {len(comparison.mismatches):,} of {windows:,} windows; "
            f"the first is window {first.window:,}, where the {first.stage} are the first to differ."
        )
    if comparison.number_format.is_float:
        return (
            f"The board computed what the host computed: {windows:,} of {windows:,} windows equal in codes, "
            f"and in features and logits within {comparison.number_format.float_tolerance:g}."
        )
    return (
        f"The board computed exactly what the host computed: {windows:,} of {windows:,} windows equal "
        "in codes, features and logits."
    )


def _check_classes(comparison: Comparison, facts: Facts) -> None:
    counts = {len(facts.class_labels), len(facts.class_names)}
    counts |= {len(recognition.confusion) for recognition in comparison.recognition.values()}
    if len(counts) != 1:
        found = ", ".join(str(count) for count in sorted(counts))
        raise InputError(
            f"Labels, names and logits of the classes differ in number: {found}.",
            hint="Convert the run again, so that the bundle names every class.",
        )


def _parity(comparison: Comparison) -> dict[str, Any]:
    parity, stages = comparison.parity, STAGES[1:]
    by_stage = {s: [m.window for m in comparison.mismatches if m.stage == s] for s in STAGES}
    is_float = comparison.number_format.is_float
    return {
        "bit_exact": {stage: parity[stage].bit_exact for stage in STAGES},
        "equal": {stage: parity[stage].equal for stage in STAGES},
        "float_tolerance": comparison.number_format.float_tolerance if is_float else None,
        "max_lsb": {stage: _number(parity[stage].max_difference or 0.0) for stage in stages},
        "difference_unit": "absolute" if is_float else "LSB",
        "non_finite": {stage: parity[stage].non_finite for stage in stages},
        "lsb_histogram": {stage: asdict(h) for stage in stages if (h := parity[stage].histogram)},
        "argmax_flips": comparison.argmax_flips,
        "mismatches": {
            "count": len(comparison.mismatches),
            "by_first_stage": by_stage,
            "first": [_mismatch(m) for m in comparison.mismatches[:MISMATCHES_KEPT]],
        },
    }


def _mismatch(mismatch: Mismatch) -> dict[str, Any]:
    # JSON has no NaN, and here the word is the finding.
    def told(values: Sequence[float]) -> list[float | str]:
        return [value if math.isfinite(value) else str(value) for value in values]

    return {**asdict(mismatch), "host": told(mismatch.host), "device": told(mismatch.device)}


def _recognition(comparison: Comparison, facts: Facts) -> dict[str, Any]:
    found = comparison.recognition
    device = found.get("device")
    accuracy: dict[str, Any] = dict.fromkeys(_EXECUTORS)
    accuracy |= {name: recognition.accuracy for name, recognition in found.items()}
    return {
        "accuracy": {
            **accuracy,
            "ci95": device.ci95 if device else None,
            "ci95_each": {name: recognition.ci95 for name, recognition in found.items()},
            "labelled": device.labelled if device else 0,
        },
        "confusion": {
            "labels": facts.class_labels,
            "names": facts.class_names,
            **{name: found[name].confusion for name in ("host", "device") if name in found},
            "undecided": {name: recognition.undecided for name, recognition in found.items()},
        },
    }


def _fidelity(comparison: Comparison) -> dict[str, Any]:
    each = comparison.fidelity
    return {"feature_r2": each.get("device", {}), "feature_r2_each": each}


def _latency(latency: Latency) -> dict[str, Any]:
    stages = {stage: _distribution(found) for stage, found in latency.stages.items()}
    total = stages["total"]
    return {
        "unit": latency.unit,
        **{key: total[key] for key in ("p50", "p95", "p99", "max")},
        "decisions": latency.decisions,
        "warmup_left_out": latency.warmup,
        "per_stage": stages,
    }


def _distribution(found: Distribution | None) -> dict[str, Any]:
    if found is None:
        return dict.fromkeys(("min", "p50", "p95", "p99", "max"))
    return {
        "min": _number(found.minimum),
        "p50": _number(found.p50),
        "p95": _number(found.p95),
        "p99": _number(found.p99),
        "max": _number(found.maximum),
        "histogram": {"edges": found.bin_edges, "counts": found.bin_counts},
    }


def _number(value: float) -> float:
    """Whole numbers as integers, so that JSON shows ``9120`` and not ``9120.0``."""
    return int(value) if value.is_integer() else value


def _deadline(latency: Latency) -> dict[str, Any]:
    total = latency.stages["total"]
    return {
        "hop_us": latency.hop_us,
        "missed": latency.missed,
        "ticks_per_second": latency.ticks_per_second,
        "hop_share_p50": latency.hop_share(total.p50) if total else None,
        "hop_share_max": latency.hop_share(total.maximum) if total else None,
        "max_us": total.maximum * 1e6 / latency.ticks_per_second if total else None,
    }


def _plain(value: Any) -> Any:
    """Bring a value to plain JSON types; what is not finite becomes ``None``."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return finite(value)
    return value if isinstance(value, str | int | bool | None) else str(value)
