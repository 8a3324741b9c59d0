"""How long-running library code tells its progress: a callable, so that the library never prints."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives ``(stage, done, total)``; ``total`` is constant within one stage."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Report that ``done`` of ``total`` units of ``stage`` are finished."""


def silent(stage: str, done: int, total: int) -> None:
    """Ignore progress: the default of every library function."""
