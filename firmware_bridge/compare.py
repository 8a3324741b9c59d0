"""Two reports, and what changed from A to B: verdict, equality, accuracy, features, cost. Pure.

Counts of an emulated board and sizes of firmware repeat exactly, so any change of them is real; accuracy is
of a sample of windows, so its change is tested; R² of features and how deep the stack was, which depends on
when an interrupt came, have neither repetition nor test, and are shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from myofin import __version__
from myofin.errors import InputError
from myofin.firmware_bridge.compare_accuracy import Difference, as_document, paired, unpaired
from myofin.firmware_bridge.compare_read import Named, Report

Way = Literal["better", "worse", "same", "unknown"]

_STAGES: Final = ("codes", "features", "logits")
_SAID: Final = ("board", "scheme", "engine", "state contract", "network", "data", "windows", "kind", "tool")


@dataclass(frozen=True)
class Cost:
    """A figure of both reports where less is better, its change from A to B, and what that means.

    ``relative`` is the change as a share of A's, None where A's is nothing or unknown.
    """

    name: str
    unit: str
    a: float | None
    b: float | None
    way: Way

    @property
    def relative(self) -> float | None:
        """Change as a share of A's."""
        return None if not self.a or self.b is None else (self.b - self.a) / self.a

    def rose_by_more(self, percent: float) -> bool:
        """Whether it is higher in B by more than so many percent of A's."""
        return self.a is not None and self.b is not None and self.b > self.a * (1 + percent / 100)


def compare_reports(a: Named, b: Named, allow_percent: float = 0.0) -> dict[str, Any]:
    """Build the document of a comparison: plain JSON types.

    Args:
        a: The report that comes before.
        b: The one that comes after.
        allow_percent: By how much a cost may rise before it is a regression.

    Raises:
        InputError: Both are the same report, or one of them compared no window.
    """
    _check_sense(a, b)
    same_classes = a.report.confusion.labels == b.report.confusion.labels
    difference = _accuracy(a, b) if same_classes else None
    costs = list(_costs(a.report, b.report))
    document = {
        "a": _facts(a),
        "b": _facts(b),
        "differences": _said(a, b),
        "verdicts": [a.report.verdict, b.report.verdict],
        "equal": {stage: [_share(named.report, stage) for named in (a, b)] for stage in _STAGES},
        "flips": [a.report.argmax_flips, b.report.argmax_flips],
        "accuracies": [a.report.accuracy.device, b.report.accuracy.device],
        "accuracy": as_document(difference),
        "accuracy_note": _accuracy_note(a, b, difference, same_classes),
        "features": _features(a.report, b.report),
        "costs": [{**asdict(cost), "relative": cost.relative} for cost in costs],
        "regressions": _regressions(a.report, b.report, difference, costs, allow_percent),
        "allow_percent": allow_percent,
        "tool_version": __version__,
    }
    return {**document, "sentence": _sentence(document)}


def _check_sense(a: Named, b: Named) -> None:
    if a.path.resolve() == b.path.resolve():
        raise InputError(f"{a.name} is compared with itself.", hint="Give two reports.")
    for named in (a, b):
        if named.report.windows == 0:
            raise InputError(
                f"The report {named.name} compared no window, so there is nothing to compare.",
                hint="Validate or stream once more.",
            )


def _facts(named: Named) -> dict[str, Any]:
    report = named.report
    return {"name": named.name, **dict(zip(_SAID, _identity(report), strict=True))}


def _identity(report: Report) -> tuple[Any, ...]:
    bundle = report.bundle
    return (
        report.board.get("name"),
        report.scheme,
        bundle.get("engine"),
        bundle.get("state_contract"),
        str(bundle.get("model_sha256"))[:16],
        " ".join(str(bundle[key]) for key in ("dataset", "subject") if bundle.get(key)) or None,
        report.method.get("windows") or report.method.get("electrodes"),
        "stream" if report.stream is not None else "validation",
        report.tool_version,
    )


def _said(a: Named, b: Named) -> list[str]:
    """One sentence for each thing in which the two were not made alike."""
    found = zip(_SAID, _identity(a.report), _identity(b.report), strict=True)
    said = [f"{name.capitalize()}: {_word(x)}, then {_word(y)}." for name, x, y in found if x != y]
    units = [report.latency.unit for report in (a.report, b.report)]
    rates = [report.deadline.ticks_per_second for report in (a.report, b.report)]
    if units[0] != units[1]:
        said.append(f"Latency is in {units[0]}, then in {units[1]}, so it is not compared.")
    elif rates[0] != rates[1]:
        said.append(f"Deadlines are placed at {rates[0]:,.0f}, then at {rates[1]:,.0f} {units[0]} a second.")
    return said


def _word(value: Any) -> str:
    return "unknown" if value is None else str(value)


def _share(report: Report, stage: str) -> float | None:
    equal = report.equal.get(stage)
    return None if equal is None else equal / report.windows


