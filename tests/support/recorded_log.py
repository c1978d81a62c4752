"""What PostgreSQL holds after a run, in one snapshot: log, claims, stored answers."""

import json
from dataclasses import dataclass
from datetime import datetime

from shared.book import Book
from shared.database import Connection, connect
from shared.environment import Databases
from tests.support.history import Answer

EVENTS = """
SELECT
    e.position,
    e.stream_id::text,
    e.version,
    e.type,
    e.state::jsonb ->> 'idempotency_key',
    e.state::jsonb ->> 'command_id',
    e.state::jsonb -> 'data' ->> 'number',
    e.recorded_at
FROM {events}.event e
ORDER BY e.position
"""
ANSWERS = "SELECT a.key, a.status, a.body, a.etag, a.location, a.position, a.command_id::text FROM {events}.answer a"
CLAIMS = "SELECT c.key, c.stream_id::text FROM {events}.claim c"
SEALS = "SELECT s.position FROM {events}.seal s ORDER BY s.position"


@dataclass(frozen=True)
class Row:
    """An event as the log has it; `number` is that of an order that was placed with it."""

    position: int
    stream_id: str
    version: int
    type: str
    key: str | None
    command_id: str
    number: str | None
    recorded_at: datetime

    @property
    def shown(self) -> tuple[str, int, str]:
        """As an acknowledgement lists it."""
        return self.stream_id, self.version, self.type


@dataclass(frozen=True)
class Stored:
    """A stored answer; `position` is that of its token."""

    answer: Answer
    position: int
    command_id: str


@dataclass
class RecordedLog:
    """One snapshot."""

    log_id: str
    events: list[Row]
    answers: dict[str, Stored]
    claims: dict[str, str]
    seals: list[int]


def recorded_log(databases: Databases) -> RecordedLog:
    """Read everything in one snapshot."""
    book = databases.book
    with connect(databases.events_url, book.names["admin_role"]) as admin, admin.transaction():
        admin.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return read_log(admin, book)


def read_log(admin: Connection, book: Book) -> RecordedLog:
    """Read everything over a connection."""
    log_id = admin.execute(book.sql("SELECT id FROM {events}.log")).fetchone()[0]
    answers = {}
    for key, status, body, etag, location, position, command_id in admin.execute(book.sql(ANSWERS)):
        token = f"{log_id}.{position}" if position else None
        answers[key] = Stored(Answer(status, body.encode(), etag, token, location), position, command_id)
    return RecordedLog(
        log_id,
        [Row(*row) for row in admin.execute(book.sql(EVENTS))],
        answers,
        dict(admin.execute(book.sql(CLAIMS)).fetchall()),
        [position for (position,) in admin.execute(book.sql(SEALS))],
    )


def shown(answer: Answer) -> list[tuple[str, int, str]]:
    """The events that an acknowledgement lists, as `Row.shown`."""
    told = json.loads(answer.body)
    return [(told["order_id"], event["version"], event["type"]) for event in told["events"]]
