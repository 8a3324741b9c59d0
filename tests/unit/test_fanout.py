"""One function over many items: processes that die are replaced, and nothing is left when someone stops."""

import multiprocessing
import os
import signal
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from dask_cluster import dask_cluster

from myofin.errors import CheckError, InputError
from myofin.fanout import _as_done, fan_out


@dataclass(frozen=True)
class Item:
    key: str
    folder: Path
    deaths: int = 0


def square(item):
    """The item's number squared; the process is killed at the first ``deaths`` attempts."""
    tries = item.folder / f"{item.key}.{time.monotonic_ns()}"
    tries.touch()
    if len(list(item.folder.glob(f"{item.key}.*"))) <= item.deaths:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"key": item.key, "square": int(item.key) ** 2}


def rest(item):
    """Takes long; says when it began, and when it was interrupted."""
    try:
        (item.folder / f"began-{item.key}").touch()
        time.sleep(60)
    except KeyboardInterrupt:
        (item.folder / f"cleaned-{item.key}").touch()
        raise
    return {"key": item.key}


def hold(item):
    """The first item is done at once, the others when they may."""
    while item.key != "0" and not (item.folder / "go").exists():
        time.sleep(0.02)
    return {"key": item.key}


def squares(items, **how):
    return {document["key"]: document["square"] for document in fan_out(square, items, **how)}


@pytest.mark.parametrize("processes", [1, 2])
def test_every_item_is_done_once(tmp_path, processes):
    items = [Item(str(number), tmp_path) for number in range(5)]
    assert squares(items, processes=processes) == {str(n): n * n for n in range(5)}
    assert len(list(tmp_path.iterdir())) == 5
    assert multiprocessing.active_children() == []


def test_a_killed_process_is_replaced_and_its_item_done_again(tmp_path):
    items = [Item("2", tmp_path, deaths=2), Item("3", tmp_path)]
    assert squares(items, processes=2) == {"2": 4, "3": 9}


def test_processes_that_die_again_and_again_end_it(tmp_path):
    items = [Item("2", tmp_path, deaths=99), Item("3", tmp_path, deaths=99)]
    with pytest.raises(CheckError, match="killed 3 times, with 2 jobs left"):
        squares(items, processes=2)
    assert multiprocessing.active_children() == []


def test_who_stops_reading_stops_the_work_which_cleans_up(tmp_path):
    items = [Item(str(number), tmp_path) for number in range(4)]
    signal.signal(signal.SIGALRM, lambda number, frame: _interrupt(tmp_path))
    signal.setitimer(signal.ITIMER_REAL, 0.2, 0.1)
    try:
        with pytest.raises(KeyboardInterrupt):
            list(fan_out(rest, items, processes=2))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
    names = {path.name for path in tmp_path.iterdir()}
    assert {"cleaned-0", "cleaned-1"} <= names and "began-3" not in names
    assert multiprocessing.active_children() == []


def _interrupt(folder):
    """Ctrl-C, once both processes are at work."""
    if {"began-0", "began-1"} <= {path.name for path in folder.iterdir()}:
        signal.setitimer(signal.ITIMER_REAL, 0)
        raise KeyboardInterrupt


def test_a_scheduler_that_goes_away_is_a_sentence(tmp_path):
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    items = [Item(str(number), tmp_path) for number in range(4)]
    with dask_cluster(tmp_path / "dask") as cluster:
        documents = fan_out(hold, items, dask=cluster.address)
        assert next(documents) == {"key": "0"}
        cluster.lose(signal.SIGTERM)
        with pytest.raises(InputError, match=f"scheduler at {cluster.address} went away") as told:
            list(documents)
    assert "what is done is kept" in told.value.hint


def test_workers_of_a_cluster_that_die_end_it(tmp_path):
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    with (
        dask_cluster(tmp_path / "dask") as cluster,
        pytest.raises(CheckError, match="of the cluster died again and again at one job"),
    ):
        squares([Item("2", tmp_path, deaths=99)], dask=cluster.address)


