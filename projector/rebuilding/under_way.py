"""One rebuild, dry run, rollback or verification of a book at a time: the lock, and the row that says how it goes."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from shared.anticipated import Anticipated
from shared.book import Book
from shared.database import Connection
from shared.retained import LOCK_KEY, RELEASE_LOCK, TRY_LOCK

LEFT_BEHIND = 5.0
"""Seconds to wait for the session of a process that has ended: the server looks for its client once a second."""

LOOK_AGAIN = 0.1


class AlreadyRunning(Anticipated):
    """One rebuild or verification of a book at a time."""


RUNS = f"""EXISTS (
    SELECT
    FROM pg_locks l
    WHERE l.locktype = 'advisory'
        AND l.granted
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND (l.classid::bigint << 32 | l.objid::bigint) = {LOCK_KEY}
        AND l.pid = r.backend_pid
)"""
"""Whether the one of row `r` still runs; pg_stat_activity would not tell us about sessions of other logins."""

OTHER = f"""
SELECT
    purpose,
    phase,
    host,
    pid,
    position,
    head_position
FROM {{projector}}.rebuild r
WHERE {RUNS}
"""

ENDED = "DELETE FROM {projector}.rebuild"

FORGET = f"DELETE FROM {{projector}}.rebuild r WHERE NOT {RUNS}"

BEGUN = """
INSERT INTO {projector}.rebuild (
    purpose,
    generation,
    phase,
    host,
    pid,
    backend_pid,
    workers,
    head_position
)
VALUES (
    %(purpose)s,
    gen_random_uuid(),
    'building',
    %(host)s,
    %(pid)s,
    pg_backend_pid(),
    %(workers)s,
    0
)
"""


@contextmanager
def alone(reads: Connection, book: Book, purpose: str, workers: int) -> Iterator[None]:
    """Be the only one for as long as this lasts, and say so. Raises `AlreadyRunning`."""
    until = time.monotonic() + LEFT_BEHIND
    while not _locked(reads, book):
        other = reads.execute(book.sql(OTHER)).fetchone()
        if time.monotonic() > until or (other and not _is_dead(*other[2:4])):
            raise AlreadyRunning(_described(other) if other else "an erasure or a rebuild begins: run this again")
        time.sleep(LOOK_AGAIN)
    reads.execute(book.sql(ENDED))
    row = {"purpose": purpose, "host": socket.gethostname(), "pid": os.getpid(), "workers": workers}
    reads.execute(book.sql(BEGUN), row)
    try:
        yield
    finally:
        if not (reads.closed or reads.broken):
            reads.execute(book.sql(ENDED))
            reads.execute(book.sql(RELEASE_LOCK))  # the server ends our session some time after us


def _locked(reads: Connection, book: Book) -> bool:
    row = reads.execute(book.sql(TRY_LOCK)).fetchone()
    return bool(row and row[0])


def _is_dead(host: str, pid: int) -> bool:
    """Whether that process is known to have ended; its session then ends by itself."""
    if host != socket.gethostname():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False


def _described(other: tuple[Any, ...]) -> str:
    purpose, phase, host, pid, position, head = other
    what = {"verify": "verification", "drop old": "removal of the old tables"}.get(purpose, purpose)
    return (
        f"a {what} of this book runs already: pid {pid} on {host}, {phase}, {position:,} of {head:,} events; "
        "see `daybook status`, and run this again when it has ended"
    )


def forget_the_dead(reads: Connection, book: Book) -> None:
    """Remove rows of those that were killed. What they built stays."""
    reads.execute(book.sql(FORGET))


BUILDS = """
UPDATE {projector}.rebuild
SET
    generation = %(generation)s,
    workers = %(workers)s,
    position = %(position)s,
    begun_at_position = %(position)s,
    head_position = %(head)s
"""
PHASE = "UPDATE {projector}.rebuild SET phase = %s, heartbeat_at = clock_timestamp()"
REACHED = "UPDATE {projector}.rebuild SET position = %s, head_position = %s, heartbeat_at = clock_timestamp()"


class Row:
    """Where one that runs tells how it goes."""

    def __init__(self, reads: Connection, book: Book) -> None:
        self._reads = reads
        self._book = book

    def what(self, generation: UUID, workers: int, position: int, head: int) -> None:
        """Which generation it is about, and from where to where."""
        named = {"generation": generation, "workers": workers, "position": position, "head": head}
        self._reads.execute(self._book.sql(BUILDS), named)

    def phase(self, name: str) -> None:
        """What is done now."""
        self._reads.execute(self._book.sql(PHASE), [name])

    def reached(self, position: int, head: int) -> None:
        """So many events of so many."""
        self._reads.execute(self._book.sql(REACHED), [position, head])
