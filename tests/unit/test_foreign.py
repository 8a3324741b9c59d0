"""Anybody's `.tflite` file: what its bundle says, and what is refused with which sentence."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from engine_cases import DATA, model

from myofin.cli import run
from myofin.convert.bundle import read_bundle
from myofin.convert.cli import convert
from myofin.convert.export import export_bundle
from myofin.convert.foreign import convert_model
from myofin.convert.host_engine import HostEngine
from myofin.errors import ArtifactError, InputError, ModelError, RecordingError
from myofin.firmware_bridge.windows import golden_windows, recorded_windows
from myofin.passthrough import Passthrough, front_end_from_json

NAME = "joint4_plain"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("foreign")
    arguments = [str(DATA / f"{NAME}.tflite"), "--out", str(folder / "bundle"), "--json"]
    told = json.loads(CliRunner().invoke(convert, arguments, catch_exceptions=False).output)
    assert told["scheme"] == "int8"
    return folder / "bundle"


def test_the_model_is_taken_as_it_is(bundle: Path) -> None:
    found = read_bundle(bundle)
    assert found.model() == model(NAME)
    assert found.float_model() is None
    assert found.frontend == Passthrough(channels=1, frames=30)
    assert (found.body.channels, found.body.frame_samples, found.body.dataset) == (1, 8, f"{NAME}.tflite")
    golden = found.golden()
    assert np.array_equal(golden.counts.reshape(golden.codes.shape), golden.codes)
    assert {-128, 127} <= set(golden.codes.ravel().tolist())
    assert len(np.unique(golden.logits, axis=0)) > 20


def test_counts_are_saturated_to_the_input_by_host_and_c(bundle: Path) -> None:
    counts = np.array([-32768, -129, -128, -1, 0, 127, 128, 32767], np.int16).reshape(-1, 1)
    expected = np.array([-128, -128, -128, -1, 0, 127, 127, 127], np.int8).reshape(-1, 1)
    found = read_bundle(bundle)
    assert np.array_equal(found.frontend.encode(counts), expected)
    assert np.array_equal(HostEngine(found.engine_folder).encode(counts), expected)


def test_golden_windows_have_no_labels_and_say_what_they_are(bundle: Path) -> None:
    sent = golden_windows(read_bundle(bundle), 5)
    assert sent.labels.tolist() == [-1] * 5
    assert sent.origin == "5 golden windows of the bundle, from random numbers (seed 0)"


def test_a_recording_is_refused(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="no front end"):
        recorded_windows(read_bundle(bundle), tmp_path, None, 3)


def test_there_is_no_run_whose_layers_could_be_studied(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for given, problem in ((bundle, "is a bundle, not a run."), (DATA / f"{NAME}.tflite", "There is no run")):
        assert run(["sensitivity", str(given), "--out", str(tmp_path / "out")]) == 2
        error, fix = capsys.readouterr().err.splitlines()
        assert problem in error and fix.startswith("  fix: ") and "`myofin train`" in fix
    assert not (tmp_path / "out").exists()


def test_given_windows_are_the_golden_ones(tmp_path: Path) -> None:
    inputs = np.random.default_rng(4).integers(-128, 128, (7, 30, 8)).astype(np.int8)
    np.savez(tmp_path / "mine.npz", inputs=inputs)
    found = convert_model(DATA / f"{NAME}.tflite", tmp_path / "bundle", windows=tmp_path / "mine.npz")
    assert np.array_equal(found.golden().codes, inputs)
    assert "the array 'inputs' of mine.npz" in golden_windows(found, None).origin


def test_the_export_speaks_of_the_models_own_input(bundle: Path, tmp_path: Path) -> None:
    text = export_bundle(read_bundle(bundle), "c", tmp_path / "c").folder.joinpath("README.md").read_text()
    assert f"# {NAME}.tflite, int8" in text
    assert "random numbers (seed 0)" in text
    for word in ("ADC", "EMG", "Hz", "movement", "recording"):
        assert word not in text


@pytest.mark.parametrize(
    ("arrays", "problem"),
    [
        ({"other": np.zeros(3, np.int8)}, "holds no array 'inputs'"),
        ({"inputs": np.zeros((2, 30, 8), np.float32)}, "are float32"),
        (
            {"inputs": np.zeros((2, 29, 8), np.int8)},
            r"shape \[2, 29, 8\]; needed is int8 of \[windows, 30, 8\]",
        ),
        ({"inputs": np.zeros((0, 30, 8), np.int8)}, r"shape \[0, 30, 8\]"),
    ],
)
def test_windows_that_do_not_fit_are_refused(
    arrays: dict[str, np.ndarray], problem: str, tmp_path: Path
) -> None:
    np.savez(tmp_path / "mine.npz", **arrays)
    with pytest.raises(InputError, match=problem):
        convert_model(DATA / f"{NAME}.tflite", tmp_path / "bundle", windows=tmp_path / "mine.npz")
    assert not (tmp_path / "bundle").exists()


def test_what_is_no_model_or_not_ours_to_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no model at"):
        convert_model(tmp_path / "none.tflite", tmp_path / "bundle")
    (tmp_path / "text.tflite").write_text("no flatbuffer")
    with pytest.raises(ModelError):
        convert_model(tmp_path / "text.tflite", tmp_path / "bundle")
    (tmp_path / "wide.tflite").write_bytes(model("joint4_int16x8"))
    with pytest.raises(InputError, match="is int16"):
        convert_model(tmp_path / "wide.tflite", tmp_path / "bundle")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((str(DATA / f"{NAME}.tflite"), "--scheme", "int8"), "--scheme is for a run"),
        (("some/run", "--windows", "mine.npz"), "--windows is for a MODEL"),
    ],
)
def test_options_of_the_other_source_are_refused(
    arguments: tuple[str, ...], problem: str, tmp_path: Path
) -> None:
    done = CliRunner().invoke(convert, [*arguments, "--out", str(tmp_path / "bundle")])
    assert isinstance(done.exception, InputError)
    assert problem in done.exception.message


@pytest.mark.parametrize("sizes", [{}, {"channels": 0, "frames": 3}, {"channels": 1, "frames": "x"}])
def test_an_impossible_absence_of_a_front_end_is_refused(sizes: dict[str, object]) -> None:
    with pytest.raises(ArtifactError, match="impossible"):
        front_end_from_json({"kind": "none", **sizes})
