"""Recordings: readers of sEMG files, a generator of synthetic ones, and the checks on both."""

from myofin.recordings.check import check_path, check_recording, check_trainable, load_trainable
from myofin.recordings.load import list_subjects, load_recording
from myofin.recordings.model import NO_REPETITION, REST, Finding, Recording
from myofin.recordings.synthetic import SyntheticConfig, generate

__all__ = [
    "NO_REPETITION",
    "REST",
    "Finding",
    "Recording",
    "SyntheticConfig",
    "check_path",
    "check_recording",
    "check_trainable",
    "generate",
    "list_subjects",
    "load_recording",
    "load_trainable",
]
