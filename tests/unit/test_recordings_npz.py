"""Trials and continuous recordings in `.npz`, and the choice of a subject's file."""

import numpy as np
import pytest
from recording_cases import ninapro_content, trials_content, write_mat, write_npz

from myofin.errors import InputError, RecordingError
from myofin.recordings import (
    SyntheticConfig,
    check_path,
    check_recording,
    generate,
    list_subjects,
    load_recording,
    load_trainable,
)
from myofin.recordings.load import normalise_subject
from myofin.recordings.synthetic import write_synthetic
from myofin.windows import cut_windows

SMALL = SyntheticConfig(channels=3, rate_hz=1000, movements=2, repetitions=3, movement_s=0.6, rest_s=0.3)


def test_trials(tmp_path):
    content = trials_content()
    recording = load_recording(write_npz(tmp_path / "participant07.npz", content))
    assert (recording.subject, recording.dataset, recording.rate_hz) == ("7", "npz_trials", 1000)
    assert recording.classes() == (1, 2, 3)  # gesture 0 is a class; 0 stays rest
    assert recording.repetitions_present() == (0, 1, 2, 3)
    assert recording.class_names is None
    trials = list(recording.trials())
    assert len(trials) == 12
    for trial in trials:
        key = f"g{recording.labels[trial.start] - 1:02d}_r{recording.repetitions[trial.start]}"
        assert np.array_equal(recording.counts[trial], content[key])
    windows = cut_windows(recording, frame_samples=10, repetitions=[0, 1])
    assert set(windows.repetitions.tolist()) == {0, 1}


def test_the_3dc_gestures_have_names(tmp_path):
    recording = load_recording(write_npz(tmp_path / "p1.npz", trials_content(11, 1, 10, 310)))
    assert recording.class_names[1] == "no motion" and recording.class_names[11] == "pinch grip"


def test_short_trials_are_said_and_give_no_window(tmp_path):
    content = trials_content()
    content["g01_r2"] = content["g01_r2"][:200]
    content["g02_r0"] = content["g02_r0"][:0]
    recording = load_trainable(write_npz(tmp_path / "p1.npz", content))
    told = [finding.sentence for finding in check_recording(recording)]
    assert "Trial g02_r0 has no samples." in told
    assert "Movement 3 lacks repetition 0." in told
    assert any(sentence.startswith("1 trials are shorter") for sentence in told)
    windows = cut_windows(recording, frame_samples=10)
    assert not np.any((windows.labels == 2) & (windows.repetitions == 2))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"g01_r1": np.zeros((400, 4))}, "Trial g01_r1 .* float64"),
        ({"g01_r1": np.zeros((400, 4), dtype=np.int32)}, "int32"),
        ({"g01_r1": np.zeros(400, dtype=np.int16)}, "of shape"),
        ({"g01_r1": np.zeros((400, 5), dtype=np.int16)}, "different numbers of channels"),
        ({"fs": np.array(999.5)}, "whole number of hertz"),
        ({"fs": np.array("fast")}, "whole number of hertz"),
        ({"fs": np.array(-5)}, "rate of -5 Hz"),
        ({"fs": np.array([1000, 1000])}, "whole number of hertz"),
    ],
)
def test_trials_of_another_shape(tmp_path, change, sentence):
    with pytest.raises(RecordingError, match=sentence) as caught:
        load_recording(write_npz(tmp_path / "p1.npz", trials_content() | change))
    assert "g<gesture>_r<repetition>" in caught.value.hint


def test_objects_other_arrays_and_damage_are_refused(tmp_path):
    path = tmp_path / "p1.npz"
    write_npz(path, {"g00_r0": np.array([{"a": 1}], dtype=object), "fs": np.array(1000)})
    with pytest.raises(RecordingError, match="cannot be read"):
        load_recording(path)
    with pytest.raises(RecordingError, match="no trials"):
        load_recording(write_npz(path, {"something": np.zeros(3)}))
    with path.open("wb") as stream:
        np.save(stream, np.zeros(3))
    with pytest.raises(RecordingError, match="single array"):
        load_recording(path)
    whole = write_npz(path, trials_content()).read_bytes()
    for cut in np.linspace(0, len(whole) - 1, 25).astype(int):
        path.write_bytes(whole[:cut])
        with pytest.raises(RecordingError, match=r"p1\.npz cannot be read"):
            load_recording(path)
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    path.write_bytes(bytes(flipped))
    with pytest.raises(RecordingError, match="cannot be read"):
        load_recording(path)


