"""Some orders verified without a second generation: what is found, what is set aside, and who is chosen."""

import json
from collections import Counter
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner

from projector.rebuilding.building import Work
from projector.rebuilding.rebuild import rebuild
from projector.run_once import run_once
from projector.verifying import sampling
from projector.verifying.sampling import look_at, look_at_some
from projector.verifying.verify import NothingToVerify
from shared.append_command import Contact
from shared.cli import daybook
from shared.database import connect
from shared.erasure import erase, orders_of_customer
from shared.events import Actor, NoteAdded
from tests.benchmarks.seed_log import seed
from tests.support.poisoning import RAW, broken, lives
from tests.support.posting import QUIET, append, ask, order_command

ORDERS = 60


@pytest.fixture
def posted(migrated):
    seed(migrated.events_url, ORDERS)
    run_once(migrated)
    return migrated


def tamper(databases, statement, *parameters):
    with connect(databases.reads_url, databases.book.names["projector_role"]) as projector:
        return projector.execute(databases.book.sql(statement), parameters or None).fetchone()


def an_order(databases, where="true") -> str:
    return ask(databases, f"SELECT order_id::text FROM {{reads}}.order_list WHERE {where} ORDER BY order_id LIMIT 1")


def run(databases, *arguments):
    return CliRunner().invoke(daybook, ["verify", "--database-url", databases.reads_url, *arguments])


def test_tables_that_are_right(posted):
    found = look_at_some(posted, "UTC", ORDERS)
    assert (found.orders, found.comparison) == (ORDERS, ({}, [], {}))
    assert found.customers == ask(posted, "SELECT count(*) FROM {reads}.customer")
    assert found.position == ask(posted, "SELECT position FROM {reads}.checkpoint")
    assert look_at(posted, "UTC", [an_order(posted)]).orders == 1


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ("UPDATE {reads}.order_detail SET doc = doc || ' '", "true"),
        ("UPDATE {reads}.order_list SET status = 'draft'", "true"),
        ("UPDATE {reads}.order_line SET open = open + 1", "true"),
        ("UPDATE {reads}.order_shipment SET carrier = 'UPS'", "fulfillment_status = 'shipped'"),
        ("UPDATE {reads}.order_timeline SET summary = 'x'", "true"),
        ("UPDATE {reads}.fulfillment_queue SET units_open = 99", "status = 'confirmed' AND units_open > 0"),
        ("DELETE FROM {reads}.order_detail", "true"),
        ("DELETE FROM {reads}.order_timeline", "true"),
    ],
)
def test_every_table_of_an_order_is_compared(posted, change, where):
    order = an_order(posted, where)
    tamper(posted, f"{change} WHERE order_id = %s RETURNING 1", order)
    (table,) = look_at(posted, "UTC", [order]).comparison.rows
    assert f"{{reads}}.{table}" in change
    assert table in look_at_some(posted, "UTC", ORDERS).comparison.rows


def test_a_difference_names_the_columns_and_the_events(posted):
    order = an_order(posted, "status = 'completed'")
    tamper(posted, "UPDATE {reads}.order_list SET status = 'draft', email = NULL WHERE order_id = %s RETURNING 1", order)
    comparison = look_at(posted, "UTC", [order]).comparison
    (example,) = (one for one in comparison.examples if one.table == "order_list")
    assert (example.key, example.columns["status"]) == ({"order_id": order}, ("draft", "completed"))
    assert set(example.columns) == {"status", "email"}
    assert comparison.events == {
        order: ask(posted, "SELECT array_agg(position ORDER BY position) FROM {events}.event WHERE stream_id = %s", order)
    }


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE {reads}.customer SET order_count = order_count + 1",
        "UPDATE {reads}.customer_total SET net_amount = net_amount + 1",
        "DELETE FROM {reads}.customer_total",
        "INSERT INTO {reads}.customer_erasure SELECT customer_id, now() FROM {reads}.customer",
    ],
)
def test_the_rows_of_its_customer_are_compared_by_all_their_orders(posted, change):
    customer = ask(
        posted, "SELECT customer_id FROM {reads}.order_list WHERE placed_at IS NOT NULL GROUP BY 1 HAVING count(*) > 2 LIMIT 1"
    )
    tamper(posted, f"{change} WHERE customer_id = %s RETURNING 1", customer)
    comparison = look_at(posted, "UTC", [an_order(posted, f"customer_id = '{customer}'")]).comparison
    (table,) = comparison.rows
    assert f"{{reads}}.{table}" in change
    assert len(comparison.examples[0].orders) > 2


