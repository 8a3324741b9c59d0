"""What a conversion proves before a bundle is written, and how it is told in the manifest."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myofin.convert.executors import Executor, Outputs
from myofin.convert.graph import Tensor
from myofin.convert.schema import Scheme
from myofin.convert.state_probe import probe_state
from myofin.errors import CheckError

PROBE_WINDOWS = 8
# Features are standardised and logits of order 1 to 10. The board's libm and a fused multiply-add may each
# differ from the host's in the last place of an activation; over 30 recurrent steps that stays below 1e-4.
FLOAT_TOLERANCE = 1e-3


def engine_equality(scheme: Scheme, oracle: Outputs, engine: Outputs) -> dict[str, Any]:
    """Compare the generated C with the oracle, window by window.

    Raises:
        CheckError: They differ: by a bit, or on float32 by more than the tolerance.
    """
    tolerance = FLOAT_TOLERANCE if scheme == "float32" else 0.0
    equal = _rows_within(oracle.features, engine.features, tolerance)
    equal &= _rows_within(oracle.logits, engine.logits, tolerance)
    windows, count = len(equal), int(np.count_nonzero(equal))
    if count != windows:
        raise CheckError(
            f"The generated C differs from the oracle in {windows - count} of {windows} windows.",
            hint="This is a defect of the generator: report it with the run's model config.",
        )
    return {"windows": windows, "equal": count, "tolerance": tolerance}


def _rows_within(ours: NDArray[Any], theirs: NDArray[Any], tolerance: float) -> NDArray[np.bool_]:
    return np.asarray(np.abs(ours.astype(np.float64) - theirs.astype(np.float64)).max(axis=1) <= tolerance)


def output_distance(oracle: Outputs, found: Outputs) -> dict[str, float]:
    """Share of equal output values and the largest difference, in LSB for integers."""
    ours = np.concatenate([oracle.features, oracle.logits], axis=1).astype(np.float64)
    theirs = np.concatenate([found.features, found.logits], axis=1).astype(np.float64)
    return {"equal": float(np.mean(ours == theirs)), "max": float(np.abs(ours - theirs).max())}


def probe_all(executors: dict[str, Executor], contract: str, codes: NDArray[np.int8]) -> dict[str, Any]:
    """What each executor does with LSTM state, on windows int8 ``[w, frames, frame_codes]``.

    Raises:
        CheckError: One of them does not honour the contract.
    """
    probes = {}
    for name, executor in executors.items():
        probe = probe_state(executor, codes)
        if not probe.honours(contract):
            raise CheckError(
                f"The executor {name} does not honour the state contract {contract!r}: {probe}.",
                hint="Reset the LSTM's variables before each window, or use another executor.",
            )
        probes[name] = asdict(probe)
    return probes


def tensor_spec(tensor: Tensor) -> dict[str, Any]:
    """A tensor as the manifest has it; scale 1 and zero point 0 where it is float."""
    quantized = tensor.dtype != "float32"
    return {
        "size": tensor.size,
        "dtype": tensor.dtype,
        "scale": tensor.scale if quantized else 1.0,
        "zero_point": tensor.zero_point if quantized else 0,
    }
