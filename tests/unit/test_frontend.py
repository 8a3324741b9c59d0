"""The integer front end against a slow scalar reference written from the formula, in Python integers."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myofin.errors import ArtifactError, RecordingError
from myofin.frontend import DC_SHIFT_MAX, FrontEnd, frame_samples_of, mu_law_table

EVERY_COUNT = np.arange(-32768, 32768).astype(np.int16)


def front_end(sd: float = 300.0, offset: float = 0.0, dc_shift: int = 0, clip_sd: float = 20.0) -> FrontEnd:
    """Fit to two samples a channel, whose mean and standard deviation are exact."""
    low, high = round(offset - sd), round(offset + sd)
    counts = np.array([[low, low - 5], [high, high + 5]], dtype=np.int16)
    return FrontEnd.fit(counts, mu=5.0, dc_shift=dc_shift, clip_sd=clip_sd)


def reference_codes(samples: list[int], front: FrontEnd, channel: int) -> list[int]:
    """Encode with the contract's formula, one Python integer at a time."""
    offset, gain = int(front.offsets[channel]), int(front.gains_q16[channel])
    limit = 0
    for power in reversed(range(40)):  # binary search of the smallest m that passes the table's end
        if ((limit + (1 << power) - 1) * gain + 32768) >> 16 < 2048:
            limit += 1 << power
    codes, accumulator = [], None
    for x in samples:
        d = x - offset
        if front.dc_shift:
            accumulator = (
                d << front.dc_shift
                if accumulator is None
                else accumulator + d - (accumulator >> front.dc_shift)
            )
            assert -(2**31) <= accumulator < 2**31
            d -= accumulator >> front.dc_shift
        m = abs(d)
        index = 2047 if m >= limit else (m * gain + 32768) >> 16
        assert index <= 2047
        magnitude = round(127 * math.log(1 + 5 * (index / 2047)) / math.log(6))
        codes.append(magnitude if d > 0 else -magnitude if d < 0 else 0)
    return codes


@pytest.mark.parametrize(
    ("sd", "offset", "clip_sd"),
    [
        (300, 0, 20.0),
        (1, 0, 20.0),
        (20_000, -1234, 20.0),
        (5, 32_700, 20.0),
        (40, -32_720, 8.0),
        (32_000, 0, 0.5),
    ],
)
def test_every_count_equals_the_scalar_reference(sd: int, offset: int, clip_sd: float) -> None:
    front = front_end(sd, offset, clip_sd=clip_sd)
    codes = front.encode(np.stack([EVERY_COUNT, EVERY_COUNT[::-1]], axis=1))
    assert codes[:, 0].tolist() == reference_codes(EVERY_COUNT.tolist(), front, 0)
    assert codes[:, 1].tolist() == reference_codes(EVERY_COUNT[::-1].tolist(), front, 1)


@settings(max_examples=60, deadline=None)
@given(
    samples=st.lists(st.integers(-32768, 32767), min_size=1, max_size=200),
    dc_shift=st.integers(1, DC_SHIFT_MAX),
    offset=st.integers(-30_000, 30_000),
)
def test_dc_blocker_equals_the_scalar_reference(samples: list[int], dc_shift: int, offset: int) -> None:
    front = front_end(300, offset, dc_shift)
    column = np.array(samples, dtype=np.int16)
    codes = front.encode(np.stack([column, column], axis=1))
    assert codes[:, 0].tolist() == reference_codes(samples, front, 0)


@pytest.mark.parametrize("dc_shift", [8, DC_SHIFT_MAX])
@pytest.mark.parametrize("offset", [-32_768, 32_767])
def test_the_accumulator_never_leaves_int32(dc_shift: int, offset: int) -> None:
    document = front_end(300, 0, dc_shift).to_json() | {"offsets": [offset, offset]}
    front = FrontEnd.from_json(document)
    samples = [-32768] * 300 + [32767] * 300 + [-32768, 32767] * 100
    column = np.array(samples, dtype=np.int16)
    codes = front.encode(np.stack([column, column], axis=1))
    assert codes[:, 1].tolist() == reference_codes(samples, front, 1)


