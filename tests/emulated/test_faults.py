"""What goes wrong in the field: one sentence, the right exit code, nothing half-written, no process left."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from conftest import myofin


def fails(code, *arguments, says, leaves=(), **options):
    """Run a command that must fail with one sentence and leave nothing behind."""
    done = myofin(*arguments, check=False, **options)
    assert done.returncode == code, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 2, done.stderr
    assert lines[0].startswith("error: ")
    assert lines[1].startswith("  fix: ")
    assert says in done.stderr
    for path in leaves:
        assert not path.exists()
        assert not list(path.parent.glob(f".{path.name}*")), "a half-written folder was left"
    return done


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def ninapro(samples=6000, channels=12, **changes):
    rng = np.random.default_rng(1)
    marks = np.arange(samples) // 200 % 6
    content = {
        "emg": rng.normal(0, 1e-5, (samples, channels)),
        "restimulus": (1 + np.arange(samples) // 1200 % 5)[:, None],
        "rerepetition": (1 + marks)[:, None],
        "frequency": 2000,
    }
    content.update(changes)
    return {key: value for key, value in content.items() if value is not None}


def spoil(kind, folder):
    """Write a bad recording of a kind and return its path."""
    path = folder / "S1_E1_A1.mat"
    content = ninapro()
    if kind == "without emg":
        del content["emg"]
    elif kind == "NaN":
        content["emg"][500, 2] = np.nan
    elif kind == "dead channel":
        content["emg"][:, 1] = 0.0
    scipy.io.savemat(path, content)
    if kind == "truncated":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def test_missing_path(out, tmp_path):
    fails(2, "train", "--data", tmp_path / "nowhere", "--out", out, says="nowhere", leaves=[out])
    fails(2, "data", "check", tmp_path / "nowhere", says="nowhere")
    fails(2, "convert", tmp_path / "nowhere", "--out", out, says="no run at", leaves=[out])
    fails(
        2,
        "validate",
        tmp_path / "nowhere",
        "--board",
        "mps2-an386",
        "--out",
        out,
        says="no bundle",
        leaves=[out],
    )


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("truncated", "S1_E1_A1.mat"),
        ("without emg", "emg"),
        ("NaN", "Channel 2"),
        ("dead channel", "Channel 1"),
    ],
)
def test_bad_recordings(kind, says, out, tmp_path):
    fails(2, "train", "--data", spoil(kind, tmp_path), "--out", out, says=says, leaves=[out])


def test_unknown_board(small_bundle, out):
    fails(2, "validate", small_bundle, "--board", "mps9", "--out", out, says="mps2-an386", leaves=[out])
    fails(2, "build", small_bundle, "--board", "mps9", "--out", out, says="mps2-an386", leaves=[out])


def path_without(program, folder):
    """Make a PATH with everything but one program."""
    folder.mkdir()
    for entry in os.environ["PATH"].split(os.pathsep):
        with contextlib.suppress(OSError):
            for tool in Path(entry).iterdir():
                if tool.name != program and not (folder / tool.name).exists():
                    (folder / tool.name).symlink_to(tool)
    return os.environ | {"PATH": str(folder)}


def test_missing_compiler(small_bundle, out, tmp_path):
    env = path_without("arm-none-eabi-gcc", tmp_path / "bin")
    fails(
        4,
        "build",
        small_bundle,
        "--board",
        "mps2-an386",
        "--out",
        out,
        says="apt-get install",
        leaves=[out],
        env=env,
    )


def test_missing_emulator(small_bundle, out, tmp_path):
    env = path_without("qemu-system-arm", tmp_path / "bin")
    arguments = ("validate", small_bundle, "--board", "mps2-an386", "--out", out)
    fails(4, *arguments, says="qemu-system-arm", leaves=[out], env=env)


def test_a_changed_bundle_is_noticed(small_bundle, out, tmp_path):
    copy = shutil.copytree(small_bundle, tmp_path / "copy")
    model = copy / "model.tflite"
    model.write_bytes(model.read_bytes()[:-1] + b"\xff")
    fails(2, "validate", copy, "--board", "mps2-an386", "--out", out, says="changed", leaves=[out])


def test_firmware_of_another_model_is_refused(small, small_bundle, out, tmp_path):
    myofin("convert", small / "run", "--scheme", "float32", "--out", tmp_path / "other")
    myofin("build", tmp_path / "other", "--board", "mps2-an386", "--out", tmp_path / "image")
    arguments = (
        "validate",
        small_bundle,
        "--board",
        "mps2-an386",
        "--image",
        tmp_path / "image",
        "--out",
        out,
    )
    fails(3, *arguments, says="holds model", leaves=[out])


def emulator_of(process):
    """Process id of the emulator that a command has started; none yet is 0."""
    asked = ["pgrep", "-P", str(process.pid), "-f", "qemu-system-arm"]
    found = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.split()
    return int(found[0]) if found else 0


def interrupt(arguments, ready, number):
    """Start a command, wait until ``ready()``, send a signal as a terminal would, and return how it ended."""
    command = [sys.executable, "-m", "myofin", *map(str, arguments)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 120
    while not ready(process) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert process.poll() is None, process.stderr.read()
    os.killpg(process.pid, number)
    _, said = process.communicate(timeout=60)
    return process.returncode, said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_during_train(small, out, number):
    def started(process):
        return any(out.parent.glob(".out.partial*"))

    arguments = ["train", "--data", small / "recording.npz", "--out", out, "--epochs", 500]
    code, said = interrupt(arguments, started, number)
    assert code == 130
    assert said.strip().startswith("Interrupted")
    assert list(out.parent.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_during_validate_leaves_no_emulator(small, small_bundle, out, number):
    seen = []

    def started(process):
        seen.append(emulator_of(process))
        return seen[-1]

    arguments = ["validate", small_bundle, "--board", "mps2-an386", "--data", small / "recording.npz"]
    code, said = interrupt([*arguments, "--windows", 100000, "--out", out], started, number)
    assert code == 130
    assert said.strip().startswith("Interrupted")
    assert list(out.parent.iterdir()) == []
    assert not Path(f"/proc/{seen[-1]}").exists()


def test_full_disk(small, small_bundle, tmp_path):
    """A 32 kB tmpfs, mounted in a mount namespace of its own so that it vanishes with the command."""
    for arguments in (
        ("convert", small / "run", "--out", tmp_path / "disk" / "out"),
        ("build", small_bundle, "--board", "mps2-an386", "--out", tmp_path / "disk" / "out"),
    ):
        (tmp_path / "disk").mkdir(exist_ok=True)
        line = " ".join(map(str, (sys.executable, "-m", "myofin", *arguments)))
        disk = tmp_path / "disk"
        script = f"mount -t tmpfs -o size=32k none {disk} && {line}; code=$?; ls -A {disk}; exit $code"
        flags = ["--mount"] if os.geteuid() == 0 else ["--user", "--map-root-user", "--mount"]
        done = subprocess.run(
            ["unshare", *flags, "sh", "-c", script], capture_output=True, text=True, check=False
        )
        assert done.returncode == 2, done.stderr
        assert "disk is full" in done.stderr
        assert done.stdout == "", "something half-written was left"


def test_a_damaged_manifest(small_bundle, out, tmp_path):
    copy = shutil.copytree(small_bundle, tmp_path / "copy")
    path = copy / "bundle.json"
    document = json.loads(path.read_text())
    document["body"]["channels"] = -3
    path.write_text(json.dumps(document))
    fails(2, "validate", copy, "--board", "mps2-an386", "--out", out, says="channels", leaves=[out])


def test_recordings_of_another_rate_are_refused(small_bundle, out, tmp_path):
    shape = ("--channels", 4, "--rate-hz", 2000, "--movements", 5, "--movement-s", 0.5, "--rest-s", 0.3)
    myofin("data", "synth", "--out", tmp_path / "fast.npz", *shape)
    arguments = (
        "validate",
        small_bundle,
        "--board",
        "mps2-an386",
        "--data",
        tmp_path / "fast.npz",
        "--out",
        out,
    )
    fails(2, *arguments, says="2000 Hz", leaves=[out])
