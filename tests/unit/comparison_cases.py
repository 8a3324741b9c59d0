"""Small comparisons that the tests of comparison, report and charts share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from myofin.features import FEATURE_NAMES
from myofin.firmware_bridge.decisions import Decisions, NumberFormat, Ticks, Truth, window_crcs
from myofin.firmware_bridge.quality import FeatureScaling
from myofin.firmware_bridge.report import Facts, LinkFacts, MemoryFacts
from myofin.quantization import Quantization

CHANNELS, CLASSES = 3, 5
SCALING = FeatureScaling(FEATURE_NAMES, (5.0, -1.0, -2.0, 3.0), (0.5, 1.0, 2.0, 2.0))
INT8 = NumberFormat("int8", 0.0, Quantization(0.05, -3), SCALING)
FLOAT32 = NumberFormat("float32", 1e-3, Quantization(), SCALING)


def decisions(windows: int, seed: int = 0, dtype: Any = np.int8) -> Decisions:
    """Random outputs of ``windows`` windows."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(-128, 128, (windows, 30, 6)).astype(np.int8)
    features = rng.integers(-100, 100, (windows, 4 * CHANNELS))
    logits = rng.integers(-100, 100, (windows, CLASSES))
    return Decisions(window_crcs(codes), features.astype(dtype), logits.astype(dtype))


def copy(made: Decisions) -> Decisions:
    """The same values in arrays of their own."""
    return replace(
        made, codes_crc=made.codes_crc.copy(), features=made.features.copy(), logits=made.logits.copy()
    )


def ticks(windows: int) -> Ticks:
    """Totals of 100, 200, 300, ... instructions, half of them in fin, at one instruction a microsecond."""
    total = 100 * np.arange(1, windows + 1)
    return Ticks("instructions", {"fin": total // 2, "total": total}, hop_us=1000.0, ticks_per_second=1e6)


def truth(windows: int, seed: int = 1) -> Truth:
    """Random labels, closed-form features and float outputs."""
    rng = np.random.default_rng(seed)
    return Truth(
        labels=rng.integers(0, CLASSES, windows),
        features=np.exp(rng.normal(size=(windows, CHANNELS, 4))),
        float_features=rng.normal(size=(windows, 4 * CHANNELS)).astype(np.float32),
        float_logits=rng.normal(size=(windows, CLASSES)).astype(np.float32),
    )


def facts(**changes: Any) -> Facts:
    """Facts around a comparison."""
    return replace(
        Facts(
            oracle="TFLM",
            class_labels=range(1, CLASSES + 1),
            class_names=[f"movement {i}" for i in range(1, CLASSES + 1)],
            link=LinkFacts(bytes=1000, rtt_ms_p50=0.9),
            memory=MemoryFacts(10_000, 20_000, 3_000, 400),
            board={"name": "mps2-an386", "emulated": True},
            bundle={"model_sha256": "ab" * 32, "state": {"contract": "reset"}},
            method={"windows": "test repetitions 2 and 5"},
        ),
        **changes,
    )
