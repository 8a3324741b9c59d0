"""Ctrl-C where it can do no harm: held back during a step that must be whole, and raised after it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def held_interrupts() -> Iterator[Callable[[], None]]:
    """Hold Ctrl-C and a polite kill back within the block, where Python would raise at any line of it.

    Yields a function that lets through what came; what is still held at a regular end of the block is let
    through there. Signals reach the main thread alone: in another one nothing is held. A signal that Python
    does not handle does what it did.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    came: list[int] = []
    handlers: dict[int, Any] = {number: signal.getsignal(number) for number in _SIGNALS}
    held = {number: handler for number, handler in handlers.items() if callable(handler)}

    def hold(number: int, frame: FrameType | None) -> None:
        came.append(number)

    def release() -> None:
        while came:
            number = came.pop(0)
            held[number](number, None)

    try:
        for number in held:
            signal.signal(number, hold)
        yield release
    finally:
        for number, handler in held.items():
            signal.signal(number, handler)
    release()
