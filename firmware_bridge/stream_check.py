"""Every decision of a stream, computed again on the host from the samples that came over the link."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myofin.convert.bundle import Bundle
from myofin.convert.host_engine import HostEngine
from myofin.firmware_bridge.decisions import Decisions
from myofin.firmware_bridge.stream_gaps import Gap, Stretch, find_stretches, in_order
from myofin.firmware_bridge.stream_store import StreamRecording
from myofin.progress import Progress, silent


@dataclass(frozen=True)
class Recomputation:
    """What the host computed, beside what the board sent.

    Attributes:
        frames: The frames that came, in order, each once.
        decisions: The board's decisions that the host could compute too, in order.
        host: The host's outputs for them; ``codes_crc`` of a window is the CRC-32 of its frames' CRC-32s.
        device: The board's, likewise.
        windows: int8 ``[d, frames, frame_codes]`` codes of some of these windows, and ``window_rows`` which.
        window_rows: Places in ``decisions``.
        missing: Decisions that the board should have sent.
        unverified: Decisions that came, but not all samples that they depend on.
        gaps: What is missing between the frames.
    """

    frames: NDArray[Any]
    decisions: NDArray[Any]
    host: Decisions
    device: Decisions
    windows: NDArray[np.int8]
    window_rows: NDArray[np.int64]
    missing: int
    unverified: int
    gaps: tuple[Gap, ...]


@dataclass(frozen=True)
class _Part:
    """The host's decisions of one stretch: where their windows end among the frames, and the outputs."""

    last_frames: NDArray[np.int64]
    features: NDArray[Any]
    logits: NDArray[Any]
    codes: NDArray[np.int8]


def recompute(
    bundle: Bundle, engine: HostEngine, recording: StreamRecording, kept: int, progress: Progress = silent
) -> Recomputation:
    """Compute all decisions again.

    Args:
        bundle: What the board runs.
        engine: The bundle's C engine, compiled for this machine.
        recording: What came from the board.
        kept: Of how many windows, evenly spread, the codes are wanted.
        progress: Told about the stage ``recompute``.
    """
    body = bundle.body
    frames, sent = in_order(recording.frames), in_order(recording.decisions)
    stretches, gaps = find_stretches(frames, body.frame_samples)
    parts = []
    for number, stretch in enumerate(stretches):
        if stretch.fresh or _forgets(bundle):
            parts.append(_compute(engine, frames, stretch, body.frames, body.contract))
        progress("recompute", number + 1, len(stretches))
    return _match(frames, sent, parts, body.frames, kept, gaps)


def _forgets(bundle: Bundle) -> bool:
    """Whether a decision depends on nothing before its window."""
    return bundle.body.contract == "reset" and bundle.frontend.dc_shift == 0


def _compute(engine: HostEngine, frames: NDArray[Any], stretch: Stretch, window: int, contract: str) -> _Part:
    counts = frames["counts"][stretch.first : stretch.stop]
    signal = counts.reshape(-1, counts.shape[2])
    features, logits = engine.stream(signal)
    step = window if contract == "carry" else 1
    last = np.arange(stretch.first + window - 1, stretch.stop, step, dtype=np.int64)
    return _Part(last, features, logits, engine.encode(signal).reshape(len(counts), -1))


def _match(
    frames: NDArray[Any],
    sent: NDArray[Any],
    parts: list[_Part],
    window: int,
    kept: int,
    gaps: tuple[Gap, ...],
) -> Recomputation:
    last = _joined([part.last_frames for part in parts], np.zeros(0, np.int64))
    index = frames["index"][last]
    here, rows = _rows_of(index, sent["index"])
    host_crcs, device_crcs = _window_crcs(parts, frames, window)
    chosen = np.unique(np.linspace(0, max(len(rows) - 1, 0), min(kept, len(rows))).astype(np.int64))
    empty = sent[:0]
    return Recomputation(
        frames=frames,
        decisions=sent[rows],
        host=Decisions(
            host_crcs[here],
            _joined([part.features for part in parts], empty["features"])[here],
            _joined([part.logits for part in parts], empty["logits"])[here],
        ),
        device=Decisions(device_crcs[here], sent["features"][rows], sent["logits"][rows]),
        windows=_windows(parts, here, chosen, window),
        window_rows=chosen,
        missing=int(len(last) - len(rows)),
        unverified=int(len(sent) - len(rows)),
        gaps=gaps,
    )


def _rows_of(index: NDArray[Any], sent: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which of the host's decisions came, and in which rows of what came."""
    _, here, rows = np.intersect1d(index, sent, assume_unique=True, return_indices=True)
    return here.astype(np.int64), rows.astype(np.int64)


def _window_crcs(
    parts: list[_Part], frames: NDArray[Any], window: int
) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """CRC-32 over the CRC-32s of each window's frames: of the host's codes, and of what the board sent."""
    ours: list[int] = []
    theirs: list[int] = []
    for part, first in _placed(parts, window):
        own = np.array([zlib.crc32(codes.tobytes()) for codes in part.codes], dtype="<u4")
        sent = frames["codes_crc32"][first : first + len(own)].astype("<u4")
        for last in part.last_frames - first:
            reach = slice(int(last) - window + 1, int(last) + 1)
            ours.append(zlib.crc32(own[reach].tobytes()))
            theirs.append(zlib.crc32(sent[reach].tobytes()))
    return np.array(ours, dtype=np.uint32), np.array(theirs, dtype=np.uint32)


def _placed(parts: list[_Part], window: int) -> Iterator[tuple[_Part, int]]:
    """Parts that have a decision, with the place of their first frame."""
    for part in parts:
        if len(part.last_frames):
            yield part, int(part.last_frames[0]) - window + 1


def _windows(
    parts: list[_Part], here: NDArray[np.int64], chosen: NDArray[np.int64], window: int
) -> NDArray[np.int8]:
    wanted, found, before = here[chosen], [], 0
    for part, first in _placed(parts, window):
        for place in wanted[(wanted >= before) & (wanted < before + len(part.last_frames))]:
            last = int(part.last_frames[place - before]) - first
            found.append(part.codes[last - window + 1 : last + 1])
        before += len(part.last_frames)
    return np.stack(found) if found else np.zeros((0, window, 0), np.int8)


def _joined(parts: list[NDArray[Any]], empty: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate(parts) if parts else empty
