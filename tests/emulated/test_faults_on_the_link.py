"""A few faults of every kind on the link to an emulated board: real firmware, real time."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))
sys.path.insert(0, str(Path(__file__).parent.parent / "unit"))

from fault_link import KINDS, FaultyLink, Kind
from faults import inject
from native_board import FAKE_MODEL, FAKE_MODEL_SHA256

from myofin.boards.registry import load_board
from myofin.firmware_bridge.build import Image, build_image
from myofin.firmware_bridge.emulator import emulated
from myofin.firmware_bridge.exchange import Timing
from myofin.firmware_bridge.link import Link, open_link

BOARD = load_board("mps2-an386")
# Generous where a busy machine would make a sound answer late, short where a fault is waited for.
TIMING = Timing(answer_s=0.6, decision_s=0.6, attempts=20)
FAULTS = 4


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return build_image(FAKE_MODEL, FAKE_MODEL_SHA256, BOARD, tmp_path_factory.mktemp("built") / "image")


@pytest.fixture
def link(image: Image) -> Iterator[FaultyLink]:
    """A faulty link to an emulator; a reset ends it and starts another."""
    with ExitStack() as stack:

        def start() -> Link:
            stack.close()
            return stack.enter_context(open_link(stack.enter_context(emulated(image, BOARD))))

        yield FaultyLink(start(), time.monotonic, np.random.default_rng(4), 1.0, start)


@pytest.mark.parametrize("kind", KINDS)
def test_faults_on_the_link_to_an_emulated_board(kind: Kind, link: FaultyLink) -> None:
    tally = inject(kind, FAULTS, link, timing=TIMING)
    assert tally.injected >= FAULTS
    assert tally.repaired + tally.harmless == tally.injected
    assert (tally.wrong, tally.ended) == (0, 0)
