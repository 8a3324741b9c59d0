"""From a pre-trained FIN to one subject's movements: LDA as the head, then everything tuned, then the refit.

Training and validation repetitions, left out in turn, choose the shrinkage; validation repetitions choose the
temperature and whether the tuning stays. What was chosen is then done once more from the start, with them
among the training windows, since a repetition more is worth more than any setting; unless ``config.refit`` is
off, where networks are to be compared on validation repetitions that none of them was trained on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myofin.progress import Progress, silent
from myofin.train.augment import ATTACHED, SESSION
from myofin.train.config import TrainConfig
from myofin.train.dataset import Dataset, Part, Scaling, calibration_codes, joined, varied
from myofin.train.eight_bits import EightBits, Exact, round_layer
from myofin.train.fin import Fin, network_shape
from myofin.train.finetune import Windows, finetune, judge
from myofin.train.head import Taught, fit_head
from myofin.train.lda import LinearHead, choose_shrinkage, fit_lda
from myofin.train.network import Network
from myofin.train.network_shape import sequences_of
from myofin.train.pretrain import EpochRow, imitate_windows


@dataclass(frozen=True)
class Transferred:
    """A network that decides, the course of its tuning, and what the validation repetitions chose."""

    network: Network
    rows: list[EpochRow]
    facts: dict[str, Any]


def transfer(
    dataset: Dataset, fin: Fin, config: TrainConfig, *, tune: bool = True, progress: Progress = silent
) -> Transferred:
    """Fit head and network to a recording's movements.

    Args:
        dataset: In the FIN's scaling (``Fin.adopt``).
        fin: Where to start.
        config: Settings of the tuning.
        tune: False leaves the FIN as it is: the head is LDA's solution.
        progress: Told about the stages ``head`` and ``fine-tune``.
    """
    network = Network(network_shape(dataset, config))
    network.set_fin(fin.weights)
    progress("head", 0, 1)
    if config.int8_share:
        compute_as_int8(network, dataset, config)
    parts = [Windows.of(dataset, part) for part in (dataset.train, dataset.validation)]
    taught = Taught(
        (_features(network, parts[0]), _features(network, parts[1])),
        (parts[0].classes, parts[1].classes),
        repetitions_of(dataset),
        network.shape.classes,
        _changes(network, dataset, config),
    )
    head = fit_head(taught, refit=config.refit)
    _set_head(network, head.first, head.temperature)
    before = judge(network, parts[1])
    progress("head", 1, 1)
    facts: dict[str, Any] = {**head.facts, "before": before.accuracy}
    rows: list[EpochRow] = []
    kept = False
    if tune and config.finetune_epochs:
        rows = finetune(
            network, parts[0], _session(dataset, dataset.train, config), parts[1], config, progress
        )
        after = judge(network, parts[1])
        kept = after.accuracy >= before.accuracy - config.finetune_tolerance
        kept &= after.feature_loss <= before.feature_loss * config.finetune_feature_loss
        facts |= {"after": after.accuracy, "feature_loss": [before.feature_loss, after.feature_loss]}
    if config.refit or not kept:
        network.set_fin(fin.weights)
        _set_head(network, head.final, head.temperature)
    if config.refit and kept:
        everything = joined([dataset.train, dataset.validation])
        varied_windows = _session(dataset, everything, config)
        finetune(network, Windows.of(dataset, everything), varied_windows, None, config, progress)
    _finish(network, head.learned, config)
    return Transferred(network, rows, facts | {"kept": kept})


def compute_as_int8(network: Network, dataset: Dataset, config: TrainConfig) -> None:
    """Let the network compute as its int8 conversion will: the head then fits rounded features."""
    codes = sequences_of(calibration_codes(dataset, config), network.shape)
    network.compute_in(EightBits(network.observe(codes).ranges))


def _finish(network: Network, features: NDArray[np.float32], config: TrainConfig) -> None:
    """Bring every kernel to the grid of the conversion, and the network back to floats."""
    network.centre_head()
    network.compute_in(Exact())
    if config.int8_share:
        network.round_fin()
        kernel, bias = (variable.numpy() for variable in network.head_variables)
        network.set_head(*round_layer(kernel, bias, features))


def _changes(network: Network, dataset: Dataset, config: TrainConfig) -> NDArray[np.float32]:
    """What another session changes in the features ``[n, channels * features]`` of training windows."""
    index, other = attached(dataset, config)
    pair = (Windows.of(dataset, dataset.train.take(index)), Windows.of(dataset, other))
    before, after = (_features(network, windows) for windows in pair)
    return after - before


def attached(dataset: Dataset, config: TrainConfig) -> tuple[NDArray[np.int64], Part]:
    """Training windows as of another session, and where they stand among the training windows."""
    other = varied(dataset, dataset.train, ATTACHED, config.varied_windows, config.seed)
    return np.searchsorted(dataset.train.windows.starts, other.windows.starts), other


def closed_form_head(
    dataset: Dataset,
    features: Sequence[NDArray[np.float64]],
    names: tuple[str, ...],
    config: TrainConfig | None = None,
) -> tuple[LinearHead, Scaling]:
    """LDA on closed-form features, with the shrinkage chosen and the refit done as for the network.

    Args:
        dataset: Classes of the training and validation windows are read from it.
        features: Natural-domain features ``[w, channels, f]`` of its training and validation windows.
        names: Of the features.
        config: Lets it expect another session, as the network's head does; the features are then those of
            the data set. None makes it the usual LDA.
    """
    scaling = Scaling.fit(features[0], names)
    flat = [scaling.standardise(part).reshape(len(part), -1) for part in features]
    classes = dataset.train.classes, dataset.validation.classes
    count, repetitions = len(dataset.classes), repetitions_of(dataset)
    if config is None:
        both = np.concatenate(flat), np.concatenate(classes)
        return fit_lda(*both, count, choose_shrinkage(*both, repetitions, count)), scaling
    index, other = attached(dataset, config)
    changes = scaling.standardise(other.features).reshape(len(other), -1) - flat[0][index]
    taught = Taught((flat[0], flat[1]), classes, repetitions, count, changes)
    return fit_head(taught, refit=True).final, scaling


def repetitions_of(dataset: Dataset) -> NDArray[np.int16]:
    """Of which repetition each training and validation window is."""
    return np.concatenate([part.windows.repetitions for part in (dataset.train, dataset.validation)])


def _session(dataset: Dataset, part: Part, config: TrainConfig) -> Windows:
    return Windows.of(dataset, varied(dataset, part, SESSION, config.varied_windows, config.seed))


def _features(network: Network, windows: Windows) -> NDArray[np.float32]:
    return imitate_windows(network, windows.codes).reshape(len(windows.classes), -1)


def _set_head(network: Network, head: LinearHead, temperature: float) -> None:
    network.set_head(head.kernel * temperature, head.bias * temperature)
