"""What codes stand for: near what was encoded, whatever the channel, and at the edge where they saturate."""

import numpy as np

from myofin.features import feature_scores, window_features
from myofin.frontend import FrontEnd
from myofin.train.code_limit import code_levels, decoded, features_of_codes

NAMES = ("entropy", "rms", "var", "ssi")


def windows(seed, loud):
    rng = np.random.default_rng(seed)
    counts = rng.normal([100, -2_000], [50, 900], (400, 60, 2)) * rng.uniform(0.3, loud, (400, 1, 1))
    return np.clip(np.rint(counts), -(1 << 15), (1 << 15) - 1).astype(np.int16)


def test_decoding_gives_back_the_signal_within_a_step_of_the_code():
    counts = windows(1, 1.5)
    frontend = FrontEnd.fit(counts.reshape(-1, 2))
    codes = frontend.encode_windows(counts)
    again = decoded(code_levels(frontend), codes)
    true = frontend.zscore(counts)
    assert again.shape == true.shape
    # A step of mu-law widens with magnitude: (1 / mu + |x| / clip) * ln(1 + mu) / 127 of full scale.
    step = (frontend.clip_sd / frontend.mu + np.abs(true)) * np.log1p(frontend.mu) / 127
    assert (np.abs(again - true) <= step + 1 / frontend.sds).all()


def test_what_saturates_stays_at_the_edge():
    frontend = FrontEnd.fit(windows(2, 1.5).reshape(-1, 2), clip_sd=3.0)
    loud = np.full((1, 30, 2), 32_767, dtype=np.int16)
    assert (np.abs(decoded(code_levels(frontend), frontend.encode_windows(loud)) - 3.0) < 0.2).all()


def test_features_survive_eight_bits():
    counts = windows(3, 2.0)
    frontend = FrontEnd.fit(counts.reshape(-1, 2))
    found = features_of_codes(frontend, frontend.encode_windows(counts), NAMES)
    scores = feature_scores(window_features(frontend.zscore(counts), NAMES), found, NAMES)
    assert all(score["log"] > 0.99 for score in scores.values()), scores
