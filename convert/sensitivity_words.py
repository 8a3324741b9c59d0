"""What a sensitivity study found, in sentences. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import mean
from typing import Any, Final

Document = Mapping[str, Any]

LEVEL: Final = 0.05
_CLOSE: Final = 1.1  # an error within a tenth of another is called as small


def conclusions(document: Document) -> list[str]:
    """Sentences: the costliest layer, what that does to decisions, calibration, saturation."""
    return [
        _costliest(document),
        _decisions(document),
        *_calibration(document),
        _saturation(document),
        _trust(document),
    ]


def choices(document: Document, key: str) -> dict[str, dict[int, float]]:
    """An error of each way to choose calibration windows, by their number; draws are averaged."""
    errors: dict[str, dict[int, list[float]]] = {}
    for row in document["calibration"]:
        errors.setdefault(row["choice"], {}).setdefault(row["windows"], []).append(row[key])
    return {choice: {size: mean(found) for size, found in by.items()} for choice, by in errors.items()}


def _costliest(document: Document) -> str:
    layers = document["layers"]
    alone = max(layers, key=lambda row: float(row["int8"]["feature_rmse"]))
    kept = min(layers, key=lambda row: float(row["rest_int8"]["feature_rmse"]))
    whole = document["whole"]["int8"]["simulated"]["feature_rmse"]
    return (
        f"In int8 the features move by {whole:.4f} of their standard deviations. Alone, “{alone['layer']}” "
        f"costs most ({alone['int8']['feature_rmse']:.4f}); keeping “{kept['layer']}” in floats would help "
        f"most, and leave {kept['rest_int8']['feature_rmse']:.4f}."
    )


def _decisions(document: Document) -> str:
    floats, engine = document["float"], document["whole"]["int8"]["engine"]
    judged = "more than chance explains" if engine["p"] < LEVEL else "which chance explains as well"
    return (
        f"Of {document['windows']} validation windows {engine['flips']} are decided otherwise in int8; "
        f"accuracy is {floats['accuracy']:.1%} in floats and {engine['accuracy']:.1%} in int8 (McNemar, p = "
        f"{engine['p']:.3f}), {judged}."
    )


def _calibration(document: Document) -> list[str]:
    said = []
    for key, where in (
        ("feature_rmse", "as they are"),
        ("louder_rmse", f"{document['louder']:g} times as loud"),
    ):
        every = {(choice, n): e for choice, by in choices(document, key).items() for n, e in by.items()}
        if not every:
            return []
        best, worst = min(every, key=lambda at: every[at]), max(every, key=lambda at: every[at])
        enough = min(
            n for (choice, n), error in every.items() if choice == best[0] and error <= _CLOSE * every[best]
        )
        said.append(
            f"On windows {where}, calibration with {best[1]} windows chosen “{best[0]}” gives the smallest "
            f"error of the features ({every[best]:.4f}), and {enough} chosen so come within a tenth of it; "
            f"the largest is {every[worst]:.4f}, with {worst[1]} chosen “{worst[0]}”."
        )
    return said


def _saturation(document: Document) -> str:
    rows = [row for row in document["saturation"]["int8"] if row["loudness"] == 1.0]
    cut = [row for row in rows if row["cut"]]
    loud = document["saturation"]["int8"][-1]["loudness"]
    louder = [row for row in document["saturation"]["int8"] if row["loudness"] == loud and row["cut"]]
    named = ", ".join(
        f"{row['stage']} ({row['cut']:,} of {row['bounded'] or row['values']:,})" for row in cut
    )
    named_loud = ", ".join(f"{row['stage']} ({row['cut']:,})" for row in louder)
    return (
        f"On these windows the int8 engine cuts off values in {named or 'no stage'}; "
        f"at {loud:g} times the level in {named_loud or 'no stage'}."
    )


def _trust(document: Document) -> str:
    said = []
    for scheme, found in document["whole"].items():
        pair = [found[how]["feature_rmse"] for how in ("simulated", "engine")]
        said.append(f"{scheme} {pair[0]:.5f} and {pair[1]:.5f}")
    return (
        "Single layers are simulated in floats. The features of the whole network, simulated so and computed "
        f"by the engine, differ from the float model's by: {'; '.join(said)}."
    )
