"""The network of arXiv 2405.19356: bidirectional LSTMs over raw samples, and a small CNN on their outputs.

A FIN takes the samples of one channel through three bidirectional LSTM layers of 32 units. Only the last
state of the last backward layer counts, and a linear layer makes 12 copies of one feature of it. There is one
FIN for each feature, and once tuned one for each feature and channel: 48 for 12 channels.

As layers of a framework that would be 288 loops over 600 samples to trace and to run. Here the networks of a
group are stacked along an axis: each layer is one loop for all of them and for both directions, traced once
for any number of networks and windows. The unused forward half of the last layer is not computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myofin.features import FEATURE_NAMES

FloatArray = NDArray[np.float32]
Weights = list[Any]
LEARNING_RATE = 1e-3


@dataclass(frozen=True)
class PaperConfig:
    """The paper's settings; tests make them small. What the paper does not state is marked as ours.

    Attributes:
        units: Of each direction of an LSTM layer.
        layers: LSTM layers.
        copies: Outputs of a FIN, all of them its feature.
        noise: Relative noise of each copy as a target.
        fin_epochs: Most passes over all single-channel windows of the FIN's participants.
        fin_patience: Passes without a lower training loss after which it ends sooner; ours.
        fin_batch: Single-channel windows of one step.
        head_epochs: Passes of the CNN over the subject's windows, on closed-form features.
        tune_epochs: Passes of everything together.
        batch: Windows of one step of these two; ours.
    """

    units: int = 32
    layers: int = 3
    copies: int = 12
    noise: float = 0.01
    fin_epochs: int = 60
    fin_patience: int = 5
    fin_batch: int = 4_000
    head_epochs: int = 10
    tune_epochs: int = 10
    batch: int = 64


def initial_fins(config: PaperConfig, networks: int, rng: np.random.Generator) -> list[FloatArray]:
    """Weights of some FINs: for each layer kernel ``[networks, directions, inputs + units, 4 * units]`` and
    bias, then those of the linear layer; uniform within 1/sqrt(units), as PyTorch starts them.
    """
    limit = config.units**-0.5
    shapes: list[tuple[int, ...]] = []
    for number in range(config.layers):
        inputs = 2 * config.units if number else 1
        directions = 1 if number == config.layers - 1 else 2
        shapes.append((networks, directions, inputs + config.units, 4 * config.units))
        shapes.append((networks, directions, 4 * config.units))
    shapes += [(networks, config.units, config.copies), (networks, config.copies)]
    return [rng.uniform(-limit, limit, shape).astype(np.float32) for shape in shapes]


def fin_outputs(tf: Any, weights: Weights, signal: Any) -> Any:
    """Copies ``[networks, windows, copies]`` of the features of ``[networks, windows, samples]``."""
    steps = tf.transpose(signal, (2, 0, 1))[..., tf.newaxis]
    *recurrent, kernel, bias = weights
    pairs = list(zip(recurrent[::2], recurrent[1::2], strict=True))
    for layer_kernel, layer_bias in pairs[:-1]:
        both = tf.stack([steps, tf.reverse(steps, (0,))], axis=2)
        states, _ = tf.scan(_step(tf, layer_kernel, layer_bias), both, _zeros(tf, both, layer_bias))
        steps = tf.concat([states[:, :, 0], tf.reverse(states[:, :, 1], (0,))], axis=-1)
    backward = tf.reverse(steps, (0,))[:, :, tf.newaxis]
    last, _ = tf.foldl(_step(tf, *pairs[-1]), backward, _zeros(tf, backward, pairs[-1][1]))
    return tf.matmul(last[:, 0], kernel) + bias[:, tf.newaxis]


def _zeros(tf: Any, steps: Any, bias: Any) -> tuple[Any, Any]:
    """First hidden and cell state ``[networks, directions, windows, units]``."""
    shape = tf.concat([tf.shape(steps)[1:4], [bias.shape[-1] // 4]], axis=0)
    return tf.zeros(shape), tf.zeros(shape)


def _step(tf: Any, kernel: Any, bias: Any) -> Any:
    def step(state: tuple[Any, Any], now: Any) -> tuple[Any, Any]:
        hidden, cell = state
        gates = tf.matmul(tf.concat([now, hidden], axis=-1), kernel) + bias[:, :, tf.newaxis]
        admit, forget, new, show = tf.split(gates, 4, axis=-1)
        cell = tf.sigmoid(forget) * cell + tf.sigmoid(admit) * tf.tanh(new)
        return tf.sigmoid(show) * tf.tanh(cell), cell

    return step


class FinFunctions:
    """Outputs and gradients of FINs, each traced once for all numbers of networks and windows.

    Attributes:
        modules: TensorFlow and Keras.
    """

    def __init__(self, modules: tuple[Any, Any], config: PaperConfig, pairs_at_once: int) -> None:
        self.modules, self._pairs_at_once = modules, pairs_at_once
        tf = modules[0]
        shapes = [[None, *weight.shape[1:]] for weight in initial_fins(config, 1, np.random.default_rng(0))]
        weights = [tf.TensorSpec(shape) for shape in shapes]
        cube = tf.TensorSpec([None, None, None])

        def outputs(weights: Weights, signal: Any) -> Any:
            return fin_outputs(tf, weights, signal)

        def pulled(weights: Weights, signal: Any, upstream: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(weights)
                found = fin_outputs(tf, weights, signal)
            return tape.gradient(found, weights, output_gradients=upstream)

        def imitated(weights: Weights, signal: Any, targets: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(weights)
                loss = tf.reduce_sum(tf.square(fin_outputs(tf, weights, signal) - targets))
            return loss, tape.gradient(loss, weights)

        self._outputs = tf.function(outputs, input_signature=(weights, cube))
        self._pulled = tf.function(pulled, input_signature=(weights, cube, cube))
        self._imitated = tf.function(imitated, input_signature=(weights, cube, cube))

    def outputs(self, weights: Weights, signal: FloatArray) -> FloatArray:
        """``[networks, windows, copies]`` for ``[networks, windows, samples]``."""
        parts = [self._outputs(weights, signal[:, part]).numpy() for part in self._parts(signal)]
        return np.concatenate(parts, axis=1)

    def pulled(self, weights: Weights, signal: FloatArray, upstream: FloatArray) -> Weights:
        """Gradients of the weights, from those of the outputs."""
        return self._summed(
            self._pulled(weights, signal[:, part], upstream[:, part]) for part in self._parts(signal)
        )

    def imitated(self, weights: Weights, signal: FloatArray, targets: FloatArray) -> tuple[float, Weights]:
        """Mean squared error of each network, summed over networks, and its gradients."""
        scale = 1.0 / (targets.shape[1] * targets.shape[2])
        total = 0.0
        gradients: Weights = []
        for part in self._parts(signal):
            loss, found = self._imitated(weights, signal[:, part], targets[:, part])
            total += float(loss) * scale
            gradients = self._summed([gradients, found] if gradients else [found])
        return total, [scale * gradient for gradient in gradients]

    def _parts(self, signal: FloatArray) -> list[slice]:
        networks, windows = signal.shape[:2]
        at_once = max(1, self._pairs_at_once // networks)
        return [slice(first, first + at_once) for first in range(0, windows, at_once)]

    def _summed(self, gradients: Any) -> Weights:
        total: Weights = []
        for found in gradients:
            total = found if not total else [one + other for one, other in zip(total, found, strict=True)]
        return total


class FinAdam:
    """Adam on the weights of some FINs, whose whole state can be kept and taken up again."""

    def __init__(self, modules: tuple[Any, Any], weights: Sequence[FloatArray], moments: Weights) -> None:
        tf, keras = modules
        self.weights = [tf.Variable(weight) for weight in weights]
        self._adam = keras.optimizers.Adam(LEARNING_RATE)
        self._adam.build(self.weights)
        if moments:
            for variable, value in zip(self._adam.variables, moments, strict=True):
                variable.assign(value)

    def apply(self, gradients: Weights) -> None:
        """One step."""
        self._adam.apply_gradients(zip(gradients, self.weights, strict=True))

    def state(self) -> tuple[list[FloatArray], Weights]:
        """The weights, and what Adam remembers."""
        return [weight.numpy() for weight in self.weights], [found.numpy() for found in self._adam.variables]


class PaperNetwork:
    """48 FINs, started from the four that were pre-trained, and the CNN: one subject's network.

    ``functions`` are shared between networks, so that a subject costs no tracing.
    """

    def __init__(self, functions: FinFunctions, fins: Sequence[FloatArray], shape: HeadShape) -> None:
        self._tf, keras = functions.modules
        self._functions, self._shape = functions, shape
        # A FIN of each feature for every channel: channel-major, as `_picture` takes them apart.
        self._fins = [
            self._tf.Variable(np.concatenate([weight] * shape.channels).astype(np.float32)) for weight in fins
        ]
        self._head = make_head(keras, shape)
        self._head_adam = keras.optimizers.Adam(LEARNING_RATE)
        self._adam = keras.optimizers.Adam(LEARNING_RATE)
        self._loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        cube, classes = self._tf.TensorSpec([None, *shape.picture]), self._tf.TensorSpec([None], "int64")
        self._head_gradients = self._tf.function(self._pull_head, input_signature=(cube, classes))

    @property
    def parameters(self) -> int:
        """Trained numbers."""
        weights = [*self._fins, *self._head.trainable_variables]
        return sum(int(np.prod(weight.shape)) for weight in weights)

    def teach_head(self, features: FloatArray, classes: NDArray[np.int64]) -> None:
        """One step of the CNN, on standardised closed-form features ``[windows, channels, features]``."""
        picture = np.repeat(features[:, :, np.newaxis], self._shape.copies, axis=2)
        _, gradients = self._head_gradients(picture.astype(np.float32), classes)
        self._head_adam.apply_gradients(zip(gradients, self._head.trainable_variables, strict=True))

    def tune(self, signal: FloatArray, classes: NDArray[np.int64]) -> None:
        """One step of everything, on z-scored windows ``[windows, samples, channels]``.

        The FINs are run twice, the second time to take their gradients part by part: memory is bounded.
        """
        singles = self._singles(signal)
        copies = self._functions.outputs(self._fins, singles)
        upstream, head_gradients = self._head_gradients(self._picture(copies), classes)
        fin_gradients = self._functions.pulled(self._fins, singles, self._unpicture(upstream.numpy()))
        gradients = [*fin_gradients, *head_gradients]
        variables = [*self._fins, *self._head.trainable_variables]
        self._adam.apply_gradients(zip(gradients, variables, strict=True))

    def logits(self, signal: FloatArray, *, training: bool) -> FloatArray:
        """``[windows, classes]``; with ``training``, dropout and batch normalisation stay as in training."""
        copies = self._functions.outputs(self._fins, self._singles(signal))
        return np.asarray(self._head(self._picture(copies), training=training))

    def features(self, signal: FloatArray) -> FloatArray:
        """Standardised features ``[windows, channels, features]`` as the FINs imitate them now."""
        copies = self._functions.outputs(self._fins, self._singles(signal))
        return np.asarray(self._picture(copies).mean(axis=2), dtype=np.float32)

    def _singles(self, signal: FloatArray) -> FloatArray:
        channels_first = np.transpose(signal, (2, 0, 1)).astype(np.float32)
        return np.repeat(channels_first, len(FEATURE_NAMES), axis=0)

    def _picture(self, copies: FloatArray) -> FloatArray:
        split = copies.reshape(self._shape.channels, len(FEATURE_NAMES), -1, self._shape.copies)
        return np.transpose(split, (2, 0, 3, 1))

    def _unpicture(self, picture: FloatArray) -> FloatArray:
        """Back from ``_picture``."""
        split = np.transpose(picture, (1, 3, 0, 2))
        return split.reshape(-1, *split.shape[2:])

    def _pull_head(self, picture: Any, classes: Any) -> Any:
        with self._tf.GradientTape() as tape:
            tape.watch(picture)
            loss = self._loss(classes, self._head(picture, training=True))
        found = tape.gradient(loss, [picture, *self._head.trainable_variables])
        return found[0], found[1:]


@dataclass(frozen=True)
class HeadShape:
    """What the CNN reads, and how many movements it tells apart."""

    channels: int
    copies: int
    classes: int

    @property
    def picture(self) -> tuple[int, int, int]:
        """Its input: channels x copies, one layer a feature."""
        return self.channels, self.copies, len(FEATURE_NAMES)


def make_head(keras: Any, shape: HeadShape) -> Any:
    """The CNN; its widths and its dropout are ours, so that everything has the paper's 2.9 M parameters."""
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input(shape.picture),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(shape.classes),
        ]
    )
