"""Fine-tuning: network and head together, for the decision, with the features held to what they imitate."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myofin.progress import Progress, silent
from myofin.train.config import TrainConfig
from myofin.train.network import Network
from myofin.train.pretrain import CLIP_NORM, EpochRow, cosine, predict_singles
from myofin.train.tensorflow_setup import load_tensorflow

_BATCH = 32
# How much the imitation may suffer for the decision: the factor on the features' mean squared error.
_FEATURE_LOSS_FACTOR = 1.25
_FEATURE_WEIGHT = 1.0


@dataclass(frozen=True)
class Windows:
    """Windows over all channels.

    Attributes:
        codes: int8 ``[w, 30, frame_samples * channels]``.
        singles: The same as single channels, int8 ``[w * channels, 30, frame_samples]``.
        targets: float32 ``[w, channels * 4]``, standardised closed-form features.
        classes: int64 ``[w]``.
    """

    codes: NDArray[np.int8]
    singles: NDArray[np.int8]
    targets: NDArray[np.float32]
    classes: NDArray[np.int64]


@dataclass(frozen=True)
class Judgement:
    """A network on validation windows: accuracy, cross-entropy in nats, and error of the features."""

    accuracy: float
    cross_entropy: float
    feature_loss: float


def judge(network: Network, windows: Windows) -> Judgement:
    """Measure a network on windows."""
    features = predict_singles(network, windows.singles).reshape(len(windows.classes), -1)
    logits = decide(network, features)
    logits = logits - logits.max(axis=1, keepdims=True)
    own = logits[np.arange(len(logits)), windows.classes]
    return Judgement(
        accuracy=float(np.mean(logits.argmax(axis=1) == windows.classes)),
        cross_entropy=float(np.mean(np.log(np.exp(logits).sum(axis=1)) - own)),
        feature_loss=float(np.mean(np.square(features - windows.targets))),
    )


def decide(network: Network, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Logits ``[w, classes]`` of standardised features ``[w, channels * 4]``."""
    kernel, bias = (variable.numpy().astype(np.float64) for variable in network.head_variables)
    return np.asarray(features.astype(np.float64) @ kernel + bias)


def finetune(
    network: Network, train: Windows, validation: Windows, config: TrainConfig, progress: Progress = silent
) -> tuple[list[EpochRow], dict[str, Any]]:
    """Tune everything for the decision; keep an epoch only if it is better on the validation windows.

    Better is: higher accuracy, while the error of the features stays within a quarter of what it was.

    Returns:
        One row an epoch, and what was kept: ``{"kept_epoch": 0 for none, "before", "after"}`` (accuracies).
    """
    tf, keras = load_tensorflow()
    rng = np.random.default_rng([config.seed, 2])
    before = best = judge(network, validation)
    best_weights, kept = network.get_weights(), 0
    optimizer = keras.optimizers.Adam(config.finetune_learning_rate)
    step = _make_step(tf, network, optimizer)
    drawn = min(config.finetune_windows, len(train.classes))
    steps = max(1, drawn // _BATCH)
    rows: list[EpochRow] = []
    for epoch in range(config.finetune_epochs):
        began = time.perf_counter()
        losses = []
        for number, index in enumerate(np.array_split(rng.permutation(len(train.classes))[:drawn], steps)):
            done = epoch * steps + number
            rate = cosine(config.finetune_learning_rate, done, config.finetune_epochs * steps)
            optimizer.learning_rate.assign(rate)
            losses.append(step(train.codes[index], train.targets[index], train.classes[index]))
        loss = float(np.mean([value.numpy() for value in losses]))
        now = judge(network, validation)
        if now.accuracy > best.accuracy and now.feature_loss <= _FEATURE_LOSS_FACTOR * before.feature_loss:
            best, best_weights, kept = now, network.get_weights(), epoch + 1
        seconds = time.perf_counter() - began
        rows.append(EpochRow("fine-tune", epoch + 1, loss, now.cross_entropy, now.accuracy, rate, seconds))
        progress("fine-tune", epoch + 1, config.finetune_epochs)
    network.set_weights(best_weights)
    return rows, {"kept_epoch": kept, "before": before.accuracy, "after": best.accuracy}


def _make_step(tf: Any, network: Network, optimizer: Any) -> Any:
    variables = network.fin_variables + network.head_variables
    optimizer.build(variables)

    def step(codes: Any, targets: Any, classes: Any) -> Any:
        with tf.GradientTape() as tape:
            features = network.imitate_channels(codes)
            logits = network.classify(features)
            decision = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels=classes, logits=logits)
            )
            imitation = tf.reduce_mean(tf.square(features - targets))
            loss = decision + _FEATURE_WEIGHT * imitation
        gradients, _ = tf.clip_by_global_norm(tape.gradient(loss, variables), CLIP_NORM)
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return loss

    compiled = tf.function(step, reduce_retracing=True)
    return lambda codes, targets, classes: compiled(
        tf.constant(codes), tf.constant(targets), tf.constant(classes)
    )
