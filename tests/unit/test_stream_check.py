"""Decisions of a stream computed again: what is equal, what differs, and what cannot be told."""

from __future__ import annotations

import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from engine_cases import CHANNELS, front_end, input_shape, model
from numpy.typing import NDArray

from myofin.convert.codegen import generate_c
from myofin.convert.host_engine import HostEngine
from myofin.firmware_bridge.stream_check import Recomputation, recompute
from myofin.firmware_bridge.stream_labels import Played
from myofin.firmware_bridge.stream_report import uninterrupted
from myofin.firmware_bridge.stream_store import StreamRecording, StreamShape
from myofin.smoothing import Smoothing, smoothed_figures

NAME = "joint4_plain"
HOPS, WINDOW = 80, 30


class Made:
    """A recording of a stream that the host's engine itself decided: a board without fault."""

    def __init__(self, folder: Path) -> None:
        content, channels = model(NAME), CHANNELS[NAME]
        frame_samples = input_shape(content)[1] // channels
        generate_c(
            content,
            front_end(channels).to_json(),
            folder,
            frame_samples=frame_samples,
            channels=channels,
        )
        self.engine = HostEngine(folder)
        self.frame_samples = frame_samples
        sizes = self.engine.sizes
        self.shape = StreamShape(channels, frame_samples, sizes.features, sizes.logits, "<i1")
        rng = np.random.default_rng(3)
        self.counts = rng.normal(0, 900, (HOPS, frame_samples, channels)).astype(np.int16)
        self.frames, self.decisions = self.decide(self.counts, 0)

    def decide(self, counts: NDArray[np.int16], first: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Frames and decisions of a board that begins anew with the frame ``first``."""
        signal = counts.reshape(-1, counts.shape[2])
        features, logits = self.engine.stream(signal)
        codes = self.engine.encode(signal).reshape(len(counts), -1)
        frames = np.zeros(len(counts), self.shape.frame_type())
        frames["index"] = (first + np.arange(len(counts))) * self.frame_samples
        frames["counts"] = counts
        frames["codes_crc32"] = [zlib.crc32(row.tobytes()) for row in codes]
        decisions = np.zeros(len(logits), self.shape.decision_type())
        decisions["index"] = frames["index"][WINDOW - 1 :]
        decisions["features"], decisions["logits"] = features, logits
        return frames, decisions

    def check(
        self, frames: NDArray[Any], decisions: NDArray[Any], *, contract: str = "reset", dc_shift: int = 0
    ) -> Recomputation:
        body = SimpleNamespace(frame_samples=self.frame_samples, frames=WINDOW, contract=contract)
        bundle: Any = SimpleNamespace(body=body, frontend=SimpleNamespace(dc_shift=dc_shift))
        return recompute(bundle, self.engine, StreamRecording(frames, decisions, {}, {}), kept=7)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("engine"))


def differing(found: Recomputation) -> tuple[int, int, int]:
    """Decisions with other codes, features, logits."""
    host, device = found.host, found.device
    return (
        int((host.codes_crc != device.codes_crc).sum()),
        int((host.features != device.features).any(axis=1).sum()),
        int((host.logits != device.logits).any(axis=1).sum()),
    )


def test_a_board_without_fault_is_equal(made: Made) -> None:
    found = made.check(made.frames, made.decisions)
    assert len(found.host) == len(found.decisions) == HOPS - WINDOW + 1
    assert differing(found) == (0, 0, 0)
    assert (found.missing, found.unverified, found.gaps) == (0, 0, ())
    features, logits = made.engine.invoke(found.windows)
    np.testing.assert_array_equal(features, found.device.features[found.window_rows])
    np.testing.assert_array_equal(logits, found.device.logits[found.window_rows])
    assert found.window_rows.tolist() == [0, 8, 16, 25, 33, 41, 50]


def test_every_planted_difference_is_found(made: Made) -> None:
    decisions, frames = made.decisions.copy(), made.frames.copy()
    decisions["logits"][5, 0] ^= 1
    decisions["features"][9, 1] ^= 1
    frames["codes_crc32"][40] ^= 1
    assert differing(made.check(frames, decisions)) == (WINDOW, 1, 1)


def test_samples_that_are_not_those_decided_on_differ(made: Made) -> None:
    frames = made.frames.copy()
    frames["counts"][60] += 500
    codes, features, _ = differing(made.check(frames, made.decisions))
    assert codes == HOPS - 60
    assert features > 0


def test_after_a_loss_on_the_way_a_whole_window_is_waited_for(made: Made) -> None:
    frames = np.delete(made.frames, 40)
    found = made.check(frames, made.decisions)
    assert differing(found) == (0, 0, 0)
    assert len(found.decisions) == (40 - WINDOW + 1) + (HOPS - 41 - WINDOW + 1)
    assert found.unverified == WINDOW
    assert (found.missing, len(found.gaps)) == (0, 1)
    assert not found.gaps[0].explained


@pytest.mark.parametrize("memory", [{"dc_shift": 8}, {"contract": "carry"}])
def test_what_remembers_more_cannot_be_told_after_a_loss(made: Made, memory: dict[str, Any]) -> None:
    found = made.check(np.delete(made.frames, 10), made.decisions, **memory)
    assert len(found.decisions) == 0
    assert found.unverified == len(made.decisions)


def test_after_a_drop_the_board_begins_anew(made: Made) -> None:
    lost = 3
    frames, decisions = made.decide(made.counts[: HOPS - 40], 40 + lost)
    frames["dropped"] = lost * made.frame_samples
    before = made.decisions[made.decisions["index"] < 40 * made.frame_samples]
    found = made.check(np.concatenate([made.frames[:40], frames]), np.concatenate([before, decisions]))
    assert differing(found) == (0, 0, 0)
    assert len(found.decisions) == 2 * (40 - WINDOW + 1)
    assert found.gaps[0].explained
    assert (found.missing, found.unverified) == (0, 0)


def test_a_lost_decision_is_missing(made: Made) -> None:
    found = made.check(made.frames, np.delete(made.decisions, [3, 4]))
    assert (found.missing, found.unverified) == (2, 0)
    assert differing(found) == (0, 0, 0)


def test_nothing_is_checked_where_nothing_came(made: Made) -> None:
    found = made.check(made.frames[:0], made.decisions[:0])
    assert (len(found.host), found.missing, found.unverified) == (0, 0, 0)


def test_labels_repeat_with_the_recording() -> None:
    labels, pieces = np.repeat([-1, 2, 3, 1], 10), np.repeat([0, 1, 2, 3], 10)
    played = Played(np.zeros((40, 1), np.int16), labels, pieces, "", {})
    # Windows of 6 samples, frames of 2: they end with the frame that begins at these samples.
    last = np.array([8, 12, 14, 18, 20, 26, 38, 40, 54, 2**31])
    found = played.window_labels(last, 6, 2).tolist()
    assert found[:9] == [-1, -1, 2, 2, -1, 3, 1, -1, 2]


def test_votes_and_rejection_are_counted() -> None:
    sure, unsure = 6.0, 0.1
    logits = np.array([[sure, 0], [0, sure], [sure, 0], [unsure, 0], [0, sure], [0, sure]])
    labels = np.array([0, 0, 0, 0, 1, -1])
    index = np.arange(6) * 5
    plain = smoothed_figures(logits, uninterrupted(index, 5), labels, Smoothing())
    assert (plain["judged"], plain["accuracy"], plain["rejected_share"]) == (5, 0.8, 0.0)
    rejecting = smoothed_figures(logits, uninterrupted(index, 5), labels, Smoothing(1, 0.9))
    assert (rejecting["accuracy"], rejecting["rejected_share"], rejecting["active_error_rate"]) == (
        0.6,
        0.2,
        0.2,
    )
    assert rejecting["accuracy_accepted"] == 0.75
    voting = smoothed_figures(logits, uninterrupted(index, 5), labels, Smoothing(3))
    assert voting["accuracy"] == 0.6
    gap = uninterrupted(index + np.array([0, 0, 0, 0, 50, 50]), 5)
    apart = smoothed_figures(logits, gap, labels, Smoothing(3))
    assert apart["accuracy"] == 0.8, "votes do not reach over a gap"
