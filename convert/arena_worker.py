"""Child process that measures TFLM's arena: a model on stdin, the smallest arena in bytes on stdout.

A process of its own, because TFLM writes lines to stderr at every attempt that fails. Each attempt is a fork
of it again, because with too small an arena some models make TFLM follow a null pointer.
"""

from __future__ import annotations

import os
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
        if fits(runtime, model, middle * STEP_BYTES):
            high = middle
        else:
            low = middle
    return high * STEP_BYTES


def fits(runtime: Any, model: bytes, arena_bytes: int) -> bool:
    """Whether TFLM allocates and runs the model in an arena of that size."""
    child = os.fork()
    if child == 0:
        try:
            runtime.Interpreter.from_bytes(model, arena_size=arena_bytes).invoke()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def main() -> None:
    """Measure the model on stdin."""
    model = sys.stdin.buffer.read()
    size = smallest_arena(import_tflm(), model, roomy_arena(read_model(model)))
    sys.stdout.write(f"{size}\n")


if __name__ == "__main__":
    main()
