"""``myofin stream``: record from the board while it decides, and prove every decision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from myofin.console import emit, json_option, progress_bar
from myofin.errors import EXIT_CHECK_FAILED
from myofin.firmware_bridge.engine_option import EngineName, engine_option
from myofin.firmware_bridge.gates import Gates, gate_options
from myofin.firmware_bridge.port_option import Port, port_option
from myofin.firmware_bridge.source_option import source_options
from myofin.firmware_bridge.validate_cli import percent


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--board", help="Name of the board, see `myofin boards`.")
@click.option(
    "--seconds", type=click.FloatRange(0.01), default=60.0, show_default=True, help="Of board time."
)
@source_options
@click.option("--votes", type=click.IntRange(1), default=1, show_default=True, help="Of the last decisions.")
@click.option(
    "--reject", type=click.FloatRange(0, 1), default=0.0, show_default=True, help="Below such a confidence."
)
@click.option("--edf", is_flag=True, help="Also write the samples as EDF+.")
@engine_option
@port_option
@gate_options
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of recording and report.")
@click.option("--finish", is_flag=True, help="No streaming: make the report of a recording that is in --out.")
@json_option
@click.pass_context
def stream(
    context: click.Context,
    bundle: Path,
    board: str | None,
    seconds: float,
    data: Path | None,
    subject: str | None,
    image: Path | None,
    units_per_second: int | None,
    votes: int,
    reject: float,
    edf: bool,
    engine: EngineName,
    port: Port | None,
    gates: Gates,
    out: Path,
    finish: bool,
    as_json: bool,
) -> None:
    """Stream from a board that runs BUNDLE, and compute every decision again from the samples that came.

    Exit code 0 when all decisions are equal, no gap is unexplained and thresholds are held, else 1. Whatever
    ends the stream, what came is kept. Without --max-missed no deadline may be missed.

    \b
    Example:
      myofin stream out/bundle --board mps2-an386 --seconds 60 --out out/stream
      myofin stream out/bundle --board mps2-an386 --data rec/ --subject 1 --edf --out out/stream
      myofin stream out/bundle --board nano33ble --port auto --seconds 600 --out out/stream
    """
    from myofin.firmware_bridge.stream import StreamSettings, finish_recording, stream_bundle
    from myofin.firmware_bridge.stream_finish import Wanted
    from myofin.smoothing import Smoothing

    if gates.max_missed is None:
        gates = Gates(gates.max_latency_us, gates.min_accuracy, gates.max_flips, 0)
    wanted = Wanted(gates, Smoothing(votes, reject), edf)
    with progress_bar() as progress:
        if finish:
            report = finish_recording(bundle, out, wanted, progress=progress)
        elif board is None:
            raise click.UsageError("Missing option '--board'.")
        else:
            settings = StreamSettings(
                board=board,
                seconds=seconds,
                data=data,
                subject=subject,
                image=image,
                engine=engine,
                port=port,
                units_per_second=units_per_second,
                wanted=wanted,
            )
            report = stream_bundle(bundle, settings, out, progress=progress)
    emit(as_json, report, summary(report, out))
    if report["verdict"] != "pass":
        context.exit(EXIT_CHECK_FAILED)


def summary(report: dict[str, Any], out: Path) -> str:
    """What a person reads first: verdict, stream, recognition, cost."""
    found, latency, deadline = report["stream"], report["latency"], report["deadline"]
    if latency["p50"] is None:
        cost = "no decision came"
    else:
        response = latency["per_stage"]["response"]
        cost = (
            f"a decision: p50 {latency['p50']:,.0f}, p99 {latency['p99']:,.0f}, max {latency['max']:,.0f} "
            f"{latency['unit']}; response max {response['max']:,.0f}, "
            f"{percent(deadline['hop_share_max'])} of a hop"
        )
    return "\n".join(
        (
            f"{report['verdict'].upper()}: {report['sentence']}",
            f"{found['seconds']:.2f} s of {found['channels']} channels at {found['rate_hz']:g} Hz, "
            f"{found['samples']:,} samples of each; queue at most {found['queue_max']}; interrupts "
            f"{percent(found['interrupts']['share_of_time'])} of the time",
            f"accuracy on {report['accuracy']['labelled']:,} labelled decisions: "
            f"{percent(report['accuracy']['device'])}{_smoothed(found['smoothed'])}",
            cost,
            f"report: {out / 'report.html'}",
        )
    )


def _smoothed(found: dict[str, Any]) -> str:
    if found["votes"] == 1 and found["reject"] == 0:
        return ""
    return (
        f"; of {found['votes']} votes, rejecting below {found['reject']:g}: {percent(found['accuracy'])}, "
        f"rejected {percent(found['rejected_share'])}, active errors {percent(found['active_error_rate'])}"
    )
