"""Which repetitions train, which validate, and which test: by repetition, so that no window leaks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType

from myofin.errors import RecordingError


@dataclass(frozen=True)
class Split:
    """Disjoint repetition numbers; the test repetitions choose nothing."""

    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]

    def __post_init__(self) -> None:
        every = (*self.train, *self.validation, *self.test)
        if len(set(every)) != len(every):
            raise ValueError(f"a repetition is used twice in {self}")

    def to_json(self) -> dict[str, list[int]]:
        """Return the three lists under their names."""
        return {"train": list(self.train), "validation": list(self.validation), "test": list(self.test)}


_NINAPRO_SIX = Split(train=(1, 3, 4), validation=(6,), test=(2, 5))

# Ninapro: the repetitions that its papers train and test on. 3DC: 4-7 were recorded in a second session.
_RULES = MappingProxyType(
    {
        "ninapro_db1": Split(train=(1, 3, 4, 6, 8, 9), validation=(10,), test=(2, 5, 7)),
        "ninapro_db2": _NINAPRO_SIX,
        "ninapro_db5": _NINAPRO_SIX,
        "synthetic": _NINAPRO_SIX,
        "npz_trials": Split(train=(0, 1, 2), validation=(3,), test=(4, 5, 6, 7)),
    }
)


def default_split(dataset: str, repetitions: Iterable[int]) -> Split:
    """Split the repetitions present in a recording.

    The data set's own rule is used where exactly its repetitions are there. Otherwise, in the order of
    recording: the last third (at least one) tests, the one before validates, the rest trains.

    Args:
        dataset: ``Recording.dataset``.
        repetitions: Repetition numbers present; negative ones (no repetition) are ignored.

    Raises:
        RecordingError: Fewer than three repetitions.
    """
    present = sorted({int(repetition) for repetition in repetitions if repetition >= 0})
    rule = _RULES.get(dataset)
    if rule is not None and present == sorted((*rule.train, *rule.validation, *rule.test)):
        return rule
    if len(present) < 3:
        raise RecordingError(
            f"The recording has {len(present)} repetition{'' if len(present) == 1 else 's'}; training,"
            " validation and test need one each.",
            hint="Use a recording with at least three repetitions of each movement.",
        )
    tests = max(1, len(present) // 3)
    return Split(
        train=tuple(present[: -tests - 1]),
        validation=(present[-tests - 1],),
        test=tuple(present[-tests:]),
    )
