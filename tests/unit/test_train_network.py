"""The network and its training, measured once in a child process (see ``train_facts.py``)."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from myofin.errors import InputError
from myofin.train.config import RICH_FEATURES
from myofin.train.network_shape import NetworkShape


@pytest.fixture(scope="module")
def facts():
    script = Path(__file__).with_name("train_facts.py")
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_exported_graph_computes_what_was_trained(facts):
    assert len(facts["export_distances"]) == 6
    assert max(facts["export_distances"]) < 1e-5


def test_the_parameters_are_counted(facts):
    embedding = (1 * 8 + 8) + (8 * 8 + 8)
    lstm = 4 * 6 * (16 + 6 + 1)
    assert facts["parameters"] == embedding + lstm + (6 * 4 + 4) + (12 * 3 + 3)


def test_training_reports_its_stages_to_their_end(facts):
    assert facts["stages"] == ["features", "pre-train", "head", "fine-tune"]
    assert facts["unfinished"] == []


def test_pre_training_learns(facts):
    assert facts["losses"][-1] < 0.7 * facts["losses"][0]


def test_the_same_seed_gives_the_same_network_to_the_last_bit(facts):
    assert facts["repeats"]


def test_tuning_that_does_harm_is_not_kept_and_a_fin_is_reused_as_it_is(facts):
    # One row: the harmful epoch; none of pre-training, since the FIN was handed over.
    assert facts["harmed"] == {"kept": False, "fin_moved": False, "rows": 1}


def test_metrics_hold_every_part_and_the_baselines(facts):
    metrics = facts["metrics"]
    assert set(metrics["accuracy"]) == {"train", "validation", "test"}
    assert metrics["chance"] == pytest.approx(1 / 3)
    assert metrics["accuracy"]["test"] > 0.5
    assert tuple(metrics["feature_r2"]) == RICH_FEATURES
    assert set(metrics["lda_closed_form"]) == {"lda-four", "lda-loghtd", "lda-all"}
    assert min(row["test"] for row in metrics["lda_closed_form"].values()) > 0.5


def test_every_method_recognises_better_than_chance(facts):
    expected = {"default", "frozen-fin", "fin-four", "random-init", "raw-cnn", "closed-form-head"}
    assert set(facts["methods"]) >= expected
    assert min(facts["methods"].values()) > 0.36, facts["methods"]


def test_a_joint_network_learns_and_wants_a_fin_of_its_own(facts):
    joint = facts["joint"]
    assert joint["losses"][-1] < 0.7 * joint["losses"][0] and joint["accuracy"] > 0.5
    model, channels, embedding, units, features = joint["model"], 3, 8, 6, len(RICH_FEATURES)
    assert (model["layout"], model["lanes"]) == ("joint", channels)
    lstm = 4 * units * (channels * 2 * embedding + units + 1)
    imitation = (units + 1) * channels * features
    assert model["parameters"] == (3 * 8 + 8) + (8 * 8 + 8) + lstm + imitation + (channels * features + 1) * 3
    assert "lanes 1; here it is 3" in joint["refusal"]


@pytest.mark.parametrize(
    "form", [{"frame_hops": 4}, {"frame_hops": 0}, {"taps": 3}, {"frame_hops": 60}], ids=str
)
def test_a_frame_must_divide_the_window_and_hold_the_first_layer(form):
    with pytest.raises(InputError, match=r"hops|samples"):
        NetworkShape(channels=3, frame_samples=2, classes=3, **form)
