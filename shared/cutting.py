"""How a connection is cut that takes longer than it may.

A hung server answers no cancel and a dead network says nothing at all: only closing the socket under a statement frees
the thread that waits.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock, Thread
from time import monotonic

from psycopg import OperationalError
from psycopg.pq import ConnStatus
from psycopg.pq.abc import PGconn

LOOK_SECONDS = 0.05
"""So much later than its time a connection may be cut."""


@contextmanager
def within(connection: PGconn, seconds: float) -> Iterator[None]:
    """Have `connection` cut if what is done with it takes longer; then it ends as a lost connection does."""
    until = monotonic() + seconds
    with _cutter.lock:
        _cutter.due[connection] = until
    if _cutter.thread is None:
        _cutter.start()
    try:
        yield
    finally:
        with _cutter.lock:
            del _cutter.due[connection]


class _Cutter:
    """The thread of this process that cuts what is due."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.due: dict[PGconn, float] = {}
        self.thread: Thread | None = None

    def start(self) -> None:
        with self.lock:
            if self.thread is None:
                self.thread = Thread(target=self._run, name="cutter", daemon=True)
                self.thread.start()

    def _run(self) -> None:
        tick = Event()
        while not tick.wait(LOOK_SECONDS):
            self._cut_what_is_due(monotonic())

    def _cut_what_is_due(self, now: float) -> None:
        with self.lock:  # whoever uses a connection cannot give it up meanwhile
            for connection, until in self.due.items():
                if until < now and connection.status == ConnStatus.OK:
                    _cut(connection)


def _cut(connection: PGconn) -> None:
    try:
        number = connection.socket
        with socket.socket(fileno=os.dup(number)) as wire:
            if connection.socket == number:  # else libpq has just closed it, and the number may be somebody else's
                wire.shutdown(socket.SHUT_RDWR)
    except (OSError, OperationalError):
        pass  # it is cut already


_cutter = _Cutter()


def _after_fork() -> None:
    """A process begins without the thread of the one that it was forked from."""
    global _cutter  # noqa: PLW0603 -- one per process
    _cutter = _Cutter()


os.register_at_fork(after_in_child=_after_fork)
