"""Faults planted in the C of an image: the first stage that differs is named, with place and values."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from conftest import myofin
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent.parent / "unit"))

from native_board import NativeBoard, library

from myofin.artifacts import sha256_file
from myofin.boards.registry import load_board
from myofin.convert.bundle import Bundle, read_bundle
from myofin.convert.codegen_lower import lower
from myofin.convert.flatbuffer import read_model
from myofin.convert.host_trace import slides
from myofin.firmware_bridge.board_run import trace_on_board
from myofin.firmware_bridge.diagnosis import diagnose, trace_on_host
from myofin.firmware_bridge.divergence import Divergence, Layout, first_divergence
from myofin.firmware_bridge.session import BoardSession
from myofin.firmware_bridge.trace import Records

Edit = Callable[[str], str]
QUIET, LOUD = 0, 1


def entry(array: str, index: int, change: Callable[[int], int]) -> Edit:
    """Change one number of an array, in the last of its definitions: the one of kernels without Helium."""

    def edit(text: str) -> str:
        begin = [found.end() for found in re.finditer(rf"{array}\[\d+\][\w ]* = {{", text)][-1]
        end = text.index("};", begin)
        parts = re.split(r"(-?\d+)", text[begin:end])
        parts[2 * index + 1] = str(change(int(parts[2 * index + 1])))
        return text[:begin] + "".join(parts) + text[end:]

    return edit


def stale(text: str) -> str:
    """The reset of the LSTM's state left out from the second sequence on."""
    return text.replace("step == 0u);", "(step == 0u) && (state->frames_held == 0u));")


def unsaturated(text: str) -> str:
    return text.replace(".low = -128", ".low = INT32_MIN").replace(".high = 127", ".high = INT32_MAX")


FAULTS = {
    "front end's table": (entry("FRONTEND_TABLE", 20, lambda v: v + 3), "codes"),
    "embedding weight": (entry("LSTM0_CONV_FIRST", 1, lambda v: v ^ 0x4000), "lstm0.pooled"),
    "input weight": (entry("LSTM0_WEIGHTS", 9, lambda v: v ^ 0x80), "lstm0.input"),
    "recurrent weight": (entry("LSTM0_RECURRENT", 9, lambda v: v ^ 0x80), "lstm0.state"),
    "stale state": (stale, "lstm0.state"),
    "feature weight": (entry("DENSE0_WEIGHTS", 5, lambda v: v ^ 0x40), "dense0"),
    "saturation disabled": (unsaturated, ""),
    "logit bias": (entry("DENSE1_BIAS", 2, lambda v: v + 4000), "dense1"),
}


def plant(bundle: Path, copy: Path, edit: Edit) -> Path:
    """A copy of a bundle with a fault in its C, and a manifest that does not notice."""
    shutil.copytree(bundle, copy)
    source, manifest = copy / "c" / "myofin_model.c", copy / "bundle.json"
    changed = edit(source.read_text())
    assert changed != source.read_text()
    source.write_text(changed)
    document = json.loads(manifest.read_text())
    document["files"]["c/myofin_model.c"] = sha256_file(source)
    manifest.write_text(json.dumps(document))
    return copy


def windows(bundle: Bundle) -> NDArray[np.int16]:
    """Noise, then counts that jump from one end of their range to the other, beyond any feature's range."""
    rng = np.random.default_rng(0)
    shape = (1, bundle.body.window_samples, bundle.body.channels)
    loud = np.where(np.arange(shape[1]) % 2, -32768, 32767)[np.newaxis, :, np.newaxis]
    return np.concatenate([rng.normal(0, 300, shape), np.broadcast_to(loud, shape)]).astype(np.int16)


@cache
def expected(sound: Path, window: int) -> Records:
    bundle = read_bundle(sound)
    return trace_on_host(bundle, windows(bundle), window)


def native_divergence(sound: Path, bundle: Bundle, window: int) -> Divergence | None:
    """What is found on the firmware compiled for this machine, with traces, against the sound bundle."""
    counts = windows(bundle)
    board = NativeBoard(firmware=library(bundle.engine_folder, "-DMYOFIN_TRACE"))
    theirs = trace_on_board(BoardSession(board, clock=board.clock), bundle.body.contract, counts, window)
    layout = Layout(lower(read_model(bundle.model())), bundle.body.channels, slides(bundle))
    return first_divergence(expected(sound, window), theirs, layout, 0.0)


def saturating(sound: Path, window: int) -> str:
    """The first dense stage that reaches an end of 8 bits; training decides which."""
    records = expected(sound, window)
    stages = [stage for stage in ("dense0", "dense1") if np.isin(records[stage], (-128, 127)).any()]
    assert stages, "the loud window has to saturate something"
    return stages[0]


@pytest.mark.parametrize("fault", FAULTS)
def test_the_stage_is_named(fault: str, small_bundle: Path, tmp_path: Path) -> None:
    edit, stage = FAULTS[fault]
    bundle = read_bundle(plant(small_bundle, tmp_path / "bundle", edit))
    window = QUIET
    if fault == "saturation disabled":
        window, stage = LOUD, saturating(small_bundle, LOUD)
    found = native_divergence(small_bundle, bundle, window)
    assert found is not None
    assert found.stage == stage
    assert found.host != found.board
    assert 0 < found.differing <= found.values
    assert f"board {found.board:g}, host {found.host:g}" in found.sentence
    if fault == "stale state":
        assert "step 0 of sequence 1, where it starts anew" in found.where
    elif fault == "recurrent weight":
        assert "step 1 of" in found.where
    elif fault == "saturation disabled":
        assert abs(found.host) in (127, 128)
        assert np.sign(found.host) != np.sign(found.board), "it wrapped around"


def test_a_sound_engine_differs_nowhere(small_bundle: Path) -> None:
    assert native_divergence(small_bundle, read_bundle(small_bundle), LOUD) is None


def test_helium_records_in_the_same_order(small_bundle: Path) -> None:
    bundle = read_bundle(small_bundle)
    found = diagnose(bundle, load_board("mps2-an547"), None, None, windows(bundle), LOUD)
    assert "computes this window as the host does" in found["sentence"]


def test_validate_asks_by_itself_and_names_the_stage(small_bundle: Path, tmp_path: Path) -> None:
    edit, stage = FAULTS["input weight"]
    bundle, report = plant(small_bundle, tmp_path / "bundle", edit), tmp_path / "report"
    done = myofin("validate", bundle, "--board", "mps2-an386", "--windows", 10, "--out", report, check=False)
    assert done.returncode == 1, done.stderr
    found = json.loads((report / "report.json").read_text())["first_difference"]
    assert found["stage"] == stage
    assert f"window {found['window']}: {found['sentence']}" in done.stdout
    assert "the input half of the LSTM&#39;s gates" in (report / "report.html").read_text()
