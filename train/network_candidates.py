"""The networks as candidates of an evaluation: from a task's windows to the data set that training takes.

The FIN is what costs, and what can be shared: it is pre-trained once for a pool of recordings and a seed,
kept in the task's cache, and used by every method and test subject that pools the same windows. A pool holds
training windows only; the validation windows choose its epoch.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myofin.errors import CheckError, InputError
from myofin.frontend import WINDOW_FRAMES, FrontEnd
from myofin.recordings.model import Recording
from myofin.splits import Split
from myofin.train.candidates import Outcome, Source, Task
from myofin.train.code_limit import features_of_codes
from myofin.train.config import TrainConfig
from myofin.train.dataset import Dataset, Part, Scaling, calibration_codes, fit_front_end
from myofin.train.fin import Fin, pretrain_fin
from myofin.train.fin_cache import kept_fin
from myofin.train.lda_baselines import Statistics, covered_samples, features_at
from myofin.train.methods import FIN_METHODS, METHODS, NetworkRecogniser
from myofin.windows import WindowSet, gather, merged, spread

OTHERS_AT_MOST = 8
QUANTIZED, FROZEN = "default", "frozen-fin"
CODES = "codes"  # in place of a scheme: no network, the closed form of what the codes stand for
_WORKER = "myofin.convert.decide_worker"
_WORKER_TIMEOUT_S = 1_800
_WINDOWS_AT_ONCE = 256


def make(name: str) -> NetworkCandidate:
    """Return one of the networks."""
    return NetworkCandidate(name, TrainConfig())


@dataclass(frozen=True)
class NetworkCandidate:
    """One of ``myofin.train.methods`` with one configuration for all subjects."""

    name: str
    settings: TrainConfig

    @property
    def seeded(self) -> bool:
        """Only LDA on closed-form features has nothing of chance."""
        return self.name != "closed-form-head"

    @property
    def config(self) -> Mapping[str, Any]:
        """Every setting."""
        return {**asdict(self.settings), "quantized": self.name == QUANTIZED}

    def run(self, task: Task) -> Outcome:
        """Train on the task's windows and decide on its test windows, as float32 and where asked quantized.

        Raises:
            InputError: The task wants windows shorter than 300 ms.
        """
        if task.window_frames != WINDOW_FRAMES:
            raise InputError(
                f"The network takes windows of 300 ms, not {task.window_frames * 10} ms.",
                hint="Compare window lengths with the methods lda-four, lda-loghtd and lda-all.",
            )
        settings = replace(self.settings, seed=task.seed)
        settings = FIN_METHODS[self.name](settings) if self.name in FIN_METHODS else settings
        dataset = dataset_of(task, settings)
        fin = pooled_fin(task, dataset, settings) if self.name in FIN_METHODS else None
        recogniser = METHODS[self.name](dataset, settings, task.seed, fin)
        scores: dict[str, NDArray[Any]] = {"float32": recogniser.logits(dataset.test)}
        if not isinstance(recogniser, NetworkRecogniser) or fin is None:
            return Outcome(scores)
        scaling = recogniser.dataset.scaling
        features = {"float32": scaling.restore(recogniser.features(dataset.test))}
        for scheme in self._quantized(task):
            found = quantized_outputs(recogniser, settings, scheme)
            scores[scheme] = found["logits"]
            features[scheme] = scaling.restore(found["features"].reshape(features["float32"].shape))
        if self._imitates_strangers(task) and not settings.dc_shift:
            features[CODES] = features_of_codes(dataset.frontend, dataset.test.codes, scaling.names)
        facts = {**recogniser.facts, "parameters": recogniser.network.parameters}
        return Outcome(scores, features, scaling.names, json.loads(json.dumps(facts, default=float)))

    def _quantized(self, task: Task) -> tuple[str, ...]:
        """It costs a minute: for the network that ships, and for what shows how strangers are imitated."""
        if self._imitates_strangers(task):
            return ("int8", "int16x8")
        return ("int8",) if self.name == QUANTIZED else ()

    def _imitates_strangers(self, task: Task) -> bool:
        """Whether the task is there for what a FIN, as it is, makes of a participant that it never saw."""
        return self.name == FROZEN and not task.pretrain_on_self


def dataset_of(task: Task, config: TrainConfig) -> Dataset:
    """The task's windows as the data set of one recording: several are put one behind the other."""
    sources = (*task.train, *task.validation, task.test)
    recordings = list({id(source.recording): source.recording for source in sources}.values())
    whole = join(recordings)
    lengths = np.cumsum([0, *(len(recording.counts) for recording in recordings)])
    offset = {id(recording): int(at) for recording, at in zip(recordings, lengths[:-1], strict=True)}

    def windows(parts: Iterable[Source], limit: int | None) -> WindowSet:
        moved = [
            replace(part.windows, starts=part.windows.starts + offset[id(part.recording)]) for part in parts
        ]
        found, _ = merged(moved)
        return found if limit is None else spread(found, limit)

    train = windows(task.train, config.max_windows)
    frontend = fit_front_end(covered_samples(whole, train, task.frame_samples), config)

    def part(chosen: WindowSet) -> Part:
        return make_part(whole, frontend, task, chosen, config.features)

    train_part = part(train)
    # Without validation windows the training windows choose: little is chosen, and something has to be.
    validation = windows(task.validation, config.max_test_windows) if task.validation else train
    return Dataset(
        recording=whole,
        frame_samples=task.frame_samples,
        split=Split((), (), ()),
        classes=task.classes,
        frontend=frontend,
        scaling=Scaling.fit(train_part.features, config.features),
        train=train_part,
        validation=part(validation),
        test=part(windows((task.test,), None)),
    )


