"""The network: an LSTM that imitates closed-form features of channels, and a linear head.

The LSTM is shared by all channels, each a sequence by itself (one *lane*), or it is joint: one sequence
holds them all (as many lanes). The embedding sees single samples of a channel in both.

One set of layers is used in two ways. Training sees sequences, ``[n, frames, frame_samples * lanes]``. The
exported graph sees one decision, ``[1, frames, frame_samples * channels]`` codes / 128, with every shape
static and the LSTM's batch dimension holding the sequences: only so does the converter fuse it.

    codes ─ embed every sample (its neighbours too, where ``taps`` is 3; then pointwise layers)
          ─ mean and max over a frame of ``frame_hops`` hops ─ LSTM over 30 / frame_hops frames
          ─ Dense: standardised features of its channels ("features") ─ Dense: "logits"
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myofin.train.eight_bits import GATES, Arithmetic, Exact, Observer, round_kernel
from myofin.train.network_shape import NetworkShape, spread_kinks
from myofin.train.tensorflow_setup import load_tensorflow

CODE_SCALE = 128.0
CEILING = 6.0
_LARGEST_GAIN = 8.0
SIGNATURE = "serving_default"
_OBSERVED_AT_ONCE = 1_024  # bounds memory to some tens of MB


class Network:
    """The layers, and the two ways they are used: tensors in, tensors out."""

    def __init__(self, shape: NetworkShape) -> None:
        tf, keras = load_tensorflow()
        self.shape = shape
        self._tf = tf
        self._embed = [
            keras.layers.Dense(shape.embedding, activation="relu6", name=f"embed{i + 1}")
            for i in range(shape.embedding_layers)
        ]
        self._lstm = keras.layers.LSTM(shape.units, name="lstm")
        self._imitate = keras.layers.Dense(shape.lanes * shape.features, name="imitate")
        self._head = keras.layers.Dense(shape.classes, name="head")
        self._build()
        self.compute_in(Exact())

    def compute_in(self, arithmetic: Arithmetic) -> None:
        """Imitate from now on in this arithmetic: exact floats, or as the int8 network will."""
        tf, shape = self._tf, self.shape
        self._arithmetic = arithmetic
        spec = tf.TensorSpec((None, shape.frames, shape.frame_samples * shape.lanes), tf.int8)
        self._predict = tf.function(self.imitate, input_signature=[spec])

    def equalise(self, codes: NDArray[np.int8]) -> None:
        """Let each unit of the embedding reach the ceiling on these sequences; outputs stay the same.

        All units of a layer share a scale in eight bits: one that uses a part of it is rounded the more.
        """
        cell = self._lstm.cell
        following = [*(layer.kernel for layer in self._embed[1:]), cell.kernel]
        for layer, after in zip(self._embed, following, strict=True):
            largest = self.observe(codes).largest(layer.name)
            gain = np.where(largest > 0, np.minimum(CEILING / np.maximum(largest, 1e-6), _LARGEST_GAIN), 1.0)
            layer.kernel.assign(layer.kernel.numpy() * gain)
            layer.bias.assign(layer.bias.numpy() * gain)
            repeated = np.tile(gain, after.shape[0] // len(gain))  # the LSTM sees mean and maximum
            after.assign(after.numpy() / repeated[:, np.newaxis])

    def observe(self, codes: NDArray[np.int8]) -> Observer:
        """Extremes of the values between layers, in floats, on sequences ``[n, frames, samples]``."""
        before, observer = self._arithmetic, Observer()
        self._arithmetic = observer
        for first in range(0, len(codes), _OBSERVED_AT_ONCE):
            self.imitate(codes[first : first + _OBSERVED_AT_ONCE])
        self._arithmetic = before
        return observer

    def round_fin(self) -> None:
        """Bring the FIN's kernels to the grid that the converter would round them to."""
        cell = self._lstm.cell
        for kernel in (cell.kernel, cell.recurrent_kernel):
            kernel.assign(round_kernel(kernel.numpy(), GATES))
        for layer in (*self._embed, self._imitate):
            layer.kernel.assign(round_kernel(layer.kernel.numpy()))

    def _build(self) -> None:
        shape = self.shape
        for layer, inputs in zip(
            self._embed, [shape.taps] + [shape.embedding] * shape.embedding_layers, strict=False
        ):
            layer.build((None, inputs))
        self._lstm.build((None, shape.steps, shape.lanes * 2 * shape.embedding))
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

    def centre_head(self) -> None:
        """Take out what all logits have in common: it decides nothing, and the export counts on it."""
        kernel, bias = (variable.numpy() for variable in self.head_variables)
        self.set_head(kernel - kernel.mean(axis=1, keepdims=True), bias - bias.mean())

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
        """Features ``[n, lanes * features]`` of sequences: codes ``[n, frames, frame_samples * lanes]``."""
        tf, shape = self._tf, self.shape
        steps = (-1, shape.step_samples, shape.lanes, 1)
        samples = tf.reshape(tf.cast(codes, tf.float32) / CODE_SCALE, steps)
        count = shape.pooled_samples
        # A layer that spans several samples is a Dense layer on them side by side.
        embedded = tf.concat([samples[:, tap : tap + count] for tap in range(shape.taps)], -1)
        embedded = tf.reshape(embedded, (-1, shape.taps))
        numbers = self._arithmetic
        for layer in self._embed:
            embedded = tf.nn.relu6(tf.matmul(embedded, numbers.kernel(layer.kernel)) + layer.bias)
            embedded = numbers.values(layer.name, embedded)
        embedded = tf.reshape(embedded, (-1, count, shape.lanes, shape.embedding))
        # Pooling in integers keeps the scale of what it pools.
        mean = numbers.values(self._embed[-1].name, tf.reduce_mean(embedded, 1))
        pooled = tf.concat([mean, tf.reduce_max(embedded, 1)], -1)
        state = self._recur(tf.reshape(pooled, (-1, shape.steps, shape.lanes * 2 * shape.embedding)))
        features = tf.matmul(state, numbers.kernel(self._imitate.kernel)) + self._imitate.bias
        return numbers.values(self._imitate.name, features)

    def _recur(self, frames: Any) -> Any:
        """The LSTM's last state, written out step by step: several times faster to train than its loop."""
        tf, cell, numbers = self._tf, self._lstm.cell, self._arithmetic
        kernel, recurrent = (numbers.kernel(w, GATES) for w in (cell.kernel, cell.recurrent_kernel))
        inputs = numbers.gates(tf.matmul(tf.reshape(frames, (-1, frames.shape[-1])), kernel) + cell.bias)
        inputs = tf.reshape(inputs, (-1, self.shape.steps, 4 * self.shape.units))
        state = memory = tf.zeros_like(inputs[:, 0, : self.shape.units])
        for step in range(self.shape.steps):
            gates = numbers.gates(inputs[:, step] + numbers.gates(tf.matmul(state, recurrent)))
            entry, forget, candidate, output = tf.split(gates, 4, axis=1)
            memory = tf.sigmoid(forget) * memory + tf.sigmoid(entry) * tf.tanh(candidate)
            state = numbers.values(self._lstm.name, tf.sigmoid(output) * tf.tanh(memory))
        return state

    def predict(self, codes: NDArray[np.int8]) -> NDArray[np.float32]:
        """What ``imitate`` gives, from array to array; traced once."""
        return np.asarray(self._predict(self._tf.constant(codes)).numpy(), dtype=np.float32)

    def imitate_channels(self, codes: Any) -> Any:
        """Features ``[n, channels * features]`` of windows ``[n, frames, frame_samples * channels]``."""
        tf, shape = self._tf, self.shape
        if shape.lanes == 1:
            codes = tf.reshape(codes, (-1, shape.frames, shape.frame_samples, shape.channels))
            codes = tf.reshape(tf.transpose(codes, (0, 3, 1, 2)), (-1, shape.frames, shape.frame_samples))
        return tf.reshape(self.imitate(codes), (-1, shape.channels * shape.features))

    def classify(self, features: Any) -> Any:
        """Logits ``[n, classes]`` of features ``[n, channels * features]``."""
        return self._head(features)

    def decide(self, codes: Any) -> dict[str, Any]:
        """One decision, as exported: float32 ``[1, frames, frame_samples * channels]`` = codes / 128.

        Samples stay where the codes have them, as pictures of ``step_samples x channels``: the embedding is
        then a convolution of ``taps x 1`` and 1x1 ones, and only the small pooled tensor is transposed.

        Logits below 0 are given as 0: what all logits have in common is taken out (``centre_head``), so the
        highest is above, and eight bits need not reach down to the lowest.
        """
        tf, shape = self._tf, self.shape
        picture = tf.reshape(codes, (shape.steps, shape.step_samples, shape.channels, 1))
        for layer, taps in zip(self._embed, [shape.taps] + [1] * shape.embedding_layers, strict=False):
            kernel = tf.reshape(layer.kernel, (taps, 1, -1, shape.embedding))
            picture = tf.nn.relu6(tf.nn.conv2d(picture, kernel, 1, "VALID") + layer.bias)
        window = (shape.pooled_samples, 1)
        mean = tf.nn.avg_pool2d(picture, window, window, "VALID")
        highest = tf.nn.max_pool2d(picture, window, window, "VALID")
        pooled = tf.concat([mean, highest], -1)
        if shape.lanes == 1:
            pooled = tf.reshape(pooled, (shape.steps, shape.channels, 2 * shape.embedding))
            pooled = tf.transpose(pooled, (1, 0, 2))
        else:
            pooled = tf.reshape(pooled, (1, shape.steps, shape.channels * 2 * shape.embedding))
        features = self._imitate(self._lstm(pooled))
        features = tf.reshape(features, (1, shape.channels * shape.features))
        return {"features": features, "logits": tf.nn.relu(self.classify(features))}

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
        shape = self.shape
        return {**asdict(shape), "lanes": shape.lanes, "parameters": self.parameters, "lstm_ops": 1}
