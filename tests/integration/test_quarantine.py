"""Quarantine: an order that cannot be posted stands still, alone, and nothing of it is lost."""

from dataclasses import replace
from uuid import uuid4

import psycopg
import pytest
from click.testing import CliRunner
from msgspec import structs

from projector import bulk, generation, quarantine
from projector.daemon import Settings
from projector.health.status import status
from projector.poison import PoisonedEvent, TooManyQuarantined
from projector.rebuilding.rebuild import rebuild
from projector.retry import NotInQuarantine, retry
from projector.run_once import run_once
from projector.verifying.verify import verify
from shared.cli import daybook
from shared.database import connect
from shared.events import CustomerErased, customer_stream
from tests.support.histories import authorized
from tests.support.poisoning import (
    IN_CODE,
    RAW,
    all_contents,
    broken,
    exact,
    lives,
    placing,
    rebuilt,
    row,
    work,
)
from tests.support.posting import append, ask, order_command, raw_command

POISONS = (*IN_CODE, *RAW, "fold", "first")
SIZES = [1, 7, 5000]


def told(databases, order):
    """Versions, types and sentences of its timeline."""
    with connect(databases.reads_url) as reads:
        query = "SELECT order_version, type, summary FROM reads.order_timeline WHERE order_id = %s ORDER BY 1"
        return reads.execute(query, [order]).fetchall()


@pytest.mark.parametrize("poison", POISONS)
def test_a_broken_order_stands_still_and_its_neighbours_go_on(migrated, poison):
    victim = lives(migrated, poison)
    found = {}
    with broken(poison):
        for size in SIZES:
            with connect(migrated.reads_url, migrated.book.names["projector_role"]) as reads:
                generation.drop(reads, generation.live(migrated.book))
            stand = run_once(migrated, Settings(batch_size=size))
            assert stand.position == ask(migrated, "SELECT max(position) FROM {events}.seal")
            found[size] = all_contents(migrated)
            assert exact(migrated)
        assert found[1] == found[7] == found[5000]
        assert rebuilt(migrated) == found[1]
    since = 1 if poison == "first" else 4
    present = row(migrated, victim)
    assert present["version"] == since
    versions = [version for version, *_ in told(migrated, victim)]
    assert versions == list(range(1, 8))
    assert ask(migrated, "SELECT version FROM {reads}.order_detail WHERE order_id = %s", victim) == (
        None if poison == "first" else 3
    )
    assert ask(migrated, "SELECT count(*) FROM {reads}.order_detail WHERE version = 6") == 3
    assert ask(migrated, "SELECT sum(orders_placed) FROM {reads}.sales_daily") == (3 if poison == "first" else 4)
    assert ask(migrated, "SELECT sum(captured_amount) FROM {reads}.sales_daily") == 3000


@pytest.mark.parametrize("poison", IN_CODE)
def test_fixed_and_retried_the_order_is_what_a_rebuild_makes_of_it(migrated, poison):
    victim = lives(migrated, poison)
    with broken(poison):
        run_once(migrated)
        before = all_contents(migrated)
        (still,) = retry(migrated, "UTC", [victim])
        assert still.order_id == victim and "KeyError" in still.error
        assert all_contents(migrated) == before
    (done,) = retry(migrated, "UTC", [])
    assert done == (victim, None)
    assert ask(migrated, "SELECT version FROM {reads}.order_detail WHERE order_id = %s", victim) == 7
    assert ask(migrated, "SELECT count(*) FROM {reads}.quarantine") == 0
    retried = all_contents(migrated)
    assert exact(migrated)
    assert rebuilt(migrated) == retried


