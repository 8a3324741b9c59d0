"""Golden vectors of an export: a few windows of raw counts, and what they must give."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myofin.convert import codegen_text as c
from myofin.convert.bundle import Golden
from myofin.errors import ArtifactError


@dataclass(frozen=True)
class GoldenText:
    """Initialisers of the self-test's arrays."""

    counts: str
    crcs: str
    features: str
    logits: str


def choose_windows(labels: NDArray[np.int16], count: int, contract: str) -> NDArray[np.int64]:
    """Which golden windows to take: one of each movement first; under ``carry`` the first ones, in order.

    Raises:
        ArtifactError: There are none.
    """
    if len(labels) == 0:
        raise ArtifactError("The bundle has no golden windows.", hint="Make it again with `myofin convert`.")
    if contract == "carry":  # windows are steps of one sequence
        return np.arange(min(count, len(labels)), dtype=np.int64)
    first = np.unique(labels, return_index=True)[1]
    rest = np.setdiff1d(np.arange(len(labels)), first)
    chosen = [*first.tolist(), *rest.tolist()][:count]
    return np.array(chosen, dtype=np.int64)


def golden_text(golden: Golden, index: NDArray[np.int64]) -> GoldenText:
    """The chosen windows as C initialisers."""
    crcs = (f"0x{zlib.crc32(codes.tobytes()):08X}u" for codes in golden.codes[index])
    return GoldenText(
        counts=_values(golden.counts[index]),
        crcs=c.wrap(crcs),
        features=_values(golden.features[index]),
        logits=_values(golden.logits[index]),
    )


def golden_bytes(golden: Golden, index: NDArray[np.int64]) -> int:
    """Flash that the vectors take."""
    arrays = (golden.counts[index], golden.features[index], golden.logits[index])
    return sum(array.nbytes for array in arrays) + 4 * len(index)


def _values(array: NDArray[Any]) -> str:
    return c.wrap(c.number(value, array.dtype.name) for value in array.reshape(-1).tolist())
