"""One thread per process that follows the projector, for all requests that wait for it.

The projector's notification is a hint, polling the guarantee: a notification can be lost with the connection that was
to bring it.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Event, Thread
from time import monotonic

import psycopg

from query_api.sessions import Sessions
from shared import cutting, logs
from shared.database import Connection, DatabaseUnavailable, connect_within

POLL_SECONDS = 0.1
"""While somebody waits, the checkpoint is looked at this often without any notification."""

POLL_SECONDS_OF_STANDBY = 0.02
"""The same on a standby server, which never notifies."""

IDLE_SECONDS = 0.25
"""While nobody waits, notifications are only taken off the wire; also how soon `close` is noticed."""

RECONNECT_SECONDS = 0.2

SECONDS = 2.0
"""After so long without an answer the connection is taken for lost."""

CHECKPOINT = "SELECT position FROM {reads}.checkpoint"

_log = logging.getLogger(__name__)


class Listener:
    """Knows how far the read tables are while somebody waits for them. The thread starts with the first who does."""

    def __init__(self, reads: Sessions) -> None:
        self._reads = reads
        self._advanced = Condition()
        self._position = -1
        self._waiting = 0
        self._closed = Event()
        self._thread: Thread | None = None

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Be counted as waiting. Read once more inside before the first `wait`: what was posted before went unseen."""
        with self._advanced:
            if self._thread is None:
                self._thread = Thread(target=self._follow, name="listener", daemon=True)
                self._thread.start()
            self._waiting += 1
        try:
            yield
        finally:
            with self._advanced:
                self._waiting -= 1

    def wait(self, position: int, deadline: float) -> bool:
        """Wait until the read tables are at `position`; false when `deadline` (monotonic) came first."""
        with self._advanced:
            return self._advanced.wait_for(lambda: self._position >= position, deadline - monotonic())

    def close(self) -> None:
        """Stop following; returns when the thread has ended."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()

    def _follow(self) -> None:
        while not self._closed.is_set():
            try:
                url, role = self._reads.url, self._reads.book.names["query_role"]
                with connect_within(SECONDS, url, role, "daybook query-api listener") as connection:
                    listens = self._listens(connection)
                    self._follow_over(connection, POLL_SECONDS if listens else POLL_SECONDS_OF_STANDBY)
            except (psycopg.Error, DatabaseUnavailable) as error:
                _log.warning("cannot follow the projector, trying again: %s", logs.describe(error))
                self._closed.wait(RECONNECT_SECONDS)

    def _listens(self, connection: Connection) -> bool:
        try:
            with cutting.within(connection.pgconn, SECONDS):
                connection.execute(f"LISTEN {self._reads.book.names['posted']}")
        except psycopg.errors.ReadOnlySqlTransaction:  # a standby
            return False
        return True

    def _follow_over(self, connection: Connection, poll_seconds: float) -> None:
        checkpoint = self._reads.book.sql(CHECKPOINT)
        while not self._closed.is_set():
            if self._waiting:
                with cutting.within(connection.pgconn, SECONDS):
                    row = connection.execute(checkpoint, prepare=True).fetchone()
                with self._advanced:
                    self._position = row[0] if row else -1
                    self._advanced.notify_all()
            for _ in connection.notifies(timeout=poll_seconds if self._waiting else IDLE_SECONDS, stop_after=1):
                pass
