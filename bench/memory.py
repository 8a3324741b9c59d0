"""Peak memory of an evaluation on generated files of Ninapro DB2's shape, subject after subject.

    python bench/memory.py --subjects 3 --minutes 15

Files of 12 channels at 2 kHz with labels of 17 movements x 6 repetitions are written as ``.mat`` into a
temporary folder; an LDA is evaluated within each subject, and the peak resident memory of the process is read
after each. A job holds the recordings that it names and nothing of another job, so the peak must not grow
with the subjects: 40 need what 2 need. Exit code 1 where it passes 4 GB, or grows by a tenth after the
second.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
from pathlib import Path

import numpy as np
import scipy.io

from myofin.train.evaluate import evaluate, find_subjects
from myofin.train.protocols import Plan, make_jobs

CHANNELS, RATE_HZ, MOVEMENTS, REPETITIONS = 12, 2000, 17, 6
LIMIT_MB, GROWTH = 4096.0, 1.1


def write_subject(folder: Path, subject: int, minutes: float) -> None:
    """Write one subject: noise whose level differs between movements and channels; float64, as Ninapro's."""
    samples = int(minutes * 60 * RATE_HZ)
    part = samples // (2 * MOVEMENTS * REPETITIONS)
    number = np.minimum(np.arange(samples) // part, 2 * MOVEMENTS * REPETITIONS - 1)
    active, index = number % 2 == 1, number // 2
    rng = np.random.default_rng(subject)
    level = rng.uniform(1, 5, (MOVEMENTS, CHANNELS)) * 1e-5
    emg = rng.standard_normal((samples, CHANNELS)) * level[index // REPETITIONS]
    labels = np.where(active, index // REPETITIONS + 1, 0).astype(np.uint8)[:, None]
    repetitions = np.where(active, index % REPETITIONS + 1, 0).astype(np.uint8)[:, None]
    content = {"emg": emg, "restimulus": labels, "rerepetition": repetitions}
    scipy.io.savemat(folder / f"S{subject}_E1_A1.mat", content)


def main() -> int:
    """Generate, evaluate each subject, and print the peak after each."""
    parser = argparse.ArgumentParser(description="Peak memory of an evaluation on files of DB2's shape.")
    parser.add_argument("--subjects", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=15.0)
    chosen = parser.parse_args()
    peaks: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for subject in range(1, chosen.subjects + 1):
            write_in_child(folder, subject, chosen.minutes)
            (found,) = find_subjects([folder / f"S{subject}_E1_A1.mat"])
            evaluate(make_jobs("within", Plan((found,), ("lda-all",), (0,))), folder / "work")
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
            size = (folder / f"S{subject}_E1_A1.mat").stat().st_size / 1e6
            sys.stdout.write(f"subject {subject}: file {size:.0f} MB, peak {peaks[-1]:.0f} MB\n")
            (folder / f"S{subject}_E1_A1.mat").unlink()
    grows = len(peaks) > 2 and peaks[-1] > GROWTH * peaks[1]
    return 1 if max(peaks) > LIMIT_MB or grows else 0


def write_in_child(folder: Path, subject: int, minutes: float) -> None:
    """Write in a process of its own, so that generating is no part of the peak."""
    from multiprocessing import get_context

    child = get_context("spawn").Process(target=write_subject, args=(folder, subject, minutes))
    child.start()
    child.join()
    if child.exitcode:
        raise SystemExit(f"error: subject {subject} could not be written\n  fix: free space in TMPDIR")


if __name__ == "__main__":
    sys.exit(main())
