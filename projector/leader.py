"""Who leads: an advisory lock in the reads database, held by the very session that writes.

A frozen leader loses it: its session is ended by the server when it is idle for longer than the lease. One that froze
while the server was waiting for rows is not idle: whoever wants the lock ends it (`end_frozen`). Thawed, it finds its
connection gone.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from shared.anticipated import Anticipated
from shared.book import Book
from shared.database import Connection, connect


def writing_session(url: str, book: Book, lease: float, application_name: str = "daybook projector") -> Connection:
    """A connection to the reads database that the server ends when it is silent for longer than `lease` seconds.

    Its commits do not wait for the disk: what a crash of the server takes back, tables and checkpoint lose together,
    and it is posted again from the log, whose own commits do wait.
    """
    milliseconds = str(int(lease * 1000))
    return connect(
        url,
        book.names["projector_role"],
        application_name,
        idle_session_timeout=milliseconds,
        idle_in_transaction_session_timeout=milliseconds,
        client_connection_check_interval="1000",
        synchronous_commit="off",
        enable_seqscan="off",  # a batch finds everything by key, also while the planner knows nothing of young tables
    )


KEY = "hashtextextended('daybook leader of {reads}', 0)"
TRY = f"SELECT pg_try_advisory_lock({KEY})"
WAIT = f"SELECT pg_advisory_lock({KEY})"
RELEASE = f"SELECT pg_advisory_unlock({KEY})"


def try_lead(connection: Connection, book: Book) -> bool:
    """Take the lock if it is free."""
    row = connection.execute(book.sql(TRY)).fetchone()
    return bool(row and row[0])


def release(connection: Connection, book: Book) -> None:
    """Give the lock back, for a handover or at the end."""
    connection.execute(book.sql(RELEASE))


def let_go(connection: Connection) -> None:
    """Give the lock back, in whatever state the session is: we cannot post, another one may be able to."""
    if connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
        connection.rollback()
    connection.execute("SELECT pg_advisory_unlock_all()")


class LockNotHandedOver(Anticipated):
    """The leader kept the lock for longer than we wait."""


ASK = "UPDATE {projector}.control SET handover_until = clock_timestamp() + interval '5 seconds'"
DONE_ASKING = "UPDATE {projector}.control SET handover_until = NULL"

WATCHED = "SET idle_session_timeout = '30s'; SET idle_in_transaction_session_timeout = '30s'"
UNWATCHED = "RESET idle_session_timeout; RESET idle_in_transaction_session_timeout"


@contextmanager
def handed_over(connection: Connection, book: Book, patience: float) -> Iterator[None]:
    """Hold the leader's lock, which a running projector gives up between two batches when asked.

    Who waits stands first in line: standbys only try. Raises `LockNotHandedOver` after `patience` seconds.
    """
    until = time.monotonic() + patience
    try:
        while not _asked_and_waited(connection, book):
            if time.monotonic() > until:
                raise LockNotHandedOver(
                    f"the projector did not hand over its lock within {patience:g} s: "
                    "see `daybook status`, then run this again"
                )
            end_frozen(connection, book)
    finally:
        connection.execute(book.sql(DONE_ASKING))
    connection.execute(WATCHED)
    try:
        yield
    finally:
        if not (connection.closed or connection.broken):
            release(connection, book)
            connection.execute(UNWATCHED)


def _asked_and_waited(connection: Connection, book: Book) -> bool:
    connection.execute(book.sql(ASK))
    try:
        with connection.transaction():
            connection.execute("SET LOCAL lock_timeout = '1s'")
            connection.execute(book.sql(WAIT))
    except psycopg.errors.LockNotAvailable:
        return False
    return True


HOLDER = f"""
SELECT l.pid
FROM pg_locks l
WHERE l.locktype = 'advisory'
    AND l.granted
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND (l.classid::bigint << 32 | l.objid::bigint) = {KEY}
"""
"""The session that has the lock."""

FROZEN = f"""
SELECT p.backend_pid
FROM {{projector}}.process p
WHERE p.backend_pid = ({HOLDER})
    AND p.role = 'leader'
    AND p.heartbeat_at < clock_timestamp() - 3 * p.lease
    AND cardinality(pg_blocking_pids(p.backend_pid)) = 0 -- else it waits for a lock, as the next leader would
"""


def end_frozen(connection: Connection, book: Book) -> bool:
    """End the session of a leader without a heartbeat for three leases; True if there was one."""
    row = connection.execute(book.sql(FROZEN)).fetchone()
    if row is None:
        return False
    with connection.transaction():
        connection.execute("SET LOCAL ROLE NONE")  # only who logged in as the other did may end its session
        connection.execute("SELECT pg_terminate_backend(%s)", row)
    return True
