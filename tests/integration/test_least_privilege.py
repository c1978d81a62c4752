"""What each role may do, tried statement by statement as a login that has the role and nothing else.

Everything is tried on every table there is; what is not in `ALLOWED` must be refused. So a new table, or a grant too
many, is noticed.
"""

from uuid import uuid4

import psycopg
import pytest

from projector.run_once import run_once
from shared.database import connect
from tests.support.databases import fresh

PASSWORD = uuid4().hex
ROLES = ("command", "projector", "query", "admin")
STATEMENTS = {
    "SELECT": "SELECT FROM {table} LIMIT 0",
    "INSERT": "INSERT INTO {table} DEFAULT VALUES",
    "UPDATE": "UPDATE {table} SET {column} = {column} WHERE false",
    "DELETE": "DELETE FROM {table} WHERE false",
    "TRUNCATE": "TRUNCATE {table}",
    "LOCK": "LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE",
    "DROP": "DROP TABLE {table}",
    "ALTER": "ALTER TABLE {table} DISABLE TRIGGER ALL",
    "RULE": "CREATE RULE r AS ON INSERT TO {table} DO INSTEAD NOTHING",
}
OWNER = set(STATEMENTS)

LOG = ("gate", "event", "seal", "claim", "answer", "abandoned", "contact", "log", "migration")


def allowed(role, schema, table):
    """The statements that `role` may run on a table. `migration` says which revision a schema is, to anybody."""
    if schema == "events":
        if role == "admin":
            return OWNER
        if table == "migration" or role in {"command", "projector"}:
            return {"SELECT"}
        return {"SELECT"} if (role, table) == ("query", "seal") else set()
    if role in {"projector", "admin"}:  # the admin role has the projector's
        return OWNER
    return {"SELECT"} if role == "query" else set()


FUNCTIONS = {
    "append": ("SELECT events.append('[]')", {"command", "admin"}),
    "settle": ("SELECT events.settle('[]')", {"command", "admin"}),
    "obstacle": ("SELECT events.obstacle('{}')", {"admin"}),
    "insert_commands": ("SELECT events.insert_commands('[]', 0, now())", {"admin"}),
    "draw a number": ("SELECT nextval('events.order_number')", {"command", "admin"}),
    "set back the numbers": ("SELECT setval('events.order_number', 1)", {"admin"}),
    "make a table in events": ("CREATE TABLE events.mine ()", {"admin"}),
    "make a table in reads": ("CREATE TABLE reads.mine ()", {"projector", "admin"}),
    "make a table in projector": ("CREATE TABLE projector.mine ()", {"projector", "admin"}),
    "make a schema": ("CREATE SCHEMA mine", {"projector", "admin"}),
    "rename the read tables": ("ALTER SCHEMA reads RENAME TO mine", {"projector", "admin"}),
    "drop the log": ("DROP SCHEMA events CASCADE", {"admin"}),
    "replace append": (
        "CREATE OR REPLACE FUNCTION events.append(batch jsonb) RETURNS SETOF jsonb LANGUAGE sql AS 'SELECT batch'",
        {"admin"},
    ),
    "become the command role": ("SET ROLE daybook_command", {"command"}),
    "become the projector": ("SET ROLE daybook_projector", {"projector", "admin"}),
    "become the query role": ("SET ROLE daybook_query", {"query"}),
    "become the administrator": ("SET ROLE daybook_admin", {"admin"}),
    "get around triggers": ("SET session_replication_role = replica", set()),
    "run a program": ("COPY (SELECT 1) TO PROGRAM 'true'", set()),
    "read a file": ("SELECT pg_read_file('postgresql.conf')", set()),
    "make a role": ("CREATE ROLE mine", set()),
}


@pytest.fixture(scope="module")
def book(server):
    """A database with something in every table, and the URL of a login per role."""
    from shared.book import Book  # noqa: PLC0415 -- as in tests/conftest.py
    from shared.environment import Databases  # noqa: PLC0415
    from shared.migrate import migrate  # noqa: PLC0415

    logins = {role: f"login_{role}_{uuid4().hex}" for role in ROLES}
    with psycopg.connect(server, autocommit=True) as admin:
        with fresh(server) as url:
            migrate(url, url, Book())
            databases = Databases(Book(), url, url)
            run_once(databases)
            for role, login in logins.items():
                admin.execute(f"CREATE ROLE {login} LOGIN PASSWORD '{PASSWORD}' IN ROLE daybook_{role}")
            yield url, logins
        for login in logins.values():
            admin.execute(f"DROP ROLE {login}")


TABLES = """
SELECT n.nspname, c.relname, (
    SELECT a.attname
    FROM pg_attribute a
    WHERE a.attrelid = c.oid AND a.attnum > 0
    ORDER BY a.attnum
    LIMIT 1
)
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname IN ('events', 'reads', 'projector')
ORDER BY 1, 2
"""


def may(connection, statement):
    """Whether the statement is permitted; whatever else is wrong with it comes after that."""
    with connection.transaction(force_rollback=True):
        try:
            connection.execute(statement)
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidParameterValue) as error:
            return "append-only" in str(error)
        except psycopg.errors.Error:
            return True
    return True


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_what_it_needs_to_and_nothing_else(book, role):
    url, logins = book
    with connect(url) as admin:
        tables = admin.execute(TABLES).fetchall()
    assert {table for schema, table, _ in tables if schema == "events"} == set(LOG)
    assert len(tables) > 20
    surprises = []
    with psycopg.connect(url, user=logins[role], password=PASSWORD, autocommit=True) as connection:
        for schema, table, column in tables:
            for verb, statement in STATEMENTS.items():
                granted = may(connection, statement.format(table=f"{schema}.{table}", column=column))
                if granted != (verb in allowed(role, schema, table)):
                    surprises.append(f"{verb} {schema}.{table}: {'granted' if granted else 'refused'}")
        for name, (statement, roles) in FUNCTIONS.items():
            granted = may(connection, statement)
            if granted != (role in roles):
                surprises.append(f"{name}: {'granted' if granted else 'refused'}")
    assert not surprises
