"""Finds a board: says HELLO on each serial port, and takes the one that answers as the board asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from serial.tools import list_ports

from myofin.errors import BoardError, LinkError
from myofin.firmware_bridge.exchange import Timing
from myofin.firmware_bridge.link import open_link
from myofin.firmware_bridge.session import BoardSession

_QUICK: Final = Timing(answer_s=1.0, decision_s=1.0, attempts=2)


def candidate_ports(
    usb: tuple[str, ...] = (), ports: Callable[[], Iterable[Any]] = list_ports.comports
) -> tuple[str, ...]:
    """Serial ports to ask, by name: those with one of the USB ids ``vid:pid`` first, then the others.

    Ports that belong to no USB device come last; a computer's own ports are among them.
    """
    found = sorted(ports(), key=lambda port: (_rank(port, usb), port.device))
    return tuple(port.device for port in found)


def _rank(port: Any, usb: tuple[str, ...]) -> int:
    if port.vid is None:
        return 2
    return 0 if f"{port.vid:04x}:{port.pid:04x}" in usb else 1


def find_board(name: str, candidates: Iterable[str], *, baud: int) -> str:
    """The one port on which the firmware of this board answers.

    Raises:
        LinkError: There is no port, no such board on any of them, or more than one.
    """
    answers = {port: _who(port, baud) for port in candidates}
    matching = [port for port, answer in answers.items() if answer == name]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise LinkError(
            f"Several boards answer as {name}: on {', '.join(matching)}.", hint="Choose one with --port."
        )
    raise _none_found(name, answers)


def _who(port: str, baud: int) -> str:
    """The name of the board that answers on a port, or why none does."""
    try:
        with open_link(port, baud=baud) as link:
            return BoardSession(link, timing=_QUICK).hello().board
    except BoardError as error:
        return error.message


def _none_found(name: str, answers: Mapping[str, str]) -> LinkError:
    if not answers:
        return LinkError("There is no serial port on this machine.", hint="Plug the board in.")
    told = "; ".join(f"{port}: {answer.rstrip('.')}" for port, answer in answers.items())
    return LinkError(
        f"No {name} answers on any port ({told}).",
        hint="Plug it in, check that it runs myofin firmware, or give its port with --port.",
    )
