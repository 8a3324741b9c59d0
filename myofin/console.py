"""What the verbs share on a terminal: the --json flag, one way to print a result, one progress bar."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from myofin.progress import Progress, silent

Command = TypeVar("Command", bound=Callable[..., Any])


def json_option(command: Command) -> Command:
    """Add ``--json``, passed to the command as ``as_json``."""
    option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of text.")
    return option(command)


def seed_option(command: Command) -> Command:
    """Add ``--seed``, for verbs where chance plays."""
    option = click.option(
        "--seed",
        type=click.IntRange(0, 2**31 - 1),
        default=0,
        show_default=True,
        help="Seed of every random choice.",
    )
    return option(command)


def emit(as_json: bool, document: Mapping[str, Any], text: str) -> None:
    """Print a verb's result: the document as JSON, or the text."""
    click.echo(json.dumps(document, indent=1, allow_nan=False) if as_json else text)


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Yield a Progress that draws bars on stderr when that is a terminal, and is silent otherwise."""
    if not sys.stderr.isatty():
        yield silent
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description:>14}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    # Steps may take minutes each: speed is taken over the last hour, not over the last half minute.
    with Bars(*columns, console=Console(stderr=True), speed_estimate_period=3600.0) as bars:
        tasks: dict[str, Any] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield show
