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
from myofin.train.dataset import Dataset, Part, Scaling, calibration_codes, joined, single_channels, varied
from myofin.train.eight_bits import EightBits, Exact, round_layer
from myofin.train.fin import Fin, network_shape
from myofin.train.finetune import Windows, cross_entropy, finetune, judge
from myofin.train.lda import LinearHead, choose, choose_shrinkage, covariance_of, fit_lda
from myofin.train.network import Network
from myofin.train.pretrain import EpochRow, predict_singles

TEMPERATURES = (1.0, 0.7, 0.5, 0.35, 0.25, 0.15, 0.1)


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
    outputs = [(_features(network, part), part.classes) for part in parts]
    both = (np.concatenate([o[0] for o in outputs]), np.concatenate([o[1] for o in outputs]))
    classes = network.shape.classes
    changes = covariance_of(_changes(network, dataset, config))
    choice = choose(*both, _repetitions(dataset), classes, changes)
    head = fit_lda(*outputs[0], classes, choice.shrinkage, choice.expected)
    temperature = choose_temperature(head.scores(outputs[1][0]), outputs[1][1])
    _set_head(network, head, temperature)
    before = judge(network, parts[1])
    progress("head", 1, 1)
    facts: dict[str, Any] = {"shrinkage": choice.shrinkage, "expected_share": choice.share}
    facts |= {"temperature": temperature, "before": before.accuracy}
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
        learned = both if config.refit else outputs[0]
        head = fit_lda(learned[0], learned[1], classes, choice.shrinkage, choice.expected)
        _set_head(network, head, temperature)
    if config.refit and kept:
        everything = joined([dataset.train, dataset.validation])
        varied_windows = _session(dataset, everything, config)
        finetune(network, Windows.of(dataset, everything), varied_windows, None, config, progress)
    _finish(network, both[0] if config.refit else outputs[0][0], config)
    return Transferred(network, rows, facts | {"kept": kept})


def compute_as_int8(network: Network, dataset: Dataset, config: TrainConfig) -> None:
    """Let the network compute as its int8 conversion will: the head then fits rounded features."""
    codes = single_channels(calibration_codes(dataset, config), network.shape.channels)
    network.compute_in(EightBits(network.observe(codes).ranges))


def _finish(network: Network, features: NDArray[np.float32], config: TrainConfig) -> None:
    """Bring every kernel to the grid of the conversion, and the network back to floats."""
    network.centre_head()
    network.compute_in(Exact())
    if config.int8_share:
        network.round_fin()
        kernel, bias = (variable.numpy() for variable in network.head_variables)
        network.set_head(*round_layer(kernel, bias, features))


def choose_temperature(scores: NDArray[np.float64], classes: NDArray[np.int64]) -> float:
    """The factor on LDA's scores with the least cross-entropy; as they are, they are far too sure.

    It changes no decision; it makes the logits usable for rejection and for the gradients of the tuning.
    """
    return min(TEMPERATURES, key=lambda factor: cross_entropy(scores * factor, classes))


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
    both = np.concatenate(flat), np.concatenate([dataset.train.classes, dataset.validation.classes])
    count, repetitions = len(dataset.classes), _repetitions(dataset)
    if config is None:
        return fit_lda(*both, count, choose_shrinkage(*both, repetitions, count)), scaling
    index, other = attached(dataset, config)
    changes = scaling.standardise(other.features).reshape(len(other), -1) - flat[0][index]
    choice = choose(*both, repetitions, count, covariance_of(changes))
    return fit_lda(*both, count, choice.shrinkage, choice.expected), scaling


def _repetitions(dataset: Dataset) -> NDArray[np.int16]:
    """Of which repetition each training and validation window is."""
    return np.concatenate([part.windows.repetitions for part in (dataset.train, dataset.validation)])


def _session(dataset: Dataset, part: Part, config: TrainConfig) -> Windows:
    return Windows.of(dataset, varied(dataset, part, SESSION, config.varied_windows, config.seed))


def _features(network: Network, windows: Windows) -> NDArray[np.float32]:
    return predict_singles(network, windows.singles).reshape(len(windows.classes), -1)


def _set_head(network: Network, head: LinearHead, temperature: float) -> None:
    network.set_head(head.kernel * temperature, head.bias * temperature)
