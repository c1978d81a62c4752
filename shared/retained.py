"""Generations of read tables that are kept beside the live one: whole copies that no projector keeps up to date."""

from typing import NamedTuple

from shared.book import Book
from shared.database import Connection

RETAINED = ("reads_old", "reads_next", "reads_check")
"""What a rebuild or a verification leaves, or was killed at."""

TRY_LOCK = "SELECT pg_try_advisory_lock(hashtextextended('daybook rebuild of {reads}', 0))"
"""Taken by whoever builds a generation, for as long as the session lives."""

PRESENT = "SELECT nspname FROM pg_namespace WHERE nspname = ANY(%s) ORDER BY nspname"


class RetainedGenerations(NamedTuple):
    """Schemas dropped, and whether a rebuild under way may retain one more."""

    dropped: list[str]
    rebuilding: bool


def drop_retained(connection: Connection, book: Book) -> RetainedGenerations:
    """Drop every generation of read tables that no projector keeps up to date. Needs the projector's role.

    While one is being built only `reads_old` can go; the one under way hears of the erasure from the log.
    """
    row = connection.execute(book.sql(TRY_LOCK)).fetchone()
    rebuilding = not (row and row[0])
    schemas = [book.names[name] for name in (RETAINED[:1] if rebuilding else RETAINED)]
    dropped = [schema for (schema,) in connection.execute(PRESENT, [schemas]).fetchall()]
    for schema in dropped:
        connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
    return RetainedGenerations(dropped, rebuilding)
