"""Proofs on recordings, on this machine: the C engine against TFLM, and sliding against whole windows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from proof_cases import SOURCES, Case, fixture_case, origin, trained_case, trained_cases
from proof_counts import Count, Settings

from myofin.convert.executors import Outputs, TflmExecutor
from myofin.convert.host_engine import HostEngine
from myofin.convert.schema import SCHEMES
from myofin.frontend import WINDOW_FRAMES, FrontEnd

WINDOWS, WINDOWS_SMALL = 12_000, 150  # of each recording and scheme
HOPS_SMALL = 1_500
FIXTURES_SMALL = ("shared4_hidden", "shared4_float32")
SEGMENTS = 40  # of a recording, of random lengths, each after a reset
DC_SHIFT = 6
BATCH = 1_000
# float32: both sum in the same order; what may differ is libm's expf and tanhf (2 ulp) and a fused
# multiply-add. An activation's error of 2^-22 passes 30 steps of a cell that forgets, and weights of order 1.
FLOAT_TOLERANCE = 2e-5


def windows(settings: Settings) -> list[Count]:
    """Windows of recordings, from raw counts: codes, features and logits of the C engine and of TFLM."""
    small = [fixture_case(settings, name) for name in FIXTURES_SMALL]
    cases = small if settings.small else trained_cases(settings)
    return [compare_windows(settings, case) for case in cases]


def compare_windows(settings: Settings, case: Case) -> Count:
    """All outputs of one model on windows of its recording."""
    engine = HostEngine(case.generate(settings.scratch / f"c-{case.name}".replace(" ", "-")))
    counts = case.windows(settings.size(WINDOWS, WINDOWS_SMALL))
    codes = case.front.encode_windows(counts)
    encoded = np.stack([engine.encode(window) for window in counts]).reshape(codes.shape)
    wrong = np.any(encoded != codes, axis=(1, 2))
    expected, found = TflmExecutor(case.model).run(codes), Outputs(*engine.invoke(codes))
    wrong |= rows_differ(case.scheme, expected.features, found.features)
    wrong |= rows_differ(case.scheme, expected.logits, found.logits)
    if len(np.unique(found.logits)) < 5:
        wrong[:] = True  # a comparison of constants would prove nothing
    what = f"{case.name}: windows, from counts to codes, features and logits, against TFLM"
    note = origin(settings)
    if case.scheme == "float32":
        note += f"; largest difference {largest(expected, found):.2g}, allowed {FLOAT_TOLERANCE:g}"
    return Count(what, len(counts), int(wrong.sum()), note)


def rows_differ(scheme: str, ours: NDArray[Any], theirs: NDArray[Any]) -> NDArray[np.bool_]:
    """The rows that are not equal, or for float32 not within the tolerance."""
    if scheme != "float32":
        return np.asarray(np.any(ours != theirs, axis=1))
    scale = np.maximum(1.0, np.abs(ours))
    return ~np.asarray(np.all(np.abs(ours - theirs) <= FLOAT_TOLERANCE * scale, axis=1))


def largest(ours: Outputs, theirs: Outputs) -> float:
    """The largest difference, relative to values above 1."""
    pairs = ((ours.features, theirs.features), (ours.logits, theirs.logits))
    return max(float((np.abs(a - b) / np.maximum(1.0, np.abs(a))).max()) for a, b in pairs)


def sliding(settings: Settings) -> list[Count]:
    """Every hop of whole recordings: the sliding engine against the plain call on that window's codes."""
    if settings.small:
        return [compare_hops(settings, fixture_case(settings, "shared4_hidden"), DC_SHIFT)]
    cases = [trained_case(settings, name, scheme) for name, scheme in sliding_pairs()]
    return [compare_hops(settings, case, dc_shift) for case in cases for dc_shift in (0, DC_SHIFT)]


def sliding_pairs() -> list[tuple[str, str]]:
    """Recordings and schemes whose engines can slide."""
    return [(name, scheme) for name, *_ in SOURCES for scheme in SCHEMES if scheme != "float32"]


def compare_hops(settings: Settings, case: Case, dc_shift: int) -> Count:
    """Stream a recording at once, and again in segments with a reset before each."""
    front = FrontEnd.fit(case.counts, dc_shift=dc_shift)
    fitted = Case(case.name, case.scheme, case.model, front, case.recording)
    folder = settings.scratch / f"slide-{case.name}-{dc_shift}".replace(" ", "-")
    slides = HostEngine(fitted.generate(folder / "sliding", sliding=True))
    plain = HostEngine(fitted.generate(folder / "plain", sliding=False))
    counts = case.counts
    if settings.small:
        counts = counts[: (HOPS_SMALL + WINDOW_FRAMES) * case.frame_samples]
    compared = differing = 0
    for part in [counts, *segments(counts, case.frame_samples, settings.seed)]:
        hops, wrong = stream_differs(slides, plain, front, part)
        compared, differing = compared + hops, differing + wrong
    blocker = f", DC blocker {dc_shift}" if dc_shift else ""
    what = f"{case.name}{blocker}: every hop, sliding against the plain window"
    return Count(what, compared, differing, f"{origin(settings)}; once whole, once with {SEGMENTS} resets")


def segments(counts: NDArray[np.int16], frame_samples: int, seed: int) -> list[NDArray[np.int16]]:
    """The recording cut at random frames: some pieces shorter than a window."""
    frames = len(counts) // frame_samples
    cuts = np.random.default_rng(seed).choice(np.arange(1, frames), SEGMENTS - 1, replace=False)
    return np.split(counts, np.sort(cuts) * frame_samples)


def stream_differs(
    slides: HostEngine, plain: HostEngine, front: FrontEnd, counts: NDArray[np.int16]
) -> tuple[int, int]:
    """Hops decided, and hops whose outputs differ from the plain call, in one stretch after a reset."""
    sizes = slides.sizes
    whole = len(counts) // sizes.frame_samples * sizes.frame_samples
    frames = front.encode(counts[:whole]).reshape(-1, sizes.frame_codes)
    features, logits = slides.stream(counts)
    expected = max(0, len(frames) - WINDOW_FRAMES + 1)
    differing = abs(expected - len(features))
    for first in range(0, len(features), BATCH):
        some = range(first, min(first + BATCH, len(features)))
        found = plain.invoke(np.stack([frames[i : i + WINDOW_FRAMES] for i in some]))
        wrong = np.any(found[0] != features[first : some.stop], axis=1)
        wrong |= np.any(found[1] != logits[first : some.stop], axis=1)
        differing += int(wrong.sum())
    return len(features), differing
