"""Proof: the tests of the engine and of the firmware on this machine are clean under ASan and UBSan."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from proof_counts import ROOT, Count, Settings
from sanitizers import COUNTS_VARIABLE, sanitized_environment

from myofin.errors import CheckError

# Whatever compiles C for this machine: engines of all schemes, plain and sliding, in both layouts, the front
# end, the activations, and the firmware's application with its parser.
TESTS = (
    *("test_engine_*.py", "test_frontend_c.py", "test_executors.py"),
    *("test_link_session.py", "test_wire.py", "test_sanitizers.py"),
)
SMALL = (
    "test_engine_sliding.py::test_every_hop_equals_the_plain_call[joint4_plain]",
    "test_engine_float32.py::test_close_to_the_tflite_runtime[joint4_float32]",
    "test_link_session.py::test_the_firmware_survives_garbage",
)
TIMEOUT_S = 3 * 3600


def sanitizers(settings: Settings) -> list[Count]:
    """Run the tests again in a process in which every compiled engine is sanitized."""
    counts = run_tests(settings, SMALL if settings.small else TESTS)
    passed, failed = counts.get("tests passed", 0), counts.get("tests failed", 0)
    note = (
        f"{counts.get('programs', 0)} libraries and programs compiled with -fsanitize=address,undefined; "
        f"{counts.get('invoke', 0):,} windows, {counts.get('stream', 0):,} hops and "
        f"{counts.get('encode', 0):,} frames encoded through the libraries; "
        f"{counts.get('tests skipped', 0)} tests skipped"
    )
    return [Count("tests of the C on this machine under ASan and UBSan", passed + failed, failed, note)]


def run_tests(settings: Settings, tests: tuple[str, ...]) -> dict[str, int]:
    """What the plugin counted; a process that died is one failed test more."""
    found = settings.scratch / "counts.json"
    environment = sanitized_environment() | {COUNTS_VARIABLE: str(found)}
    environment["PYTHONPATH"] = str(Path(__file__).parent)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "sanitized_plugin", "-p", "no:cacheprovider", *_paths(tests)],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
    )  # fmt: skip
    (settings.scratch / "log.txt").write_text(done.stdout + done.stderr, encoding="utf-8")
    if done.returncode not in (0, 1) and not found.is_file():
        return {"tests failed": 1} | _reason(done.stderr)
    return dict(json.loads(found.read_text(encoding="utf-8")))


def _reason(stderr: str) -> dict[str, int]:
    """Nothing to count where a sanitizer ended the process; another reason is an error of this proof.

    Raises:
        CheckError: The process ended for another reason.
    """
    if "Sanitizer" not in stderr and "runtime error" not in stderr:
        raise CheckError(f"The sanitized tests did not run: {stderr[-300:]}", hint="Run them by hand.")
    return {}


def _paths(tests: tuple[str, ...]) -> list[str]:
    """The tests' files and, where a name has one, the single test in it."""
    paths = []
    for pattern in tests:
        name, _, single = pattern.partition("::")
        files = sorted((ROOT / "tests" / "unit").glob(name))
        paths += [f"{path}::{single}" if single else str(path) for path in files]
    return paths
