"""A session that appends to the log, settles what is in doubt, and tells readers that the log has grown.

It asks libpq itself: that lets go of the interpreter once per statement, where a cursor does four times, and each time
whoever leads has to get it back from all who work meanwhile.
"""

from collections.abc import Sequence
from time import monotonic
from types import TracebackType
from typing import Self

import msgspec
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from shared import cutting
from shared.append_command import Command, Outcome
from shared.book import Book
from shared.database import Connection, DatabaseUnavailable, connect_within

WAITING_FOR_LOCKS = 0.8
"""Share of an append's time after which the server itself gives up waiting for a lock, and so leaves no doubt."""

APPEND = "SELECT o::text FROM {events}.append($1::jsonb) AS o"
SETTLE = "SELECT o::text FROM {events}.settle($1::jsonb) AS o"

_PREPARED = b"append"
_encode = msgspec.json.Encoder().encode
_outcome = msgspec.json.Decoder(Outcome).decode


class AppendSession:
    """Connects when it is first used, and again after it was dropped. For one thread at a time.

    `seconds` is what an append may take; at `until`, a time of `time.monotonic`, the connection is cut. All raise
    `DatabaseUnavailable` when nothing was sent, and `psycopg.Error` with what the server says, or no longer says.
    """

    def __init__(self, url: str, book: Book, seconds: float) -> None:
        self._url = url
        self._book = book
        self._seconds = seconds
        self._connection: Connection | None = None
        self._can_append = False

    def append(self, commands: Sequence[Command], until: float) -> list[Outcome]:
        """Append all in one call; an outcome for each."""
        connection = self._connected(until)
        if not self._can_append:
            self._prepare(connection, until)
        with cutting.within(connection.pgconn, until - monotonic()):
            result = connection.pgconn.exec_prepared(_PREPARED, [_encode(commands)])
        return _outcomes(result)

    def settle(self, commands: Sequence[Command], until: float) -> list[Outcome]:
        """Find each in the log, or write down that it never will be there."""
        connection = self._connected(until)
        with cutting.within(connection.pgconn, until - monotonic()):
            result = connection.pgconn.exec_params(self._book.sql(SETTLE).encode(), [_encode(commands)])
        return _outcomes(result)

    def tell(self, until: float) -> None:
        """Tell readers that the log has grown."""
        connection = self._connected(until)
        with cutting.within(connection.pgconn, until - monotonic()):
            result = connection.pgconn.exec_(f"NOTIFY {self._book.names['appended']}".encode())
        _checked(result)

    def drop(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.drop()

    def _connected(self, until: float) -> Connection:
        left = until - monotonic()
        if left <= 0:  # one by one, after a batch that was refused
            raise DatabaseUnavailable("there was no time left to append")
        if self._connection is None or self._connection.closed:
            self._can_append = False
            self._connection = connect_within(
                left,
                self._url,
                self._book.names["command_role"],
                "daybook append",
                client_connection_check_interval="250ms",
                lock_timeout=f"{int(max(self._seconds * WAITING_FOR_LOCKS, 0.1) * 1000)}ms",
            )
        return self._connection

    def _prepare(self, connection: Connection, until: float) -> None:
        with cutting.within(connection.pgconn, until - monotonic()):
            prepared = connection.pgconn.prepare(_PREPARED, self._book.sql(APPEND).encode())
        if prepared.status != ExecStatus.COMMAND_OK:
            self.drop()
            raise DatabaseUnavailable(f"the log takes no append ({prepared.get_error_message()})")
        self._can_append = True


def _outcomes(result: PGresult) -> list[Outcome]:
    _checked(result)
    return [_outcome(result.get_value(row, 0) or b"") for row in range(result.ntuples)]


def _checked(result: PGresult) -> None:
    if result.status not in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
        raise error_from_result(result)