def test_a_retry_goes_as_far_as_it_can_and_never_back(migrated):
    victim = lives(migrated, "rows")
    append(migrated, raw_command(victim, 7, "order.confirmed", '{"confirmed_at":7}'))
    with broken("rows"):
        run_once(migrated)
    (further,) = retry(migrated, "UTC", [victim])
    assert "event 26 (order.confirmed)" in further.error
    assert row(migrated, victim)["version"] == 8
    found = all_contents(migrated)
    assert exact(migrated)
    with broken("rows"):
        (again,) = retry(migrated, "UTC", [victim])
        assert "no such thing" in again.error
    assert all_contents(migrated) == found
    assert "no such thing" in row(migrated, victim)["error"]


def test_what_is_not_in_quarantine_is_not_retried(migrated):
    with pytest.raises(NotInQuarantine, match="start `daybook projector` first"):
        retry(migrated, "UTC", [])
    order = lives(migrated, "none")
    run_once(migrated)
    with pytest.raises(NotInQuarantine, match="is not in quarantine, so there is nothing to retry"):
        retry(migrated, "UTC", [order])
    with pytest.raises(NotInQuarantine, match="no event of an order"):
        retry(migrated, "UTC", [uuid4()])
    assert retry(migrated, "UTC", []) == []


def test_tables_that_have_been_replaced_are_left_alone_by_a_retry(migrated):
    victim = lives(migrated, "rows")
    with broken("rows"):
        run_once(migrated)
    with connect(migrated.reads_url) as admin:
        admin.execute("UPDATE reads.checkpoint SET retired = true")
    found = all_contents(migrated)
    with pytest.raises(NotInQuarantine, match="is not in quarantine any more"):
        retry(migrated, "UTC", [victim])
    assert all_contents(migrated) == found


def invoke(databases, *arguments):
    return CliRunner().invoke(daybook, [*arguments, "--database-url", databases.reads_url])


def test_from_the_command_line(migrated):
    victim = lives(migrated, "rows")
    with broken("rows"):
        run_once(migrated)
        found = status(migrated, "UTC")
        (listed,) = found["quarantine"]
        assert set(listed) == {"order_id", "position", "version", "type", "error", "since"}
        assert (listed["order_id"], listed["type"]) == (str(victim), "payment.captured")
        assert "uarantined 1 order" in found["why"]
        assert str(victim) in invoke(migrated, "status").output
        result = invoke(migrated, "retry", str(victim))
        assert result.exit_code == 1
        assert f"order {victim} still stands still: event 15 (payment.captured) cannot be posted: KeyError" in result.output
    result = invoke(migrated, "retry", "--all")
    assert (result.exit_code, result.output) == (0, f"order {victim} goes on\n")
    assert invoke(migrated, "retry", "--all").output == "no order is in quarantine\n"
    assert invoke(migrated, "retry").exit_code == 2
    assert "no order has the number 'nonsense'" in invoke(migrated, "retry", "nonsense").output


def test_a_rebuild_stops_by_default_and_carries_on_when_told(migrated):
    victim = lives(migrated, "unreadable")
    run_once(migrated)
    before = all_contents(migrated)
    result = invoke(migrated, "rebuild", "--workers", "2")
    assert result.exit_code == 1 and "Traceback" not in result.output
    assert f"event 15 (order.confirmed) of order {victim} cannot be posted: ValidationError" in result.output
    assert "--quarantine" in result.output
    assert all_contents(migrated) == before
    result = invoke(migrated, "rebuild", "--workers", "2", "--quarantine")
    assert result.exit_code == 0, result.output
    assert all_contents(migrated) == before
    result = invoke(migrated, "verify", "--workers", "1")
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("poison", IN_CODE)
def test_a_rebuild_names_what_the_code_cannot_post(migrated, poison):
    victim = lives(migrated, poison)
    with broken(poison), pytest.raises(PoisonedEvent, match=f"event 15 .payment.captured. of order {victim}"):
        rebuild(work(migrated, quarantine=False))


