"""Where a board is connected, and the options that say it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import click

from myofin.boards.registry import Board
from myofin.errors import InputError

AUTO: Final = "auto"
Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class Port:
    """A serial port or pyserial URL, or ``auto`` to look for it; baud None is the board's own."""

    url: str
    baud: int | None = None


def no_port(board: Board) -> InputError:
    """The error for a physical board that no port was given for."""
    return InputError(
        f"{board.name} is a physical board, and no port was given.",
        hint=f"Flash it with `myofin flash`, give --port, and connect {board.link.wiring}.",
    )


def port_option(command: Command) -> Command:
    """Add ``--port`` and ``--baud``, passed to the command as ``port: Port | None``."""

    @functools.wraps(command)
    def with_port(*arguments: Any, port: str | None, baud: int | None, **options: Any) -> Any:
        return command(*arguments, port=None if port is None else Port(port, baud), **options)

    for option in (
        click.option("--baud", type=click.IntRange(1), help="Baud rate of --port; default: the board's."),
        click.option("--port", help="Port of the board, or `auto` to look for it; default: its emulator."),
    ):
        with_port = option(with_port)
    return with_port  # type: ignore[return-value]
