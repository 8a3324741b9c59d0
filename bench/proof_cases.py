"""The models and recordings of the proofs: networks trained here on real recordings, and the random fixtures.

Training uses the command line, since TensorFlow must not share a process with the TFLite runtime.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from proof_counts import FIXTURES, Settings, fixture_channels

from myofin.convert.bundle import read_bundle
from myofin.convert.codegen import generate_c
from myofin.convert.flatbuffer import read_model
from myofin.convert.schema import SCHEMES
from myofin.errors import CheckError
from myofin.frontend import WINDOW_FRAMES, FrontEnd
from myofin.recordings.load import load_recording
from myofin.recordings.model import Recording
from myofin.recordings.synthetic import SyntheticConfig, write_synthetic
from myofin.windows import cut_windows

EPOCHS = 2  # enough for gates and cells to work in their real ranges, which is all that the proofs need
# Name, file below the data folder, subject, and the recording that stands in where there is no data folder.
SOURCES = (
    ("3dc", "3dc", "7", SyntheticConfig(channels=10, rate_hz=1000, movements=11, repetitions=8)),
    ("db5", "ninapro_db5", "1", SyntheticConfig(channels=16, rate_hz=200, movements=12)),
)


@dataclass(frozen=True)
class Case:
    """A model with a recording for it: ``counts`` int16 ``[n, channels]``, the rate's own samples a frame."""

    name: str
    scheme: str
    model: bytes
    front: FrontEnd
    recording: Recording

    @property
    def counts(self) -> NDArray[np.int16]:
        """The channels of the recording that the model takes."""
        return self.recording.counts[:, : self.front.channels]

    @property
    def frame_samples(self) -> int:
        """Samples of one channel in a frame of the model."""
        graph = read_model(self.model)
        return int(graph.tensors[graph.inputs[0]].shape[2]) // self.front.channels

    @property
    def window_samples(self) -> int:
        """Samples of one channel in a window."""
        return WINDOW_FRAMES * self.frame_samples

    def starts(self, count: int) -> NDArray[np.int64]:
        """First samples of at most so many windows, evenly spaced over the hops of all trials, rest too."""
        found = cut_windows(self.recording, frame_samples=self.frame_samples, include_rest=True).starts
        return found[np.arange(min(count, len(found))) * len(found) // min(count, len(found))]

    def windows(self, count: int) -> NDArray[np.int16]:
        """Those windows as counts, int16 ``[w, window_samples, channels]``."""
        return np.stack([self.counts[at : at + self.window_samples] for at in self.starts(count)])

    def generate(self, folder: Path, *, sliding: bool | None = None) -> Path:
        """Write the model's C to a folder and return it."""
        shape = {"frame_samples": self.frame_samples, "channels": self.front.channels}
        generate_c(self.model, self.front.to_json(), folder, sliding=sliding, **shape)
        return folder


def recording_of(settings: Settings, name: str) -> tuple[Path, str | None]:
    """Path and subject of a real recording, or of a generated one where the data folder is absent."""
    _, below, subject, stand_in = next(source for source in SOURCES if source[0] == name)
    if (settings.data / below).is_dir():
        return settings.data / below, subject
    path = settings.models / f"{name}.npz"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        stand_in = replace(stand_in, movement_s=0.8, rest_s=0.3) if settings.small else stand_in
        write_synthetic(path, stand_in)
    return path, None


def origin(settings: Settings) -> str:
    """What the recordings are, for the notes."""
    absent = [name for name, below, _, _ in SOURCES if not (settings.data / below).is_dir()]
    if absent:
        return f"GENERATED recordings in place of {', '.join(absent)}: the real ones are not here"
    return "real recordings: " + " and ".join(f"{name} subject {subject}" for name, _, subject, _ in SOURCES)


def trained_case(settings: Settings, name: str, scheme: str, *arguments: str) -> Case:
    """Train on a recording (once for all schemes), convert, and return the model with that recording."""
    path, subject = recording_of(settings, name)
    run = settings.models / "-".join([name, *arguments, "run"]).replace("--", "")
    bundle = run.with_name(f"{run.name}-{scheme}")
    if not run.is_dir():
        chosen = () if subject is None else ("--subject", subject)
        epochs = ("--epochs", str(EPOCHS))
        _myofin("train", "--data", str(path), *chosen, "--out", str(run), *epochs, *arguments)
    if not bundle.is_dir():
        _myofin("convert", str(run), "--scheme", scheme, "--out", str(bundle))
    found = read_bundle(bundle)
    return Case(f"{name} {scheme}", scheme, found.model(), found.frontend, load_recording(path, subject))


def _myofin(*arguments: str) -> None:
    command = [sys.executable, "-m", "myofin", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CheckError(f"myofin {arguments[0]}: {done.stderr.strip()[-300:]}", hint="Run it by hand.")


def fixture_case(settings: Settings, fixture: str, name: str = "3dc") -> Case:
    """A committed model with random weights, on the first channels of a recording."""
    model = (FIXTURES / f"{fixture}.tflite").read_bytes()
    channels = fixture_channels(fixture)
    path, subject = recording_of(settings, name)
    recording = load_recording(path, subject)
    front = FrontEnd.fit(recording.counts[:, :channels])
    return Case(fixture, scheme_of(model), model, front, recording)


def scheme_of(model: bytes) -> str:
    """The scheme of a model, told by the type of its input."""
    graph = read_model(model)
    schemes = {"float32": "float32", "int8": "int8", "int16": "int16x8"}
    return schemes[graph.tensors[graph.inputs[0]].dtype]


def trained_cases(settings: Settings) -> list[Case]:
    """Every scheme on every recording."""
    return [trained_case(settings, name, scheme) for name, *_ in SOURCES for scheme in SCHEMES]
