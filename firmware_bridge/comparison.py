"""Compares what a board computed with what the host oracle computed, window by window and stage by stage.

Pure: arrays in, facts out; ``decisions.py`` holds what goes in. A window passes when its codes, features
and logits are equal: bit for bit for integer schemes, within a stated tolerance for float32 (its codes stay
exact). The verdict is a pass when every window passes and there is at least one. A value that is not a
number is never equal to anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from myofin.firmware_bridge.decisions import Decisions, NumberFormat, Ticks, Truth, Unit, check_inputs
from myofin.firmware_bridge.quality import (
    Recognition,
    fidelity,
    predictions,
    recognise,
)
from myofin.firmware_bridge.statistics import (
    Distribution,
    Histogram,
    distribution,
    lsb_histogram,
    tolerance_histogram,
)

Stage = Literal["codes", "features", "logits"]

STAGES: Final[tuple[Stage, ...]] = ("codes", "features", "logits")
VALUES_KEPT: Final = 8


@dataclass(frozen=True)
class Parity:
    """Agreement of one stage: windows identical in every bit, windows equal for the verdict, and how far off.

    ``max_difference`` is in LSB for integers and absolute for floats, over finite values; ``non_finite``
    counts device values that are not finite. Codes travel as a CRC, so they have no differences.
    """

    bit_exact: int
    equal: int
    max_difference: float | None = None
    non_finite: int = 0
    histogram: Histogram | None = None


@dataclass(frozen=True)
class Mismatch:
    """A window that differs: the first stage that does, how many of its values, and the first few of them."""

    window: int
    stage: Stage
    differing: int
    elements: tuple[int, ...]
    host: tuple[float, ...]
    device: tuple[float, ...]


@dataclass(frozen=True)
class Latency:
    """Distribution of ticks per stage, and how many decisions took longer than a hop.

    Distributions are over ``decisions``; ``warmup`` more are left out, and counted among the missed.
    """

    unit: Unit
    stages: Mapping[str, Distribution | None]
    hop_us: float
    ticks_per_second: float
    missed: int
    decisions: int
    warmup: int

    def hop_share(self, ticks: float) -> float:
        """Share of a hop that ``ticks`` take."""
        return ticks * 1e6 / self.ticks_per_second / self.hop_us


@dataclass(frozen=True)
class Comparison:
    """All that was found; recognition and fidelity by executor, of ``float``, ``host`` and ``device``."""

    windows: int
    number_format: NumberFormat
    parity: Mapping[Stage, Parity]
    mismatches: tuple[Mismatch, ...]
    argmax_flips: int
    recognition: Mapping[str, Recognition]
    fidelity: Mapping[str, Mapping[str, Mapping[str, float]]]
    latency: Latency

    @property
    def passed(self) -> bool:
        """Whether every window is equal at every stage, and there is at least one."""
        return self.windows > 0 and all(parity.equal == self.windows for parity in self.parity.values())


def compare(
    host: Decisions, device: Decisions, number_format: NumberFormat, ticks: Ticks, truth: Truth | None = None
) -> Comparison:
    """Compare device with host oracle, and both with what is known of the windows.

    Raises:
        BoardError: The device's arrays have another shape or type than the host's.
        InputError: Labels, float outputs, features or ticks do not belong to these windows.
    """
    truth = truth or Truth()
    check_inputs(host, device, number_format, ticks, truth)
    tolerance = number_format.float_tolerance if number_format.is_float else None
    equal: dict[Stage, NDArray[np.bool_]] = {
        "codes": host.codes_crc[:, None] == device.codes_crc[:, None],
        "features": _equal(host.features, device.features, tolerance),
        "logits": _equal(host.logits, device.logits, tolerance),
    }
    codes_equal = int(np.count_nonzero(equal["codes"]))
    return Comparison(
        windows=len(host),
        number_format=number_format,
        parity={
            "codes": Parity(bit_exact=codes_equal, equal=codes_equal),
            "features": _parity(host.features, device.features, equal["features"], tolerance),
            "logits": _parity(host.logits, device.logits, equal["logits"], tolerance),
        },
        mismatches=_mismatches(host, device, equal),
        argmax_flips=int(np.count_nonzero(predictions(host.logits) != predictions(device.logits))),
        recognition=_recognition(host, device, truth),
        fidelity=_fidelity(host, device, truth, number_format),
        latency=_latency(ticks),
    )


def _equal(host: NDArray[Any], device: NDArray[Any], tolerance: float | None) -> NDArray[np.bool_]:
    if tolerance is None:
        return np.asarray(host == device)
    return np.asarray(np.abs(_difference(host, device)) <= tolerance)


def _difference(host: NDArray[Any], device: NDArray[Any]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray(device.astype(np.float64) - host.astype(np.float64))


def _parity(
    host: NDArray[Any], device: NDArray[Any], equal: NDArray[np.bool_], tolerance: float | None
) -> Parity:
    difference = _difference(host, device)
    finite = np.abs(difference[np.isfinite(difference)])
    same_bits = _bits(host) == _bits(device)
    return Parity(
        bit_exact=int(np.count_nonzero((same_bits & equal).all(axis=1))),
        equal=int(np.count_nonzero(equal.all(axis=1))),
        max_difference=float(finite.max()) if finite.size else 0.0,
        non_finite=int(np.count_nonzero(~np.isfinite(device))),
        histogram=lsb_histogram(difference)
        if tolerance is None
        else tolerance_histogram(difference, tolerance),
    )


def _bits(values: NDArray[Any]) -> NDArray[Any]:
    # Negative and positive zero are equal as floats and differ in a bit.
    return np.ascontiguousarray(values).view(f"u{values.dtype.itemsize}")


def _mismatches(
    host: Decisions, device: Decisions, equal: Mapping[Stage, NDArray[np.bool_]]
) -> tuple[Mismatch, ...]:
    values: Mapping[Stage, tuple[NDArray[Any], NDArray[Any]]] = {
        "codes": (host.codes_crc[:, None], device.codes_crc[:, None]),
        "features": (host.features, device.features),
        "logits": (host.logits, device.logits),
    }
    whole = np.stack([equal[stage].all(axis=1) for stage in STAGES])
    found = []
    for window in np.flatnonzero(~whole.all(axis=0)):
        stage = STAGES[int(np.argmin(whole[:, window]))]
        differing = np.flatnonzero(~equal[stage][window])
        kept = differing[:VALUES_KEPT]
        ours, theirs = (array[window, kept].tolist() for array in values[stage])
        elements = tuple(int(element) for element in kept)
        found.append(Mismatch(int(window), stage, len(differing), elements, tuple(ours), tuple(theirs)))
    return tuple(found)


def _recognition(host: Decisions, device: Decisions, truth: Truth) -> Mapping[str, Recognition]:
    if truth.labels is None:
        return {}
    logits = {"float": truth.float_logits, "host": host.logits, "device": device.logits}
    return {name: recognise(truth.labels, values) for name, values in logits.items() if values is not None}


def _fidelity(
    host: Decisions, device: Decisions, truth: Truth, number_format: NumberFormat
) -> Mapping[str, Mapping[str, Mapping[str, float]]]:
    if truth.features is None:
        return {}
    real = number_format.features.real
    values = {"float": truth.float_features, "host": real(host.features), "device": real(device.features)}
    return {
        name: fidelity(truth.features, outputs, number_format.scaling)
        for name, outputs in values.items()
        if outputs is not None
    }


def _latency(ticks: Ticks) -> Latency:
    total = ticks.stages["total"].astype(np.float64)
    return Latency(
        unit=ticks.unit,
        stages={stage: distribution(values[ticks.left_out :]) for stage, values in ticks.stages.items()},
        hop_us=ticks.hop_us,
        ticks_per_second=ticks.ticks_per_second,
        missed=int(np.count_nonzero(total * 1e6 > ticks.hop_us * ticks.ticks_per_second)),
        decisions=len(total) - ticks.left_out,
        warmup=ticks.left_out,
    )
