"""What integers of a quantized tensor stand for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Quantization:
    """Affine map of a tensor quantized as a whole, ``real = (integer - zero_point) * scale``."""

    scale: float = 1.0
    zero_point: int = 0

    def real(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """What values of any shape stand for; by default they stand for themselves."""
        return (values.astype(np.float64) - self.zero_point) * self.scale