def _accuracy(a: Named, b: Named) -> Difference | None:
    if a.windows is not None and b.windows is not None:
        found = paired(a.windows, b.windows)
        if found is not None:
            return found
    labelled = (a.report.accuracy.labelled, b.report.accuracy.labelled)
    shares = (a.report.accuracy.device or 0.0, b.report.accuracy.device or 0.0)
    return unpaired((round(shares[0] * labelled[0]), round(shares[1] * labelled[1])), labelled)


def _accuracy_note(a: Named, b: Named, found: Difference | None, same_classes: bool) -> str:
    if not same_classes:
        return "They decide between other movements, so their accuracies are not compared."
    if found is None:
        return "One of them has no labelled window, so accuracies are not compared."
    alike = "Windows of one repetition are alike, so the truth is less certain than p and interval say."
    if found.pairs:
        return alike
    if a.windows is None or b.windows is None:
        return (
            f"One of them is of an earlier myofin, which kept no decisions: compared as two samples. {alike}"
        )
    return f"They judged different windows: compared as two samples. {alike}"


def _features(a: Report, b: Report) -> list[dict[str, Any]]:
    names = dict.fromkeys((*a.feature_r2, *b.feature_r2))
    return [
        {"feature": name, **{score: [_score(r, name, score) for r in (a, b)] for score in ("log", "linear")}}
        for name in names
    ]


def _score(report: Report, feature: str, score: str) -> float | None:
    return report.feature_r2.get(feature, {}).get(score)


def _costs(a: Report, b: Report) -> Iterator[Cost]:
    if a.latency.unit == b.latency.unit:
        unit = a.latency.unit
        for stage in dict.fromkeys((*a.latency.per_stage, *b.latency.per_stage)):
            name = f"{stage.replace('_', ' ')}, median"
            yield _cost(name, unit, _median(a, stage), _median(b, stage))
        yield _cost("total, slowest", unit, a.latency.max, b.latency.max)
    if (a.deadline.hop_us, a.deadline.ticks_per_second) == (b.deadline.hop_us, b.deadline.ticks_per_second):
        missed = [1000 * report.deadline.missed / report.windows for report in (a, b)]
        yield _cost("deadlines missed", "of 1,000 decisions", *missed)
    sizes: tuple[tuple[str, int | None, int | None], ...] = (
        ("flash, code", a.memory.flash_code, b.memory.flash_code),
        ("flash, constants", a.memory.flash_constants, b.memory.flash_constants),
        ("flash", _flash(a), _flash(b)),
        ("RAM, static", a.memory.ram_static, b.memory.ram_static),
        ("stack, at most", a.memory.stack_high_water, b.memory.stack_high_water),
    )
    for name, one, other in sizes:
        yield _cost(name, "bytes", one, other)


def _median(report: Report, stage: str) -> float | None:
    found = report.latency.per_stage.get(stage)
    return None if found is None else found.p50


def _flash(report: Report) -> int:
    return report.memory.flash_code + report.memory.flash_constants


def _cost(name: str, unit: str, a: float | None, b: float | None) -> Cost:
    if a is None or b is None:
        return Cost(name, unit, a, b, "unknown")
    return Cost(name, unit, a, b, "same" if a == b else "worse" if b > a else "better")


_GATED: Final = (
    "total, median",
    "total, slowest",
    "deadlines missed",
    "flash",
    "RAM, static",
)


def _regressions(
    a: Report, b: Report, accuracy: Difference | None, costs: list[Cost], allow_percent: float
) -> list[str]:
    """One sentence for each thing that got worse."""
    found = []
    if (a.verdict, b.verdict) == ("pass", "fail"):
        found.append("The verdict was pass, and is fail.")
    for stage in _STAGES:
        before, after = _share(a, stage), _share(b, stage)
        if before is not None and after is not None and after < before:
            found.append(f"The share of windows with equal {stage} fell from {before:.2%} to {after:.2%}.")
    if b.argmax_flips / b.windows > a.argmax_flips / a.windows:
        told = [f"{report.argmax_flips:,} of {report.windows:,}" for report in (b, a)]
        found.append(f"{told[0]} decisions differ from the host's, not {told[1]}.")
    if accuracy is not None and accuracy.significant and accuracy.difference < 0:
        found.append(f"Accuracy fell from {accuracy.a:.1%} to {accuracy.b:.1%}, more than chance explains.")
    for cost in costs:
        if cost.name in _GATED and cost.rose_by_more(allow_percent):
            name = cost.name[0].upper() + cost.name[1:]
            found.append(f"{name}: {cost.b:,.0f} {cost.unit}, not {cost.a:,.0f}.")
    return found


def _sentence(document: dict[str, Any]) -> str:
    """The result in one plain sentence."""
    worse = len(document["regressions"])
    accuracy = document["accuracy"]
    moved = {"worse", "better"} & {cost["way"] for cost in document["costs"]}
    told = "accuracies are not comparable"
    if accuracy is not None:
        told = (
            "accuracy changed by more than chance"
            if accuracy["significant"]
            else "accuracy is not told apart"
        )
    if worse:
        return f"{worse} thing{'s' if worse > 1 else ''} got worse from A to B; {told}."
    return f"Nothing got worse from A to B; {told}, {'costs changed' if moved else 'costs are the same'}."
