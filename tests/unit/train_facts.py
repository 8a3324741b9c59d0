"""Facts of the network and its training, as one JSON document; run in a process of its own.

TensorFlow must not share a process with the TFLite runtime that other tests use.
"""

import json
import sys
from dataclasses import replace
from typing import Any

import numpy as np
from small_training import FEW_WINDOWS

from myofin.errors import InputError
from myofin.recordings.model import Recording
from myofin.recordings.synthetic import SyntheticConfig, generate
from myofin.train.dataset import prepare
from myofin.train.fin import Fin, pretrain_fin
from myofin.train.methods import FIN_METHODS, METHODS
from myofin.train.network import Network
from myofin.train.network_shape import NetworkShape
from myofin.train.pipeline import train_recording
from myofin.train.tensorflow_setup import load_tensorflow, make_deterministic

SMALL = replace(
    FEW_WINDOWS,
    epochs=3,
    epoch_windows=1_500,
    batch=32,
    learning_rate=2e-2,
    units=6,
    embedding=8,
    frame_hops=2,
)

SIZES = {"channels": 3, "frame_samples": 2, "classes": 3, "embedding": 8, "units": 6}
FORMS = (
    {},
    {"frame_hops": 3},
    {"frame_hops": 2, "taps": 3},
    {"frame_hops": 10, "taps": 3, "embedding_layers": 1},
    {"layout": "joint"},
    {"layout": "joint", "frame_hops": 5, "taps": 3},
)


def main() -> None:
    recording = generate(SyntheticConfig(channels=3, rate_hz=200, movements=3, movement_s=1.0, rest_s=0.3))
    tf, _ = load_tensorflow()
    make_deterministic(0)
    network = Network(NetworkShape(**SIZES))
    stages: list[tuple[str, int, int]] = []
    first = train_recording(recording, SMALL, progress=lambda *call: stages.append(call))
    first_weights = first.network.get_weights()
    again = train_recording(recording, SMALL).network.get_weights()
    # So large a step can only do harm: the frozen network must come out.
    wild = replace(SMALL, finetune_learning_rate=30.0)
    harmed = train_recording(recording, wild, fin=first.fin)
    document = {
        "export_distances": [_export_distance(tf, Network(NetworkShape(**SIZES, **form))) for form in FORMS],
        "parameters": network.parameters,
        "stages": list(dict.fromkeys(stage for stage, _, _ in stages)),
        "unfinished": [stage for stage in {s for s, _, _ in stages} if not _finished(stages, stage)],
        "losses": [row.validation_loss for row in first.rows if row.stage == "pre-train"],
        "repeats": _equal(first_weights, again),
        "metrics": first.metrics,
        "harmed": {
            "kept": harmed.metrics["head"]["kept"],
            "fin_moved": not _equal(harmed.network.get_fin(), first.fin.weights),
            "rows": len(harmed.rows),
        },
        "methods": _methods(recording),
        "joint": _joint(recording, first.fin),
    }
    sys.stdout.write(json.dumps(document))


def _equal(some: list[Any], others: list[Any]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(some, others, strict=True))


def _joint(recording: Recording, shared: Fin) -> dict[str, Any]:
    """A joint network trained on the same recording, and what it says of the FIN of a shared one."""
    config = replace(SMALL, layout="joint", epochs=12)
    joint = train_recording(recording, config)
    try:
        train_recording(recording, config, fin=shared)
        refusal = ""
    except InputError as error:
        refusal = error.message
    return {
        "losses": [row.validation_loss for row in joint.rows if row.stage == "pre-train"],
        "accuracy": joint.metrics["accuracy"]["test"],
        "model": joint.network.describe(),
        "refusal": refusal,
    }


def _methods(recording: Recording) -> dict[str, float]:
    """Test accuracy of every method, all from one FIN for each set of features."""
    dataset = prepare(recording, SMALL)
    fins: dict[tuple[str, ...], Fin] = {}
    found = {}
    for name, method in METHODS.items():
        fin = None
        if name in FIN_METHODS:
            config = FIN_METHODS[name](SMALL)
            if config.features not in fins:
                fins[config.features] = pretrain_fin([prepare(recording, config)], config)[0]
            fin = fins[config.features]
        logits = method(dataset, SMALL, 0, fin).logits(dataset.test)
        found[name] = float(np.mean(logits.argmax(axis=1) == dataset.test.classes))
    return found


def _export_distance(tf: Any, network: Network) -> float:
    """The largest difference between the outputs in training and in the exported form."""
    codes = np.random.default_rng(0).integers(-127, 128, (4, 30, 6)).astype(np.int8)
    features = network.imitate_channels(codes)
    logits = np.maximum(network.classify(features).numpy(), 0)  # the export gives none below 0
    batched = {"features": features.numpy(), "logits": logits}
    exported = [network.decide(tf.constant(c[None] / 128, tf.float32)) for c in codes]
    return max(
        float(np.abs(np.concatenate([outputs[name].numpy() for outputs in exported]) - batched[name]).max())
        for name in batched
    )


def _finished(stages: list[tuple[str, int, int]], stage: str) -> bool:
    calls = [(done, total) for name, done, total in stages if name == stage]
    return calls[-1][0] == calls[-1][1] and len({total for _, total in calls}) == 1


if __name__ == "__main__":
    main()
