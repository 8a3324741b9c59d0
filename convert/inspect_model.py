"""What a model costs and needs, from a ``.tflite`` file or a bundle; also of one that the engine refuses."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from myofin.convert.bundle import read_bundle
from myofin.convert.codegen import generate_c
from myofin.convert.flatbuffer import read_model
from myofin.convert.graph import Graph, window_shape
from myofin.convert.inspection import layer_costs, lstm_report
from myofin.convert.prediction import EnginePrediction, predict_engine
from myofin.errors import InputError, ModelError
from myofin.frontend import FrontEnd
from myofin.passthrough import Passthrough

_ASSUMED = "reset (assumed: a bare model)"


@dataclass(frozen=True)
class Inspected:
    """A model with what is known of its input; ``engine_folder`` where its C was generated already."""

    model: bytes
    channels: int
    frontend: Mapping[str, Any]
    state_contract: str
    engine_folder: Path | None = None


def inspect_path(path: Path, channels: int | None = None) -> dict[str, Any]:
    """Costs of each layer, the LSTM and state report, and the predicted sizes of the C engine.

    Args:
        path: A ``.tflite`` file, or a bundle's folder.
        channels: Channels of a bare model's input; sizes only its front end (None: it has none).

    Returns:
        A JSON-able document with ``layers``, ``totals``, ``lstm`` and ``engine``; all sizes in bytes.

    Raises:
        InputError: There is no such file.
        ArtifactError: The folder is no bundle.
        ModelError: The file is no TFLite model.
    """
    inspected = _from_bundle(path) if path.is_dir() else _from_file(path, channels)
    graph = read_model(inspected.model)
    layers = [asdict(layer) for layer in layer_costs(graph)]
    report = lstm_report(graph)
    return {
        "path": str(path),
        "model_bytes": len(inspected.model),
        "layers": layers,
        "totals": {
            "macs": sum(layer["macs"] for layer in layers),
            "weight_bytes": sum(layer["weight_bytes"] for layer in layers),
            "largest_output_bytes": max((layer["output_bytes"] for layer in layers), default=0),
            "state_bytes": sum(layer["state_bytes"] for layer in layers),
        },
        "lstm": {**asdict(report), "state_contract": inspected.state_contract},
        "engine": _engine(inspected, graph),
    }


def _from_bundle(folder: Path) -> Inspected:
    bundle = read_bundle(folder)
    body = bundle.body
    contract = str(body.state["contract"])
    return Inspected(bundle.model(), body.channels, body.frontend, contract, bundle.engine_folder)


def _from_file(path: Path, channels: int | None) -> Inspected:
    if not path.is_file():
        raise InputError(f"There is no model or bundle at {path}.", hint="Give a .tflite file or a bundle.")
    content = path.read_bytes()
    if channels is None:
        frames = window_shape(read_model(content))[0]
        return Inspected(content, 1, Passthrough(1, frames).to_json(), _ASSUMED)
    # Any front end will do: its size depends on the number of channels alone.
    signal = np.random.default_rng(0).normal(0, 100, (100, channels))
    frontend = FrontEnd.fit(np.rint(signal).astype(np.int16))
    return Inspected(content, channels, frontend.to_json(), _ASSUMED)


def _engine(inspected: Inspected, graph: Graph) -> dict[str, Any]:
    try:
        prediction = _predict(inspected, graph)
    except ModelError as error:
        return {"supported": False, "reason": error.message, "hint": error.hint}
    return {
        "supported": True,
        "flash_bytes": prediction.flash,
        "code_bytes": prediction.code,
        "const_bytes": prediction.constants,
        "ram_bytes": prediction.ram,
        "window_bytes": _window_codes(graph),
    }


def _predict(inspected: Inspected, graph: Graph) -> EnginePrediction:
    if inspected.engine_folder is not None:
        return predict_engine(inspected.engine_folder)
    codes, channels = _frame_codes(graph), inspected.channels
    if codes % channels:
        raise ModelError(
            f"A frame of {codes} codes cannot be of {channels} channels.", hint="Give the right --channels."
        )
    with tempfile.TemporaryDirectory(prefix="myofin-inspect-") as scratch:
        folder = Path(scratch)
        generate_c(
            inspected.model,
            inspected.frontend,
            folder,
            frame_samples=codes // channels,
            channels=channels,
        )
        return predict_engine(folder)


def _frame_codes(graph: Graph) -> int:
    return window_shape(graph)[1]


def _window_codes(graph: Graph) -> int:
    return math.prod(window_shape(graph))
