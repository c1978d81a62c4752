"""Connections that run prepared statements and give back bytes.

A statement goes through libpq's own prepared statements (`psycopg.pq`) rather than through a psycopg cursor: what
comes back is served as it is, so no value needs a Python type on its way. Under load that saves 50 µs of the 300 µs of
CPU that a read by id costs.
"""

import logging
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from typing import cast

import psycopg
from psycopg import errors, pq

from shared import cutting, deadline, metrics
from shared.book import Book
from shared.database import Connection, connect_within
from shared.metric_list import CONNECTIONS

Value = str | None
Row = tuple[bytes | None, ...]


class PlannedForItsValues(str):
    """A statement whose best plan depends on its values: never prepared, planned anew at every execution."""

    __slots__ = ()


SECONDS = 5.0
"""After so long a statement is given up, so that one slow query cannot hold a thread for good."""

_MOST_PREPARED = 200
_CHECKPOINT_COLUMNS = """checkpoint.position,
    checkpoint.log_id,
    checkpoint.revision"""

_log = logging.getLogger(__name__)


class Session:
    """One connection; each statement is prepared on it when it first comes up.

    To connect and to run a statement take `seconds` at most each, within what the thread has left
    (`shared.deadline`): then the server gives up, and if it does not say so, the connection is cut.
    """

    def __init__(self, url: str, book: Book, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self.connection: Connection = connect_within(
            max(0.0, deadline.left(seconds)),
            url,
            book.names["query_role"],
            "daybook query-api",
            statement_timeout=f"{int(seconds * 1000)}ms",
            timezone="UTC",
            jit="off",
            max_parallel_workers_per_gather="0",  # a page is soon found, or nobody should wait for it
        )
        self._book = book
        self._pgconn = self.connection.pgconn
        self._prepared: dict[str, bytes] = {}
        self._broken = False

    @property
    def lost(self) -> bool:
        """Whether the connection is of no use any more."""
        return self._broken or self._pgconn.status != pq.ConnStatus.OK

    def run(self, template: str, values: Sequence[bytes | None] = ()) -> pq.abc.PGresult:
        """Run a statement with `$1`, `$2` … for values. Raises `psycopg.Error`; look at `lost` then."""
        try:  # psycopg takes None for NULL, its annotation does not say so
            given = cast("Sequence[bytes]", values)
            with cutting.within(self._pgconn, deadline.left(self._seconds + cutting.LOOK_SECONDS)):
                if isinstance(template, PlannedForItsValues):
                    return self._checked(self._pgconn.exec_params(self._text(template), given))
                name = self._prepared.get(template) or self._prepare(template)
                return self._checked(self._pgconn.exec_prepared(name, given))
        except MemoryError as error:  # psycopg's word for "libpq gave no result": there was nobody to ask
            raise psycopg.OperationalError("the connection is lost") from error

    def close(self) -> None:
        """Give the connection up."""
        self.connection.close()

    def _prepare(self, template: str) -> bytes:
        if len(self._prepared) >= _MOST_PREPARED:
            self.connection.execute("DEALLOCATE ALL")
            self._prepared.clear()
        name = b"s%d" % len(self._prepared)
        self._checked(self._pgconn.prepare(name, self._text(template)))
        self._prepared[template] = name
        return name

    def _text(self, template: str) -> bytes:
        return self._book.sql(template, checkpoint=_CHECKPOINT_COLUMNS).encode()

    def _checked(self, result: pq.abc.PGresult) -> pq.abc.PGresult:
        if result.status in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK):
            return result
        error = errors.error_from_result(result)
        if error.diag.sqlstate is None:  # libpq's own words: it could not send, and may not have read to the end yet
            self._broken = True
        if self.lost:
            raise psycopg.OperationalError(str(error)) from error
        raise error


class Sessions:
    """As many sessions as there are statements at one time.

    Idle ones are taken last in, first out, so that few are in use and those are warm. None is opened before it is
    needed: an app can be made before its server forks. `seconds` are those of each session.
    """

    def __init__(self, url: str, book: Book, seconds: float = SECONDS) -> None:
        self.url = url
        self.book = book
        self.seconds = seconds
        self._idle: deque[Session] = deque()
        self._busy: deque[None] = deque()  # its length counts, without a lock

    def run(self, template: str, *values: Value) -> pq.abc.PGresult:
        """Run a statement. Raises `psycopg.Error` or `DatabaseUnavailable`.

        A session found dead is replaced once, together with all idle ones, which likely died with it; not one that
        was cut because its time was over.
        """
        until = monotonic() + deadline.left(self.seconds)
        encoded = [None if value is None else value.encode() for value in values]
        session = self._take()
        self._busy.append(None)
        try:
            return session.run(template, encoded)
        except psycopg.Error as error:
            stale_plan = isinstance(error, errors.FeatureNotSupported)
            if not (session.lost or stale_plan) or monotonic() >= until:
                raise
            session.close()
            self.close()
            _log.info("a connection to the database is lost, trying a new one")
            session = self._take()
            return session.run(template, encoded)
        finally:
            self._busy.pop()
            if session.lost:
                session.close()
            else:
                self._idle.append(session)

    def tell(self, database: str) -> None:
        """Let metrics say how many of them are busy and idle."""
        metrics.sample(CONNECTIONS, lambda: len(self._busy), database, "busy")
        metrics.sample(CONNECTIONS, lambda: len(self._idle), database, "idle")

    def close(self) -> None:
        """Close all idle sessions."""
        with suppress(IndexError):
            while True:
                self._idle.pop().close()

    def _take(self) -> Session:
        try:
            return self._idle.pop()
        except IndexError:
            return Session(self.url, self.book, self.seconds)
