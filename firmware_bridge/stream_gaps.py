"""Which frames of a stream follow each other, and what is missing between them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Gap:
    """Samples that did not come: the index of the first, how many, and how many of them the board dropped.

    A gap is explained when the board says that it dropped just these; otherwise the link lost some.
    """

    index: int
    samples: int
    dropped: int

    @property
    def explained(self) -> bool:
        """Whether the board dropped all of them."""
        return self.samples == self.dropped


@dataclass(frozen=True)
class Stretch:
    """Frames without a gap, by their place among those that came: ``first`` to before ``stop``.

    ``fresh``: the board began anew with the first of them, as it does at the start and after a drop.
    """

    first: int
    stop: int
    fresh: bool


def in_order(messages: NDArray[Any]) -> NDArray[Any]:
    """Messages by index, each once: what the link doubled is left out."""
    _, first = np.unique(messages["index"], return_index=True)
    return messages[first]


def find_stretches(frames: NDArray[Any], frame_samples: int) -> tuple[tuple[Stretch, ...], tuple[Gap, ...]]:
    """Cut frames, structured with ``index`` and ``dropped`` and in order, at their gaps.

    Args:
        frames: What came.
        frame_samples: Samples of a channel in one frame.
    """
    if len(frames) == 0:
        return (), ()
    index = frames["index"].astype(np.int64)
    dropped = frames["dropped"].astype(np.int64)
    expected = np.concatenate([[0], index[:-1] + frame_samples])
    missing = index - expected
    lost = np.diff(dropped, prepend=0)
    gaps = tuple(
        Gap(int(expected[at]), int(missing[at]), int(lost[at])) for at in np.flatnonzero(missing > 0)
    )
    starts = sorted({0, *np.flatnonzero(missing > 0).tolist()})
    stretches = tuple(
        Stretch(first, stop, fresh=bool(missing[first] == lost[first]))
        for first, stop in zip(starts, [*starts[1:], len(frames)], strict=True)
    )
    return stretches, gaps
