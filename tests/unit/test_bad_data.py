"""Every fault that recordings are known to have: one clear sentence, and the exit code of bad input."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from bad_data_cases import FAULTS, spoiled
from click.testing import CliRunner
from conftest import REAL
from recording_cases import ninapro_content, write_mat

from myofin.cli import cli, run
from myofin.errors import RecordingError
from myofin.recordings.archive import ZipMember, locate
from myofin.recordings.load import list_subjects, load_recording, subject_files

FACTS = Path(__file__).with_name("bad_data_facts.py")


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_fault_is_one_sentence_and_exit_code_2(
    fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, said = spoiled(fault, tmp_path)
    assert run(["evaluate", str(file), "--work", str(tmp_path / "work"), "--method", "lda-four"]) == 2
    assert_one_sentence(capsys.readouterr().err, said)


def test_training_refuses_them_too(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(FACTS), str(tmp_path)], capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert set(found) == set(FAULTS)
    for fault, (code, told) in found.items():
        assert code == 2, fault
        assert_one_sentence(told, FAULTS[fault][1])


def assert_one_sentence(told: str, said: str) -> None:
    assert said in told and told.count("error:") == 1 and "fix: " in told and "Traceback" not in told


def test_a_fault_that_does_no_harm_is_said_and_passes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = ninapro_content(samples=7200) | {"exercise": np.array([[3]])}
    content["emg"] = content["emg"][:7190]
    file = write_mat(tmp_path / "S1_E1_A1.mat", content)
    assert run(["data", "check", str(file)]) == 0
    told = capsys.readouterr().out
    assert "`exercise` says 3, the file's name 1, which is used" in told
    assert "different lengths (emg 7190, stimulus 7200, repetition 7200)" in told


def test_a_wrong_exercise_field_is_said_and_the_name_believed(tmp_path: Path) -> None:
    content = ninapro_content() | {"exercise": np.array([[3]])}
    recording = load_recording(write_mat(tmp_path / "S1_E1_A1.mat", content))
    assert recording.classes() == (1, 2, 3)
    (finding,) = recording.findings
    assert finding.severity == "info" and "`exercise` says 3" in finding.sentence


@pytest.mark.parametrize(("exercise", "before"), [(1, 0), (2, 17), (3, 40)])
@pytest.mark.parametrize("goes_on", [False, True])
def test_labels_of_an_exercise_restart_or_go_on(
    exercise: int, before: int, goes_on: bool, tmp_path: Path
) -> None:
    content = ninapro_content(12, scale=5e-5) | {"exercise": np.array([[exercise]])}
    if goes_on:
        content["restimulus"] = np.where(content["restimulus"] > 0, content["restimulus"] + before, 0)
    content |= {"acc": np.ones((1200, 36)), "glove": np.ones((1200, 22))}
    recording = load_recording(write_mat(tmp_path / f"S1_E{exercise}_A1.mat", content))
    assert recording.classes() == (1, 2, 3) and recording.channels == 12 and not recording.findings


def test_zips_are_read_as_they_come(tmp_path: Path) -> None:
    for subject in (1, 2):
        file = write_mat(tmp_path / f"S{subject}_E1_A1.mat", ninapro_content(12, scale=5e-5))
        with zipfile.ZipFile(tmp_path / f"DB2_s{subject}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(file, f"DB2_s{subject}/{file.name}")
            archive.writestr(f"__MACOSX/._{file.name}", b"")
    plain = load_recording(tmp_path, "2")
    for subject in (1, 2):
        (tmp_path / f"S{subject}_E1_A1.mat").unlink()
    assert list_subjects(tmp_path) == ["1", "2"]
    zipped = load_recording(tmp_path, "2")
    np.testing.assert_array_equal(zipped.counts, plain.counts)
    assert zipped.sha256s == plain.sha256s
    found = subject_files(tmp_path / "DB2_s2.zip")["2"]
    assert isinstance(found, ZipMember) and locate(Path(str(found))) == found
    np.testing.assert_array_equal(load_recording(Path(str(found))).counts, plain.counts)


def test_a_damaged_zip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "DB2_s1.zip").write_bytes(b"PK" + bytes(100))
    with pytest.raises(RecordingError, match="cannot be read as a zip"):
        list_subjects(tmp_path)


def test_fetch_info_names_place_licence_and_citation() -> None:
    told = CliRunner().invoke(cli, ["data", "fetch-info", "--json"])
    sources = {source["name"]: source for source in json.loads(told.output)["sources"]}
    assert {"ninapro_db2", "ninapro_db5", "3dc"} <= set(sources)
    for source in sources.values():
        assert source["where"].startswith("https://") and source["licence"] and "20" in source["citation"]
    assert "ninapro_db2" in CliRunner().invoke(cli, ["data", "fetch-info"]).output


@pytest.mark.skipif(not REAL.is_dir(), reason="the real recordings (../shared/data) are not on this machine")
def test_db1_is_found_to_be_an_envelope(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate", str(REAL / "ninapro_db1"), "--work", str(tmp_path)]) == 2
    assert "rectified envelope" in capsys.readouterr().err
