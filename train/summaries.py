"""What many rows say: per subject, spread, worst subject, and whether two methods differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import ttest_rel, wilcoxon

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Summary:
    """One method and scheme under one protocol; accuracies are means over seeds.

    Attributes:
        per_subject: Accuracy by ``dataset/subject``.
        seed_spread: Mean over subjects of the standard deviation over seeds, 0 with one seed.
    """

    protocol: str
    variant: str
    method: str
    scheme: str
    per_subject: Mapping[str, float]
    seeds: int
    seed_spread: float

    @property
    def mean(self) -> float:
        """Over subjects."""
        return float(np.mean(list(self.per_subject.values())))

    @property
    def spread(self) -> float:
        """Standard deviation over subjects; 0 with one."""
        values = list(self.per_subject.values())
        return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0

    @property
    def worst(self) -> tuple[str, float]:
        """The subject with the lowest accuracy."""
        name = min(self.per_subject, key=lambda subject: self.per_subject[subject])
        return name, self.per_subject[name]


@dataclass(frozen=True)
class Paired:
    """Two summaries on the same subjects: mean difference, wins, two-sided p values (None if undefined)."""

    difference: float
    better: int
    subjects: int
    wilcoxon_p: float | None
    t_test_p: float | None


def summarise(rows: Iterable[Row]) -> list[Summary]:
    """Group rows of the recognition table by protocol, variant, method and scheme, in order of appearance."""
    groups: dict[tuple[str, str, str, str], dict[str, list[float]]] = {}
    for row in rows:
        key = (row["protocol"], row.get("variant", ""), row["method"], row["scheme"])
        subject = f"{row['dataset']}/{row['subject']}"
        groups.setdefault(key, {}).setdefault(subject, []).append(row["accuracy"])
    return [
        Summary(
            *key,
            per_subject={subject: float(np.mean(values)) for subject, values in subjects.items()},
            seeds=max(len(values) for values in subjects.values()),
            seed_spread=float(np.mean([np.std(values) for values in subjects.values()])),
        )
        for key, subjects in groups.items()
    ]


def compare(one: Summary, other: Summary) -> Paired:
    """Test one against another, paired by the subjects that both have."""
    shared = [subject for subject in one.per_subject if subject in other.per_subject]
    gains = np.array([one.per_subject[subject] - other.per_subject[subject] for subject in shared])
    varied = len(gains) > 1 and float(np.ptp(gains)) > 0
    a, b = (np.array([summary.per_subject[subject] for subject in shared]) for summary in (one, other))
    return Paired(
        difference=float(gains.mean()) if len(gains) else 0.0,
        better=int(np.count_nonzero(gains > 0)),
        subjects=len(shared),
        wilcoxon_p=float(wilcoxon(gains).pvalue) if len(gains) > 1 and np.any(gains != 0) else None,
        t_test_p=float(ttest_rel(a, b).pvalue) if varied else None,
    )


def best_baseline(summaries: Sequence[Summary]) -> dict[tuple[str, str], Summary]:
    """The LDA with the highest mean, for each protocol and variant."""
    found: dict[tuple[str, str], Summary] = {}
    for summary in summaries:
        key = (summary.protocol, summary.variant)
        if summary.method.startswith("lda-") and (key not in found or summary.mean > found[key].mean):
            found[key] = summary
    return found
