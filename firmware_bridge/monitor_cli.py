"""``myofin monitor``: watch a board stream and decide, on the terminal."""

from __future__ import annotations

from pathlib import Path

import click

from myofin.console import emit, json_option
from myofin.firmware_bridge.engine_option import EngineName, engine_option
from myofin.firmware_bridge.port_option import Port, port_option
from myofin.firmware_bridge.source_option import source_options


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--board", required=True, help="Name of the board, see `myofin boards`.")
@click.option("--seconds", type=click.FloatRange(0.01), help="Of board time; default: until you quit.")
@source_options
@engine_option
@port_option
@json_option
def monitor(
    bundle: Path,
    board: str,
    seconds: float | None,
    data: Path | None,
    subject: str | None,
    image: Path | None,
    units_per_second: int | None,
    engine: EngineName,
    port: Port | None,
    as_json: bool,
) -> None:
    """Watch a board that runs BUNDLE: its channels, decisions, latency and losses. Nothing is recorded.

    Works over ssh. Quit with q; space freezes the view while the stream goes on.

    \b
    Example:
      myofin monitor out/bundle --board mps2-an386
      myofin monitor out/bundle --board nano33ble --port auto
    """
    from myofin.firmware_bridge.monitor import monitor_bundle
    from myofin.firmware_bridge.stream import StreamSettings

    settings = StreamSettings(
        board=board,
        seconds=seconds,
        data=data,
        subject=subject,
        image=image,
        engine=engine,
        port=port,
        units_per_second=units_per_second,
    )
    seen = monitor_bundle(bundle, settings)
    last = seen.last
    document = {
        "seconds": last.seconds,
        "decisions": last.decisions,
        "deadlines_missed": last.missed,
        "dropped_samples": last.dropped,
        "gaps": last.gaps,
        "crc_errors": seen.crc_errors,
    }
    text = (
        f"{last.seconds:.1f} s, {last.decisions:,} decisions, {last.missed:,} deadlines missed, "
        f"{last.dropped:,} samples dropped, {last.gaps:,} gaps, {seen.crc_errors:,} CRC errors"
    )
    emit(as_json, document, text)
