"""A sweep for real: a network trained, converted twice, and run on the emulated twin of a board."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import myofin

from myofin.artifacts import read_manifest
from myofin.cli import run
from myofin.firmware_bridge.build import load_image
from myofin.sweep.result import timeless
from myofin.sweep.settings import Settings
from myofin.sweep.space import Point
from myofin.sweep.sweep import run_sweep, shortfall

sys.path.insert(0, str(Path(__file__).parent.parent / "unit"))

from small_training import FEW_WINDOWS

TINY = replace(
    FEW_WINDOWS,
    epochs=1,
    epoch_windows=640,
    batch=32,
    learning_rate=2e-2,
    calibration_windows=60,
    golden_windows=24,
)
NETWORK = Point(units=4, step_hops=10, embedding=4, taps=1)
POINTS = (NETWORK, replace(NETWORK, engine="plain"), replace(NETWORK, layout="joint", units=16, embedding=8))


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """Settings of a sweep of three points, and its document."""
    folder = tmp_path_factory.mktemp("sweep")
    data = folder / "recording.npz"
    shape = (
        "--channels",
        "3",
        "--rate-hz",
        "200",
        "--movements",
        "3",
        "--movement-s",
        "1",
        "--rest-s",
        "0.3",
    )
    run(["data", "synth", "--out", str(data), *shape])
    settings = Settings(data, None, folder / "out", grid="small", fit="nano33ble", train=TINY, windows=8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("myofin.sweep.search.grid_points", lambda *wanted: POINTS)
        yield settings, run_sweep(settings)


def test_every_point_is_measured_on_the_twin_and_fits_the_board(swept):
    _, document = swept
    assert (document["board"]["name"], document["measured_on"]) == ("nano33ble", "mps2-an386")
    sliding, plain, joint = document["trials"]
    assert joint["params"]["layout"] == "joint"
    for trial in (sliding, plain, joint):
        assert trial["state"] == "measured" and trial["fits"]["nano33ble"] == {"ok": True, "misses": []}
        assert trial["values"]["windows_equal"] == [8, 8]
        assert 0 < trial["values"]["instructions"] < 640_000
    # The same network and the same bits: only cost tells the engine modes apart.
    for name in ("accuracy", "accuracy_test", "r2_log", "movements"):
        assert sliding["values"][name] == plain["values"][name]
    assert sliding["values"]["instructions"] < plain["values"]["instructions"]
    assert sliding["values"]["ram"] > plain["values"]["ram"]


def test_the_recommended_network_is_there_and_passes_validation(swept):
    settings, document = swept
    kept = settings.out / "recommended"
    assert document["recommended"]["id"] in document["front"] and shortfall(document) is None
    shipped = document["recommended"]["shipped"]["values"]
    image = load_image(kept / "image")
    assert image.board == "nano33ble"
    assert image.sizes.flash_code + image.sizes.flash_constants == shipped["flash"]
    run_of = read_manifest(kept / "bundle", "bundle")
    assert run_of.body["scheme"] == "int8"
    assert document["recommended"]["shipped"]["values"]["windows_equal"] == [24, 24]
    arguments = ["validate", kept / "bundle", "--board", "mps2-an386", "--out", kept / "again", "--json"]
    report = json.loads(myofin(*arguments, "--windows", 8).stdout)
    assert report["verdict"] == "pass"
    assert not (settings.out / "bundles" / document["trials"][0]["id"]).exists(), "bundles are not kept"


def test_a_second_run_reads_everything_back(swept, monkeypatch):
    settings, document = swept
    monkeypatch.setattr("myofin.sweep.trial._measured", lambda item: pytest.fail("measured again"))
    monkeypatch.setattr("myofin.sweep.shipping.converted", lambda *given: pytest.fail("shipped again"))
    again = run_sweep(settings)
    assert again == document
    assert timeless(json.loads((settings.out / "sweep.json").read_text())) == timeless(document)
