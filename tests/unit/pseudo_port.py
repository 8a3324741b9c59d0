"""A serial port for tests: a pseudo-terminal at whose other end something answers."""

from __future__ import annotations

import os
import select
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


@contextmanager
def port(answer: Callable[[bytes], bytes]) -> Iterator[str]:
    """A serial port, by its name; at its other end something gives these answers to what it hears."""
    master, slave = os.openpty()
    tty.setraw(slave)
    stop, stopper = os.pipe()

    def serve() -> None:
        while stop not in select.select([master, stop], [], [])[0]:
            with suppress(BlockingIOError):
                os.write(master, answer(os.read(master, 4096)))

    server = threading.Thread(target=serve)
    server.start()
    try:
        yield os.ttyname(slave)
    finally:
        os.close(stopper)
        server.join()
        for descriptor in (stop, master, slave):
            os.close(descriptor)
