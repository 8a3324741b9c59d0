"""Features by arithmetic as methods of an evaluation: decided by the generated C, as int8."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from myofin.errors import InputError
from myofin.features import FEATURE_NAMES
from myofin.frontend import WINDOW_FRAMES
from myofin.integer_head import save_head
from myofin.train.arithmetic import fit_arithmetic
from myofin.train.candidates import Outcome, Task
from myofin.train.config import TrainConfig
from myofin.train.network_candidates import dataset_of, decided_apart

SCHEME = "int8"
FOUR = "arithmetic-four"


def make(name: str) -> ArithmeticCandidate:
    """Return the features that the default network imitates, or the paper's four."""
    plain = TrainConfig(features_by="arithmetic")
    return ArithmeticCandidate(name, replace(plain, features=FEATURE_NAMES) if name == FOUR else plain)


@dataclass(frozen=True)
class ArithmeticCandidate:
    """Features in integers with LDA as the head."""

    name: str
    settings: TrainConfig
    seeded: bool = False

    @property
    def config(self) -> Mapping[str, Any]:
        """Every setting."""
        return asdict(self.settings)

    def run(self, task: Task) -> Outcome:
        """Fit to the task's windows and decide on its test windows.

        Raises:
            InputError: The task wants windows shorter than 300 ms.
            CheckError: The C and its specification differ.
        """
        if task.window_frames != WINDOW_FRAMES:
            raise InputError(
                f"Features by arithmetic take windows of 300 ms, not {task.window_frames * 10} ms.",
                hint="Compare window lengths with the methods lda-four, lda-loghtd and lda-all.",
            )
        settings = replace(self.settings, seed=task.seed)
        dataset = dataset_of(task, settings)
        recogniser = fit_arithmetic(dataset, settings)
        found = decided_apart(dataset, settings, SCHEME, partial(save_head, recogniser.head))
        features = dataset.scaling.restore(found["features"].reshape(dataset.test.features.shape))
        names = dataset.scaling.names
        return Outcome({SCHEME: found["logits"]}, {SCHEME: features}, names, recogniser.facts)
