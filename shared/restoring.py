"""A log brought back: read from a backup, or found in a database that was itself brought back to an earlier moment.

Either way it gets a new id, in one transaction with all of it, or nothing happens.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, LiteralString, NamedTuple

import psycopg

from shared import migrate, postgres_programs
from shared.anticipated import Anticipated
from shared.backup import Sealed, major, sealed
from shared.book import Book
from shared.database import Connection, connect
from shared.database_url import without_secret

PIECE = 1 << 18
"""Bytes of rows sent at once."""


class CannotRestore(Anticipated):
    """What is to be restored and the database do not go together; nothing was changed."""


class Restored(NamedTuple):
    """What was restored; `backed_up` is where it ended then, under its old id, `now` the same under its new one."""

    backed_up: Sealed
    now: Sealed


def restore(url: str, book: Book, file: Path) -> Restored:
    """Make the log of `file` the log of `book` in an empty database; roles are made where they are missing.

    The new id keeps the tokens of the old log, and tables posted from it, from being taken for ours. Other sessions see
    nothing before all of it is there. Raises `CannotRestore`. Afterwards: `migrate`.
    """
    with connect(url, application_name="daybook restore") as connection:
        program = postgres_programs.find("pg_restore", major(connection))
        _require_its_book(program, file, book)
        with connection.transaction():
            _require_empty(connection, url, book)
            connection.execute(book.sql((migrate.MIGRATIONS / "roles.sql").read_text()).encode())
            _run_script(connection, program, file)
            connection.execute(book.sql("SET LOCAL ROLE {admin_role}"))
            restored = _under_new_id(connection, book)
        for table in ("event", "seal", "claim", "answer", "contact"):
            connection.execute(book.sql(f"SET ROLE {{admin_role}}; ANALYZE {{events}}.{table}"))
    return restored


IN_RECOVERY = "SELECT pg_is_in_recovery()"
WRITERS = """
SELECT count(*)
FROM pg_stat_activity
WHERE datname = current_database()
    AND application_name IN ('daybook append', 'daybook command-api')
"""


def in_place(url: str, book: Book) -> Restored:
    """Give the log of `book` a new id where it is: its database was restored by PostgreSQL's own means.

    What was acknowledged after that moment is gone, and its positions will be given to other events: tokens of it must
    not be believed. Raises `CannotRestore`, also while a command API is connected: it knows orders as they were.
    """
    with connect(url, application_name="daybook restore") as connection, connection.transaction():
        if _asked(connection, IN_RECOVERY):
            raise CannotRestore(
                f"{without_secret(url)} is a standby, or still restoring: promote it first (pg_ctl promote)"
            )
        migrate.check_connection(connection, book, "events")
        if writers := _asked(connection, WRITERS):
            raise CannotRestore(
                f"{writers} session{'s' if writers != 1 else ''} of a command API in {without_secret(url)}, which "
                "knows orders as they were before: stop it first; nothing was changed"
            )
        connection.execute(book.sql("SET LOCAL ROLE {admin_role}"))
        before = sealed(connection, book)
        connection.execute(book.sql(NEW_ID))
        return Restored(before, sealed(connection, book))


def _asked(connection: Connection, query: LiteralString) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


LISTED = re.compile(r"^\d+; \d+ \d+ SCHEMA - (\S+)", re.MULTILINE)


def _require_its_book(program: Path, file: Path, book: Book) -> None:
    try:
        listing = postgres_programs.ended(postgres_programs.start(program, ["--list", str(file)], {}), program)
    except postgres_programs.ProgramFailed as error:
        raise CannotRestore(f"{file} is no backup, or not a whole one: {error}; nothing was changed") from error
    schemas = LISTED.findall(listing.decode(errors="replace"))
    if schemas != [book.names["events"]]:
        raise CannotRestore(
            f"{file} holds {', '.join(schemas) or 'no log'}, but the log of this book is {book.names['events']}: "
            "set DAYBOOK_BOOK to the book that was backed up"
        )


LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
IS_THERE = "SELECT to_regnamespace(%s) IS NOT NULL, to_regclass(%s) IS NOT NULL"


def _require_empty(connection: Connection, url: str, book: Book) -> None:
    schema = book.names["events"]
    connection.execute(LOCK, [f"daybook migrate {schema}"])
    row = connection.execute(IS_THERE, [schema, f"{schema}.seal"]).fetchone()
    if not (row and row[0]):
        return
    found = "without a log"
    if row[1]:
        there = sealed(connection, book)
        found = f"with log {there.log_id} of {there.position:,} events"
    raise CannotRestore(
        f"there is a schema {schema} in {without_secret(url)} already, {found}: restore into an empty database"
    )


def _run_script(connection: Connection, program: Path, file: Path) -> None:
    """Run what `pg_restore` makes of the file, on our own connection and so in our own transaction."""
    process = postgres_programs.start(program, ["--exit-on-error", "--file=-", str(file)], {})
    with postgres_programs.printing(process, program) as script:
        try:
            _run(connection, script)
        except psycopg.Error as error:
            raise CannotRestore(
                f"{file} cannot be restored here: {error.diag.message_primary or error}; nothing was changed"
            ) from error


def _run(connection: Connection, script: IO[bytes]) -> None:
    statements: list[bytes] = []
    for line in script:
        if line.startswith((b"\\restrict ", b"\\unrestrict ")):  # for psql
            continue
        if not (line.startswith(b"COPY ") and line.endswith(b" FROM stdin;\n")):
            statements.append(line)
            continue
        connection.execute(b"".join(statements))
        statements.clear()
        with connection.cursor().copy(line.rstrip(b";\n")) as copy:
            for piece in _rows(script):
                copy.write(piece)
    connection.execute(b"".join(statements))


def _rows(script: IO[bytes]) -> Iterator[bytes]:
    """The rows up to the line that ends them, in pieces."""
    piece, size = [], 0
    for line in script:
        if line == b"\\.\n":
            break
        piece.append(line)
        size += len(line)
        if size >= PIECE:
            yield b"".join(piece)
            piece, size = [], 0
    yield b"".join(piece)


REVISION = "SELECT coalesce(max(revision), 0) FROM {events}.migration"
COUNTED = "SELECT count(*), coalesce(max(position), 0) FROM {events}.event"
NEW_ID = "UPDATE {events}.log SET id = DEFAULT"


def _under_new_id(connection: Connection, book: Book) -> Restored:
    revision = connection.execute(book.sql(REVISION)).fetchone()
    if revision and revision[0] > migrate.newest("events"):
        raise CannotRestore(
            f"the log in the file is at revision {revision[0]}, this code knows {migrate.newest('events')}: "
            "restore it with the code that made it, or newer"
        )
    before = sealed(connection, book)
    counted = connection.execute(book.sql(COUNTED)).fetchone()
    if counted != (before.position, before.position):
        raise CannotRestore(f"the file is not whole: {counted} events up to the seal of position {before.position}")
    connection.execute(book.sql(NEW_ID))
    return Restored(before, sealed(connection, book))
