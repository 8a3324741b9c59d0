"""Tiny files of Ninapro DB2's layout, and the paper's jobs on them with small windows and few of them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from recording_cases import ninapro_content, write_mat

from myofin.train.evaluate import find_subjects
from myofin.train.protocols import Job, Plan, make_jobs

HOP_FRAMES, WINDOW_FRAMES = 15, 2
TRIAL_SAMPLES = 1_200  # three windows of 300 ms, one of which has another 300 ms later in the trial


def write_db2(folder: Path, subjects: tuple[int, ...] = (1, 26)) -> Path:
    """A movement is a level: there is something to learn."""
    folder.mkdir(parents=True, exist_ok=True)
    for subject in subjects:
        content = ninapro_content(12, samples=36 * TRIAL_SAMPLES, scale=2e-5)
        noise = np.random.default_rng(subject).normal(0, 2e-5, content["emg"].shape)
        content["emg"] = (noise * (1 + content["restimulus"])).astype(np.float32)
        write_mat(folder / f"S{subject}_E1_A1.mat", content)
    return folder


def paper_jobs(folder: Path, methods: tuple[str, ...], seeds: tuple[int, ...] = (0,)) -> list[Job]:
    jobs = make_jobs("paper", Plan(find_subjects([folder]), methods, seeds))
    return [replace(job, hop_frames=HOP_FRAMES, window_frames=WINDOW_FRAMES) for job in jobs]
