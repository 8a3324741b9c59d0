"""Child process that quantizes a network and decides many windows with it: ``FOLDER SCHEME``.

The folder holds ``saved_model/``, or the ``integer_head.npz`` of features by arithmetic; ``calibration.npz``
and ``windows.npz`` (codes); and ``signal.json`` (front end, ``frame_samples``, ``channels``). It gets
``outputs.npz`` with float32 ``features`` and ``logits``. The generated C engine computes them, and TFLM has
to agree with it on the first windows, bit for bit; where the generator does not know the network, TFLM
computes them all. It runs apart so that whoever evaluates may have TensorFlow loaded, and answers with one
line of JSON, as ``tensorflow_worker`` does.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from myofin.convert.arithmetic import quantized_head
from myofin.convert.codegen import generate_c
from myofin.convert.executors import HostEngineExecutor, TflmExecutor
from myofin.convert.flatbuffer import mend_cell_scale, read_model
from myofin.convert.graph import find_outputs
from myofin.convert.int16x8 import convert_to_int16x8
from myofin.convert.tensorflow_client import convert_with_tensorflow
from myofin.errors import CheckError, ModelError, MyofinError
from myofin.integer_head import HEAD_FILE, load_head

CHECKED_WINDOWS = 16


def decide(folder: Path, scheme: str) -> None:
    """Convert, run the engine on every window, and write the outputs.

    Raises:
        MyofinError: As conversion raises; CheckError where engine and TFLM differ.
    """
    signal = json.loads((folder / "signal.json").read_text(encoding="utf-8"))
    with np.load(folder / "windows.npz", allow_pickle=False) as arrays:
        codes = arrays["codes"]
    model, _ = mend_cell_scale(_model(folder, scheme))
    try:
        generate_c(
            model,
            signal["frontend"],
            folder / "engine",
            frame_samples=int(signal["frame_samples"]),
            channels=int(signal["channels"]),
            state="reset",
        )
    except ModelError:
        found = TflmExecutor(model).run(codes)
    else:
        found = HostEngineExecutor(folder / "engine").run(codes)
    oracle = TflmExecutor(model).run(codes[:CHECKED_WINDOWS])
    graph = read_model(model)
    outputs = find_outputs(graph)
    pairs = {"features": outputs.features, "logits": outputs.logits}
    for name in pairs:
        ours, theirs = getattr(found, name)[:CHECKED_WINDOWS], getattr(oracle, name)
        if scheme != "float32" and not np.array_equal(ours, theirs):
            raise CheckError(
                f"The generated C and TFLM differ in the {name} of a network that is evaluated.",
                hint="This is a defect of the generator: report it with the settings of the network.",
            )
    real = {name: graph.tensors[tensor].real(getattr(found, name)) for name, tensor in pairs.items()}
    np.savez(folder / "outputs.npz", **{name: values.astype(np.float32) for name, values in real.items()})


def _model(folder: Path, scheme: str) -> bytes:
    with np.load(folder / "calibration.npz", allow_pickle=False) as arrays:
        codes = arrays["codes"]
    if (folder / HEAD_FILE).is_file():
        return quantized_head(load_head(folder), codes)
    if scheme == "int16x8":
        return convert_to_int16x8(convert_with_tensorflow(folder, "float32"), codes)
    return convert_with_tensorflow(folder, scheme)


def main(arguments: list[str]) -> int:
    """Decide, and say in one line of JSON how it went."""
    try:
        decide(Path(arguments[0]), arguments[1])
    except MyofinError as error:
        sys.stdout.write(json.dumps({"message": error.message, "hint": error.hint}) + "\n")
        return error.exit_code
    sys.stdout.write("{}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
