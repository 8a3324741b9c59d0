"""Every fault that recordings are known to have: one clear sentence, and the exit code of bad input."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import REAL
from recording_cases import ninapro_content, write_mat

from myofin.cli import cli, run
from myofin.errors import RecordingError
from myofin.recordings.archive import ZipMember, locate
from myofin.recordings.load import list_subjects, load_recording, subject_files

Content = dict[str, Any]


def flat(content: Content) -> None:
    content["emg"][:, 3] = 7.0


def nan(content: Content) -> None:
    content["emg"][100, 2] = np.nan


def envelope(content: Content) -> None:
    smooth = np.cumsum(np.abs(content["emg"].astype(float)), axis=0)
    content["emg"] = np.rint(np.abs(smooth[200:] - smooth[:-200]) / 20).astype(np.float32)
    for key in ("stimulus", "restimulus", "repetition", "rerepetition"):
        content[key] = content[key][:-200]


def one_repetition(content: Content) -> None:
    for key in ("repetition", "rerepetition"):
        content[key] = np.minimum(content[key], 1)


def no_test_windows(content: Content) -> None:
    gone = (content["restimulus"] == 2) & np.isin(content["rerepetition"], (2, 5))
    content["restimulus"][gone] = 0
    content["rerepetition"][gone] = 0


def wrong_rate(content: Content) -> None:
    content["frequency"] = np.array([[1000]])


def wrong_labels(content: Content) -> None:
    content["restimulus"] = np.where(content["restimulus"] > 0, content["restimulus"] + 30, 0)


FAULTS: dict[str, tuple[Callable[[Content], None], str]] = {
    "wrong sampling rate": (wrong_rate, "`frequency` says 1000 Hz"),
    "envelope": (envelope, "rectified envelope, not raw sEMG"),
    "one repetition": (one_repetition, "1 repetitions; training, validation and test need one each"),
    "no test windows": (no_test_windows, "movement 2 has no test window"),
    "NaN": (nan, "Channel 2 holds 1 samples that are NaN"),
    "flat channel": (flat, "Channel 3 is dead"),
    "labels of another exercise": (wrong_labels, "labels 31 to 33"),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_fault_is_one_sentence_and_exit_code_2(
    fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil, said = FAULTS[fault]
    content = ninapro_content(samples=7200)
    spoil(content)
    file = write_mat(tmp_path / "S3_E1_A1.mat", content)
    assert run(["evaluate", str(file), "--work", str(tmp_path / "work"), "--method", "lda-four"]) == 2
    told = capsys.readouterr().err
    assert said in told and told.count("error:") == 1 and "fix: " in told and "Traceback" not in told


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
