"""The multi-objective search: Optuna's NSGA-II, a generation at a time, with what was found in a database.

A generation is drawn from those before it alone, and each draw has a seed of its own. So the draws of a
search that was interrupted, or whose generation was measured by many workers at once, are those of one that
was not: they are made anew in memory from the generations that are complete. A trial enters the database when
its generation is measured, whole and in order.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from myofin.errors import InputError, MyofinError, ToolMissingError
from myofin.sweep.claim import claimed
from myofin.sweep.front import QUALITIES, counts, score
from myofin.sweep.search import Measure, Measured, numbered
from myofin.sweep.settings import Settings
from myofin.sweep.space import categories, drawn_point

GENERATION: Final = 8
DATABASE: Final = "study.db"
_SQLITE: Final = "sqlite:///"
# What a point that was refused or failed is said to need: more than any that was measured.
_OUT_OF_REACH: Final = 1e12


def optuna_search(settings: Settings, measure: Measure, *, inputs: Mapping[str, str]) -> list[Measured]:
    """Search as the settings say, going on where the database stands.

    Args:
        settings: Number of trials, seed, objectives and storage.
        measure: Measures points.
        inputs: SHA-256 of the recording's files: another recording is another study.

    Raises:
        InputError: The database is damaged, holds another study under this name, is in use, or went away.
        ToolMissingError: Optuna is not installed.
    """
    trials = settings.trials or 0
    found: list[Measured] = []
    with _opened(settings, inputs) as database:
        for first in range(0, trials, GENERATION):
            with database.checked():
                draws = _draw(database.study, settings, first, min(GENERATION, trials - first))
            points = [drawn_point(draw.params) for draw in draws]
            documents = measure(points, trials)
            found += numbered(points, documents, first)
            with database.checked():
                _record(database.study, settings, draws, documents)
    return found


class Database:
    """An open study, and whether its storage is still what was opened."""

    def __init__(self, url: str, study: Any) -> None:
        self.study = study
        self._url = url
        self._file = _file_of(url)
        self._identity = self._stat()

    def _stat(self) -> tuple[int, int] | None:
        if self._file is None:
            return None
        try:
            found = self._file.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    @contextmanager
    def checked(self) -> Iterator[None]:
        """Turn whatever the storage does into a sentence.

        Raises:
            InputError: It went away, or refuses.
        """
        # A file that was removed can still be written to, and what is written is lost.
        if self._file is not None and self._stat() != self._identity:
            raise _gone(self._url, "its file was removed or replaced")
        with _explained(self._url):
            yield


@contextmanager
def _opened(settings: Settings, inputs: Mapping[str, str]) -> Iterator[Database]:
    optuna = _optuna()
    url = settings.storage or f"{_SQLITE}{(settings.out / DATABASE).absolute()}"
    with _explained(url):
        study = optuna.create_study(
            storage=optuna.storages.get_storage(url),
            study_name=_study_name(settings, inputs),
            directions=["maximize" if name in QUALITIES else "minimize" for name in settings.objectives],
            load_if_exists=True,
        )
    database = Database(url, study)
    with claimed(study, database.checked):
        yield database


def _study_name(settings: Settings, inputs: Mapping[str, str]) -> str:
    content = json.dumps([settings.identity(), sorted(inputs.values())], sort_keys=True)
    return f"myofin-{hashlib.sha256(content.encode()).hexdigest()[:16]}"


def _draw(study: Any, settings: Settings, first: int, count: int) -> list[Any]:
    """Trials of one generation, drawn in memory from those that the database holds of earlier ones.

    Raises:
        InputError: The database holds other draws: of other categories, or of another version of Optuna.
    """
    optuna = _optuna()
    known = study.get_trials(deepcopy=False)
    memory = optuna.create_study(directions=study.directions)
    memory.add_trials(known[:first])
    draws = []
    for number in range(first, first + count):
        memory.sampler = _sampler(_seed(settings.seed, number))
        trial = memory.ask()
        for name, choices in categories(settings.features_by, settings.layout).items():
            trial.suggest_categorical(name, choices)
        draws.append(memory.trials[number])
    for draw, held in zip(draws, known[first:], strict=False):
        if draw.params != held.params:
            raise InputError(
                f"The study {study.study_name} in the database was drawn by another version.",
                hint="Give another --storage; what was measured is kept in --out.",
            )
    return draws


def _sampler(seed: int) -> Any:
    optuna = _optuna()
    with warnings.catch_warnings():  # constraints are said to be experimental
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.NSGAIISampler(
            population_size=GENERATION, seed=seed, constraints_func=_violations
        )


def _seed(seed: int, number: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed} {number}".encode()).digest()[:4], "little")


def _record(study: Any, settings: Settings, draws: Sequence[Any], documents: Sequence[Any]) -> None:
    """Add the trials of a generation that the database does not hold yet."""
    optuna = _optuna()
    held = len(study.get_trials(deepcopy=False))
    for draw, document in zip(draws, documents, strict=True):
        if draw.number < held:
            continue
        violation = 0.0 if counts(document, settings.fit) else _violation(document)
        study.add_trial(
            optuna.trial.create_trial(
                state=optuna.trial.TrialState.COMPLETE,
                values=_values(document, settings.objectives),
                params=draw.params,
                distributions=draw.distributions,
                user_attrs={"id": document["id"], "state": document["state"], "reason": document["reason"]},
                system_attrs={**draw.system_attrs, "constraints": (violation,)},
            )
        )


def _values(document: Mapping[str, Any], objectives: Sequence[str]) -> list[float]:
    if document["state"] == "measured":
        return [max(score(document, name), -_OUT_OF_REACH) for name in objectives]
    return [0.0 if name in QUALITIES else _OUT_OF_REACH for name in objectives]


def _violation(document: Mapping[str, Any]) -> float:
    """How far a point is from counting, above 0; the search prefers those that are near."""
    misses = [miss["by"] for fit in document["fits"].values() for miss in fit["misses"]]
    return float(sum(misses)) or _OUT_OF_REACH


def _violations(trial: Any) -> Sequence[float]:
    found: Sequence[float] = trial.system_attrs["constraints"]
    return found


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise ToolMissingError(
            "A search needs Optuna, which is not installed.",
            hint='Install it with `pip install "myofin[sweep]"`, or give --grid.',
        ) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def _file_of(url: str) -> Path | None:
    return Path(url.removeprefix(_SQLITE)) if url.startswith(_SQLITE) else None


@contextmanager
def _explained(url: str) -> Iterator[None]:
    try:
        yield
    except (MyofinError, KeyboardInterrupt):
        raise
    except Exception as error:  # each storage has errors of its own: a driver's, SQLAlchemy's, Optuna's
        said = str(error.__cause__ or error).strip().splitlines()[:1] or [type(error).__name__]
        if "disk is full" in said[0] or "No space left" in said[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(_file_of(url) or "")) from error
        raise _gone(url, said[0]) from error


def _gone(url: str, said: str) -> InputError:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        shown = make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        shown = url
    return InputError(
        f"The database {shown} cannot be used ({said}).",
        hint="Mend it or move it away and run this again: what was measured is kept in --out.",
    )
