"""Events as they stand in the log, one JSON object a line: what `daybook export` and `daybook order events` print."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Raw, Struct

from shared.book import Book
from shared.database import Connection
from shared.event_log import AFTER, STREAM
from shared.events import Actor, Timestamp
from shared.recorded_event import Envelope

CHUNK = 2000

HEAD = "SELECT coalesce(max(position), 0) FROM {events}.seal"
IS_BEFORE = "SELECT recorded_at < %s FROM {events}.event WHERE position = %s"


class ExportedEvent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event with all it carries (`domain.md` §1.7). `data` is as it was written, in its `schema_version`."""

    id: UUID
    type: str
    schema_version: int
    order_id: UUID
    order_version: int
    position: int
    occurred_at: Timestamp
    recorded_at: Timestamp
    actor: Actor
    command_id: UUID
    idempotency_key: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    causation_id: UUID | None = None
    data: Raw


def of_stream(connection: Connection, book: Book, stream_id: UUID, version: int | None = None) -> list[bytes]:
    """The events of one stream, up to `version` if given."""
    return [_line(row) for row in connection.execute(book.sql(STREAM), [stream_id, 0]).fetchall()[:version]]


def of_log(connection: Connection, book: Book, start: datetime | None, end: datetime | None) -> Iterator[bytes]:
    """The events recorded from `start` on and before `end`, in order; without `end`, up to the head as it is now.

    Read in pieces and not in one transaction, so that a slow reader holds nothing up.
    """
    head = _number(connection, book.sql(HEAD))
    after = _positions_before(connection, book, start, head) if start else 0
    last = _positions_before(connection, book, end, head) if end else head
    while after < last:
        for row in connection.execute(book.sql(AFTER), [after, min(CHUNK, last - after)], prepare=True).fetchall():
            yield _line(row)
        after += CHUNK


def _positions_before(connection: Connection, book: Book, time: datetime, head: int) -> int:
    """How many events were recorded before `time`. The log is in the order of recording: halve and halve again."""
    low, high = 0, head
    while low < high:
        middle = (low + high + 1) // 2
        row = connection.execute(book.sql(IS_BEFORE), [time, middle], prepare=True).fetchone()
        if row and row[0]:
            low = middle
        else:
            high = middle - 1
    return low


def _number(connection: Connection, query: str) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


_envelope = msgspec.json.Decoder(Envelope).decode


def _line(row: tuple[Any, ...]) -> bytes:
    """A row of `event_log.SELECT_COLUMNS`; never fails at a type or version that this code does not know."""
    position, stream_id, version, type_, schema_version, state, recorded_at = row
    envelope = _envelope(state)
    return msgspec.json.encode(
        ExportedEvent(
            id=envelope.id,
            type=type_,
            schema_version=schema_version,
            order_id=stream_id,
            order_version=version,
            position=position,
            occurred_at=envelope.occurred_at,
            recorded_at=recorded_at,
            actor=envelope.actor,
            command_id=envelope.command_id,
            idempotency_key=envelope.idempotency_key,
            trace_id=envelope.trace_id,
            span_id=envelope.span_id,
            causation_id=envelope.causation_id,
            data=envelope.data,
        )
    )
