"""What a network is given of a task: the codes of its windows, and the features of those that lie ahead."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from evaluation_cases import jobs_on, write_subjects

from myofin.features import window_features
from myofin.train.config import TrainConfig
from myofin.train.network_candidates import dataset_of, join
from myofin.train.tasks import make_task
from myofin.windows import gather


@pytest.mark.parametrize("protocol", ["within", "loso", "latency"])
def test_codes_and_features_are_those_of_the_windows(protocol: str, tmp_path: Path) -> None:
    jobs = jobs_on(write_subjects(tmp_path), protocol, ("lda-four",))
    job = jobs[3 if protocol == "latency" else 0]
    task, _ = make_task(job)
    config = replace(TrainConfig(), max_windows=120, max_test_windows=50)
    dataset = dataset_of(task, config)
    assert len(dataset.train) == 120 and len(dataset.test) == len(task.test)
    for part in (dataset.train, dataset.test):
        now = gather(dataset.recording.counts, part.windows.starts, 60)
        np.testing.assert_array_equal(part.codes, dataset.frontend.encode_windows(now))
        then = gather(dataset.recording.counts, part.windows.starts + 2 * job.ahead_hops, 60)
        expected = window_features(dataset.frontend.zscore(then), config.features)
        np.testing.assert_allclose(part.features, expected, rtol=1e-7, atol=1e-9)
        np.testing.assert_array_equal(np.array(dataset.classes)[part.classes], part.windows.labels)


def test_recordings_put_together_keep_their_trials_apart(tmp_path: Path) -> None:
    task, _ = make_task(jobs_on(write_subjects(tmp_path), "loso", ("lda-four",))[0])
    one, other = task.train[0].recording, task.test.recording
    both = join([one, other])
    assert len(list(both.trials())) == len(list(one.trials())) + len(list(other.trials()))
    np.testing.assert_array_equal(both.counts[len(one.counts) :], other.counts)
