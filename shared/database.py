"""Connections to PostgreSQL: always READ COMMITTED, always with deadlines for dead hosts, always as a role."""

from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from shared.anticipated import Anticipated
from shared.book import Book

Connection = psycopg.Connection[tuple[Any, ...]]

_DEFAULTS: dict[str, str] = {
    "connect_timeout": "2",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}


class DatabaseUnavailable(Anticipated):
    """The database cannot be reached, or the connection broke."""


def conninfo(url: str, role: str | None = None, application_name: str = "daybook", **settings: str) -> str:
    """The connection string for `url` with our defaults; what the URL itself says wins.

    `role` is set at connect unless the URL logs in as it; `settings` are server settings such as
    `statement_timeout="5s"`.
    """
    given = {key: str(value) for key, value in conninfo_to_dict(url).items() if value is not None}
    options = [given["options"]] if "options" in given else []
    settings = {"default_transaction_isolation": r"read\ committed", **settings}
    if role and given.get("user") != role:
        settings["role"] = role
    options += [f"-c {name}={value}" for name, value in settings.items()]
    return make_conninfo(
        **(_DEFAULTS | {"application_name": application_name} | given | {"options": " ".join(options)})
    )


def connect(url: str, role: str | None = None, application_name: str = "daybook", **settings: str) -> Connection:
    """A new connection in autocommit mode. Raises `DatabaseUnavailable` with the server's words."""
    try:
        return psycopg.connect(conninfo(url, role, application_name, **settings), autocommit=True)
    except psycopg.OperationalError as error:
        words = " ".join(str(error).split())  # libpq speaks in paragraphs
        raise DatabaseUnavailable(f"cannot connect to {without_secret(url)}: {words}") from error


def without_secret(url: str) -> str:
    """`url` as it may be shown: host, port and database only."""
    parts = conninfo_to_dict(url)
    place = ":".join(str(parts[key]) for key in ("host", "port") if parts.get(key))
    return f"{place or 'the local socket'}/{parts.get('dbname') or ''}"


def log_id(connection: Connection, book: Book) -> str:
    """The random id made with the log: the first half of every token."""
    row = connection.execute(book.sql("SELECT id FROM {events}.log")).fetchone()
    assert row is not None, "the log has an id from its first migration on"  # noqa: S101
    return str(row[0])
