from __future__ import annotations

import math
import zlib
from dataclasses import replace

import numpy as np
import pytest
from comparison_cases import CHANNELS, CLASSES, FLOAT32, INT8, SCALING, copy, decisions, ticks, truth
from hypothesis import given
from hypothesis import strategies as st

from myofin.errors import BoardError, InputError
from myofin.firmware_bridge.comparison import STAGES, compare
from myofin.firmware_bridge.decisions import Decisions, NumberFormat, Truth, window_crcs
from myofin.firmware_bridge.quality import UNDECIDED, FeatureScaling, predictions, recognise
from myofin.firmware_bridge.statistics import (
    distribution,
    lsb_histogram,
    tolerance_histogram,
    wilson_interval,
)
from myofin.quantization import Quantization

FORMATS = {"int8": (INT8, np.int8), "float32": (FLOAT32, np.float32)}


@given(st.integers(1, 20), st.integers(0, 99), st.sampled_from(sorted(FORMATS)))
def test_identical_outputs_pass_whatever_they_are(windows: int, seed: int, scheme: str) -> None:
    number_format, dtype = FORMATS[scheme]
    host = decisions(windows, seed, dtype)
    found = compare(host, copy(host), number_format, ticks(windows), truth(windows))
    assert found.passed and not found.mismatches and found.argmax_flips == 0
    for stage in STAGES:
        assert found.parity[stage].bit_exact == found.parity[stage].equal == windows
    assert found.recognition["host"] == found.recognition["device"]


@given(st.data())
def test_any_single_difference_fails_and_names_its_stage_and_place(data: st.DataObject) -> None:
    windows = data.draw(st.integers(1, 12))
    stage = data.draw(st.sampled_from(STAGES))
    number_format, dtype = FORMATS[data.draw(st.sampled_from(sorted(FORMATS)))]
    host = decisions(windows, data.draw(st.integers(0, 99)), dtype)
    device = copy(host)
    array = device.codes_crc[:, None] if stage == "codes" else getattr(device, stage)
    window = data.draw(st.integers(0, windows - 1))
    element = data.draw(st.integers(0, array.shape[1] - 1))
    if stage == "codes":
        array[window, element] ^= np.uint32(1 << data.draw(st.integers(0, 31)))
    else:
        array[window, element] += data.draw(st.sampled_from([-1, 1]))

    found = compare(host, device, number_format, ticks(windows))

    assert not found.passed
    (mismatch,) = found.mismatches
    assert (mismatch.window, mismatch.stage, mismatch.elements) == (window, stage, (element,))
    assert mismatch.host != mismatch.device
    assert {s: found.parity[s].equal for s in STAGES} == {s: windows - (s == stage) for s in STAGES}


def test_the_first_stage_that_differs_is_the_one_named() -> None:
    host = decisions(4)
    device = copy(host)
    device.logits[1:, 2] ^= 1
    device.features[2:, 5] ^= 1
    device.codes_crc[3] ^= 1
    found = compare(host, device, INT8, ticks(4))
    assert [(m.window, m.stage) for m in found.mismatches] == [(1, "logits"), (2, "features"), (3, "codes")]


def test_no_window_is_a_fail() -> None:
    host = decisions(0)
    found = compare(host, copy(host), INT8, ticks(0), truth(0))
    assert not found.passed
    assert found.recognition["device"].accuracy is None
    assert found.latency.stages["total"] is None


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("on_both", [False, True])
def test_what_is_not_finite_never_equals(value: float, on_both: bool) -> None:
    host = decisions(3, dtype=np.float32)
    device = copy(host)
    device.logits[1, 0] = value
    if on_both:
        host.logits[1, 0] = value
    found = compare(host, device, FLOAT32, ticks(3))
    assert not found.passed
    assert found.parity["logits"].non_finite == 1
    assert found.parity["logits"].max_difference == 0.0
    assert [m.stage for m in found.mismatches] == ["logits"]


