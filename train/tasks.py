"""From a job to a task: reads the recordings that a job names and cuts their windows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from myofin.errors import RecordingError
from myofin.frontend import WINDOW_FRAMES, frame_samples_of
from myofin.recordings.check import load_trainable
from myofin.recordings.model import NO_REPETITION, REST, Recording, runs_of
from myofin.recordings.npz import CLASS_NAMES_3DC
from myofin.splits import default_split
from myofin.train.candidates import Source, Task
from myofin.train.protocols import HOP_FRAMES, Job, Subject, Use
from myofin.windows import WindowSet, cut_windows

# Rest fills a third of a Ninapro recording; as one class among many it teaches as much as another would.
_REST_AS_MANY_AS = 2


def dataset_of(recording: Recording) -> str:
    """Name of the data set in results."""
    return "3dc" if recording.class_names is CLASS_NAMES_3DC else recording.dataset


def describe(path: Path | str) -> Subject:
    """Say what a protocol needs to know of the subject of a file.

    Raises:
        RecordingError: The recording cannot be trained on.
    """
    recording = load_trainable(Path(path))
    split = default_split(recording.dataset, recording.repetitions_present())
    return Subject(str(path), dataset_of(recording), recording.subject, split)


def load_use(use: Use) -> Recording:
    """Read the recording of a use."""
    return load_trainable(Path(use.path))


def make_task(
    job: Job, load: Callable[[Use], Recording] = load_use, cache: Path | None = None
) -> tuple[Task, dict[str, str]]:
    """Read and cut what a job needs; return it with the SHA-256 of each file read.

    Raises:
        RecordingError: The recordings do not fit together, or a movement has no window for a use.
    """
    held: dict[tuple[str, str], Recording] = {}

    def recording_of(use: Use) -> Recording:
        return held.setdefault((use.path, use.subject), load(use))

    test_recording = recording_of(job.test)
    classes = ((REST,) if job.rest else ()) + test_recording.classes()
    frame_samples = frame_samples_of(test_recording.rate_hz)

    def sources(uses: tuple[Use, ...], name: str, share: float = 1.0) -> tuple[Source, ...]:
        found = []
        for use in uses:
            recording = recording_of(use)
            _check_alike(test_recording, recording)
            if job.rest and name == "test":
                windows = stream_windows(recording, use.repetitions, frame_samples, job.hop_frames)
            else:
                windows = _windows(recording, use, job, frame_samples, classes, share)
            found.append(Source(recording, windows))
        if found:
            _check_classes(found, classes, name)
        return tuple(found)

    def other(use: Use) -> Iterator[Source]:
        recording = load(use)
        if (recording.rate_hz, recording.channels) == (test_recording.rate_hz, test_recording.channels):
            windows = cut_windows(
                recording,
                frame_samples=frame_samples,
                hop_frames=job.hop_frames,
                repetitions=use.repetitions,
            )
            yield Source(recording, windows)

    def others() -> Iterator[Source]:
        for use in job.others:
            yield from other(use)  # its recording goes before the next one comes

    train = sources(job.train, "training", job.share)
    task = Task(
        classes=classes,
        frame_samples=frame_samples,
        train=train,
        validation=sources(job.validation, "validation"),
        test=sources((job.test,), "test")[0],
        others=others,
        seed=job.seed,
        window_frames=job.window_frames,
        ahead_hops=job.ahead_hops,
        cache=cache,
        pretrain_on_self=job.pretrain_on_self,
        hop_frames=job.hop_frames,
        others_uses=job.others,
    )
    return task, {name: sha for recording in held.values() for name, sha in recording.sha256s.items()}


def _windows(
    recording: Recording,
    use: Use,
    job: Job,
    frame_samples: int,
    classes: tuple[int, ...],
    share: float,
) -> WindowSet:
    windows = cut_windows(
        recording,
        frame_samples=frame_samples,
        hop_frames=job.hop_frames,
        repetitions=use.repetitions,
        include_rest=job.rest,
    )
    windows = windows.take(np.isin(windows.labels, classes))
    if share < 1.0:
        windows = begin_of_trials(recording, windows, share)
    if job.ahead_hops:
        windows = before(recording, windows, job.ahead_hops * frame_samples, frame_samples)
    return _fewer_rests(windows) if job.rest else windows


def begin_of_trials(recording: Recording, windows: WindowSet, share: float) -> WindowSet:
    """Keep the windows that begin in the first ``share`` of those of their trial, at least one of each."""
    trial = recording.trial[windows.starts]
    kept = np.zeros(len(windows), dtype=bool)
    for run in runs_of(trial):
        kept[run.start : run.start + max(1, round(share * (run.stop - run.start)))] = True
    return windows.take(kept)


def before(recording: Recording, windows: WindowSet, samples: int, frame_samples: int) -> WindowSet:
    """Windows that begin so many samples earlier and keep their labels, where the signal is one.

    In a continuous recording the earlier window may lie in the rest before a movement: that is what being
    ahead means. Where trials were recorded one by one, it has to lie within its trial.
    """
    starts = windows.starts - samples
    kept = starts >= 0
    if recording.dataset == "npz_trials":
        kept &= recording.trial[np.maximum(starts, 0)] == recording.trial[windows.starts]
    kept_windows = windows.take(kept)
    return replace(kept_windows, starts=starts[kept])


def stream_windows(
    recording: Recording, repetitions: tuple[int, ...], frame_samples: int, hop_frames: int = HOP_FRAMES
) -> WindowSet:
    """Windows as a worn board sees them: one a hop, through onsets, labelled by what is done at their end.

    They go through each movement of the repetitions and the rest that follows it. The first of a movement
    reach back into the rest before it, whatever repetition that rest is counted to.

    Raises:
        RecordingError: The recording is trials without the rest between them.
    """
    if recording.dataset == "npz_trials" or not (recording.labels == REST).any():
        raise RecordingError(
            f"{recording.source} holds single trials without rest: it is no stream.",
            hint="Leave --rest out, or give continuous recordings such as Ninapro's.",
        )
    span, hop = WINDOW_FRAMES * frame_samples, hop_frames * frame_samples
    starts, labels, numbers = [], [], []
    repetition = NO_REPETITION
    for trial in recording.trials():
        label = int(recording.labels[trial.start])
        if label != REST:
            repetition = int(recording.repetitions[trial.start])
        if repetition in repetitions:
            found = np.arange(trial.start + hop, trial.stop + 1, hop) - span
            found = found[found >= 0]
            starts.append(found)
            labels.append(np.full(len(found), label, dtype=np.int16))
            numbers.append(np.full(len(found), repetition, dtype=np.int16))
    return WindowSet(np.concatenate(starts), np.concatenate(labels), np.concatenate(numbers))


def _fewer_rests(windows: WindowSet) -> WindowSet:
    """Thin rest evenly to twice as many windows as the movement that has most."""
    resting = np.flatnonzero(windows.labels == REST)
    moving = windows.labels[windows.labels != REST]
    most = _REST_AS_MANY_AS * int(np.bincount(moving).max()) if len(moving) else len(resting)
    kept = np.ones(len(windows), dtype=bool)
    if len(resting) > most:
        kept[resting] = False
        kept[resting[np.linspace(0, len(resting) - 1, most).astype(int)]] = True
    return windows.take(kept)


def _check_alike(one: Recording, other: Recording) -> None:
    if (one.rate_hz, one.channels) != (other.rate_hz, other.channels):
        raise RecordingError(
            f"{one.source} has {one.channels} channels at {one.rate_hz} Hz, {other.source} has"
            f" {other.channels} at {other.rate_hz} Hz.",
            hint="Evaluate recordings of one kind together.",
        )


def _check_classes(sources: list[Source], classes: tuple[int, ...], use: str) -> None:
    present = {int(label) for source in sources for label in np.unique(source.windows.labels)}
    lacking = [label for label in classes if label not in present]
    if lacking:
        names = ", ".join(source.recording.source for source in sources)
        raise RecordingError(
            f"{names}: movement {lacking[0]} has no {use} window of {WINDOW_FRAMES * 10} ms.",
            hint="Record every movement in every repetition, or leave the incomplete movements out.",
        )
