"""Databases on the session's server, for fixtures of any scope."""

from contextlib import contextmanager
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
from psycopg import sql

from shared.book import Book
from shared.environment import Databases


@contextmanager
def fresh(server):
    """The administrator's URL of a fresh, empty database, dropped afterwards."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 STRATEGY file_copy").format(sql.Identifier(name)))
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def with_schemas(database):
    """Give a database the schemas, roles and grants of the default book."""
    from shared.migrate import migrate  # noqa: PLC0415 -- only tests that want a schema pay for it

    migrate(database, database, Book())
    return Databases(Book(), database, database)
