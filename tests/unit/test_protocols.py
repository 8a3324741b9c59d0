"""The protocols: what teaches never tests, and what a job reads is what it says."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from evaluation_cases import jobs_on, write_subjects

from myofin.errors import InputError, RecordingError
from myofin.recordings.load import load_recording
from myofin.splits import Split
from myofin.train.protocols import PROTOCOLS, Plan, Subject, make_jobs
from myofin.train.streams import stream_scores
from myofin.train.tasks import make_task, stream_windows

NINAPRO = Split((1, 3, 4), (6,), (2, 5))
SUBJECTS = tuple(Subject(f"S{i}.mat", "ninapro_db2", str(i), NINAPRO) for i in (1, 2, 3))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_subjects(tmp_path_factory.mktemp("subjects"))


@pytest.mark.parametrize("protocol", sorted(PROTOCOLS))
def test_no_repetition_both_teaches_and_tests(protocol: str) -> None:
    jobs = make_jobs(protocol, Plan(SUBJECTS, ("lda-four", "lda-all"), (0, 1)))
    assert len(jobs) == len(set(jobs)) and len(jobs) % (3 * 2 * 2) == 0
    for job in jobs:
        tested = {(job.test.path, repetition) for repetition in job.test.repetitions}
        taught = {(use.path, r) for use in (*job.train, *job.validation) for r in use.repetitions}
        assert tested and taught and not tested & taught
        assert job.test.repetitions == (2, 5)
        assert job.test.path not in {use.path for use in job.others}


def test_protocols_differ_where_they_should() -> None:
    plan = Plan(SUBJECTS, ("lda-all",), (0,))
    zero_shot = make_jobs("loso", plan)[0]
    assert {use.subject for use in zero_shot.train} == {"2", "3"}
    calibrations = [job for job in make_jobs("calibrate", plan) if job.test.subject == "1"]
    found = [(job.train[0].repetitions, [use.repetitions for use in job.validation]) for job in calibrations]
    assert found == [((1,), []), ((1,), [(3,)]), ((1, 3, 4), [(6,)])]
    assert [job.share for job in make_jobs("fractions", plan)[:6]] == [0.05, 0.1, 0.2, 0.4, 0.7, 1.0]
    ahead = {job.ahead_hops * 10 for job in make_jobs("latency", plan)}
    assert {0, 300} <= ahead
    with pytest.raises(InputError, match="only one"):
        make_jobs("loso", replace(plan, subjects=SUBJECTS[:1]))


@pytest.mark.parametrize("protocol", ["loso", "calibrate", "fractions", "rotation"])
def test_where_little_of_a_subject_teaches_the_fin_is_of_strangers(protocol: str) -> None:
    """Its own could learn from what the head is not given; where there is nobody else, it is its own."""
    assert not any(job.pretrain_on_self for job in make_jobs(protocol, Plan(SUBJECTS, ("default",), (0,))))
    if protocol in ("calibrate", "fractions"):
        alone = make_jobs(protocol, Plan(SUBJECTS[:1], ("default",), (0,)))
        assert alone and all(job.pretrain_on_self for job in alone)


def test_windows_of_a_job_lie_where_it_says(folder: Path) -> None:
    for job in jobs_on(folder, "latency", ("lda-four",))[:7]:
        task, _ = make_task(job)
        at = task.test.windows.starts + job.ahead_hops * task.frame_samples
        recording = task.test.recording
        assert set(recording.repetitions[at]) <= set(job.test.repetitions)
        np.testing.assert_array_equal(recording.labels[at], task.test.windows.labels)
        np.testing.assert_array_equal(recording.labels[at + 59], task.test.windows.labels)
    few, every = (make_task(job)[0] for job in jobs_on(folder, "fractions", ("lda-four",))[:6:5])
    assert len(few.train[0]) < len(every.train[0]) / 5 and len(few.test) == len(every.test)


def test_a_stream_goes_through_onsets(folder: Path) -> None:
    recording = load_recording(folder, "1")
    windows = stream_windows(recording, (2, 5), 2)
    ends = windows.starts + 59
    np.testing.assert_array_equal(recording.labels[ends], windows.labels)
    crossing = recording.trial[windows.starts] != recording.trial[ends]
    assert 0 < crossing.mean() < 1 and {0, 1, 2, 3} == set(windows.labels.tolist())
    with pytest.raises(RecordingError, match="no stream"):
        stream_windows(replace(recording, dataset="npz_trials"), (2,), 2)


def test_stream_scores_by_hand() -> None:
    labels = np.array([0, 0, 1, 1, 1, 1, 1, 0, 2, 2, 2])
    trials = np.array([0, 0, 1, 1, 1, 1, 1, 2, 3, 3, 3])
    decided = np.array([0, 1, 0, 1, 1, 1, 2, 0, 2, 1, 2])
    scores = np.log(np.full((11, 3), 1 / 3))
    scores[:, 0] += np.arange(11)
    found = stream_scores(labels, trials, decided, scores, 20.0)
    assert found["active_error"] == pytest.approx(3 / 8)
    assert found["false_movement"] == pytest.approx(1 / 3)
    assert found["onset_delay_ms"] == 20.0  # the second movement never has three right decisions in a row
    assert found["missed_onsets"] == 0.5
    assert found["accuracy_kept"] == pytest.approx(6 / 10)  # the first, right, is the least confident