def test_dc_blocker_removes_a_constant() -> None:
    front = front_end(300, 0, 6)
    counts = np.full((4000, 2), 5000, dtype=np.int16)
    assert not front.encode(counts).any()
    counts[1:] += 100  # a step decays with a time constant of 2^6 samples
    codes = front.encode(counts)[:, 0]
    assert codes[1] > 0
    assert np.all(np.abs(codes[1000:]) <= 1)


@settings(max_examples=100, deadline=None)
@given(x=st.integers(-32767, 32767), sd=st.integers(1, 20_000))
def test_codes_are_odd(x: int, sd: int) -> None:
    front = front_end(sd)
    codes = front.encode(np.array([[x, x], [-x, -x]], dtype=np.int16))
    assert codes[0].tolist() == (-codes[1]).tolist()


@settings(max_examples=25, deadline=None)
@given(sd=st.integers(1, 32_000), offset=st.integers(-500, 500))
def test_codes_rise_with_the_counts_and_saturate(sd: int, offset: int) -> None:
    front = front_end(min(sd, 32_000 - abs(offset)), offset)
    codes = front.encode(np.stack([EVERY_COUNT, EVERY_COUNT], axis=1)).astype(int)
    assert np.all(np.diff(codes, axis=0) >= 0)
    assert codes.min() >= -127 and codes.max() <= 127
    beyond = EVERY_COUNT.astype(int) - int(front.offsets[0]) >= int(front.limits[0])
    assert np.all(codes[beyond, 0] == 127)


def test_the_clip_is_where_it_is_said_to_be() -> None:
    front = front_end(100)
    codes = front.encode(np.array([[100, 0], [1995, 0], [2000, 0], [-2000, 0]], dtype=np.int16))
    assert codes[:, 0].tolist() == [16, 127, 127, -127]  # 127 ln(1 + 5/20) / ln 6 = 15.8


@pytest.mark.parametrize("mu", [0.5, 5.0, 255.0])
def test_table_is_the_published_mu_law(mu: float) -> None:
    # ITU-T G.711's continuous law: F(x) = sgn(x) ln(1 + mu |x|) / ln(1 + mu), here for x = i/2047.
    table = mu_law_table(mu)
    expected = [round(127 * math.log(1 + mu * i / 2047) / math.log(1 + mu)) for i in range(2048)]
    assert table.tolist() == expected
    assert (table[0], table[2047], table.dtype) == (0, 127, np.int8)


@pytest.mark.parametrize("dc_shift", [0, 7])
def test_windows_are_encoded_sample_major_and_reset_at_each(dc_shift: int) -> None:
    front = front_end(dc_shift=dc_shift)
    counts = np.random.default_rng(3).integers(-3000, 3000, (4, 60, 2)).astype(np.int16)
    codes = front.encode_windows(counts)
    assert codes.shape == (4, 30, 4)
    for window, encoded in zip(counts, codes, strict=True):
        alone = front.encode(window)
        assert encoded.reshape(60, 2).tolist() == alone.tolist()
        assert encoded[2, 1 * 2 + 1] == alone[2 * 2 + 1, 1]  # frame 2, sample 1, channel 1


def test_zscore_has_the_training_statistics() -> None:
    counts = np.random.default_rng(1).normal([40, -7], [200, 900], (5000, 2)).astype(np.int16)
    front = FrontEnd.fit(counts)
    z = front.zscore(counts)
    assert np.allclose(z.mean(axis=0), 0) and np.allclose(z.std(axis=0), 1)
    assert np.allclose(z, (counts - counts.mean(axis=0)) / counts.std(axis=0))
    windows = counts[:4800].reshape(8, 600, 2)
    assert np.array_equal(front.zscore(windows).reshape(-1, 2), z[:4800])


