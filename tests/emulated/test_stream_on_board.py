"""Streams from emulated boards: every decision computed again, and what is kept when something ends them."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import myofin

from myofin.artifacts import read_manifest
from myofin.boards.registry import load_board
from myofin.firmware_bridge.build import build_bundle
from myofin.firmware_bridge.stream import (
    StreamSettings,
    StreamUnwrittenError,
    finish_recording,
    stream_bundle,
)
from myofin.firmware_bridge.stream_store import StreamWriter, read_stream
from myofin.recordings.load import load_recording

TICKS = ("front_end_ticks", "fin_ticks", "head_ticks", "interrupt_ticks", "response_ticks", "queue")


@pytest.fixture(scope="module")
def outs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("streams")


@pytest.fixture(scope="module")
def image(small_bundle: Path, outs: Path) -> Path:
    """The firmware of the emulated M4F, built once."""
    return build_bundle(small_bundle, load_board("mps2-an386"), outs / "image").folder


@pytest.fixture(scope="module")
def streamed(small: Path, small_bundle: Path, outs: Path) -> Path:
    """Two seconds of the small recording from the emulated M4F, through the command line."""
    out = outs / "stream"
    arguments = ("--board", "mps2-an386", "--data", small / "recording.npz", "--seconds", 2, "--edf")
    myofin("stream", small_bundle, *arguments, "--out", out)
    return out


def report_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return found


def arrays(folder: Path, name: str) -> dict[str, Any]:
    with np.load(folder / f"{name}.npz") as found:
        return dict(found)


def test_every_decision_of_a_stream_is_computed_again(streamed: Path) -> None:
    report = report_of(streamed)
    assert report["verdict"] == "pass"
    assert report["equal"] == {"codes": 171, "features": 171, "logits": 171}
    stream = report["stream"]
    assert (stream["samples"], stream["decisions"], stream["missing_decisions"]) == (2000, 171, 0)
    assert (stream["gaps"]["count"], report["link"]["dropped_samples"], stream["unverified_decisions"]) == (
        0,
        0,
        0,
    )
    assert stream["cross_check"]["decisions"] == stream["cross_check"]["equal"] == 100
    assert report["deadline"]["missed"] == 0
    assert report["latency"]["decisions"] == 171
    assert 0 < stream["interrupts"]["share_of_time"] < 0.2
    assert stream["board_counted"]["samples"] == 2000
    assert 0 < report["memory"]["stack_high_water"] < 8192
    read_manifest(streamed, "stream")


def test_samples_are_the_recordings(small: Path, streamed: Path) -> None:
    counts = load_recording(small / "recording.npz").counts
    np.testing.assert_array_equal(arrays(streamed, "samples")["counts"], counts[:2000])
    edfio = pytest.importorskip("edfio")
    edf = edfio.read_edf(streamed / "samples.edf")
    np.testing.assert_array_equal(edf.signals[2].digital, counts[:2000, 2])
    assert any(note.text.startswith("decided") for note in edf.annotations)


def test_counts_repeat_exactly(
    small: Path, small_bundle: Path, image: Path, outs: Path, streamed: Path
) -> None:
    settings = StreamSettings(board="mps2-an386", data=small / "recording.npz", seconds=1.0, image=image)
    stream_bundle(small_bundle, settings, outs / "again")
    first, second = arrays(streamed, "decisions"), arrays(outs / "again", "decisions")
    for name in TICKS:  # but the last: no sample comes any more while it is made
        alike = len(second[name]) - 1
        np.testing.assert_array_equal(first[name][:alike], second[name][:alike])


def test_deadlines_are_missed_where_the_board_is_too_slow(
    small_bundle: Path, image: Path, outs: Path, streamed: Path
) -> None:
    a_decision = report_of(streamed)["latency"]["p50"]
    slow = (
        "--image",
        image,
        "--seconds",
        1.5,
        "--instructions-per-second",
        int(80 * a_decision),
    )  # 1.25 hops for each
    done = myofin("stream", small_bundle, "--board", "mps2-an386", *slow, "--out", outs / "slow", check=False)
    report = report_of(outs / "slow")
    assert done.returncode == 1
    assert "deadlines were missed, more than 0" in done.stdout
    assert report["deadline"]["missed"] > 0
    assert report["link"]["dropped_samples"] > 0
    assert report["stream"]["gaps"]["unexplained"] == 0
    assert report["equal"]["logits"] == report["windows"] > 0, "what was decided is right all the same"


@pytest.mark.parametrize("board", ["mps2-an547", "netduinoplus2"])
def test_other_boards_stream(small_bundle: Path, outs: Path, board: str) -> None:
    report = stream_bundle(small_bundle, StreamSettings(board=board, seconds=0.5), outs / board)
    assert (report["verdict"], report["windows"]) == ("pass", 21)
    assert report["stream"]["gaps"]["count"] == 0


def start(small: Path, image: Path, out: Path, seconds: int) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "myofin",
        "stream",
        small / "bundle",
        "--board",
        "mps2-an386",
        "--out",
        out,
    ]
    command += ["--image", image, "--data", small / "recording.npz", "--seconds", seconds]
    return subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for_samples(process: subprocess.Popen[str], out: Path) -> None:
    """Until a second or two of the stream are in its folder."""
    kept = out / "decisions.bin"
    while process.poll() is None and not (kept.exists() and kept.stat().st_size):
        time.sleep(0.02)
    assert process.poll() is None


def test_ctrl_c_keeps_what_came(small: Path, image: Path, outs: Path) -> None:
    out = outs / "interrupted"
    process = start(small, image, out, 100_000)
    wait_for_samples(process, out)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=300)
    assert process.returncode == 130
    assert told.count("error:") == 1
    assert "Interrupted after" in told
    report = report_of(out)
    assert report["verdict"] == "pass"
    assert not report["stream"]["complete"]
    assert len(arrays(out, "samples")["counts"]) == report["stream"]["samples"] > 0


def test_a_host_that_is_suspended_loses_nothing(small: Path, image: Path, outs: Path) -> None:
    out = outs / "suspended"
    process = start(small, image, out, 6)
    wait_for_samples(process, out)
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(5)
    os.kill(process.pid, signal.SIGCONT)
    process.communicate(timeout=300)
    assert process.returncode == 0
    assert report_of(out)["stream"]["gaps"]["count"] == 0


def test_an_emulator_that_dies_leaves_what_came(small: Path, image: Path, outs: Path) -> None:
    """As a cable that is pulled: the link is gone at once."""
    out = outs / "unplugged"
    process = start(small, image, out, 100_000)
    wait_for_samples(process, out)
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            arguments = (folder / "cmdline").read_bytes()
            if b"qemu-system-arm" in arguments and str(image / "firmware.elf").encode() in arguments:
                os.kill(int(folder.name), signal.SIGKILL)
    _, told = process.communicate(timeout=300)
    assert process.returncode == 3
    assert told.count("error:") == 1
    assert f"that came are kept in {out}" in told
    report = report_of(out)
    assert report["equal"]["logits"] == report["windows"] > 0
    assert len(arrays(out, "samples")["counts"]) > 0


def test_thresholds_of_validate_fail_with_a_sentence(small_bundle: Path, image: Path, outs: Path) -> None:
    strict = ("--max-latency-us", 1, "--min-accuracy", 1.0, "--max-flips", 0, "--windows", 12)
    where = ("--board", "mps2-an386", "--image", image, "--out", outs / "gates")
    done = myofin("validate", small_bundle, *where, *strict, check=False)
    assert done.returncode == 1
    assert "The slowest decision took" in done.stdout
    report = report_of(outs / "gates")
    assert report["equal"]["logits"] == 12
    assert report["verdict"] == "fail"
    assert any("more than 1.0 us" in sentence for sentence in report["broken_gates"])


def test_a_full_disk_keeps_what_was_written(
    small: Path, small_bundle: Path, image: Path, outs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, written = outs / "full", []

    def frame(self: StreamWriter, payload: bytes) -> None:
        if len(written) == 80:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(payload)
        self._samples.write(payload)

    monkeypatch.setattr(StreamWriter, "frame", frame)
    settings = StreamSettings(board="mps2-an386", data=small / "recording.npz", seconds=5.0, image=image)
    with pytest.raises(StreamUnwrittenError, match=r"Nothing more could be written after 0\.\d+ s") as caught:
        stream_bundle(small_bundle, settings, out)
    assert caught.value.exit_code == 2
    assert read_stream(out).samples == 80 * 10
    assert finish_recording(small_bundle, out)["windows"] > 0
    assert len(arrays(out, "samples")["counts"]) == 80 * 10


def test_a_killed_process_leaves_a_readable_recording(
    small: Path, small_bundle: Path, image: Path, outs: Path
) -> None:
    out = outs / "killed"
    process = start(small, image, out, 100_000)
    wait_for_samples(process, out)
    process.kill()
    process.communicate(timeout=60)
    kept = read_stream(out)
    assert kept.samples > 0
    assert not kept.end
    report = finish_recording(small_bundle, out)
    assert report["windows"] > 0
    assert report["equal"]["logits"] == report["windows"]
    assert len(arrays(out, "samples")["counts"]) == kept.samples


def test_only_a_stream_is_replaced(small_bundle: Path, image: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    done = myofin(
        "stream", small_bundle, "--board", "mps2-an386", "--image", image, "--out", tmp_path, check=False
    )
    assert done.returncode == 2
    assert "not a stream that myofin wrote" in done.stderr
    assert (tmp_path / "mine.txt").read_text() == "precious"
