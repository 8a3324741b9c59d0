"""Time the features of one DB2-sized subject: 12 channels, 2 kHz, 15 minutes, a window of 300 ms each 10 ms.

    OMP_NUM_THREADS=1 python bench/features.py

The same run times the plain loop over windows on the first seconds and extrapolates it to all windows, and
compares the numbers of both on those seconds. Exit code 1 where the recording takes 3 s or more (best of
three), or is less than 50 times faster than the loop.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from myofin.features import AR_NAMES, FEATURE_NAMES, FEATURES, recording_features, window_features

CHANNELS, RATE_HZ, MINUTES, FRAME, FRAMES = 12, 2000, 15, 20, 30
LOOP_S, TRIALS = 10, 3
BUDGET_S, FASTER = 3.0, 50.0
USUAL = (*FEATURE_NAMES, "mav", "wl", "zc", "ssc", "wamp", "hist_entropy", *AR_NAMES)


def main() -> int:
    """Measure the paper's four, with the usual ones, and all: a line each, and whether the budget holds."""
    z = np.random.default_rng(0).normal(0, 1, (RATE_HZ * 60 * MINUTES, CHANNELS))
    sets = {"four": FEATURE_NAMES, "usual": USUAL, "all": tuple(FEATURES)}
    held = [measure(z, names, title) for title, names in sets.items()]
    return 0 if all(held) else 1


def measure(z: np.ndarray, names: tuple[str, ...], title: str) -> bool:
    """Time one set of features in both ways; seconds are of this process, which runs on one thread."""
    trials = []
    for _ in range(TRIALS):
        began = time.process_time()
        found = recording_features(z, FRAME, FRAMES, names)
        trials.append(time.process_time() - began)
    whole_s = min(trials)
    span, some = FRAME * FRAMES, LOOP_S * RATE_HZ // FRAME - FRAMES + 1
    looped = np.empty((some, CHANNELS, len(names)))
    began = time.process_time()
    for hop in range(some):
        for channel in range(CHANNELS):
            window = z[hop * FRAME : hop * FRAME + span, channel : channel + 1]
            looped[hop, channel] = window_features(window, names)[0]
    loop_s = (time.process_time() - began) * len(found) / some
    np.testing.assert_allclose(found[:some], looped, rtol=1e-9, atol=1e-11)
    faster = loop_s / whole_s
    sys.stdout.write(
        f"{title} ({len(names)} features): {len(found):,} windows x {CHANNELS} channels in {whole_s:.2f} s;"
        f" window loop {loop_s:.0f} s (extrapolated from {some} windows), {faster:.0f} times slower\n"
    )
    return whole_s < BUDGET_S and faster >= FASTER


if __name__ == "__main__":
    sys.exit(main())
