"""The released procedure of arXiv 2405.19356, its network and its flaws, on Ninapro DB2 files.

One FIN a feature: a single channel of 600 samples, three bidirectional LSTM layers of 32 units of which only
the last backward state is used, and a linear layer to 12 copies of the feature. A small CNN reads 4 features
x 12 channels x 12 copies; it is trained on closed-form features first, then all is tuned on the subject.
What the paper does not state (the CNN's widths, its dropout) is ours. Each subject has two rows: ``paper`` is
measured as the released code does, ``paper-mended`` is the same network measured as it should be; ``FLAWS``
names the difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myofin.errors import RecordingError
from myofin.features import FEATURE_NAMES, window_features
from myofin.frontend import WINDOW_FRAMES
from myofin.progress import Progress, silent
from myofin.recordings.check import load_trainable
from myofin.recordings.load import normalise_subject, subject_files
from myofin.recordings.model import Recording
from myofin.train.tensorflow_setup import load_tensorflow
from myofin.windows import cut_windows, gather

FloatArray = NDArray[np.float64]
FRAME_SAMPLES, CHANNELS, COPIES = 20, 12, 12
FIN_REPETITIONS, TUNE_REPETITIONS, TEST_REPETITIONS = (1, 3, 4), (6,), (2, 5)
CROSS_TUNE_REPETITIONS = (1, 3, 4, 6)
FLAWS = (
    "the epoch is the best one on the test repetitions",
    "dropout and batch normalisation are left in training mode at test",
    "the test windows are scaled by their own statistics",
    "with labels ahead, the last windows of a movement take the label of the next",
    "with labels ahead, the FIN still imitates the features of now",
)


@dataclass(frozen=True)
class PaperConfig:
    """The paper's settings; the tests make them small. ``ahead_hops`` shifts labels by hops of 10 ms."""

    fin_epochs: int = 60
    fin_batch: int = 4_000
    fin_windows: int = 400_000
    units: int = 32
    layers: int = 3
    head_epochs: int = 10
    tune_epochs: int = 10
    tune_batch: int = 256
    hop_frames: int = 1
    ahead_hops: int = 0
    fin_subjects: int = 25
    seed: int = 0


@dataclass(frozen=True)
class _Windows:
    """Windows of one subject: where, and class indices; ``honest`` without the label of the next movement."""

    recording: Recording
    starts: NDArray[np.int64]
    classes: NDArray[np.int64]
    honest: NDArray[np.bool_]


def paper_rows(
    data: Sequence[Path],
    subjects: Sequence[str] | None = None,
    config: PaperConfig | None = None,
    *,
    progress: Progress = silent,
) -> list[dict[str, Any]]:
    """Run the whole procedure and return two rows a subject, with the flaws named.

    Raises:
        RecordingError: There is no DB2 recording, or one of another kind among them.
    """
    config = config or PaperConfig()
    wanted = None if subjects is None else {normalise_subject(name) for name in subjects}
    recordings = [
        _db2(load_trainable(Path(str(file))))
        for path in data
        for name, file in subject_files(path).items()
        if wanted is None or name in wanted
    ]
    if not recordings:
        raise RecordingError("No subject was chosen.", hint="See which there are: myofin data check PATH.")
    tf, keras = load_tensorflow(gpu=True)
    keras.utils.set_random_seed(config.seed)
    known = recordings[: config.fin_subjects]
    fins = _train_fins(keras, known, config, progress)
    names = {recording.subject for recording in known}
    rows = []
    for done, recording in enumerate(recordings):
        rows += _subject_rows(tf, keras, fins, recording, recording.subject in names, config)
        progress("subjects", done + 1, len(recordings))
    return rows


def _db2(recording: Recording) -> Recording:
    if recording.dataset != "ninapro_db2":
        raise RecordingError(
            f"{recording.source} is of {recording.dataset}; the paper's procedure is for ninapro_db2.",
            hint="Give Ninapro DB2 files (S1_E1_A1.mat), or use another protocol.",
        )
    return recording


def _train_fins(
    keras: Any, recordings: list[Recording], config: PaperConfig, progress: Progress
) -> list[Any]:
    """One network a feature, on single channels of the FIN repetitions of the known subjects."""
    rng = np.random.default_rng(config.seed)
    pools = [_windows(recording, FIN_REPETITIONS, config) for recording in recordings]
    fins = [_fin(keras, config) for _ in FEATURE_NAMES]
    each = max(1, min(config.fin_windows, sum(len(p.starts) for p in pools) * CHANNELS) // config.fin_batch)
    for epoch in range(config.fin_epochs):
        for _ in range(each):
            signal, features = _draw_singles(pools, config.fin_batch, rng)
            for fin, target in zip(fins, features.T, strict=True):
                noisy = target[:, None] * (1 + 0.01 * rng.standard_normal((len(target), COPIES)))
                fin.train_on_batch(signal, noisy)
        progress("FIN", epoch + 1, config.fin_epochs)
    return fins


def _fin(keras: Any, config: PaperConfig) -> Any:
    layers = keras.layers
    deep = [
        layers.Bidirectional(layers.LSTM(config.units, return_sequences=True))
        for _ in range(config.layers - 1)
    ]
    # Of the last layer the paper uses the last backward state alone: its forward half does nothing.
    last = [layers.LSTM(config.units, go_backwards=True), layers.Dense(COPIES)]
    fin = keras.Sequential([layers.Input((WINDOW_FRAMES * FRAME_SAMPLES, 1)), *deep, *last])
    fin.compile(keras.optimizers.Adam(1e-3), "mse")
    return fin


def _head(keras: Any, classes: int) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((CHANNELS, COPIES, len(FEATURE_NAMES))),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.BatchNormalization(),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(classes),
        ]
    )


