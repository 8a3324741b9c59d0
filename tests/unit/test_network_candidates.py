"""The networks under the protocols, in a child process: TensorFlow must not come into this one."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FACTS = Path(__file__).with_name("evaluation_facts.py")


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("networks")
    (folder / "data").mkdir()
    command = [sys.executable, str(FACTS), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    document: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return document


def test_a_fin_of_others_is_measured_as_float_and_as_integers(facts: dict[str, Any]) -> None:
    found = facts["rotation"]
    accuracies = {row["scheme"]: row["accuracy"] for row in found["rows"]}
    assert list(accuracies) == ["float32", "int8", "int16x8"]
    assert max(accuracies.values()) - min(accuracies.values()) < 0.2
    imitated = found["imitation"]
    assert {row["scheme"] for row in imitated} == {"float32", "int8", "int16x8", "codes"}
    assert {row["feature"] for row in imitated} >= {"entropy", "rms", "var", "ssi"}
    for row in imitated:
        assert row["test_subject"] == "1" and row["train_subjects"] == ["2", "3"]
    by_codes = {row["feature"]: row["r2_log"] for row in imitated if row["scheme"] == "codes"}
    assert all(row["r2_log"] <= by_codes[row["feature"]] for row in imitated), "the codes are the limit"


def test_zero_shot_learns_from_several_recordings_as_one(facts: dict[str, Any]) -> None:
    found = facts["loso"]
    assert [row["scheme"] for row in found["rows"]] == ["float32", "int8", "int16x8"]
    assert all(row["subject"] == "1" and row["windows"] > 100 for row in found["rows"])
    assert {tuple(imitated["train_subjects"]) for imitated in found["imitation"]} == {("2", "3")}
    assert list(found["inputs"]) == ["s1.npz", "s2.npz", "s3.npz"]


def test_pre_training_is_kept_for_who_pools_the_same(facts: dict[str, Any]) -> None:
    """Zero-shot and rotation of a subject take the same FIN: that of the others."""
    assert facts["reused"] and facts["fins"] == 1


def test_training_in_eight_bits_computes_what_the_engine_will(facts: dict[str, Any]) -> None:
    distances = facts["simulation"]
    assert distances["int8"] < distances["step"] < distances["float"], distances
    assert distances["int8"] < 0.2 * distances["float"], distances


def test_training_in_eight_bits_bounds_the_gates_as_the_engine_does(facts: dict[str, Any]) -> None:
    distances = facts["bounds"]
    assert distances["int8"] < 0.1 * distances["unbounded"], distances
