"""``myofin`` with the measuring of a sweep replaced: a program for tests of what a sweep keeps.

Run as a program it is the command line; dask workers load it before they begin. Every point has figures that
depend on the point alone; one is refused, one fails. Set in the environment: SWEEP_PACE_S (seconds a point
takes), SWEEP_REMOVE (a file that is removed when the tenth point is measured), SWEEP_MISS (nothing fits:
every point is ``late`` or ``refused``).
"""

import os
import time
from pathlib import Path

import myofin.sweep.sweep
import myofin.sweep.trial
from myofin.boards.registry import load_board
from myofin.errors import CheckError
from myofin.firmware_bridge.fit import does_not_fit
from myofin.sweep.trial import deadline_misses


def measured(item):
    """Figures of a point, as ``myofin.sweep.trial._measured`` gives them."""
    time.sleep(float(os.environ.get("SWEEP_PACE_S", "0")))
    removed = os.environ.get("SWEEP_REMOVE")
    if removed and len(list((item.plan.out / "trials").glob("*.json"))) == 10:
        Path(removed).unlink(missing_ok=True)
    point = item.point
    if (point.units, point.scheme, point.engine) == (24, "int16x8", "sliding"):
        raise does_not_fit(load_board(item.plan.fit), "RAM", 5_000_000, 4_194_304)
    if (point.units, point.scheme) == (12, "float32"):
        raise CheckError("The gate does not hold.", hint="Train longer.")
    miss, board = os.environ.get("SWEEP_MISS"), load_board(item.plan.fit)
    if miss == "refused":
        raise does_not_fit(board, "RAM", board.memory.ram_bytes + 100 * point.units, board.memory.ram_bytes)
    cost = point.units * (2 if point.engine == "plain" else 1) * (3 if point.scheme == "float32" else 1)
    rights = [min(50, 20 + point.units + place) for place in range(5)]
    values = {
        "accuracy": sum(rights) / 250,
        "windows_accuracy": 250,
        "movements": [[right, 50] for right in rights],
        "accuracy_test": 0.5,
        "windows_accuracy_test": 250,
        "r2_log": {"entropy": 0.9, "rms": 0.99},
        "flash": 10_000 + 100 * point.units,
        "ram": 100_000 // cost,
        "stack": 500,
        "instructions": 10_000 * cost + (50_000_000 if miss == "late" else 0),
        "windows_equal": [8, 8],
    }
    misses = deadline_misses(values["instructions"], board, item.plan.hop_ms) if miss == "late" else []
    fits = {board.name: {"ok": not misses, "misses": misses}}
    return {"state": "measured", "reason": None, "values": values, "fits": fits}


def shipped(plan, point, name, out, progress):
    """As ``myofin.sweep.shipping.ship``."""
    values = {"accuracy_test": 0.6, "instructions": 10_000 * point.units, "flash": 10_000, "ram": 1_000}
    return {"values": values, "fits": {plan.fit: {"ok": True, "misses": []}}}


def replacements():
    """What is replaced: module, name, and the function in its place."""
    return [
        (myofin.sweep.trial, "_measured", measured),
        (myofin.sweep.trial, "trained_run", lambda plan, config: plan.cache),
        (myofin.sweep.sweep, "ship", shipped),
    ]


if __name__ in {"__main__", "__mp_main__"} or os.environ.get("SWEEP_FAKED"):
    for module, name, function in replacements():
        setattr(module, name, function)

if __name__ == "__main__":
    from myofin.cli import main

    main()