def test_float_differences_within_tolerance_pass_and_are_reported() -> None:
    host = decisions(3, dtype=np.float32)
    device = copy(host)
    host.features[0, 0], device.features[0, 0] = 0.0, -0.0
    host.features[1, 0], device.features[1, 0] = 0.0, 0.0005
    found = compare(host, device, FLOAT32, ticks(3))
    assert found.passed
    assert found.parity["features"].bit_exact == 1  # minus zero is another bit pattern
    assert found.parity["features"].max_difference == pytest.approx(0.0005)
    device.features[1, 0] = 0.0011
    assert not compare(host, device, FLOAT32, ticks(3)).passed


def test_differences_of_extreme_int8_do_not_wrap() -> None:
    host = decisions(1)
    device = copy(host)
    host.features[0, 0], device.features[0, 0] = -128, 127
    found = compare(host, device, INT8, ticks(1))
    assert found.parity["features"].max_difference == 255


def test_flips_count_changed_decisions_and_nan_is_no_decision() -> None:
    host = decisions(3, dtype=np.float32)
    device = copy(host)
    device.logits[0] = np.roll(host.logits[0], 1)
    device.logits[2, np.argmax(host.logits[2])] = np.nan
    assert predictions(device.logits)[2] == UNDECIDED
    found = compare(host, device, FLOAT32, ticks(3), Truth(labels=predictions(host.logits)))
    assert found.argmax_flips == 2
    assert found.recognition["device"].right == 1
    assert found.recognition["device"].undecided == 1


def test_crc_is_zlibs_of_the_bytes_in_order() -> None:
    codes = np.arange(-6, 6, dtype=np.int8).reshape(2, 3, 2)
    assert window_crcs(codes).tolist() == [
        zlib.crc32(bytes([250, 251, 252, 253, 254, 255])),
        zlib.crc32(bytes(range(6))),
    ]
    check = np.frombuffer(b"123456789", np.int8)[None]
    assert window_crcs(check).tolist() == [0xCBF43926]  # the check value of CRC-32/ISO-HDLC


def test_wilson_interval_against_its_closed_form_and_a_published_value() -> None:
    n, p, z = 300, 240 / 300, 1.959963984540054
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    assert wilson_interval(240, 300) == pytest.approx((centre - half, centre + half), abs=1e-12)
    # Newcombe, Statistics in Medicine 17 (1998), table I: 81 of 263, score without continuity correction.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(0, 0) is None


def test_confusion_rows_are_true_and_windows_without_label_are_left_out() -> None:
    logits = np.eye(3, dtype=np.int8)[[0, 1, 1, 2, 0]]
    found = recognise(np.array([0, 1, 2, 2, -1]), logits)
    assert found.confusion == ((1, 0, 0), (0, 1, 0), (0, 1, 1))
    assert (found.right, found.labelled, found.accuracy) == (3, 4, 0.75)


def test_percentiles_are_observed_values_and_deadlines_are_strict() -> None:
    found = compare(decisions(20), decisions(20), INT8, ticks(20)).latency
    total = found.stages["total"]
    assert total is not None
    assert (total.minimum, total.p50, total.p95, total.p99, total.maximum) == (100, 1000, 1900, 2000, 2000)
    assert sum(total.bin_counts) == 20
    assert found.missed == 10  # 1100 to 2000 microseconds; 1000 is just in time
    assert found.hop_share(500) == 0.5


def test_ticks_that_never_vary_have_one_bin() -> None:
    found = distribution(np.full(7, 42))
    assert found is not None
    assert (found.p50, found.maximum, found.bin_counts) == (42, 42, (7,))


def test_ticks_may_be_fractions() -> None:
    found = distribution(np.array([10.625, 10.0, 10.625]))
    assert found is not None
    assert (found.minimum, found.p50, found.maximum, found.bin_counts) == (10.0, 10.625, 10.625, (1, 2))