def test_orders_that_stand_still_on_one_side_only_are_a_difference(migrated):
    victim = lives(migrated, "rows")
    with broken("rows"):
        run_once(migrated)
    found = verify(work(migrated)).comparison
    assert found.rows["quarantine"] == 1
    assert {"order_list", "order_detail"} <= set(found.rows)
    assert str(victim) in found.events


def test_what_stands_still_goes_on_standing_still_after_a_restart(migrated):
    victim = lives(migrated, "rows")
    with broken("rows"):
        run_once(migrated)
    present = row(migrated, victim)
    append(migrated, order_command(victim, 7, authorized(payment_id="pi_2")))
    run_once(migrated)  # by code that could post it: half an order is worse than none
    assert row(migrated, victim) == present
    assert len(told(migrated, victim)) == 8
    assert ask(migrated, "SELECT version FROM {reads}.order_detail WHERE order_id = %s", victim) == 3
    assert retry(migrated, "UTC", [victim]) == [(victim, None)]
    assert exact(migrated)


def test_more_orders_than_allowed_are_a_fault_of_the_code(migrated):
    for number in range(5):
        append(migrated, placing(order := uuid4(), f"SO-{number}"))
        append(migrated, raw_command(order, 2, "order.confirmed", '{"confirmed_at":7}'))
    with pytest.raises(TooManyQuarantined, match="more than 3 orders would be in quarantine"):
        run_once(migrated, Settings(most_quarantined=3))
    assert ask(migrated, "SELECT position FROM {reads}.checkpoint") == 0
    result = invoke(migrated, "projector", "--most-quarantined", "4", "--batch-size", "9")
    assert result.exit_code == 1 and "Traceback" not in result.output
    assert "so the code is broken, not the orders" in result.output
    assert ask(migrated, "SELECT count(*) FROM {reads}.quarantine") == 3
    run_once(migrated, Settings(most_quarantined=5))
    assert ask(migrated, "SELECT count(*) FROM {reads}.quarantine") == 5
    with pytest.raises(TooManyQuarantined):
        rebuild(replace(work(migrated), most_quarantined=4))
    assert exact(migrated)


def test_it_is_logged_once_per_order(migrated, caplog):
    victim = lives(migrated, "fold")
    run_once(migrated, Settings(batch_size=5))
    told_of = [record.getMessage() for record in caplog.records if record.name == quarantine.__name__]
    assert len(told_of) == 1
    assert f"order {victim} stands still since event 15 (payment.captured)" in told_of[0]
    assert told_of[0].endswith(f"daybook retry {victim}")


def test_an_event_of_unknown_type_is_no_poison(migrated):
    append(migrated, placing(order := uuid4(), "SO-1"))
    append(migrated, raw_command(order, 2, "order.split", "{}"))
    run_once(migrated)
    assert row(migrated, order) is None
    assert ask(migrated, "SELECT version FROM {reads}.order_detail") == 3


def test_a_lost_connection_is_no_poison(migrated, monkeypatch):
    lives(migrated, "none")

    def lost(*_arguments):
        raise psycopg.OperationalError("gone")

    monkeypatch.setattr(bulk, "copy_timeline", lost)
    with pytest.raises(psycopg.OperationalError, match="gone"):
        run_once(migrated)
    assert ask(migrated, "SELECT count(*) FROM {reads}.quarantine") == 0


@pytest.mark.parametrize(
    ("state", "data"),
    [
        ("no json at all", '"no json at all"'),
        ('{"id": 5}', '{"id": 5}'),
        ('{"id":"x","data":{"a":1}}', '{"id":"x","data":{"a":1}}'),
    ],
)
def test_an_envelope_that_cannot_be_read_has_its_place_in_the_timeline(migrated, state, data):
    append(migrated, placing(order := uuid4(), "SO-1"))
    command = raw_command(order, 2, "order.confirmed", "{}")
    append(migrated, structs.replace(command, events=[structs.replace(command.events[0], state=state)]))
    run_once(migrated)
    assert told(migrated, order)[2] == (3, "order.confirmed", "Could not be read: order.confirmed in schema version 1")
    where = "FROM {reads}.order_timeline WHERE order_version = 3"
    assert ask(migrated, f"SELECT data {where}") == data
    assert ask(migrated, f"SELECT occurred_at = recorded_at {where}")
    append(migrated, placing(uuid4(), "SO-2"))
    run_once(migrated)  # the checkpoint knows that event again
    assert exact(migrated)


