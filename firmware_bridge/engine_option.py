"""The engines that can execute a network on a board, and the option that chooses one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal, TypeVar, get_args

import click

EngineName = Literal["c", "tflm", "tflm-cmsis-nn"]
ENGINES: Final[tuple[EngineName, ...]] = get_args(EngineName)
Command = TypeVar("Command", bound=Callable[..., Any])


def engine_option(command: Command) -> Command:
    """Add ``--engine``, passed to the command as ``engine``."""
    option = click.option(
        "--engine",
        type=click.Choice(ENGINES),
        default="c",
        show_default=True,
        help="The generated C, or TFLM with its reference kernels or CMSIS-NN's, from MYOFIN_TFLM_ROOT.",
    )
    return option(command)
