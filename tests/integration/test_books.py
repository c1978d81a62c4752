"""A named book is a whole Daybook of its own, beside others in one database or on two; no schema name is spelled twice."""

import random
import re
from pathlib import Path

import pytest

from command_api.demo import invent
from projector.rebuilding.building import Work
from projector.rebuilding.progress import Silent
from projector.rebuilding.rebuild import rebuild
from projector.run_once import run_once
from projector.verifying.verify import verify
from shared.audit import audit
from shared.book import Book
from shared.database import connect
from shared.environment import Databases
from shared.migrate import migrate
from tests.support.databases import fresh
from tests.support.orders import handling
from tests.support.reading import reader

ROOT = Path(__file__).resolve().parents[2]
SPELLED = re.compile(
    r"\b(?:FROM|INTO|JOIN|UPDATE|TABLE|SCHEMA|ON|EXECUTE|COPY)\s+(?:events|reads\w*|projector)\b(?!\.py)"
)


@pytest.fixture
def books(migrated, database):
    named = Databases(Book("shop_de"), database, database)
    migrate(database, database, named.book)
    return [migrated, named]


def live(databases, orders, seed):
    worker = handling(databases)
    invent(worker, orders, random.Random(seed))
    worker.store.close()
    run_once(databases)


def test_two_books_in_one_database_live_their_own_lives(books):
    for databases, orders in zip(books, (20, 30), strict=True):
        live(databases, orders, 1)
    for databases, orders in zip(books, (20, 30), strict=True):
        work = Work(databases, "UTC", 2, Silent())
        rebuild(work)
        assert verify(work).comparison.examples == []
        with connect(databases.events_url) as admin:
            assert audit(admin, databases.book).findings == []
        with reader(databases) as client:
            assert len(client.get("/v1/orders?limit=200").json["items"]) == orders


def test_log_and_read_tables_live_in_two_databases(database, server):
    with fresh(server) as other:
        apart = Databases(Book(), database, other)
        migrate(apart.events_url, apart.reads_url, apart.book)
        live(apart, 20, 2)
        assert verify(Work(apart, "UTC", 1, Silent())).comparison.examples == []
        with reader(apart) as client:
            assert len(client.get("/v1/orders").json["items"]) == 20
        with connect(apart.events_url) as admin:
            assert admin.execute("SELECT to_regclass('reads.order_list')").fetchone() == (None,)


def test_no_schema_name_is_spelled_in_the_code():
    sources = [
        path for part in ("command_api", "projector", "query_api", "shared") for path in (ROOT / part).rglob("*")
    ]
    spelled = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in sources
        if path.suffix in {".py", ".sql"}
        for match in SPELLED.finditer(path.read_text())
    ]
    assert spelled == []
