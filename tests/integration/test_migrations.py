"""Migrations: safe twice at once, recorded, refused when the code is of another revision."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from shared.book import Book, InvalidBookName
from shared.database import connect
from shared.migrate import MIGRATIONS, WrongRevision, check, migrate
from tests.support.databases import fresh

SCRIPTS = sorted(script.name for side in ("events", "reads") for script in (MIGRATIONS / side).iterdir())


def test_two_migrations_started_at_the_same_moment_on_an_empty_database_both_succeed_ten_times(server):
    with connect(server) as admin:
        for _ in range(10):
            book = Book(f"b{uuid4().hex[:8]}")  # roles are cluster-wide: a new book makes new ones
            with fresh(server) as url:
                with ThreadPoolExecutor(2) as pool:
                    results = list(pool.map(lambda _, url=url, book=book: migrate(url, url, book), range(2)))
                assert sorted(results[0] + results[1]) == SCRIPTS  # each was applied once, by whichever was first
                check(url, book, "events")
                check(url, book, "reads")
            for role in ("command_role", "projector_role", "query_role", "admin_role"):
                admin.execute(f"DROP ROLE {book.names[role]}")


def test_migrating_again_does_nothing(migrated):
    assert migrate(migrated.events_url, migrated.reads_url, migrated.book) == []


def test_an_unmigrated_database_is_refused_with_what_to_run(database):
    with pytest.raises(WrongRevision, match=r"events is at revision 0, this code needs .*run `daybook migrate`"):
        check(database, Book(), "events")


def test_a_newer_schema_is_refused(migrated):
    with connect(migrated.events_url) as admin:
        admin.execute("INSERT INTO events.migration (revision, name) VALUES (999, 'from the future')")
    with pytest.raises(WrongRevision, match=r"revision 999.*deploy the newer code"):
        check(migrated.events_url, migrated.book, "events")


def test_two_books_live_in_one_database(migrated):
    other = Book("shop")
    migrate(migrated.events_url, migrated.reads_url, other)
    with connect(migrated.events_url) as admin:
        ids = {admin.execute(book.sql("SELECT id FROM {events}.log")).fetchone() for book in (Book(), other)}
    assert len(ids) == 2


@pytest.mark.parametrize("name", ["Shop", "1st", "a-b", "x" * 32, 'a"; DROP TABLE'])
def test_a_book_name_that_cannot_prefix_a_schema_is_refused(name):
    with pytest.raises(InvalidBookName):
        Book(name)
