"""MLPerf Tiny's text commands on an emulated board: spoken directly, and by the runner where it is there."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from mlperf_tiny import ROOT_VARIABLE, device_class, main

from myofin.boards.registry import load_board
from myofin.convert.bundle import read_bundle
from myofin.convert.oracle import bundle_oracle
from myofin.errors import InputError
from myofin.firmware_bridge.build import build_bundle
from myofin.firmware_bridge.emulator import emulated
from myofin.firmware_bridge.link import Link, open_link
from myofin.firmware_bridge.session import BoardSession

BOARD = load_board("mps2-an386")
LAP_TOLERANCE = 0.01  # calls around it are measured too


def say(link: Link, command: str) -> list[str]:
    """The lines that answer a command, without the last: ``m-ready``."""
    link.write(f"{command}%".encode())
    text = b""
    while not text.endswith(b"m-ready\r\n"):
        more = link.read(4096, 20.0)
        assert more, f"no answer to {command}"
        text += more
    return text.decode("ascii").splitlines()[:-1]


def load(link: Link, codes: bytes) -> None:
    say(link, f"db load {len(codes)}")
    for at in range(0, len(codes), 31):
        answer = say(link, f"db {codes[at : at + 31].hex()}")
    assert answer == ["m-load-done"]


def test_a_board_is_measured_by_text_and_then_talks_frames(small_bundle: Path, tmp_path: Path) -> None:
    bundle = read_bundle(small_bundle)
    golden = bundle.golden()
    expected = bundle_oracle(bundle).run(golden.codes[:3]).logits
    image = build_bundle(small_bundle, BOARD, tmp_path / "image")
    with emulated(image, BOARD) as url, open_link(url) as link:
        assert say(link, "name") == [f"m-name-dut-[{BOARD.name}]"]
        assert say(link, "profile")[1] == f"m-model-[{bundle.body.model_sha256[:8]}]"
        laps = []
        for window, logits in zip(golden.codes, expected, strict=False):
            load(link, window.tobytes())
            lines = say(link, "infer 5 1")
            assert lines[-1] == f"m-results-[{','.join(map(str, logits))}]"
            start, end = (int(line.removeprefix("m-lap-us-")) for line in lines if "m-lap-us-" in line)
            laps.append(end - start)
        session = BoardSession(link)
        result = session.inject_window(golden.counts[0], whole=True)
        np.testing.assert_array_equal(result.logits, expected[0])
    instructions = BOARD.counter.units(result.fin_ticks) + BOARD.counter.units(result.head_ticks)
    stated_us = 5e6 * instructions / BOARD.counter.units_per_second
    assert all(abs(lap - stated_us) <= LAP_TOLERANCE * stated_us + 2 for lap in laps)


def test_the_runner_measures_it(small_bundle: Path, tmp_path: Path) -> None:
    """Where MYOFIN_MLPERF_ROOT names no checkout of the runner, only that this is said."""
    if ROOT_VARIABLE not in os.environ:
        with pytest.raises(InputError, match=r"holds no benchmark.runner"):
            device_class(tmp_path)
        return
    arguments = [str(small_bundle), "--windows", "3", "--iterations", "2", "--out", str(tmp_path)]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    row = json.loads((tmp_path / "mlperf.json").read_text())
    assert (row["windows"], row["equal"], row["name"]) == (3, 3, "mps2-an386")
    assert row["median_throughput"] > 0
