"""A recording to a run: features, pre-training, head, fine-tuning, and the folder they leave."""

from __future__ import annotations

import errno
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myofin.artifacts import finite, new_artifact, write_json, write_manifest
from myofin.errors import InputError
from myofin.features import feature_scores
from myofin.frontend import WINDOW_FRAMES
from myofin.integer_head import save_head
from myofin.progress import Progress, silent
from myofin.recordings.check import load_trainable
from myofin.recordings.model import Recording
from myofin.train.arithmetic import ArithmeticRecogniser, fit_arithmetic
from myofin.train.clock import Clock
from myofin.train.config import TrainConfig
from myofin.train.curves import curves_csv, curves_svg
from myofin.train.dataset import Dataset, Part, calibration_codes, closed_form, prepare
from myofin.train.fin import Fin, load_fin, pretrain_fin, save_fin
from myofin.train.fin_cache import kept_fin
from myofin.train.finetune import decide
from myofin.train.lda import BASELINES
from myofin.train.network import Network
from myofin.train.pretrain import EpochRow, imitate_windows
from myofin.train.tensorflow_setup import load_tensorflow, make_deterministic
from myofin.train.transfer import closed_form_head, transfer
from myofin.windows import gather, spread

PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Trained:
    """What training made of one recording.

    Attributes:
        network: The trained network.
        dataset: What it was trained and measured on.
        fin: The pre-trained network that the training started from.
        rows: The course of the training.
        metrics: As in ``metrics.json``.
    """

    network: Network
    dataset: Dataset
    fin: Fin
    rows: list[EpochRow]
    metrics: dict[str, Any]


