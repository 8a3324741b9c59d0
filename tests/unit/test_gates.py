"""Thresholds of a report: each broken one is a sentence, and fails the verdict."""

from __future__ import annotations

from typing import Any

import pytest

from myofin.firmware_bridge.gates import NO_GATES, Gates, apply_gates, broken_gates


def report(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "verdict": "pass",
        "sentence": "All equal.",
        "deadline": {"max_us": 7_980.5, "missed": 2},
        "accuracy": {"device": 0.8},
        "argmax_flips": 3,
    }
    return {**found, **changes}


@pytest.mark.parametrize(
    ("gates", "sentence"),
    [
        (Gates(max_latency_us=7_980.0), "took 7,980.5 us, more than 7980.0 us"),
        (Gates(min_accuracy=0.81), "accuracy on the device is 0.8000, less than 0.81"),
        (Gates(max_flips=2), "3 decisions differ from the host's, more than 2"),
        (Gates(max_missed=0), "2 deadlines were missed, more than 0"),
    ],
)
def test_a_broken_gate_is_a_sentence(gates: Gates, sentence: str) -> None:
    (found,) = broken_gates(report(), gates)
    assert sentence in found
    judged = apply_gates(report(), gates)
    assert judged["verdict"] == "fail"
    assert judged["sentence"] == f"All equal. {found}"


@pytest.mark.parametrize(
    "gates",
    [NO_GATES, Gates(7_980.5, 0.8, 3, 2)],
)
def test_what_is_held_passes(gates: Gates) -> None:
    assert broken_gates(report(), gates) == []
    assert apply_gates(report(), gates)["verdict"] == "pass"
    assert apply_gates(report(verdict="fail"), gates)["verdict"] == "fail"


def test_what_is_unknown_is_not_held() -> None:
    unknown = report(deadline={"max_us": None, "missed": 0}, accuracy={"device": None})
    assert len(broken_gates(unknown, Gates(max_latency_us=1e9, min_accuracy=0.0))) == 2
