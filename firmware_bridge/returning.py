"""A link that comes back: a port that vanishes is opened again when it returns, within a stated time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from serial.tools import list_ports

from myofin.errors import LinkError
from myofin.firmware_bridge.link import Link, LinkLostError, SerialLink

RETURN_S: Final = 10.0
_POLL_S: Final = 0.1


class ReturningLink:
    """Hides the loss of a link from who uses it: requests go unanswered meanwhile, and are repeated.

    What the board held may be gone; it says so itself when it is asked.
    """

    def __init__(
        self,
        open_again: Callable[[], Link],
        *,
        return_s: float = RETURN_S,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Open the link. Raises as ``open_again``."""
        self.losses = 0
        self._open_again = open_again
        self._return_s = return_s
        self._clock = clock
        self._sleep = sleep
        self._link = open_again()

    @property
    def name(self) -> str:
        """The channel's name, which may be another after it returned."""
        return self._link.name

    def write(self, data: bytes) -> None:
        """Send all bytes; on a link that returns meanwhile, all of them once more.

        Raises:
            LinkError: The link was lost and did not return in time.
        """
        try:
            self._link.write(data)
        except LinkLostError as error:
            self._await_return(error)
            self._link.write(data)

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        """Return what has come; empty when nothing came in time, or the link was lost and has returned.

        Raises:
            LinkError: The link was lost and did not return in time.
        """
        try:
            return self._link.read(max_bytes, timeout_s)
        except LinkLostError as error:
            self._await_return(error)
            return b""

    def close(self) -> None:
        """Release the link."""
        self._link.close()

    def _await_return(self, lost: LinkError) -> None:
        self.losses += 1
        self._link.close()
        deadline = self._clock() + self._return_s
        while True:
            try:
                self._link = self._open_again()
                return
            except LinkError as error:
                if self._clock() >= deadline:
                    raise LinkError(
                        f"{self.name} was lost and did not return within {self._return_s:g} s.",
                        hint=lost.hint,
                    ) from error
            self._sleep(_POLL_S)


class SamePort:
    """Opens a serial port; again and again the one of the same USB device, whatever it is called then."""

    def __init__(
        self, url: str, *, baud: int, ports: Callable[[], Iterable[Any]] = list_ports.comports
    ) -> None:
        """``ports`` lists what pyserial's ``comports`` lists."""
        self._url = url
        self._baud = baud
        self._ports = ports
        self._device = self._identity(url)

    def __call__(self) -> Link:
        """Open it. Raises as ``SerialLink``."""
        return SerialLink(self._find(), baud=self._baud)

    def _find(self) -> str:
        if self._device is None:
            return self._url
        for port in self._ports():
            if _identity(port) == self._device:
                return str(port.device)
        return self._url

    def _identity(self, url: str) -> tuple[Any, ...] | None:
        return next((_identity(port) for port in self._ports() if port.device == url), None)


def _identity(port: Any) -> tuple[Any, ...] | None:
    """What stays of a USB device when it is plugged in again; None where there is nothing."""
    return None if port.vid is None else (port.vid, port.pid, port.serial_number)
