"""Whether a sweep is the same however it is interrupted: whole, killed and continued, on a failing cluster.

    python bench/sweep.py --data ../shared/data/ninapro_db5 --subject 1 --out out/bench-sweep

Each way trains and measures everything in a folder of its own. The second is killed with SIGKILL when half of
its points are measured, and the same command is given again; the third runs on two dask workers on this
machine, one of which is killed when half of them are measured. Prints a verdict for each; exit code 1 where a
result differs. What follows `--` goes to `myofin sweep` (`--grid small` by default).
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from myofin.sweep.result import timeless
from myofin.sweep.space import grid_points

WAYS = ("whole", "killed", "dask")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the ways asked for and compare each with the first."""
    parser = argparse.ArgumentParser(description="Interrupt sweeps and compare their results.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--subject")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--ways", nargs="*", default=WAYS, choices=WAYS, help="the first is what others equal"
    )
    parser.add_argument(
        "--half", type=int, default=len(grid_points("small")) // 2, help="points before the kill"
    )
    parser.add_argument("options", nargs="*", help="for myofin sweep, after --")
    chosen = parser.parse_args(arguments)
    ways = {"whole": _whole, "killed": _killed, "dask": _on_dask}
    first: Any = None
    equal = True
    for name in chosen.ways:
        folder = chosen.out / name
        began = time.monotonic()
        told = ways[name](_command(chosen, folder), folder, chosen.half)
        document = json.loads((folder / "sweep.json").read_text(encoding="utf-8"))
        first = first or timeless(document)
        same = timeless(document) == first
        equal = equal and same
        minutes = (time.monotonic() - began) / 60
        states = [trial["state"] for trial in document["trials"]]
        points = f"{len(states)} points, {states.count('measured')} measured, {minutes:.1f} minutes"
        sys.stdout.write(f"{name}: {points}; {told}; {'equal' if same else 'DIFFERENT'}\n")
        sys.stdout.flush()
    return 0 if equal else 1


def _command(chosen: argparse.Namespace, folder: Path) -> list[str]:
    subject = ["--subject", chosen.subject] if chosen.subject else []
    options = chosen.options or ["--grid", "small"]
    sweep = [sys.executable, "-m", "myofin", "sweep", "--data", str(chosen.data), *subject]
    return [*sweep, "--out", str(folder), *options]


def _measured(folder: Path) -> int:
    return len(list((folder / "trials").glob("*.json")))


def _wait_for(process: subprocess.Popen[bytes], folder: Path, count: int) -> None:
    while _measured(folder) < count:
        if process.poll() is not None:
            raise SystemExit(f"the sweep ended with {process.returncode} after {_measured(folder)} points")
        time.sleep(0.05)


def _whole(command: list[str], folder: Path, half: int) -> str:
    subprocess.run([*command, "--workers", "2"], check=True, stdout=subprocess.DEVNULL)
    return "not interrupted"


def _killed(command: list[str], folder: Path, half: int) -> str:
    process = subprocess.Popen([*command, "--workers", "2"], stdout=subprocess.DEVNULL)
    _wait_for(process, folder, half)
    process.kill()
    process.wait()
    kept = _measured(folder)
    _whole(command, folder, half)
    return f"killed with SIGKILL after {kept} points and continued"


def _on_dask(command: list[str], folder: Path, half: int) -> str:
    from distributed import Client, LocalCluster

    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with LocalCluster(host="127.0.0.1", **options) as cluster:
        process = subprocess.Popen([*command, "--dask", cluster.scheduler_address], stdout=subprocess.DEVNULL)
        _wait_for(process, folder, half)
        with Client(cluster) as client:
            worker = min(client.run(os.getpid).values())
        os.kill(worker, signal.SIGKILL)
        kept = _measured(folder)
        if process.wait() != 0:
            raise SystemExit(f"the sweep ended with {process.returncode}")
    return f"one of two dask workers killed with SIGKILL after {kept} points"


if __name__ == "__main__":
    sys.exit(main())
