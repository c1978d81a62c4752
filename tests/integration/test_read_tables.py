"""The read tables in a real PostgreSQL: rows fit their DDL, customers are recomputed from `order_list`."""

from uuid import UUID

import psycopg
import pytest

from projector import summaries, tables
from projector.checkpoint import Generation
from projector.summaries import Contributions
from projector.tables import customer, order_list, order_timeline
from shared.book import Book
from shared.events import OrderCancelled
from tests.support.histories import CONTACT, at, created, folded, history, placed

BOOK = Book()


@pytest.fixture
def reads(database):
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(BOOK.sql("CREATE SCHEMA {reads}"))
        for table in tables.TABLES:
            connection.execute(BOOK.sql(tables.definition(table)))
            if indexes := tables.indexes(table):
                connection.execute(BOOK.sql(indexes))
        yield connection


def copy(connection, table, rows):
    columns = ", ".join(table.COLUMNS)
    with connection.cursor().copy(BOOK.sql(f"COPY {{reads}}.{table.NAME} ({columns}) FROM STDIN")) as writer:
        for row in rows:
            writer.write_row(row)


def order(number: int, *events, customer_id="c-1", day=22, **person):
    """A document of its own customer and contact."""
    facts = created(order_id=str(UUID(int=number)), customer_id=customer_id, external_id=None)
    return folded(history((day, facts), *events), {CONTACT: person})


def recomputed(connection, customers):
    connection.execute(BOOK.sql(customer.RECOMPUTE), {"customers": customers}, prepare=True)
    return everybody(connection)


def recomputed_all(connection):
    connection.execute(BOOK.sql(customer.RECOMPUTE_ALL))
    return everybody(connection)


def everybody(connection):
    return connection.execute("SELECT * FROM reads.customer ORDER BY customer_id").fetchall()


def test_rows_arrive_as_they_are(reads):
    events = history(created(tags=("vip", 'say "hi"', "a\\b", "{},NULL", "")), placed())
    document = folded(events)
    for table in tables.PER_ORDER:
        copy(reads, table, table.rows(document, 2))
    copy(reads, order_timeline, [order_timeline.row(event, "It's\ta\nline\\") for event in events])
    row = reads.execute(
        "SELECT tags, attention, order_id::text, placed_at::text, imported FROM reads.order_list"
    ).fetchone()
    assert row[:3] == (["vip", 'say "hi"', "a\\b", "{},NULL", ""], [], document.order_id)
    rows = reads.execute("SELECT order_id::text, event_id, summary, data::json ->> 'number' FROM reads.order_timeline")
    assert rows.fetchall()[1] == (document.order_id, events[1].envelope.id, "It's\ta\nline\\", "SO-00001042")


def test_customers_are_what_their_orders_say(reads):
    cancelled = OrderCancelled(reason="staff", reduction_amount=6912, previous_status="placed", cancelled_at=at(26))
    documents = [
        order(1, placed(23), day=20, email="old@example.org", name="Ada"),
        order(2, placed(22), (26, cancelled), day=21, email="new@example.org"),
        order(3, day=25),  # a draft
        order(4, customer_id="c-2", day=24, email="b@example.org", name="Bob"),  # a draft too
        order(5, placed(24), customer_id=None, day=24),  # a guest
    ]
    for number, document in enumerate(documents):
        document.number = document.number and f"SO-{number}"
    copy(reads, order_list, [row for document in documents for row in order_list.rows(document, 1)])
    contributions = Contributions(str)
    for document in documents:
        contributions.add(document)
    summaries.apply(reads, Generation(BOOK, "reads"), contributions)
    only_second = recomputed(reads, ["c-2", "c-9"])
    assert only_second == [("c-2", "b@example.org", "Bob", None, None, 0, 0, None)]
    day = {number: reads.execute("SELECT %s::timestamptz", [at(number)]).fetchone()[0] for number in (22, 23)}
    first = ("c-1", "new@example.org", "Ada", day[22], day[23], 2, 1, None)
    assert recomputed(reads, ["c-1"]) == [first, *only_second]
    reads.execute("TRUNCATE reads.customer")
    assert recomputed_all(reads) == [first, *only_second]
    reads.execute("UPDATE reads.order_list SET email = NULL WHERE email = 'new@example.org'")
    assert recomputed(reads, ["c-1"])[0][1] == "old@example.org"


def test_recomputing_a_customer_takes_no_longer_the_more_orders_there_are(reads):
    """Neither others' nor their own: an account for walk-in customers would slow down every batch."""
    reads.execute(
        BOOK.sql(
            """
            INSERT INTO {reads}.order_list
            SELECT (jsonb_populate_record(NULL::{reads}.order_list, to_jsonb(o) || jsonb_build_object(
                'order_id', gen_random_uuid(), 'number', n, 'customer_id', 'c-' || least(n, 1500)
            ))).*
            FROM jsonb_populate_record(NULL::{reads}.order_list, %s::jsonb) o, generate_series(1, 3000) n
            """
        ),
        [_as_json(order(1, placed(), email="a@example.org", name="Ada"))],
    )
    reads.execute("ANALYZE reads.order_list")
    statement = BOOK.sql(customer.RECOMPUTE).replace("%(customers)s", "$1")
    reads.execute(f"PREPARE recompute (text[]) AS {statement}")
    for _ in range(8):
        plan = reads.execute("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE recompute('{c-7,c-1500}')").fetchone()[0]
    top = plan[0]["Plan"]
    assert top["Shared Hit Blocks"] + top["Shared Read Blocks"] < 100, plan
    assert recomputed(reads, ["c-1500"])[0][:3] == ("c-1500", "a@example.org", "Ada")


def _as_json(document) -> str:
    row = dict(zip(order_list.COLUMNS, order_list.rows(document, 1)[0], strict=True))
    return str(row["item"]).replace('"order_id"', '"item":"{}","order_id"', 1)
