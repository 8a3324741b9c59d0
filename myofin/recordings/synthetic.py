"""Synthetic, physiologically plausible multi-channel sEMG, laid out like a Ninapro recording.

Muscles lie around the forearm and each gives an interference signal: Gaussian noise in the spectrum of
Stulen and De Luca (1981, IEEE Trans Biomed Eng 28(7):515-523), modulated by how strongly the movement asks
for that muscle. Electrodes lie in a ring and see near muscles more than far ones, so neighbours share signal
(crosstalk). A subject turns the ring, sets gains and muscle strengths; a repetition varies effort, synergy
and timing. Tonic activity, sensor noise, mains and an offset are added; the counts are those of a 16-bit
amplifier with 11 mV range (168 nV a count).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.fft
import scipy.signal

from myofin.errors import InputError
from myofin.frontend import frame_samples_of
from myofin.progress import Progress, silent
from myofin.recordings.model import NO_REPETITION, REST, Recording, runs_of, trials_of
from myofin.recordings.npz import write_continuous

FloatArray = npt.NDArray[np.float64]

_COUNTS_PER_UV = 1e-6 / 168e-9
_ENVELOPE_HZ = 100

# Difficulty. Tuned so that LDA on the four log features, within subject, test repetitions 2 and 5, is right
# for 80 to 92 % of windows, as on real forearm recordings.
_PRIME_MOVERS = (2, 5)  # muscles that lead a movement, from and below
_COCONTRACTION = 0.12  # activity of the other muscles, relative to a prime mover
_EFFORT_SD = 0.25  # ln, of a whole repetition
_SYNERGY_SD = 0.42  # ln, of one muscle in one repetition
_WANDER_SD = 0.38  # ln, of one muscle within a repetition, 0.2 to 2 Hz
_DRIFT_SD = 0.08  # ln, of one electrode's contact over the session
_DRIFT_MEMORY = 0.95  # of that contact, from one trial to the next
_CROSSTALK = 2.0  # concentration of an electrode's view around the ring; lower mixes more
_RING_TURN_SD_RAD = 0.20
_MVC_UV = 90.0  # rms of a fully active muscle under its electrode
_TONIC = 0.02
_NOISE_UV = 4.0
_MAINS_UV = 2.0


@dataclass(frozen=True)
class SyntheticConfig:
    """What to generate; equal settings give equal recordings, to the last bit.

    Movements are the same for all subjects of one seed; the subject sets anatomy and all chance within it.
    """

    channels: int = 12
    rate_hz: int = 2000
    movements: int = 17
    repetitions: int = 6
    movement_s: float = 5.0
    rest_s: float = 3.0
    seed: int = 0
    subject: int = 1

    def __post_init__(self) -> None:
        frame_samples_of(self.rate_hz)
        limits = {
            "channels": (self.channels, 1, 64),
            "rate_hz": (self.rate_hz, 200, 10_000),
            "movements": (self.movements, 2, 100),
            "repetitions": (self.repetitions, 1, 100),
            "movement_s": (self.movement_s, 0.5, 60),
            "rest_s": (self.rest_s, 0.1, 60),
            "seed": (self.seed, 0, 2**31 - 1),
            "subject": (self.subject, 0, 100_000),
        }
        for name, (value, lowest, highest) in limits.items():
            if not lowest <= value <= highest:
                raise InputError(f"{name} is {value}.", hint=f"Give {name} from {lowest} to {highest}.")


@dataclass(frozen=True)
class _Anatomy:
    """One subject: activation [movements+1, muscles] (row 0 is rest) and view [muscles, channels] in µV."""

    activation: FloatArray
    view: FloatArray
    cutoffs_hz: FloatArray


def generate(config: SyntheticConfig, progress: Progress = silent) -> Recording:
    """Generate a recording: for each movement its repetitions, each followed by rest; it starts with rest.

    Returns:
        int16 counts [n, channels], labels 1..movements (0 rest), repetitions 1.. (-1 at rest).
    """
    rng = np.random.default_rng([config.seed, config.subject, 1])
    anatomy = _anatomy(config)
    labels, repetitions = _protocol(config)
    trial = trials_of(labels, repetitions)
    envelopes = _envelopes(config, anatomy, labels, list(runs_of(trial)), rng)
    samples, muscles = len(labels), anatomy.view.shape[0]
    times = np.arange(samples) / config.rate_hz
    knots = np.arange(envelopes.shape[0]) / _ENVELOPE_HZ
    signal = np.zeros((samples, config.channels), dtype=np.float32)
    for muscle in range(muscles):
        source = _interference(samples, config.rate_hz, float(anatomy.cutoffs_hz[muscle]), rng)
        source *= np.interp(times, knots, envelopes[:, muscle]).astype(np.float32)
        signal += source[:, None] * anatomy.view[muscle].astype(np.float32)
        progress("synthesise", muscle + 1, muscles)
    _drift_and_noise(config, signal, trial, rng)
    counts = np.clip(np.rint(signal * np.float32(_COUNTS_PER_UV)), -32768, 32767).astype(np.int16)
    return Recording(
        counts=counts,
        rate_hz=config.rate_hz,
        labels=labels,
        repetitions=repetitions,
        trial=trial,
        subject=str(config.subject),
        source=f"synthetic (seed {config.seed}, subject {config.subject})",
        dataset="synthetic",
        counts_per_unit=1 / 168e-9,
        unit="V",
    )


def write_synthetic(path: Path, config: SyntheticConfig, progress: Progress = silent) -> Recording:
    """Generate a recording and write it as one ``.npz``; the file appears when it is complete."""
    recording = generate(config, progress)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_continuous(
        path, recording, json.dumps({"generator": "myofin.recordings.synthetic", **asdict(config)})
    )
    return recording


def _anatomy(config: SyntheticConfig) -> _Anatomy:
    muscles = config.channels
    hand = np.random.default_rng([config.seed, 0])  # what every hand has in common
    activation = np.full((config.movements + 1, muscles), _TONIC)
    for movement in range(1, config.movements + 1):
        movers = hand.choice(muscles, size=min(muscles, int(hand.integers(*_PRIME_MOVERS))), replace=False)
        activation[movement] = _COCONTRACTION * hand.gamma(2.0, 0.5, size=muscles)
        activation[movement, movers] = hand.uniform(0.35, 1.0, size=len(movers))
    own = np.random.default_rng([config.seed, config.subject])
    activation[1:] *= np.exp(own.normal(0.0, 0.25, size=activation[1:].shape))
    turn = own.normal(0.0, _RING_TURN_SD_RAD)
    at = 2 * np.pi * np.arange(muscles) / muscles + own.normal(0.0, 0.10, size=muscles)
    electrodes = 2 * np.pi * np.arange(config.channels) / config.channels + turn
    nearness = np.exp(_CROSSTALK * (np.cos(electrodes[None, :] - at[:, None]) - 1.0))
    strengths = np.exp(own.normal(0.0, 0.35, size=(muscles, 1)))
    gains = np.exp(own.normal(0.0, 0.20, size=(1, config.channels)))
    cutoffs = own.uniform(95.0, 150.0, size=muscles)
    return _Anatomy(activation, _MVC_UV * strengths * gains * nearness, cutoffs)


def _protocol(config: SyntheticConfig) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int16]]:
    moving, resting = round(config.movement_s * config.rate_hz), round(config.rest_s * config.rate_hz)
    labels, repetitions = [np.full(resting, REST)], [np.full(resting, NO_REPETITION)]
    for movement in range(1, config.movements + 1):
        for repetition in range(1, config.repetitions + 1):
            labels += [np.full(moving, movement), np.full(resting, REST)]
            repetitions += [np.full(moving, repetition), np.full(resting, NO_REPETITION)]
    return np.concatenate(labels).astype(np.int16), np.concatenate(repetitions).astype(np.int16)


def _envelopes(
    config: SyntheticConfig,
    anatomy: _Anatomy,
    labels: npt.NDArray[np.int16],
    trials: list[slice],
    rng: np.random.Generator,
) -> FloatArray:
    """Activity of each muscle at 100 Hz: float[knots, muscles], with ramps, variability and wander."""
    muscles = anatomy.activation.shape[1]
    knots = -(-len(labels) * _ENVELOPE_HZ // config.rate_hz) + 1
    envelopes = np.full((knots, muscles), _TONIC)
    times = np.arange(knots) / _ENVELOPE_HZ
    for trial in trials:
        label = int(labels[trial.start])
        if label == REST:
            continue
        onset = trial.start / config.rate_hz + rng.uniform(0.0, 0.06) * config.movement_s
        offset = trial.stop / config.rate_hz + rng.normal(0.0, 0.03) * config.movement_s
        rise, fall = rng.uniform(0.05, 0.15, size=2) * min(config.movement_s, 3.0)
        shape = _ramp((times - onset) / rise) * _ramp((offset - times) / fall)
        effort = np.exp(rng.normal(0.0, _EFFORT_SD) + rng.normal(0.0, _SYNERGY_SD, size=muscles))
        envelopes += shape[:, None] * anatomy.activation[label] * effort
    wander = _slow_noise(knots, muscles, rng)
    return np.asarray(envelopes * np.exp(_WANDER_SD * wander))


def _ramp(x: FloatArray) -> FloatArray:
    clipped = np.clip(x, 0.0, 1.0)
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * clipped))


def _slow_noise(knots: int, muscles: int, rng: np.random.Generator) -> FloatArray:
    size = scipy.fft.next_fast_len(knots)
    spectrum = scipy.fft.rfft(rng.standard_normal((size, muscles)), axis=0)
    frequency = scipy.fft.rfftfreq(size, 1 / _ENVELOPE_HZ)
    spectrum[(frequency < 0.2) | (frequency > 2.0)] = 0
    noise = scipy.fft.irfft(spectrum, n=size, axis=0)[:knots]
    return np.asarray(noise / noise.std(axis=0))


def _interference(
    samples: int, rate_hz: int, high_hz: float, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Unit-variance noise in the Stulen-De Luca spectrum, band-limited to 20-450 Hz: float32[samples]."""
    size = scipy.fft.next_fast_len(samples)
    frequency = scipy.fft.rfftfreq(size, 1 / rate_hz)
    low_hz = 60.0
    # Power density k fh^4 f^2 / ((f^2 + fl^2)(f^2 + fh^2)^2); its root is the amplitude.
    gain = frequency / (np.sqrt(frequency**2 + low_hz**2) * (frequency**2 + high_hz**2))
    gain[(frequency < 20.0) | (frequency > 450.0)] = 0
    spectrum = scipy.fft.rfft(rng.standard_normal(size, dtype=np.float32))
    source = scipy.fft.irfft(spectrum * gain.astype(np.float32), n=size)[:samples]
    return np.asarray(source / source.std(), dtype=np.float32)


def _drift_and_noise(
    config: SyntheticConfig,
    signal: npt.NDArray[np.float32],
    trial: npt.NDArray[np.int32],
    rng: np.random.Generator,
) -> None:
    """Add, in place and in µV, what the electrodes do: contact drift, noise, mains and an offset."""
    innovation = rng.normal(0.0, _DRIFT_SD, size=(int(trial[-1]) + 1, config.channels))
    scale = np.sqrt(1 - _DRIFT_MEMORY**2)
    contact = scipy.signal.lfilter([scale], [1.0, -_DRIFT_MEMORY], innovation, axis=0)
    signal *= np.exp(contact).astype(np.float32)[trial]
    mains = np.sin(2 * np.pi * 50.0 * np.arange(len(signal)) / config.rate_hz).astype(np.float32)
    signal += mains[:, None] * (_MAINS_UV * rng.uniform(0.5, 1.5, size=config.channels)).astype(np.float32)
    signal += rng.uniform(-5.0, 5.0, size=config.channels).astype(np.float32)
    for channel in range(config.channels):
        signal[:, channel] += np.float32(_NOISE_UV) * rng.standard_normal(len(signal), dtype=np.float32)
