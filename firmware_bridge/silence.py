"""Why a board does not answer, from the bytes that came instead. Pure."""

from __future__ import annotations

import string
from typing import Final

from myofin.errors import LinkError

_TEXT: Final = frozenset(string.printable.encode())
_TEXT_SHARE: Final = 0.9  # of the bytes, from which on they are taken for text
_QUOTED_CHARACTERS: Final = 40


def explain_silence(port: str, request: str, attempts: int, heard: bytes) -> LinkError:
    """The error for a request that no frame answered.

    Args:
        port: The channel's name.
        request: Name of the request.
        attempts: How often it was sent.
        heard: What came last instead of an answer.
    """
    if not heard:
        return LinkError(
            f"The board on {port} did not answer {request}, asked {attempts} times.",
            hint="Check its supply, its firmware and the port, or reset it.",
        )
    if is_text(heard):
        return LinkError(
            f"What is on {port} is no myofin firmware: to {request} it says {_quoted(heard)}.",
            hint="Build and flash the firmware with `myofin build`, or give the port of another board.",
        )
    return LinkError(
        f"What comes from {port} is no answer to {request}, asked {attempts} times.",
        hint="Check the cable, that the baud rate is the firmware's, and that the firmware is myofin's.",
    )


def is_text(heard: bytes) -> bool:
    """Whether bytes look like text that some other firmware prints.

    >>> is_text(b"Hello from Arduino"), is_text(bytes(range(128, 200)))
    (True, False)
    """
    return sum(byte in _TEXT for byte in heard) >= _TEXT_SHARE * len(heard)


def _quoted(heard: bytes) -> str:
    text = heard.decode("ascii", "replace").strip()
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    first = lines[0] if lines else text
    return repr(first if len(first) <= _QUOTED_CHARACTERS else f"{first[:_QUOTED_CHARACTERS]}...")
