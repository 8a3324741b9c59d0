"""What is wrong with a recording: facts as findings, and the refusal to train on a bad one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.signal

from myofin.errors import RecordingError
from myofin.frontend import FRAMES_PER_SECOND, WINDOW_FRAMES
from myofin.recordings.load import is_recording, list_subjects, load_recording
from myofin.recordings.model import REST, Finding, Recording

_ENVELOPE_BELOW_HZ = 20.0
_ENVELOPE_POWER = 0.9
_SATURATED_SHARE = 0.001
_WEAK_COUNTS = 1.0


def check_path(path: Path, subject: str | int | None = None) -> list[Finding]:
    """Check the recordings at a path (one subject's, or all); a file that cannot be read is an error finding.

    Raises:
        RecordingError: There is no recording at the path.
    """
    subjects: list[str | int] = [*list_subjects(path)] if subject is None else [subject]
    findings = []
    for one in subjects:
        try:
            recording = load_recording(path, None if is_recording(Path(path)) else one)
        except RecordingError as error:
            findings.append(Finding("error", error.message, error.hint))
        else:
            findings += check_recording(recording)
    return findings


def check_recording(recording: Recording) -> list[Finding]:
    """Return the reader's findings and those of the signal and its labels, errors first."""
    findings = [
        *recording.findings,
        *_signal_findings(recording),
        *_envelope_findings(recording),
        *_label_findings(recording),
    ]
    return sorted(findings, key=lambda finding: ("error", "warning", "info").index(finding.severity))


def check_trainable(recording: Recording) -> None:
    """Refuse a recording with an error finding: NaN, a dead channel, clipping, an envelope, no labels.

    Raises:
        RecordingError: With the first error's sentence and hint.
    """
    errors = [finding for finding in check_recording(recording) if finding.severity == "error"]
    if errors:
        more = f" ({len(errors) - 1} more: myofin data check)" if len(errors) > 1 else ""
        raise RecordingError(f"{recording.source}: {errors[0].sentence}{more}", hint=errors[0].hint)


def load_trainable(path: Path, subject: str | int | None = None) -> Recording:
    """Read a recording as ``load_recording`` does, and refuse it if it cannot be trained on.

    Raises:
        RecordingError: As ``load_recording`` and ``check_trainable``.
    """
    recording = load_recording(path, subject)
    check_trainable(recording)
    return recording


def _signal_findings(recording: Recording) -> list[Finding]:
    counts = recording.counts
    findings = []
    if counts.shape[0] == 0:
        return [Finding("error", "The recording has no samples.", "Record it again.")]
    if recording.rate_hz % FRAMES_PER_SECOND:
        sentence = f"A rate of {recording.rate_hz} Hz does not give whole samples in a frame of 10 ms."
        findings.append(Finding("error", sentence, "Resample it to a multiple of 100 Hz."))
    lowest, highest = counts.min(axis=0), counts.max(axis=0)
    for channel in range(recording.channels):
        signal = counts[:, channel]
        low, high = int(lowest[channel]), int(highest[channel])
        if low == high:
            sentence = f"Channel {channel} is dead: every sample is {low}."
            findings.append(Finding("error", sentence, "Check the electrode, or leave that channel out."))
            continue
        if float(signal.std()) < _WEAK_COUNTS:
            sentence = f"Channel {channel} is weak: its standard deviation is {signal.std():.2f} counts."
            findings.append(Finding("warning", sentence, "Check the electrode and the scale."))
        railed = float(np.mean((signal == low) | (signal == high)))
        if low < 0 < high and high - low > 8 and railed > _SATURATED_SHARE:
            sentence = f"Channel {channel} sits at its extremes ({low}, {high}) for {railed:.1%} of the time."
            findings.append(Finding("warning", sentence, "The amplifier saturates: lower its gain."))
    return findings


def _envelope_findings(recording: Recording) -> list[Finding]:
    counts = recording.counts
    if counts.shape[0] < recording.rate_hz or counts.min() < 0:
        return []
    low = low_frequency_share(counts, recording.rate_hz)
    if low < _ENVELOPE_POWER:
        return []
    return [
        Finding(
            "error",
            f"This is a rectified envelope, not raw sEMG: no sample is negative and {low:.0%} of the power is"
            f" below {_ENVELOPE_BELOW_HZ:.0f} Hz.",
            "Use a raw recording, such as Ninapro DB2 or DB5: the features and the sign need it.",
        )
    ]


def low_frequency_share(counts: npt.NDArray[np.int16], rate_hz: int) -> float:
    """Share of the power below 20 Hz, without the mean, over all channels: 0..1."""
    length = min(counts.shape[0], 2 * rate_hz)
    frequency, power = scipy.signal.welch(
        counts.astype(np.float64), fs=rate_hz, nperseg=length, axis=0, detrend="constant"
    )
    total = float(power.sum())
    return float(power[frequency < _ENVELOPE_BELOW_HZ].sum()) / total if total > 0 else 0.0


def _label_findings(recording: Recording) -> list[Finding]:
    classes = recording.classes()
    findings = []
    if len(classes) < 2:
        sentence = f"There are {len(classes)} movements; recognition needs at least two."
        findings.append(Finding("error", sentence, "Give a recording with labelled movements."))
    window_s = WINDOW_FRAMES / FRAMES_PER_SECOND
    short, seen = 0, {label: set[int]() for label in classes}
    for trial in recording.trials():
        label = int(recording.labels[trial.start])
        if label == REST:
            continue
        seen[label].add(int(recording.repetitions[trial.start]))
        short += (trial.stop - trial.start) / recording.rate_hz < window_s
    if short:
        sentence = f"{short} trials are shorter than a window of {window_s * 1000:.0f} ms and give none."
        findings.append(Finding("warning", sentence, "Record longer trials."))
    every = set(recording.repetitions_present())
    for label, numbers in seen.items():
        if lacking := every - numbers:
            sentence = f"Movement {label} lacks repetition {', '.join(map(str, sorted(lacking)))}."
            findings.append(Finding("warning", sentence, "Training and test then have fewer windows of it."))
    return findings
