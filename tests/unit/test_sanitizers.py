"""The sanitizers would notice: an engine that was broken on purpose ends the process that runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from engine_cases import generate, model

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from sanitizers import SANITIZE, sanitized_environment

_RUN = """
import sys
from pathlib import Path
import numpy as np
from myofin.convert.host_engine import HostEngine
HostEngine(Path(sys.argv[1]), *sys.argv[2:]).invoke(np.zeros((1, 30, 2), np.int8))
"""
_RESET = "    memset(state, 0, sizeof(*state));\n"


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ("    memset(state, 0, sizeof(*state) + 1u);\n", "AddressSanitizer: global-buffer-overflow"),
        ("    volatile int32_t most = INT32_MAX;\n    most += 1;\n", "signed integer overflow"),
    ],
)
def test_a_broken_engine_is_caught(fault: str, complaint: str, tmp_path: Path) -> None:
    generate(model("shared2_one_sample"), 2, tmp_path)
    source = tmp_path / "myofin_model.c"
    text = source.read_text(encoding="utf-8")
    assert text.count(_RESET) == 1
    source.write_text(text.replace(_RESET, _RESET + fault), encoding="utf-8")
    command = [sys.executable, "-c", _RUN, str(tmp_path), *SANITIZE]
    done = subprocess.run(
        command, env=sanitized_environment(), capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode != 0
    assert complaint in done.stderr
