"""Which layer loses what: the simulation against runtimes, calibration, the counted saturation, the page."""

from __future__ import annotations

import copy
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import WIDTHS, chromium, overflow, watch
from engine_cases import CHANNELS, front_end, input_shape, model, windows
from html_checker import Checker
from hypothesis import given
from hypothesis import strategies as st

from myofin import cli
from myofin.convert.codegen import generate_c
from myofin.convert.executors import HostEngineExecutor, TfliteRuntimeExecutor
from myofin.convert.flatbuffer import read_model
from myofin.convert.float_graph import Exact, evaluate
from myofin.convert.graph import find_outputs
from myofin.convert.host_engine import compile_sources
from myofin.convert.saturation import count_saturation
from myofin.convert.sensitivity import study_sensitivity
from myofin.convert.sensitivity_page import render_sensitivity, summary
from myofin.convert.substitution import Grid, Substituted, grids_of, layers_of, observe
from myofin.errors import InputError

FLOATS = ["conv3_float32", "conv2_float32", "frames2_float32", "shared4_float32", "joint4_float32"]


@pytest.fixture(scope="module")
def studied(small: Path) -> dict[str, Any]:
    return study_sensitivity(small / "run", limit=40)


@pytest.mark.parametrize("name", FLOATS)
def test_the_simulation_computes_what_the_runtime_computes(name: str) -> None:
    content = model(name)
    codes = windows(content, 8)
    features, logits = evaluate(read_model(content), codes, Exact())
    expected = TfliteRuntimeExecutor(content).run(codes)
    assert np.abs(features - expected.features).max() < 1e-4
    assert np.abs(logits - expected.logits).max() < 1e-4


@pytest.mark.parametrize("name", ["conv3", "shared4", "joint4"])
def test_rounded_everywhere_it_computes_what_the_engine_computes(name: str, tmp_path: Path) -> None:
    graph, content = read_model(model(f"{name}_float32")), model(f"{name}_int16x8")
    quantized = read_model(content)
    codes = windows(content, 20)
    grids = grids_of(graph, quantized)
    everywhere = {part: grids for layer in layers_of(graph) for part in layer.parts}
    features, _ = evaluate(graph, codes, Substituted(everywhere))
    exact, _ = evaluate(graph, codes, Exact())
    channels = CHANNELS[f"{name}_float32"]
    generate_c(
        content,
        front_end(channels).to_json(),
        tmp_path,
        frame_samples=codes.shape[2] // channels,
        channels=channels,
    )
    found = quantized.tensors[find_outputs(quantized).features]
    engine = HostEngineExecutor(tmp_path).run(codes).features * found.scale
    to_engine, to_float = np.abs(features - engine).mean(), np.abs(features - exact).mean()
    assert 0 < to_engine < 0.5 * to_float + 2 * found.scale


def test_a_part_alone_is_a_part_of_the_whole() -> None:
    graph, quantized = read_model(model("conv3_float32")), read_model(model("conv3_int16x8"))
    codes, grids = windows(model("conv3_float32"), 12), grids_of(graph, quantized)
    exact, _ = evaluate(graph, codes, Exact())
    layers = layers_of(graph)
    assert [layer.name for layer in layers][-2:] == ["features", "logits"]
    errors = {}
    for layer in layers:
        features, _ = evaluate(graph, codes, Substituted(dict.fromkeys(layer.parts, grids)))
        errors[layer.name] = float(np.abs(features - exact).max())
    assert errors.pop("logits") == 0.0  # which come after the features
    assert all(error > 0 for error in errors.values())


@given(st.floats(-50, 0), st.floats(0, 50), st.lists(st.floats(-60, 60), min_size=1))
def test_a_grid_rounds_to_the_nearest_and_once(low: float, high: float, values: list[float]) -> None:
    grid, given_values = Grid.over(low, high), np.array(values, np.float32)
    rounded = grid.round(given_values)
    assert np.array_equal(grid.round(rounded), rounded)
    inside = (given_values >= low) & (given_values <= high)
    assert (np.abs(rounded - given_values)[inside] <= 1.001 * grid.scale + 1e-6).all()
    assert grid.round(np.zeros(1, np.float32))[0] == 0.0


def test_more_calibration_windows_never_narrow_a_range() -> None:
    graph, codes = read_model(model("shared4_float32")), windows(model("shared4_float32"), 40)
    few, many = observe(graph, codes[:5]).extremes, observe(graph, codes).extremes
    assert all(many[part][0] <= few[part][0] and many[part][1] >= few[part][1] for part in few)
    assert any(many[part] != few[part] for part in few)


