"""Child process that turns a run's SavedModel into a TFLite model: ``RUN SCHEME OUT.tflite``.

It runs apart because TensorFlow and tflite-runtime must not share a process. Its only output is one line of
JSON: ``{"bytes": n}``, or with exit status 1 or 4 (TensorFlow missing) ``{"message": ..., "hint": ...}``.

int8 models take the run's calibration windows, which are of training repetitions only.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myofin.errors import EXIT_CHECK_FAILED, CheckError, MyofinError, ToolMissingError

CODE_SCALE = 128.0
MAX_CALIBRATION_WINDOWS = 400


def representative_windows(codes: NDArray[np.int8]) -> Iterator[list[NDArray[np.float32]]]:
    """Yield codes / 128 of calibration windows, ``[1, frames, frame_codes]`` each.

    The extremes -128 and 127 are put once into copies of the first window: the converter takes the input's
    scale from the range it sees, and only the whole range gives exactly 1/128 with zero point 0.

    Args:
        codes: int8 ``[n, frames, frame_codes]``, n > 0, of training repetitions only.
    """
    step = max(1, len(codes) // MAX_CALIBRATION_WINDOWS)
    for extreme in (-128, 127):
        window = codes[:1].copy()
        window[0, 0, 0] = extreme
        yield [window.astype(np.float32) / CODE_SCALE]
    for window in codes[::step]:
        yield [window[np.newaxis].astype(np.float32) / CODE_SCALE]


def convert_saved_model(saved_model: Path, scheme: str, codes: NDArray[np.int8]) -> bytes:
    """Return the TFLite model of a SavedModel with static shapes.

    Raises:
        CheckError: The converter refused the graph, or the int8 input is not exactly the codes.
        ToolMissingError: TensorFlow is not installed.
    """
    tf = _load_tensorflow()
    try:
        converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model))
        if scheme == "int8":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: representative_windows(codes)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = tf.int8
        return bytes(converter.convert())
    except Exception as error:  # the converter raises its own, ValueError, RuntimeError and others
        reason = str(error).strip().splitlines()[:1] or [type(error).__name__]
        raise CheckError(
            f"TensorFlow's converter refused the network for {scheme}: {reason[0]}",
            hint="Train again with a tensorflow and tf_keras version that `myofin doctor` accepts.",
        ) from error


def _load_tensorflow() -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    try:
        import tensorflow as tf
    except ImportError as error:
        raise ToolMissingError(
            f"Conversion of a run needs TensorFlow, which cannot be imported ({error}).",
            hint='Install it with `pip install "myofin[train]"`.',
        ) from error
    tf.get_logger().setLevel("ERROR")
    return tf


def main(arguments: list[str]) -> int:
    """Convert, write the model, and say in one line of JSON how it went."""
    run, scheme, out = Path(arguments[0]), arguments[1], Path(arguments[2])
    try:
        with np.load(run / "calibration.npz", allow_pickle=False) as arrays:
            codes = arrays["codes"]
        model = convert_saved_model(run / "saved_model", scheme, codes)
        out.write_bytes(model)
    except (OSError, KeyError, ValueError) as error:
        _answer(
            {
                "message": f"The converter could not read the run or write its model ({error}).",
                "hint": "Check the run folder and the free space in the temporary folder (TMPDIR).",
            }
        )
        return EXIT_CHECK_FAILED
    except MyofinError as error:
        _answer({"message": error.message, "hint": error.hint})
        return error.exit_code
    _answer({"bytes": len(model)})
    return 0


def _answer(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
