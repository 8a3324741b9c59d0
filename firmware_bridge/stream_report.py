"""The report of a stream: that of a validation over its decisions, and what only a stream has. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from myofin.boards.registry import Board
from myofin.convert.bundle import Bundle
from myofin.firmware_bridge.comparison import Comparison, compare
from myofin.firmware_bridge.decisions import NumberFormat, Ticks, Truth
from myofin.firmware_bridge.report import Facts, LinkFacts, MemoryFacts, build_report
from myofin.firmware_bridge.statistics import distribution
from myofin.firmware_bridge.stream_check import Recomputation
from myofin.firmware_bridge.stream_store import StreamRecording
from myofin.firmware_bridge.window_facts import WindowFacts, streamed_identities
from myofin.smoothing import Smoothing, smoothed_figures

WARMUP_DECISIONS: Final = 30
_GAPS_KEPT: Final = 50


@dataclass(frozen=True)
class CrossCheck:
    """How many decisions the oracle computed too, and on how many of them the board agrees with it."""

    oracle: str
    decisions: int
    equal: int


def stream_report(
    bundle: Bundle,
    board: Board,
    recording: StreamRecording,
    found: Recomputation,
    labels: NDArray[np.int64],
    checked: CrossCheck | None,
    smoothing: Smoothing,
) -> dict[str, Any]:
    """The document of ``report.json``.

    Args:
        bundle: What the board ran.
        board: The board.
        recording: What came.
        found: What the host computed of it.
        labels: int64 ``[d]`` of the verified decisions, positions among the classes; -1: not judged.
        checked: What the oracle says of some of them.
        smoothing: What is done with the decisions outside the network.
    """
    plan = recording.facts["plan"]
    ticks = _ticks(board, found, plan)
    number_format = NumberFormat.from_bundle(bundle.body.model_dump())
    comparison = compare(found.host, found.device, number_format, ticks, Truth(labels=labels))
    windows = _windows(found, labels, bundle.body.frames)
    report = build_report(comparison, _facts(bundle, board, recording, checked), windows)
    report["deadline"] = {**report["deadline"], **_deadline(ticks, found)}
    report["link"]["dropped_samples"] = sum(gap.dropped for gap in found.gaps)
    report["stream"] = _stream(board, recording, found, checked)
    real = bundle.body.outputs["logits"].real(found.device.logits)
    streams = uninterrupted(found.decisions["index"], plan["frame_samples"])
    report["stream"]["smoothed"] = smoothed_figures(real, streams, labels, smoothing)
    problems = _problems(comparison, found, checked)
    report["verdict"] = "fail" if problems else "pass"
    report["sentence"] = " ".join(problems) or _sentence(recording, found, report)
    return report


def _windows(found: Recomputation, labels: NDArray[np.int64], frames: int) -> WindowFacts:
    last = np.searchsorted(found.frames["index"], found.decisions["index"]).astype(np.int64)
    identities = streamed_identities(found.frames["counts"], last, frames)
    return WindowFacts.of(identities, labels, found.host.logits, found.device.logits)


def uninterrupted(index: NDArray[Any], hop_samples: int) -> NDArray[np.int64]:
    """Number the stretches ``[d]`` in which decisions, placed by their samples, follow hop by hop."""
    steps = np.diff(index.astype(np.int64), prepend=index[:1].astype(np.int64) - hop_samples)
    return np.cumsum(steps != hop_samples)


def _units(board: Board, plan: Mapping[str, Any], ticks: NDArray[Any]) -> NDArray[np.float64]:
    """Instructions (cycles) that ticks stand for; a running counter is read to within one of them."""
    per_unit = Fraction(plan["ticks_per_second"]) / plan["units_per_second"]
    return np.round(np.asarray(ticks, dtype=np.float64) / float(per_unit), 1)


def _ticks(board: Board, found: Recomputation, plan: Mapping[str, Any]) -> Ticks:
    stages = {
        stage: _units(board, plan, found.decisions[f"{stage}_ticks"])
        for stage in ("front_end", "fin", "head", "response")
    }
    response = stages.pop("response")
    total = np.round(stages["front_end"] + stages["fin"] + stages["head"], 1)
    stages |= {"total": total, "response": response}
    return Ticks(board.counter.kind, stages, plan["hop_us"], plan["units_per_second"], WARMUP_DECISIONS)


def _deadline(ticks: Ticks, found: Recomputation) -> dict[str, Any]:
    """In a stream the deadline is on the response: from when the last sample was due to the logits."""
    response = ticks.stages["response"]
    slowest = float(response.max()) if len(response) else None
    hop_units = ticks.hop_us * ticks.ticks_per_second / 1e6
    return {
        "missed": int(np.count_nonzero(found.decisions["missed"])),
        "max_us": None if slowest is None else slowest * 1e6 / ticks.ticks_per_second,
        "hop_share_max": None if slowest is None else slowest / hop_units,
    }


def _stream(
    board: Board, recording: StreamRecording, found: Recomputation, checked: CrossCheck | None
) -> dict[str, Any]:
    plan, frames, decisions = recording.facts["plan"], found.frames, found.decisions
    samples = len(frames) * plan["frame_samples"]
    board_ticks = samples * plan["period_ticks"]
    own = sum(decisions[f"{stage}_ticks"].astype(np.int64).sum() for stage in ("front_end", "fin", "head"))
    late = _units(board, plan, frames["late_max_ticks"])
    return {
        "seconds": samples / plan["true_rate_hz"],
        "complete": bool(recording.end.get("complete", False)),
        "ended_by": recording.end.get("ended_by", "the process that recorded it ended"),
        "samples": samples,
        "channels": plan["channels"],
        "rate_hz": plan["true_rate_hz"],
        "decisions": len(recording.decisions),
        "missing_decisions": found.missing,
        "unverified_decisions": found.unverified,
        "gaps": {
            "count": len(found.gaps),
            "unexplained": sum(not gap.explained for gap in found.gaps),
            "samples": sum(gap.samples for gap in found.gaps),
            "first": [{**vars(gap), "explained": gap.explained} for gap in found.gaps[:_GAPS_KEPT]],
        },
        "queue_max": int(decisions["queue"].max(initial=0)),
        "interrupts": {
            "share_of_time": _share(frames["interrupt_ticks"].astype(np.int64).sum(), board_ticks),
            "share_of_decisions": _share(decisions["interrupt_ticks"].astype(np.int64).sum(), own),
        },
        "isr_late": {
            "max": float(late.max(initial=0.0)),
            "mean": float(_units(board, plan, frames["late_sum_ticks"]).sum()) / max(samples, 1),
        },
        "busy": _share(own, board_ticks),
        "response_p50": _median(_units(board, plan, decisions["response_ticks"])),
        "cross_check": None if checked is None else vars(checked),
        "board_counted": recording.end.get("stats"),
    }


def _share(part: Any, whole: Any) -> float | None:
    return float(part) / float(whole) if whole else None


def _median(values: NDArray[np.float64]) -> float | None:
    found = distribution(values)
    return None if found is None else found.p50


def _problems(comparison: Comparison, found: Recomputation, checked: CrossCheck | None) -> list[str]:
    """One sentence for each thing that keeps the stream from being proven."""
    unexplained = sum(not gap.explained for gap in found.gaps)
    wrong = len(comparison.mismatches)
    told = (
        (comparison.windows == 0, "No decision was compared, so nothing is shown."),
        (wrong, f"The board differs from the host in {wrong:,} of {comparison.windows:,} decisions."),
        (found.missing, f"{found.missing:,} decisions did not come."),
        (found.unverified, f"{found.unverified:,} decisions came without all samples they depend on."),
        (unexplained, f"{unexplained:,} gaps are not explained by what the board dropped."),
        (
            checked is not None and checked.equal != checked.decisions,
            "The board differs from the oracle in decisions that the host's C engine computed alike.",
        ),
    )
    return [sentence for broken, sentence in told if broken]


def _sentence(recording: StreamRecording, found: Recomputation, report: Mapping[str, Any]) -> str:
    stream = report["stream"]
    gaps = stream["gaps"]
    how = "exactly " if report["float_tolerance"] is None else ""
    return (
        f"The board decided {how}as the host does from the samples that came: {len(found.decisions):,} of "
        f"{stream['decisions']:,} decisions equal, {gaps['count']} gaps, "
        f"{report['link']['dropped_samples']:,} samples dropped, "
        f"{report['deadline']['missed']:,} deadlines missed."
    )


def _facts(bundle: Bundle, board: Board, recording: StreamRecording, checked: CrossCheck | None) -> Facts:
    body, facts, end = bundle.body, recording.facts, recording.end
    plan, link, stats = facts["plan"], end.get("link", {}), end.get("stats") or {}
    kind, emulated = board.counter.kind, board.emulator is not None
    oracle = "the bundle's C engine on the host"
    if checked is not None:
        oracle += f", and on {checked.decisions} decisions {checked.oracle}"
    return Facts(
        oracle=oracle,
        class_labels=body.classes,
        class_names=body.class_names,
        link=LinkFacts(
            bytes=link.get("bytes", 0),
            crc_errors=link.get("crc_errors", 0) + stats.get("crc_errors", 0),
            resyncs=link.get("resyncs", 0) + stats.get("framing_errors", 0),
            restarts=link.get("restarts", 0),
        ),
        memory=MemoryFacts(**facts["sizes"], stack_high_water=stats.get("stack_high_water")),
        board={"name": board.name, "core": board.core, "description": board.description},
        bundle={
            "engine": facts["engine"],
            "model_sha256": body.model_sha256,
            "scheme": body.scheme,
            "macs": body.macs,
            "state_contract": body.contract,
            "build_id": facts["build_id"],
        },
        method={
            "electrodes": facts["electrodes"],
            "labels": "windows within one trial of the test repetitions; others are not judged",
            "codes": "a window's is the CRC-32 of the CRC-32s of its frames, each sent with its samples",
            "latency": (
                f"from the board's own counter, running on, to within one of its {kind}; the first "
                f"{WARMUP_DECISIONS} decisions are left out as warm-up; interrupts are included"
            ),
            "response": "from when the last sample of a window was due to its logits; the deadline is on it",
            "time": _time(plan, kind, emulated=emulated),
        },
    )


def _time(plan: Mapping[str, Any], kind: str, *, emulated: bool) -> str:
    rate = f"a sample every {plan['period_ticks']:,} ticks of the counter, {plan['true_rate_hz']:.10g} Hz"
    if not emulated:
        return rate
    return (
        f"a second of the board is {plan['units_per_second']:,} {kind}, at which deadlines are real; {rate}; "
        "it stands still while the host takes in what was sent"
    )
