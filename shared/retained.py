"""Generations of read tables that are kept beside the live one: whole copies that no projector keeps up to date."""

import time
from typing import NamedTuple

import psycopg

from shared.anticipated import Anticipated
from shared.book import Book
from shared.database import Connection

RETAINED = ("reads_old", "reads_next", "reads_check")
"""What a rebuild, a dry run or a verification leaves, or was killed at."""

LOCK_KEY = "hashtextextended('daybook rebuild of {reads}', 0)"
TRY_LOCK = f"SELECT pg_try_advisory_lock({LOCK_KEY})"
"""Taken by whoever builds a generation, until all is done, or the session ends."""

RELEASE_LOCK = f"SELECT pg_advisory_unlock({LOCK_KEY})"

PATIENCE = 60.0
"""Seconds to wait for those who still read what is to be dropped."""

PRESENT = "SELECT nspname FROM pg_namespace WHERE nspname = ANY(%s) ORDER BY nspname"


class StillRead(Anticipated):
    """A schema cannot be dropped, because somebody keeps reading there."""


class RetainedGenerations(NamedTuple):
    """Schemas dropped, and whether a rebuild under way may retain one more."""

    dropped: list[str]
    rebuilding: bool


def drop_retained(connection: Connection, book: Book) -> RetainedGenerations:
    """Drop every generation of read tables that no projector keeps up to date. Needs the projector's role.

    While one is being built only `reads_old` can go; the one under way hears of the erasure from the log.
    Raises `StillRead`.
    """
    row = connection.execute(book.sql(TRY_LOCK)).fetchone()
    rebuilding = not (row and row[0])
    try:
        schemas = [book.names[name] for name in (RETAINED[:1] if rebuilding else RETAINED)]
        dropped = [schema for (schema,) in connection.execute(PRESENT, [schemas]).fetchall()]
        for schema in dropped:
            drop_schema(connection, schema)
    finally:
        if not (rebuilding or connection.closed or connection.broken):
            connection.execute(book.sql(RELEASE_LOCK))
    return RetainedGenerations(dropped, rebuilding)


READERS = """
SELECT DISTINCT
    l.pid,
    a.application_name
FROM pg_locks l
JOIN pg_class c ON c.oid = l.relation
LEFT JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND c.relnamespace = to_regnamespace(%s)
    AND l.pid <> pg_backend_pid()
ORDER BY l.pid
"""


def drop_schema(connection: Connection, schema: str, patience: float = PATIENCE) -> None:
    """Remove `schema` with all its tables, if it is there. Not part of a transaction.

    Waits for readers a second at a time, so that nobody queues behind us for longer. Raises `StillRead`.
    """
    until = time.monotonic() + patience
    while True:
        try:
            with connection.transaction():
                connection.execute("SET LOCAL lock_timeout = '1s'")
                connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
            if time.monotonic() > until:
                raise _still_read(connection, schema, patience) from error
        else:
            return


def _still_read(connection: Connection, schema: str, patience: float) -> StillRead:
    found = connection.execute(READERS, [schema]).fetchall()
    readers = " and ".join(f"pid {pid} ({name or 'no application name'})" for pid, name in found)
    return StillRead(
        f"the tables in {schema} could not be dropped within {patience:g} s, because {readers or 'somebody'} still "
        "reads them in an open transaction: end that, or run this again when it is done"
    )
