"""What an executor does with LSTM state between windows, measured: executors differ in it, in silence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myofin.convert.executors import Codes, Executor


@dataclass(frozen=True)
class StateProbe:
    """What an executor does with LSTM state, measured.

    Attributes:
        same_after_reset: The same window twice, with a reset before each, gives the same outputs.
        differs_without_reset: Without the reset in between the second outputs differ: state is kept.
    """

    same_after_reset: bool
    differs_without_reset: bool

    def honours(self, contract: str) -> bool:
        """Whether the executor can serve a contract: ``reset`` needs resets that work."""
        return self.same_after_reset and (contract == "reset" or self.differs_without_reset)


def probe_state(executor: Executor, codes: Codes) -> StateProbe:
    """Run each window (int8 ``[w, frames, frame_codes]``) twice, with and without a reset in between.

    Several loud windows make the probe sharper: an untrained network hides a leak.
    """
    twice = np.repeat(codes, 2, axis=0)
    reset, kept = executor.run(twice), executor.run_without_reset(twice)
    return StateProbe(
        same_after_reset=_pairs_equal(reset.features) and _pairs_equal(reset.logits),
        differs_without_reset=not (
            np.array_equal(reset.features, kept.features) and np.array_equal(reset.logits, kept.logits)
        ),
    )


def _pairs_equal(rows: NDArray[Any]) -> bool:
    return bool(np.array_equal(rows[0::2], rows[1::2]))
