"""Features by arithmetic, all the way: training without TensorFlow, conversion, boards, streams, exports."""

import json
import subprocess
import sys

import numpy as np
import pytest
from conftest import myofin

from myofin.convert.bundle import read_bundle
from myofin.convert.oracle import bundle_oracle

_WITHOUT_TENSORFLOW = """
import sys
sys.modules["tensorflow"] = sys.modules["tf_keras"] = None  # an import of either is an error
from myofin.cli import main
main()
"""


@pytest.fixture(scope="module")
def run(small, tmp_path_factory):
    """A run with the paper's four features and those of neighbouring samples."""
    out = tmp_path_factory.mktemp("arithmetic") / "run"
    command = [sys.executable, "-c", _WITHOUT_TENSORFLOW, "train", "--data", small / "recording.npz"]
    command += ["--features-by", "arithmetic", "--out", out, "--json"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    metrics = json.loads(done.stdout)["metrics"]
    assert metrics["accuracy"]["test"] > 2 * metrics["chance"]
    assert min(metrics["feature_r2"][name]["log"] for name in ("entropy", "rms", "var", "ssi")) > 0.99
    return out


@pytest.fixture(scope="module")
def bundle(run):
    out = run.parent / "bundle"
    command = [sys.executable, "-c", _WITHOUT_TENSORFLOW, "convert", str(run), "--out", str(out)]
    subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    return out


@pytest.mark.parametrize("board", ["mps2-an386", "microbit"])
def test_the_board_computes_what_numpy_and_tflm_do(bundle, board, tmp_path):
    done = myofin(
        "validate", bundle, "--board", board, "--windows", 20, "--out", tmp_path / "report", "--json"
    )
    report = json.loads(done.stdout)
    assert report["verdict"] == "pass" and report["oracle"] == "numpy+tflm"
    assert report["bit_exact"] == {"codes": 20, "features": 20, "logits": 20}
    assert report["latency"]["max"] < 100_000
    assert report["memory"]["ram_static"] + 2048 < 16_384


def test_a_stream_is_computed_again(bundle, tmp_path):
    done = myofin(
        "stream", bundle, "--board", "mps2-an386", "--seconds", 1, "--out", tmp_path / "s", "--json"
    )
    report = json.loads(done.stdout)
    assert report["verdict"] == "pass" and report["windows"] >= 70


def test_what_the_bundle_says_of_itself(bundle):
    read = read_bundle(bundle)
    assert read.body.arithmetic and not (bundle / "tflm").exists()
    golden, found = read.golden(), bundle_oracle(read).run(read.golden().codes)
    assert np.array_equal(golden.features, found.features) and np.array_equal(golden.logits, found.logits)
    of = read.body.outputs["features"]
    real = (golden.features.astype(float) - of.zero_point) * of.scale
    inside = np.abs(golden.features.astype(int)) < 127
    assert np.abs(golden.float_features - real)[inside].max() < 0.52 * of.scale


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("export", "BUNDLE", "--as", "tflm"), "has no operator for features by arithmetic"),
        (("build", "BUNDLE", "--board", "mps2-an386", "--engine", "tflm"), "no operator for features"),
        (("convert", "RUN", "--scheme", "int16x8"), "no scheme int16x8"),
        (("convert", "RUN", "--scheme", "float32"), "no scheme float32"),
        (("sensitivity", "RUN"), "holds no network whose layers could be rounded"),
        (("sensitivity", "BUNDLE"), "is a bundle, not a run"),
        (("train", "--data", "DATA", "--features-by", "arithmetic", "--fin", "RUN"), "take no FIN"),
        (
            (
                "train",
                "--data",
                "DATA",
                "--features-by",
                "arithmetic",
                "--features",
                "entropy,rms,var,ssi,zc",
            ),
            "'zc' cannot be computed in integers",
        ),
    ],
)
def test_what_cannot_be_is_a_sentence(arguments, complaint, small, run, bundle, tmp_path):
    names = {"BUNDLE": bundle, "RUN": run, "DATA": small / "recording.npz"}
    command = [names.get(argument, argument) for argument in arguments]
    done = myofin(*command, "--out", tmp_path / "out", check=False)
    assert done.returncode == 2 and complaint in done.stderr
    assert [line[:7] for line in done.stderr.splitlines()] == ["error: ", "  fix: "]
    assert not (tmp_path / "out").exists()


def test_a_run_without_its_head_is_refused(run, tmp_path):
    copy = tmp_path / "run"
    subprocess.run(["cp", "-r", str(run), str(copy)], check=True)
    (copy / "integer_head.npz").unlink()
    done = myofin("convert", copy, "--out", tmp_path / "bundle", check=False)
    assert done.returncode == 2 and "integer_head.npz" in done.stderr


def test_the_exported_c_passes_its_own_test(bundle, tmp_path):
    myofin("export", bundle, "--as", "c", "--out", tmp_path / "c")
    text = (tmp_path / "c" / "README.md").read_text()
    assert "NumPy (features)" in text and "LSTM" not in text
    for step in (
        ("cmake", "-S", ".", "-B", "build"),
        ("cmake", "--build", "build"),
        ("ctest", "--test-dir", "build"),
    ):
        done = subprocess.run(
            step, cwd=tmp_path / "c", capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
