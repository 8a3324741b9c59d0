"""The feature-imitating network by itself: pre-trained on any recordings of a rate, used for any other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from myofin.artifacts import read_manifest
from myofin.errors import ArtifactError, InputError
from myofin.frontend import WINDOW_FRAMES
from myofin.progress import Progress, silent
from myofin.train.config import TrainConfig
from myofin.train.dataset import Dataset, Part, Scaling, amplified
from myofin.train.emphasis import ENTROPY
from myofin.train.network import Network
from myofin.train.network_shape import NetworkShape, sequences_of
from myofin.train.pretrain import EpochRow, Sequences, pretrain
from myofin.train.tensorflow_setup import make_deterministic

FIN_FILE = "fin.npz"
# What must be equal for one network's weights to fit another, beside the features: names in the manifest.
SIZE_NAMES = ("frame_samples", "lanes", "embedding", "embedding_layers", "taps", "units", "frame_hops")


@dataclass(frozen=True)
class Fin:
    """A pre-trained feature-imitating network.

    Attributes:
        sizes: Of what it takes and of its layers, by the names of ``NetworkShape``.
        scaling: Standardisation of the features that it was trained on.
        weights: Of its layers, in the order of ``Network.fin_variables``.
    """

    sizes: dict[str, int]
    scaling: Scaling
    weights: list[NDArray[np.float32]]

    def adopt(self, dataset: Dataset, config: TrainConfig) -> Dataset:
        """Return the data set in this network's scaling.

        Raises:
            InputError: The network was trained at another rate, with other sizes or other features.
        """
        wanted = _sizes(network_shape(dataset, config))
        if self.scaling.names != config.features:
            wanted_names, names = ", ".join(config.features), ", ".join(self.scaling.names)
            raise InputError(
                f"The FIN imitates {names}; wanted are {wanted_names}.",
                hint="Start from a run with the same features, or train without --fin.",
            )
        for name, value in wanted.items():
            if self.sizes[name] != value:
                raise InputError(
                    f"The FIN was trained with {name} {self.sizes[name]}; here it is {value}.",
                    hint="Start from a run at the same rate with the same sizes, or train without --fin.",
                )
        return replace(dataset, scaling=self.scaling)


def network_shape(dataset: Dataset, config: TrainConfig) -> NetworkShape:
    """Return the sizes of the network for a data set."""
    return shape_for(dataset.recording.channels, dataset.frame_samples, len(dataset.classes), config)


def shape_for(channels: int, frame_samples: int, classes: int, config: TrainConfig) -> NetworkShape:
    """Return the sizes of the network for so many channels, samples of a hop, and classes."""
    return NetworkShape(
        channels=channels,
        frame_samples=frame_samples,
        classes=classes,
        frames=WINDOW_FRAMES,
        features=len(config.features),
        embedding=config.embedding,
        units=config.units,
        frame_hops=config.frame_hops,
        taps=config.taps,
        embedding_layers=config.embedding_layers,
        layout=config.layout,
    )


def pretrain_fin(
    datasets: Sequence[Dataset], config: TrainConfig, progress: Progress = silent
) -> tuple[Fin, list[EpochRow]]:
    """Pre-train on the training repetitions of one or several recordings of one rate; labels are not used.

    The features are standardised over all of them together. The validation repetitions choose the epoch.
    """
    make_deterministic(config.seed)
    features = np.concatenate([_flat(dataset.train.features) for dataset in datasets])[:, np.newaxis]
    scaling = Scaling.fit(features, config.features)
    network = Network(network_shape(datasets[0], config))
    train, validation = [], []
    for dataset in datasets:
        louder = amplified(dataset, config.amplified_windows // len(datasets), config.seed)
        train += [imitated(part, scaling, network.shape) for part in (dataset.train, louder)]
        validation.append(imitated(dataset.validation, scaling, network.shape))
    rows = pretrain(network, _joined(train), _joined(validation), config, progress)
    return Fin(_sizes(network.shape), scaling, network.get_fin()), rows


def imitated(part: Part, scaling: Scaling, shape: NetworkShape) -> Sequences:
    """What the LSTM takes of a part's windows, with the standardised features that it is to reproduce."""
    codes = sequences_of(part.codes, shape)
    targets = scaling.standardise(part.features).reshape(len(codes), -1)
    return Sequences(codes, targets, part.features[..., ENTROPY].reshape(len(codes), -1))


def save_fin(fin: Fin, folder: Path) -> None:
    """Write the weights into a run folder; the rest is in its manifest."""
    np.savez_compressed(folder / FIN_FILE, *fin.weights)


def load_fin(run: Path) -> Fin:
    """Read the pre-trained network of a run.

    Raises:
        ArtifactError: The folder is no intact run, or one of a version that kept no FIN.
    """
    manifest = read_manifest(run, "run")
    if not (run / FIN_FILE).is_file():
        raise _no_fin(run)
    with np.load(run / FIN_FILE, allow_pickle=False) as arrays:
        weights = [arrays[name] for name in arrays.files]
    model = manifest.body["model"]
    if not model.keys() >= set(SIZE_NAMES):
        raise _no_fin(run)
    return Fin({n: int(model[n]) for n in SIZE_NAMES}, Scaling.from_json(manifest.body["features"]), weights)


def _no_fin(run: Path) -> ArtifactError:
    hint = "Make the run again with this version of `myofin train`."
    return ArtifactError(f"{run} keeps no pre-trained FIN.", hint=hint)


def _sizes(shape: NetworkShape) -> dict[str, int]:
    return {name: int(getattr(shape, name)) for name in SIZE_NAMES}


def _flat(features: NDArray[np.float64]) -> NDArray[np.float64]:
    return features.reshape(-1, features.shape[-1])


def _joined(parts: Sequence[Sequences]) -> Sequences:
    return Sequences(
        np.concatenate([part.codes for part in parts]),
        np.concatenate([part.targets for part in parts]),
        np.concatenate([part.entropy for part in parts]),
    )