def test_a_cluster_without_workers_is_a_sentence_and_not_a_wait_for_ever(tmp_path, monkeypatch):
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    monkeypatch.setattr("myofin.fanout._WITHOUT_WORKERS_S", 0.2)
    (tmp_path / "never_there.py").write_text("import time\ntime.sleep(600)\n")
    modules = f"{Path(__file__).parent}{os.pathsep}{tmp_path}"
    with (
        dask_cluster(tmp_path / "dask", preload="never_there", modules=modules) as cluster,
        pytest.raises(InputError, match=f"scheduler at {cluster.address} has no workers") as told,
    ):
        squares([Item("2", tmp_path)], dask=cluster.address)
    assert f"dask worker {cluster.address}" in told.value.hint


def test_a_job_that_takes_longer_than_the_wait_for_workers_is_waited_for(tmp_path, monkeypatch):
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    asked = []
    with dask_cluster(tmp_path / "dask") as cluster:
        documents = fan_out(hold, [Item("0", tmp_path), Item("1", tmp_path)], dask=cluster.address)
        asked.append(next(documents))  # the worker has started
        monkeypatch.setattr("myofin.fanout._WITHOUT_WORKERS_S", 0.2)
        threading.Timer(1.0, (tmp_path / "go").touch).start()
        asked += documents
    assert asked == [{"key": "0"}, {"key": "1"}]


def fail(item):
    raise OSError("the disk is full")


def test_what_is_done_comes_before_what_failed(tmp_path):
    distributed = pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    items = [Item(str(number), tmp_path) for number in range(6)]
    with dask_cluster(tmp_path / "dask") as cluster, distributed.Client(cluster.address) as client:
        futures = [client.submit(square if int(item.key) else fail, item, pure=False) for item in items]
        distributed.wait(futures)
        documents, done = _as_done(client, futures, cluster.address), []
        with pytest.raises(OSError, match="the disk is full"):
            for document in documents:
                done.append(document["key"])
    assert sorted(done) == ["1", "2", "3", "4", "5"]


def test_a_scheduler_without_our_modules_is_a_sentence(tmp_path):
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    with (
        dask_cluster(tmp_path / "dask", modules=tmp_path) as cluster,
        pytest.raises(InputError, match="cannot load the work") as told,
    ):
        squares([Item("2", tmp_path)], dask=cluster.address)
    assert "No module named 'test_fanout'" in told.value.message
    assert "same version of myofin" in told.value.hint


def version():
    """Tells, on a worker, what its environment says."""
    return os.environ.get("VERSION_FAKED", "ours")


def test_a_worker_of_another_version_computes_nothing(tmp_path):
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    work = tmp_path / "work"
    work.mkdir()
    with dask_cluster(tmp_path / "dask", VERSION_FAKED="theirs") as cluster:
        with pytest.raises(InputError, match=r"A worker .+, on \S+, has another version of myofin"):
            squares([Item("2", work)], dask=cluster.address, version=version)
        assert not list(work.iterdir()), "nothing was begun"
        assert squares([Item("3", work)], dask=cluster.address) == {"3": 9}


SILENT = "tcp://127.0.0.1:{port}"


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "scheduler", "http://127.0.0.1:80", "", SILENT])
def test_where_no_scheduler_answers_nothing_is_done(address, tmp_path, monkeypatch):
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    monkeypatch.setattr("myofin.fanout._ANSWER_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listening:  # takes the connection and says nothing
        place = address.format(port=listening.getsockname()[1])
        with pytest.raises(InputError, match=f"No dask scheduler answers at {place}") as told:
            squares([Item("2", tmp_path)], dask=place)
    assert "tcp://HOST:PORT" in told.value.hint and list(tmp_path.iterdir()) == []
    assert squares([], dask=place) == {}, "where nothing is left to do nobody is asked"
