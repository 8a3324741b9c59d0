"""A dask scheduler and its worker as processes of their own on loopback, so that tests can kill them."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
# One death of a worker is enough to give up a job, and nobody looks at a dashboard.
QUICK = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}
START_S = 60


@dataclass(frozen=True)
class Cluster:
    """Where the scheduler answers, and both processes."""

    address: str
    scheduler: subprocess.Popen
    worker: subprocess.Popen

    def lose(self, number):
        """Send the scheduler a signal and wait until it is gone."""
        self.scheduler.send_signal(number)
        self.scheduler.wait()


@contextmanager
def dask_cluster(folder, port=0, preload=None, modules=HERE, **environment):
    """A scheduler and one worker on loopback, which end with the block.

    Args:
        folder: For their files; made if absent.
        port: Of the scheduler; 0 takes a free one.
        preload: Module that the worker loads before it begins.
        modules: Folder of modules that both find, or several as in PYTHONPATH.
        environment: Of the worker.
    """
    folder.mkdir(exist_ok=True)
    here = folder / "scheduler.json"
    here.unlink(missing_ok=True)
    paths = {"PYTHONPATH": str(modules)}
    common = ("--host", "127.0.0.1", "--no-dashboard")
    scheduler = _start("scheduler", folder, paths | QUICK, *common, "--port", port, "--scheduler-file", here)
    worker = None
    try:
        address = _address(here, scheduler)
        loaded = ("--preload", preload) if preload else ()
        place = ("--local-directory", folder / "worker", "--nthreads", 1, "--no-nanny")
        worker = _start("worker", folder, paths | environment, address, *common, *place, *loaded)
        yield Cluster(address, scheduler, worker)
    finally:
        for process in (scheduler, worker):
            if process is not None:
                process.send_signal(signal.SIGKILL)
                process.wait()


def _start(kind, folder, variables, *arguments):
    command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", *map(str, arguments)]
    with (folder / f"{kind}.log").open("w") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **variables})


def _address(here, scheduler):
    deadline = time.monotonic() + START_S
    while True:
        assert scheduler.poll() is None and time.monotonic() < deadline, "the scheduler did not start"
        try:
            return json.loads(here.read_text())["address"]
        except (FileNotFoundError, ValueError):  # not there yet, or not whole
            time.sleep(0.02)
