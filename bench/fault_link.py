"""A link that does to bytes what cables, hubs and boards do: one fault when armed, in one direction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np

from myofin.firmware_bridge.link import Link

Kind = Literal[
    "bit flips", "drops", "duplicates", "delays", "truncation", "reset in mid-frame", "stalled reader"
]
KINDS: Final[tuple[Kind, ...]] = (
    *("bit flips", "drops", "duplicates", "delays", "truncation"),
    *("reset in mid-frame", "stalled reader"),
)
Direction = Literal["to the board", "to the host"]


@dataclass
class FaultyLink:
    """Wraps a link. Time is the test's own, so that a delay costs none.

    Attributes:
        inner: The link to the board.
        clock: Says the time, in seconds.
        hold_s: How long delays and stalls last at most; longer than an answer is waited for.
        reset: Power-cycles the board, and returns the link to it.
        injected: How many faults came about.
    """

    inner: Link
    clock: Callable[[], float]
    rng: np.random.Generator
    hold_s: float
    reset: Callable[[], Link]
    injected: int = 0
    name: str = "faulty link"
    _armed: tuple[Kind, Direction] | None = None
    _stalled: dict[Direction, float] = field(default_factory=dict)  # until when
    _held: list[tuple[float, Direction, bytes]] = field(default_factory=list)

    def arm(self, kind: Kind, direction: Direction) -> None:
        """Have the next message in a direction meet a fault. Resets happen on the way to the board."""
        self._armed = (kind, "to the board" if kind == "reset in mid-frame" else direction)

    def write(self, data: bytes) -> None:
        """Send bytes to the board."""
        self._release()
        for piece in self._through("to the board", data):
            self.inner.write(piece)

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        """Return what came of what the board sent; what is held back comes when its time is over."""
        deadline = self.clock() + timeout_s
        while True:
            released = self._release()
            left_s = deadline - self.clock()
            if released:
                return released
            until_s = min([max(left_s, 0.0), *(due - self.clock() for due, _, _ in self._held)])
            data = self.inner.read(max_bytes, until_s)
            arrived = b"".join(self._through("to the host", data)) if data else b""
            if arrived or left_s <= 0:
                return arrived

    def close(self) -> None:
        """Release the board's link."""
        self.inner.close()

    def disarm(self) -> None:
        """Let the next messages be."""
        self._armed = None

    def _through(self, direction: Direction, data: bytes) -> list[bytes]:
        """What arrives now of a message."""
        if self._stalled.get(direction, 0.0) > self.clock():
            self._held.append((self._stalled[direction], direction, data))
            return []
        if self._armed is None or self._armed[1] != direction:
            return [data]
        kind, _ = self._armed
        self._armed = None
        self.injected += 1
        return self._meet(kind, direction, data)

    def _meet(self, kind: Kind, direction: Direction, data: bytes) -> list[bytes]:
        at, rest = self._place(data)
        if kind == "bit flips":
            return [self._flipped(data)]
        if kind == "drops":
            return [data[:at] + data[at + rest :]]
        if kind == "duplicates":
            return [data + data] if self.rng.random() < 0.5 else [data[: at + rest] + data[at:]]
        if kind == "truncation":
            return [data[:at]]
        if kind == "reset in mid-frame":
            self.inner.write(data[:at])
            self.inner = self.reset()
            return [data[at:]]
        due = self.clock() + self.hold_s * self.rng.uniform(0.1, 1.0)
        if kind == "stalled reader":
            self._stalled[direction] = due
        self._held.append((due, direction, data))
        return []

    def _place(self, data: bytes) -> tuple[int, int]:
        """A place in a message, and a number of bytes from there on, mostly small."""
        at = int(self.rng.integers(len(data)))
        return at, int(min(len(data) - at, 1 + self.rng.geometric(0.2)))

    def _flipped(self, data: bytes) -> bytes:
        changed = bytearray(data)
        for _ in range(int(self.rng.integers(1, 4))):
            changed[int(self.rng.integers(len(data)))] ^= 1 << int(self.rng.integers(8))
        return bytes(changed)

    def _release(self) -> bytes:
        """Let go of what is due: to the board at once; what is for the host is returned."""
        now = self.clock()
        due = [item for item in self._held if item[0] <= now]
        self._held = [item for item in self._held if item[0] > now]
        for _, direction, data in due:
            if direction == "to the board":
                self.inner.write(data)
        return b"".join(data for _, direction, data in due if direction == "to the host")
