"""The Ninapro reader: both orders of name, the quirks of the files, and everything that may be wrong."""

import numpy as np
import pytest
import scipy.io
from recording_cases import ninapro_content, write_mat

from myofin.errors import RecordingError
from myofin.recordings import check_recording, check_trainable, load_recording, load_trainable
from myofin.recordings.matlab5 import read_matlab5
from myofin.recordings.model import NO_REPETITION


@pytest.mark.parametrize(
    ("name", "channels", "scale", "dataset", "rate_hz", "counts_per_unit"),
    [
        ("S9_A1_E1.mat", 10, 0.2, "ninapro_db1", 100, 4096.0),
        ("S9_E1_A1.mat", 12, 5e-5, "ninapro_db2", 2000, 1 / 168e-9),
        ("S9_E1_A1.mat", 16, 30.0, "ninapro_db5", 200, 1.0),
    ],
)
def test_databases_are_told_apart(tmp_path, name, channels, scale, dataset, rate_hz, counts_per_unit):
    content = ninapro_content(channels, scale=scale)
    recording = load_recording(write_mat(tmp_path / name, content))
    assert (recording.dataset, recording.rate_hz, recording.channels) == (dataset, rate_hz, channels)
    assert recording.subject == "9"  # the name's, not the field's
    assert recording.counts.dtype == np.int16
    assert np.array_equal(
        recording.counts, np.rint(content["emg"].astype(np.float64) * counts_per_unit).astype(np.int16)
    )
    assert recording.repetitions_present() == (1, 2, 3, 4, 5, 6)
    assert recording.classes() == (1, 2, 3)
    assert list(recording.sha256s) == [name]


def test_corrected_labels_are_preferred_and_rest_has_no_repetition(tmp_path):
    content = ninapro_content()
    recording = load_recording(write_mat(tmp_path / "S1_E1_A1.mat", content))
    assert np.array_equal(recording.labels, content["restimulus"].ravel())
    assert np.all(recording.repetitions[recording.labels == 0] == NO_REPETITION)
    assert len(list(recording.trials())) == 2 * 18 + 1 - (1200 % 36 == 0)
    del content["rerepetition"]  # half a pair is not mixed with the other
    plain = load_recording(write_mat(tmp_path / "S2_E1_A1.mat", content))
    assert np.array_equal(plain.labels, content["stimulus"].ravel())


@pytest.mark.parametrize(("frequency", "noted"), [(200, False), (2000, True), (208, True)])
def test_frequency_is_checked_against_the_database(tmp_path, frequency, noted):
    content = ninapro_content() | {"frequency": np.array([[frequency]])}
    recording = load_recording(write_mat(tmp_path / "S1_E1_A1.mat", content))
    assert recording.rate_hz == 200
    assert any("frequency" in finding.sentence for finding in recording.findings) == noted


def test_a_wrapped_uint8_frequency_of_db2_is_understood(tmp_path):
    content = ninapro_content(12, scale=5e-5) | {"frequency": np.array([[208]], dtype=np.uint8)}
    recording = load_recording(write_mat(tmp_path / "S1_E1_A1.mat", content))
    assert recording.rate_hz == 2000 and not recording.findings


def test_different_lengths_are_cut_and_said(tmp_path):
    content = ninapro_content()
    content["emg"] = content["emg"][:1190]
    content["rerepetition"] = content["rerepetition"][:1195]
    recording = load_recording(write_mat(tmp_path / "S1_E1_A1.mat", content))
    assert len(recording.counts) == len(recording.labels) == 1190
    (finding,) = recording.findings
    assert finding.severity == "warning"
    assert "emg 1190, stimulus 1200, repetition 1195" in finding.sentence


def spoil_nan(content):
    content["emg"][5, 3] = np.nan


def spoil_infinity(content):
    content["emg"][5, 3] = -np.inf


def spoil_dead(content):
    content["emg"][:, 3] = 7


def spoil_clipped(content):
    content["emg"][5, 3] = 40_000


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (spoil_nan, "Channel 3 holds 1 samples that are NaN"),
        (spoil_infinity, "Channel 3 holds 1 samples that are NaN or infinite"),
        (spoil_dead, "Channel 3 is dead"),
        (spoil_clipped, "Channel 3 has 1 samples beyond int16"),
    ],
)
def test_a_bad_signal_loads_but_cannot_be_trained_on(tmp_path, spoil, sentence):
    content = ninapro_content()
    spoil(content)
    path = write_mat(tmp_path / "S1_E1_A1.mat", content)
    recording = load_recording(path)
    assert any(f.severity == "error" and sentence in f.sentence for f in check_recording(recording))
    with pytest.raises(RecordingError, match=sentence) as caught:
        check_trainable(recording)
    assert caught.value.hint
    with pytest.raises(RecordingError, match="S1_E1_A1"):
        load_trainable(path)


def without(key, *more):
    def change(content):
        for name in (key, *more):
            del content[name]

    return change


