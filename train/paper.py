"""The procedure of arXiv 2405.19356 as methods: as its code was released, and with its flaws mended.

Four FINs, one a feature, learn on single channels of subjects 1 to 25; a CNN learns on closed-form features
of the subject; then all is tuned on the subject together (``paper_network.py``). ``paper-released`` measures
this as the released code does, with ``FLAWS``; ``paper-mended`` is the same network, taught and measured as
every other method here: its last epoch, in inference mode, scaled by training statistics, with the labels and
the features that truly lie ahead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np

from myofin.errors import RecordingError
from myofin.features import FEATURE_NAMES, window_features
from myofin.train.candidates import Outcome, Source, Task
from myofin.train.lda_baselines import Statistics
from myofin.train.paper_fin import PaperFin, paper_fin
from myofin.train.paper_network import FinFunctions, HeadShape, PaperConfig, PaperNetwork
from myofin.train.paper_windows import FloatArray, Geometry, WholeWindows, joined, released_windows
from myofin.train.tensorflow_setup import load_tensorflow

RELEASED, MENDED = "paper-released", "paper-mended"
FLAWS = (
    "the best epoch is chosen on the test repetitions",
    "dropout and batch normalisation are left in training mode at test",
    "the test windows are scaled by their own statistics",
    "with labels ahead, the last windows of a movement take the label of the next",
    "with labels ahead, the FIN still imitates the features of now",
)
# Networks x windows whose gradients are computed together, 5 MB each; results differ in rounding only.
_PAIRS, _PAIRS_ON_GPU = 300, 1_200


def make(name: str) -> PaperCandidate:
    """Return one of the two."""
    return PaperCandidate(name, PaperConfig())


@dataclass(frozen=True)
class PaperCandidate:
    """The released procedure, or the mended one, by name."""

    name: str
    settings: PaperConfig
    seeded: bool = True

    @property
    def config(self) -> Mapping[str, Any]:
        """Every setting that changes what it computes."""
        return asdict(self.settings)

    def run(self, task: Task) -> Outcome:
        """Pre-train the FINs, or take them from the cache, tune them on the subject, decide on its test.

        Raises:
            RecordingError: Too few channels for the CNN.
            InputError: There is nobody to pre-train on.
        """
        if task.test.recording.channels < 4:
            raise RecordingError(
                f"{task.test.recording.source} has {task.test.recording.channels} channels; the paper's CNN"
                " pools twice over channels and needs four.",
                hint="Give recordings of Ninapro DB2, which has 12.",
            )
        functions = _functions(self.settings)
        functions.modules[1].utils.set_random_seed(task.seed)
        released = self.name == RELEASED
        fin = paper_fin(task, functions, self.settings, 0 if released else task.ahead_hops)
        tune, test = (_released_sets if released else _mended_sets)(task)
        shape = HeadShape(task.test.recording.channels, self.settings.copies, len(task.classes))
        network = PaperNetwork(functions, fin.weights, shape)
        features = {} if released else {"float32": _natural(network, fin, test, self.settings)}
        scores, epoch = _taught(network, fin, (tune, test), self.settings, task.seed, released=released)
        facts = {
            "epoch": epoch,
            "parameters": network.parameters,
            "fin_epochs": fin.epochs,
            "flaws": list(FLAWS) if released else [],
        }
        return Outcome(
            {"float32": scores}, features, FEATURE_NAMES, facts, measured=test.source if released else None
        )


@cache
def _functions(config: PaperConfig) -> FinFunctions:
    """Traced once in a process, for all its subjects."""
    tf, keras = load_tensorflow(gpu=True)
    tf.config.experimental.enable_op_determinism()
    pairs = _PAIRS_ON_GPU if tf.config.list_physical_devices("GPU") else _PAIRS
    return FinFunctions((tf, keras), config, pairs)


def _tuning_sources(task: Task) -> tuple[Source, ...]:
    """Repetition 6 of who taught the FIN with 1, 3 and 4; all four of who is new."""
    return task.validation if task.pretrain_on_self and task.validation else (*task.train, *task.validation)


def _released_sets(task: Task) -> tuple[WholeWindows, WholeWindows]:
    """Windows to tune and to test on, each scaled by its own statistics, with the released code's labels."""
    geometry = Geometry.of(task, 0)
    sets = (released_windows(task, _tuning_sources(task)), released_windows(task, (task.test,)))
    return tuple(  # type: ignore[return-value]
        _whole(task, source, Statistics.of((source,), task.frame_samples), geometry) for source in sets
    )


def _mended_sets(task: Task) -> tuple[WholeWindows, WholeWindows]:
    geometry = Geometry.of(task, task.ahead_hops)
    statistics = Statistics.of(task.train, task.frame_samples)
    tune = _whole(task, joined(_tuning_sources(task)), statistics, geometry)
    return tune, _whole(task, task.test, statistics, geometry)


def _whole(task: Task, source: Source, statistics: Statistics, geometry: Geometry) -> WholeWindows:
    classes = np.searchsorted(np.array(task.classes), source.windows.labels).astype(np.int64)
    return WholeWindows(source, statistics, classes, geometry)


def _taught(
    network: PaperNetwork,
    fin: PaperFin,
    sets: tuple[WholeWindows, WholeWindows],
    config: PaperConfig,
    seed: int,
    *,
    released: bool,
) -> tuple[FloatArray, int]:
    """Teach the CNN, tune everything, and return the scores of the test windows with their epoch.

    Released: those of the epoch that is best on these very windows. Mended: those of the last.
    """
    tune, test = sets
    rng = np.random.default_rng([seed, 1])
    for _ in range(config.head_epochs):
        for index in tune.batches(config.batch, rng):
            closed = window_features(tune.signal(index, ahead=True))
            network.teach_head(fin.standardise(closed), tune.classes[index])
    best: tuple[float, FloatArray, int] | None = None
    for epoch in range(1, config.tune_epochs + 1):
        for index in tune.batches(config.batch, rng):
            network.tune(tune.signal(index), tune.classes[index])
        if released or epoch == config.tune_epochs:
            scores = _scores(network, test, config, training=released)
            right = float(np.mean(scores.argmax(axis=1) == test.classes))
            if best is None or right > best[0]:
                best = (right, scores, epoch)
    if best is None:
        best = (0.0, _scores(network, test, config, training=released), 0)
    return best[1], best[2]


def _scores(network: PaperNetwork, test: WholeWindows, config: PaperConfig, *, training: bool) -> FloatArray:
    return np.concatenate(
        [network.logits(test.signal(index), training=training) for index in test.batches(config.batch)]
    )


def _natural(network: PaperNetwork, fin: PaperFin, test: WholeWindows, config: PaperConfig) -> FloatArray:
    """Features of the test windows as the pre-trained FINs imitate them, before the tuning changes them."""
    parts = [network.features(test.signal(index)) for index in test.batches(config.batch)]
    return fin.restore(np.concatenate(parts))