def test_of_two_orders_with_one_number_the_later_stands_still(migrated):
    """As in a log that was damaged: claims keep it from happening."""
    first, second = uuid4(), uuid4()
    append(migrated, placing(first, "SO-1"), placing(second, "SO-1"), order_command(first, 2, authorized()))
    run_once(migrated)
    assert row(migrated, first) is None
    assert "order_list_number" in row(migrated, second)["error"]
    for command in (["rebuild", "--quarantine"], ["rebuild", "--dry-run", "--quarantine"], ["verify"]):
        result = invoke(migrated, *command, "--workers", "1")
        assert result.exit_code == 1 and "Traceback" not in result.output
        assert "Key (number)=(SO-1) is duplicated. The log is damaged: see `daybook audit`" in result.output
        assert result.output.count("Error:") == 1
    assert ask(migrated, "SELECT to_regnamespace('reads_check')") is None


@pytest.mark.parametrize("payload", ["{", "[7]", '"ada"'])
def test_what_is_no_json_in_the_vault_stops_the_order_that_names_it(migrated, payload):
    order, other, ref = uuid4(), uuid4(), uuid4()
    with connect(migrated.events_url) as admin:
        insert = "INSERT INTO {events}.contact (ref, kind, payload) VALUES (%s, 'contact', %s)"
        admin.execute(migrated.book.sql(insert), [ref, payload])
        append(migrated, placing(order, "SO-1", contact_ref=str(ref)), placing(other, "SO-2"))
        run_once(migrated)
        assert row(migrated, order)["version"] == 1
        assert f"what the vault has under {ref} is no JSON object" in row(migrated, order)["error"]
        assert row(migrated, other) is None
        before = all_contents(migrated)
        assert exact(migrated) and rebuilt(migrated) == before
        admin.execute(migrated.book.sql("UPDATE {events}.contact SET payload = '{{}}' WHERE ref = %s"), [ref])
    assert retry(migrated, "UTC", [order]) == [(order, None)]
    assert exact(migrated)


def test_an_erasure_of_a_customer_at_a_time_that_there_is_not(migrated):
    order = uuid4()
    append(migrated, placing(order, "SO-1", customer_id="c-1"))
    erased = CustomerErased(customer_id="c-1")
    append(migrated, order_command(customer_stream("c-1"), 0, erased, occurred_at="2026-02-31T10:00:00.000000Z"))
    run_once(migrated)
    recorded_at = "SELECT recorded_at FROM {events}.event WHERE type = 'customer.erased'"
    assert ask(migrated, "SELECT erased_at FROM {reads}.customer_erasure") == ask(migrated, recorded_at)
    assert row(migrated, order) is None
    before = all_contents(migrated)
    assert exact(migrated) and rebuilt(migrated) == before


def test_an_order_can_be_named_by_its_number(migrated):
    victim = lives(migrated, "rows")
    with broken("rows"):
        run_once(migrated)
        still = invoke(migrated, "retry", "SO-2")
        assert still.exit_code == 1 and f"order {victim} still stands still: event" in still.output
    unknown = invoke(migrated, "retry", "SO-99")
    assert unknown.exit_code == 1 and "no order has the number 'SO-99'" in unknown.output
    neighbour = invoke(migrated, "retry", "SO-1")
    assert neighbour.exit_code == 1 and "is not in quarantine" in neighbour.output
    assert invoke(migrated, "retry", "SO-2", str(victim)).output == f"order {victim} goes on\n"
    assert exact(migrated)
