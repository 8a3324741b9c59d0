"""One function over many items: in this process, in processes of this machine, or on a dask cluster.

The function returns a document with the item's key; documents come in the order in which they are done. A
process or worker that is killed is replaced, and what it had in hand is done again.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any, Protocol, TypeVar

from myofin.errors import CheckError, InputError, ToolMissingError
from myofin.processes import bind_to_parent

_RETRIES = 2
_STOP_TIMEOUT_S = 10.0
_MOMENT_S = 0.005
_ANSWER_S = 10.0
# Clusters that grow by demand start workers only once there is work; minutes are usual for a batch system.
_WITHOUT_WORKERS_S = 300.0


class Keyed(Protocol):
    """Something to do; what is done bears the same key."""

    @property
    def key(self) -> str:
        """Unique among the items."""
        ...


Item = TypeVar("Item", bound=Keyed)
Document = dict[str, Any]
Version = Callable[[], str]


class OtherVersionError(RuntimeError):
    """A worker of a cluster would compute something else than was asked for."""


def unversioned() -> str:
    """The version of work that is the same everywhere."""
    return ""


def fan_out(
    function: Callable[[Item], Document],
    items: Sequence[Item],
    *,
    processes: int = 1,
    dask: str | None = None,
    version: Version = unversioned,
) -> Iterator[Document]:
    """Yield the document of each item, as they come.

    Args:
        function: A function of a module, so that other processes find it.
        items: What to do; they can be pickled.
        processes: Processes of this machine; 1 computes here.
        dask: Address of a dask scheduler, in place of processes; not asked where there is nothing to do.
        version: A function of a module that tells what computes: it has to tell a cluster's workers the same.

    Raises:
        CheckError: Processes were killed again and again.
        InputError: There is no scheduler, it lacks myofin or workers, or it went away; a worker has another
            version.
        ToolMissingError: dask.distributed is not installed.
    """
    if dask is not None and items:
        yield from _over_dask(function, items, dask, version)
    elif processes > 1 and len(items) > 1:
        yield from _over_processes(function, items, processes)
    else:
        yield from map(function, items)


def _over_processes(
    function: Callable[[Item], Document], items: Sequence[Item], processes: int
) -> Iterator[Document]:
    """Processes that share nothing; where one is killed, those that are left to do are done by new ones."""
    left = {item.key: item for item in items}
    for _ in range(_RETRIES + 1):
        pool = ProcessPoolExecutor(
            processes, mp_context=get_context("spawn"), initializer=_begin, initargs=(os.getpid(),)
        )
        others = set(multiprocessing.active_children())
        try:
            waiting: set[Future[Document]] = {pool.submit(_guarded, function, item) for item in left.values()}
            while waiting:
                finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in finished:
                    document = future.result()
                    left.pop(document["key"], None)
                    yield document
            return
        except BrokenProcessPool:
            continue
        finally:
            _stop(pool, [child for child in multiprocessing.active_children() if child not in others])
    raise CheckError(
        f"Processes were killed {_RETRIES + 1} times, with {len(left)} jobs left.",
        hint="Is there memory enough? Run it again with fewer processes; what is done is kept.",
    )


def _stop(pool: ProcessPoolExecutor, children: Sequence[Any]) -> None:
    """End a pool now: what runs is interrupted and cleans up, what waits is not begun."""
    pool.shutdown(wait=False, cancel_futures=True)
    for child in children:
        child.terminate()
    for child in children:
        child.join(_STOP_TIMEOUT_S)
        if child.is_alive():
            child.kill()
            child.join()
        while child.exitcode is None:  # the pool's thread was told of the end first, and notes it in a moment
            time.sleep(_MOMENT_S)


_busy = _ended = False


def _begin(parent: int) -> None:
    """In a new process: Ctrl-C is for the one that collects, and a polite kill interrupts what runs."""
    bind_to_parent(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)


def _end(number: int, frame: FrameType | None) -> None:
    global _ended  # noqa: PLW0603 -- a signal handler has nowhere else to put it
    _ended = True
    if not _busy:
        os._exit(1)
    raise KeyboardInterrupt


def _guarded(function: Callable[[Item], Document], item: Item) -> Document:
    global _busy  # noqa: PLW0603 -- for the signal handler
    if _ended:
        raise KeyboardInterrupt
    _busy = True
    try:
        return function(item)
    finally:
        _busy = False


def _over_dask(
    function: Callable[[Item], Document], items: Sequence[Item], address: str, version: Version
) -> Iterator[Document]:
    try:
        import distributed  # noqa: F401 -- only whether it is there
    except ImportError as error:
        raise ToolMissingError(
            "Work on a cluster needs dask.distributed, which is not installed.",
            hint='Install it with `pip install "myofin[cluster]"`.',
        ) from error
    # A scheduler that goes away is told in a sentence below, not in tracebacks.
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    with _client(address) as client, _explained(client, address):
        ours = version()
        futures = [
            client.submit(_alike, function, item, version, ours, key=f"myofin-{item.key}", pure=False)
            for item in items
        ]
        yield from _as_done(client, futures, address)


def _as_done(client: Any, futures: Sequence[Any], address: str) -> Iterator[Document]:
    """Documents as they come, for as long as there is a worker now and then.

    Raises:
        InputError: For a while nothing was done and there was no worker to do it.
    """
    from distributed import TimeoutError as OutOfTime  # not the built-in one in Python 3.10
    from distributed import wait as wait_for

    waiting = set(futures)
    while waiting:
        try:
            finished, _ = wait_for(waiting, timeout=_WITHOUT_WORKERS_S, return_when=FIRST_COMPLETED)
        except OutOfTime as error:
            if client.nthreads():
                continue
            raise InputError(
                f"The dask scheduler at {address} has no workers.",
                hint=f"Start one with `dask worker {address}`; what is done is kept.",
            ) from error
        waiting -= finished
        # What failed is told last: what is done is kept.
        for future in sorted(finished, key=lambda future: future.status != "finished"):
            yield future.result()


def _alike(function: Callable[[Item], Document], item: Item, version: Version, wanted: str) -> Document:
    """On a worker: what it keeps under the item's key has to be what the one that asks would compute."""
    if version() != wanted:
        raise OtherVersionError(socket.gethostname())
    return function(item)


