"""What a sweep keeps: killed, interrupted, without its database or disk, it goes on to the same result."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sweep_faked
from dask_cluster import dask_cluster

from myofin.cli import run
from myofin.locks import locked
from myofin.sweep.claim import started
from myofin.sweep.result import timeless
from myofin.sweep.space import grid_points

FAKED = Path(sweep_faked.__file__)
GRID = ("--grid", "small")
POINTS = len(grid_points("small"))
SEARCH = ("--trials", "20")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "recording.npz"
    run(["data", "synth", "--out", str(path), "--channels", "3", "--rate-hz", "200", "--movements", "3"])
    return path


@pytest.fixture
def faked(monkeypatch):
    for module, name, function in sweep_faked.replacements():
        monkeypatch.setattr(module, name, function)


@pytest.fixture
def sweep(data, faked, tmp_path):
    """Runs a sweep in this process; returns exit code and result."""

    def do(*options, out="out"):
        folder = tmp_path / out
        code = run(["sweep", "--data", str(data), "--out", str(folder), *map(str, options)])
        path = folder / "sweep.json"
        return code, timeless(json.loads(path.read_text())) if path.is_file() else None

    return do


def command(data, out, *options):
    return [sys.executable, str(FAKED), "sweep", "--data", str(data), "--out", str(out), *map(str, options)]


def trials(out):
    return list((out / "trials").glob("*.json"))


def wait_for(out, count):
    deadline = time.monotonic() + 120
    while len(trials(out)) < count:
        assert time.monotonic() < deadline, "no trial came"
        time.sleep(0.01)


def test_a_whole_sweep_says_what_it_found(sweep, tmp_path, capsys):
    code, document = sweep(*GRID)
    told = capsys.readouterr().out
    states = [trial["state"] for trial in document["trials"]]
    assert code == 0 and states.count("refused") == 1 and states.count("failed") == 1
    assert len(document["trials"]) == POINTS and f"{POINTS - 2} measured, 1 refused, 1 failed" in told
    refused = document["trials"][states.index("refused")]
    assert refused["fits"]["mps2-an386"]["misses"] == [
        {"what": "ram", "by": 5_000_000 - 4_194_304, "unit": "bytes"}
    ]
    assert document["recommended"]["id"] in document["front"] and document["nearest"] is None
    assert document["recommended"]["reason"] in told
    assert "<html" in (tmp_path / "out" / "sweep.html").read_text()[:500]


@pytest.mark.parametrize(("miss", "kind"), [("late", GRID), ("refused", GRID), ("late", SEARCH)])
def test_where_nothing_fits_the_nearest_is_told_and_kept(miss, kind, sweep, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("SWEEP_MISS", miss)
    code, document = sweep(*kind, "--fit", "microbit")
    assert code == 1 and document["front"] == [] and document["recommended"] is None
    near = next(trial for trial in document["trials"] if trial["id"] == document["nearest"]["id"])
    what, there = {"late": ("instructions", 160_000), "refused": ("ram", 16_384)}[miss]
    least = min(trial["values"].get(what, 10**9) for trial in document["trials"])
    unit = {"late": "instructions in each 10 ms", "refused": "bytes of RAM"}[miss]
    told = f"Nothing fits: the nearest, trial {near['number']}, misses microbit by {least - there:,} {unit}."
    error, fix = capsys.readouterr().err.splitlines()
    assert error == f"error: {told}" and fix.startswith("  fix: Choose smaller networks")
    assert told in (tmp_path / "out" / "sweep.html").read_text()
    assert not (tmp_path / "out" / "recommended").exists()
    kept = {path: path.stat().st_mtime_ns for path in trials(tmp_path / "out")}
    assert sweep(*kind, "--fit", "microbit") == (1, document)
    assert {path: path.stat().st_mtime_ns for path in trials(tmp_path / "out")} == kept


@pytest.mark.parametrize("kind", [GRID, SEARCH])
def test_killed_in_the_middle_it_goes_on_to_the_same_result(kind, sweep, data, tmp_path):
    _, whole = sweep(*kind, out="whole")
    out = tmp_path / "killed"
    process = subprocess.Popen(command(data, out, *kind), env={**os.environ, "SWEEP_PACE_S": "0.2"})
    wait_for(out, 11)
    process.kill()
    process.wait()
    kept = {path: path.stat().st_mtime_ns for path in trials(out)}
    assert len(kept) < len(whole["trials"])
    code, resumed = sweep(*kind, out="killed")
    assert code == 0 and resumed == whole
    assert {path: path.stat().st_mtime_ns for path in kept} == kept, "what was measured was measured again"


def test_a_search_draws_from_what_it_measured_and_can_be_asked_for_more(sweep):
    _, short = sweep(*SEARCH)
    _, longer = sweep("--trials", 32)
    assert longer["trials"][: len(short["trials"])] == short["trials"]
    _, other = sweep(*SEARCH, "--seed", 1, out="other")
    assert {t["id"] for t in other["trials"]} != {t["id"] for t in short["trials"]}


def test_two_dask_workers_one_killed(sweep, data, tmp_path):
    distributed = pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    _, whole = sweep(*GRID, out="whole")
    out = tmp_path / "dask"
    environment = {"SWEEP_FAKED": "1", "SWEEP_PACE_S": "0.3"}
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(
        host="127.0.0.1", preload=[str(FAKED)], env=environment, **options
    ) as cluster:
        address = cluster.scheduler_address
        process = subprocess.Popen(command(data, out, *GRID, "--dask", address), stderr=subprocess.PIPE)
        wait_for(out, 6)
        with distributed.Client(cluster) as client:
            worker = sorted(client.run(os.getpid).values())[0]
        os.kill(worker, signal.SIGKILL)
        _, complaint = process.communicate(timeout=120)
    assert process.returncode == 0, complaint
    assert timeless(json.loads((out / "sweep.json").read_text())) == whole


def test_a_scheduler_that_goes_away_and_one_that_is_there_again(sweep, data, tmp_path):
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    out, faked = tmp_path / "out", {"preload": FAKED, "SWEEP_FAKED": "1"}
    with dask_cluster(tmp_path / "dask", **faked, SWEEP_PACE_S="0.5") as cluster:
        again = command(data, out, *GRID, "--dask", cluster.address)
        process = subprocess.Popen(again, stderr=subprocess.PIPE, text=True)
        wait_for(out, 3)
        cluster.lose(signal.SIGKILL)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 2
    assert said == (
        f"error: The dask scheduler at {cluster.address} went away.\n"
        "  fix: Start it and run this again; what is done is kept.\n"
    )
    kept = {path: path.stat().st_mtime_ns for path in trials(out)}
    assert 3 <= len(kept) < POINTS and not (out / "sweep.json").exists()
    with dask_cluster(tmp_path / "dask", port=cluster.address.rpartition(":")[2], **faked):
        assert subprocess.run(again, check=False).returncode == 0
    assert {path: path.stat().st_mtime_ns for path in kept} == kept, "what was measured was measured again"
    assert timeless(json.loads((out / "sweep.json").read_text())) == sweep(*GRID, out="whole")[1]


def test_no_scheduler_at_the_start_loses_nothing(sweep, tmp_path, capsys, monkeypatch):
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    monkeypatch.setattr("myofin.fanout._ANSWER_S", 0.5)
    for address in ("tcp://127.0.0.1:9", "127.0.0.1"):
        assert sweep(*GRID, "--dask", address) == (2, None)
        said = capsys.readouterr().err.splitlines()
        assert said[0] == f"error: No dask scheduler answers at {address}."
        assert len(said) == 2 and said[1].startswith("  fix: Start one with `dask scheduler`")
    assert sweep(*GRID) == sweep(*GRID, out="whole")


def test_ctrl_c_with_two_processes_keeps_what_is_done(sweep, data, tmp_path):
    out = tmp_path / "out"
    process = subprocess.Popen(
        command(data, out, *GRID, "--workers", 2),
        env={**os.environ, "SWEEP_PACE_S": "0.3"},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for(out, 4)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.strip() == "Interrupted: what was unfinished has been removed, what was finished is kept."
    assert 4 <= len(trials(out)) < POINTS
    code, document = sweep(*GRID)
    assert code == 0 and document == sweep(*GRID, out="whole")[1]


def test_a_full_disk_is_said_and_what_is_done_is_kept(sweep, data, tmp_path):
    """On a tmpfs that is too small and then larger, in a mount namespace of its own."""
    disk, result = tmp_path / "disk", tmp_path / "sweep.json"
    disk.mkdir()
    line = " ".join(command(data, disk / "out", *GRID))
    script = (
        f"mount -t tmpfs -o size=56k none {disk} && {line}; echo $? $(ls {disk}/out/trials | wc -l);"
        f"mount -o remount,size=8m {disk} && {line} >&2 && cp {disk}/out/sweep.json {result}"
    )
    flags = ["--mount"] if os.geteuid() == 0 else ["--user", "--map-root-user", "--mount"]
    done = subprocess.run(["unshare", *flags, "sh", "-c", script], capture_output=True, text=True, check=True)
    code, kept = map(int, done.stdout.split())
    assert code == 2 and 0 < kept < POINTS and "disk is full" in done.stderr
    assert timeless(json.loads(result.read_text())) == sweep(*GRID, out="whole")[1]


def test_two_sweeps_in_one_folder(sweep, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "settings.json").write_text("{}")
    with locked(tmp_path / "out" / "sweep.lock"):
        assert sweep(*GRID) == (2, None)
    assert "Another sweep is at work in" in capsys.readouterr().err


def test_a_folder_of_another_sweep_or_of_none(sweep, tmp_path, capsys):
    sweep(*GRID)
    assert sweep(*GRID, "--fit", "nano33ble")[0] == 2
    assert "holds a sweep with other settings (fit)." in capsys.readouterr().err
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    assert sweep(*GRID, out="mine") == (2, None)
    assert "not a sweep's folder" in capsys.readouterr().err


def claim(**changed):
    own = {"token": "other", "host": socket.gethostname(), "pid": os.getpid(), "time": time.time()}
    return {**own, "started": started(os.getpid()), **changed}


def test_two_sweeps_on_one_database(sweep, tmp_path, capsys):
    optuna = pytest.importorskip("optuna", reason="the extra `sweep` is not installed")
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    _, document = sweep(*SEARCH, "--storage", url)
    (name,) = optuna.get_all_study_names(url)
    study = optuna.load_study(study_name=name, storage=url)
    for held, code in (
        (claim(), 2),
        (claim(host="elsewhere"), 2),
        (claim(host="elsewhere", time=time.time() - 1000), 0),
        (claim(started="0"), 0),  # the process number was given to another one since
        (claim(pid=2**22 + 1), 0),
    ):
        study.set_user_attr("claim", held)
        found = sweep(*SEARCH, "--storage", url, out="second")
        assert found[0] == code, held
        assert "Another sweep is at work on this study" in capsys.readouterr().err or code == 0
    assert found[1] == document


def test_a_corrupt_database(sweep, tmp_path, capsys):
    pytest.importorskip("optuna", reason="the extra `sweep` is not installed")
    _, whole = sweep(*SEARCH)
    database = tmp_path / "out" / "study.db"
    database.write_bytes(b"no database at all, and long enough to have a header of one" * 20)
    kept = trials(tmp_path / "out")
    assert sweep(*SEARCH)[0] == 2
    said = capsys.readouterr().err
    assert "study.db cannot be used" in said and "move it away" in said and "Traceback" not in said
    assert trials(tmp_path / "out") == kept
    database.unlink()
    assert sweep(*SEARCH) == (0, whole)


def test_a_database_that_disappears(sweep, tmp_path, capsys, monkeypatch):
    pytest.importorskip("optuna", reason="the extra `sweep` is not installed")
    _, whole = sweep(*SEARCH, out="whole")
    monkeypatch.setenv("SWEEP_REMOVE", str(tmp_path / "out" / "study.db"))
    assert sweep(*SEARCH)[0] == 2
    assert "its file was removed" in capsys.readouterr().err
    monkeypatch.delenv("SWEEP_REMOVE")
    assert sweep(*SEARCH) == (0, whole)


def test_no_such_storage(sweep, capsys):
    pytest.importorskip("optuna", reason="the extra `sweep` is not installed")
    assert sweep(*SEARCH, "--storage", "nonsense://u:secret@host/db")[0] == 2
    said = capsys.readouterr().err
    assert "cannot be used" in said and "secret" not in said
