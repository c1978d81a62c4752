"""The log as the library sees it: a recorder of stored events, and a subscription to them."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any
from uuid import UUID

import psycopg
import uuid_utils
from eventsourcing.persistence import (
    ApplicationRecorder,
    IntegrityError,
    ListenNotifySubscription,
    Notification,
    OperationalError,
    StoredEvent,
)
from psycopg_pool import ConnectionPool, PoolTimeout

from shared import metrics
from shared.append_command import AppendedEvent, Command
from shared.book import Book
from shared.database import Connection, DatabaseUnavailable, connect, conninfo
from shared.event_store.mapper import topic_of, type_of
from shared.group_commit import GroupCommit, NotApplied
from shared.metric_list import CONNECTIONS

SELECT_STREAM = """
SELECT stream_id, version, type, schema_version, state
FROM {{events}}.event
WHERE stream_id = %s AND version > %s AND version <= %s
ORDER BY version {direction}
LIMIT %s
"""

SELECT_LOG = """
SELECT stream_id, version, type, schema_version, state, position
FROM {events}.event
WHERE position > %s AND position <= %s AND (%s::text[] IS NULL OR type = ANY(%s::text[]))
ORDER BY position
LIMIT %s
"""

MAX_BIGINT = 2**63 - 1


class LogRecorder(ApplicationRecorder):
    """The library's view of the log: stored events in, stored events and notifications out."""

    def __init__(self, url: str, book: Book, *, connections: int = 16) -> None:
        self.url = url
        self.book = book
        self.group_commit = GroupCommit(url, book)
        self._pool = ConnectionPool(
            conninfo(url, book.names["command_role"], "daybook command-api", statement_timeout="2s"),
            min_size=1,
            max_size=connections,
            timeout=2,
            kwargs={"autocommit": True},
            open=True,
        )
        for state in ("busy", "idle"):
            metrics.sample(CONNECTIONS, partial(self._connections, state), "log", state)

    def close(self) -> None:
        """Give up all connections."""
        self.group_commit.close()
        self._pool.close()

    def _connections(self, state: str) -> int:
        known = self._pool.get_stats()
        idle = known.get("pool_available", 0)
        return idle if state == "idle" else known.get("pool_size", 0) - idle

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to read with. Raises `NotApplied`: a command that could not read wrote nothing."""
        try:
            with self._pool.connection() as connection:
                yield connection
        except (psycopg.OperationalError, PoolTimeout) as error:
            raise NotApplied(f"the log cannot be read: {error}; nothing was written") from error

    def insert_events(self, stored_events: Sequence[StoredEvent], **_kwargs: Any) -> Sequence[int] | None:  # noqa: ANN401
        """Append without expectation; returns their positions. Raises the library's `IntegrityError` on conflict."""
        if not stored_events:
            return []
        events = [appended(stored) for stored in stored_events]
        try:
            outcome = self.group_commit.append(Command(id=UUID(str(uuid_utils.uuid7())), events=events))
        except DatabaseUnavailable as error:
            raise OperationalError(str(error)) from error
        if outcome.outcome != "appended" or outcome.position is None:
            raise IntegrityError(f"not appended: {outcome}")
        return list(range(outcome.position - len(events) + 1, outcome.position + 1))

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """The stored events of one stream, by version."""
        query = self.book.sql(SELECT_STREAM.format(direction="DESC" if desc else "ASC"))
        arguments = [originator_id, -1 if gt is None else gt, 2**31 - 1 if lte is None else lte, limit]
        with self.reading() as connection:
            rows = connection.execute(query, arguments).fetchall()
        return [
            StoredEvent(stream, version, topic_of(type_, schema_version), state.encode())
            for stream, version, type_, schema_version, state in rows
        ]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """The stored events of the whole log, by position."""
        after = (start or 0) - (1 if inclusive_of_start else 0)
        types = [type_of(topic)[0] for topic in topics] or None
        arguments = [after, MAX_BIGINT if stop is None else stop, types, types, limit]
        with self.reading() as connection:
            rows = connection.execute(self.book.sql(SELECT_LOG), arguments).fetchall()
        return [
            Notification(stream, version, topic_of(type_, schema_version), state.encode(), position)
            for stream, version, type_, schema_version, state, position in rows
        ]

    def max_notification_id(self) -> int | None:
        """The head of the log; None when it is empty."""
        with self.reading() as connection:
            row = connection.execute(self.book.sql("SELECT max(position) FROM {events}.seal")).fetchone()
        return row[0] if row else None

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> "LogSubscription":
        """Notifications from `gt` on, for ever: woken by the log's channel, with polling behind it."""
        return LogSubscription(self, gt, topics)


def appended(stored: StoredEvent) -> AppendedEvent:
    """A stored event as the log's `append` takes it."""
    type_, schema_version = type_of(stored.topic)
    assert isinstance(stored.originator_id, UUID)  # noqa: S101 -- streams are UUIDs here
    return AppendedEvent(stored.originator_id, stored.originator_version, type_, schema_version, stored.state.decode())


class LogSubscription(ListenNotifySubscription[LogRecorder]):
    """A notification is a hint, the poll behind it the guarantee."""

    POLL = 1.0

    def __init__(self, recorder: LogRecorder, gt: int | None = None, topics: Sequence[str] = ()) -> None:
        super().__init__(recorder=recorder, gt=gt, topics=topics)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def stop(self) -> None:
        """End the iteration."""
        super().stop()

    def _listen(self) -> None:
        book = self._recorder.book
        while not self._has_been_stopped:
            try:
                with connect(self._recorder.url, book.names["command_role"]) as connection:
                    connection.execute(f"LISTEN {book.names['appended']}")
                    while not self._has_been_stopped:
                        self._has_been_notified.set()
                        list(connection.notifies(timeout=self.POLL, stop_after=1))
            except (DatabaseUnavailable, psycopg.OperationalError):
                self._has_been_notified.set()
                time.sleep(self.POLL)
