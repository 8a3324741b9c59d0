"""Evaluation: baselines against another implementation, work that resumes, and workers that are killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import myofin
from evaluation_cases import LDA, jobs_on, write_subjects
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from myofin.errors import InputError
from myofin.features import to_network_domain, window_features
from myofin.smoothing import REJECTED, majority, reject
from myofin.train.evaluate import evaluate, make_items
from myofin.train.lda import BASELINES
from myofin.train.lda_baselines import Statistics, make
from myofin.train.summaries import compare, summarise
from myofin.train.tasks import make_task
from myofin.train.work import WorkFolder
from myofin.windows import gather


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_subjects(tmp_path_factory.mktemp("subjects"))


FAST = ("lda-loghtd",)


def without_time(documents: list[dict[str, object]]) -> list[object]:
    return [document["rows"] for document in documents]


@pytest.mark.parametrize("name", LDA)
def test_baselines_decide_as_scikit_learn_on_features_of_single_windows(name: str, folder: Path) -> None:
    task, _ = make_task(jobs_on(folder, methods=(name,))[0])
    outcome = make(name).run(task)
    learned = (*task.train, *task.validation)
    counts = [gather(s.recording.counts, s.windows.starts, 60) for s in (*learned, task.test)]
    moving = np.isin(np.arange(len(task.test.recording.counts)), _covered(learned))
    signal_ = task.test.recording.counts[moving].astype(float)
    statistics = Statistics.of(learned, task.frame_samples)
    np.testing.assert_allclose(statistics.mean, signal_.mean(axis=0))
    np.testing.assert_allclose(statistics.std, signal_.std(axis=0))
    names = BASELINES[name]
    features = [
        to_network_domain(window_features((c - statistics.mean) / statistics.std, names), names)
        for c in counts
    ]
    train = np.concatenate(features[:-1]).reshape(-1, 3 * len(BASELINES[name]))
    test = features[-1].reshape(len(task.test), -1)
    labels = np.concatenate([source.windows.labels for source in learned])
    mean, std = train.mean(axis=0), train.std(axis=0)
    shrinkage = float(outcome.facts["shrinkage"])
    reference = LinearDiscriminantAnalysis(
        solver="lsqr", shrinkage=shrinkage, priors=np.full(3, 1 / 3), store_covariance=False
    ).fit((train - mean) / std, labels)
    expected = reference.predict((test - mean) / std)
    decided = np.array(task.classes)[outcome.scores["float64"].argmax(axis=1)]
    assert np.mean(decided == expected) > 0.98  # scikit-learn standardises each class before it shrinks


def _covered(sources: tuple[object, ...]) -> np.ndarray:
    starts = np.concatenate([source.windows.starts for source in sources])  # type: ignore[attr-defined]
    return np.unique(starts[:, None] + np.arange(60))


def test_done_work_is_not_done_again_and_keys_know_what_matters(folder: Path, tmp_path: Path) -> None:
    jobs = jobs_on(folder, methods=("lda-four",))
    first = evaluate(jobs, tmp_path / "work")
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "work").glob("*.json")}
    assert len(stamps) == len(jobs) and evaluate(jobs, tmp_path / "work") == first
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for file in folder.iterdir():
        (moved / file.name).write_bytes(file.read_bytes())
    keys = [item.key for item in make_items(jobs, tmp_path)]
    assert [item.key for item in make_items(jobs_on(moved, methods=("lda-four",)), tmp_path)] == keys
    changed = write_subjects(tmp_path, 3)  # a third participant: others changes, and so must the keys
    assert not set(keys) & {i.key for i in make_items(jobs_on(changed, methods=("lda-four",)), tmp_path)}


def test_a_damaged_result_is_made_again(folder: Path, tmp_path: Path) -> None:
    jobs = jobs_on(folder, methods=("lda-four",))[:1]
    first = evaluate(jobs, tmp_path)
    file = next(tmp_path.glob("*.json"))
    file.write_text(file.read_text()[:-40])
    assert without_time(evaluate(jobs, tmp_path)) == without_time(first)
    assert WorkFolder(tmp_path).read(make_items(jobs, tmp_path)[0].key) is not None


def test_killed_in_the_middle_resumes_with_the_same_rows(folder: Path, tmp_path: Path) -> None:
    whole = evaluate(jobs_on(folder, "fractions", FAST), tmp_path / "whole")
    work = tmp_path / "killed"
    arguments = ["evaluate", folder, "--protocol", "fractions", "--method", *FAST, "--work", work, "--json"]
    arguments += ["--processes", 2]
    process = subprocess.Popen(
        [sys.executable, "-m", "myofin", *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    _wait_for(work, 3)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    kept = len(list(work.glob("*.json")))
    assert 3 <= kept < len(whole)
    rows = json.loads(myofin(*arguments).stdout)["rows"]
    assert rows == [row for document in whole for row in document["rows"]]


def test_two_dask_workers_one_killed(folder: Path, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    jobs = jobs_on(folder, "fractions", FAST)
    whole = evaluate(jobs, tmp_path / "whole")
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(host="127.0.0.1", **options) as cluster:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(evaluate, jobs, tmp_path / "dask", dask=cluster.scheduler_address)
            _wait_for(tmp_path / "dask", 2)
            with distributed.Client(cluster) as client:
                worker = sorted(client.run(os.getpid).values())[0]
            os.kill(worker, signal.SIGKILL)
            found = running.result(timeout=120)
    assert without_time(found) == without_time(whole)


def _wait_for(work: Path, files: int) -> None:
    deadline = time.monotonic() + 120
    while len(list(work.glob("*.json"))) < files:
        assert time.monotonic() < deadline, "no result came"
        time.sleep(0.01)


def test_zero_shot_teaches_with_others_only(folder: Path, tmp_path: Path) -> None:
    (first, _) = evaluate(jobs_on(folder, "loso", ("lda-all",)), tmp_path)
    assert list(first["inputs"]) == ["s1.npz", "s2.npz"]
    assert {use["subject"] for use in first["job"]["train"]} == {"2"}
    assert first["rows"][0]["subject"] == "1"


def test_the_command_says_spread_worst_and_paired_tests(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.json"
    told = myofin("evaluate", folder, "--rest", "--work", tmp_path / "work", "--out", out).stdout
    assert "worst" in told and "against lda-" in told and "onset_delay_ms" in told
    rows = json.loads(out.read_text())["rows"]
    assert {"dataset", "subject", "protocol", "method", "scheme", "seed", "accuracy"} <= set(rows[0])
    refused = myofin("evaluate", folder, "--method", "lda-none", "--work", tmp_path, check=False)
    assert refused.returncode == 2 and "lda-none" in refused.stderr
    alone = myofin("evaluate", folder / "s1.npz", "--protocol", "loso", "--work", tmp_path, check=False)
    assert alone.returncode == 2 and "nobody to learn from" in alone.stderr


def test_votes_and_rejection_train_nothing_anew(folder: Path, tmp_path: Path) -> None:
    arguments = ["evaluate", folder, "--method", "lda-four", "--work", tmp_path, "--json"]
    plain = json.loads(myofin(*arguments).stdout)["rows"]
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")}
    voted = json.loads(myofin(*arguments, "--votes", 5, "--reject", 0.6).stdout)["rows"]
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")} == stamps
    assert [{**row, "smoothed": None} for row in plain] == [{**row, "smoothed": None} for row in voted]
    for row, job in zip(voted, jobs_on(folder, methods=("lda-four",)), strict=True):
        task, _ = make_task(job)
        outcome = make("lda-four").run(task)
        decided = reject(outcome.scores["float64"], 0.6)
        trials = task.test.recording.trial[task.test.windows.starts]
        parts = [majority(decided[trials == trial], 5) for trial in np.unique(trials)]
        labels = np.searchsorted(task.classes, task.test.windows.labels)
        chosen = np.concatenate(parts)
        found = row["smoothed"]
        assert found["accuracy"] == pytest.approx(np.mean(chosen == labels), abs=1e-9)
        assert found["rejected_share"] == pytest.approx(np.mean(chosen == REJECTED), abs=1e-9)
        accepted = chosen != REJECTED
        assert found["accuracy_accepted"] == pytest.approx(np.mean(chosen[accepted] == labels[accepted]))
        assert found["accuracy"] > 0 and found["delay_ms"] == 150 + 5 * 20 / 2
    told = myofin(*arguments[:-1], "--votes", 5).stdout
    assert "5 votes" in told and "after about 200 ms and the time to compute" in told
    next(tmp_path.glob("arrays/*.npz")).unlink()
    lost = myofin(*arguments, "--votes", 5, check=False)
    assert lost.returncode == 2 and "lost the scores" in lost.stderr


def test_no_scheduler_is_a_clear_refusal(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    monkeypatch.setattr("myofin.fanout._ANSWER_S", 0.5)
    with pytest.raises(InputError, match="No dask scheduler"):
        evaluate(jobs_on(folder, methods=FAST), tmp_path, dask="tcp://127.0.0.1:9")


def test_paired_tests_by_hand() -> None:
    gains = [0.01, 0.02, 0.03, 0.04, 0.05]
    rows = [
        {
            "protocol": "within",
            "method": method,
            "scheme": "int8",
            "dataset": "d",
            "subject": s,
            "accuracy": a,
        }
        for method, shift in (("a", 0.0), ("b", 1.0))
        for s, gain in enumerate(gains)
        for a in (0.5 + shift * gain - 0.001, 0.5 + shift * gain + 0.001)
    ]
    one, other = summarise(rows)
    assert (one.seeds, one.worst[1], other.worst[0]) == (2, pytest.approx(0.5), "d/0")
    found = compare(other, one)
    assert found.difference == pytest.approx(0.03) and found.better == found.subjects == 5
    assert found.wilcoxon_p == pytest.approx(1 / 16)
    assert found.t_test_p == pytest.approx(0.0132, abs=1e-4)
    assert compare(one, one).wilcoxon_p is None
