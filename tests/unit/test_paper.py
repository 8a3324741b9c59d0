"""The paper's procedure: it runs on DB2 files, names its flaws, and learns from nothing it should not."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, myofin
from paper_cases import paper_jobs, write_db2
from recording_cases import ninapro_content, write_mat

from myofin.errors import InputError, RecordingError
from myofin.features import window_features
from myofin.recordings.model import Recording
from myofin.splits import Split
from myofin.train.candidates import Source
from myofin.train.lda_baselines import Statistics
from myofin.train.paper import FLAWS, _mended_sets, _released_sets
from myofin.train.paper_windows import Geometry, SinglePool, shift_labels, targets_of
from myofin.train.protocols import Plan, Subject, make_jobs
from myofin.train.tasks import make_task
from myofin.windows import WindowSet

FACTS = Path(__file__).with_name("paper_facts.py")
DB2 = Split((1, 3, 4), (6,), (2, 5))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_db2(tmp_path_factory.mktemp("db2"))


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("paper")
    done = subprocess.run(
        [sys.executable, str(FACTS), str(folder)], capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_both_methods_finish_and_name_their_flaws(facts: dict[str, Any]) -> None:
    rows = [row for document in facts["jobs"] for row in document["rows"]]
    assert [(row["subject"], row["method"], row["variant"]) for row in rows] == [
        ("1", "paper-released", "tuned on 6, 300 ms ahead"),
        ("26", "paper-released", "cross-subject"),
        ("26", "paper-mended", "cross-subject, 300 ms ahead"),
    ]
    assert [row["flaws"] for row in rows] == [list(FLAWS), list(FLAWS), []]
    assert all(0 <= row["accuracy"] <= 1 and row["windows"] == 18 for row in rows)
    assert all(document["facts"]["epoch"] in (1, 2) for document in facts["jobs"])
    imitated = facts["jobs"][2]["imitation"]
    assert [row["feature"] for row in imitated] == ["entropy", "rms", "var", "ssi"]


def test_released_jobs_share_one_fin_and_features_ahead_have_their_own(facts: dict[str, Any]) -> None:
    assert facts["fins"] == [1, 1, 2]


def test_a_killed_pretraining_goes_on_where_it_was(facts: dict[str, Any]) -> None:
    assert facts["resumed"]["saved"] == [1, -1, 2]
    assert facts["resumed"]["equal"] and len(facts["resumed"]["losses"]) == 2


def test_networks_equal_keras_layers_and_gradients_the_change_of_the_loss(facts: dict[str, Any]) -> None:
    assert facts["against_keras"] < 1e-6 and facts["chunks"] < 1e-6
    measured, said = facts["gradient"]
    assert measured == pytest.approx(said, rel=0.01)


def test_each_output_goes_to_its_channel_and_feature_and_all_is_tuned(facts: dict[str, Any]) -> None:
    assert facts["placed"] < 1e-6 and facts["back"]
    assert facts["learned"] >= 0.75 and facts["moved"] > 1e-4


def test_who_pretrains_is_tuned_on_repetition_6_and_teaches_nothing_of_it() -> None:
    subjects = tuple(Subject(f"S{i}.mat", "ninapro_db2", str(i), DB2) for i in (1, 25, 26))
    jobs = make_jobs("paper", Plan(subjects, ("paper-released",), (0,)))
    assert [(job.test.subject, job.ahead_hops) for job in jobs] == [
        (name, hops) for name in ("1", "25", "26") for hops in (0, 30)
    ]
    for job in jobs:
        assert {use.subject for use in job.others} == {"1", "25"} - {job.test.subject}
        assert all(use.repetitions == (1, 3, 4) for use in job.others) and job.hop_frames == 1
        assert job.pretrain_on_self == (job.test.subject != "26")
    with pytest.raises(InputError, match="None of the subjects is one of 1 to 25"):
        make_jobs("paper", Plan(subjects[2:], ("paper-released",), (0,)))


def test_other_data_sets_are_refused(tmp_path: Path) -> None:
    file = write_mat(tmp_path / "S1_E1_A1.mat", ninapro_content(16, samples=7200))
    refused = myofin("evaluate", file, "--protocol", "paper", "--work", tmp_path, check=False)
    assert refused.returncode == 2 and "ninapro_db5" in refused.stderr
    assert refused.stderr.count("error:") == 1 and "fix: " in refused.stderr


def test_each_flaw_of_the_windows_is_there_and_mended(folder: Path) -> None:
    job = next(j for j in paper_jobs(folder, ("paper-released",)) if j.ahead_hops and j.test.subject == "26")
    task, _ = make_task(job)
    (tune, test), (sound_tune, sound_test) = _released_sets(task), _mended_sets(task)
    # Labels run on into the next movement, where none of the true labels differs from that of its sample.
    recording = test.source.recording
    assert np.any(recording.labels[test.source.windows.starts] != test.source.windows.labels)
    at = sound_test.source.windows.starts + 30 * task.frame_samples
    np.testing.assert_array_equal(recording.labels[at], sound_test.source.windows.labels)
    # The released test windows are scaled by themselves: each channel then has deviation 1 over all of them.
    np.testing.assert_array_equal(test.statistics.std, Statistics.of((test.source,), task.frame_samples).std)
    np.testing.assert_array_equal(sound_test.statistics.std, sound_tune.statistics.std)
    assert np.all(test.statistics.std != tune.statistics.std)
    # The features to imitate: of now, and of what lies 300 ms ahead.
    index = np.arange(3)
    np.testing.assert_array_equal(test.signal(index, ahead=True), test.signal(index))
    later = sound_tune.signal(index, ahead=True)
    assert np.any(later != sound_tune.signal(index)) and later.shape == (3, 40, 12)
    assert {int(number) for number in tune.source.windows.repetitions} == {1, 3, 4, 6}


def test_labels_shift_by_hand() -> None:
    labels = np.array([1, 1, 1, 2, 2], dtype=np.int16)
    windows = WindowSet(np.arange(5), labels, np.ones(5, dtype=np.int16))
    assert shift_labels(windows, 2).labels.tolist() == [1, 2, 2, 2, 2]
    assert shift_labels(windows, 0).labels.tolist() == labels.tolist()


def test_single_windows_are_those_of_the_recordings(folder: Path) -> None:
    jobs = paper_jobs(folder, ("paper-mended",))
    sources = [make_task(replace(job, ahead_hops=0))[0].train[0] for job in (jobs[0], jobs[2])]
    geometry = Geometry(span=600, late=0, ahead=600)
    pools = [SinglePool.of(order, 20, geometry) for order in (sources, sources[::-1])]
    signal, features = pools[0].take(np.arange(len(pools[0])))
    turned = pools[1].take(np.arange(len(signal)))
    assert np.array_equal(turned[0], signal) and np.array_equal(turned[1], features)
    first = min(sources, key=lambda source: sorted(source.recording.sha256s.values()))
    starts = first.windows.starts
    start = int(starts[np.isin(starts + 600, starts)][0])
    statistics = Statistics.of((first,), 20)
    z = (first.recording.counts[start : start + 1200] - statistics.mean) / statistics.std
    np.testing.assert_allclose(signal[:12], z[:600].T, rtol=1e-6)
    np.testing.assert_allclose(features[:12], window_features(z[600:]), rtol=1e-9)
    # One window of three has 300 ms more of its movement: the others are left out.
    assert len(pools[0]) == 12 * sum(len(source) for source in sources) // 3


def test_a_pool_keeps_no_recording_alive(folder: Path) -> None:
    import gc
    import weakref

    alive: list[weakref.ref[Recording]] = []

    def one_by_one() -> Any:
        for job in paper_jobs(folder, ("paper-mended",))[::2]:
            source = make_task(replace(job, ahead_hops=0))[0].train[0]
            alive.append(weakref.ref(source.recording))
            yield Source(source.recording, source.windows)
            del source
            gc.collect()
            assert all(reference() is None for reference in alive)

    pool = SinglePool.of(one_by_one(), 20, Geometry(600, 0, 0))
    assert len(alive) == 2 and pool.counts.shape == (2 * 9 * 1200, 12)


def test_movements_too_short_for_features_ahead_are_refused(folder: Path) -> None:
    source = make_task(replace(paper_jobs(folder, ("paper-mended",))[0], ahead_hops=0))[0].train[0]
    with pytest.raises(RecordingError, match="No movement lasts long enough"):
        SinglePool.of([source], 20, Geometry(600, 0, 1_200))


def test_targets_are_standardised_copies_with_noise() -> None:
    features = np.tile([[2.0, 4.0, 8.0, 16.0]], (5000, 1))
    scale = np.array([[1.0, 2.0, 4.0, 8.0], [1.0, 2.0, 4.0, 8.0]])
    targets = targets_of(features, scale, 12, 0.01, np.random.default_rng(0))
    assert targets.shape == (4, 5000, 12)
    np.testing.assert_allclose(targets.mean(axis=(1, 2)), 1.0, atol=1e-3)
    np.testing.assert_allclose(targets.std(axis=(1, 2)), 0.02, rtol=0.02)


def test_the_cost_of_the_paper_is_what_its_sizes_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    from paper_cost import released_cost

    cost = released_cost()
    assert cost.parameters == pytest.approx(2.9e6, rel=0.01)
    assert cost.macs_of_window == pytest.approx(1.66e9, rel=0.01)