def test_a_customer_with_very_many_orders_is_left_out_and_named(posted, monkeypatch):
    monkeypatch.setattr(sampling, "MOST_ORDERS", 0)
    found = look_at(posted, "UTC", [an_order(posted)])
    assert (found.orders, found.customers, len(found.left_out)) == (1, 0, 1)
    assert "very many orders" in run(posted, "--orders", an_order(posted)).stdout


def test_a_log_that_goes_on_is_compared_at_the_position_of_the_tables(posted):
    order = an_order(posted)
    position = ask(posted, "SELECT position FROM {reads}.checkpoint")
    version = ask(posted, "SELECT version FROM {reads}.order_detail WHERE order_id = %s", order)
    append(posted, order_command(UUID(order), version, NoteAdded(note_id="N1", note_ref=str(uuid4()))))
    seed(posted.events_url, 20, seed_number=2)
    found = look_at_some(posted, "UTC", 1000)
    assert (found.position, found.orders, found.comparison.rows) == (position, ORDERS, {})


def erased(databases, order):
    customer = ask(databases, "SELECT customer_id FROM {reads}.order_list WHERE order_id = %s", order)
    with connect(databases.events_url, databases.book.names["admin_role"]) as admin:
        orders = orders_of_customer(admin, databases.book, customer)
        return {str(one) for one in orders}, erase(admin, databases.book, orders, Actor("user", "ann"), customer)


def test_what_is_being_erased_is_set_aside_until_the_tables_know(posted):
    order = an_order(posted)
    orders, done = erased(posted, order)
    found = look_at_some(posted, "UTC", ORDERS)
    assert found.comparison.rows == {}
    assert set(found.erasing) == orders
    assert done.position >= max(found.erasing.values()) > found.position
    assert found.orders == ORDERS - len(orders)
    assert "being erased" in run(posted, "--orders", order).stdout
    run_once(posted)
    found = look_at_some(posted, "UTC", ORDERS)
    assert (found.orders, found.comparison.rows, found.erasing) == (ORDERS, {}, {})


def test_an_erasure_below_the_position_is_checked(posted):
    order = an_order(posted)
    erased(posted, order)
    run_once(posted)
    tamper(posted, "UPDATE {reads}.order_list SET email = 'ada@example.org' WHERE order_id = %s RETURNING 1", order)
    assert look_at(posted, "UTC", [order]).comparison.rows["order_list"] == 1


def test_a_note_erased_after_it_was_posted(posted):
    order, ref = an_order(posted), uuid4()
    version = ask(posted, "SELECT version FROM {reads}.order_detail WHERE order_id = %s", order)
    added = order_command(UUID(order), version, NoteAdded(note_id="N1", note_ref=str(ref)))
    row = Contact(ref=ref, order_id=UUID(order), customer_id=None, kind="note", payload='{"body":"rings at midnight"}')
    append(posted, type(added)(id=added.id, expected=added.expected, events=added.events, contacts=[row]))
    run_once(posted)
    assert not look_at(posted, "UTC", [order]).comparison.rows
    erased(posted, order)
    assert not look_at(posted, "UTC", [order]).comparison.rows


@pytest.mark.parametrize("poison", [next(iter(RAW)), "fold", "first"])
def test_an_order_in_quarantine_is_compared_as_far_as_its_last_good_version(migrated, poison):
    victim = str(lives(migrated, poison))
    with broken(poison):
        run_once(migrated)
        assert not look_at(migrated, "UTC", [victim]).comparison.rows
    found = look_at_some(migrated, "UTC", 100)  # with code that could post it: it stands still until a retry
    position = ask(migrated, "SELECT position FROM {reads}.quarantine")
    assert (found.comparison.rows, found.quarantined) == ({}, {victim: position})
    assert f"order {victim} is in quarantine since event {position}" in run(migrated, "--orders", victim).stdout
    tamper(migrated, "UPDATE {reads}.order_timeline SET summary = 'x' WHERE order_id = %s AND order_version = 5 RETURNING 1", victim)
    assert look_at(migrated, "UTC", [victim]).comparison.rows == {"order_timeline": 1}


