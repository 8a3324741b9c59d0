"""TensorFlow's converter at arm's length: a child process, so that this one never loads TensorFlow."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from myofin.errors import EXIT_TOOL_MISSING, CheckError, ToolMissingError

TIMEOUT_S = 600
_WORKER = "myofin.convert.tensorflow_worker"


def convert_with_tensorflow(run: Path, scheme: str) -> bytes:
    """Return the TFLite model of a run in a scheme, ``float32`` or ``int8``.

    Args:
        run: Run folder with ``saved_model/`` and ``calibration.npz``.
        scheme: How numbers are represented.

    Raises:
        CheckError: The converter refused the network, or died.
        ToolMissingError: TensorFlow is not installed.
    """
    with tempfile.TemporaryDirectory(prefix="myofin-convert-") as folder:
        out = Path(folder) / "model.tflite"
        command = [sys.executable, "-m", _WORKER, str(run.absolute()), scheme, str(out)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        except subprocess.TimeoutExpired as error:
            raise CheckError(
                f"TensorFlow's converter did not finish within {TIMEOUT_S} s.",
                hint="Try again with nothing else running, or with fewer --units.",
            ) from error
        answer = _last_json(done.stdout)
        if done.returncode == 0 and out.is_file():
            return out.read_bytes()
    raise _error(done, answer)


def _last_json(text: str) -> dict[str, Any]:
    for line in reversed(text.splitlines()):
        try:
            document = json.loads(line)
        except ValueError:
            continue
        if isinstance(document, dict):
            return document
    return {}


def _error(done: subprocess.CompletedProcess[str], answer: dict[str, Any]) -> CheckError | ToolMissingError:
    kind = ToolMissingError if done.returncode == EXIT_TOOL_MISSING else CheckError
    if "message" in answer:
        return kind(str(answer["message"]), hint=str(answer["hint"]))
    last = done.stderr.strip().splitlines()[-1:] or ["no message"]
    return CheckError(
        f"TensorFlow's converter ended with status {done.returncode}: {last[0]}",
        hint="Run `myofin doctor`; if it finds nothing, run the conversion again with --debug.",
    )
