"""Make the small `.tflite` fixtures beside this file, with random weights and a fixed seed.

Run it by hand, in a process of its own: it imports TensorFlow, which must not share one with the TFLite
runtime. Random weights of large amplitude drive gates and outputs into saturation, which training seldom
does, and that is what an arithmetic test needs. The files are committed, so tests need no TensorFlow.

    .venv/bin/python tests/data/make_models.py [NAME]...
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras

FRAMES = 30
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Fixture:
    """One random network; ``gain`` multiplies its weights, ``lstm_gain`` those of the LSTM.

    The layouts: ``shared`` and ``picture`` run one LSTM over each channel, the joint ones one over all. Those
    of pictures are like what training exports: samples stay where the codes have them, and a frame may span
    several hops.
    """

    name: str
    channels: int
    frame_samples: int
    units: int
    classes: int
    layout: str = "shared"  # shared | joint | picture | joint_picture
    embedding: int = 16  # 0: none (joint only)
    embedding_layers: int = 2
    frame_hops: int = 1  # pictures only, as are taps of 3
    taps: int = 1
    joined: bool = False  # the head takes another layer on the LSTM's last state too
    hidden: int = 0
    gain: float = 1.0
    lstm_gain: float = 1.0
    seed: int = 1
    scheme: str = "int8"

    @property
    def picture(self) -> bool:
        return "picture" in self.layout

    @property
    def joint(self) -> bool:
        return "joint" in self.layout


FIXTURES = (
    Fixture("shared12", 12, 20, 16, 17),
    Fixture("shared4_hidden", 4, 10, 16, 6, hidden=24, seed=2),
    Fixture("shared3_saturating", 3, 5, 24, 5, embedding=8, gain=3.0, lstm_gain=6.0, seed=3),
    Fixture("shared2_one_sample", 2, 1, 8, 4, embedding=8, seed=4),
    Fixture("shared3_small_cell", 3, 2, 8, 3, embedding=8, lstm_gain=0.05, seed=5),
    Fixture("joint4_plain", 4, 2, 20, 7, layout="joint", embedding=0, seed=6),
    Fixture("joint3_embedded", 3, 4, 16, 5, layout="joint", embedding=8, hidden=12, gain=2.0, seed=7),
    Fixture("frames3_hops3", 3, 5, 8, 5, layout="picture", embedding=8, frame_hops=3, seed=8),
    Fixture("frames2_hops10", 2, 4, 8, 4, layout="picture", embedding=6, frame_hops=10, gain=2.0, seed=9),
    Fixture("joint2_hops5", 2, 3, 12, 4, layout="joint_picture", embedding=5, frame_hops=5, seed=10),
    Fixture("joint2_thirteen", 2, 3, 13, 3, layout="joint", embedding=0, gain=2.0, seed=11),
    Fixture("conv3_hops3", 3, 5, 8, 5, layout="picture", embedding=8, frame_hops=3, taps=3, seed=11),
    Fixture(
        "conv2_hops2",
        2,
        2,
        8,
        4,
        layout="picture",
        embedding=6,
        embedding_layers=1,
        frame_hops=2,
        taps=3,
        seed=12,
    ),
    Fixture(
        "conv2_joined", 2, 7, 8, 4, layout="picture", embedding=5, taps=3, joined=True, gain=2.0, seed=13
    ),
    Fixture(
        "convjoint2_hops5", 2, 4, 8, 4, layout="joint_picture", embedding=9, frame_hops=5, taps=3, seed=14
    ),
    Fixture(
        "conv3_float32",
        3,
        5,
        8,
        5,
        layout="picture",
        embedding=8,
        frame_hops=3,
        taps=3,
        seed=11,
        scheme="float32",
    ),
    Fixture(
        "conv2_float32",
        2,
        3,
        6,
        3,
        layout="joint_picture",
        embedding=5,
        embedding_layers=1,
        frame_hops=2,
        taps=3,
        seed=15,
        scheme="float32",
    ),
    Fixture(
        "frames2_float32",
        2,
        4,
        6,
        4,
        layout="picture",
        embedding=5,
        frame_hops=5,
        seed=16,
        scheme="float32",
    ),
    Fixture("shared4_float32", 4, 10, 16, 6, hidden=24, seed=2, scheme="float32"),
    Fixture("joint4_float32", 4, 2, 20, 7, layout="joint", embedding=0, seed=6, scheme="float32"),
)


class Network(tf.Module):
    """The edge network of the design: embedding, pooling over a frame, LSTM, features, head."""

    def __init__(self, fixture: Fixture) -> None:
        super().__init__()
        self.fixture = fixture
        layers = tf_keras.layers
        spf = fixture.frame_samples
        self.embed = [
            layers.Conv2D(fixture.embedding, (1 if i else fixture.taps, 1), activation="relu")
            for i in range(fixture.embedding_layers if fixture.embedding else 0)
        ]
        window = (1, spf)
        if fixture.picture:
            window = (spf * fixture.frame_hops - fixture.taps + 1, 1)
        self.mean, self.max = layers.AveragePooling2D(window), layers.MaxPooling2D(window)
        self.lstm = layers.LSTM(fixture.units)
        self.features = layers.Dense(4 * fixture.channels if fixture.joint else 4)
        self.beside = layers.Dense(3)
        self.hidden = layers.Dense(fixture.hidden, activation="relu") if fixture.hidden else None
        self.logits = layers.Dense(fixture.classes, use_bias=fixture.seed % 2 == 0)

    def pooled_picture(self, x: tf.Tensor) -> tf.Tensor:
        fixture = self.fixture
        steps = FRAMES // fixture.frame_hops
        x = tf.reshape(x, (steps, fixture.frame_hops * fixture.frame_samples, fixture.channels, 1))
        for layer in self.embed:
            x = layer(x)
        x = tf.concat([self.mean(x), self.max(x)], axis=-1)
        if fixture.joint:
            return tf.reshape(x, (1, steps, fixture.channels * 2 * fixture.embedding))
        return tf.transpose(tf.reshape(x, (steps, fixture.channels, 2 * fixture.embedding)), (1, 0, 2))

    def pooled(self, x: tf.Tensor) -> tf.Tensor:
        fixture = self.fixture
        if fixture.picture:
            return self.pooled_picture(x)
        shape = (FRAMES, fixture.frame_samples, fixture.channels)
        if fixture.layout == "shared":
            x = tf.transpose(tf.reshape(x, shape), (2, 0, 1))
        else:
            x = tf.transpose(tf.reshape(x, shape), (0, 2, 1))
        x = tf.reshape(x, (1, fixture.channels * FRAMES, fixture.frame_samples, 1))
        for layer in self.embed:
            x = layer(x)
        x = tf.concat([self.mean(x), self.max(x)], axis=-1)
        if fixture.layout == "shared":
            return tf.reshape(x, (fixture.channels, FRAMES, 2 * fixture.embedding))
        return tf.reshape(x, (1, FRAMES, fixture.channels * 2 * fixture.embedding))

    def __call__(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        state = self.lstm(self.pooled(x) if self.fixture.embedding else x)
        features = tf.reshape(self.features(state), (1, 4 * self.fixture.channels))
        top = features
        if self.fixture.joined:
            top = tf.concat([features, tf.reshape(self.beside(state), (1, -1))], -1)
        top = self.hidden(top) if self.hidden else top
        return {"features": features, "logits": self.logits(top)}


def randomise(network: Network) -> None:
    rng = np.random.default_rng(network.fixture.seed)
    for variable in network.variables:
        gain = network.fixture.lstm_gain if "lstm" in variable.name else network.fixture.gain
        fan_in = int(np.prod(variable.shape[:-1])) if len(variable.shape) > 1 else 8
        variable.assign(rng.normal(0, 1.4 * gain / np.sqrt(fan_in), variable.shape).astype(np.float32))


def calibration_codes(fixture: Fixture, windows: int = 60) -> np.ndarray:
    """Windows of codes whose loudness varies from window to window and channel to channel."""
    rng = np.random.default_rng(100 + fixture.seed)
    shape = (windows, FRAMES, fixture.frame_samples, fixture.channels)
    loudness = rng.uniform(1, 60, (windows, 1, 1, fixture.channels))
    codes = np.clip(np.rint(rng.normal(0, 1, shape) * loudness), -127, 127)
    codes[0].flat[0], codes[0].flat[1] = -128, 127  # so that the input scale becomes exactly 1/128
    return codes.reshape(windows, 1, FRAMES, -1)


def convert(fixture: Fixture) -> bytes:
    network = Network(fixture)
    size = fixture.frame_samples * fixture.channels
    network(tf.zeros((1, FRAMES, size)))
    randomise(network)
    spec = tf.TensorSpec((1, FRAMES, size), tf.float32, name="codes")
    function = tf.function(network.__call__).get_concrete_function(spec)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], network)
    if fixture.scheme == "int8":
        codes = calibration_codes(fixture)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([(w / 128).astype(np.float32)] for w in codes)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def main(names: list[str]) -> None:
    """Make the models of these names; all where none is given."""
    for fixture in FIXTURES:
        if names and fixture.name not in names:
            continue
        path = HERE / f"{fixture.name}.tflite"
        path.write_bytes(convert(fixture))


if __name__ == "__main__":
    main(sys.argv[1:])
