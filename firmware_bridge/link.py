"""A byte channel to a board: a Protocol, and its implementation over pyserial."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

import serial

from myofin.errors import LinkError

_WRITE_TIMEOUT_S: Final = 20.0
_DEFAULT_BAUD: Final = 115_200

_CHECK_CABLE: Final = "Check cable and supply, then run the command again."


class LinkLostError(LinkError):
    """The channel was there, and is gone."""


class Link(Protocol):
    """A byte channel. Everything above it is the same for a cable, an emulator and a test's fake."""

    @property
    def name(self) -> str:
        """The channel as a person knows it, such as ``/dev/ttyACM0``."""

    def write(self, data: bytes) -> None:
        """Send all bytes, or raise LinkError."""

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        """Return what has come, at least one byte; empty when nothing came in time.

        Raises:
            LinkLostError: The channel is gone.
        """

    def close(self) -> None:
        """Release the channel; more than once is harmless."""


class SerialLink:
    """A serial port, or whatever else pyserial opens by URL, such as ``socket://127.0.0.1:4321``."""

    def __init__(self, url: str, *, baud: int = _DEFAULT_BAUD) -> None:
        """Open the channel, for ourselves alone where the system can do that.

        Raises:
            LinkError: There is no such port, or it is busy or forbidden.
        """
        self._name = url
        exclusive = None if "://" in url else True
        try:
            self._port = serial.serial_for_url(
                url, baudrate=baud, timeout=0, write_timeout=_WRITE_TIMEOUT_S, exclusive=exclusive
            )
        except (serial.SerialException, OSError, ValueError) as error:
            raise _explain_opening(url, error) from error

    @property
    def name(self) -> str:
        """The URL that was opened."""
        return self._name

    def write(self, data: bytes) -> None:
        """Send all bytes, or raise LinkError."""
        try:
            self._port.write(data)
        except serial.SerialTimeoutException as error:
            raise LinkError(
                f"{self._name} took no more bytes for {_WRITE_TIMEOUT_S:g} s.",
                hint="Reset the board: its firmware no longer reads.",
            ) from error
        except (serial.SerialException, OSError) as error:
            raise self._gone(error) from error

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        """Return what has come, at least one byte; empty when nothing came in time."""
        try:
            self._port.timeout = max(timeout_s, 0.0)
            first: bytes = self._port.read(1)
            if not first or max_bytes == 1:
                return first
            self._port.timeout = 0  # and whatever else is there already
            return first + self._port.read(max_bytes - 1)
        except (serial.SerialException, OSError) as error:
            raise self._gone(error) from error

    def close(self) -> None:
        """Release the port."""
        self._port.close()

    def _gone(self, error: Exception) -> LinkLostError:
        return LinkLostError(f"The connection to {self._name} was lost ({error}).", hint=_CHECK_CABLE)


@contextmanager
def open_link(url: str, *, baud: int = _DEFAULT_BAUD) -> Iterator[Link]:
    """Open a serial port or pyserial URL, and release it at the end. Raises as ``SerialLink``."""
    link = SerialLink(url, baud=baud)
    try:
        yield link
    finally:
        link.close()


def _explain_opening(url: str, error: Exception) -> LinkError:
    cause = error.__cause__ or error.__context__
    number = getattr(error, "errno", None) or getattr(cause, "errno", None)
    if number == errno.ENOENT:
        return LinkError(f"There is no port {url}.", hint="Plug the board in, and check the port's name.")
    if number == errno.EACCES:
        return LinkError(
            f"No permission to open {url}.",
            hint="Add yourself to the port's group (often `dialout`), then log in again.",
        )
    if number in (errno.EBUSY, errno.EAGAIN):
        return LinkError(
            f"{url} is used by another program.", hint="Close the serial monitor or other tool that holds it."
        )
    return LinkError(f"{url} could not be opened ({error}).", hint=_CHECK_CABLE)
