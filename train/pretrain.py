"""Pre-training: the LSTM learns to reproduce the closed-form features of the channels that it sees."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myofin.progress import Progress, silent
from myofin.train.config import TrainConfig
from myofin.train.eight_bits import EightBits, Exact, with_extremes
from myofin.train.emphasis import Emphasis
from myofin.train.network import Network
from myofin.train.network_shape import sequences_of
from myofin.train.tensorflow_setup import load_tensorflow

_VALIDATION_WINDOWS = 6_000
_PREDICT_AT_ONCE = 2_048
_OBSERVED_WINDOWS = 4_096
# Adam's first steps are as long as any, whatever the gradient: they are held back, unless there are few.
_WARM_UP_STEPS, _WARM_UP_SHARE = 100, 0.02
CLIP_NORM = 1.0


@dataclass(frozen=True)
class EpochRow:
    """One line of the curves; losses are mean squared errors of standardised features, or cross-entropy."""

    stage: str
    epoch: int
    loss: float
    validation_loss: float
    validation_accuracy: float | None
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class Sequences:
    """What the LSTM takes: int8 ``[n, 30, samples * lanes]``, float32 targets ``[n, lanes * features]``.

    The targets are standardised; ``entropy`` is the one feature in nats too, float64 ``[n, lanes]``.
    """

    codes: NDArray[np.int8]
    targets: NDArray[np.float32]
    entropy: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.codes)


def cosine(start: float, step: int, steps: int) -> float:
    """Learning rate that falls from ``start`` to 0 along half a cosine."""
    return start * 0.5 * (1.0 + float(np.cos(np.pi * step / max(steps, 1))))


def pretrain(
    network: Network,
    train: Sequences,
    validation: Sequences,
    config: TrainConfig,
    progress: Progress = silent,
) -> list[EpochRow]:
    """Train the network's FIN part; it ends with the weights of the epoch best on the validation windows.

    In the last epochs it computes as the int8 network will (``config.int8_share``). One of these is chosen;
    its kernels then lie on the grid of the conversion: the float network is the same one.

    Args:
        network: Trained in place.
        train: Of training repetitions; each epoch draws ``config.epoch_windows`` of them anew.
        validation: Of validation repetitions.
        config: Epochs, batch, learning rate, seed.
        progress: Told after each epoch, as stage ``pre-train``.
    """
    tf, keras = load_tensorflow()
    rng = np.random.default_rng([config.seed, 1])
    judged = _thin(validation, _VALIDATION_WINDOWS)
    optimizer = keras.optimizers.Adam(config.learning_rate)
    step = _make_step(tf, network, optimizer)
    schedule = _Schedule.of(config, len(train))
    by_lane = train.targets.reshape(len(train), network.shape.lanes, network.shape.features)
    emphasis = Emphasis.of(by_lane, train.entropy)
    grid = _Grid(network, with_extremes(_thin(train, _OBSERVED_WINDOWS).codes))
    rows: list[EpochRow] = []
    best, best_weights = np.inf, network.get_weights()
    for epoch in range(config.epochs):
        began = time.perf_counter()
        if epoch == schedule.first_int8_epoch:
            grid.enter()
            step, best = _make_step(tf, network, optimizer), np.inf
        elif epoch > schedule.first_int8_epoch:
            grid.adapt()
        losses = []
        for number, index in enumerate(emphasis.draw(rng, schedule.per_epoch, config.batch)):
            rate = schedule.rate(epoch * schedule.per_epoch + number)
            optimizer.learning_rate.assign(rate)
            losses.append(step(train.codes[index], train.targets[index], emphasis.weights[index]))
        loss = float(np.mean([value.numpy() for value in losses]))
        judged_loss = float(np.mean(np.square(predict_sequences(network, judged.codes) - judged.targets)))
        if judged_loss < best:
            best, best_weights = judged_loss, network.get_weights()
        seconds = time.perf_counter() - began
        rows.append(EpochRow("pre-train", epoch + 1, loss, judged_loss, None, rate, seconds))
        progress("pre-train", epoch + 1, config.epochs)
    network.set_weights(best_weights)
    grid.leave()
    return rows


@dataclass(frozen=True)
class _Schedule:
    """Steps, the learning rate of each, and the epoch from which on the network computes in eight bits."""

    start: float
    per_epoch: int
    steps: int
    first_int8_epoch: int

    @staticmethod
    def of(config: TrainConfig, available: int) -> _Schedule:
        per_epoch = max(1, min(config.epoch_windows, available) // config.batch)
        first = config.epochs - round(config.int8_share * config.epochs)
        return _Schedule(config.learning_rate, per_epoch, config.epochs * per_epoch, first)

    def rate(self, step: int) -> float:
        warm_up = min(_WARM_UP_STEPS, _WARM_UP_SHARE * self.steps)
        return cosine(self.start, step, self.steps) * min(1.0, (step + 1) / warm_up)


class _Grid:
    """A network's way into eight bits and back; ranges follow the weights from epoch to epoch."""

    def __init__(self, network: Network, codes: NDArray[np.int8]) -> None:
        self._network, self._codes = network, codes
        self._arithmetic: EightBits | None = None

    def enter(self) -> None:
        self._network.equalise(self._codes)
        self._arithmetic = EightBits(self._network.observe(self._codes).ranges)
        self._network.compute_in(self._arithmetic)

    def adapt(self) -> None:
        if self._arithmetic is not None:
            self._arithmetic.set_ranges(self._network.observe(self._codes).ranges)

    def leave(self) -> None:
        """Floats again, and where eight bits were entered, kernels that the conversion will not change."""
        if self._arithmetic is not None:
            self._network.compute_in(Exact())
            self._network.round_fin()


def predict_sequences(network: Network, codes: NDArray[np.int8]) -> NDArray[np.float32]:
    """Standardised features ``[n, lanes * features]`` of sequences ``[n, 30, frame_samples * lanes]``."""
    parts = [
        network.predict(codes[first : first + _PREDICT_AT_ONCE])
        for first in range(0, len(codes), _PREDICT_AT_ONCE)
    ]
    return np.concatenate(parts)


def imitate_windows(network: Network, codes: NDArray[np.int8]) -> NDArray[np.float32]:
    """Standardised features ``[w, channels, features]`` of windows ``[w, 30, frame_samples * channels]``."""
    shape = network.shape
    outputs = predict_sequences(network, sequences_of(codes, shape))
    return outputs.reshape(len(codes), shape.channels, shape.features)


def _make_step(tf: Any, network: Network, optimizer: Any) -> Any:
    variables = network.fin_variables
    optimizer.build(variables)

    def step(codes: Any, targets: Any, weights: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(network.imitate(codes) - targets) * weights)
        gradients, _ = tf.clip_by_global_norm(tape.gradient(loss, variables), CLIP_NORM)
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return loss

    compiled = tf.function(step)
    return lambda *arrays: compiled(*(tf.constant(array) for array in arrays))


def _thin(sequences: Sequences, most: int) -> Sequences:
    step = max(1, -(-len(sequences) // most))
    return Sequences(sequences.codes[::step], sequences.targets[::step], sequences.entropy[::step])
