"""What stands in the place of a front end where a network has none: counts are the codes, saturated to int8.

Networks that were not trained here take their own numbers. They travel as int16 like counts do, so that
firmware, wire and reports need not know the difference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from myofin.errors import ArtifactError
from myofin.frontend import FrontEnd


@dataclass(frozen=True)
class Passthrough:
    """No front end; with the shape of a window, which nothing else says.

    Attributes:
        channels: Columns of the counts, c.
        frames: Frames of a window.
    """

    channels: int
    frames: int

    dc_shift = 0  # of FrontEnd: there is no DC blocker

    @property
    def offsets(self) -> npt.NDArray[np.int32]:
        """Of FrontEnd: int32[c], nothing is subtracted."""
        return np.zeros(self.channels, np.int32)

    def encode(self, counts: npt.NDArray[np.int16]) -> npt.NDArray[np.int8]:
        """Saturate int16[n, c] to int8[n, c]."""
        return np.clip(counts, -128, 127).astype(np.int8)

    def encode_windows(self, counts: npt.NDArray[np.int16]) -> npt.NDArray[np.int8]:
        """Saturate windows int16[w, n, c] to int8[w, frames, n*c/frames]."""
        return self.encode(counts).reshape(len(counts), self.frames, -1)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON-able values."""
        return {"kind": "none", **asdict(self)}


AnyFrontEnd = FrontEnd | Passthrough


def front_end_from_json(document: Mapping[str, Any]) -> AnyFrontEnd:
    """Rebuild what ``to_json`` of either kind gave.

    Raises:
        ArtifactError: A key is missing, or a value is impossible.
    """
    if document.get("kind") != "none":
        return FrontEnd.from_json(document)
    sizes = [document.get("channels"), document.get("frames")]
    if not all(isinstance(size, int) and size >= 1 for size in sizes):
        raise ArtifactError(
            f"The front end's sizes {sizes} are impossible.",
            hint="Make the bundle again with `myofin convert`.",
        )
    return Passthrough(int(document["channels"]), int(document["frames"]))
