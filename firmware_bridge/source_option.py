"""The options that say what a stream comes from: an emulated board's electrodes, its image and its clock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])
_OPTIONS: Final = (
    click.option(
        "--data",
        type=click.Path(path_type=Path),
        help="What an emulated board's electrodes feel; default: the bundle's golden windows.",
    ),
    click.option("--subject", help="Which subject of --data; default: the one the network was trained on."),
    click.option("--image", type=click.Path(path_type=Path), help="A built image; default: build one now."),
    click.option(
        "--instructions-per-second",
        "units_per_second",
        type=click.IntRange(100_000, 2_000_000_000),
        help="Of an emulated board: its time, and so the deadlines; default: as its board.toml says.",
    ),
)


def source_options(command: Command) -> Command:
    """Add them, passed to the command as ``data``, ``subject``, ``image`` and ``units_per_second``."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
