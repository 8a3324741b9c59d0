"""Documents as ``sweep.json`` holds them, with figures of plausible size, for the tests of its page."""

from __future__ import annotations

import hashlib
import itertools
import json
from typing import Any

import numpy as np

from myofin.scatter import front

BUDGETS = {
    "microbit": {"flash_bytes": 262_144, "ram_bytes": 16_384, "instructions_per_second": 16_000_000},
    "nano33ble": {"flash_bytes": 983_040, "ram_bytes": 262_144, "instructions_per_second": 64_000_000},
    "nucleo-f446re": {"flash_bytes": 524_288, "ram_bytes": 131_072, "instructions_per_second": 180_000_000},
}
FEATURES = ["entropy", "rms", "var", "ssi"]


def document(fit: str | None = None, seed: int = 0) -> dict[str, Any]:
    """A sweep of 24 networks and two closed forms, three of them refused; ``fit`` names the board to fit."""
    rng = np.random.default_rng(seed)
    grid = itertools.product(("int8", "int16x8", "float32"), (8, 16, 24, 32), (3, 6))
    trials = [_lstm(number, *point, rng) for number, point in enumerate(grid)]
    trials += [_arithmetic(len(trials) + i, names, rng) for i, names in enumerate((FEATURES, FEATURES[:2]))]
    measured = [trial for trial in trials if trial["state"] == "measured"]
    for trial in measured:
        trial["fits"] = {name: _fit(trial["values"], budget) for name, budget in BUDGETS.items()}
    fitting = [trial for trial in measured if fit is None or trial["fits"][fit]["ok"]]
    best = max(fitting, key=lambda trial: trial["values"]["accuracy"], default=None)
    nearest = min(measured, key=lambda trial: trial["values"]["ram"])
    return {
        "schema": 1,
        "data": {"source": "ninapro_db5", "subject": "1", "rate_hz": 200, "channels": 16, "classes": 12},
        "seed": seed,
        "hop_ms": 10,
        "objectives": ["accuracy", "flash", "ram", "instructions"],
        "search": "grid small",
        "board": {"name": fit, "core": "cortex-m0", **BUDGETS[fit]} if fit else None,
        "budgets": BUDGETS,
        "measured_on": "mps2-an386",
        "trials": trials,
        "front": _front(measured),
        "recommended": best
        and {
            "id": best["id"],
            "reason": f"The highest validation accuracy of the {len(fitting)} points that fit.",
            "shipped": {
                "values": {**best["values"], "accuracy": None, "flash": 31_337},
                "fits": best["fits"],
            },
        },
        "nearest": None
        if best
        else {
            "id": nearest["id"],
            "reason": f"Nothing fits {fit}; trial {nearest['number']} misses it by the least.",
        },
    }


def _front(measured: list[dict[str, Any]]) -> list[str]:
    """Accuracy against instructions only: a subset of the front over all objectives."""
    places = [(trial["values"]["instructions"], trial["values"]["accuracy"]) for trial in measured]
    return [measured[i]["id"] for i in front(places, ("low", "high"))]


def _trial(
    number: int, params: dict[str, Any], state: str, reason: str | None, values: Any
) -> dict[str, Any]:
    identity = hashlib.sha256(json.dumps(params, sort_keys=True).encode()).hexdigest()[:16]
    return {
        "id": identity,
        "number": number,
        "state": state,
        "reason": reason,
        "params": params,
        "values": values,
        "fits": {},
        "seconds": 61.5,
    }


def _lstm(number: int, scheme: str, units: int, hops: int, rng: np.random.Generator) -> dict[str, Any]:
    params = {
        "scheme": scheme,
        "features": "lstm",
        "units": units,
        "step_hops": hops,
        "embedding": 16,
        "imitated": [*FEATURES, "mav", "wl"],
        "mu": 100,
        "clip_sd": 140,
        "head": "lda",
        "engine": "sliding",
    }
    if scheme == "float32" and units == 32:
        return _trial(
            number, params, "failed", "The gate does not hold: int8 LSTM <b>R²</b> fell to .62.", None
        )
    if scheme == "float32" and units == 8 and hops == 3:
        return _trial(number, params, "refused", "Frames of 3 hops need 214,016 B of RAM for float32.", None)
    cost = {"int8": 1.0, "int16x8": 1.25, "float32": 5.2}[scheme]
    accuracy = 0.72 + 0.06 * np.log2(units / 4) - 0.012 * (hops == 6) + rng.normal(0, 0.008)
    values = {
        "accuracy": round(float(accuracy), 4),
        "accuracy_test": round(float(accuracy - 0.03 + rng.normal(0, 0.012)), 4),
        "windows_accuracy": 1440,
        "movements": [[int(x), 120] for x in rng.integers(80, 120, 12)],
        "r2_log": {name: round(float(0.999 - rng.uniform(0, 0.03)), 4) for name in FEATURES},
        "flash": int((17_000 + 420 * units) * (1.6 if scheme == "float32" else 1.0)),
        "ram": int((12_000 + 2_200 * units / hops) * (3.1 if scheme == "float32" else 1.0)),
        "stack": 728,
        "instructions": int(cost * (60_000 + 9_100 * units * 6 / hops)),
        "windows_equal": [300, 300],
    }
    return _trial(number, params, "measured", None, values)


def _arithmetic(number: int, names: list[str], rng: np.random.Generator) -> dict[str, Any]:
    params = {"scheme": "int8", "features": "arithmetic", "imitated": names, "mu": 100, "head": "lda"}
    values = {
        "accuracy": round(0.70 + 0.02 * len(names) + float(rng.normal(0, 0.005)), 4),
        "accuracy_test": None,
        "r2_log": {},
        "flash": 9_400,
        "ram": 9_900,
        "stack": None,
        "instructions": 21_000 * len(names),
        "windows_equal": [300, 300],
    }
    return _trial(number, params, "measured", None, values)


def _fit(values: dict[str, Any], budget: dict[str, int]) -> dict[str, Any]:
    over = {
        "flash": (values["flash"] - budget["flash_bytes"], "bytes"),
        "ram": (values["ram"] - budget["ram_bytes"], "bytes"),
        "deadline": (values["instructions"] - budget["instructions_per_second"] // 100, "instructions"),
    }
    misses = [{"what": what, "by": by, "unit": unit} for what, (by, unit) in over.items() if by > 0]
    return {"ok": not misses, "misses": misses}
