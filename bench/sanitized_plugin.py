"""Pytest plugin: every engine that a test compiles for this machine is compiled with sanitizers, and counted.

It is loaded by ``bench/proof_sanitizers.py``, in a process in which AddressSanitizer's library came first.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sanitizers import COUNTS_VARIABLE, SANITIZE, plain_environment

from myofin.convert import host_engine

COUNTS: Counter[str] = Counter()
_compile = host_engine.compile_sources


def compile_sanitized(sources: list[Path], output: Path, include: Path, *flags: str) -> None:
    """As ``compile_sources``, with sanitizers in place of the optimisation asked for."""
    kept = [flag for flag in flags if not flag.startswith("-O")]
    with plain_environment():
        _compile(sources, output, include, *kept, *SANITIZE)
    COUNTS["programs"] += 1


def _counted(name: str) -> None:
    method = getattr(host_engine.HostEngine, name)

    def wrapped(self: host_engine.HostEngine, rows: Any, **options: Any) -> Any:
        result = method(self, rows, **options)
        COUNTS[name] += len(result[0]) if name != "encode" else len(rows) // self.sizes.frame_samples
        return result

    setattr(host_engine.HostEngine, name, wrapped)


def pytest_configure(config: pytest.Config) -> None:
    """Put the sanitizers in before any test module imports the function."""
    host_engine.compile_sources = compile_sanitized
    for name in ("invoke", "stream", "encode"):
        _counted(name)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count the tests by how they ended."""
    if report.when == "call" or report.outcome != "passed":
        COUNTS[f"tests {report.outcome}"] += 1


def pytest_unconfigure(config: pytest.Config) -> None:
    """Hand the counts over."""
    Path(os.environ[COUNTS_VARIABLE]).write_text(json.dumps(COUNTS), encoding="utf-8")
