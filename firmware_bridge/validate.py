"""Validate a bundle on a board: build, start, send windows, compare with the oracle, write the report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from myofin.artifacts import new_artifact, write_manifest
from myofin.boards.registry import Board, load_board
from myofin.convert.bundle import Bundle, read_bundle
from myofin.convert.contract import encode_under, run_under
from myofin.convert.executors import Outputs, TfliteRuntimeExecutor
from myofin.convert.oracle import bundle_oracle
from myofin.errors import InputError
from myofin.firmware_bridge.board_run import BoardRun, run_windows
from myofin.firmware_bridge.comparison import Comparison, compare
from myofin.firmware_bridge.decisions import Decisions, NumberFormat, Ticks, Truth, window_crcs
from myofin.firmware_bridge.diagnosis import diagnose
from myofin.firmware_bridge.engine_option import EngineName
from myofin.firmware_bridge.gates import NO_GATES, Gates, apply_gates
from myofin.firmware_bridge.image_choice import chosen_image
from myofin.firmware_bridge.port_option import Port
from myofin.firmware_bridge.reach import board_session
from myofin.firmware_bridge.report import Facts, LinkFacts, MemoryFacts, build_report, write_report
from myofin.firmware_bridge.window_facts import WindowFacts, window_identities
from myofin.firmware_bridge.windows import DEFAULT_WINDOWS, SentWindows, golden_windows, recorded_windows
from myofin.progress import Progress, silent

HOP_US = 10_000.0
WARMUP_WINDOWS: Final = 3

_WINDOW_METHOD: Final = {
    "reset": "sent as raw counts; the board starts from reset, encodes, infers, and answers",
    "carry": "sent as raw counts; the board starts from reset at the first, and keeps its state from then on",
}


@dataclass(frozen=True)
class Settings:
    """What to validate on: a board's name, and where the windows come from (golden ones without ``data``).

    ``port`` is where the board is connected; without one its emulator is used. ``gates`` are thresholds that
    the report must hold to pass.
    """

    board: str
    data: Path | None = None
    subject: str | None = None
    windows: int | None = None
    image: Path | None = None
    engine: EngineName = "c"
    port: Port | None = None
    gates: Gates = NO_GATES


def validate_bundle(
    bundle_folder: Path, settings: Settings, out: Path, *, progress: Progress = silent
) -> dict[str, Any]:
    """Run a bundle on a board and compare every code, feature and logit with the oracle.

    Args:
        bundle_folder: What ``myofin convert`` left.
        settings: Board and windows.
        out: Folder of the report; an older report there is replaced.
        progress: Told about the stages ``oracle`` and ``board``.

    Returns:
        The document of ``report.json``; its ``verdict`` is ``pass`` or ``fail``.

    Raises:
        ArtifactError: Bundle or image are missing or damaged.
        RecordingError: The recording cannot be used.
        BoardError: The board does not start, does not answer, or runs another model.
        ToolMissingError: Compiler, emulator or the oracle's package is missing.
    """
    bundle = read_bundle(bundle_folder)
    board = load_board(settings.board)
    sent = _windows(bundle, settings)
    with new_artifact(out, "report") as folder:
        with chosen_image(bundle, board, settings.image, settings.engine, settings.port) as image:
            with board_session(board, image, settings.port) as session:
                session.require_model(bundle.body.model_sha256)
                run = run_windows(session, bundle.body.contract, sent.counts, progress)
            report = _report(bundle, board, sent, run, progress)
            if report["verdict"] != "pass":
                window = report["mismatches"]["first"][0]["window"]
                where = diagnose(bundle, board, image, settings.port, sent.counts, window)
                report["first_difference"] = where
            report = apply_gates(report, settings.gates)
        write_report(folder, report)
        write_manifest(
            folder,
            "report",
            {"verdict": report["verdict"]},
            arguments={name: None if value is None else str(value) for name, value in vars(settings).items()},
            inputs={"bundle.json": bundle.manifest.sha256, "build": run.facts.build_id.hex(), **sent.inputs},
        )
    return report


def _windows(bundle: Bundle, settings: Settings) -> SentWindows:
    if settings.data is None:
        if settings.subject is not None:
            raise InputError(
                "--subject without --data means nothing.",
                hint="Give --data, or leave --subject out for the golden windows.",
            )
        return golden_windows(bundle, settings.windows)
    subject = settings.subject
    if subject is None and settings.data.is_dir():
        subject = bundle.body.subject
    return recorded_windows(bundle, settings.data, subject, settings.windows or DEFAULT_WINDOWS)


def _report(
    bundle: Bundle, board: Board, sent: SentWindows, run: BoardRun, progress: Progress
) -> dict[str, Any]:
    progress("oracle", 0, 2)
    contract = bundle.body.contract
    codes = encode_under(contract, bundle.frontend, sent.counts, bundle.body.frames)
    oracle = bundle_oracle(bundle)
    expected = run_under(contract, oracle, codes)
    progress("oracle", 1, 2)
    float_model = bundle.float_model()
    floats = run_under(contract, TfliteRuntimeExecutor(float_model), codes) if float_model else None
    progress("oracle", 2, 2)
    host = Decisions(window_crcs(codes), expected.features, expected.logits)
    device = _device(run)
    identities = window_identities(sent.counts, bundle.body.frames)
    windows = WindowFacts.of(identities, sent.labels, host.logits, device.logits)
    comparison = _compare(bundle, board, host, device, floats, sent, run)
    return build_report(comparison, _facts(bundle, board, sent, run, oracle.name), windows)


def _device(run: BoardRun) -> Decisions:
    return Decisions(
        np.array([result.codes_crc32 for result in run.results], dtype=np.uint32),
        np.stack([result.features for result in run.results]),
        np.stack([result.logits for result in run.results]),
    )


def _compare(
    bundle: Bundle,
    board: Board,
    host: Decisions,
    device: Decisions,
    floats: Outputs | None,
    sent: SentWindows,
    run: BoardRun,
) -> Comparison:
    truth = Truth(
        labels=sent.labels,
        features=sent.true_features,
        float_features=floats.features if floats else None,
        float_logits=floats.logits if floats else None,
    )
    number_format = NumberFormat.from_bundle(bundle.body.model_dump())
    return compare(host, device, number_format, _ticks(board, run, bundle.body.frames), truth)


def _ticks(board: Board, run: BoardRun, frames: int) -> Ticks:
    """Counter differences in the board's unit; a decision costs the front end of one hop, FIN and head."""
    units = board.counter.units
    front_end = np.array([units(result.front_end_ticks) for result in run.results]) / frames
    fin = np.array([units(result.fin_ticks) for result in run.results])
    head = np.array([units(result.head_ticks) for result in run.results])
    stages = {"front_end": front_end, "fin": fin, "head": head, "total": front_end + fin + head}
    return Ticks(board.counter.kind, stages, HOP_US, board.counter.units_per_second, WARMUP_WINDOWS)


