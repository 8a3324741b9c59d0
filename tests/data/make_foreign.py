"""Make models in the style of TensorFlow Lite Micro's published examples, with random weights.

Run in a process of its own, since it imports TensorFlow:  python make_foreign.py FOLDER. Nothing of those
examples is used but their shapes: the LSTM one takes (28, 28) pictures of digits, row by row; micro-speech
a spectrogram of 49 slices of 40 values.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras

SEED = 7


def lstm_model() -> tf_keras.Model:
    """LSTM over the rows, all of its outputs flattened, ten classes."""
    return tf_keras.Sequential(
        [
            tf_keras.layers.Input((28, 28), batch_size=1),
            tf_keras.layers.LSTM(20, time_major=False, return_sequences=True),
            tf_keras.layers.Flatten(),
            tf_keras.layers.Dense(10, activation="softmax"),
        ]
    )


def speech_model() -> tf_keras.Model:
    """One strided depthwise convolution with padding, and four classes."""
    return tf_keras.Sequential(
        [
            tf_keras.layers.Input((1960,), batch_size=1),
            tf_keras.layers.Reshape((49, 40, 1)),
            tf_keras.layers.DepthwiseConv2D((10, 8), (2, 2), "same", depth_multiplier=8, activation="relu"),
            tf_keras.layers.Flatten(),
            tf_keras.layers.Dense(4, activation="softmax"),
        ]
    )


def convert(model: tf_keras.Model, quantized: bool) -> bytes:
    """The model with random weights and biases, as int8 or float32."""
    rng = np.random.default_rng(SEED)
    shape = model.input_shape
    for variable in model.trainable_variables:
        fan_in = int(np.prod(variable.shape[:-1])) if len(variable.shape) > 1 else 8
        variable.assign(rng.normal(0, 1.5 / np.sqrt(fan_in), variable.shape).astype(np.float32))
    function = tf.function(model.__call__).get_concrete_function(tf.TensorSpec(shape, tf.float32))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], model)
    if quantized:
        samples = [rng.uniform(0, 1, shape).astype(np.float32) for _ in range(30)]
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([sample] for sample in samples)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def main(folder: Path) -> None:
    """Write every model."""
    folder.mkdir(parents=True, exist_ok=True)
    makers = {"lstm": lstm_model, "speech": speech_model}
    for name, make in makers.items():
        (folder / f"{name}.tflite").write_bytes(convert(make(), True))
    (folder / "lstm_float32.tflite").write_bytes(convert(lstm_model(), False))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
