"""Shared by all tests: where real recordings are, and one small network trained once for the whole run.

TensorFlow must not share a process with the TFLite runtime, so whatever needs it runs in a child process.
"""

import fcntl
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parents[1]
REAL = ROOT.parent / "shared" / "data"


def myofin(*arguments, check=True, **options):
    """Run the command line in a process of its own."""
    command = [sys.executable, "-m", "myofin", *map(str, arguments)]
    return subprocess.run(command, check=check, capture_output=True, text=True, timeout=600, **options)


# No test asserts a time, property tests included: a busy machine is no defect.
hypothesis.settings.register_profile("myofin", deadline=None)
hypothesis.settings.load_profile("myofin")


def pytest_configure():
    """In the background of a shell that ignores Ctrl-C, commands under test would ignore it too."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish():
    """A test module that loads TensorFlow would break every later test of the TFLite runtime."""
    assert "tensorflow" not in sys.modules, "a test module imported TensorFlow into this process"


@pytest.fixture(scope="session")
def real_data():
    """The folder of real recordings; absent on most machines, since they may not be redistributed."""
    if not REAL.is_dir():
        pytest.skip("the real recordings (../shared/data) are not on this machine")
    return REAL


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """A folder with a small synthetic recording and a run trained on it: 4 channels, 1 kHz, 5 movements."""
    folder = common_folder(tmp_path_factory) / "small"
    with made_once(folder) as absent:
        if absent:
            folder.mkdir()
            shape = (
                "--channels",
                4,
                "--rate-hz",
                1000,
                "--movements",
                5,
                "--movement-s",
                1.2,
                "--rest-s",
                0.4,
            )
            recording, run = folder / "recording.npz", folder / "run"
            myofin("data", "synth", "--out", recording, *shape)
            myofin("train", "--data", recording, "--out", run, "--epochs", 4, "--units", 6)
    return folder


@pytest.fixture(scope="session")
def small_bundle(small):
    """The int8 bundle of the small run."""
    bundle = small / "bundle"
    with made_once(bundle) as absent:
        if absent:
            myofin("convert", small / "run", "--scheme", "int8", "--out", bundle)
    return bundle


def common_folder(tmp_path_factory):
    """A folder of this test run, the same for all of its processes."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@contextmanager
def made_once(path):
    """Hold other test processes back; yields whether ``path`` is still to be made."""
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield not path.exists()
