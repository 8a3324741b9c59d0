"""Facts of the networks as candidates, as one JSON document; run in a process of its own, for TensorFlow."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from evaluation_cases import jobs_on, write_subjects
from small_training import FEW_WINDOWS

import myofin.train.network_candidates as candidates
from myofin.train.dataset import calibration_codes
from myofin.train.eight_bits import EightBits, Exact
from myofin.train.evaluate import compute, make_items
from myofin.train.methods import METHODS, NetworkRecogniser
from myofin.train.network_candidates import NetworkCandidate, pooled_fin
from myofin.train.network_shape import sequences_of
from myofin.train.tasks import make_task

SMALL = replace(
    FEW_WINDOWS,
    epochs=2,
    epoch_windows=1_000,
    units=6,
    embedding=8,
    calibration_windows=80,
)


def main() -> None:
    folder = Path(sys.argv[1])
    write_subjects(folder / "data", 3)
    candidates.make = lambda name: NetworkCandidate(name, SMALL)  # type: ignore[assignment]
    document = {}
    rotated, zero_shot = (
        jobs_on(folder / "data", protocol, ("frozen-fin",))[0] for protocol in ("rotation", "loso")
    )
    for name, job in (("rotation", rotated), ("loso", zero_shot)):
        document[name] = compute(make_items([job], folder / "work")[0])
    cached = sorted((folder / "work" / "cache").glob("fin-*.npz"))
    stamps = [file.stat().st_mtime_ns for file in cached]
    task, _ = make_task(rotated, cache=folder / "work" / "cache")
    pooled_fin(task, candidates.dataset_of(task, SMALL), SMALL)
    document["reused"] = [file.stat().st_mtime_ns for file in cached] == stamps
    document["fins"] = len(cached)
    task, _ = make_task(rotated, cache=folder / "work" / "cache")
    dataset = candidates.dataset_of(task, SMALL)
    found = METHODS["frozen-fin"](dataset, SMALL, 0, pooled_fin(task, dataset, SMALL))
    assert isinstance(found, NetworkRecogniser)
    found = replace(found, dataset=replace(found.dataset, test=found.dataset.validation))
    document["simulation"] = _simulated(found, _coarse(found.network.get_fin()))
    document["bounds"] = _simulated(found, _steep(found.network.get_fin()))
    sys.stdout.write(json.dumps(document))


def _coarse(weights: list[Any]) -> list[Any]:
    """One large weight for each gate, on an input that is always 0, makes the grid of the kernel coarse."""
    weights[2][:, 0], weights[3][0] = -1.0, 0.0
    weights[4] *= 2.0
    weights[4][0, :: SMALL.units] = 16.0
    weights[7] *= 3.0
    return weights


def _steep(weights: list[Any]) -> list[Any]:
    """What enters a gate from the inputs and what enters it from the state are about 20 and -20."""
    weights[4] *= 3.0
    weights[5] -= 20.0 / (0.9 * SMALL.units)
    weights[6] += 20.0
    return weights


class _Unbounded(EightBits):
    """Eight bits whose gates hold whatever enters them."""

    def gates(self, values: Any) -> Any:
        return values


def _simulated(found: NetworkRecogniser, weights: list[Any]) -> dict[str, float]:
    """How far the features of the int8 engine are from training in floats, and from training in eight bits.

    Root mean square over validation windows, and the step of a feature, in its standard deviations.
    """
    network = found.network
    network.compute_in(Exact())
    network.set_fin(weights)
    engine = candidates.quantized_outputs(found, SMALL, "int8")["features"]
    codes = sequences_of(calibration_codes(found.dataset, SMALL), network.shape)
    ranges = network.observe(codes).ranges
    low, high = ranges["imitate"]
    distances = {"step": (high - low) / 255}
    for name, arithmetic in (
        ("float", Exact()),
        ("unbounded", _Unbounded(ranges)),
        ("int8", EightBits(ranges)),
    ):
        network.compute_in(arithmetic)
        features = found.features(found.dataset.test).reshape(engine.shape)
        distances[name] = float(np.sqrt(np.mean(np.square(features - engine))))
    return distances


if __name__ == "__main__":
    main()