def _windows(recording: Recording, repetitions: tuple[int, ...], config: PaperConfig) -> _Windows:
    """Movement windows; labels ahead run on through the list of windows, as in the released code."""
    found = cut_windows(
        recording, frame_samples=FRAME_SAMPLES, hop_frames=config.hop_frames, repetitions=repetitions
    )
    classes = np.searchsorted(np.array(recording.classes()), found.labels).astype(np.int64)
    shift = config.ahead_hops // config.hop_frames
    ahead = np.concatenate([classes[shift:], np.repeat(classes[-1:], shift)]) if shift else classes
    trials = recording.trial[found.starts]
    later = np.concatenate([trials[shift:], np.full(shift, -1, dtype=trials.dtype)]) if shift else trials
    return _Windows(recording, found.starts, ahead, trials == later)


def _statistics(windows: _Windows) -> tuple[FloatArray, FloatArray]:
    signal = gather(windows.recording.counts, windows.starts[:: WINDOW_FRAMES // 2], 600)
    flat = signal.reshape(-1, signal.shape[-1]).astype(np.float64)
    return flat.mean(axis=0), np.maximum(flat.std(axis=0), 1e-9)


def _zscored(windows: _Windows, index: NDArray[Any], scale: tuple[FloatArray, FloatArray]) -> FloatArray:
    counts = gather(windows.recording.counts, windows.starts[index], WINDOW_FRAMES * FRAME_SAMPLES)
    return np.asarray((counts - scale[0]) / scale[1])


def _draw_singles(
    pools: list[_Windows], count: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Single channels ``[n, 600, 1]`` with their four features ``[n, 4]``."""
    signals = []
    for pool in pools:
        index = rng.integers(len(pool.starts), size=max(1, count // len(pools) // CHANNELS))
        signals.append(_zscored(pool, index, _statistics(pool)))
    signal = np.concatenate(signals)
    features = window_features(signal).reshape(-1, len(FEATURE_NAMES))
    return signal.transpose(0, 2, 1).reshape(-1, signal.shape[1], 1), features


def _subject_rows(
    tf: Any, keras: Any, fins: list[Any], recording: Recording, known: bool, config: PaperConfig
) -> list[dict[str, Any]]:
    tune = _windows(recording, TUNE_REPETITIONS if known else CROSS_TUNE_REPETITIONS, config)
    test = _windows(recording, TEST_REPETITIONS, config)
    own, tests = _statistics(tune), _statistics(test)
    head = _head(keras, len(recording.classes()))
    whole = _whole(keras, fins, head)
    for model in (head, whole):
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(1e-3), loss)
    rng, released = np.random.default_rng(config.seed), 0.0
    for _ in range(config.head_epochs):
        for index in _batches(tune, config.tune_batch, rng):
            head.train_on_batch(_closed_form(_zscored(tune, index, own)), tune.classes[index])
    for _ in range(config.tune_epochs):
        for index in _batches(tune, config.tune_batch, rng):
            whole.train_on_batch(_singles(_zscored(tune, index, own)), tune.classes[index])
        flawed = _decide(tf, whole, test, tests, config.tune_batch, training=True)
        released = max(released, float(np.mean(flawed == test.classes)))
    sound = _decide(tf, whole, test, own, config.tune_batch, training=False)
    mended = float(np.mean((sound == test.classes)[test.honest]))
    row = {
        "dataset": recording.dataset,
        "subject": recording.subject,
        "protocol": "paper",
        "variant": ("tuned on 6" if known else "cross-subject, tuned on 1, 3, 4, 6")
        + (f", {config.ahead_hops * 10} ms ahead" if config.ahead_hops else ""),
        "scheme": "float32",
        "seed": config.seed,
    }
    return [
        {**row, "method": "paper", "accuracy": released, "windows": len(test.starts), "flaws": list(FLAWS)},
        {**row, "method": "paper-mended", "accuracy": mended, "windows": int(test.honest.sum()), "flaws": []},
    ]


def _whole(keras: Any, fins: list[Any], head: Any) -> Any:
    """The subject's own FINs, started from the shared ones, on each channel, and the head on them."""
    signal = keras.layers.Input((CHANNELS, WINDOW_FRAMES * FRAME_SAMPLES, 1))
    copies = []
    for fin in fins:
        own = keras.models.clone_model(fin)
        own.set_weights(fin.get_weights())
        copies.append(keras.layers.TimeDistributed(own)(signal))
    picture = keras.layers.Concatenate()(
        [keras.layers.Reshape((CHANNELS, COPIES, 1))(feature) for feature in copies]
    )
    return keras.Model(signal, head(picture))


def _batches(tune: _Windows, batch: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    order = rng.permutation(len(tune.starts))
    return np.array_split(order, max(1, len(order) // batch))


def _closed_form(signal: FloatArray) -> NDArray[np.float32]:
    features = window_features(signal)[:, :, None, :]
    return np.repeat(features, COPIES, axis=2).astype(np.float32)


def _singles(signal: FloatArray) -> NDArray[np.float32]:
    return signal.transpose(0, 2, 1)[..., np.newaxis].astype(np.float32)


def _decide(
    tf: Any,
    network: Any,
    test: _Windows,
    scale: tuple[FloatArray, FloatArray],
    batch: int,
    *,
    training: bool,
) -> NDArray[np.int64]:
    """Decided classes; ``training`` leaves dropout and batch normalisation on, as the released code does."""
    parts = np.array_split(np.arange(len(test.starts)), max(1, len(test.starts) // batch))
    logits = [
        np.asarray(network(tf.constant(_singles(_zscored(test, index, scale))), training=training))
        for index in parts
    ]
    return np.asarray(np.concatenate(logits).argmax(axis=1), dtype=np.int64)
