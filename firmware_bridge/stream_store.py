"""A stream on disk: appended to while it comes, and readable whatever ends it.

A folder holds ``recording.json`` (shapes and facts, written first), ``samples.bin`` and ``decisions.bin``:
the payloads of the board's SAMPLES and DECISION messages as they came, one after the other. A piece of a
payload at the end of a file is ignored. ``end.json`` says how it ended.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from myofin.artifacts import write_json
from myofin.errors import ArtifactError
from myofin.firmware_bridge.wire_layout import Payload, layout
from myofin.firmware_bridge.wire_stream import Decision, Samples

FACTS_FILE: Final = "recording.json"
SAMPLES_FILE: Final = "samples.bin"
DECISIONS_FILE: Final = "decisions.bin"
END_FILE: Final = "end.json"
_FLUSH_FRAMES: Final = 100  # a process that is killed loses at most this second


@dataclass(frozen=True)
class StreamShape:
    """What one frame and one decision hold; ``value_type`` is a NumPy type such as ``<i1``."""

    channels: int
    frame_samples: int
    features: int
    logits: int
    value_type: str

    def frame_type(self) -> np.dtype[Any]:
        """Type of one payload of SAMPLES."""
        return _payload_type(Samples, [("counts", "<i2", (self.frame_samples, self.channels))])

    def decision_type(self) -> np.dtype[Any]:
        """Type of one payload of DECISION."""
        values = [("features", self.value_type, self.features), ("logits", self.value_type, self.logits)]
        return _payload_type(Decision, values)


def _payload_type(message: type[Payload], rest: list[Any]) -> np.dtype[Any]:
    fixed = [(name, f"<u{wire.size}") for name, wire in layout(message).items() if wire.format]
    return np.dtype(fixed + rest)


@dataclass(frozen=True)
class StreamRecording:
    """What came of a stream: structured arrays of the messages' fields, and facts of its beginning and end.

    ``end`` is empty where the process died before it could say anything.
    """

    frames: NDArray[Any]
    decisions: NDArray[Any]
    facts: Mapping[str, Any]
    end: Mapping[str, Any]

    @property
    def samples(self) -> int:
        """Samples of a channel that came."""
        counts = self.frames["counts"]
        return int(counts.shape[0] * counts.shape[1])


class StreamWriter:
    """Appends what comes to a folder."""

    def __init__(self, folder: Path, shape: StreamShape, facts: Mapping[str, Any]) -> None:
        """Begin a recording in an existing folder."""
        write_json(folder / FACTS_FILE, {"shape": asdict(shape), **facts})
        self._samples = (folder / SAMPLES_FILE).open("wb")
        self._decisions = (folder / DECISIONS_FILE).open("wb")
        self._frames = 0
        self._frame_bytes = shape.frame_type().itemsize
        self._decision_bytes = shape.decision_type().itemsize

    def frame(self, payload: bytes) -> None:
        """Append a payload of SAMPLES of the shape's size."""
        assert len(payload) == self._frame_bytes
        self._samples.write(payload)
        self._frames += 1
        if self._frames % _FLUSH_FRAMES == 0:
            self._samples.flush()
            self._decisions.flush()

    def decision(self, payload: bytes) -> None:
        """Append a payload of DECISION of the shape's size."""
        assert len(payload) == self._decision_bytes
        self._decisions.write(payload)

    def close(self) -> None:
        """Write what is held back; more than once is harmless."""
        self._samples.close()
        self._decisions.close()

    def __enter__(self) -> StreamWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def note_end(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write how a stream ended beside its recording."""
    write_json(folder / END_FILE, facts)


def read_stream(folder: Path) -> StreamRecording:
    """Read what a stream left in a folder, also one that was interrupted.

    Raises:
        ArtifactError: There is no recording of a stream in the folder.
    """
    try:
        facts = json.loads((folder / FACTS_FILE).read_text(encoding="utf-8"))
        end_file = folder / END_FILE
        end = json.loads(end_file.read_text(encoding="utf-8")) if end_file.is_file() else {}
        shape = StreamShape(**facts["shape"])
        frames = _read_whole(folder / SAMPLES_FILE, shape.frame_type())
        decisions = _read_whole(folder / DECISIONS_FILE, shape.decision_type())
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(
            f"{folder} holds no readable recording of a stream ({error}).", hint="Record it again."
        ) from error
    return StreamRecording(frames, decisions, facts, end)


def _read_whole(path: Path, dtype: np.dtype[Any]) -> NDArray[Any]:
    return np.fromfile(path, dtype=dtype, count=path.stat().st_size // dtype.itemsize)
