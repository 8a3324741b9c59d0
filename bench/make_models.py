"""Make the benchmark's models: ``make_models.py OUT_FOLDER NAME...``. A process of its own, for TensorFlow.

Weights and calibration windows come from fixed seeds, so the same TensorFlow gives the same bytes.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myofin.convert.tensorflow_worker import convert_saved_model
from myofin.train.config import TrainConfig
from myofin.train.fin import shape_for
from myofin.train.network import SIGNATURE, Network
from myofin.train.network_shape import NetworkShape
from myofin.train.tensorflow_setup import load_tensorflow

FRAMES, FRAME_SAMPLES, CHANNELS, CLASSES = 30, 20, 12, 17
LSTM48_UNITS = 48
CALIBRATION_WINDOWS = 60
CALIBRATION_FILE = "calibration.npy"
SEED = 48


def calibration_codes() -> NDArray[np.int8]:
    """Windows of codes, int8 ``[n, frames, frame_codes]``, whose loudness varies by window and channel."""
    rng = np.random.default_rng(SEED)
    loudness = rng.uniform(1, 60, (CALIBRATION_WINDOWS, 1, 1, CHANNELS))
    signal = rng.normal(0, 1, (CALIBRATION_WINDOWS, FRAMES, FRAME_SAMPLES, CHANNELS))
    return np.clip(np.rint(signal * loudness), -127, 127).astype(np.int8).reshape(-1, FRAMES, 240)


def save_lstm48(folder: Path) -> None:
    """30 x 240 codes -> LSTM 48 -> Dense 17; its features are the LSTM's last state, at no MAC more."""
    tf, keras = load_tensorflow()
    lstm, head = keras.layers.LSTM(LSTM48_UNITS), keras.layers.Dense(CLASSES)

    def decide(codes: Any) -> dict[str, Any]:
        features = lstm(codes)
        return {"features": features, "logits": head(features)}

    decide(tf.zeros((1, FRAMES, 240)))
    rng = np.random.default_rng(SEED)
    for variable in (*lstm.trainable_variables, *head.trainable_variables):
        fan_in = variable.shape[0] if len(variable.shape) > 1 else 8
        values = rng.normal(0, 1.4 / np.sqrt(fan_in), variable.shape)
        variable.assign(values.astype(np.float32))
    module = tf.Module()
    module.layers = [lstm, head]
    spec = tf.TensorSpec((1, FRAMES, 240), tf.float32, name="codes")
    concrete = tf.function(decide, input_signature=[spec]).get_concrete_function()
    tf.saved_model.save(module, str(folder), signatures={SIGNATURE: concrete})


def save_default(folder: Path) -> None:
    """The network that ``myofin train`` makes by default for 12 channels at 2 kHz, before its training."""
    _, keras = load_tensorflow()
    keras.utils.set_random_seed(SEED)
    Network(shape_for(CHANNELS, FRAME_SAMPLES, CLASSES, TrainConfig())).save(folder)


def save_variant(frame_hops: int, taps: int) -> Callable[[Path], None]:
    """A smaller network (16 units, 4 features) with frames of several hops, or a first layer of 3 samples."""

    def save(folder: Path) -> None:
        _, keras = load_tensorflow()
        keras.utils.set_random_seed(SEED)
        Network(NetworkShape(CHANNELS, FRAME_SAMPLES, CLASSES, frame_hops=frame_hops, taps=taps)).save(folder)

    return save


MAKERS = {
    "lstm48": save_lstm48,
    "default": save_default,
    **{f"hops{hops}-taps{taps}": save_variant(hops, taps) for hops in (1, 3, 5) for taps in (1, 3)},
}


def main(out: Path, names: list[str]) -> None:
    """Write ``NAME-int8.tflite`` and ``NAME-float32.tflite`` for each name, and the codes of calibration."""
    out.mkdir(parents=True, exist_ok=True)
    np.save(out / CALIBRATION_FILE, calibration_codes())
    for name in names:
        with tempfile.TemporaryDirectory(prefix="myofin-bench-") as scratch:
            MAKERS[name](Path(scratch))
            for scheme in ("int8", "float32"):
                model = convert_saved_model(Path(scratch), scheme, calibration_codes())
                (out / f"{name}-{scheme}.tflite").write_bytes(model)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
