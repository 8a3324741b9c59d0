"""The pre-training of the paper's four FINs, kept in the cache after each epoch: it takes long."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myofin.errors import InputError
from myofin.features import FEATURE_NAMES
from myofin.locks import locked
from myofin.train.candidates import Source, Task
from myofin.train.paper_network import FinAdam, FinFunctions, PaperConfig, initial_fins
from myofin.train.paper_windows import FloatArray, Geometry, SinglePool, released_windows, targets_of
from myofin.train.work import code_version, data_sha, write_arrays

# What the CNN and the tuning are set to does not change the FINs.
_OTHER_SETTINGS = {"head_epochs", "tune_epochs", "batch"}


@dataclass(frozen=True)
class PaperFin:
    """Four trained FINs, stacked along the first axis of each weight.

    Attributes:
        weights: As ``paper_network.initial_fins`` has them.
        scale: Mean and deviation of each natural feature, float64 ``[2, 4]``; outputs are standardised.
        epochs: Passes made.
        losses: Mean squared error of each pass, summed over the features.
    """

    weights: list[FloatArray]
    scale: NDArray[np.float64]
    epochs: int
    losses: tuple[float, ...]

    def standardise(self, features: NDArray[np.float64]) -> FloatArray:
        """Natural features ``[..., 4]`` in the FINs' scale."""
        return np.asarray((features - self.scale[0]) / self.scale[1], dtype=np.float32)

    def restore(self, outputs: FloatArray) -> FloatArray:
        """The FINs' outputs ``[..., 4]`` as natural features."""
        return np.asarray(outputs * self.scale[1] + self.scale[0], dtype=np.float32)


def paper_fin(task: Task, functions: FinFunctions, config: PaperConfig, ahead_hops: int) -> PaperFin:
    """The FINs for a task: of the other participants' windows, and its own where they may pre-train.

    Every job that pools the same windows takes the same FINs, from the task's cache; what an interrupted job
    left there goes on. Where there is no cache they are trained and forgotten.

    Raises:
        InputError: There is nobody to pre-train on.
    """
    if not (task.pretrain_on_self or task.others_uses):
        raise InputError(
            "There is nobody to pre-train on.", hint="Give recordings of other participants as well."
        )
    if task.cache is None:
        return _trained(task, functions, config, ahead_hops, None)
    task.cache.mkdir(parents=True, exist_ok=True)
    path = task.cache / f"paper-fin-{_key(task, config, ahead_hops)}.npz"
    with locked(path.with_suffix(".lock")):
        return _trained(task, functions, config, ahead_hops, path)


def _key(task: Task, config: PaperConfig, ahead_hops: int) -> str:
    """What decides the FINs; recordings by their bytes, in any order, and without reading their signal."""
    pool = [(data_sha(use.path), list(use.repetitions)) for use in task.others_uses]
    if task.pretrain_on_self:
        pool += [
            (sha, np.unique(source.windows.repetitions).tolist())
            for source in task.train
            for sha in source.recording.sha256s.values()
        ]
    settings = {name: value for name, value in asdict(config).items() if name not in _OTHER_SETTINGS}
    sizes = [task.frame_samples, task.window_frames, task.hop_frames, ahead_hops, task.seed]
    text = json.dumps([sorted(pool), settings, sizes, code_version()])
    return hashlib.sha256(text.encode()).hexdigest()


def _sources(task: Task) -> Iterator[Source]:
    """Windows of every participant where they are, one participant in memory at a time beside the task's."""
    if task.pretrain_on_self:
        yield released_windows(replace(task, ahead_hops=0), task.train)
    yield from task.others()


@dataclass(frozen=True)
class _State:
    """Where the training stands after an epoch."""

    fin: PaperFin
    moments: list[FloatArray]


def _trained(
    task: Task, functions: FinFunctions, config: PaperConfig, ahead_hops: int, path: Path | None
) -> PaperFin:
    state = _load(path) if path is not None and path.is_file() else None
    if state is not None and _finished(state.fin, config):
        return state.fin
    pool = SinglePool.of(_sources(task), task.frame_samples, Geometry.of(task, ahead_hops))
    if state is None:
        rng = np.random.default_rng([task.seed, 2])
        weights = initial_fins(config, len(FEATURE_NAMES), rng)
        state = _State(PaperFin(weights, pool.feature_scale(rng), 0, ()), [])
    while not _finished(state.fin, config):
        state = _epoch(
            state, pool, functions, config, np.random.default_rng([task.seed, 3, state.fin.epochs])
        )
        if path is not None:
            _save(path, state)
    return state.fin


def _finished(fin: PaperFin, config: PaperConfig) -> bool:
    if fin.epochs >= config.fin_epochs:
        return True
    before = fin.losses[: -config.fin_patience]
    return bool(before) and min(fin.losses[-config.fin_patience :]) >= min(before)


def _epoch(
    state: _State, pool: SinglePool, functions: FinFunctions, config: PaperConfig, rng: np.random.Generator
) -> _State:
    """One pass over every single-channel window, in steps of ``fin_batch``."""
    fin = state.fin
    adam = FinAdam(functions.modules, fin.weights, state.moments)
    order = rng.permutation(len(pool))
    total = 0.0
    for index in np.array_split(order, max(1, round(len(order) / config.fin_batch))):
        signal, features = pool.take(index)
        targets = targets_of(features, fin.scale, config.copies, config.noise, rng)
        every = np.broadcast_to(signal, (len(FEATURE_NAMES), *signal.shape))
        loss, gradients = functions.imitated(adam.weights, every, targets)
        adam.apply(gradients)
        total += loss * len(index)
    losses = (*fin.losses, total / len(order))
    weights, moments = adam.state()
    return _State(replace(fin, weights=weights, epochs=fin.epochs + 1, losses=losses), moments)


def _save(path: Path, state: _State) -> None:
    facts = {"epochs": state.fin.epochs, "losses": state.fin.losses}
    arrays: dict[str, Any] = {"scale": state.fin.scale, "facts": np.array(json.dumps(facts))}
    arrays |= {f"weight_{number:02d}": weight for number, weight in enumerate(state.fin.weights)}
    arrays |= {f"moment_{number:02d}": moment for number, moment in enumerate(state.moments)}
    write_arrays(path, arrays)


def _load(path: Path) -> _State:
    with np.load(path, allow_pickle=False) as arrays:
        facts = json.loads(str(arrays["facts"]))
        named = {
            kind: [arrays[name] for name in sorted(arrays.files) if name.startswith(kind)]
            for kind in ("weight_", "moment_")
        }
        fin = PaperFin(named["weight_"], arrays["scale"], facts["epochs"], tuple(facts["losses"]))
    return _State(fin, named["moment_"])