def train_run(
    data: Path,
    subject: str | int | None,
    out: Path,
    config: TrainConfig | None = None,
    *,
    start: Path | None = None,
    cache: Path | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Train on one subject's recording and write the run folder; return the metrics.

    Args:
        data: File or folder of recordings.
        subject: Which, where there are several.
        out: The run folder; an older run there is replaced when the new one is complete.
        config: Settings; None takes the defaults.
        start: A run whose pre-trained FIN is taken over, instead of pre-training one here.
        cache: Folder of pre-trained FINs: one that fits is taken, another is kept there.
        progress: Told about the stages ``features``, ``pre-train``, ``head`` and ``fine-tune``.

    Raises:
        RecordingError: The recording is missing, damaged, or cannot be trained on.
        ArtifactError: ``out`` holds something that is not a run.
        ToolMissingError: TensorFlow is not installed.
    """
    config = config or TrainConfig()
    if start is not None and config.features_by == "arithmetic":
        raise InputError(
            "Features by arithmetic take no FIN.", hint="Leave --fin out, or give --features-by lstm."
        )
    fin = load_fin(start) if start is not None else None
    recording = load_trainable(data, subject)
    arguments = {"data": str(data), "subject": subject, "fin": str(start) if start else None}
    with new_artifact(out, "run") as folder:
        if config.features_by == "arithmetic":
            recogniser, metrics = train_arithmetic(recording, config, progress=progress)
            save_head(recogniser.head, folder)
            made = _Made(recogniser.dataset, recogniser.describe(), metrics)
        else:
            trained = train_recording(recording, config, fin=fin, cache=cache, progress=progress)
            _write_network(folder, trained)
            made = _Made(trained.dataset, trained.network.describe(), trained.metrics)
        _write(folder, made, config, arguments)
    return made.metrics


def train_arithmetic(
    recording: Recording, config: TrainConfig, *, progress: Progress = silent
) -> tuple[ArithmeticRecogniser, dict[str, Any]]:
    """Fit a head to features by arithmetic, on a recording that ``check_trainable`` accepts; no TensorFlow.

    Returns:
        What decides, and the metrics as in ``metrics.json``.

    Raises:
        InputError: A feature cannot be computed in integers.
    """
    clock = Clock()
    progress("features", 0, 1)
    dataset = prepare(recording, config)
    progress("features", 1, 1)
    clock.lap("features")
    recogniser = fit_arithmetic(dataset, config)
    clock.lap("head")
    parts = {name: getattr(dataset, name) for name in PARTS}
    metrics: dict[str, Any] = {
        "accuracy": {name: recogniser.accuracy(part) for name, part in parts.items()},
        "chance": 1.0 / len(dataset.classes),
        "windows": {name: len(part) for name, part in parts.items()},
        "feature_r2": _finite(recogniser.scores(dataset.test)),
        "feature_r2_validation": _finite(recogniser.scores(dataset.validation)),
        "head": {**recogniser.facts, "fin_reused": False},
        "lda_closed_form": lda_baselines(dataset),
    }
    clock.lap("measure")
    return recogniser, metrics | {"seconds": clock.laps}


def train_recording(
    recording: Recording,
    config: TrainConfig,
    *,
    fin: Fin | None = None,
    cache: Path | None = None,
    progress: Progress = silent,
) -> Trained:
    """Train on a recording that ``check_trainable`` accepts.

    Training repetitions fit everything, validation repetitions choose among epochs and settings and are then
    trained on too, test repetitions are measured once at the end.

    Args:
        recording: One subject's.
        config: Settings.
        fin: A network that is already pre-trained, on this or on other recordings; None pre-trains one here.
        cache: Folder of pre-trained FINs, as for ``train_run``.
        progress: Told about the stages.

    Raises:
        InputError: The FIN does not fit the recording or the settings.
    """
    clock = Clock()
    load_tensorflow()
    make_deterministic(config.seed)
    clock.lap("load_tensorflow")
    progress("features", 0, 1)
    dataset = prepare(recording, config)
    progress("features", 1, 1)
    clock.lap("features")
    reused = fin is not None
    rows: list[EpochRow] = []
    if fin is None and cache is not None:
        fin, rows = kept_fin(cache, [dataset], config, progress)
        make_deterministic(config.seed)  # what follows is the same whether or not the FIN was there
    elif fin is None:
        fin, rows = pretrain_fin([dataset], config, progress)
    dataset = fin.adopt(dataset, config)
    clock.lap("pre_train")
    done = transfer(dataset, fin, config, progress=progress)
    clock.lap("transfer")
    metrics = measure(done.network, dataset) | {
        "head": {"start": "lda", "fin_reused": reused, **done.facts},
        "lda_closed_form": lda_baselines(dataset),
    }
    clock.lap("measure")
    metrics["seconds"] = clock.laps
    return Trained(done.network, dataset, fin, rows + done.rows, metrics)


def measure(network: Network, dataset: Dataset) -> dict[str, Any]:
    """Accuracy on each part, and agreement of the features with their closed form, of the float network."""
    accuracy, scores = {}, {}
    for name in PARTS:
        part: Part = getattr(dataset, name)
        features = imitate_part(network, dataset, part)
        chosen = decide(network, features.reshape(len(part), -1)).argmax(axis=1)
        accuracy[name] = float(np.mean(chosen == part.classes))
        if name != "train":
            natural = dataset.scaling.restore(features)
            scores[name] = _finite(feature_scores(part.features, natural, dataset.scaling.names))
    return {
        "accuracy": accuracy,
        "chance": 1.0 / len(dataset.classes),
        "windows": {name: len(getattr(dataset, name)) for name in PARTS},
        "feature_r2": scores["test"],
        "feature_r2_validation": scores["validation"],
    }


def imitate_part(network: Network, dataset: Dataset, part: Part) -> NDArray[np.float32]:
    """Standardised features float32 ``[w, channels, features]`` that the network makes of a part's codes."""
    return imitate_windows(network, part.codes)


def lda_baselines(dataset: Dataset) -> dict[str, dict[str, float]]:
    """Accuracy on test repetitions of LDA on closed-form features: what the network has to live up to."""
    found = {}
    every = tuple(dict.fromkeys(feature for names in BASELINES.values() for feature in names))
    computed = [closed_form(dataset, getattr(dataset, part), every) for part in PARTS]
    for name, names in BASELINES.items():
        parts = [np.take(features, [every.index(feature) for feature in names], -1) for features in computed]
        head, scaling = closed_form_head(dataset, parts[:2], names)
        test = scaling.standardise(parts[2]).reshape(len(parts[2]), -1)
        found[name] = {"test": head.accuracy(test, dataset.test.classes), "shrinkage": head.shrinkage}
    return found


@dataclass(frozen=True)
class _Made:
    """What every run has: its data set, the facts about its model, and the metrics."""

    dataset: Dataset
    model: dict[str, Any]
    metrics: dict[str, Any]


def _write_network(folder: Path, trained: Trained) -> None:
    _save_model(trained.network, folder / "saved_model")
    save_fin(trained.fin, folder)
    (folder / "curves.csv").write_text(curves_csv(trained.rows), encoding="utf-8")
    (folder / "curves.svg").write_text(curves_svg(trained.rows), encoding="utf-8")


def _write(folder: Path, made: _Made, config: TrainConfig, arguments: dict[str, Any]) -> None:
    dataset, recording = made.dataset, made.dataset.recording
    np.savez_compressed(folder / "calibration.npz", codes=calibration_codes(dataset, config))
    golden = spread(dataset.test.windows, config.golden_windows)
    at = np.searchsorted(dataset.test.windows.starts, golden.starts)
    samples = WINDOW_FRAMES * dataset.frame_samples
    np.savez_compressed(
        folder / "test_windows.npz",
        counts=gather(recording.counts, golden.starts, samples),
        labels=golden.labels,
        features=dataset.test.features[at],
    )
    write_json(folder / "metrics.json", made.metrics)
    write_manifest(
        folder,
        "run",
        _body(made),
        arguments=arguments | asdict(config),
        inputs=recording.sha256s,
        seed=config.seed,
    )


def _body(made: _Made) -> dict[str, Any]:
    dataset, recording = made.dataset, made.dataset.recording
    names = recording.class_names or {}
    return {
        "rate_hz": recording.rate_hz,
        "channels": recording.channels,
        "frames": WINDOW_FRAMES,
        "frame_samples": dataset.frame_samples,
        "dataset": recording.dataset,
        "subject": recording.subject,
        "classes": list(dataset.classes),
        "class_names": [names.get(label, f"movement {label}") for label in dataset.classes],
        "split": dataset.split.to_json(),
        "frontend": dataset.frontend.to_json(),
        "features": dataset.scaling.to_json(),
        "model": made.model,
        "state": "reset",
        "metrics": made.metrics,
    }


def _save_model(network: Network, folder: Path) -> None:
    try:
        network.save(folder)
    except Exception as error:  # TensorFlow's own file errors are no OSError: say which one it was
        if "No space left" in str(error):
            raise OSError(errno.ENOSPC, "No space left on device", str(folder)) from error
        raise


def _finite(scores: dict[str, dict[str, float]]) -> dict[str, dict[str, float | None]]:
    # A constant target has no R²; JSON has no infinity.
    return {name: {kind: finite(value) for kind, value in kinds.items()} for name, kinds in scores.items()}
