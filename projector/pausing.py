"""A pause: a row that outlives every projector. Who leads obeys it, whoever it is and whenever it was started."""

from datetime import datetime
from typing import NamedTuple

from shared.book import Book
from shared.database import Connection


class Pause(NamedTuple):
    """Who asked for it, and when."""

    by: str
    since: datetime


PRESENT = "SELECT paused_by, paused_at FROM {projector}.control WHERE paused_at IS NOT NULL FOR UPDATE"
PAUSE = "UPDATE {projector}.control SET paused_by = %s, paused_at = clock_timestamp() WHERE paused_at IS NULL"
RESUME = "UPDATE {projector}.control SET paused_by = NULL, paused_at = NULL WHERE paused_at IS NOT NULL"


def pause(reads: Connection, book: Book, by: str) -> Pause | None:
    """Ask for a pause unless there is one already; returns the one there was before, None if this is the first."""
    with reads.transaction():
        before = _present(reads, book)
        reads.execute(book.sql(PAUSE), [by])
    return before


def resume(reads: Connection, book: Book) -> Pause | None:
    """End the pause; returns the one there was, None if there was none."""
    with reads.transaction():
        before = _present(reads, book)
        reads.execute(book.sql(RESUME))
    return before


def _present(reads: Connection, book: Book) -> Pause | None:
    row = reads.execute(book.sql(PRESENT)).fetchone()
    return Pause(*row) if row else None
