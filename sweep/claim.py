"""One sweep at a time on one study: a claim in the study itself, so that it holds on every machine.

A claim of this machine ends with the process that made it; one of another machine when it was not renewed for
a while. Two that come at the same instant both write, and read back who was last.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from myofin.errors import InputError, MyofinError

_ATTRIBUTE: Final = "claim"
RENEWED_S: Final = 20.0
STALE_S: Final = 120.0
_SETTLED_S: Final = 0.2

Checked = Callable[[], AbstractContextManager[None]]


@contextmanager
def claimed(study: Any, checked: Checked) -> Iterator[None]:
    """Hold the claim on a study.

    Args:
        study: Optuna's, of any storage.
        checked: Context manager that turns the storage's errors into sentences.

    Raises:
        InputError: Another sweep is at work on it.
    """
    token = secrets.token_hex(8)
    with checked():
        _refuse(study, token)
        _write(study, token)
        time.sleep(_SETTLED_S)
        _refuse(study, token)
    done = threading.Event()
    thread = threading.Thread(target=_renew, args=(study, token, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        with suppress(MyofinError), checked():  # where the storage is gone, so is the claim
            study.set_user_attr(_ATTRIBUTE, None)


def _refuse(study: Any, token: str) -> None:
    held = study.user_attrs.get(_ATTRIBUTE)
    if held is not None and held["token"] != token and is_alive(held):
        raise InputError(
            f"Another sweep is at work on this study (process {held['pid']} on {held['host']}).",
            hint="Wait for it, or give another --storage.",
        )


def is_alive(claim: Mapping[str, Any]) -> bool:
    """Whether the process that made a claim may still be at work."""
    if claim["host"] == socket.gethostname():
        return bool(started(claim["pid"]) == claim["started"])
    return bool(time.time() - float(claim["time"]) < STALE_S)


def started(pid: int) -> str | None:
    """When a process of this machine was started, in ticks of its own clock; None where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None


def _write(study: Any, token: str) -> None:
    pid = os.getpid()
    study.set_user_attr(
        _ATTRIBUTE,
        {
            "token": token,
            "host": socket.gethostname(),
            "pid": pid,
            "started": started(pid),
            "time": time.time(),
        },
    )


def _renew(study: Any, token: str, done: threading.Event) -> None:
    while not done.wait(RENEWED_S):
        with suppress(Exception):  # whoever works with the study tells what is wrong with its storage
            _write(study, token)
