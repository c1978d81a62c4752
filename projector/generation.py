"""Generations of read tables: made, granted, exchanged and dropped as whole schemas."""

from uuid import uuid4

import psycopg

from projector import checkpoint
from projector.checkpoint import Checkpoint, Generation
from projector.tables import TABLES, definition, indexes
from shared import event_log
from shared.book import Book
from shared.database import Connection
from shared.order_document import REVISION
from shared.retained import drop_schema


def live(book: Book) -> Generation:
    """The generation that is served."""
    return Generation(book, book.names["reads"])


FIRST_CHECKPOINT = """
INSERT INTO {reads}.checkpoint (generation, log_id, system_identifier, revision, timezone)
VALUES (%s, %s, %s, %s, %s)
"""


def create(
    connection: Connection, generation: Generation, log_id: str, timezone: str, system_identifier: int | None = None
) -> Checkpoint:
    """Make empty tables at position 0, without their secondary indexes and grants. Part of the caller's transaction.

    `log_id` and `system_identifier` say which log on which cluster they are posted from.
    """
    connection.execute(generation.sql("CREATE SCHEMA {reads}"))
    for table in ("checkpoint", "quarantine", *TABLES):
        connection.execute(generation.sql(definition(table)))
    connection.execute(generation.sql(FIRST_CHECKPOINT), [uuid4(), log_id, system_identifier, REVISION, timezone])
    made = checkpoint.read(connection, generation)
    assert made is not None  # noqa: S101
    return made


def create_indexes(connection: Connection, generation: Generation, table: str) -> None:
    """Build the secondary indexes of `table`, and let the planner know what is in it."""
    if statements := indexes(table):
        connection.execute(generation.sql(statements))
    connection.execute(generation.sql(f"ANALYZE {{reads}}.{table}"))


GRANT = """
GRANT USAGE ON SCHEMA {reads} TO {query_role};
GRANT SELECT ON ALL TABLES IN SCHEMA {reads} TO {query_role}
"""


def grant(connection: Connection, generation: Generation) -> None:
    """Let the query role read it."""
    connection.execute(generation.sql(GRANT))


def drop(connection: Connection, generation: Generation) -> None:
    """Remove it with all its tables, if it is there. Not part of a transaction. Raises `StillRead`."""
    drop_schema(connection, generation.schema)


def first(connection: Connection, events: Connection, book: Book, timezone: str) -> Checkpoint:
    """Make the live generation of a book that has none yet, for the log at `events`."""
    generation, log_id, system = live(book), event_log.head(events, book).log_id, event_log.system_identifier(events)
    with connection.transaction():
        made = create(connection, generation, log_id, timezone, system)
        for table in TABLES:
            create_indexes(connection, generation, table)
        grant(connection, generation)
    return made


def make_room(connection: Connection, book: Book) -> None:
    """Drop `reads_old`. Apart from the switch: it may have to wait for somebody who still reads there."""
    drop(connection, Generation(book, book.names["reads_old"]))


RETIRE = "UPDATE {reads}.checkpoint SET retired = true RETURNING position"


def switch(connection: Connection, successor: Generation, *, behind_allowed: bool = False) -> bool:
    """Make `successor` the live generation and keep the present one as `reads_old`, in one transaction.

    There must be no `reads_old` (`make_room`), or it is the successor: then the two change places. Retiring comes
    first: it waits for a batch under way, and who comes later finds no row to claim. False, and nothing done, if that
    batch has brought the present generation further than `successor`: catch up and ask again. `behind_allowed`: the
    two stand in different histories, so that their positions cannot be compared.
    """
    book = successor.book
    present = live(book)
    old = Generation(book, book.names["reads_old"])
    with connection.transaction() as transaction:
        connection.execute("SET LOCAL synchronous_commit = on")  # and with it everything built before
        position = _position(connection, successor)
        if present_there := checkpoint.exists(connection, present):
            row = connection.execute(present.sql(RETIRE)).fetchone()
            if row is not None and row[0] > position and not behind_allowed:
                raise psycopg.Rollback(transaction)
            connection.execute(f"ALTER SCHEMA {present.schema} RENAME TO {book.names['reads_aside']}")
        grant(connection, successor)
        connection.execute(f"ALTER SCHEMA {successor.schema} RENAME TO {present.schema}")
        if present_there:
            connection.execute(f"ALTER SCHEMA {book.names['reads_aside']} RENAME TO {old.schema}")
        connection.execute(f"NOTIFY {book.names['posted']}")
        return True
    return False


def _position(connection: Connection, generation: Generation) -> int:
    row = connection.execute(generation.sql("SELECT position FROM {reads}.checkpoint")).fetchone()
    assert row is not None  # noqa: S101
    return int(row[0])
