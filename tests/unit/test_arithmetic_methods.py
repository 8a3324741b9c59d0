"""Features by arithmetic as a method of an evaluation, and the page that compares them with the network."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evaluation_cases import jobs_on, write_subjects

from myofin.recordings.check import load_trainable
from myofin.train.arithmetic import fit_arithmetic
from myofin.train.arithmetic_candidates import make
from myofin.train.config import TrainConfig
from myofin.train.dataset import prepare
from myofin.train.evaluate import evaluate

BENCH = Path(__file__).resolve().parents[2] / "bench"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_subjects(tmp_path_factory.mktemp("subjects"), 1)


def test_the_engine_decides_in_an_evaluation(folder: Path, tmp_path: Path) -> None:
    jobs = jobs_on(folder, methods=("arithmetic", "arithmetic-four", "lda-four"))
    documents = evaluate(jobs, tmp_path / "work")
    rows = {row["method"]: row for document in documents for row in document["rows"]}
    assert rows["arithmetic"]["scheme"] == rows["arithmetic-four"]["scheme"] == "int8"
    assert rows["arithmetic"]["windows"] == rows["lda-four"]["windows"] > 50
    assert min(row["accuracy"] for row in rows.values()) > 0.5  # three movements: chance is a third
    imitated = {
        r["feature"]: r["r2_log"] for d in documents for r in d["imitation"] if r["method"] == "arithmetic"
    }
    assert set(imitated) == set(TrainConfig().features)
    assert min(imitated[name] for name in ("entropy", "rms", "var", "ssi")) > 0.98
    assert make("arithmetic-four").settings.features == ("entropy", "rms", "var", "ssi")


def test_the_head_is_fitted_to_what_the_board_computes(folder: Path) -> None:
    config = TrainConfig(
        features_by="arithmetic", max_windows=300, varied_windows=100, calibration_windows=40
    )
    dataset = prepare(load_trainable(folder / "s1.npz", None), config)
    fitted, again = fit_arithmetic(dataset, config), fit_arithmetic(dataset, config)
    assert np.array_equal(fitted.head.kernel, again.head.kernel)
    features = fitted.features(dataset.train)
    steps = features / fitted.head.scale
    assert np.abs(steps - np.rint(steps)).max() < 1e-6, "they are what int8 holds"
    held = np.rint(steps) + fitted.head.zero_point
    assert np.mean((held == -128) | (held == 127)) < 0.01, "the range must not be cut"
    alone = fit_arithmetic(dataset, replace(config, refit=False))
    assert not np.array_equal(alone.head.kernel, fitted.head.kernel)


def result() -> dict[str, Any]:
    cost = {
        "dataset": "3dc", "subject": "7", "windows_equal": [9, 9], "decisions_equal": [8, 8],
        "instructions_p50": 90.0, "flash": 1, "ram": 2, "stack": 3, "small": {"refused": "Too large."},
    }  # fmt: skip
    costs = [cost | {"kind": kind, "instructions_max": float(most)}
             for kind, most in (("arithmetic-four", 50), ("arithmetic", 100), ("default", 450))]  # fmt: skip
    row = {"dataset": "3dc", "windows": 10, "arithmetic-four": 0.8, "lda-loghtd": 0.9}
    rows = [
        row | {"subject": "7", "arithmetic": 0.91, "default": [0.90, 0.90], "r2": {"rms": [0.99, 0.98]}},
        row | {"subject": "15", "arithmetic": 0.80, "default": [0.79, 0.81], "r2": {"rms": [0.97, 0.99]}},
    ]
    return {"board": "b", "small_board": "s", "costs": costs, "accuracy": rows}


def test_the_page_says_plainly_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    from arithmetic_page import page

    text = page(result())
    assert "**The LSTM is not worth its cycles here: " in text
    assert "0.5 points of accuracy better on average (1 of 2 subjects better)" in text
    assert "4.5 times the instructions" in text
    assert "| 3DC 7 | 10 | 0.800 | 0.910 | 0.900 (2) | +1.0 points |" in text
    assert "| log | 0.9700 |" in text and "| linear | 0.9800 |" in text
    assert "refused. Too large." in text
    worse = copy.deepcopy(result())
    worse["accuracy"][0]["arithmetic"] = 0.80
    assert "**The LSTM buys accuracy with cycles here: " in page(worse)
    for row in worse["accuracy"]:
        row["default"] = []
    assert "run `make results`" in page(worse)