def make_part(
    recording: Recording, frontend: FrontEnd, task: Task, windows: WindowSet, names: tuple[str, ...]
) -> Part:
    """Codes of the windows, and the features of what is to be imitated: those so many hops ahead."""
    span, ahead = WINDOW_FRAMES * task.frame_samples, task.ahead_hops * task.frame_samples
    statistics = Statistics(frontend.means, frontend.sds)
    future = replace(windows, starts=windows.starts + ahead)
    codes = []
    for first in range(0, len(windows), _WINDOWS_AT_ONCE):
        starts = windows.starts[first : first + _WINDOWS_AT_ONCE]
        codes.append(frontend.encode_windows(gather(recording.counts, starts, span)))
    return Part(
        windows=windows,
        codes=np.concatenate(codes),
        features=features_at(recording, future, statistics, names, task.frame_samples),
        classes=np.searchsorted(np.array(task.classes), windows.labels).astype(np.int64),
    )


def join(recordings: list[Recording]) -> Recording:
    """Put recordings one behind the other; their trials stay apart."""
    if len(recordings) == 1:
        return recordings[0]
    trials, last = [], 0
    for recording in recordings:
        trials.append(recording.trial + np.int32(last))
        last += int(recording.trial[-1]) + 1
    return replace(
        recordings[0],
        counts=np.concatenate([recording.counts for recording in recordings]),
        labels=np.concatenate([recording.labels for recording in recordings]),
        repetitions=np.concatenate([recording.repetitions for recording in recordings]),
        trial=np.concatenate(trials),
        source=" and ".join(recording.source for recording in recordings),
        sha256s={name: sha for recording in recordings for name, sha in recording.sha256s.items()},
    )


def pooled_fin(task: Task, own: Dataset, config: TrainConfig) -> Fin:
    """The FIN of the task's own training windows and those of other participants, cached or trained now.

    Of each other participant the last repetition given chooses, the others train, as in the test subject's
    own split; labels are not used. With ``task.pretrain_on_self`` off, the task's own windows are left out.
    """
    pool = [own] if task.pretrain_on_self else []
    known = set(own.recording.sha256s.values()) if task.pretrain_on_self else set()
    for other in islice(task.others(), OTHERS_AT_MOST):
        if not known >= set(other.recording.sha256s.values()):
            last = int(other.windows.repetitions.max())
            choosing = other.windows.repetitions == last
            parts = [Source(other.recording, other.windows.take(mask)) for mask in (~choosing, choosing)]
            alone = replace(
                task, train=(parts[0],), validation=(parts[1],), test=parts[1], classes=_labels(other)
            )
            pool.append(dataset_of(alone, config))
    if not pool:
        raise InputError(
            "There is nobody to pre-train on.", hint="Give recordings of other participants as well."
        )
    pool.sort(key=lambda dataset: sorted(dataset.recording.sha256s.values()))
    if task.cache is None:
        return pretrain_fin(pool, config)[0]
    return kept_fin(task.cache, pool, config)[0]


def quantized_outputs(
    recogniser: NetworkRecogniser, config: TrainConfig, scheme: str
) -> dict[str, NDArray[np.float32]]:
    """Features and logits of the test windows from the quantized network's C engine, in a child process.

    Raises:
        CheckError: The network could not be converted.
    """

    def save(folder: Path) -> None:
        recogniser.network.save(folder / "saved_model")

    return decided_apart(recogniser.dataset, config, scheme, save)


def decided_apart(
    dataset: Dataset, config: TrainConfig, scheme: str, save: Callable[[Path], None]
) -> dict[str, NDArray[np.float32]]:
    """Features and logits of the test windows from the C engine of what ``save`` leaves in a folder.

    Raises:
        CheckError: It could not be converted.
    """
    with tempfile.TemporaryDirectory(prefix="myofin-evaluate-") as name:
        folder = Path(name)
        save(folder)
        np.savez(folder / "calibration.npz", codes=calibration_codes(dataset, config))
        np.savez(folder / "windows.npz", codes=dataset.test.codes)
        signal = {
            "frontend": dataset.frontend.to_json(),
            "frame_samples": dataset.frame_samples,
            "channels": dataset.recording.channels,
        }
        (folder / "signal.json").write_text(json.dumps(signal), encoding="utf-8")
        command = [sys.executable, "-m", _WORKER, name, scheme]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_WORKER_TIMEOUT_S, check=False)
        if done.returncode != 0 or not (folder / "outputs.npz").is_file():
            said = (done.stdout.strip() or done.stderr.strip() or "no message").splitlines()[-1]
            raise CheckError(
                f"The network could not be run as {scheme}: {said}", hint="Try `myofin convert` on a run."
            )
        with np.load(folder / "outputs.npz", allow_pickle=False) as arrays:
            return {key: arrays[key] for key in ("features", "logits")}


def _labels(source: Source) -> tuple[int, ...]:
    return tuple(int(label) for label in np.unique(source.windows.labels))
