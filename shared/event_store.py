"""The write side's log: a persistence module of the `eventsourcing` library, and the store that commands use.

The only module that imports the library; its words (originator, topic, notification) stay in here. Appending is
`shared/group_commit.py`; reading for everybody else is `shared/event_log.py`.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

import msgspec
import psycopg
import uuid_utils
from eventsourcing.application import LRUCache
from eventsourcing.persistence import (
    ApplicationRecorder,
    IntegrityError,
    ListenNotifySubscription,
    Mapper,
    Notification,
    OperationalError,
    StoredEvent,
)
from msgspec import Struct
from psycopg_pool import ConnectionPool, PoolTimeout

from shared.append_command import AppendedEvent, Command, Outcome, StoredAnswer
from shared.book import Book
from shared.database import Connection, DatabaseUnavailable, connect, conninfo
from shared.events import Event
from shared.group_commit import GroupCommit, NotApplied
from shared.recorded_event import Envelope, decode_data

State = TypeVar("State")

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

# One statement, so one snapshot: the answer stored under a key, and what the stream has got since a version.
SELECT_FRESH = """
SELECT version, type, schema_version, state, position
FROM {events}.event
WHERE stream_id = %(stream)s AND version > %(version)s
UNION ALL
SELECT 0, NULL, NULL, to_jsonb(a)::text, NULL
FROM {events}.answer a
WHERE a.principal = %(principal)s AND a.key = %(key)s
ORDER BY 1
"""

MAX_BIGINT = 2**63 - 1
NUMBER_BLOCK = 100
"""As many numbers as the sequence `order_number` advances by."""


class StreamEvent(Struct, frozen=True, kw_only=True):
    """An event of one stream with its envelope; the mapper's idea of a domain event."""

    originator_id: UUID
    originator_version: int
    type: str
    envelope: Envelope
    event: Event | None

    @property
    def schema_version(self) -> int:
        """The version written by this code."""
        return self.event.schema_version if self.event else 1


class EventMapper(Mapper[UUID]):
    """Maps stream events to and from stored ones with msgspec, upcasters included (`shared/events.py`)."""

    def __init__(self) -> None:
        self._encode = msgspec.json.Encoder().encode
        self._decode_envelope = msgspec.json.Decoder(Envelope).decode

    def to_stored_event(self, domain_event: Any) -> StoredEvent:  # noqa: ANN401 -- the library's protocol is narrower
        """The stored form; `topic` is the type, with its schema version behind a slash from 2 on."""
        return StoredEvent(
            originator_id=domain_event.originator_id,
            originator_version=domain_event.originator_version,
            topic=_topic(domain_event.type, domain_event.schema_version),
            state=self._encode(domain_event.envelope),
        )

    def to_domain_event(self, stored_event: StoredEvent) -> Any:  # noqa: ANN401 -- as above
        """The event, brought up to the present schema version; `.event` is None for an unknown type."""
        type_, schema_version = _type(stored_event.topic)
        envelope = self._decode_envelope(stored_event.state)
        assert isinstance(stored_event.originator_id, UUID)  # noqa: S101 -- the recorder selects a uuid column
        return StreamEvent(
            originator_id=stored_event.originator_id,
            originator_version=stored_event.originator_version,
            type=type_,
            envelope=envelope,
            event=decode_data(type_, schema_version, envelope.data),
        )


def _topic(type_: str, schema_version: int) -> str:
    return type_ if schema_version == 1 else f"{type_}/{schema_version}"


