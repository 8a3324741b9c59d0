"""How long the stages of a training took."""

from __future__ import annotations

import time


class Clock:
    """Seconds of each stage, rounded to hundredths."""

    def __init__(self) -> None:
        self._last = time.perf_counter()
        self.laps: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        """End a stage, which began when the one before it ended."""
        now = time.perf_counter()
        self.laps[stage] = round(now - self._last, 2)
        self._last = now
