"""Which layer loses what in integers, what calibration does to it, and where values are cut off.

The float model is computed with some of its parts rounded as the converted models have them
(``substitution.py``); the engine's debug build counts saturation (``saturation.py``). Everything is measured
on validation repetitions.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from myofin import __version__
from myofin.artifacts import finite
from myofin.convert.codegen import generate_c
from myofin.convert.executors import HostEngineExecutor
from myofin.convert.flatbuffer import mend_cell_scale, read_model
from myofin.convert.float_graph import Exact, Floats, evaluate
from myofin.convert.graph import Graph, find_outputs
from myofin.convert.int16x8 import convert_to_int16x8
from myofin.convert.run import Run, read_run
from myofin.convert.saturation import count_saturation
from myofin.convert.sensitivity_data import (
    CalibrationSet,
    Validation,
    calibration_sets,
    louder_windows,
    open_recording,
    validation_windows,
)
from myofin.convert.sensitivity_words import conclusions
from myofin.convert.substitution import Grids, Part, Substituted, grids_of, layers_of, observe
from myofin.convert.tensorflow_client import convert_with_tensorflow
from myofin.errors import InputError
from myofin.features import feature_scores, from_network_domain
from myofin.progress import Progress, silent
from myofin.significance import Pairs, mcnemar

SCHEMES: Final = ("int8", "int16x8")
LOUDNESS: Final = (1.0, 2.0, 4.0)
LOUDER_SESSION: Final = 3.0


@dataclass(frozen=True)
class Effect:
    """What some computation of the network differs in from the float model, on the validation windows.

    Attributes:
        feature_rmse: Root mean square difference of the features, in their standard deviations.
        worst_feature: The feature that differs most, and ``worst_rmse`` by how much.
        r2_log: Log R² of each feature against the closed form; None where it is undefined.
        logit_rmse: Root mean square difference of the logits, in standard deviations of the float model's.
        accuracy: Share of right decisions.
        flips: Decisions other than the float model's.
        p: How likely chance alone shows as large a difference of accuracy (McNemar's exact test).
    """

    feature_rmse: float
    worst_feature: str
    worst_rmse: float
    r2_log: Mapping[str, float | None]
    logit_rmse: float
    accuracy: float
    flips: int
    p: float


class Study:
    """A run's float model on its validation windows, as what everything else is held against."""

    def __init__(self, run: Run, graph: Graph, windows: Validation) -> None:
        self.run, self.graph, self.windows = run, graph, windows
        self.features, self.logits = evaluate(graph, windows.codes, Exact())

    def substituted(self, grids: Mapping[Part, Grids]) -> Effect:
        """The effect of rounding some parts."""
        return self.effect(*evaluate(self.graph, self.windows.codes, Substituted(grids)))

    def effect(self, features: Floats, logits: Floats) -> Effect:
        """What features ``[w, n]``, standardised, and logits ``[w, m]`` differ in from the float model's."""
        names = self.run.body.features.names
        shape = (len(features), -1, len(names))
        each = np.sqrt(np.mean((features - self.features).reshape(shape) ** 2, axis=(0, 1), dtype=np.float64))
        worst = int(each.argmax())
        right = self._right(logits)
        return Effect(
            feature_rmse=float(np.sqrt(np.mean(each**2))),
            worst_feature=names[worst],
            worst_rmse=float(each[worst]),
            r2_log=self._r2(features.reshape(shape)),
            logit_rmse=float(np.sqrt(np.mean((logits - self.logits) ** 2)) / max(self.logits.std(), 1e-12)),
            accuracy=float(right.mean()),
            flips=int(np.count_nonzero(logits.argmax(axis=1) != self.logits.argmax(axis=1))),
            p=mcnemar(Pairs.of(self._right(self.logits), right))[0],
        )

    def _right(self, logits: Floats) -> NDArray[np.bool_]:
        return np.asarray(logits.argmax(axis=1) == self.windows.classes)

    def _r2(self, features: NDArray[Any]) -> dict[str, float | None]:
        scaling = self.run.body.features
        domain = features.astype(np.float64) * np.array(scaling.std) + np.array(scaling.mean)
        natural = from_network_domain(domain, scaling.names)
        scores = feature_scores(self.windows.features, natural, scaling.names)
        return {name: finite(score["log"]) for name, score in scores.items()}


def study_sensitivity(
    run_folder: Path, data: Path | None = None, limit: int = 240, *, progress: Progress = silent
) -> dict[str, Any]:
    """Study a run and return the document of its ``sensitivity.json``.

    Args:
        run_folder: What ``myofin train`` left.
        data: The recording that it was trained on; None: where it was then.
        limit: At most so many validation windows.
        progress: Told about the stages ``convert``, ``layers``, ``calibration`` and ``saturation``.

    Raises:
        ArtifactError: The run is missing or damaged.
        InputError: The recording is not there, or the run has no network.
        ToolMissingError: TensorFlow, a TFLite runtime or a C compiler is missing.
    """
    run = read_run(run_folder)
    if not (run_folder / "saved_model").is_dir():
        raise InputError(
            f"{run_folder} holds no network whose layers could be rounded.", hint="Give a run with an LSTM."
        )
    recording = open_recording(run, data)
    windows = validation_windows(run, recording, limit)
    models = dict(_models(run_folder, run, progress))
    sets = calibration_sets(run, recording, int(run.manifest.document["seed"] or 0))
    document = _measured(run, windows, models, sets, progress)
    return {**document, "conclusions": conclusions(document)}


def _measured(
    run: Run,
    windows: Validation,
    models: Mapping[str, bytes],
    sets: list[CalibrationSet],
    progress: Progress,
) -> dict[str, Any]:
    graph = read_model(models["float32"])
    study = Study(run, graph, windows)
    loud = Study(run, graph, louder_windows(run, windows, LOUDER_SESSION))
    grids = {scheme: grids_of(graph, read_model(models[scheme])) for scheme in SCHEMES}
    return {
        "schema": 1,
        "data": {name: getattr(run.body, name) for name in ("dataset", "subject", "rate_hz", "channels")},
        "windows": len(windows.codes),
        "repetitions": list(run.body.split.validation),
        "float": asdict(study.effect(study.features, study.logits)),
        "whole": _whole(study, grids, models),
        **_by_layer(study, grids, progress),
        "louder": LOUDER_SESSION,
        "calibration": [_calibrated(study, loud, chosen, grids["int8"]) for chosen in _told(sets, progress)],
        "saturation": _saturation(run, windows, models, progress),
        "tool_version": __version__,
    }


def _models(run_folder: Path, run: Run, progress: Progress) -> Iterator[tuple[str, bytes]]:
    progress("convert", 0, 3)
    float_model = convert_with_tensorflow(run_folder, "float32")
    yield "float32", float_model
    progress("convert", 1, 3)
    yield "int8", mend_cell_scale(convert_with_tensorflow(run_folder, "int8"))[0]
    progress("convert", 2, 3)
    yield "int16x8", mend_cell_scale(convert_to_int16x8(float_model, run.calibration))[0]
    progress("convert", 3, 3)


def _everywhere(graph: Graph, grids: Grids) -> dict[Part, Grids]:
    return {part: grids for layer in layers_of(graph) for part in layer.parts}


def _whole(
    study: Study, grids: Mapping[str, Grids], models: Mapping[str, bytes]
) -> dict[str, dict[str, dict[str, Any]]]:
    """The whole network in each scheme, simulated and as the engine computes it: they should agree."""
    found = {}
    for scheme in SCHEMES:
        simulated = study.substituted(_everywhere(study.graph, grids[scheme]))
        engine = study.effect(*_engine_outputs(study, models[scheme]))
        found[scheme] = {"simulated": asdict(simulated), "engine": asdict(engine)}
    return found


def _engine_outputs(study: Study, model: bytes) -> tuple[Floats, Floats]:
    body = study.run.body
    with tempfile.TemporaryDirectory(prefix="myofin-sensitivity-") as scratch:
        generate_c(
            model,
            body.frontend,
            Path(scratch),
            frame_samples=body.frame_samples,
            channels=body.channels,
            state=body.state,
        )
        outputs = HostEngineExecutor(Path(scratch)).run(study.windows.codes)
    graph = read_model(model)
    found = find_outputs(graph)
    features = graph.tensors[found.features].real(outputs.features)
    logits = graph.tensors[found.logits].real(outputs.logits)
    return features.astype(np.float32), logits.astype(np.float32)


def _by_layer(study: Study, grids: Mapping[str, Grids], progress: Progress) -> dict[str, Any]:
    """Each layer in integers alone, and the only one that is not; and each part alone in int8."""
    found = layers_of(study.graph)
    layers, parts = [], []
    for done, layer in enumerate(found):
        rest = {p: grids["int8"] for other in found if other is not layer for p in other.parts}
        wider = dict.fromkeys(layer.parts, grids["int16x8"])
        effects = {
            "int8": study.substituted(dict.fromkeys(layer.parts, grids["int8"])),
            "int16x8": study.substituted(wider),
            "rest_int8": study.substituted(rest),
            "rest_int8_this_int16x8": study.substituted(rest | wider),
        }
        layers.append({"layer": layer.name, **{name: asdict(effect) for name, effect in effects.items()}})
        for part in layer.parts:
            effect = study.substituted({part: grids["int8"]})
            parts.append({"layer": layer.name, "part": part.name, **asdict(effect)})
        progress("layers", done + 1, len(found))
    return {"layers": layers, "parts": parts}


def _saturation(
    run: Run, windows: Validation, models: Mapping[str, bytes], progress: Progress
) -> dict[str, list[dict[str, Any]]]:
    """What the engine cuts off, by scheme: on the windows as they are, and on louder ones."""
    body, found = run.body, {}
    for done, scheme in enumerate(SCHEMES):
        rows = []
        for factor in LOUDNESS:
            counts = louder_windows(run, windows, factor).counts
            stages = count_saturation(models[scheme], body.frontend, body.state, counts, body.frame_samples)
            rows += [{"loudness": factor, **asdict(stage), "cut": stage.cut} for stage in stages]
        found[scheme] = rows
        progress("saturation", done + 1, len(SCHEMES))
    return found


def _told(sets: list[CalibrationSet], progress: Progress) -> Iterator[CalibrationSet]:
    for done, chosen in enumerate(sets):
        progress("calibration", done, len(sets))
        yield chosen
    progress("calibration", len(sets), len(sets))


def _calibrated(study: Study, loud: Study, chosen: CalibrationSet, converted: Grids) -> dict[str, Any]:
    """What int8 with ranges from a set does, on the windows as they are and on louder ones."""
    everywhere = _everywhere(study.graph, observe(study.graph, chosen.codes).grids(converted))
    return {
        "windows": chosen.size,
        "choice": chosen.choice,
        "draw": chosen.draw,
        **asdict(study.substituted(everywhere)),
        "louder_rmse": loud.substituted(everywhere).feature_rmse,
    }