def _type(topic: str) -> tuple[str, int]:
    type_, _, schema_version = topic.partition("/")
    return type_, int(schema_version or 1)


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

    def close(self) -> None:
        """Give up all connections."""
        self.group_commit.close()
        self._pool.close()

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
        events = [_appended(stored) for stored in stored_events]
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
            StoredEvent(stream, version, _topic(type_, schema_version), state.encode())
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
        types = [_type(topic)[0] for topic in topics] or None
        arguments = [after, MAX_BIGINT if stop is None else stop, types, types, limit]
        with self.reading() as connection:
            rows = connection.execute(self.book.sql(SELECT_LOG), arguments).fetchall()
        return [
            Notification(stream, version, _topic(type_, schema_version), state.encode(), position)
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


def _appended(stored: StoredEvent) -> AppendedEvent:
    type_, schema_version = _type(stored.topic)
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


class Known(NamedTuple, Generic[State]):
    """A folded stream: its state as of `version`, whose last event stands at `position` (0: no event yet)."""

    state: State
    version: int
    position: int


class Fresh(NamedTuple):
    """One snapshot: the answer stored under the key asked for, the events since, the position of the last one."""

    answer: StoredAnswer | None
    events: list[StreamEvent]
    position: int | None


class EventStore(Generic[State]):
    """What a command needs of the log. One per process; safe for threads.

    `cache` holds folded streams; only an accepted append may rest on it, because the append checks the version.
    """

    def __init__(self, url: str, book: Book, *, connections: int = 16, cached: int = 2000) -> None:
        self.recorder = LogRecorder(url, book, connections=connections)
        self.mapper = EventMapper()
        self.cache: LRUCache[UUID, Known[State]] = LRUCache(maxsize=cached)
        self._select_fresh = book.sql(SELECT_FRESH)
        self._select_holder = book.sql("SELECT stream_id FROM {events}.claim WHERE key = %s")
        self._draw = book.sql("SELECT nextval('{events}.order_number')")
        self._decode_answer = msgspec.json.Decoder(StoredAnswer).decode
        self._numbers: Iterator[int] = iter(())
        self._numbering = threading.Lock()
        with self.recorder.reading() as connection:
            row = connection.execute(book.sql("SELECT id FROM {events}.log")).fetchone()
        assert row is not None  # noqa: S101 -- made by the first migration
        self.log_id: str = row[0]

    def close(self) -> None:
        """Give up all connections."""
        self.recorder.close()

    def known(self, stream_id: UUID) -> Known[State] | None:
        """The stream as this process last saw it."""
        try:
            return self.cache.get(stream_id)
        except KeyError:
            return None

    def append(self, command_id: UUID, events: Sequence[StreamEvent], **rest: Any) -> Outcome:  # noqa: ANN401
        """Append `events` as one command; `rest` are the further fields of `Command`. See `GroupCommit.append`."""
        stored = [_appended(self.mapper.to_stored_event(event)) for event in events]
        return self.recorder.group_commit.append(Command(id=command_id, events=stored, **rest))

    def fresh(self, stream_id: UUID, after_version: int, principal: str, key: str | None) -> Fresh:
        """What the log says now, in one statement. Raises `NotApplied` when it cannot be read."""
        arguments = {"stream": stream_id, "version": after_version, "principal": principal, "key": key}
        with self.recorder.reading() as connection:
            rows = connection.execute(self._select_fresh, arguments, prepare=True).fetchall()
        answer = None
        if rows and rows[0][0] == 0:
            answer = self._decode_answer(rows.pop(0)[3])
        events = [
            self.mapper.to_domain_event(StoredEvent(stream_id, version, _topic(type_, schema), state.encode()))
            for version, type_, schema, state, _ in rows
        ]
        return Fresh(answer, events, rows[-1][4] if rows else None)

    def holder(self, claim: str) -> UUID | None:
        """The stream that holds a claim. Raises `NotApplied` when the log cannot be read."""
        with self.recorder.reading() as connection:
            row = connection.execute(self._select_holder, [claim], prepare=True).fetchone()
        return row[0] if row else None

    def next_number(self) -> str:
        """A new order number, `SO-` and at least 8 digits: drawn in blocks, so gaps are normal and the order of
        numbers across processes is not the order of placing.
        """  # noqa: D205
        with self._numbering:
            number = next(self._numbers, None)
            if number is None:
                with self.recorder.reading() as connection:
                    row = connection.execute(self._draw, prepare=True).fetchone()
                assert row is not None  # noqa: S101 -- nextval answers one row
                self._numbers = iter(range(row[0] + 1, row[0] + NUMBER_BLOCK))
                number = row[0]
            return f"SO-{number:08d}"
