"""Connections that read the log: at most so many, opened when they are needed, the one used last first."""

from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from threading import BoundedSemaphore
from typing import Any

import psycopg
from psycopg.errors import ReadOnlySqlTransaction

from shared import cutting, deadline
from shared.book import Book
from shared.database import Connection, DatabaseUnavailable, connect_within
from shared.group_commit import NotApplied

Arguments = Sequence[Any] | Mapping[str, Any] | None
Rows = list[tuple[Any, ...]]


class Connections:
    """Runs statements that change nothing. Safe for threads.

    `seconds` bound a statement with all that it takes to get there (a free connection, a new one), within what the
    thread has left (`shared.deadline`).
    """

    def __init__(self, url: str, book: Book, most: int, seconds: float) -> None:
        self._url = url
        self._book = book
        self._most = most
        self._seconds = seconds
        self._free = BoundedSemaphore(most)
        self._idle: deque[Connection] = deque()
        self._busy: deque[None] = deque()  # a counter that threads may share

    def rows(self, query: str, arguments: Arguments = None, *, prepare: bool | None = True) -> Rows:
        """The rows of a statement. Raises `NotApplied`: a command that could not read wrote nothing."""
        if not self._free.acquire(timeout=max(0.0, deadline.left(self._seconds))):
            raise NotApplied(f"all {self._most} connections that read the log are busy; nothing was written")
        self._busy.append(None)
        try:
            return self._rows(query, arguments, prepare=prepare)
        except (psycopg.OperationalError, ReadOnlySqlTransaction, DatabaseUnavailable) as error:
            raise NotApplied(f"the log cannot be read: {error}; nothing was written") from error
        finally:
            self._busy.pop()
            self._free.release()

    def count(self, state: str) -> int:
        """How many are `busy`, or `idle`."""
        return len(self._idle if state == "idle" else self._busy)

    def close(self) -> None:
        """Close what is idle."""
        with suppress(IndexError):
            while True:
                self._idle.pop().close()

    def _rows(self, query: str, arguments: Arguments, *, prepare: bool | None) -> Rows:
        connection = self._take()
        try:
            return self._run(connection, query, arguments, prepare=prepare)
        except psycopg.OperationalError:
            if not connection.closed:
                raise
            self.close()  # they likely died with it
            connection = self._take()
            return self._run(connection, query, arguments, prepare=prepare)
        except ReadOnlySqlTransaction:  # no primary any more: another may be
            connection.close()
            raise
        finally:
            if not connection.closed:
                self._idle.append(connection)

    def _run(self, connection: Connection, query: str, arguments: Arguments, *, prepare: bool | None) -> Rows:
        with cutting.within(connection.pgconn, deadline.left(self._seconds)):
            return connection.execute(query, arguments, prepare=prepare).fetchall()

    def _take(self) -> Connection:
        seconds = deadline.left(self._seconds)
        if seconds <= 0:
            raise DatabaseUnavailable("its time is over")
        try:
            return self._idle.pop()
        except IndexError:
            return connect_within(
                seconds,
                self._url,
                self._book.names["command_role"],
                "daybook command-api",
                statement_timeout=f"{int(self._seconds * 1000)}ms",
            )
