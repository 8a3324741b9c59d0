"""Watches a child process of the fuzzing: restarts it after a death or a hang, and keeps count of both."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHILD = Path(__file__).parent / "fuzz_child.py"
SILENCE_S = 120.0  # of the wall clock, without any line: the child is stuck even if it uses no CPU
GOOD = ("refused", "accepted")


@dataclass
class Tally:
    """What came of the inputs so far; ``findings`` maps an input's index to what was wrong with it."""

    outcomes: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    findings: dict[int, str] = field(default_factory=dict)
    slowest_ms: int = 0
    peak_kilobytes: int = 0

    def add(self, other: Tally) -> None:
        """Take another tally in."""
        self.outcomes += other.outcomes
        self.kinds += other.kinds
        self.findings |= other.findings
        self.slowest_ms = max(self.slowest_ms, other.slowest_ms)
        self.peak_kilobytes = max(self.peak_kilobytes, other.peak_kilobytes)


class Watch:
    """One worker: the inputs ``first, first + step, ...`` below ``limit``, in as many children as it takes.

    ``seen`` is called after each input.
    """

    def __init__(
        self, seed: int, first: int, step: int, limit: int, scratch: Path, seen: Callable[[], None]
    ) -> None:
        self.tally = Tally()
        self._seen = seen
        self._seed, self._next, self._step, self._limit = seed, first, step, limit
        self._scratch = scratch
        self._begun: int | None = None

    def run(self) -> Tally:
        """Feed all inputs; the tally when the last one is through."""
        while self._next < self._limit:
            self._run_child()
        return self.tally

    def _run_child(self) -> None:
        numbers = map(str, (self._seed, self._next, self._step, self._limit))
        command = [sys.executable, "-W", "ignore", str(CHILD), *numbers, str(self._scratch)]
        self._begun, started_at = None, self._next
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
            assert child.stdout is not None and child.stderr is not None
            stuck = not self._listen(child.stdout.fileno())
            if stuck:
                child.kill()
            complaint = child.stderr.read().decode("utf-8", "replace")[-500:]
            status = child.wait()
        if self._begun is not None:
            self._died(status, stuck, complaint)
        elif status != 0 or self._next == started_at:
            raise RuntimeError(f"the fuzzing's own process failed ({status}): {complaint}")

    def _listen(self, descriptor: int) -> bool:
        """Take lines until the child closes its output; False when it fell silent."""
        pending = b""
        while select.select([descriptor], [], [], SILENCE_S)[0]:
            data = os.read(descriptor, 65536)
            if not data:
                return True
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                self._take(json.loads(line))
        return False

    def _take(self, words: list[Any]) -> None:
        if words[0] == "begin":
            self._begun = words[1]
            self.tally.kinds[words[2]] += 1
        elif words[0] == "end":
            _, index, outcome, milliseconds, detail = words
            self._finish(index, outcome, detail)
            self.tally.slowest_ms = max(self.tally.slowest_ms, milliseconds)
        else:
            self.tally.peak_kilobytes = max(self.tally.peak_kilobytes, words[1])

    def _finish(self, index: int, outcome: str, detail: str) -> None:
        self._begun, self._next = None, index + self._step
        self.tally.outcomes[outcome] += 1
        self._seen()
        if outcome not in GOOD:
            self.tally.findings[index] = f"{outcome}: {detail}"

    def _died(self, status: int, stuck: bool, complaint: str) -> None:
        assert self._begun is not None
        hang = stuck or status == -signal.SIGPROF
        self._finish(self._begun, "hang" if hang else "crash", f"status {status}, {complaint}")
