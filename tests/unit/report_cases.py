"""Documents of reports with chosen decisions, for the tests of comparing them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from comparison_cases import CLASSES, INT8, copy, decisions, facts, ticks, truth

from myofin.firmware_bridge.comparison import compare
from myofin.firmware_bridge.report import build_report
from myofin.firmware_bridge.window_facts import WindowFacts

WINDOWS = 300


def document(right: int = 250, seed: int = 0, first: int = 0, **changes: Any) -> dict[str, Any]:
    """A report of 300 windows, of which a random ``right`` are decided right; ``first`` is their identity."""
    rng = np.random.default_rng(seed)
    host = decisions(WINDOWS, seed)
    labels = np.arange(WINDOWS) % CLASSES
    decided = labels.copy()
    wrong = rng.permutation(WINDOWS)[: WINDOWS - right]
    decided[wrong] = (labels[wrong] + 1) % CLASSES
    logits = np.full((WINDOWS, CLASSES), -10, np.int8)
    logits[np.arange(WINDOWS), decided] = 20
    host = replace(host, logits=logits)
    identities = np.arange(first, first + WINDOWS).astype(np.uint32)
    windows = WindowFacts.of(identities, labels, logits, logits)
    known = replace(truth(WINDOWS), labels=labels)
    compared = compare(host, copy(host), INT8, ticks(WINDOWS), known)
    made = build_report(compared, facts(), windows)
    return {**made, "broken_gates": [], **changes}


def written(folder: Path, made: dict[str, Any]) -> Path:
    """A report.json alone."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "report.json"
    path.write_text(json.dumps(made), encoding="utf-8")
    return path
