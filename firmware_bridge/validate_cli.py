"""``myofin validate``: prove on the board that it computes what the host computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from myofin.console import emit, json_option, progress_bar
from myofin.errors import EXIT_CHECK_FAILED
from myofin.firmware_bridge.engine_option import EngineName, engine_option
from myofin.firmware_bridge.gates import Gates, gate_options
from myofin.firmware_bridge.port_option import Port, port_option


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--board", required=True, help="Name of the board, see `myofin boards`.")
@click.option(
    "--data", type=click.Path(path_type=Path), help="Recordings; default: the bundle's golden windows."
)
@click.option("--subject", help="Which subject of --data; default: the one the network was trained on.")
@click.option(
    "--windows", type=click.IntRange(1, 1_000_000), help="How many windows; default: 300, or all golden ones."
)
@click.option("--image", type=click.Path(path_type=Path), help="A built image; default: build one now.")
@engine_option
@port_option
@gate_options
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the report.")
@json_option
@click.pass_context
def validate(
    context: click.Context,
    bundle: Path,
    board: str,
    data: Path | None,
    subject: str | None,
    windows: int | None,
    image: Path | None,
    engine: EngineName,
    port: Port | None,
    gates: Gates,
    out: Path,
    as_json: bool,
) -> None:
    """Run BUNDLE on a board, window by window, and compare every output with the host.

    Windows come from the test repetitions only. Exit code 0 when codes, features and logits are all equal,
    1 when one differs, or a threshold is not held; the report in --out says where. An emulated board is
    started for this; a board on a serial port must run the bundle's firmware already.

    \b
    Example:
      myofin validate out/bundle --board mps2-an386 --out out/report
      myofin validate out/bundle --board mps2-an386 --data rec/ --subject 1 --windows 300 --out out/report
      myofin validate out/bundle --board nano33ble --port auto --out out/report
      myofin validate out/bundle --board mps2-an386 --max-latency-us 9000 --min-accuracy 0.8 --out out/report
    """
    from myofin.firmware_bridge.validate import Settings, validate_bundle

    settings = Settings(
        board=board,
        data=data,
        subject=subject,
        windows=windows,
        image=image,
        engine=engine,
        port=port,
        gates=gates,
    )
    with progress_bar() as progress:
        report = validate_bundle(bundle, settings, out, progress=progress)
    emit(as_json, report, summary(report, out))
    if report["verdict"] != "pass":
        context.exit(EXIT_CHECK_FAILED)


def percent(value: float | None) -> str:
    """A share in percent with one digit, or that it is unknown."""
    return "unknown" if value is None else f"{100 * value:.1f} %"


def summary(report: dict[str, Any], out: Path) -> str:
    """Three lines a person reads first: verdict, accuracy, cost."""
    equal, latency, memory = report["equal"], report["latency"], report["memory"]
    accuracy = report["accuracy"]

    difference = report.get("first_difference")
    return "\n".join(
        (
            f"{report['verdict'].upper()}: of {report['windows']} windows equal to {report['oracle']}: "
            f"codes {equal['codes']}, features {equal['features']}, logits {equal['logits']}",
            *report["broken_gates"],
            *([f"window {difference['window']}: {difference['sentence']}"] if difference else []),
            f"accuracy: float {percent(accuracy['float'])}, host {percent(accuracy['host'])}, "
            f"device {percent(accuracy['device'])}",
            f"a decision: p50 {latency['p50']:,.0f}, max {latency['max']:,.0f} {latency['unit']}; "
            f"flash {memory['flash_code'] + memory['flash_constants']:,} B, RAM {memory['ram_static']:,} B",
            f"report: {out / 'report.html'}",
        )
    )
