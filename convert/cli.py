"""``myofin convert``: a run to a bundle."""

from __future__ import annotations

from pathlib import Path

import click

from myofin.console import emit, json_option, progress_bar
from myofin.convert.schema import SCHEMES, Scheme


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--scheme", type=click.Choice(SCHEMES), default="int8", show_default=True, help="Number representation."
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the bundle.")
@json_option
def convert(run: Path, scheme: Scheme, out: Path, as_json: bool) -> None:
    """Convert RUN to a bundle: TFLite model, C engine, TFLM arrays, golden vectors.

    The model passes a gate first: the LSTM is fused, the input is exactly the codes, the state contract holds
    on every host executor, and each of them is close to the float model. The generated C is compiled for this
    machine and compared with TFLM.

    \b
    Example:
      myofin convert out/run --scheme int8 --out out/bundle
    """
    from myofin.convert.pipeline import convert_run

    with progress_bar() as progress:
        bundle = convert_run(run, scheme, out, progress=progress)
    body = bundle.body
    document = {
        "bundle": str(out),
        "scheme": body.scheme,
        "model_sha256": body.model_sha256,
        "macs": body.macs,
        "oracle": body.oracle,
        "gate": body.gate,
        "state": body.state,
    }
    equal = body.oracle["engine_equal"]
    proof = (
        f"the C engine equals TFLM on {equal['equal']} of {equal['windows']} windows"
        if equal
        else "the C engine was NOT compared with TFLM, which has no wheel for this Python"
    )
    emit(as_json, document, f"{out}: {body.scheme}, {body.macs:,} MAC a decision; {proof}")