def test_zscore_resets_the_dc_blocker_at_each_window() -> None:
    counts = np.random.default_rng(1).integers(-900, 900, (600, 2)).astype(np.int16)
    front = FrontEnd.fit(counts, dc_shift=5)
    windows = counts.reshape(2, 300, 2)
    assert np.array_equal(front.zscore(windows)[1], front.zscore(windows[1]))


def test_gain_and_limit_follow_the_formula() -> None:
    front = front_end(300)
    assert front.gains_q16.tolist() == [round(2048 * 65536 / (20 * 300)), round(2048 * 65536 / (20 * 305))]
    for gain, limit in zip(front.gains_q16.tolist(), front.limits.tolist(), strict=True):
        assert (limit * gain + 32768) >> 16 >= 2048 > ((limit - 1) * gain + 32768) >> 16


def test_a_dead_channel_is_named() -> None:
    counts = np.random.default_rng(0).integers(-100, 100, (1000, 4)).astype(np.int16)
    counts[:, 2] = 17
    with pytest.raises(RecordingError, match="Channel 2 is dead"):
        FrontEnd.fit(counts)
    counts[0, 2] = 18  # alive, but too weak for the gain's range
    with pytest.raises(RecordingError, match="Channel 2"):
        FrontEnd.fit(counts, clip_sd=20.0)


def test_no_samples_are_refused() -> None:
    with pytest.raises(RecordingError, match="no samples"):
        FrontEnd.fit(np.zeros((0, 4), dtype=np.int16))


@pytest.mark.parametrize(
    "counts", [np.zeros((9, 2)), np.zeros((9, 3), dtype=np.int16), np.zeros(9, dtype=np.int16)]
)
def test_other_shapes_and_types_are_refused(counts: np.ndarray) -> None:
    with pytest.raises(ValueError, match="counts must"):
        front_end().encode(counts)


@pytest.mark.parametrize("change", [{"mu": 0.0}, {"clip_sd": math.nan}, {"dc_shift": 16}, {"dc_shift": -1}])
def test_impossible_settings_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        FrontEnd.fit(np.array([[1], [-1]], dtype=np.int16), **change)


def test_json_round_trip_is_exact() -> None:
    counts = np.random.default_rng(5).normal(3.3, 217.7, (999, 3)).astype(np.int16)
    front = FrontEnd.fit(counts, dc_shift=4)
    again = FrontEnd.from_json(json.loads(json.dumps(front.to_json())))
    for name, value in vars(front).items():
        other = getattr(again, name)
        assert np.array_equal(value, other), name
        assert getattr(value, "dtype", None) == getattr(other, "dtype", None), name


@pytest.mark.parametrize(
    "change",
    [
        {"gains_q16": [0, 5]},
        {"gains_q16": [1, 1 << 28]},
        {"limits": [7, 7]},
        {"offsets": [40_000, 0]},
        {"offsets": [1]},
        {"table": [1] * 2047},
        {"table": [-1] * 2048},
        {"table": [300] * 2048},
        {"offsets": [0.5, 0]},
        {"sds": [0.0, 1.0]},
        {"dc_shift": 99},
        {"channels": "two"},
        {"means": None},
    ],
)
def test_a_damaged_document_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ArtifactError, match="front end"):
        FrontEnd.from_json(front_end().to_json() | change)


def test_a_missing_key_is_refused() -> None:
    document = front_end().to_json()
    del document["limits"]
    with pytest.raises(ArtifactError, match="limits"):
        FrontEnd.from_json(document)


def test_frames_are_ten_milliseconds() -> None:
    assert [frame_samples_of(rate) for rate in (100, 200, 1000, 2000)] == [1, 2, 10, 20]
    for rate in (0, -100, 250, 1111):
        with pytest.raises(RecordingError, match="10 ms"):
            frame_samples_of(rate)
