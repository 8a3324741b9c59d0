"""Child process that measures TFLM's arena: a model on stdin, the smallest arena in bytes on stdout.

A process of its own, because TFLM writes a line to stderr at every attempt that fails, and because no
attempt with too small an arena may take the caller with it.
"""

from __future__ import annotations

import sys
from typing import Any

from myofin.convert.executors import import_tflm, roomy_arena
from myofin.convert.flatbuffer import read_model

STEP_BYTES = 16


def smallest_arena(runtime: Any, model: bytes, limit: int) -> int:
    """Smallest arena in bytes, to the next 16, that TFLM can run the model in; ``limit`` is known to do."""
    low, high = 0, limit // STEP_BYTES
    while high - low > 1:
        middle = (low + high) // 2
        if _fits(runtime, model, middle * STEP_BYTES):
            high = middle
        else:
            low = middle
    return high * STEP_BYTES


def _fits(runtime: Any, model: bytes, arena_bytes: int) -> bool:
    try:
        runtime.Interpreter.from_bytes(model, arena_size=arena_bytes).invoke()
    except RuntimeError:
        return False
    return True


def main() -> None:
    """Measure the model on stdin."""
    model = sys.stdin.buffer.read()
    size = smallest_arena(import_tflm(), model, roomy_arena(read_model(model)))
    sys.stdout.write(f"{size}\n")


if __name__ == "__main__":
    main()
