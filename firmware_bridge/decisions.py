"""What a comparison starts from: the decisions of host and device, and how to read and judge them."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from myofin.errors import BoardError, InputError
from myofin.firmware_bridge.quality import FeatureScaling
from myofin.quantization import Quantization

Unit = Literal["instructions", "cycles", "ticks", "us"]


@dataclass(frozen=True)
class Decisions:
    """What one executor computed, a row a window.

    ``codes_crc[w]`` is the CRC-32 of the window's codes; ``features[w, channels * 4]`` (channel-major) and
    ``logits[w, classes]`` are as the model has them, integers or float32.
    """

    codes_crc: NDArray[Any]
    features: NDArray[Any]
    logits: NDArray[Any]

    def __len__(self) -> int:
        return len(self.codes_crc)


@dataclass(frozen=True)
class NumberFormat:
    """How the bundle's outputs are to be read and compared."""

    scheme: str
    float_tolerance: float
    features: Quantization
    scaling: FeatureScaling

    @property
    def is_float(self) -> bool:
        """Whether outputs are floats, compared within ``float_tolerance``."""
        return self.scheme == "float32"

    @classmethod
    def from_bundle(cls, body: Mapping[str, Any]) -> NumberFormat:
        """Read the number format from the body of a bundle's manifest."""
        scheme, output = str(body["scheme"]), body["outputs"]["features"]
        is_float = scheme == "float32"
        return cls(
            scheme=scheme,
            float_tolerance=float(body["float_tolerance"]) if is_float else 0.0,
            features=Quantization() if is_float else Quantization(output["scale"], output["zero_point"]),
            scaling=FeatureScaling.from_json(body["feature_scaling"]),
        )


@dataclass(frozen=True)
class Truth:
    """What is known of the windows besides the oracle; any part may be absent.

    ``labels[w]`` are class indices in logit order, negative where a window has none; ``features`` is the
    closed form ``[w, channels, 4]`` in its natural domain; the float model's outputs are
    standardised features ``[w, channels * 4]`` and logits ``[w, classes]``.
    """

    labels: NDArray[Any] | None = None
    features: NDArray[Any] | None = None
    float_features: NDArray[Any] | None = None
    float_logits: NDArray[Any] | None = None


@dataclass(frozen=True)
class Ticks:
    """Counter differences per window, a key a stage with ``"total"`` among them, and how to judge them.

    They may be fractions, where a counter runs at another rate than the unit.

    For unit ``us`` the rate is 1e6. In an emulator ``ticks_per_second`` is the assumed instruction rate.
    The first ``warmup`` decisions are left out of the distributions where ten times as many remain.
    """

    unit: Unit
    stages: Mapping[str, NDArray[Any]]
    hop_us: float
    ticks_per_second: float
    warmup: int = 0

    @property
    def left_out(self) -> int:
        """How many decisions are left out."""
        return self.warmup if len(self.stages["total"]) > 11 * self.warmup else 0


def window_crcs(codes: NDArray[np.int8]) -> NDArray[np.uint32]:
    """CRC-32 (zlib's) of each window's codes ``[w, ...]``, as the device sends it."""
    return np.array([zlib.crc32(np.ascontiguousarray(window).tobytes()) for window in codes], dtype=np.uint32)


def check_inputs(host: Decisions, device: Decisions, fmt: NumberFormat, ticks: Ticks, truth: Truth) -> None:
    """Refuse inputs that do not describe the same windows.

    Raises:
        BoardError: The device's arrays have another shape or type than the host's.
        InputError: Labels, float outputs, features or ticks do not belong to these windows.
    """
    for stage in ("codes_crc", "features", "logits"):
        ours, theirs = getattr(host, stage), getattr(device, stage)
        if ours.shape != theirs.shape or (stage != "codes_crc" and ours.dtype != theirs.dtype):
            raise BoardError(
                f"The board's {stage} are {_kind(theirs)}, the oracle's {_kind(ours)}.",
                hint="Build and flash the firmware of this bundle again.",
            )
    rows = {"features": host.features, "logits": host.logits, "labels": truth.labels}
    rows |= {"closed-form features": truth.features, "float features": truth.float_features}
    rows |= {"float logits": truth.float_logits}
    rows |= {f"ticks of {stage}": values for stage, values in ticks.stages.items()}
    wrong = [name for name, values in rows.items() if values is not None and len(values) != len(host)]
    if wrong:
        raise InputError(
            f"There are {len(host)} windows, and another number of {', '.join(wrong)}.",
            hint="Give one row for each window.",
        )
    classes = host.logits.shape[1]
    if truth.labels is not None and truth.labels.size and truth.labels.max() >= classes:
        raise InputError(
            f"A label is class index {truth.labels.max()}, and the network has {classes} classes.",
            hint="Give labels as indices in the order of the logits.",
        )
    _check_numbers(host, fmt, ticks)


def _check_numbers(host: Decisions, fmt: NumberFormat, ticks: Ticks) -> None:
    kinds = "f" if fmt.is_float else "iu"
    if host.features.dtype.kind not in kinds or host.logits.dtype.kind not in kinds:
        raise InputError(
            f"Outputs of type {host.features.dtype} do not belong to scheme {fmt.scheme}.",
            hint="Convert the run again, so that manifest and model agree.",
        )
    positive = all(0 < value < math.inf for value in (ticks.hop_us, ticks.ticks_per_second))
    if "total" not in ticks.stages or not positive:
        raise InputError(
            "Latency needs the ticks of stage 'total', a hop and a tick rate.",
            hint="Give hop_us and ticks_per_second greater than zero.",
        )


def _kind(values: NDArray[Any]) -> str:
    return f"{values.dtype} of shape {'x'.join(str(size) for size in values.shape)}"