def replaced(key, value):
    def change(content):
        content[key] = value

    return change


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (without("emg"), "holds no variable `emg`"),
        (without("restimulus", "stimulus"), "neither `restimulus` with"),
        (replaced("emg", np.zeros((1200, 7))), "7 channels"),
        (replaced("emg", np.zeros((1200, 4, 4))), "not samples x channels"),
        (replaced("emg", np.array(["text"])), "not samples x channels"),
        (replaced("emg", np.zeros((1200, 16), dtype=complex)), "not samples x channels"),
        (replaced("emg", np.zeros((0, 16))), "no samples"),
        (replaced("restimulus", np.zeros((1200, 3))), "not one number a sample"),
        (replaced("restimulus", np.full((1200, 1), 0.5)), "not whole numbers"),
        (replaced("restimulus", np.full((1200, 1), np.nan)), "not whole numbers"),
        (replaced("restimulus", np.full((1200, 1), -1)), "no label numbers"),
        (replaced("rerepetition", np.full((1200, 1), 70_000)), "no label numbers"),
    ],
)
def test_files_that_are_no_ninapro_recording(tmp_path, change, sentence):
    content = ninapro_content()
    change(content)
    with pytest.raises(RecordingError, match=sentence) as caught:
        load_recording(write_mat(tmp_path / "S1_E1_A1.mat", content))
    assert caught.value.hint and caught.value.message.count(". ") == 0


def test_damaged_files_are_one_error(tmp_path):
    whole = write_mat(tmp_path / "S1_E1_A1.mat", ninapro_content()).read_bytes()
    path = tmp_path / "S2_E1_A1.mat"
    for cut in [0, 1, 60, 127, 128, 140, *np.linspace(200, len(whole) - 1, 25).astype(int)]:
        path.write_bytes(whole[:cut])
        with pytest.raises(RecordingError):
            load_recording(path)
    path.write_bytes(b"\x00" * 4000)
    with pytest.raises(RecordingError, match=r"S2_E1_A1\.mat cannot be read"):
        load_recording(path)


def test_hdf5_files_say_how_to_save_them(tmp_path):
    header = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM"
    path = tmp_path / "S1_E1_A1.mat"
    path.write_bytes(header + bytes(1000))
    with pytest.raises(RecordingError, match=r"7\.3") as caught:
        load_recording(path)
    assert "-v7" in caught.value.hint


def test_an_envelope_is_recognised(tmp_path):
    content = ninapro_content(10)
    smooth = np.abs(
        np.sin(np.arange(1200) / 40)[:, None] + np.random.default_rng(0).uniform(1, 1.01, (1200, 10))
    )
    content["emg"] = smooth
    recording = load_recording(write_mat(tmp_path / "S1_A1_E1.mat", content))
    with pytest.raises(RecordingError, match="rectified envelope"):
        check_trainable(recording)


def test_several_exercises_take_the_first(tmp_path):
    for exercise in (2, 1, 3):
        content = ninapro_content() | {"exercise": np.array([[exercise]])}
        write_mat(tmp_path / f"S1_E{exercise}_A1.mat", content)
    recording = load_recording(tmp_path, "S1")
    assert recording.source == "S1_E1_A1.mat"
    assert [f.severity for f in recording.findings] == ["info"]
    assert load_recording(tmp_path / "S1_E2_A1.mat").source == "S1_E2_A1.mat"


def test_real_db5(real_data):
    recording = load_trainable(real_data / "ninapro_db5", 1)
    assert (recording.subject, recording.rate_hz, recording.counts.shape) == ("1", 200, (130_267, 16))
    assert recording.classes() == tuple(range(1, 13))
    assert (recording.counts.min(), recording.counts.max()) == (-128, 127)
    assert [finding.sentence.split(",")[0] for finding in recording.findings] == ["`exercise` says 3"]


def test_real_db1_is_refused_as_an_envelope(real_data):
    recording = load_recording(real_data / "ninapro_db1")
    assert (recording.dataset, recording.subject, len(recording.repetitions_present())) == (
        "ninapro_db1",
        "9",
        10,
    )
    with pytest.raises(RecordingError, match="rectified envelope"):
        check_trainable(recording)


@pytest.mark.parametrize("compressed", [True, False])
def test_variables_equal_scipys(tmp_path, compressed):
    rng = np.random.default_rng(0)
    types = ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8")
    content = {f"v{kind}": (rng.normal(0, 60, (7, 5)) % 100).astype(kind) for kind in types}
    content |= {
        "one": np.array([[200]], dtype=np.uint8),
        "none": np.zeros((0, 3)),
        "cube": np.ones((2, 3, 4)),
    }
    path = tmp_path / "some.mat"
    scipy.io.savemat(path, content | {"text": "abc", "complex": np.array([1j])}, do_compression=compressed)
    got = read_matlab5(path, (*content, "text", "complex", "absent"))
    assert set(got) == {*content, "text", "complex"}
    assert got["text"].dtype == got["complex"].dtype == object
    for name, values in scipy.io.loadmat(path, variable_names=list(content)).items():
        if not name.startswith("__"):
            assert np.array_equal(got[name], values) and got[name].shape == values.shape, name


@pytest.mark.parametrize("compressed", [True, False])
def test_wrong_bytes_never_do_worse_than_an_error(tmp_path, compressed):
    path = tmp_path / "S1_E1_A1.mat"
    scipy.io.savemat(path, ninapro_content(samples=400), do_compression=compressed)
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    errors = 0
    for attempt in range(300):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(whole) if attempt % 2 else 700, 3):
            damaged[place] = rng.integers(0, 256)
        path.write_bytes(bytes(damaged))
        try:
            check_recording(load_recording(path))
        except RecordingError:
            errors += 1
    assert errors > 20


def test_real_files_read_as_scipy_reads_them(real_data):
    for path in sorted(real_data.glob("ninapro_*/*.mat")):
        expected = scipy.io.loadmat(path)
        got = read_matlab5(path, ("emg", "restimulus", "rerepetition", "subject", "frequency"))
        assert {"emg", "restimulus", "rerepetition", "subject"} <= set(got)
        for name, values in got.items():
            assert np.array_equal(values, expected[name]), (path.name, name)
