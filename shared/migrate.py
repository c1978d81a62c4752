"""Forward-only migrations of the log's schema and of the projector's own schema, recorded and safe to run twice.

Read tables are not among them: they are never migrated, only rebuilt.
"""

from importlib.resources import files
from importlib.resources.abc import Traversable

import psycopg

from shared.anticipated import Anticipated
from shared.book import Book
from shared.database import Connection, connect

MIGRATIONS = files("shared") / "migrations"
SIDES = {"events": "events", "reads": "projector"}
"""Folder of migrations → the schema that they make and that records them."""

ATTEMPTS = 10
"""Roles are cluster-wide: migrations of two databases at once can trip over each other's grants."""


class WrongRevision(Anticipated):
    """A schema is not at the revision that this code was written for."""


class NotAdmitted(Anticipated):
    """Whoever logged in has no part in this book."""


def migrate(events_url: str, reads_url: str, book: Book) -> list[str]:
    """Bring both sides to the newest revision; returns the names of the migrations applied just now.

    Each side is one transaction under a lock, so that two migrations at once both succeed.
    """
    return _migrate(events_url, book, "events") + _migrate(reads_url, book, "reads")


def check(url: str, book: Book, side: str) -> None:
    """Raise `WrongRevision`, naming both revisions and what to run, unless `side` (events | reads) is up to date."""
    with connect(url, application_name="daybook check") as connection:
        check_connection(connection, book, side)


def check_connection(connection: Connection, book: Book, side: str) -> None:
    """`check` over an open connection; needs no more than USAGE on the side's schema. Raises `NotAdmitted` without."""
    schema = book.names[SIDES[side]]
    wanted = len(_scripts(side))
    try:
        found = _revision(connection, schema)
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        found = 0
    except psycopg.errors.InsufficientPrivilege as error:
        raise NotAdmitted(
            f"login {connection.info.user} has no rights on schema {schema}: log in as a member of the role that this "
            f"command works as, such as {book.names['projector_role']}"
        ) from error
    if found != wanted:
        remedy = "run `daybook migrate`" if found < wanted else "deploy the newer code that made it"
        raise WrongRevision(f"schema {schema} is at revision {found}, this code needs {wanted}: {remedy}")


def newest(side: str) -> int:
    """The revision that this code brings `side` to."""
    return len(_scripts(side))


def _scripts(side: str) -> list[Traversable]:
    return sorted((MIGRATIONS / side).iterdir(), key=lambda script: script.name)


def _revision(connection: Connection, schema: str) -> int:
    row = connection.execute(f"SELECT coalesce(max(revision), 0) FROM {schema}.migration").fetchone()
    return int(row[0]) if row else 0


def _migrate(url: str, book: Book, side: str) -> list[str]:
    with connect(url, application_name="daybook migrate") as connection:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with connection.transaction():
                    return _apply(connection, book, side)
            except (psycopg.errors.UniqueViolation, psycopg.errors.DuplicateObject, psycopg.errors.InternalError_):
                if attempt == ATTEMPTS:
                    raise
    raise AssertionError("unreachable")


def _apply(connection: Connection, book: Book, side: str) -> list[str]:
    schema = book.names[SIDES[side]]
    owner = book.names["admin_role" if side == "events" else "projector_role"]
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"daybook migrate {schema}"])
    connection.execute(book.sql((MIGRATIONS / "roles.sql").read_text()).encode())
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {owner}")
    connection.execute(f"SET LOCAL ROLE {owner}")
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {schema}.migration ("
        " revision integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
    )
    connection.execute(f"GRANT SELECT ON {schema}.migration TO PUBLIC")
    done = _revision(connection, schema)
    applied = []
    for revision, script in enumerate(_scripts(side), start=1):
        if revision > done:
            connection.execute(book.sql(script.read_text()).encode())
            connection.execute(
                f"INSERT INTO {schema}.migration (revision, name) VALUES (%s, %s)", [revision, script.name]
            )
            applied.append(script.name)
    return applied
