"""What an emulated board's electrodes feel, and what its windows show: a recording that repeats."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myofin.boards.registry import Board
from myofin.convert.bundle import Bundle
from myofin.firmware_bridge.board_recording import recording_room
from myofin.firmware_bridge.windows import check_signal, class_positions
from myofin.recordings.check import load_trainable
from myofin.recordings.model import NO_REPETITION

NO_LABEL = -1


@dataclass(frozen=True)
class Played:
    """A recording as a board plays it, over and over.

    Attributes:
        counts: int16 ``[n, channels]``, cut to the board's memory and to whole frames.
        labels: int64 ``[n]``, positions among the bundle's classes; -1 at rest and where nothing is judged.
        pieces: int64 ``[n]``, constant within what belongs together: no window across two is judged.
        origin: One sentence on what it is.
        inputs: SHA-256 of each file it was read from, by name.
    """

    counts: NDArray[np.int16]
    labels: NDArray[np.int64]
    pieces: NDArray[np.int64]
    origin: str
    inputs: dict[str, str]

    def window_labels(
        self, last_frames: NDArray[Any], window_samples: int, frame_samples: int
    ) -> NDArray[np.int64]:
        """Label of each window: of its one piece, or -1 where it spans several.

        Args:
            last_frames: Index in the stream of the first sample of each window's last frame.
            window_samples: Length of a window.
            frame_samples: Length of a frame.
        """
        ends = last_frames.astype(np.int64) + frame_samples
        length = len(self.counts)
        first, last = (ends - window_samples) % length, (ends - 1) % length
        whole = (first <= last) & (self.pieces[first] == self.pieces[last])
        return np.where(whole, self.labels[first], NO_LABEL)


def played_golden(bundle: Bundle, board: Board) -> Played:
    """The bundle's golden windows, one after the other."""
    golden, body = bundle.golden(), bundle.body
    windows = min(len(golden.labels), recording_room(board, body.channels) // body.window_samples)
    counts = golden.counts[:windows].reshape(-1, body.channels)
    return Played(
        counts=counts,
        labels=np.repeat(class_positions(bundle, golden.labels[:windows]), body.window_samples),
        pieces=np.repeat(np.arange(windows, dtype=np.int64), body.window_samples),
        origin=f"{windows} golden windows of the bundle in a row, {_length(counts, body.rate_hz)}",
        inputs={},
    )


def played_recording(bundle: Bundle, board: Board, data: Path, subject: str | None) -> Played:
    """A recording as it is; its labels count in the test repetitions only.

    Raises:
        RecordingError: The recording cannot be read, or is not the signal that the network was made for.
    """
    recording, body = load_trainable(data, subject), bundle.body
    check_signal(recording, bundle)
    room = min(len(recording.counts), recording_room(board, body.channels))
    room -= room % body.frame_samples
    judged = np.isin(recording.repetitions, body.split.test) & (recording.repetitions != NO_REPETITION)
    labels = np.where(judged, class_positions(bundle, recording.labels), NO_LABEL)
    return Played(
        counts=recording.counts[:room],
        labels=labels[:room],
        pieces=recording.trial[:room].astype(np.int64),
        origin=(
            f"{recording.source}, subject {recording.subject}, "
            f"{_length(recording.counts[:room], body.rate_hz)}"
            f"{'' if room >= len(recording.counts) - body.frame_samples else ', as much as the board holds'}"
        ),
        inputs=dict(recording.sha256s),
    )


def _length(counts: NDArray[np.int16], rate_hz: int) -> str:
    return f"{len(counts) / rate_hz:.1f} s, repeated as long as the stream lasts"
