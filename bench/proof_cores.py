"""Proof: on every emulated core, codes, features and logits equal TFLM's, window by window, hop by hop."""

from __future__ import annotations

import hashlib
import zlib

import numpy as np
from proof_cases import Case, fixture_case, origin, trained_case
from proof_counts import Count, Settings

from myofin.boards.registry import Board, list_boards, load_board
from myofin.convert.executors import Outputs, TflmExecutor
from myofin.convert.schema import SCHEMES
from myofin.errors import InputError
from myofin.firmware_bridge.build import Image, build_image
from myofin.firmware_bridge.emulator import emulated_session
from myofin.firmware_bridge.session import BoardResult
from myofin.frontend import WINDOW_FRAMES

WINDOWS, WINDOWS_SMALL = 500, 25  # of each board and model; hops likewise
BOARDS = tuple(name for name in list_boards() if load_board(name).emulator)
BOARDS_SMALL = ("microbit", "mps2-an547")  # the others are compared by tests/emulated
# Random weights that saturate, in both layouts; small windows, since the link carries 17 to 35 kB/s.
FIXTURES = ("shared2_one_sample", "joint4_plain", "shared3_saturating", "joint3_embedded")
TRAINED_UNITS = "8"  # so that the network of 16 channels fits the microbit too


def cores(settings: Settings) -> list[Count]:
    """Every emulated board with every integer model that fits it."""
    if settings.small:
        cases = [fixture_case(settings, FIXTURES[0])]
    else:
        integer = [scheme for scheme in SCHEMES if scheme != "float32"]
        cases = [trained_case(settings, "db5", scheme, "--units", TRAINED_UNITS) for scheme in integer]
        cases += [fixture_case(settings, name) for name in FIXTURES]
    boards = [load_board(name) for name in (BOARDS_SMALL if settings.small else BOARDS)]
    return [compare_board(settings, board, cases) for board in boards]


def compare_board(settings: Settings, board: Board, cases: list[Case]) -> Count:
    """All models on one board: whole windows, each after a reset, and then hops of one stream."""
    compared = differing = 0
    refused = []
    for case in cases:
        try:
            decisions, wrong = compare_case(settings, board, case)
        except InputError as error:
            refused.append(f"{case.name} does not fit ({error.message})")
            continue
        compared, differing = compared + decisions, differing + wrong
    note = f"{origin(settings)}; {', '.join(case.name for case in cases)}"
    note += "; " + "; ".join(refused) if refused else ""
    return Count(f"{board.name} ({board.core}): windows and hops, codes to logits", compared, differing, note)


def compare_case(settings: Settings, board: Board, case: Case) -> tuple[int, int]:
    """Decisions of one model on one board, and how many differ from TFLM in code, feature or logit."""
    count = settings.size(WINDOWS, WINDOWS_SMALL)
    windows = case.windows(count)
    stream = case.counts[: (WINDOW_FRAMES + count) * case.frame_samples]
    frames = stream.reshape(-1, case.frame_samples, case.front.channels)
    image = engine_image(settings, board, case)
    with emulated_session(image, board) as session:
        session.require_model(image.model_sha256)
        found = [session.inject_window(window, i, whole=True) for i, window in enumerate(windows)]
        session.inject_window(stream[: case.window_samples])
        found += [session.inject_hop(frame, i) for i, frame in enumerate(frames[WINDOW_FRAMES:])]
    codes = case.front.encode(stream).reshape(len(frames), -1)
    hops = np.stack([codes[i : i + WINDOW_FRAMES] for i in range(1, len(frames) - WINDOW_FRAMES + 1)])
    sent = np.concatenate([case.front.encode_windows(windows), hops])
    return len(found), decisions_differ(found, sent, TflmExecutor(case.model).run(sent))


def engine_image(settings: Settings, board: Board, case: Case) -> Image:
    """Firmware with the engine that slides, or with the plain one where that does not fit.

    Raises:
        InputError: Neither fits the board.
    """
    folder = settings.scratch / f"{board.name}-{case.name}".replace(" ", "-")
    sha256 = hashlib.sha256(case.model).hexdigest()
    try:
        engine = case.generate(folder / "sliding", sliding=True)
        return build_image(engine, sha256, board, folder / "sliding-image")
    except InputError:
        engine = case.generate(folder / "plain", sliding=False)
        return build_image(engine, sha256, board, folder / "image")


def decisions_differ(found: list[BoardResult], codes: np.ndarray, expected: Outputs) -> int:
    """How many decisions of the board differ from TFLM's on those codes."""
    rows = zip(found, codes, expected.features, expected.logits, strict=True)
    return sum(
        result.codes_crc32 != zlib.crc32(window.tobytes())
        or not np.array_equal(result.features, features)
        or not np.array_equal(result.logits, logits)
        for result, window, features, logits in rows
    )
