"""Features in integers: against the closed form in floats, and the C runtime against them bit for bit."""

import functools
import re
import tempfile
from dataclasses import replace
from pathlib import Path

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from integer_cases import CASES, FOUR, corner_windows, engine_arguments, front_end, head, model, signal

from myofin.convert import features_op
from myofin.convert.codegen import generate_c
from myofin.convert.host_engine import HostEngine
from myofin.errors import InputError
from myofin.feature_windows import features_of_windows
from myofin.features import feature_scores, from_network_domain, to_network_domain
from myofin.frontend import FrontEnd
from myofin.integer_features import LOG_TABLE, exact_features, integer_features, integer_values, log2_of
from myofin.integer_tables import INTEGER_FEATURES, code_levels, make_tables, to_domain, with_scaling

ROOT = Path(__file__).resolve().parents[2]
# A logarithm is off by two roundings to 2^-15 bits and 1.1e-5 of interpolation, a weight by 2^-21.
IN_THE_DOMAIN = 2e-4


@functools.cache
def engine(name, sliding=True, *flags):
    with tempfile.TemporaryDirectory() as folder:
        generate_c(model(name), out_dir=Path(folder), sliding=sliding, **engine_arguments(name))
        return HostEngine(Path(folder), *flags)


def windows_of(name, counts, hop=7):
    """Windows of counts, some hops apart: int16 [w, samples, channels]."""
    step, span = hop * CASES[name][1], 30 * CASES[name][1]
    return np.stack([counts[at : at + span] for at in range(0, len(counts) - span + 1, step)])


@pytest.mark.parametrize("name", CASES)
def test_integers_are_the_closed_form_of_the_codes(name):
    tables = head(name).tables
    rng = np.random.default_rng(3)
    codes = np.concatenate(
        [
            corner_windows(name),
            front_end(name).encode_windows(
                windows_of(name, signal(*CASES[name][:1], 300 * CASES[name][1], 4))
            ),
            rng.integers(-40, 41, (20, 30, tables.frame_samples * tables.channels)).astype(np.int8),
        ]
    )
    levels = tables.levels[codes.reshape(len(codes), tables.samples, -1).astype(int) + 128] / 4096
    wanted = to_network_domain(features_of_windows(levels, tables.names), tables.names)
    slope, intercept = np.array([to_domain(feature, tables.samples) for feature in tables.names]).T
    found = integer_values(tables, codes) * slope + intercept
    assert np.abs(found - wanted).max() < IN_THE_DOMAIN


def test_what_eight_bits_and_the_codes_cost():
    """R2 of the int8 features against the closed form of the true signal, logarithmic and linear."""
    name = "2kHz"
    counts = signal(CASES[name][0], 4000 * CASES[name][1], 5)
    windows, front, names = windows_of(name, counts), front_end(name), CASES[name][2]
    true = features_of_windows(front.zscore(windows), names)
    domain = to_network_domain(true, names)
    mean, std = domain.mean(axis=(0, 1)), domain.std(axis=(0, 1))
    standardised = (domain - mean) / std
    scale, low = float(np.ptp(standardised)) / 255, float(standardised.min())
    zero_point = round(-128 - low / scale)
    tables = with_scaling(head(name).tables, mean, std, scale, zero_point)
    features = integer_features(tables, front.encode_windows(windows)).astype(float)
    found = (features - zero_point) * scale * np.tile(std, 3) + np.tile(mean, 3)
    scores = feature_scores(true, from_network_domain(found.reshape(true.shape), names), names)
    worst = {
        kind: min(score[kind] for key, score in scores.items() if key != "ld") for kind in ("log", "linear")
    }
    assert worst["log"] > 0.998 and worst["linear"] > 0.99, scores
    # The log detector lives on the samples near zero, of which a code spans the most.
    assert scores["ld"]["log"] > 0.95 and scores["ld"]["linear"] > 0.95, scores


@pytest.mark.parametrize("name", CASES)
def test_the_engine_equals_the_integers(name):
    codes = corner_windows(name)
    features, _ = engine(name).invoke(codes)
    wanted = integer_features(head(name).tables, codes)
    assert np.array_equal(features, wanted)
    assert len(np.unique(wanted)) > 10, "the windows must not all saturate"


@pytest.mark.parametrize("name", ["2kHz", "100Hz"])
@settings(max_examples=60)
@given(data=st.data())
def test_the_engine_equals_the_integers_on_any_window(name, data):
    tables = head(name).tables
    codes = data.draw(hnp.arrays(np.int8, (2, tables.frames, tables.frame_samples * tables.channels)))
    assert np.array_equal(engine(name).invoke(codes)[0], integer_features(tables, codes))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("sliding", [True, False])
