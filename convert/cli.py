"""``myofin convert``: a run, or a `.tflite` file, to a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from myofin.console import emit, json_option, progress_bar
from myofin.convert.schema import SCHEMES, Scheme
from myofin.errors import InputError
from myofin.progress import Progress

if TYPE_CHECKING:
    from myofin.convert.bundle import Bundle


@click.command()
@click.argument("source", metavar="RUN|MODEL", type=click.Path(path_type=Path))
@click.option(
    "--scheme",
    type=click.Choice(SCHEMES),
    help="Number representation; a MODEL has its own.  [default: int8]",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the bundle.")
@click.option(
    "--windows",
    type=click.Path(path_type=Path),
    help="An .npz with int8 'inputs' to prove a MODEL on; random ones otherwise.",
)
@json_option
def convert(source: Path, scheme: Scheme | None, out: Path, windows: Path | None, as_json: bool) -> None:
    """Convert RUN to a bundle: TFLite model, C engine, TFLM arrays, golden vectors.

    The model passes a gate first: the LSTM is fused, the input is exactly the codes, the state contract holds
    on every host executor, and each of them is close to the float model. The generated C is compiled for this
    machine and compared with TFLM.

    A MODEL is any .tflite file with supported operators. It is taken as it is, without a front end, and its C
    is compared with TFLM on random inputs, or on those of --windows.

    \b
    Example:
      myofin convert out/run --scheme int8 --out out/bundle
      myofin convert model.tflite --out out/bundle
    """
    with progress_bar() as progress:
        bundle = _convert(source, scheme, out, windows, progress)
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


def _convert(
    source: Path, scheme: Scheme | None, out: Path, windows: Path | None, progress: Progress
) -> Bundle:
    if source.suffix != ".tflite":
        if windows is not None:
            raise InputError(
                "--windows is for a MODEL: a run has test windows of its own.", hint="Leave --windows out."
            )
        from myofin.convert.pipeline import convert_run

        return convert_run(source, scheme or "int8", out, progress=progress)
    if scheme is not None:
        raise InputError(
            "--scheme is for a run: a .tflite file is taken as it is.", hint="Leave --scheme out."
        )
    from myofin.convert.foreign import convert_model

    return convert_model(source, out, windows=windows, progress=progress)
