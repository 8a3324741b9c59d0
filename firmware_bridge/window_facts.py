"""What a report keeps of each labelled window: which one it was, its label, and what was decided. Pure.

With it two reports can be compared window by window. A window is known by the CRC-32 over the CRC-32s of its
frames' raw counts, so the same signal has the same identity under every network, front end and board, sent
or streamed. Lists are kept as one line of words each, since ``report.json`` has a line for every item.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myofin.firmware_bridge.quality import predictions


@dataclass(frozen=True)
class WindowFacts:
    """Labelled windows: uint32 identities ``[w]``, and positions of classes, labelled and decided, ``[w]``.

    A decision is -1 where the logits held no number.
    """

    identities: NDArray[np.uint32]
    labels: NDArray[np.int64]
    host: NDArray[np.int64]
    device: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        identities: NDArray[np.uint32],
        labels: NDArray[Any],
        host_logits: NDArray[Any],
        device_logits: NDArray[Any],
    ) -> WindowFacts:
        """Decide by logits ``[w, classes]``, and keep the windows whose label is not negative."""
        known = labels >= 0
        host, device = predictions(host_logits), predictions(device_logits)
        return cls(identities[known], labels[known].astype(np.int64), host[known], device[known])

    def to_json(self) -> dict[str, str]:
        """As ``report.json`` has it under ``decisions``."""
        return {
            "identities": " ".join(f"{identity:08x}" for identity in self.identities),
            **{name: " ".join(map(str, getattr(self, name))) for name in ("labels", "host", "device")},
        }

    @classmethod
    def from_json(cls, body: Mapping[str, str]) -> WindowFacts:
        """Read what ``to_json`` made.

        Raises:
            ValueError: A list is no list of such numbers, or they differ in length.
        """
        identities = np.array([int(word, 16) for word in body["identities"].split()], dtype=np.uint64)
        if identities.size and identities.max() > 0xFFFF_FFFF:
            raise ValueError("an identity is above 32 bits")
        decided = {
            name: np.array([int(word) for word in body[name].split()], dtype=np.int64)
            for name in ("labels", "host", "device")
        }
        if any(len(values) != len(identities) for values in decided.values()):
            raise ValueError("lists of windows differ in length")
        return cls(identities=identities.astype(np.uint32), **decided)


def window_identities(counts: NDArray[np.int16], frames: int) -> NDArray[np.uint32]:
    """Identities of windows int16 ``[w, window_samples, channels]`` of ``frames`` frames each."""
    apart = np.ascontiguousarray(counts, dtype="<i2").reshape(len(counts), frames, -1)
    return _over_frames([frame_crcs(window) for window in apart])


def frame_crcs(frames: NDArray[Any]) -> NDArray[np.uint32]:
    """CRC-32 of each frame's counts, int16 ``[n, ...]``."""
    plain = np.ascontiguousarray(frames, dtype="<i2")
    return np.array([zlib.crc32(frame.tobytes()) for frame in plain], dtype="<u4")


def streamed_identities(
    counts: NDArray[np.int16], last_frames: NDArray[np.int64], frames: int
) -> NDArray[np.uint32]:
    """Identities of the windows that end with some of a stream's frames.

    Args:
        counts: int16 ``[n, frame_samples, channels]``, all frames.
        last_frames: int64 ``[w]``, places of the last frame of each window, at least ``frames - 1``.
        frames: Frames of a window.
    """
    crcs = frame_crcs(counts)
    return _over_frames([crcs[last - frames + 1 : last + 1] for last in last_frames])


def _over_frames(windows: list[NDArray[np.uint32]]) -> NDArray[np.uint32]:
    return np.array([zlib.crc32(crcs.tobytes()) for crcs in windows], dtype=np.uint32)