def test_continuous_round_trip(tmp_path):
    path = tmp_path / "synthetic.npz"
    written = write_synthetic(path, SMALL)
    again = load_trainable(path)
    for name in ("counts", "labels", "repetitions", "trial"):
        assert np.array_equal(getattr(written, name), getattr(again, name)), name
    for name in ("rate_hz", "subject", "dataset", "counts_per_unit", "unit"):
        assert getattr(written, name) == getattr(again, name), name
    assert [file.name for file in tmp_path.iterdir()] == ["synthetic.npz"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"counts": None}, "lacks counts"),
        ({"layout": np.array("other")}, "has layout 'other'"),
        ({"counts": np.zeros((10, 3))}, "must be int16"),
        ({"counts": np.zeros((10, 3), dtype=np.int16)}, "10 samples"),
        ({"labels": np.zeros((10, 1), dtype=np.int16)}, "must be int16"),
        ({"rate_hz": np.array(np.nan)}, "whole number of hertz"),
        ({"counts_per_unit": np.array("x")}, "counts_per_unit"),
    ],
)
def test_continuous_files_that_were_changed(tmp_path, change, sentence):
    path = tmp_path / "synthetic.npz"
    write_synthetic(path, SMALL)
    with np.load(path) as archive:
        content = {key: archive[key] for key in archive.files} | change
    write_npz(path, {key: value for key, value in content.items() if value is not None})
    with pytest.raises(RecordingError, match=sentence):
        load_recording(path)


@pytest.mark.parametrize("subject", ["7", "S7", "s07", "07", 7])
def test_subjects_are_named_in_any_way(tmp_path, subject):
    write_npz(tmp_path / "participant07.npz", trials_content())
    write_npz(tmp_path / "participant15.npz", trials_content())
    assert normalise_subject(subject) == "7"
    assert load_recording(tmp_path, subject).source == "participant07.npz"


def test_a_folder_needs_the_subject_when_it_has_several(tmp_path):
    for name in ("participant15.npz", "participant07.npz", "anna.npz"):
        write_npz(tmp_path / name, trials_content())
    assert list_subjects(tmp_path) == ["7", "15", "anna"]
    assert load_recording(tmp_path, "anna").subject == "anna"
    with pytest.raises(RecordingError, match="3 subjects: 7, 15, anna") as caught:
        load_recording(tmp_path)
    assert "--subject 7" in caught.value.hint
    with pytest.raises(RecordingError, match="no recording of subject 8"):
        load_recording(tmp_path, 8)
    with pytest.raises(RecordingError, match="of subject 7, not 15"):
        load_recording(tmp_path / "participant07.npz", 15)


def test_files_one_level_below_are_found(tmp_path):
    (tmp_path / "DB2_s4").mkdir()
    write_mat(tmp_path / "DB2_s4" / "S4_E1_A1.mat", ninapro_content(12, scale=5e-5))
    assert load_recording(tmp_path).subject == "4"


def test_paths_without_a_recording(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    for path in (tmp_path / "absent", tmp_path / "absent.mat", tmp_path):
        with pytest.raises(RecordingError, match="no recording at"):
            load_recording(path)
    with pytest.raises(RecordingError, match=r"ends in \.txt"):
        load_recording(tmp_path / "notes.txt")


def test_check_path_reports_a_file_it_cannot_read(tmp_path):
    write_npz(tmp_path / "p1.npz", trials_content())
    (tmp_path / "p2.npz").write_bytes(b"PK")
    findings = check_path(tmp_path)
    assert [(f.severity, "p2.npz" in f.sentence) for f in findings] == [("error", True)]
    assert check_path(tmp_path, 1) == []


def test_weak_saturated_and_unlabelled_signals_are_found():
    recording = generate(SMALL)
    counts = recording.counts.copy()
    counts[:, 0] = np.arange(len(counts)) % 400 == 0
    counts[:, 1] = np.clip(counts[:, 1], -20, 20)
    changed = type(recording)(**vars(recording) | {"counts": counts})
    told = [(f.severity, f.sentence) for f in check_recording(changed)]
    assert any(s == "warning" and "Channel 0 is weak" in t for s, t in told)
    assert any(s == "warning" and "Channel 1 sits at its extremes (-20, 20)" in t for s, t in told)
    labels = np.zeros_like(recording.labels)
    bare = type(recording)(**vars(recording) | {"labels": labels})
    assert any(f.severity == "error" and "0 movements" in f.sentence for f in check_recording(bare))
    odd = type(recording)(**vars(recording) | {"rate_hz": 1111})
    assert any(f.severity == "error" and "1111 Hz" in f.sentence for f in check_recording(odd))


def test_mismatched_arrays_are_no_recording():
    recording = generate(SMALL)
    with pytest.raises(RecordingError, match="do not match"):
        type(recording)(**vars(recording) | {"labels": recording.labels[:-1]})


@pytest.mark.parametrize(
    "change", [{"channels": 0}, {"movements": 1}, {"movement_s": 0.1}, {"rate_hz": 1050}]
)
def test_impossible_synthetic_settings(change):
    with pytest.raises(InputError):
        SyntheticConfig(**change)


def test_real_3dc(real_data):
    recording = load_trainable(real_data / "3dc", "S07")
    assert (recording.subject, recording.rate_hz, recording.channels) == ("7", 1000, 10)
    assert recording.classes() == tuple(range(1, 12))
    assert recording.repetitions_present() == tuple(range(8))
    assert recording.class_names[8] == "power grip"
    assert not check_recording(recording)
