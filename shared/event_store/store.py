"""What a command needs of the log: what is known, what is fresh, appending, numbers."""

import threading
from collections.abc import Iterator, Sequence
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

import msgspec
import uuid_utils
from eventsourcing.application import LRUCache
from eventsourcing.persistence import (
    StoredEvent,
)

from shared import deadline, tracing
from shared.append_command import Command, Outcome, StoredAnswer
from shared.book import Book
from shared.event_store.mapper import EventMapper, StreamEvent, topic_of
from shared.event_store.recorder import LogRecorder, appended
from shared.group_commit import NotApplied

State = TypeVar("State")

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

# Whoever is in an append, or waits in one for the gate, holds this lock until all that it did is there, or nothing.
SELECT_APPENDING = """
SELECT virtualtransaction
FROM pg_locks
WHERE database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND relation = '{events}.gate'::regclass
    AND mode = 'RowShareLock'
"""

NUMBER_BLOCK = 100
"""As many numbers as the sequence `order_number` advances by."""


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


PATIENCE = 10.0
"""Seconds that a command of the command line has for each order: nobody waits for an answer to one of them."""


_decode_answer = msgspec.json.Decoder(StoredAnswer).decode


class EventStore(Generic[State]):
    """What a command needs of the log. One per process; safe for threads.

    `cache` holds folded streams; only an accepted append may rest on it, because the append checks the version.
    Nothing takes longer than `seconds`, or than what the thread has left (`shared.deadline`).
    """

    def __init__(
        self, url: str, book: Book, *, connections: int = 16, cached: int = 2000, seconds: float = 2.0
    ) -> None:
        self.recorder = LogRecorder(url, book, connections=connections, seconds=seconds)
        self._rows = self.recorder.reading.rows
        self._seconds = seconds
        self.mapper = EventMapper()
        self.cache: LRUCache[UUID, Known[State]] = LRUCache(maxsize=cached)
        self._select_fresh = book.sql(SELECT_FRESH)
        self._select_holder = book.sql("SELECT stream_id FROM {events}.claim WHERE key = %s")
        self._select_appending = book.sql(SELECT_APPENDING)
        self._draw = book.sql("SELECT nextval('{events}.order_number')")
        self._numbers: Iterator[int] = iter(())
        self._numbering = threading.Lock()
        ((log_id,),) = self._rows(book.sql("SELECT id FROM {events}.log"))  # made by the first migration
        self.log_id: str = log_id

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
        stored = [appended(self.mapper.to_stored_event(event)) for event in events]
        with tracing.span("append", events=len(stored)):
            return self.recorder.group_commit.append(Command(id=command_id, events=stored, **rest))

    def outwait_appends(self) -> None:
        """Return when all appends that have reached the log are through. Raises as `append` does.

        To queue up behind them is not enough: who comes just when the gate is let go of gets ahead of who waits for it.
        """
        before = self._rows(self._select_appending)
        while True:
            self.append(UUID(bytes=uuid_utils.uuid7().bytes), [])
            if not set(before).intersection(self._rows(self._select_appending)):
                return

    def fresh(self, stream_id: UUID, after_version: int, principal: str, key: str | None) -> Fresh:
        """What the log says now, in one statement. Raises `NotApplied` when it cannot be read."""
        arguments = {"stream": stream_id, "version": after_version, "principal": principal, "key": key}
        rows = self._rows(self._select_fresh, arguments)
        answer = None
        if rows and rows[0][0] == 0:
            answer = _decode_answer(rows.pop(0)[3])
        events = [
            self.mapper.to_domain_event(StoredEvent(stream_id, version, topic_of(type_, schema), state.encode()))
            for version, type_, schema, state, _ in rows
        ]
        return Fresh(answer, events, rows[-1][4] if rows else None)

    def holder(self, claim: str) -> UUID | None:
        """The stream that holds a claim. Raises `NotApplied` when the log cannot be read."""
        rows = self._rows(self._select_holder, [claim])
        return rows[0][0] if rows else None

    def next_number(self) -> str:
        """A new order number, `SO-` and at least 8 digits: drawn in blocks, so gaps are normal and the order of
        numbers across processes is not the order of placing. Raises `NotApplied`.
        """  # noqa: D205
        if not self._numbering.acquire(timeout=max(0.0, deadline.left(self._seconds))):
            raise NotApplied("no order number could be drawn; nothing was written")
        try:
            number = next(self._numbers, None)
            if number is None:
                ((number,),) = self._rows(self._draw)
                self._numbers = iter(range(number + 1, number + NUMBER_BLOCK))
        finally:
            self._numbering.release()
        return f"SO-{number:08d}"
