"""Child process that trains one run of a sweep: its argument is a JSON document, and so is its answer.

It runs apart because TensorFlow and tflite-runtime must not share a process. The answer is one line of JSON:
``{}``, or ``{"error", "message", "hint", "errno"}`` with the exit status of the error.
"""

from __future__ import annotations

import json
import signal
import sys
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from myofin.artifacts import read_manifest, write_whole
from myofin.convert.pipeline import kept_model
from myofin.convert.schema import Scheme
from myofin.convert.tensorflow_worker import convert_saved_model
from myofin.errors import EXIT_BAD_INPUT, EXIT_INTERRUPTED, CheckError, MyofinError
from myofin.train.config import TrainConfig
from myofin.train.pipeline import train_run


def main(arguments: list[str]) -> int:
    """Train, and say in one line of JSON how it went."""
    signal.signal(signal.SIGTERM, _interrupt)
    order = json.loads(arguments[0])
    settings = {**order["config"], "features": tuple(order["config"]["features"])}
    try:
        out, cache = Path(order["out"]), Path(order["cache"])
        train_run(Path(order["data"]), order["subject"], out, TrainConfig(**settings), cache=cache)
        _convert(out, cache)
    except MyofinError as error:
        _answer({"error": type(error).__name__, "message": error.message, "hint": error.hint, "errno": 0})
        return error.exit_code
    except OSError as error:
        _answer({"error": "OSError", "message": str(error), "hint": "", "errno": error.errno})
        return EXIT_BAD_INPUT
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    _answer({})
    return 0


def _convert(run: Path, cache: Path) -> None:
    """Convert at once, while TensorFlow is loaded: that takes longer than the conversion."""
    if not (run / "saved_model").is_dir():
        return  # features by arithmetic have nothing to convert
    sha256 = read_manifest(run, "run").sha256
    with np.load(run / "calibration.npz", allow_pickle=False) as arrays:
        codes = arrays["codes"]
    schemes: tuple[Scheme, ...] = ("float32", "int8")
    for scheme in schemes:
        # What it refuses is asked for again by the trial, which then has the reason.
        with suppress(CheckError):
            write_whole(
                kept_model(cache, sha256, scheme), convert_saved_model(run / "saved_model", scheme, codes)
            )


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _answer(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