def test_lsb_histogram_gathers_the_far_ends() -> None:
    found = lsb_histogram(np.array([0, 0, 1, -2, 8, 9, 255, -300]))
    assert dict(zip(found.labels, found.counts, strict=True)) | {"0": 2, "+1": 1, "−2": 1} == dict(
        zip(found.labels, found.counts, strict=True)
    )
    assert (found.counts[0], found.counts[-1], sum(found.counts)) == (1, 3, 8)
    assert [label for label, good in zip(found.labels, found.within, strict=True) if good] == ["0"]


def test_tolerance_histogram_separates_decades_and_nan() -> None:
    found = tolerance_histogram(np.array([0.0, 1e-9, 5e-5, -5e-4, 5e-3, 1.0, np.nan, -np.inf]), 1e-3)
    assert found.counts == (1, 1, 1, 1, 1, 1, 2)
    assert found.within == (True, True, True, True, False, False, False)


def test_features_are_brought_back_channel_by_channel() -> None:
    true = np.exp(np.random.default_rng(3).normal(size=(40, CHANNELS, 4)))
    domain = true.copy()
    domain[..., 1:] = np.log(domain[..., 1:])
    standardised = ((domain - SCALING.mean) / SCALING.std).reshape(40, -1)
    assert SCALING.natural(standardised) == pytest.approx(true)

    fine = replace(INT8, features=Quantization(1e-3, 17))
    integers = np.round(standardised / 1e-3 + 17).astype(np.int16)
    host = replace(decisions(40), features=integers)
    device = copy(host)
    device.features[:, 1::4] = 0  # rms of every channel, constant
    found = compare(host, device, fine, ticks(40), Truth(features=true))
    for name in ("entropy", "rms", "var", "ssi"):
        assert found.fidelity["host"][name]["log"] == pytest.approx(1.0, abs=1e-3)
        assert found.fidelity["host"][name]["linear"] == pytest.approx(1.0, abs=1e-3)
    assert found.fidelity["device"]["rms"]["log"] < 0.1
    assert found.fidelity["device"]["var"] == found.fidelity["host"]["var"]


def test_a_board_with_other_shapes_or_types_is_a_board_fault() -> None:
    host = decisions(3)
    for device in (
        decisions(2),
        decisions(3, dtype=np.int16),
        replace(copy(host), logits=host.logits[:, 1:]),
    ):
        with pytest.raises(BoardError, match="The board's"):
            compare(host, device, INT8, ticks(3))


@pytest.mark.parametrize(
    "wrong", [Truth(labels=np.zeros(2, int)), Truth(labels=np.full(3, CLASSES)), truth(4)]
)
def test_truth_of_other_windows_is_refused(wrong: Truth) -> None:
    with pytest.raises(InputError):
        compare(decisions(3), decisions(3), INT8, ticks(3), wrong)


def test_ticks_and_types_that_do_not_belong_are_refused() -> None:
    host = decisions(3)
    for bad in (ticks(2), replace(ticks(3), hop_us=0.0), replace(ticks(3), stages={"fin": np.ones(3)})):
        with pytest.raises(InputError):
            compare(host, host, INT8, bad)
    with pytest.raises(InputError, match="scheme float32"):
        compare(host, host, FLOAT32, ticks(3))


def test_number_format_is_read_from_a_bundle() -> None:
    scaling = {"names": ["entropy", "rms", "var", "ssi"], "mean": [5.0, -1.0, -2.0, 3.0]}
    scaling |= {"std": [0.5, 1.0, 2.0, 2.0], "log": [False, True, True, True]}
    body = {"scheme": "int8", "feature_scaling": scaling}
    body["outputs"] = {"features": {"size": 12, "dtype": "int8", "scale": 0.05, "zero_point": -3}}
    assert NumberFormat.from_bundle(body) == INT8
    assert NumberFormat.from_bundle({**body, "scheme": "float32", "float_tolerance": 1e-3}) == FLOAT32
    with pytest.raises(InputError, match="loudness"):
        FeatureScaling.from_json({**scaling, "names": ["loudness"]})


def test_decisions_know_how_many_they_are() -> None:
    assert len(decisions(7)) == 7
    assert isinstance(decisions(1), Decisions)