def _client(address: str) -> Any:
    """Connect to the scheduler at an address.

    Raises:
        InputError: It is no address, nothing is there, or what is there does not answer as a scheduler does.
    """
    from distributed import Client
    from distributed.comm import get_address_host_port

    answer: SimpleQueue[Any] = SimpleQueue()

    def connect() -> None:
        try:
            get_address_host_port(address)  # refused by Client too, which leaves half a client behind
            answer.put(Client(address, timeout=_ANSWER_S))
        except Exception as error:  # each scheme, and whatever else listens there, leads to errors of its own
            answer.put(error)

    # Apart, because dask waits for ever for one that takes the connection and then says nothing.
    threading.Thread(target=connect, daemon=True).start()
    try:
        found = answer.get(timeout=2 * _ANSWER_S)
    except Empty:
        found = TimeoutError()
    if isinstance(found, Exception):
        raise InputError(
            f"No dask scheduler answers at {address}.",
            hint="Start one with `dask scheduler`, mend --dask (tcp://HOST:PORT), or leave it out.",
        ) from found
    return found


@contextmanager
def _explained(client: Any, address: str) -> Iterator[None]:
    """Turn what becomes of a cluster into sentences.

    Raises:
        CheckError: Workers kept dying.
        InputError: The scheduler went away, or lacks myofin; a worker has another version.
    """
    from distributed import KilledWorker
    from distributed.comm import CommClosedError

    try:
        yield
    except KilledWorker as error:
        raise CheckError(
            f"Workers of the cluster died again and again at one job ({error.args[0]}).",
            hint="Is there memory enough? Run it again; what is done is kept.",
        ) from error
    except OtherVersionError as error:
        raise InputError(
            f"A worker of the cluster, on {error}, has another version of myofin or its tools.",
            hint="Install the same version, tools too, on all of them; what is done is kept.",
        ) from error
    except RuntimeError as error:
        if not isinstance(error.__cause__, ImportError):
            raise
        raise InputError(
            f"The dask scheduler at {address} cannot load the work ({error.__cause__}).",
            hint="Start scheduler and workers where the same version of myofin is installed.",
        ) from error
    except (CancelledError, OSError) as error:
        its_own = isinstance(error, OSError) and not isinstance(error, CommClosedError)
        if its_own and client.status == "running":  # of the work: a full disk, say
            raise
        raise InputError(
            f"The dask scheduler at {address} went away.",
            hint="Start it and run this again; what is done is kept.",
        ) from error