def _facts(bundle: Bundle, board: Board, sent: SentWindows, run: BoardRun, oracle: str) -> Facts:
    body, said = bundle.body, run.facts
    return Facts(
        oracle=oracle,
        class_labels=body.classes,
        class_names=body.class_names,
        link=LinkFacts(
            bytes=run.link.bytes_sent + run.link.bytes_received,
            crc_errors=run.link.crc_errors + run.stats.crc_errors,
            resyncs=run.link.resyncs + run.stats.framing_errors,
            restarts=run.link.restarts,
            rtt_ms_p50=float(np.median(run.link.round_trips_ms)),
        ),
        memory=MemoryFacts(
            flash_code=said.flash_code,
            flash_constants=said.flash_constants,
            ram_static=said.ram_static,
            stack_high_water=run.stats.stack_high_water,
        ),
        board={"name": board.name, "core": board.core, "description": board.description},
        bundle={
            "engine": said.engine,
            "model_sha256": body.model_sha256,
            "scheme": body.scheme,
            "dataset": body.dataset,
            "subject": body.subject,
            "macs": body.macs,
            "state_contract": body.contract,
            "build_id": said.build_id.hex(),
        },
        method={
            "windows": sent.origin,
            "each window": _WINDOW_METHOD[body.contract],
            "a decision": "one hop: a frame when it comes (mean over the window), then FIN and head",
            "latency": (
                f"from the board's own counter, apart from the link; the first {WARMUP_WINDOWS} windows are "
                "left out as warm-up; nothing is sent or received meanwhile, so interrupts take no share"
            ),
            "deadlines": f"placed at {board.counter.units_per_second:,} {board.counter.kind} a second",
        },
    )