def test_the_debug_build_counts_what_is_cut_off(tmp_path: Path) -> None:
    name = "conv3_hops3"
    content, channels = model(name), CHANNELS[name]
    front = front_end(channels)
    samples = input_shape(content)[1] // channels
    rng = np.random.default_rng(0)
    quiet = rng.normal(0, 1, (12, 30 * samples, channels)) * 0.02 * np.array(front.sds) + front.offsets
    loud = rng.normal(0, 1, quiet.shape) * 400 * np.array(front.sds) + front.offsets
    found = {}
    for key, signal in (("quiet", quiet), ("loud", loud)):
        counts = np.clip(np.rint(signal), -32768, 32767).astype(np.int16)
        stages = count_saturation(content, front.to_json(), "reset", counts, samples)
        found[key] = {stage.stage: stage for stage in stages}
    assert found["quiet"]["codes"].cut == 0 < found["loud"]["codes"].cut
    assert found["loud"]["codes"].values == loud.size
    total = {key: sum(stage.cut for stage in stages.values()) for key, stages in found.items()}
    assert total["quiet"] < total["loud"]
    dense = [stage for stage in found["loud"].values() if stage.stage.startswith("dense")]
    assert all(stage.bounded == stage.values for stage in dense)
    generate_c(content, front.to_json(), tmp_path, frame_samples=samples, channels=channels)
    codes = front.encode_windows(np.clip(np.rint(loud), -32768, 32767).astype(np.int16))
    outputs = HostEngineExecutor(tmp_path).run(codes.reshape(12, 30, -1))
    at_limit = sum(np.count_nonzero(np.abs(o.astype(int) + 0.5) == 127.5) for o in vars(outputs).values())
    assert 0 < sum(stage.cut for stage in dense) <= at_limit


def test_nothing_of_the_counting_is_left_in_a_plain_build(tmp_path: Path) -> None:
    name = "conv3_hops3"
    content, channels = model(name), CHANNELS[name]
    samples = input_shape(content)[1] // channels
    generate_c(content, front_end(channels).to_json(), tmp_path, frame_samples=samples, channels=channels)
    for flags, there in (((), False), (("-DMYOFIN_COUNT_SATURATION",), True)):
        made = tmp_path / "engine.o"
        compile_sources([tmp_path / "myofin_model.c"], made, tmp_path, "-O2", "-c", *flags)
        listed = subprocess.run(["nm", made], capture_output=True, text=True, check=True).stdout
        assert ("myofin_bounded" in listed) == there


def test_a_study_measures_every_layer_calibration_and_saturation(studied: dict[str, Any]) -> None:
    assert json.loads(json.dumps(studied, allow_nan=False)) == studied
    floats = studied["float"]
    assert floats["feature_rmse"] == 0 and floats["flips"] == 0 and floats["accuracy"] > 0.4
    for found in studied["whole"].values():
        simulated, engine = found["simulated"]["feature_rmse"], found["engine"]["feature_rmse"]
        assert engine > 0 and 0.5 < simulated / engine < 2
    whole = studied["whole"]["int8"]["simulated"]["feature_rmse"]
    assert studied["whole"]["int16x8"]["engine"]["feature_rmse"] < whole
    for row in studied["layers"]:
        assert row["int8"]["feature_rmse"] < whole
        assert row["rest_int8"]["feature_rmse"] < 1.2 * whole
    chosen = {(row["windows"], row["choice"], row["draw"]) for row in studied["calibration"]}
    assert len(chosen) == len(studied["calibration"]) and {row[1] for row in chosen} >= {"even", "random"}
    loud = [row["cut"] for row in studied["saturation"]["int8"] if row["loudness"] == 4]
    plain = [row["cut"] for row in studied["saturation"]["int8"] if row["loudness"] == 1]
    assert sum(loud) >= sum(plain)


def test_the_page_is_whole_at_two_widths_and_holds_only_text(studied: dict[str, Any], tmp_path: Path) -> None:
    document = copy.deepcopy(studied)
    evil = '</title></svg><script>alert("x")</script>'
    document["data"] |= {"dataset": evil, "subject": evil}
    page = render_sensitivity(document)
    checker = Checker()
    checker.feed(page)
    checker.close()
    assert checker.open == [] and "script" not in checker.tags
    assert len(checker.ids) == len(set(checker.ids)) and set(checker.referred) <= set(checker.ids)
    assert not re.search(r"https?:|url\(|@import|<link|<img", page) and "None" not in page
    for sentence in document["conclusions"]:
        assert sentence in checker.text
    assert all(row["layer"] in summary(document) for row in document["layers"])
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    with chromium() as browser:
        for width in WIDTHS:
            opened = browser.new_page(viewport={"width": width, "height": 800})
            wrong = watch(opened)
            opened.goto((tmp_path / "page.html").as_uri())
            assert overflow(opened) == 0 and wrong == []


def test_what_cannot_be_studied_is_said(small: Path, tmp_path: Path, capsys: Any) -> None:
    assert cli.run(["sensitivity", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    with pytest.raises(InputError, match="are not at"):
        study_sensitivity(small / "run", tmp_path / "elsewhere")
    other = tmp_path / "other.npz"
    made = ["data", "synth", "--out", str(other), "--channels", "4", "--rate-hz", "1000", "--movements", "5"]
    assert cli.run([*made, "--seed", "7"]) == 0
    with pytest.raises(InputError, match="another recording"):
        study_sensitivity(small / "run", other)
    assert not (tmp_path / "out").exists()
