"""What a sweep is asked to do, checked before anything begins."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from myofin.boards.registry import Board, load_board
from myofin.errors import InputError
from myofin.sweep.front import OBJECTIVES, QUALITIES
from myofin.train.config import FeaturesBy, TrainConfig
from myofin.train.network_shape import Layout

HOP_MS: Final = 10
WINDOW_MS: Final = 300
REFERENCE_BOARD: Final = "mps2-an386"
WINDOWS_ON_BOARD: Final = 60
DEFAULT_OBJECTIVES: Final = ("accuracy", "flash", "ram", "instructions")


@dataclass(frozen=True)
class Settings:
    """One sweep.

    Attributes:
        data: Recording, or folder of them.
        subject: Which, where there are several.
        out: Folder of the sweep: its result, and everything it needs to go on after an interruption.
        grid: Size of the grid; None searches.
        trials: Points that a search measures; None takes a grid.
        features_by: Only points whose features an LSTM makes, or arithmetic; None takes both.
        layout: Of the points with an LSTM only those where it is shared, or joint; None takes both.
        objectives: What the front is made of, the qualities first.
        fit: Board that a point has to fit; None asks for none.
        hop_ms: Time between two decisions on that board: the deadline.
        measure_on: Emulated board that the points are measured on; None takes that board's twin.
        storage: Database of a search; None keeps a file in ``out``.
        seed: Of every random choice.
        train: What the sweep does not vary.
        windows: Golden windows that each point decides on the board.
        keep_bundles: Whether the bundle of every point is kept.
        cache: Where trained networks are kept; None keeps them in ``out``.
        workers: Processes of this machine.
        dask: Address of a dask scheduler, in place of processes.
    """

    data: Path
    subject: str | None
    out: Path
    grid: str | None = None
    trials: int | None = None
    features_by: FeaturesBy | None = None
    layout: Layout | None = None
    objectives: tuple[str, ...] = DEFAULT_OBJECTIVES
    fit: str | None = None
    hop_ms: int = HOP_MS
    measure_on: str | None = None
    storage: str | None = None
    seed: int = 0
    train: TrainConfig = field(default_factory=TrainConfig)
    windows: int = WINDOWS_ON_BOARD
    keep_bundles: bool = False
    cache: Path | None = None
    workers: int = 1
    dask: str | None = None

    @property
    def cache_folder(self) -> Path:
        """Where trained networks are kept."""
        return self.cache or self.out / "cache"

    @property
    def search(self) -> str:
        """The search in words, as in ``sweep.json``."""
        return f"grid {self.grid}" if self.grid is not None else "optuna"

    def identity(self) -> dict[str, Any]:
        """What makes two sweeps the same, in JSON's types; a search may be asked for more trials later."""
        left_out = ("data", "out", "trials", "keep_bundles", "cache", "workers", "dask", "storage")
        document = {name: value for name, value in asdict(self).items() if name not in left_out}
        plain: dict[str, Any] = json.loads(json.dumps(document))
        return {**plain, "measure_on": measured_board(self).name}


def check_settings(settings: Settings) -> None:
    """Check what can be checked without reading the data.

    Raises:
        InputError: Options contradict each other, or one is unknown; a board does not exist.
    """
    if (settings.grid is None) == (settings.trials is None):
        given = "both a grid and a number of trials were" if settings.grid else "neither was"
        raise InputError(
            f"A sweep takes a grid or a search, and {given} given.", hint="Give one of --grid and --trials."
        )
    if settings.grid is not None and settings.storage is not None:
        raise InputError(
            "--storage is for a search: a grid needs no database.", hint="Leave it out, or give --trials."
        )
    if settings.dask is not None and settings.workers != 1:
        raise InputError(
            "--workers are processes of this machine, --dask is a cluster.", hint="Give one of them."
        )
    if settings.layout is not None and settings.features_by == "arithmetic":
        raise InputError(
            "--layout says how channels share an LSTM, and features by arithmetic need none.",
            hint="Leave one of --layout and --features-by out.",
        )
    _check_objectives(settings.objectives)
    _check_hop(settings)
    measured_board(settings)


def measured_board(settings: Settings) -> Board:
    """The emulated board that the points are measured on.

    Raises:
        InputError: It is not emulated, or no emulated board stands for the one to fit.
    """
    if settings.measure_on is not None:
        board = load_board(settings.measure_on)
        if board.emulator is None:
            raise InputError(
                f"{board.name} is not emulated, so a sweep cannot measure on it.",
                hint="Give --measure-on an emulated board: see `myofin boards`.",
            )
        return board
    if settings.fit is None:
        return load_board(REFERENCE_BOARD)
    fitted = load_board(settings.fit)
    if fitted.emulated_as is None:
        raise InputError(
            f"No emulated board stands for {fitted.name} ({fitted.core}).",
            hint="Give --measure-on the emulated board whose instructions should count.",
        )
    return load_board(fitted.emulated_as)


def fitted_board(settings: Settings) -> Board:
    """The board whose flash and RAM count: the one to fit, else the one measured on."""
    return measured_board(settings) if settings.fit is None else load_board(settings.fit)


def _check_objectives(names: tuple[str, ...]) -> None:
    for name in names:
        if name not in OBJECTIVES:
            raise InputError(
                f"There is no objective {name!r}.", hint=f"Choose among: {', '.join(OBJECTIVES)}."
            )
    if len(set(names)) != len(names):
        raise InputError("An objective is named twice.", hint="Name each once.")
    if not set(names) & set(QUALITIES) or not set(names) - set(QUALITIES):
        raise InputError(
            f"The objectives {', '.join(names)} leave nothing to weigh up.",
            hint=f"Name one of {', '.join(QUALITIES)} and one cost at least.",
        )


def _check_hop(settings: Settings) -> None:
    if settings.hop_ms != HOP_MS and settings.fit is None:
        raise InputError(
            "--hop-ms is a deadline, and a deadline needs a board.",
            hint="Give --fit as well, or leave it out.",
        )
    if settings.hop_ms % HOP_MS or not HOP_MS <= settings.hop_ms <= WINDOW_MS:
        raise InputError(
            f"A decision every {settings.hop_ms} ms is no whole number of frames of {HOP_MS} ms within the "
            f"window of {WINDOW_MS} ms.",
            hint=f"Give --hop-ms {HOP_MS}, {2 * HOP_MS}, ... {WINDOW_MS}.",
        )
