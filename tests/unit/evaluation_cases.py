"""Small recordings of two subjects, and jobs on them, that the tests of the evaluation share."""

from pathlib import Path

from myofin.recordings.synthetic import SyntheticConfig, write_synthetic
from myofin.train.evaluate import find_subjects
from myofin.train.protocols import Job, Plan, make_jobs

LDA = ("lda-four", "lda-loghtd", "lda-all")


def write_subjects(folder: Path, subjects: int = 2) -> Path:
    for subject in range(1, subjects + 1):
        shape = SyntheticConfig(
            subject=subject, channels=3, rate_hz=200, movements=3, movement_s=0.8, rest_s=0.5, seed=subject
        )
        write_synthetic(folder / f"s{subject}.npz", shape)
    return folder


def jobs_on(
    folder: Path, protocol: str = "within", methods: tuple[str, ...] = LDA, **plan: object
) -> list[Job]:
    found = find_subjects([folder])
    return make_jobs(protocol, Plan(found, methods, (0,), **plan))  # type: ignore[arg-type]
