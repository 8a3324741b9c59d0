"""A linear head on features in integers: what training leaves of it in a run, and conversion reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from myofin.integer_tables import IntegerTables, with_scaling
from myofin.quantization import Quantization

HEAD_FILE: Final = "integer_head.npz"


@dataclass(frozen=True, eq=False)
class IntegerHead:
    """Features in integers and the layer on them.

    Attributes:
        tables: Of the features; their outputs are ``standardised / scale + zero_point``.
        mean: float64 ``[f]``, of each feature in its domain; ``std`` alike.
        scale: What one step of a feature's int8 stands for, in its standard deviations.
        zero_point: The int8 of a feature at its mean.
        kernel: float64 ``[channels * f, classes]``, for standardised features.
        bias: float64 ``[classes]``.
    """

    tables: IntegerTables
    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    scale: float
    zero_point: int
    kernel: NDArray[np.float64]
    bias: NDArray[np.float64]

    def with_step(self, step: float) -> IntegerTables:
        """The same features with outputs in so many standard deviations, for what does not round them."""
        return with_scaling(self.tables, self.mean, self.std, step, 0)

    def real(self, features: NDArray[np.int8]) -> NDArray[np.float64]:
        """Standardised features that int8 features of any shape stand for."""
        return Quantization(self.scale, self.zero_point).real(features)

    def logits(self, features: NDArray[np.int8]) -> NDArray[np.float64]:
        """Logits ``[w, classes]`` of int8 features ``[w, channels * f]``."""
        return np.asarray(self.real(features) @ self.kernel + self.bias)


def save_head(head: IntegerHead, folder: Path) -> None:
    """Write a head into a run folder."""
    own: dict[str, Any] = {
        name: np.asarray(getattr(head, name))
        for name in ("mean", "std", "scale", "zero_point", "kernel", "bias")
    }
    np.savez_compressed(
        folder / HEAD_FILE, **own, **{f"tables_{k}": v for k, v in head.tables.arrays().items()}
    )


def load_head(folder: Path) -> IntegerHead:
    """Read a run's head.

    Raises:
        OSError: There is none.
        KeyError: An array of it is missing.
        ValueError: The file is damaged.
    """
    with np.load(folder / HEAD_FILE, allow_pickle=False) as arrays:
        prefix = "tables_"
        tables = {name.removeprefix(prefix): arrays[name] for name in arrays.files if name.startswith(prefix)}
        return IntegerHead(
            tables=IntegerTables.from_arrays(tables),
            mean=arrays["mean"],
            std=arrays["std"],
            scale=float(arrays["scale"]),
            zero_point=int(arrays["zero_point"]),
            kernel=arrays["kernel"],
            bias=arrays["bias"],
        )
