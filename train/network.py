"""The network: an LSTM that imitates closed-form features of one channel, shared by all, and a linear head.

One set of layers is used in two ways. Training sees single channels, ``[n, frames, frame_samples]``. The
exported graph sees one decision, ``[1, frames, frame_samples * channels]`` codes / 128, with every shape
static and the LSTM's batch dimension holding the channels: only so does the converter fuse it.

    codes ─ embed every sample (two pointwise layers) ─ mean and max over a frame ─ LSTM over 30 frames
          ─ Dense: 4 standardised features a channel ("features") ─ Dense: "logits"
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myofin.train.tensorflow_setup import load_tensorflow

CODE_SCALE = 128.0
EMBEDDING_SLOPE = 4.0
SIGNATURE = "serving_default"


@dataclass(frozen=True)
class NetworkShape:
    """Every size of the network; counts, no units."""

    channels: int
    frame_samples: int
    classes: int
    frames: int = 30
    features: int = 4
    embedding: int = 16
    units: int = 16

    @property
    def frame_codes(self) -> int:
        """Codes of one frame over all channels."""
        return self.frame_samples * self.channels


def spread_kinks(width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """First layer of the embedding: ReLUs whose kinks lie spread over the codes / 128, kernel and bias.

    With zero biases every ReLU would bend at 0 and the embedding could tell only the sign at first; spread
    kinks make it piecewise linear from the start, which halves the error that training ends with. One unit
    in four looks towards negative samples; entropy depends on the positive peaks.
    """
    negative = np.arange(width) % 4 == 3
    kinks = np.empty(width)
    kinks[~negative] = np.linspace(-0.4, 0.9, int(np.sum(~negative)), endpoint=False)
    kinks[negative] = np.linspace(-0.3, 0.8, int(np.sum(negative)), endpoint=False)
    slopes = np.where(negative, -EMBEDDING_SLOPE, EMBEDDING_SLOPE)
    return slopes[np.newaxis].astype(np.float32), (-EMBEDDING_SLOPE * kinks).astype(np.float32)


class Network:
    """The layers, and the two ways they are used: tensors in, tensors out."""

    def __init__(self, shape: NetworkShape) -> None:
        tf, keras = load_tensorflow()
        self.shape = shape
        self._tf = tf
        self._embed = [
            keras.layers.Dense(shape.embedding, activation="relu", name=f"embed{i}") for i in (1, 2)
        ]
        self._lstm = keras.layers.LSTM(shape.units, name="lstm")
        self._imitate = keras.layers.Dense(shape.features, name="imitate")
        self._head = keras.layers.Dense(shape.classes, name="head")
        self._build()
        spec = tf.TensorSpec((None, shape.frames, shape.frame_samples), tf.int8)
        self._predict = tf.function(self.imitate, input_signature=[spec])

    def _build(self) -> None:
        shape = self.shape
        self._embed[0].build((None, 1))
        self._embed[1].build((None, shape.embedding))
        self._lstm.build((None, shape.frames, 2 * shape.embedding))
        self._imitate.build((None, shape.units))
        self._head.build((None, shape.channels * shape.features))
        kernel, bias = spread_kinks(shape.embedding)
        self._embed[0].kernel.assign(kernel)
        self._embed[0].bias.assign(bias)

    @property
    def fin_variables(self) -> list[Any]:
        """Trainable variables of the feature-imitating part."""
        layers = [*self._embed, self._lstm, self._imitate]
        return [variable for layer in layers for variable in layer.trainable_variables]

    @property
    def head_variables(self) -> list[Any]:
        """Trainable variables of the head: kernel ``[channels * features, classes]`` and bias."""
        return list(self._head.trainable_variables)

    @property
    def parameters(self) -> int:
        """Number of trained numbers."""
        return sum(int(np.prod(v.shape)) for v in self.fin_variables + self.head_variables)

    def get_weights(self) -> list[NDArray[np.float32]]:
        """Copies of all variables, FIN first."""
        return [v.numpy() for v in self.fin_variables + self.head_variables]

    def set_weights(self, weights: Sequence[NDArray[np.floating[Any]]]) -> None:
        """Assign what ``get_weights`` returned."""
        for variable, value in zip(self.fin_variables + self.head_variables, weights, strict=True):
            variable.assign(value)

    def imitate(self, codes: Any) -> Any:
        """Features ``[n, features]`` of single channels, int8 codes ``[n, frames, frame_samples]``."""
        tf, shape = self._tf, self.shape
        samples = tf.reshape(tf.cast(codes, tf.float32) / CODE_SCALE, (-1, 1))
        embedded = self._embed[1](self._embed[0](samples))
        embedded = tf.reshape(embedded, (-1, shape.frame_samples, shape.embedding))
        pooled = tf.concat([tf.reduce_mean(embedded, 1), tf.reduce_max(embedded, 1)], -1)
        pooled = tf.reshape(pooled, (-1, shape.frames, 2 * shape.embedding))
        return self._imitate(self._lstm(pooled))

    def predict(self, codes: NDArray[np.int8]) -> NDArray[np.float32]:
        """What ``imitate`` gives, from array to array; traced once."""
        return np.asarray(self._predict(self._tf.constant(codes)).numpy(), dtype=np.float32)

    def imitate_channels(self, codes: Any) -> Any:
        """Features ``[n, channels * features]`` of windows ``[n, frames, frame_samples * channels]``."""
        tf, shape = self._tf, self.shape
        codes = tf.reshape(codes, (-1, shape.frames, shape.frame_samples, shape.channels))
        singles = tf.reshape(tf.transpose(codes, (0, 3, 1, 2)), (-1, shape.frames, shape.frame_samples))
        return tf.reshape(self.imitate(singles), (-1, shape.channels * shape.features))

    def classify(self, features: Any) -> Any:
        """Logits ``[n, classes]`` of features ``[n, channels * features]``."""
        return self._head(features)

    def decide(self, codes: Any) -> dict[str, Any]:
        """One decision, as exported: float32 ``[1, frames, frame_samples * channels]`` = codes / 128.

        Samples stay where the codes have them, as a picture of ``frame_samples x channels``: the embedding is
        then a 1x1 convolution and only the small pooled tensor is transposed.
        """
        tf, shape = self._tf, self.shape
        picture = tf.reshape(codes, (shape.frames, shape.frame_samples, shape.channels, 1))
        for layer in self._embed:
            kernel = layer.kernel[tf.newaxis, tf.newaxis]
            picture = tf.nn.relu(tf.nn.conv2d(picture, kernel, 1, "VALID") + layer.bias)
        window = (shape.frame_samples, 1)
        mean = tf.nn.avg_pool2d(picture, window, window, "VALID")
        highest = tf.nn.max_pool2d(picture, window, window, "VALID")
        pooled = tf.reshape(
            tf.concat([mean, highest], -1), (shape.frames, shape.channels, 2 * shape.embedding)
        )
        features = self._imitate(self._lstm(tf.transpose(pooled, (1, 0, 2))))
        features = tf.reshape(features, (1, shape.channels * shape.features))
        return {"features": features, "logits": self.classify(features)}

    def save(self, folder: Path) -> None:
        """Write the decision graph as a SavedModel with the signature ``serving_default``."""
        tf, shape = self._tf, self.shape
        module = tf.Module()
        module.layers = [*self._embed, self._lstm, self._imitate, self._head]
        spec = tf.TensorSpec((1, shape.frames, shape.frame_codes), tf.float32, name="codes")
        decide = tf.function(self.decide, input_signature=[spec])
        tf.saved_model.save(module, str(folder), signatures={SIGNATURE: decide.get_concrete_function()})

    def describe(self) -> dict[str, Any]:
        """Facts for the run's manifest."""
        return {
            "layout": "shared",
            **asdict(self.shape),
            "parameters": self.parameters,
            "lstm_ops": 1,
        }
