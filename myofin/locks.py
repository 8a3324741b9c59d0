"""Locks on files, which the system takes back from whoever is killed."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold the lock of a file, which is made if absent and stays.

    Args:
        path: The file.
        wait: Whether to wait for whoever holds it.

    Raises:
        BlockingIOError: Another process holds it, and ``wait`` is off.
    """
    with path.open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
