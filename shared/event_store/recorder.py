"""The log as the library sees it: a recorder of stored events, and a subscription to them."""

import threading
import time
from collections.abc import Sequence
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

from shared import metrics
from shared.append_command import AppendedEvent, Command
from shared.book import Book
from shared.database import DatabaseUnavailable, connect
from shared.event_store.connections import Connections
from shared.event_store.mapper import topic_of, type_of
from shared.group_commit import GroupCommit
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


APPENDING = 0.7
"""Share of the time in which an append is made; the rest is there to settle one that is in doubt."""


class LogRecorder(ApplicationRecorder):
    """The library's view of the log: stored events in, stored events and notifications out.

    `seconds` bound an append with its settlement, and a read.
    """

    def __init__(self, url: str, book: Book, *, connections: int = 16, seconds: float = 2.0) -> None:
        self.url = url
        self.book = book
        self.reading = Connections(url, book, connections, seconds)
        self.group_commit = GroupCommit(url, book, seconds=seconds * APPENDING, settling=seconds * (1 - APPENDING))
        for state in ("busy", "idle"):
            metrics.sample(CONNECTIONS, partial(self.reading.count, state), "log", state)

    def close(self) -> None:
        """Give up all connections."""
        self.group_commit.close()
        self.reading.close()

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
        rows = self.reading.rows(query, arguments, prepare=None)
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
        rows = self.reading.rows(self.book.sql(SELECT_LOG), arguments, prepare=None)
        return [
            Notification(stream, version, topic_of(type_, schema_version), state.encode(), position)
            for stream, version, type_, schema_version, state, position in rows
        ]

    def max_notification_id(self) -> int | None:
        """The head of the log; None when it is empty."""
        rows = self.reading.rows(self.book.sql("SELECT max(position) FROM {events}.seal"))
        return rows[0][0] if rows else None

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
