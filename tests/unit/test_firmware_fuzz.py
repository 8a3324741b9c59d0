"""The firmware's receive path under random input with sanitizers, and that a fault in it would be found."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from fuzz_firmware import FIRMWARE, HERE, MODES, build, page

INPUTS = 20_000
ANSWERS = {"bytes": 0, "messages": 2 * INPUTS, "text": 0}  # frames, at least; noise hardly makes a request
FAULTS = {
    "a frame longer than the buffer is written past it": (
        *("cobs.c", "if (decoder->length == decoder->capacity) {"),
        "if (decoder->length == decoder->capacity + 64u) {",
    ),
    "a payload's length is not compared with its frames": (
        *("app.c", "size - WIRE_INJECT_FIXED_BYTES =="),
        "size - WIRE_INJECT_FIXED_BYTES + 5000u >=",
    ),
    "an answer is sent without its CRC": (
        *("frame.c", "return checked + WIRE_CRC_BYTES;"),
        "return checked;",
    ),
}


def run(
    folder: Path, mode: str, firmware: Path = FIRMWARE, seed: int = 1
) -> subprocess.CompletedProcess[str]:
    sanitizers = ("-fsanitize=address,undefined", str(HERE / "fuzz_driver.c"))
    program = build(folder, mode, "cc", *sanitizers, firmware=firmware)
    command = [str(program), str(seed), str(INPUTS)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.parametrize("mode", MODES)
def test_no_input_breaks_the_firmware(mode: str, tmp_path: Path) -> None:
    done = run(tmp_path, mode)
    assert done.returncode == 0, done.stderr
    inputs, answers, refusals = map(int, done.stdout.split())
    assert inputs == INPUTS
    assert answers >= ANSWERS[mode]
    assert refusals <= answers
    if mode == "messages":
        assert refusals > INPUTS / 10, "scripts reach the refusals too"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault: str, tmp_path: Path) -> None:
    name, sound, faulty = FAULTS[fault]
    firmware = Path(shutil.copytree(FIRMWARE, tmp_path / "firmware"))
    source = firmware / name
    assert source.read_text().count(sound) == 1
    source.write_text(source.read_text().replace(sound, faulty))
    assert run(tmp_path, "messages", firmware).returncode != 0


def test_the_page_states_the_figures() -> None:
    row = {"mode": "bytes", "inputs": 10_000_000, "edges": 79, "kept": 85, "findings": 0}
    assert "| bytes | 10,000,000 | 79 | 85 | 0 |" in page([row], "clang")
