"""The network: an LSTM that imitates closed-form features of one channel, shared by all, and a linear head.

One set of layers is used in two ways. Training sees single channels, ``[n, frames, frame_samples]``. The
exported graph sees one decision, ``[1, frames, frame_samples * channels]`` codes / 128, with every shape
static and the LSTM's batch dimension holding the channels: only so does the converter fuse it.

    codes ─ embed every sample (its neighbours too, where ``taps`` is 3; then pointwise layers)
          ─ mean and max over a frame of ``frame_hops`` hops ─ LSTM over 30 / frame_hops frames
          ─ Dense: standardised features of a channel ("features") ─ Dense: "logits"
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myofin.errors import InputError
from myofin.train.tensorflow_setup import load_tensorflow

CODE_SCALE = 128.0
EMBEDDING_SLOPE = 4.0
SIGNATURE = "serving_default"


@dataclass(frozen=True)
class NetworkShape:
    """Every size of the network; counts, no units.

    Attributes:
        frame_samples: Samples of one channel in one hop.
        frames: Hops of a window.
        frame_hops: Hops that one step of the LSTM takes together, a *network frame*.
        taps: Samples that the first embedding layer spans, all within one network frame: 1 or 3.
        embedding_layers: Layers of the embedding; those after the first are pointwise.

    Raises:
        InputError: The window is no whole number of network frames, or a network frame is too short.
    """

    channels: int
    frame_samples: int
    classes: int
    frames: int = 30
    features: int = 4
    embedding: int = 16
    units: int = 16
    frame_hops: int = 1
    taps: int = 1
    embedding_layers: int = 2

    def __post_init__(self) -> None:
        if self.frame_hops < 1 or self.frames % self.frame_hops:
            raise InputError(
                f"{self.frames} hops are no whole number of frames of {self.frame_hops} hops.",
                hint="Give frame_hops 1, 2, 3, 5, 6 or 10.",
            )
        if self.pooled_samples < 1:
            raise InputError(
                f"{self.step_samples} samples a frame are too few for a layer that spans {self.taps}.",
                hint="Give more hops to a frame (frame_hops), or taps 1.",
            )

    @property
    def steps(self) -> int:
        """Steps of the LSTM over a window: its network frames."""
        return self.frames // self.frame_hops

    @property
    def step_samples(self) -> int:
        """Samples of one channel in one network frame."""
        return self.frame_hops * self.frame_samples

    @property
    def pooled_samples(self) -> int:
        """Outputs of the embedding in one network frame."""
        return self.step_samples - self.taps + 1

    @property
    def frame_codes(self) -> int:
        """Codes of one hop over all channels."""
        return self.frame_samples * self.channels


def spread_kinks(width: int, taps: int = 1) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """First layer of the embedding: ReLUs whose kinks lie spread over the codes / 128.

    With zero biases every ReLU would bend at 0 and the embedding could tell only the sign at first; spread
    kinks make it piecewise linear from the start, which halves the error that training ends with. One unit
    in four looks towards negative samples; entropy depends on the positive peaks. Of three taps, two units
    in four look at the middle sample alone, the others at the first and second difference, which carry the
    frequency content.

    Returns:
        Kernel ``[taps, width]`` and bias ``[width]``.
    """
    place = np.arange(width) % 4
    negative = place == 3
    kinks = np.empty(width)
    kinks[~negative] = np.linspace(-0.4, 0.9, int(np.sum(~negative)), endpoint=False)
    kinks[negative] = np.linspace(-0.3, 0.8, int(np.sum(negative)), endpoint=False)
    slopes = np.where(negative, -EMBEDDING_SLOPE, EMBEDDING_SLOPE)
    patterns = np.zeros((width, taps))
    patterns[:, taps // 2] = 1
    if taps == 3:
        patterns[place == 1] = (-1, 1, 0)
        patterns[place == 2] = (-0.5, 1, -0.5)
    kernel = (slopes[:, np.newaxis] * patterns).T
    return kernel.astype(np.float32), (-EMBEDDING_SLOPE * kinks).astype(np.float32)


class Network:
    """The layers, and the two ways they are used: tensors in, tensors out."""

    def __init__(self, shape: NetworkShape) -> None:
        tf, keras = load_tensorflow()
        self.shape = shape
        self._tf = tf
        self._embed = [
            keras.layers.Dense(shape.embedding, activation="relu", name=f"embed{i + 1}")
            for i in range(shape.embedding_layers)
        ]
        self._lstm = keras.layers.LSTM(shape.units, name="lstm")
        self._imitate = keras.layers.Dense(shape.features, name="imitate")
        self._head = keras.layers.Dense(shape.classes, name="head")
        self._build()
        spec = tf.TensorSpec((None, shape.frames, shape.frame_samples), tf.int8)
        self._predict = tf.function(self.imitate, input_signature=[spec])

    def _build(self) -> None:
        shape = self.shape
        for layer, inputs in zip(
            self._embed, [shape.taps] + [shape.embedding] * shape.embedding_layers, strict=False
        ):
            layer.build((None, inputs))
        self._lstm.build((None, shape.steps, 2 * shape.embedding))
        self._imitate.build((None, shape.units))
        self._head.build((None, shape.channels * shape.features))
        kernel, bias = spread_kinks(shape.embedding, shape.taps)
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

    def set_head(self, kernel: NDArray[np.floating[Any]], bias: NDArray[np.floating[Any]]) -> None:
        """Assign the head: kernel ``[channels * features, classes]`` and bias ``[classes]``."""
        for variable, value in zip(self.head_variables, (kernel, bias), strict=True):
            variable.assign(np.asarray(value, dtype=np.float32))

    def get_fin(self) -> list[NDArray[np.float32]]:
        """Copies of the variables of the feature-imitating part."""
        return [v.numpy() for v in self.fin_variables]

    def set_fin(self, weights: Sequence[NDArray[np.floating[Any]]]) -> None:
        """Assign what ``get_fin`` returned."""
        for variable, value in zip(self.fin_variables, weights, strict=True):
            variable.assign(value)

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
        samples = tf.reshape(tf.cast(codes, tf.float32) / CODE_SCALE, (-1, shape.step_samples, 1))
        count = shape.pooled_samples
        # A layer that spans several samples is a Dense layer on them side by side.
        embedded = tf.concat([samples[:, tap : tap + count] for tap in range(shape.taps)], -1)
        embedded = tf.reshape(embedded, (-1, shape.taps))
        for layer in self._embed:
            embedded = layer(embedded)
        embedded = tf.reshape(embedded, (-1, count, shape.embedding))
        pooled = tf.concat([tf.reduce_mean(embedded, 1), tf.reduce_max(embedded, 1)], -1)
        pooled = tf.reshape(pooled, (-1, shape.steps, 2 * shape.embedding))
        return self._imitate(self._recur(pooled))

    def _recur(self, frames: Any) -> Any:
        """The LSTM's last state, written out step by step: several times faster to train than its loop."""
        tf, cell = self._tf, self._lstm.cell
        inputs = tf.matmul(tf.reshape(frames, (-1, frames.shape[-1])), cell.kernel) + cell.bias
        inputs = tf.reshape(inputs, (-1, self.shape.steps, 4 * self.shape.units))
        state = memory = tf.zeros_like(inputs[:, 0, : self.shape.units])
        for step in range(self.shape.steps):
            gates = inputs[:, step] + tf.matmul(state, cell.recurrent_kernel)
            entry, forget, candidate, output = tf.split(gates, 4, axis=1)
            memory = tf.sigmoid(forget) * memory + tf.sigmoid(entry) * tf.tanh(candidate)
            state = tf.sigmoid(output) * tf.tanh(memory)
        return state

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

        Samples stay where the codes have them, as pictures of ``step_samples x channels``: the embedding is
        then a convolution of ``taps x 1`` and 1x1 ones, and only the small pooled tensor is transposed.
        """
        tf, shape = self._tf, self.shape
        picture = tf.reshape(codes, (shape.steps, shape.step_samples, shape.channels, 1))
        for layer, taps in zip(self._embed, [shape.taps] + [1] * shape.embedding_layers, strict=False):
            kernel = tf.reshape(layer.kernel, (taps, 1, -1, shape.embedding))
            picture = tf.nn.relu(tf.nn.conv2d(picture, kernel, 1, "VALID") + layer.bias)
        window = (shape.pooled_samples, 1)
        mean = tf.nn.avg_pool2d(picture, window, window, "VALID")
        highest = tf.nn.max_pool2d(picture, window, window, "VALID")
        pooled = tf.reshape(
            tf.concat([mean, highest], -1), (shape.steps, shape.channels, 2 * shape.embedding)
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
