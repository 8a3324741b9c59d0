"""`myofin data`: what it prints, its exit codes, and that it overwrites nothing of anybody else's."""

import json

import numpy as np
import pytest
from recording_cases import ninapro_content, trials_content, write_mat, write_npz

from myofin.cli import run

SHAPE = [
    "--channels=3",
    "--rate-hz=1000",
    "--movements=2",
    "--repetitions=3",
    "--movement-s=0.6",
    "--rest-s=0.3",
]


def test_check_says_what_is_there(tmp_path, capsys):
    write_mat(tmp_path / "S1_E1_A1.mat", ninapro_content(samples=7200))
    assert run(["data", "check", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert "S1_E1_A1.mat (ninapro_db5)" in text
    assert "16 channels at 200 Hz, 36.0 s" in text
    assert "1 recording: usable." in text


def test_check_as_json(tmp_path, capsys):
    write_npz(tmp_path / "p3.npz", trials_content())
    write_npz(tmp_path / "p1.npz", trials_content())
    assert run(["data", "check", str(tmp_path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is True
    assert [recording["subject"] for recording in document["recordings"]] == ["1", "3"]
    first = document["recordings"][0]
    assert first["movements"][0] == {
        "label": 1,
        "name": "",
        "seconds": {"0": 0.4, "1": 0.4, "2": 0.4, "3": 0.4},
    }
    assert first["repetitions"] == [0, 1, 2, 3]


def test_check_of_one_subject(tmp_path, capsys):
    write_npz(tmp_path / "p3.npz", trials_content())
    (tmp_path / "p1.npz").write_bytes(b"PK")
    assert run(["data", "check", str(tmp_path), "--subject", "S3"]) == 0
    assert run(["data", "check", str(tmp_path), "--subject", "4"]) == 2
    assert "no recording of subject 4" in capsys.readouterr().err


def test_every_problem_is_reported_with_exit_code_2(tmp_path, capsys):
    content = ninapro_content(samples=7200)
    content["emg"][9, 2] = np.nan
    content["emg"][:, 5] = 0
    write_mat(tmp_path / "S1_E1_A1.mat", content)
    (tmp_path / "S2_E1_A1.mat").write_bytes(b"truncated")
    assert run(["data", "check", str(tmp_path)]) == 2
    text = capsys.readouterr().out
    assert "Channel 2 holds 1 samples that are NaN" in text
    assert "Channel 5 is dead" in text
    assert "S2_E1_A1.mat cannot be read" in text
    assert "2 recordings: not usable as it is (errors: 3)." in text


def test_a_missing_path_is_one_sentence(tmp_path, capsys):
    assert run(["data", "check", str(tmp_path / "absent")]) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: There is no recording at") and "\n  fix: " in message
    assert message.count("\n") == 2


def test_synth_writes_a_recording_that_check_accepts(tmp_path, capsys):
    out = tmp_path / "new" / "s4.npz"
    assert run(["data", "synth", "--out", str(out), "--subject", "4", "--json", *SHAPE]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["subject"], document["channels"], document["rate_hz"]) == ("4", 3, 1000)
    assert run(["data", "check", str(out)]) == 0
    first = out.read_bytes()
    assert run(["data", "synth", "--out", str(out), "--subject", "4", *SHAPE]) == 0  # ours: replaced
    with np.load(out) as again:
        assert again["counts"].shape[1] == 3
    assert run(["data", "synth", "--out", str(out), "--subject", "4", "--seed", "9", *SHAPE]) == 0
    assert out.read_bytes() != first


@pytest.mark.parametrize("content", [b"precious", None])
def test_synth_overwrites_nothing_else(tmp_path, capsys, content):
    out = tmp_path / "s.npz"
    if content is None:
        write_npz(out, trials_content())
    else:
        out.write_bytes(content)
    before = out.read_bytes()
    assert run(["data", "synth", "--out", str(out), *SHAPE]) == 2
    assert "not a synthetic recording" in capsys.readouterr().err
    assert out.read_bytes() == before
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--out", "s.mat"], "does not end in .npz"),
        (["--out", "s.npz", "--channels", "0"], "channels is 0"),
        (["--out", "s.npz", "--rate-hz", "1050"], "1050 Hz"),
        (["--out", "s.npz", "--movement-s", "nan"], "movement_s is nan"),
    ],
)
def test_bad_settings_write_nothing(tmp_path, monkeypatch, capsys, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    assert run(["data", "synth", *arguments]) == 2
    assert sentence in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch, capsys):
    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", fail)
    assert run(["data", "synth", "--out", str(tmp_path / "s.npz"), *SHAPE]) == 2
    assert "disk is full" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("verb", [["data"], ["data", "check"], ["data", "synth"]])
def test_help_ends_with_an_example(capsys, verb):
    assert run([*verb, "--help"]) == 0
    assert "Example:" in capsys.readouterr().out
