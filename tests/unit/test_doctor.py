"""doctor names what is missing for which verb and how to install it."""

import json

import pytest

from myofin import cli
from myofin.commands import doctor


def test_every_verb_is_covered():
    assert set(doctor.NEEDS) == set(cli.VERBS) - {"doctor"}


def test_a_complete_machine_is_ready(capsys):
    assert cli.run(["doctor", "--json"]) == 0
    verbs = json.loads(capsys.readouterr().out)["verbs"]
    assert all(verb["ready"] for verb in verbs.values())


@pytest.mark.parametrize("program", ["arm-none-eabi-gcc", "qemu-system-arm"])
def test_an_empty_path_is_noticed(monkeypatch, capsys, tmp_path, program):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert cli.run(["doctor"]) == 4
    shown = capsys.readouterr().out
    assert f"to get {program}:\n  sudo apt-get install" in shown
    assert "train         ready" in shown


def test_missing_tensorflow_names_the_extra(monkeypatch, capsys):
    real = doctor.importlib.util.find_spec
    monkeypatch.setattr(
        doctor.importlib.util, "find_spec", lambda name: None if name == "tensorflow" else real(name)
    )
    assert cli.run(["doctor", "--json"]) == 4
    verbs = json.loads(capsys.readouterr().out)["verbs"]
    assert verbs["train"]["missing"] == [{"name": "tensorflow", "install": 'pip install "myofin[train]"'}]
    assert verbs["build"]["ready"]


def test_tflm_as_engine_is_optional(monkeypatch, capsys, tmp_path):
    monkeypatch.delenv("MYOFIN_TFLM_ROOT", raising=False)
    assert cli.run(["doctor", "--json"]) == 0
    missing = json.loads(capsys.readouterr().out)["optional"]["--engine tflm"]["missing"]
    assert "MYOFIN_TFLM_ROOT" in missing[-1]["install"]
    monkeypatch.setenv("MYOFIN_TFLM_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert cli.run(["doctor", "--json"]) == 4
    (missing,) = json.loads(capsys.readouterr().out)["optional"]["--engine tflm"]["missing"]
    assert "libstdc++-arm-none-eabi-newlib" in missing["install"]
