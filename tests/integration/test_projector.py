"""Posting: what is in the log gets to every table, once, in one transaction with the checkpoint."""

from uuid import UUID, uuid4

import psycopg
import pytest

from projector import generation, leader
from projector.batch import Overtaken, Poster
from projector.checkpoint import require_ours
from projector.daemon import Settings
from projector.run_once import run_once, sessions
from projector.summaries import Contributions, apply
from projector.tables.days import days_in
from shared.book import Book
from shared.database import connect
from shared.environment import Databases
from shared.migrate import migrate
from tests.benchmarks.seed_log import seed
from tests.support.databases import fresh
from tests.support.histories import authorized, captured, confirmed, created, folded, history, placed
from tests.support.lingering import sessions_that_end_late
from tests.support.posting import append, ask, contents, order_command, projector, raw_command
from tests.support.processes import line_of

UTC = days_in("UTC")


def new_order(databases, number="SO-1", **changed) -> UUID:
    """An order created and placed in one append."""
    order_id = uuid4()
    facts = {"order_id": str(order_id), "external_id": str(order_id), "contact_ref": None, "shipping_address_ref": None}
    placing = placed()
    append(
        databases,
        order_command(
            order_id,
            0,
            created(**facts | changed),
            type(placing)(number=number, grand_total_amount=6912, placed_at=placing.placed_at),
        ),
    )
    return order_id


@pytest.mark.parametrize("batch_size", [1, 7, 2000])
def test_any_batch_size_comes_to_the_same_tables(migrated, batch_size):
    events = seed(migrated.events_url, 40)
    stand = run_once(migrated, Settings(batch_size=batch_size))
    found = contents(migrated)
    assert stand.position == events == len(found["order_timeline"])
    assert len(found["order_detail"]) == len(found["order_list"]) == 40
    assert ask(migrated, "SELECT sum(orders_placed) FROM {reads}.sales_daily") == 40
    generation_of_other_size(migrated)
    run_once(migrated, Settings(batch_size=11))
    assert contents(migrated) == found


def generation_of_other_size(databases):
    with connect(databases.reads_url, databases.book.names["projector_role"]) as connection:
        generation.drop(connection, generation.live(databases.book))


def test_nothing_new_changes_nothing(migrated):
    seed(migrated.events_url, 5)
    stand = run_once(migrated)
    found = contents(migrated)
    assert run_once(migrated) == stand
    assert contents(migrated) == found


def test_an_order_goes_on_in_a_later_batch(migrated):
    order_id = new_order(migrated)
    run_once(migrated)
    append(migrated, order_command(order_id, 2, authorized(), confirmed(), captured(6912)))
    run_once(migrated)
    row = "SELECT (status, payment_status, version, position)::text FROM {reads}.order_list"
    assert ask(migrated, row) == "(confirmed,paid,5,5)"
    assert ask(migrated, "SELECT captured_amount FROM {reads}.customer_total") == 6912
    assert ask(migrated, "SELECT sum(captured_amount) FROM {reads}.sales_daily") == 6912
    assert ask(migrated, "SELECT sum(orders_placed) FROM {reads}.sales_daily") == 1


def test_events_of_unknown_type_stand_in_the_timeline_and_advance_the_version(migrated):
    order_id = new_order(migrated)
    append(migrated, raw_command(order_id, 2, "order.split", '{"parcels": [1, 2]}'))
    run_once(migrated)
    assert ask(migrated, "SELECT version FROM {reads}.order_detail") == 3
    assert ask(migrated, "SELECT data FROM {reads}.order_timeline WHERE type = 'order.split'") == '{"parcels": [1, 2]}'


def test_events_of_unknown_type_are_counted_and_told(migrated, tmp_path):
    order_id = new_order(migrated)
    with projector(migrated, tmp_path, lease=60) as process:
        append(migrated, raw_command(order_id, 2, "order.split", "{}"), raw_command(uuid4(), 0, "parcel.weighed", "{}"))
        assert "for 1 events of the unknown type order.split (1 since the start)" in line_of(process, "order.split")
        assert "newer code wrote them" in line_of(process, "parcel.weighed (1 since the start)")
        append(migrated, raw_command(order_id, 3, "order.split", "{}"))
        line_of(process, "order.split (2 since the start)")


def test_a_stream_that_is_no_orders_has_a_timeline_only(migrated):
    stream_id = uuid4()
    append(migrated, raw_command(stream_id, 0, "customer.greeted", '{"customer_id":"c-1"}'))
    append(migrated, raw_command(stream_id, 1, "customer.greeted", '{"customer_id":"c-1"}'))
    stand = run_once(migrated)
    assert stand.position == 2
    assert ask(migrated, "SELECT count(*) FROM {reads}.order_timeline WHERE order_id = %s", stream_id) == 2
    assert ask(migrated, "SELECT count(*) FROM {reads}.order_detail") == 0


