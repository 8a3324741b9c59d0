"""A trained network on the images of physical boards, executed: the bits are TensorFlow Lite Micro's."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "unit"))

from board_images import PHYSICAL
from twin_boards import twin_of

from myofin.boards.registry import load_board
from myofin.convert.bundle import read_bundle
from myofin.convert.contract import encode_under, run_under
from myofin.convert.oracle import bundle_oracle
from myofin.firmware_bridge.build import build_bundle
from myofin.firmware_bridge.decisions import window_crcs
from myofin.firmware_bridge.session import BoardSession
from myofin.firmware_bridge.windows import golden_windows

WINDOWS = 2


@pytest.mark.parametrize("name", PHYSICAL)
def test_a_physical_image_computes_what_the_host_computes(name, small_bundle, tmp_path):
    bundle = read_bundle(small_bundle)
    counts = golden_windows(bundle, WINDOWS).counts
    codes = encode_under(bundle.body.contract, bundle.frontend, counts, bundle.body.frames)
    expected = run_under(bundle.body.contract, bundle_oracle(bundle), codes)
    board = load_board(name)
    image = build_bundle(small_bundle, board, tmp_path / "image")
    twin = twin_of(board, image)
    session = BoardSession(twin, clock=lambda: twin.now_s)
    session.hello()
    session.require_model(bundle.body.model_sha256)
    results = [session.inject_window(window, index=index) for index, window in enumerate(counts)]
    np.testing.assert_array_equal([result.codes_crc32 for result in results], window_crcs(codes))
    np.testing.assert_array_equal([result.features for result in results], expected.features)
    np.testing.assert_array_equal([result.logits for result in results], expected.logits)
    assert session.stats().stack_high_water < board.memory.stack_bytes
