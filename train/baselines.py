"""What the network is compared with: LDA on closed-form features, itself from random weights, and a CNN."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myofin.train.augment import SESSION
from myofin.train.config import TrainConfig
from myofin.train.dataset import Dataset, Part, Scaling, closed_form, joined, varied
from myofin.train.fin import network_shape
from myofin.train.finetune import Windows, finetune
from myofin.train.lda import LinearHead
from myofin.train.network import CODE_SCALE, Network
from myofin.train.network_shape import NetworkShape
from myofin.train.pretrain import CLIP_NORM, cosine
from myofin.train.tensorflow_setup import load_tensorflow, make_deterministic

_BATCH = 32
_TAPS, _STRIDE, _FILTER_RATIO = 5, 2, 2
_CNN_LEARNING_RATE = 2e-3
_RANDOM_LEARNING_RATE = 3e-3
_PREDICT_AT_ONCE = 512


@dataclass(frozen=True)
class LinearRecogniser:
    """LDA on closed-form features."""

    head: LinearHead
    scaling: Scaling
    dataset: Dataset

    def logits(self, part: Part) -> NDArray[np.float64]:
        """Scores ``[w, classes]`` of a part's windows."""
        features = closed_form(self.dataset, part, self.scaling.names)
        return self.head.scores(self.scaling.standardise(features).reshape(len(part), -1))


@dataclass(frozen=True)
class CnnRecogniser:
    """A convolutional network on the codes."""

    model: Any
    channels: int

    def logits(self, part: Part) -> NDArray[np.float64]:
        """Logits ``[w, classes]`` of a part's windows."""
        inputs = _pictures(part.codes, self.channels)
        blocks = [
            self.model(inputs[first : first + _PREDICT_AT_ONCE], training=False).numpy()
            for first in range(0, len(inputs), _PREDICT_AT_ONCE)
        ]
        return np.asarray(np.concatenate(blocks), dtype=np.float64)


def supervised_epochs(config: TrainConfig, channels: int) -> int:
    """Epochs of windows in which a network sees as many single channels as pre-training and tuning show."""
    windows = config.epochs * config.epoch_windows / channels
    return max(1, round(windows / config.finetune_windows) + config.finetune_epochs)


def train_random(dataset: Dataset, config: TrainConfig) -> Network:
    """Train the default network for the decision alone, from random weights, on training and validation."""
    make_deterministic(config.seed)
    network = Network(network_shape(dataset, config))
    both = joined([dataset.train, dataset.validation])
    other = Windows.of(dataset, varied(dataset, both, SESSION, config.varied_windows, config.seed))
    settings = replace(
        config,
        imitation_weight=0.0,
        finetune_epochs=supervised_epochs(config, network.shape.channels),
        finetune_learning_rate=_RANDOM_LEARNING_RATE,
    )
    finetune(network, Windows.of(dataset, both), other, None, settings)
    network.centre_head()
    return network


def multiplications(shape: NetworkShape) -> int:
    """Multiplications of one decision of the default network, every hop computed anew."""
    width, steps = shape.embedding, shape.steps
    pointwise = width * width * (shape.embedding_layers - 1)
    embedding = steps * shape.pooled_samples * (shape.taps * width + pointwise)
    lstm = steps * 4 * shape.units * (shape.lanes * 2 * width + shape.units)
    imitation = shape.units * shape.lanes * shape.features
    head = shape.channels * shape.features * shape.classes
    return shape.channels * embedding + shape.channels // shape.lanes * (lstm + imitation) + head


def cnn_multiplications(filters: int, samples: int, channels: int, classes: int) -> int:
    """Multiplications of one decision of the CNN with so many filters in its first layer."""
    total, inputs, length, outputs = 0, channels, samples, filters
    for _ in range(2):
        length = -(-length // _STRIDE)
        total += length * _TAPS * inputs * outputs
        inputs, outputs = outputs, outputs * _FILTER_RATIO
    return total + inputs * classes


def cnn_filters(shape: NetworkShape) -> int:
    """The filters of the first layer that bring the CNN nearest to the network's multiplications."""
    wanted = multiplications(shape)
    samples = shape.frames * shape.frame_samples

    def distance(filters: int) -> int:
        return abs(cnn_multiplications(filters, samples, shape.channels, shape.classes) - wanted)

    return min(range(1, 257), key=distance)


def train_cnn(dataset: Dataset, config: TrainConfig) -> CnnRecogniser:
    """Train a CNN of equal cost on training and validation repetitions, varied as for the network."""
    tf, keras = load_tensorflow()
    make_deterministic(config.seed)
    shape = network_shape(dataset, config)
    filters = cnn_filters(shape)
    layers: list[Any] = []
    for width in (filters, filters * _FILTER_RATIO):
        layers.append(keras.layers.Conv1D(width, _TAPS, strides=_STRIDE, padding="same", activation="relu"))
    layers += [keras.layers.GlobalAveragePooling1D(), keras.layers.Dropout(0.3)]
    model = keras.Sequential([*layers, keras.layers.Dense(shape.classes)])
    model.build((None, shape.frames * shape.frame_samples, shape.channels))
    both = joined([dataset.train, dataset.validation])
    other = varied(dataset, both, SESSION, config.varied_windows, config.seed)
    inputs = np.concatenate([_pictures(part.codes, shape.channels) for part in (both, other)])
    classes = np.concatenate([both.classes, other.classes])
    _fit(tf, keras, model, inputs, classes, config)
    return CnnRecogniser(model, shape.channels)


def _fit(
    tf: Any,
    keras: Any,
    model: Any,
    inputs: NDArray[np.float32],
    classes: NDArray[np.int64],
    config: TrainConfig,
) -> None:
    rng = np.random.default_rng([config.seed, 4])
    optimizer = keras.optimizers.Adam(_CNN_LEARNING_RATE)
    optimizer.build(model.trainable_variables)
    count = int(model.output_shape[-1])

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def step(x: Any, y: Any) -> None:
        with tf.GradientTape() as tape:
            labels = tf.one_hot(y, count) * (1.0 - config.label_smoothing) + config.label_smoothing / count
            loss = tf.reduce_mean(
                tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=model(x, training=True))
            )
        gradients = tape.gradient(loss, model.trainable_variables)
        gradients, _ = tf.clip_by_global_norm(gradients, CLIP_NORM)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    steps = max(1, min(config.finetune_windows, len(inputs)) // _BATCH)
    total = steps * supervised_epochs(config, inputs.shape[2])
    for number in range(total):
        if number % steps == 0:
            order = rng.permutation(len(inputs))
        index = order[(number % steps) * _BATCH : (number % steps + 1) * _BATCH]
        optimizer.learning_rate.assign(cosine(_CNN_LEARNING_RATE, number, total))
        step(tf.constant(inputs[index]), tf.constant(classes[index]))


def _pictures(codes: NDArray[np.int8], channels: int) -> NDArray[np.float32]:
    """Codes ``[w, 30, samples * channels]`` to ``[w, 30 * samples, channels]``, scaled as for the network."""
    return codes.reshape(len(codes), -1, channels).astype(np.float32) / np.float32(CODE_SCALE)
