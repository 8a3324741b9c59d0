"""A sweep from its settings to its result: what is done is read back, the rest is spread over workers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from myofin.artifacts import write_json
from myofin.errors import (
    BoardError,
    CheckError,
    InputError,
    LinkError,
    MyofinError,
    ToolMissingError,
)
from myofin.fanout import fan_out
from myofin.locks import locked
from myofin.progress import Progress, silent
from myofin.recordings.check import load_trainable
from myofin.recordings.model import Recording
from myofin.sweep.front import tell_misses
from myofin.sweep.result import sweep_document
from myofin.sweep.search import Measured, grid_search
from myofin.sweep.settings import Settings, check_settings, fitted_board, measured_board
from myofin.sweep.shipping import FOLDER as SHIPPED
from myofin.sweep.shipping import ship
from myofin.sweep.space import Point
from myofin.sweep.stages import Plan, measuring_version, run_key, trial_key
from myofin.sweep.trial import BUNDLES, TRIALS, RunItem, TrialItem, measure_item, train_item
from myofin.train.work import WorkFolder

RESULT: Final = "sweep.json"
_IDENTITY: Final = "settings.json"
_LOCK: Final = "sweep.lock"
_ERRORS: Final[dict[str, type[MyofinError]]] = {
    error.__name__: error for error in (ToolMissingError, BoardError, LinkError)
}


def run_sweep(settings: Settings, *, progress: Progress = silent) -> dict[str, Any]:
    """Do a sweep, or what is left of it, and return the document of its ``sweep.json``.

    Args:
        settings: What to do.
        progress: Told about the stages ``train`` (networks) and ``measure`` (points).

    Raises:
        InputError: Options contradict each other; the folder is another sweep's, or one is at work there; the
            database cannot be used.
        RecordingError: The recording cannot be trained on.
        CheckError: Workers kept dying.
        BoardError: An emulated board failed; what was measured is kept.
        ToolMissingError: A program or package is missing.
    """
    check_settings(settings)
    recording = load_trainable(settings.data, settings.subject)
    with _folder(settings, recording):
        plan = _plan(settings, recording)
        spread = Spread(settings, plan, progress)
        if settings.grid is not None:
            wanted = settings.features_by, settings.layout
            found: Sequence[Measured] = grid_search(settings.grid, *wanted, spread.measure)
        else:
            from myofin.sweep.study import optuna_search

            found = optuna_search(settings, spread.measure, inputs=recording.sha256s)
        document = sweep_document(settings, recording, found)
        write_json(settings.out / RESULT, document)  # not lost, should the last step fail
        chosen = document["recommended"]
        if chosen is not None:
            point = next(measured.point for measured in found if measured.document["id"] == chosen["id"])
            shipped = ship(plan, point, chosen["id"], settings.out, progress)
            document["recommended"] = {**chosen, "shipped": shipped}
        else:
            shutil.rmtree(settings.out / SHIPPED, ignore_errors=True)
        write_json(settings.out / RESULT, document)
        _write_page(settings.out, document)
        _tidy(settings)
    return document


@dataclass
class Spread:
    """Measures points, spread over workers: first the networks that they need, then they themselves."""

    settings: Settings
    plan: Plan
    progress: Progress
    _trained: int = 0
    _measured: int = 0

    def measure(self, points: Sequence[Point], total: int) -> list[dict[str, Any]]:
        """Documents of points, in their order; ``total`` is how many the whole sweep will have.

        Raises:
            MyofinError: Tools, board or link failed for some point, after the others were done.
        """
        items = {trial_key(self.plan, point): point for point in points}
        trials = [TrialItem(key, point, self.plan) for key, point in items.items()]
        work = WorkFolder(self.settings.out / TRIALS)
        done = {item.key: found for item in trials if (found := work.read(item.key)) is not None}
        left = [item for item in trials if item.key not in done]
        self._train(left)
        self.progress("measure", self._measured + len(done), total)
        for document in self._spread(measure_item, left):
            done[document["key"]] = document
            self.progress("measure", self._measured + len(done), total)
        self._measured += len(points)
        _raise_first([document for document in done.values() if "error" in document], len(items))
        return [done[trial_key(self.plan, point)] for point in points]

    def _train(self, trials: Sequence[TrialItem]) -> None:
        configs = {
            run_key(self.plan, config): config
            for config in (item.point.train_config(self.plan.train) for item in trials)
        }
        items = [RunItem(f"run-{key}", config, self.plan) for key, config in configs.items()]
        total = self._trained + len(items)
        for _ in self._spread(train_item, items):
            self._trained += 1
            self.progress("train", self._trained, total)

    def _spread(self, function: Callable[..., dict[str, Any]], items: Sequence[Any]) -> Iterator[Any]:
        workers, dask = self.settings.workers, self.settings.dask
        return fan_out(function, items, processes=workers, dask=dask, version=measuring_version)


def _raise_first(errors: Sequence[dict[str, Any]], of: int) -> None:
    if not errors:
        return
    first = errors[0]
    kind = _ERRORS.get(first["error"], CheckError)
    raise kind(
        f"{first['message']} ({len(errors)} of {of} points could not be measured; the others are kept.)",
        hint=first["hint"],
    )


def _plan(settings: Settings, recording: Recording) -> Plan:
    return Plan(
        data=settings.data.absolute(),
        subject=settings.subject,
        inputs=dict(recording.sha256s),
        # A network that learned from the validation repetitions cannot be chosen by them.
        train=replace(settings.train, seed=settings.seed, refit=False, golden_windows=settings.windows),
        fit=fitted_board(settings).name,
        measure_on=measured_board(settings).name,
        hop_ms=settings.hop_ms,
        windows=settings.windows,
        shipped_windows=settings.train.golden_windows,
        out=settings.out.absolute(),
        cache=settings.cache_folder.absolute(),
        keep_bundles=settings.keep_bundles,
    )


@contextmanager
def _folder(settings: Settings, recording: Recording) -> Iterator[None]:
    """Hold the sweep's folder, made if absent; refuse one that is something else's.

    Raises:
        InputError: It is another sweep's or no sweep's, or one is at work in it.
    """
    out = settings.out
    identity = {**settings.identity(), "inputs": dict(recording.sha256s)}
    if out.exists() and not (out / _IDENTITY).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} exists and is not a sweep's folder.", hint="Give --out another path.")
    out.mkdir(parents=True, exist_ok=True)
    try:
        with locked(out / _LOCK, wait=False):
            _check_identity(out, identity)
            yield
    except BlockingIOError as error:
        raise InputError(
            f"Another sweep is at work in {out}.", hint="Wait for it, or give --out another path."
        ) from error


def _check_identity(out: Path, identity: dict[str, Any]) -> None:
    path = out / _IDENTITY
    if not path.is_file():
        write_json(path, identity)
        return
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        changed = [name for name in identity if known.get(name) != identity[name]]
    except (ValueError, AttributeError) as error:
        raise InputError(f"{path} is not readable.", hint="Give --out another path.") from error
    if changed:
        raise InputError(
            f"{out} holds a sweep with other settings ({', '.join(changed)}).",
            hint=f"Give --out another path, and --cache {out / 'cache'} to use its networks again.",
        )


def _tidy(settings: Settings) -> None:
    """Remove what is not kept, and what those left half made who were killed."""
    if not settings.keep_bundles:
        shutil.rmtree(settings.out / BUNDLES, ignore_errors=True)
    for folder in (settings.out / BUNDLES, settings.out / "cache"):  # never in a cache that others share
        for partial in folder.glob(".*.partial-*"):
            shutil.rmtree(partial, ignore_errors=True)


def _write_page(out: Path, document: dict[str, Any]) -> None:
    from myofin.sweep.page import render_sweep

    (out / "sweep.html").write_text(render_sweep(document), encoding="utf-8")


def shortfall(document: dict[str, Any]) -> CheckError | None:
    """The error of a sweep whose front is empty, or whose recommended network misses the board; or None."""
    if (chosen := document["recommended"]) is not None:
        return _shipped_misses(document, chosen["shipped"]["fits"])
    near = document["nearest"]
    measured = sum(trial["state"] == "measured" for trial in document["trials"])
    if near is not None:
        return CheckError(
            near["reason"],
            hint="Choose smaller networks, a longer --hop-ms, or a board with more room.",
        )
    return CheckError(
        f"No point could be chosen: {measured} of {len(document['trials'])} were measured.",
        hint="The reasons of the others are in sweep.json.",
    )


def _shipped_misses(document: dict[str, Any], fits: dict[str, Any]) -> CheckError | None:
    board = document["board"]
    if board is None or fits[board["name"]]["ok"]:
        return None
    return CheckError(
        "Trained with the validation repetitions too, the recommended network misses "
        f"{tell_misses(board['name'], fits)}.",
        hint="Give a longer --hop-ms, or take another point of the front.",
    )
