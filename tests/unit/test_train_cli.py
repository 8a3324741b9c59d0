"""What ``myofin train`` is asked for on the command line reaches the training as it was said."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from myofin.train import pipeline
from myofin.train.cli import train
from myofin.train.config import TrainConfig

METRICS = {
    "accuracy": {"train": 0.9, "validation": 0.8, "test": 0.7},
    "head": {"kept": False, "before": 0.6},
    "feature_r2": {"entropy": {"log": None}, "rms": {"log": 0.99}},
    "lda_closed_form": {"lda-four": {"test": 0.65}},
    "seconds": {"features": 1.0, "pre_train": 2.0},
    "chance": 0.25,
}


@pytest.fixture
def asked(monkeypatch):
    """Arguments of the trainings that were asked for."""
    calls = []

    def train_run(*arguments, start, progress):
        calls.append((*arguments, start))
        return METRICS

    monkeypatch.setattr(pipeline, "train_run", train_run)
    return calls


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        ([], TrainConfig()),
        (["--layout", "joint", "--units", "48"], TrainConfig(layout="joint", units=48)),
        (["--features", "entropy, rms,var,ssi"], TrainConfig(features=("entropy", "rms", "var", "ssi"))),
        (["--features-by", "arithmetic", "--seed", "3"], TrainConfig(features_by="arithmetic", seed=3)),
        (["--dc-blocker-shift", "6", "--epochs", "2"], TrainConfig(dc_shift=6, epochs=2)),
    ],
)
def test_options_are_settings(asked, options, settings):
    done = CliRunner().invoke(train, ["--data", "d", "--subject", "1", "--out", "o", "--fin", "f", *options])
    assert done.exit_code == 0, done.output
    assert asked == [(Path("d"), "1", Path("o"), settings, Path("f"))]


def test_the_end_is_told_in_sentences(asked):
    told = CliRunner().invoke(train, ["--data", "d", "--out", "o"]).output
    assert "o: trained in 3 s" in told and "entropy undefined, rms 0.9900" in told
    assert "test 0.700 (chance 0.250)" in told and "lda-four 0.650" in told and "not kept" in told


def test_a_layout_that_is_none_is_refused(asked):
    done = CliRunner().invoke(train, ["--data", "d", "--out", "o", "--layout", "stacked"])
    assert done.exit_code == 2 and "'stacked' is not one of 'shared', 'joint'" in done.output and not asked