def test_every_order_has_the_same_chance_however_long_its_history(posted, monkeypatch):
    """Drawn 2,000 times 3 of 60: each about 100 times. Orders of many events must not come more often."""
    from projector.verifying.choosing import Sources, at_random  # noqa: PLC0415

    monkeypatch.setattr("projector.verifying.choosing.PROBES_AT_ONCE", 40)  # a part of this log only
    drawn = Counter()
    with connect(posted.events_url) as events:
        stand = type("Stand", (), {"position": ask(posted, "SELECT position FROM {reads}.checkpoint")})
        live = type("Live", (), {"book": posted.book})
        for _ in range(2000):
            some = list(at_random(Sources(events, events, live, stand), 3))
            assert len(set(some)) == len(some) == 3
            drawn.update(some)
    assert len(drawn) == ORDERS
    assert min(drawn.values()) > 40 and max(drawn.values()) < 170  # six times the standard deviation, and more
    longest = [UUID(it) for it in ask(posted, "SELECT array_agg(order_id::text) FROM {reads}.order_detail WHERE version > 6")]
    assert 60 < sum(drawn[it] for it in longest) / len(longest) < 140  # by the number of events it would be 170


def test_other_tables_put_in_place_meanwhile_are_looked_at_anew(posted):
    """Names in SQL would mean the new tables, and the snapshot the old position."""

    generations = []

    def choose(sources):
        generations.append(sources.stand.generation)
        if len(generations) == 1:
            seed(posted.events_url, 20, seed_number=2)
            rebuild(Work(posted, "UTC", 1, QUIET))
        return [UUID(an_order(posted))]

    found = sampling._looked(posted, "UTC", choose)
    assert len(generations) == 2
    assert (found.generation, found.comparison.rows) == (generations[1], {})


def test_the_command_says_it_and_ends_with_1(posted):
    number = ask(posted, "SELECT number FROM {reads}.order_list WHERE number IS NOT NULL LIMIT 1")
    order = an_order(posted, f"number = '{number}'")
    other = an_order(posted, f"number <> '{number}'")
    done = run(posted, "--orders", f"{number},{other}")
    assert (done.exit_code, "2 orders and" in done.stdout) == (0, True), done.output
    done = run(posted, "--sample", "7", "--json")
    said = json.loads(done.stdout)
    assert (done.exit_code, said["equal"], said["orders"], said["differences"]) == (0, True, 7, [])
    tamper(posted, "UPDATE {reads}.order_detail SET version = 77 WHERE order_id = %s RETURNING 1", order)
    done = run(posted, "--orders", other, "--orders", number)
    assert done.exit_code == 1
    assert "version: 77, should be " in done.stdout and f"order {order}: events " in done.stdout
    said = json.loads(run(posted, "--sample", f"{ORDERS}", "--json").stdout)
    (difference,) = said["differences"]
    assert (difference["table"], difference["key"]) == ("order_detail", {"order_id": order})
    assert difference["columns"]["version"]["live"] == 77
    whole = run(posted, "--json", "--workers", "1")
    assert (whole.exit_code, json.loads(whole.stdout)["rows"]) == (1, {"order_detail": 1})


def test_what_cannot_be_is_one_sentence(posted):
    for arguments, words in [
        (["--orders", "SO-NEVER"], "no order has the number 'SO-NEVER'"),
        (["--orders", f"{uuid4()}"], "neither in the log up to position"),
        (["--orders", "x", "--sample", "1"], "exclude each other"),
    ]:
        done = run(posted, *arguments)
        assert done.exit_code != 0 and words in f"{done.output}{done.exception}", done.output


def test_without_tables_there_is_nothing_to_verify(migrated):
    with pytest.raises(NothingToVerify, match="start `daybook projector`"):
        look_at_some(migrated, "UTC", 1)
    run_once(migrated)
    assert look_at_some(migrated, "UTC", 1).orders == 0
