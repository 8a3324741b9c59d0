"""``myofin inspect``: what a model costs, layer by layer, and what its C engine will take of a board."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from myofin.console import emit, json_option


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--channels",
    type=click.IntRange(min=1),
    default=None,
    help="Channels of a bare model that takes codes of a front end; a bundle knows its own.",
)
@json_option
def inspect(path: Path, channels: int | None, as_json: bool) -> None:
    """Report MACs, bytes, LSTM and state of PATH: a .tflite file or a bundle.

    The sizes of the C engine are predicted from the generated text: RAM and constants for a 32-bit Arm, code
    as an estimate. Where the engine does not support the model, the reason is given.

    \b
    Example:
      myofin inspect out/bundle
      myofin inspect model.tflite --channels 12 --json
    """
    from myofin.convert.inspect_model import inspect_path

    document = inspect_path(path, channels)
    emit(as_json, document, _text(document))


def _text(document: dict[str, Any]) -> str:
    layers = document["layers"]
    lines = [f"{'':>3} {'operator':30} {'MAC':>12} {'weights B':>10} {'output B':>9} {'state B':>8}"]
    for index, layer in enumerate(layers):
        lines.append(
            f"{index:>3} {layer['op']:30} {layer['macs']:>12,} {layer['weight_bytes']:>10,} "
            f"{layer['output_bytes']:>9,} {layer['state_bytes']:>8,}"
        )
    total = document["totals"]
    lines.append(
        f"{'':>3} {'total (output: the largest)':30} {total['macs']:>12,} {total['weight_bytes']:>10,} "
        f"{total['largest_output_bytes']:>9,} {total['state_bytes']:>8,}"
    )
    return "\n".join([*lines, "", *_lstm_lines(document["lstm"]), *_engine_lines(document["engine"])])


def _lstm_lines(lstm: dict[str, Any]) -> list[str]:
    lines = [
        f"LSTM, operator {one['operator']}: fused, {one['batch']} x {one['steps']} steps, "
        f"{one['inputs']} inputs, {one['units']} units; {_state_scales(one)}"
        for one in lstm["fused"]
    ]
    if lstm["unfused"]:
        lines.append(f"Not fused: operators {', '.join(map(str, lstm['unfused']))}")
    if lstm["foreign"]:
        lines.append(f"Custom operators: {', '.join(lstm['foreign'])}")
    if not lines:
        lines.append("No recurrent operator")
    return [*lines, f"State contract: {lstm['state_contract']}"]


def _state_scales(lstm: dict[str, Any]) -> str:
    if lstm["cell_scale"] is None:
        return "float state"
    return f"cell scale {lstm['cell_scale']:.3g}, hidden scale {lstm['hidden_scale']:.3g}"


def _engine_lines(engine: dict[str, Any]) -> list[str]:
    if not engine["supported"]:
        return [f"C engine: not supported. {engine['reason']} {engine['hint']}"]
    return [
        f"C engine, predicted: flash {engine['flash_bytes']:,} B (constants {engine['const_bytes']:,}, code "
        f"about {engine['code_bytes']:,}), RAM {engine['ram_bytes']:,} B with the window of "
        f"{engine['window_bytes']:,}"
    ]
