"""Processes that end with the one that started them, however that one ends."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
# Run in between, it asks Linux to end the program even when we are killed (PR_SET_PDEATHSIG = 1, SIGKILL
# = 9), and then becomes the program. A preexec_fn would do it too, but may hang when threads are running.
_DIE_WITH_PARENT: Final = (
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); "
    "os.getppid() == int(sys.argv[1]) or sys.exit(1); os.execv(sys.argv[2], sys.argv[2:])"
)


def bound_to_parent(command: Sequence[str]) -> list[str]:
    """The command line of a program that the system kills when the thread that starts it ends.

    Only Linux can; elsewhere it is the command itself. The program is named by its path.
    """
    if sys.platform != "linux":
        return list(command)
    return [sys.executable, "-I", "-S", "-c", _DIE_WITH_PARENT, str(os.getpid()), *command]


def bind_to_parent(parent: int) -> None:
    """Have the system kill this process when the one that started it, of this id, ends; on Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
