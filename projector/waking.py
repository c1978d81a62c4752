"""Waiting for three things at once: the log has grown | stop | the interval has passed."""

import logging
import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Self

import psycopg

from shared.book import Book
from shared.database import Connection, DatabaseUnavailable, connect

log = logging.getLogger(__name__)


class Stop:
    """A request to end, set by SIGTERM or SIGINT (`on_signals`) or by another thread; `fileno` is readable then."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        self.requested = False

    @contextmanager
    def on_signals(self) -> Iterator[Self]:
        """Let SIGTERM and SIGINT set it meanwhile (main thread only)."""
        before = {number: signal.signal(number, self._receive) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield self
        finally:
            for number, action in before.items():
                signal.signal(number, action)

    def _receive(self, _number: int, _frame: FrameType | None) -> None:
        self.set()

    def set(self) -> None:
        """Ask for the end, once and for all."""
        self.requested = True
        os.write(self._writer, b"\0")

    def fileno(self) -> int:
        """For `select`."""
        return self._reader

    def wait(self, seconds: float) -> None:
        """Wait until it is set, at most so long."""
        select.select([self], [], [], seconds)


class Waking:
    """A connection of its own that listens for appends. A hint only: `wait` returns when the interval passes, too.

    A lost connection is taken up again at the next `wait`, which then returns at once: what was appended
    meanwhile gave no hint.
    """

    def __init__(self, events_url: str, book: Book) -> None:
        self._url = events_url
        self._book = book
        self._connection: Connection | None = None
        self._mute = False

    def __enter__(self) -> Self:
        self._listen()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def wait(self, stop: Stop, seconds: float) -> None:
        """Return when something was appended, on `stop`, or after `seconds`."""
        if self._connection is None:
            if not self._mute and self._listen():
                return
            stop.wait(seconds)
            return
        listening = self._connection.fileno()
        ready, _, _ = select.select([listening, stop.fileno()], [], [], seconds)
        if listening in ready:
            try:
                for _notify in self._connection.notifies(timeout=0):
                    pass
            except psycopg.Error as error:
                log.warning("lost the connection that listens for appends: %s", error)
                self._close()

    def _listen(self) -> bool:
        try:
            self._connection = connect(self._url, self._book.names["projector_role"], "daybook projector waking")
            self._connection.execute(f"LISTEN {self._book.names['appended']}")
        except DatabaseUnavailable:
            self._close()
        except psycopg.Error as error:  # a standby refuses LISTEN
            log.info("cannot listen for appends, so the log is only polled: %s", error)
            self._mute = True
            self._close()
        return self._connection is not None

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