def test_the_checkpoint_names_the_last_event(migrated):
    new_order(migrated)
    stand = run_once(migrated)
    last = ask(migrated, "SELECT (state::json ->> 'id')::uuid FROM {events}.event ORDER BY position DESC LIMIT 1")
    assert (stand.position, stand.event_id) == (2, last)


def test_of_two_posters_at_one_floor_the_second_finds_no_row(migrated):
    new_order(migrated)
    run_once(migrated)
    new_order(migrated, "SO-2")
    with sessions(migrated, 600) as (events, reads), sessions(migrated, 600) as (_, other):
        live = generation.live(migrated.book)
        stand = require_ours(events, reads, live, "UTC")
        assert Poster(events, reads, live, UTC).post_next(stand, 100).events == 2
        found = contents(migrated)
        with pytest.raises(Overtaken, match="does not stand at position 2"):
            Poster(events, other, live, UTC).post_next(stand, 100)
        assert other.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    assert contents(migrated) == found


def test_a_poster_of_another_generation_finds_no_row(migrated):
    new_order(migrated)
    run_once(migrated)
    new_order(migrated, "SO-2")
    with sessions(migrated, 600) as (events, reads):
        live = generation.live(migrated.book)
        stand = require_ours(events, reads, live, "UTC")._replace(generation=uuid4())
        with pytest.raises(Overtaken):
            Poster(events, reads, live, UTC).post_next(stand, 100)


def test_who_has_posted_gives_the_lead_back_and_leaves_it_to_no_session_that_ends_later(migrated):
    with sessions_that_end_late():
        for number in range(2):
            new_order(migrated, f"SO-{number}")
            assert run_once(migrated).position == 2 * number + 2


def test_a_summary_row_that_has_become_all_zero_goes(migrated):
    run_once(migrated)
    document = folded(history(created(), placed()))
    with connect(migrated.reads_url) as reads:
        live = generation.live(migrated.book)
        for change, rows in (("add", 1), ("take", 0)):
            contributions = Contributions(UTC)
            getattr(contributions, change)(document)
            apply(reads, live, contributions)
            assert ask(migrated, "SELECT count(*) FROM {reads}.sales_daily") == rows
            assert ask(migrated, "SELECT count(*) FROM {reads}.customer_total") == rows


def test_one_notification_per_batch(migrated):
    run_once(migrated)
    seed(migrated.events_url, 3)
    with connect(migrated.reads_url) as listener:
        listener.execute(f"LISTEN {migrated.book.names['posted']}")
        run_once(migrated)
        assert len(list(listener.notifies(timeout=60, stop_after=1))) == 1
        assert list(listener.notifies(timeout=0.2)) == []


@pytest.fixture
def apart(database, server):
    """The log in one database, the read tables in another."""
    with fresh(server) as other:
        databases = Databases(Book(), database, other)
        migrate(databases.events_url, databases.reads_url, databases.book)
        yield databases


def test_the_log_and_the_read_tables_may_be_on_two_servers(apart):
    seed(apart.events_url, 5)
    assert run_once(apart).position == len(contents(apart)["order_timeline"])


def test_two_books_in_one_database_are_apart(migrated):
    second = Databases(Book("shop2"), migrated.events_url, migrated.reads_url)
    migrate(second.events_url, second.reads_url, second.book)
    seed(migrated.events_url, 2)
    seed(second.events_url, 3, second.book)
    with sessions(migrated, 600) as (_, reads):
        assert leader.try_lead(reads, migrated.book)
        run_once(second)
        leader.release(reads, migrated.book)
    run_once(migrated)
    assert [len(contents(databases)["order_detail"]) for databases in (migrated, second)] == [2, 3]


def test_the_query_role_reads_the_tables_and_nothing_of_the_log_but_seals(migrated):
    seed(migrated.events_url, 1)
    run_once(migrated)
    with connect(migrated.reads_url, migrated.book.names["query_role"]) as reader:
        assert reader.execute("SELECT count(*) FROM reads.order_detail").fetchone() == (1,)
        assert reader.execute("SELECT position FROM reads.checkpoint").fetchone()
        assert reader.execute("SELECT count(*) FROM projector.process").fetchone()
        for statement in ("SELECT 1 FROM events.event", "SELECT 1 FROM events.contact", "DELETE FROM reads.order_list"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute(statement)