def test_every_hop_of_a_stream_is_its_window(name, sliding):
    channels, samples, _ = CASES[name]
    counts = signal(channels, 140 * samples, 6)
    counts[20 * samples : 55 * samples] = 32767  # a window that is all saturated, then silence
    counts[55 * samples : 90 * samples] = front_end(name).offsets
    counts[90 * samples : 95 * samples : 2], counts[90 * samples + 1 : 95 * samples : 2] = -32768, 32767
    codes = front_end(name).encode(counts).reshape(140, -1)
    windows = np.stack([codes[at : at + 30] for at in range(111)])
    features, logits = engine(name, sliding).stream(counts)
    assert np.array_equal(features, integer_features(head(name).tables, windows))
    assert np.array_equal(logits, engine(name, sliding).invoke(windows)[1])


def test_no_sum_overflows():
    """The largest window that is accepted, at its extremes, under the sanitizer: it would end the process."""
    name = "10kHz"
    tables = head(name).tables
    assert tables.samples * np.abs(tables.levels).max() > 0.75 * 2**31, "no longer near the bound"
    checked = engine(name, True, "-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all")
    codes = corner_windows(name)
    assert np.array_equal(checked.invoke(codes)[0], integer_features(tables, codes))
    counts = np.full((100 * 40, 1), -32768, np.int16)
    counts[::2] = 32767
    features, _ = checked.stream(counts)
    codes = front_end(name).encode(counts).reshape(40, -1)
    assert np.array_equal(
        features, integer_features(tables, np.stack([codes[i : i + 30] for i in range(11)]))
    )


@pytest.mark.parametrize("name", CASES)
def test_integers_hardly_differ_from_the_float_reference(name):
    codes = np.concatenate([corner_windows(name), np.zeros((1, *corner_windows(name).shape[1:]), np.int8)])
    exact = np.clip(exact_features(head(name).tables, codes), -128, 127)
    assert np.abs(integer_features(head(name).tables, codes) - exact).max() < 0.52


def test_logarithm():
    powers = np.uint64(1) << np.arange(63, dtype=np.uint64)
    assert np.array_equal(log2_of(powers), np.arange(63) << 15)
    rng = np.random.default_rng(7)
    values = (np.exp2(rng.uniform(0, 63, 20_000))).astype(np.uint64)
    assert (
        np.abs(log2_of(values) / 2**15 - np.log2(values.astype(float))).max() < 4.2e-5
    )  # two roundings to 2^-15, and interpolation
    text = (ROOT / "convert/runtime/myofin_features_s8.c").read_text()
    table = re.search(r"LOG_TABLE\[129\] = \{([^}]*)\}", text)
    assert np.array_equal([int(value) for value in table[1].split(",")], LOG_TABLE)


def test_levels_are_the_middles_of_the_codes():
    front = front_end("2kHz")
    levels = code_levels(front)
    assert levels[128] == 0 and np.array_equal(levels[129:], -levels[127:0:-1]) and levels[0] == levels[1]
    assert np.all(np.diff(levels[1:]) > 0)
    offset, sd = int(front.offsets[0]), float(front.sds[0])
    counts = np.zeros((8000, 3), np.int16)
    counts[:, 0] = np.clip(np.linspace(-100 * sd, 100 * sd, 8000) + offset, -32768, 32767)
    codes = front.encode(counts)[:, 0]
    true = (counts[:, 0] - front.means[0]) / sd
    decoded = levels[codes.astype(int) + 128] / 4096
    assert np.abs(decoded - true).max() < 0.5 * np.diff(levels[1:]).max() / 4096 + 0.2
    assert np.abs(decoded - true)[np.abs(true) < 1].max() < 0.08


def test_what_cannot_be_computed_is_refused():
    with pytest.raises(InputError, match="'zc' cannot be computed in integers"):
        make_tables(front_end("2kHz"), 20, (*FOUR, "zc"))
    with pytest.raises(InputError, match="levels are too high"):
        make_tables(front_end("10kHz"), 200, FOUR)
    wide = FrontEnd.fit(signal(1, 4000), clip_sd=20.0)
    assert make_tables(wide, 400, INTEGER_FEATURES).problem() is None


def test_damaged_tables_have_a_problem():
    tables = head("200Hz").tables
    assert tables.problem() is None
    zeros = np.zeros(256, np.int32)
    for damage in (
        {"levels": tables.levels * 4096},
        {"levels": tables.levels[:-1]},
        {"mantissas": zeros},
        {"mantissas": tables.mantissas * 64},
        {"moments": tables.mantissas + 1},
        {"exponents": zeros + (1 << 15)},
        {"logs": zeros - (1 << 15)},
        {"numbers": tables.numbers + 9},
        {"floors": tables.floors[:-1]},
        {"offsets": tables.offsets * 0 + (1 << 62)},
        {"offsets": tables.offsets * 0 - (1 << 63)},
        {"frames": 32},
        {"channels": 0},
        {"frame_samples": 1 << 16},
        {"weight_bits": 32},
    ):
        assert replace(tables, **damage).problem(), damage
    assert set(features_op.constants_of(tables)) == {"sizes", *features_op._ARRAYS}
