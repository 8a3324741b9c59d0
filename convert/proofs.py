"""What a conversion proves before a bundle is written, and how it is told in the manifest."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myofin.convert.contract import run_under
from myofin.convert.executors import Executor, HostEngineExecutor, Outputs, available_executors
from myofin.convert.flatbuffer import read_model
from myofin.convert.graph import Tensor, find_outputs
from myofin.convert.inspection import layer_costs
from myofin.convert.schema import Scheme
from myofin.convert.state_probe import probe_state
from myofin.errors import CheckError
from myofin.progress import Progress, silent

PROBE_WINDOWS = 8
# Features are standardised and logits of order 1 to 10. The board's libm and a fused multiply-add may each
# differ from the host's in the last place of an activation; over 30 recurrent steps that stays below 1e-4.
FLOAT_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Proven:
    """A model on every executor at hand.

    Attributes:
        outputs: By the executor's name.
        oracle: Those that decide what is right.
        facts: The manifest's ``state`` and ``oracle``.
    """

    outputs: dict[str, Outputs]
    oracle: Outputs
    facts: dict[str, Any]


def prove_engine(
    model: bytes,
    engine_folder: Path,
    scheme: Scheme,
    contract: str,
    codes: NDArray[np.int8],
    progress: Progress = silent,
) -> Proven:
    """Run every executor on windows int8 ``[w, frames, frame_codes]`` and hold the C engine to the oracle.

    Raises:
        CheckError: The C differs from TFLM, or an executor breaks the state contract.
        ModelError: The model is malformed.
        ToolMissingError: A C compiler is missing.
    """
    executors, absent = available_executors(model, engine_folder)
    outputs = {}
    for done, (name, executor) in enumerate(executors.items()):
        progress("prove", done, len(executors))
        outputs[name] = run_under(contract, executor, codes)
    progress("prove", len(executors), len(executors))
    engine = HostEngineExecutor.name
    oracle = "tflm" if "tflm" in outputs else engine
    # Without TFLM the engine is its own oracle, and comparing it with itself would prove nothing.
    equal = engine_equality(scheme, outputs[oracle], outputs[engine]) if oracle != engine else None
    facts = {
        "state": {"contract": contract, "probes": probe_all(executors, contract, codes[:PROBE_WINDOWS])},
        "oracle": {
            "name": oracle,
            "engine_equal": equal,
            "distance": {name: output_distance(outputs[oracle], found) for name, found in outputs.items()},
            "absent": {name: error.message for name, error in absent.items()},
        },
    }
    return Proven(outputs, outputs[oracle], facts)


def model_facts(model: bytes, scheme: Scheme) -> dict[str, Any]:
    """What the manifest says of the model itself: digest, tensors, layers and their cost."""
    graph = read_model(model)
    found = find_outputs(graph)
    layers = [asdict(layer) for layer in layer_costs(graph)]
    return {
        "model_sha256": hashlib.sha256(model).hexdigest(),
        "model_bytes": len(model),
        "scheme": scheme,
        "engine": "c",
        "input": tensor_spec(graph.tensors[graph.inputs[0]]),
        "outputs": {
            "features": tensor_spec(graph.tensors[found.features]),
            "logits": tensor_spec(graph.tensors[found.logits]),
        },
        "layers": layers,
        "macs": sum(int(layer["macs"]) for layer in layers),
        "float_tolerance": FLOAT_TOLERANCE if scheme == "float32" else 0.0,
    }


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
