"""Connections to PostgreSQL: always READ COMMITTED, always with deadlines for dead hosts, always as a role."""

import select
from time import monotonic
from typing import Any

import psycopg
from psycopg import pq
from psycopg._conninfo_attempts import conninfo_attempts  # the hosts of a URL, as psycopg itself tries them
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from shared.anticipated import Anticipated
from shared.book import Book
from shared.database_url import parts, without_secret

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
    given = parts(url)
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
        raise _not_reached(url, error) from error


def connect_within(seconds: float, url: str, role: str, application_name: str, **settings: str) -> Connection:
    """The same within so many seconds, however many hosts the URL names."""
    try:
        return _connected_within(conninfo(url, role, application_name, **settings), seconds)
    except psycopg.OperationalError as error:
        raise _not_reached(url, error) from error


def _not_reached(url: str, error: psycopg.OperationalError) -> DatabaseUnavailable:
    words = " ".join(str(error).split())  # libpq speaks in paragraphs
    return DatabaseUnavailable(f"cannot connect to {without_secret(url)}: {words}")


def _connected_within(given: str, seconds: float) -> Connection:
    """Try one host after the other, each with its share of the time: libpq itself counts in whole seconds, from 2."""
    until = monotonic() + seconds
    attempts = conninfo_attempts(conninfo_to_dict(given))
    for number, attempt in enumerate(attempts):
        share = max(0.0, until - monotonic()) / (len(attempts) - number)
        try:
            connection: Connection = psycopg.Connection(_opened(make_conninfo("", **attempt), share))
        except psycopg.OperationalError:
            if number + 1 == len(attempts):
                raise
        else:
            connection.autocommit = True
            return connection
    raise AssertionError("a URL names one host at least")


def _opened(given: str, seconds: float) -> pq.abc.PGconn:
    until = monotonic() + seconds
    opening = pq.PGconn.connect_start(given.encode())
    status: int = pq.PollingStatus.WRITING  # libpq's way to begin
    while status != pq.PollingStatus.OK:
        if status == pq.PollingStatus.FAILED or opening.status == pq.ConnStatus.BAD:
            raise psycopg.OperationalError(opening.get_error_message("utf-8"))
        ready = select.poll()
        ready.register(opening.socket, select.POLLIN if status == pq.PollingStatus.READING else select.POLLOUT)
        if not ready.poll(max(0.0, until - monotonic()) * 1000):
            opening.finish()
            raise psycopg.OperationalError(f"no answer within {seconds:.1f} s")
        status = opening.connect_poll()
    opening.nonblocking = 1
    return opening


def log_id(connection: Connection, book: Book) -> str:
    """The random id made with the log: the first half of every token."""
    row = connection.execute(book.sql("SELECT id FROM {events}.log")).fetchone()
    assert row is not None, "the log has an id from its first migration on"  # noqa: S101
    return str(row[0])
