"""Fine-tuning: network and head together, for the decision, with the features held to what they imitate."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myofin.progress import Progress, silent
from myofin.train.config import TrainConfig
from myofin.train.dataset import Dataset, Part
from myofin.train.network import Network
from myofin.train.pretrain import CLIP_NORM, EpochRow, cosine, imitate_windows
from myofin.train.tensorflow_setup import load_tensorflow

_BATCH = 32


@dataclass(frozen=True)
class Windows:
    """Windows over all channels.

    Attributes:
        codes: int8 ``[w, 30, frame_samples * channels]``.
        targets: float32 ``[w, channels * features]``, standardised closed-form features.
        classes: int64 ``[w]``.
    """

    codes: NDArray[np.int8]
    targets: NDArray[np.float32]
    classes: NDArray[np.int64]

    @staticmethod
    def of(dataset: Dataset, part: Part) -> Windows:
        """The windows of a part, with their targets in the data set's scaling."""
        return Windows(
            codes=part.codes,
            targets=dataset.scaling.standardise(part.features).reshape(len(part), -1),
            classes=part.classes,
        )


@dataclass(frozen=True)
class Judgement:
    """A network on validation windows: accuracy, cross-entropy in nats, and error of the features."""

    accuracy: float
    cross_entropy: float
    feature_loss: float


def judge(network: Network, windows: Windows) -> Judgement:
    """Measure a network on windows."""
    features = imitate_windows(network, windows.codes).reshape(len(windows.classes), -1)
    logits = decide(network, features)
    return Judgement(
        accuracy=float(np.mean(logits.argmax(axis=1) == windows.classes)),
        cross_entropy=cross_entropy(logits, windows.classes),
        feature_loss=float(np.mean(np.square(features - windows.targets))),
    )


def cross_entropy(logits: NDArray[np.float64], classes: NDArray[np.int64]) -> float:
    """Mean cross-entropy in nats of logits ``[w, classes]``."""
    logits = logits - logits.max(axis=1, keepdims=True)
    own = logits[np.arange(len(logits)), classes]
    return float(np.mean(np.log(np.exp(logits).sum(axis=1)) - own))


def decide(network: Network, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Logits ``[w, classes]`` of standardised features ``[w, channels * features]``."""
    kernel, bias = (variable.numpy().astype(np.float64) for variable in network.head_variables)
    return np.asarray(features.astype(np.float64) @ kernel + bias)


def finetune(
    network: Network,
    plain: Windows,
    varied: Windows | None,
    validation: Windows | None,
    config: TrainConfig,
    progress: Progress = silent,
) -> list[EpochRow]:
    """Tune FIN and head for the decision, for as many epochs as the settings say.

    Args:
        network: Tuned in place.
        plain: Windows as they were recorded.
        varied: Windows under other conditions, or None: half of each batch.
        validation: Measured after each epoch, and chooses nothing here; None measures nothing.
        config: Epochs, windows of an epoch, learning rate, label smoothing, weight of the imitation, seed.
        progress: Told after each epoch, as stage ``fine-tune``.
    """
    tf, keras = load_tensorflow()
    rng = np.random.default_rng([config.seed, 2])
    optimizer = keras.optimizers.Adam(config.finetune_learning_rate)
    step = _make_step(tf, network, optimizer, config)
    sources = [plain] if varied is None else [plain, varied]
    each = _BATCH // len(sources)
    steps = max(1, min(config.finetune_windows, len(plain.classes)) // _BATCH)
    rows: list[EpochRow] = []
    for epoch in range(config.finetune_epochs):
        began = time.perf_counter()
        orders = [_draw(rng, len(source.classes), steps * each).reshape(steps, each) for source in sources]
        losses = []
        for number in range(steps):
            done = epoch * steps + number
            rate = cosine(config.finetune_learning_rate, done, config.finetune_epochs * steps)
            optimizer.learning_rate.assign(rate)
            losses.append(step(*_batch(sources, [order[number] for order in orders])))
        loss = float(np.mean([value.numpy() for value in losses]))
        now = judge(network, validation) if validation is not None else Judgement(np.nan, np.nan, np.nan)
        accuracy = now.accuracy if validation is not None else None
        seconds = time.perf_counter() - began
        rows.append(EpochRow("fine-tune", epoch + 1, loss, now.cross_entropy, accuracy, rate, seconds))
        progress("fine-tune", epoch + 1, config.finetune_epochs)
    return rows


def _draw(rng: np.random.Generator, available: int, count: int) -> NDArray[np.int64]:
    """Draw without repeating, as far as there are enough."""
    rounds = [rng.permutation(available) for _ in range(-(-count // available))]
    return np.asarray(np.concatenate(rounds)[:count])


def _batch(sources: list[Windows], indices: list[NDArray[np.int64]]) -> tuple[NDArray[Any], ...]:
    pairs = list(zip(sources, indices, strict=True))
    return (
        np.concatenate([source.codes[index] for source, index in pairs]),
        np.concatenate([source.targets[index] for source, index in pairs]),
        np.concatenate([source.classes[index] for source, index in pairs]),
    )


def _make_step(tf: Any, network: Network, optimizer: Any, config: TrainConfig) -> Any:
    variables = network.fin_variables + network.head_variables
    optimizer.build(variables)
    count, smoothing = network.shape.classes, config.label_smoothing

    def step(codes: Any, targets: Any, classes: Any) -> Any:
        with tf.GradientTape() as tape:
            features = network.imitate_channels(codes)
            labels = tf.one_hot(classes, count) * (1.0 - smoothing) + smoothing / count
            decision = tf.reduce_mean(
                tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=network.classify(features))
            )
            imitation = tf.reduce_mean(tf.square(features - targets))
            loss = decision + config.imitation_weight * imitation
        gradients, _ = tf.clip_by_global_norm(tape.gradient(loss, variables), CLIP_NORM)
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return loss

    compiled = tf.function(step, reduce_retracing=True)
    return lambda codes, targets, classes: compiled(
        tf.constant(codes), tf.constant(targets), tf.constant(classes)
    )
