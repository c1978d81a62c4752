"""Databases on the session's server, for fixtures of any scope."""

from contextlib import contextmanager
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
from psycopg import sql

from shared.book import Book
from shared.environment import Databases

DROP = "DROP DATABASE {} WITH (FORCE)"
ATTEMPTS = 12
"""PostgreSQL gives those whom it ends five seconds to be gone; on a busy machine that may not do."""


@contextmanager
def fresh(server, how="STRATEGY file_copy"):
    """The administrator's URL of a fresh, empty database, dropped afterwards."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL(f"CREATE DATABASE {{}} TEMPLATE template0 {how}").format(sql.Identifier(name)))
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
        _drop(connection, name)


def with_schemas(database):
    """Give a database the schemas, roles and grants of the default book."""
    from shared.migrate import migrate  # noqa: PLC0415 -- only tests that want a schema pay for it

    migrate(database, database, Book())
    return Databases(Book(), database, database)


def _drop(connection, name):
    for attempts_left in reversed(range(ATTEMPTS)):
        try:
            connection.execute(sql.SQL(DROP).format(sql.Identifier(name)))
        except psycopg.errors.ObjectInUse:
            if not attempts_left:
                raise
        else:
            return
