"""Every way of recognising movements by a network that is compared, by name; LDA is in `lda_baselines.py`.

Each takes a prepared data set and leaves something that gives logits for windows. Everything is chosen on
validation repetitions; then training and validation repetitions train together. ``default`` is what
``myofin train`` makes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from myofin.features import FEATURE_NAMES
from myofin.train.baselines import LinearRecogniser, train_cnn, train_random
from myofin.train.config import TrainConfig
from myofin.train.dataset import Dataset, Part, closed_form
from myofin.train.fin import Fin, pretrain_fin
from myofin.train.finetune import decide
from myofin.train.network import Network
from myofin.train.pretrain import imitate_windows
from myofin.train.transfer import closed_form_head, transfer


class Recogniser(Protocol):
    """What a method leaves."""

    def logits(self, part: Part) -> NDArray[np.float64]:
        """Logits ``[w, classes]`` of a part's windows."""
        ...


@dataclass(frozen=True)
class NetworkRecogniser:
    """A trained network; ``network`` and ``dataset`` are there for conversion."""

    network: Network
    dataset: Dataset
    facts: dict[str, Any]

    def features(self, part: Part) -> NDArray[np.float32]:
        """Standardised features float32 ``[w, channels, features]``."""
        return imitate_windows(self.network, part.codes)

    def logits(self, part: Part) -> NDArray[np.float64]:
        """Logits ``[w, classes]`` of a part's windows."""
        return decide(self.network, self.features(part).reshape(len(part), -1))


class Method(Protocol):
    """Train on a data set; ``fin`` spares the pre-training where one is at hand (it must fit the config)."""

    def __call__(
        self, dataset: Dataset, config: TrainConfig, seed: int, fin: Fin | None = None
    ) -> Recogniser:
        """Return what recognises the data set's movements."""
        ...


def default(dataset: Dataset, config: TrainConfig, seed: int, fin: Fin | None = None) -> NetworkRecogniser:
    """The network that ships: FIN, LDA as its head, tuned where validation does not speak against it."""
    return _transferred(dataset, replace(config, seed=seed), fin, tune=True)


def frozen_fin(dataset: Dataset, config: TrainConfig, seed: int, fin: Fin | None = None) -> NetworkRecogniser:
    """The pre-trained FIN as it is, with LDA as its head."""
    return _transferred(dataset, replace(config, seed=seed), fin, tune=False)


def tuned_fin(dataset: Dataset, config: TrainConfig, seed: int, fin: Fin | None = None) -> NetworkRecogniser:
    """The FIN tuned in any case."""
    always = replace(config, seed=seed, finetune_tolerance=1.0, finetune_feature_loss=1e9)
    return _transferred(dataset, always, fin, tune=True)


def fin_four(dataset: Dataset, config: TrainConfig, seed: int, fin: Fin | None = None) -> NetworkRecogniser:
    """As ``default``, with a FIN that imitates the paper's four features and no others."""
    narrow = replace(config, seed=seed, features=FEATURE_NAMES)
    return _transferred(_with_features(dataset, FEATURE_NAMES), narrow, fin, tune=True)


def random_init(
    dataset: Dataset, config: TrainConfig, seed: int, fin: Fin | None = None
) -> NetworkRecogniser:
    """The same network with no imitation: from random weights to the decision, over as many windows."""
    return NetworkRecogniser(train_random(dataset, replace(config, seed=seed)), dataset, {})


def raw_cnn(dataset: Dataset, config: TrainConfig, seed: int, fin: Fin | None = None) -> Recogniser:
    """A convolutional network on the codes with as many multiplications as the default network."""
    return train_cnn(dataset, replace(config, seed=seed))


def closed_form_lda(dataset: Dataset, config: TrainConfig, seed: int, fin: Fin | None = None) -> Recogniser:
    """LDA on the closed form of the features that the network imitates: its head without the network."""
    parts = [closed_form(dataset, part, config.features) for part in (dataset.train, dataset.validation)]
    head, scaling = closed_form_head(dataset, parts, config.features, config)
    return LinearRecogniser(head, scaling, dataset)


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "default": default,
        "frozen-fin": frozen_fin,
        "tuned-fin": tuned_fin,
        "fin-four": fin_four,
        "random-init": random_init,
        "closed-form-head": closed_form_lda,
        "raw-cnn": raw_cnn,
    }
)
# Those that start from a FIN, with the config to pre-train it with: one FIN then serves all of them.
FIN_METHODS: Mapping[str, Callable[[TrainConfig], TrainConfig]] = MappingProxyType(
    {
        "default": lambda config: config,
        "frozen-fin": lambda config: config,
        "tuned-fin": lambda config: config,
        "fin-four": lambda config: replace(config, features=FEATURE_NAMES),
    }
)


def _transferred(dataset: Dataset, config: TrainConfig, fin: Fin | None, *, tune: bool) -> NetworkRecogniser:
    fin = fin or pretrain_fin([dataset], config)[0]
    adopted = fin.adopt(dataset, config)
    done = transfer(adopted, fin, config, tune=tune)
    return NetworkRecogniser(done.network, adopted, done.facts)


def _with_features(dataset: Dataset, names: tuple[str, ...]) -> Dataset:
    """The data set with other closed-form features in its parts and its scaling."""
    if dataset.scaling.names == names:
        return dataset
    own = dataset.scaling.names
    index = [own.index(name) for name in names]

    def narrowed(part: Part) -> Part:
        return replace(part, features=part.features[..., index])

    scaling = replace(
        dataset.scaling, names=names, mean=dataset.scaling.mean[index], std=dataset.scaling.std[index]
    )
    return replace(
        dataset,
        scaling=scaling,
        train=narrowed(dataset.train),
        validation=narrowed(dataset.validation),
        test=narrowed(dataset.test),
    )
