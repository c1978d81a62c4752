"""Connections of the query API: what they survive."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from query_api import sessions
from query_api.sessions import Sessions
from shared.database import connect
from tests.support.posting import until
from tests.support.wires import break_while_there_is_much_to_read

COUNT = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'daybook query-api' AND datname = current_database()"


@pytest.fixture
def admin(migrated):
    with connect(migrated.reads_url) as connection:
        yield connection


@pytest.fixture
def reads(migrated):
    opened = Sessions(migrated.reads_url, migrated.book, seconds=120)
    yield opened
    opened.close()


def test_one_connection_serves_one_after_the_other(reads, admin):
    for number in range(10):
        assert reads.run("SELECT $1::int + 1", str(number)).get_value(0, 0) == str(number + 1).encode()
    assert admin.execute(COUNT).fetchone() == (1,)


def at_one_time(reads, admin, number):
    """Run so many statements, none of which ends before all have begun."""
    with ThreadPoolExecutor(number) as pool:
        admin.execute("SELECT pg_advisory_lock(4711)")
        try:
            running = [pool.submit(reads.run, "SELECT pg_advisory_xact_lock_shared(4711)") for _ in range(number)]
            until(lambda: admin.execute(f"{COUNT} AND wait_event = 'advisory'").fetchone() == (number,), "all wait")
        finally:
            admin.execute("SELECT pg_advisory_unlock(4711)")
        for one in running:
            one.result(90)


def test_there_are_as_many_connections_as_statements_at_one_time(reads, admin):
    for _ in range(2):
        at_one_time(reads, admin, 4)
        assert admin.execute(COUNT).fetchone() == (4,)


def test_a_null_goes_in_and_comes_out(reads):
    assert reads.run("SELECT $1::text, ''::text", None).get_value(0, 0) is None
    assert reads.run("SELECT $1::text, ''::text", None).get_value(0, 1) == b""


def test_a_connection_that_breaks_while_the_server_still_speaks_is_replaced(reads, admin):
    assert reads.run("SELECT 1").get_value(0, 0) == b"1"
    break_while_there_is_much_to_read(reads._idle[0].connection, admin)
    assert reads.run("SELECT 2").get_value(0, 0) == b"2"
    assert len(reads._idle) == 1


def test_an_error_costs_no_connection(reads, admin):
    with pytest.raises(psycopg.errors.DivisionByZero):
        reads.run("SELECT 1 / $1::int", "0")
    with pytest.raises(psycopg.errors.SyntaxError):
        reads.run("SELEC 1")
    assert reads.run("SELECT 1 / $1::int", "1").get_value(0, 0) == b"1"
    assert admin.execute(COUNT).fetchone() == (1,)


def test_a_lost_connection_is_replaced_once(reads, admin):
    at_one_time(reads, admin, 4)
    admin.execute("SELECT pg_terminate_backend(pid, 60000)" + COUNT.removeprefix("SELECT count(*)"))
    assert reads.run("SELECT 1").get_value(0, 0) == b"1"
    assert admin.execute(COUNT).fetchone() == (1,)


def test_a_statement_that_loses_two_connections_fails(reads, admin):
    kill = "SELECT pg_terminate_backend(pid, 60000)" + COUNT.removeprefix("SELECT count(*)") + " AND query LIKE '%pg_sleep%'"
    with ThreadPoolExecutor(1) as pool:
        outcome = pool.submit(reads.run, "SELECT pg_sleep(100)")
        for _ in range(2):
            while not admin.execute(kill).fetchall():
                assert not outcome.done()
        with pytest.raises(psycopg.OperationalError):
            outcome.result(90)
    assert reads.run("SELECT 1").get_value(0, 0) == b"1"


def test_a_plan_whose_result_changes_its_type_is_made_anew(reads, admin):
    admin.execute("CREATE TABLE public.thing AS SELECT 1 AS n")
    admin.execute("GRANT SELECT ON public.thing TO PUBLIC")
    assert reads.run("SELECT n FROM public.thing").get_value(0, 0) == b"1"
    admin.execute("ALTER TABLE public.thing ALTER n TYPE text")
    assert reads.run("SELECT n FROM public.thing").get_value(0, 0) == b"1"


def test_prepared_statements_do_not_pile_up(reads, monkeypatch):
    monkeypatch.setattr(sessions, "_MOST_PREPARED", 3)
    for number in (*range(10), *range(10)):
        assert reads.run(f"SELECT {number}").get_value(0, 0) == str(number).encode()
    prepared = reads.run("SELECT count(*) FROM pg_prepared_statements").get_value(0, 0)
    assert int(prepared) <= 3


def test_a_session_reads_and_cannot_write(reads, admin):
    admin.execute("CREATE TABLE public.thing (n int)")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        reads.run("INSERT INTO public.thing VALUES (1) RETURNING n")
    for secret in ("event", "contact", "answer", "claim"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reads.run(f"SELECT * FROM {{events}}.{secret}")
    assert reads.run("SELECT count(*) FROM {events}.seal").get_value(0, 0) == b"0"
