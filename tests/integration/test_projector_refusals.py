"""The projector stops loudly: at tables of other code, at another history, at an event that cannot be posted."""

from uuid import uuid4

import pytest
from click.testing import CliRunner

from projector.checkpoint import AnotherHistory, OtherCode
from projector.daemon import Settings
from projector.health.status import status
from projector.poison import PoisonedEvent
from projector.run_once import run_once
from shared.cli import daybook
from shared.database import connect
from tests.benchmarks.seed_log import seed
from tests.support.histories import captured, created, placed
from tests.support.posting import append, ask, contents, order_command, raw_command


def change(databases, statement):
    with connect(databases.reads_url) as connection:
        connection.execute(databases.book.sql(statement))


@pytest.mark.parametrize(
    ("tampering", "refusal", "words"),
    [
        ("revision = 99", OtherCode, "made by revision 99 of the projection, this code is revision"),
        ("timezone = 'Europe/Berlin'", OtherCode, "book days in Europe/Berlin, DAYBOOK_REPORT_TIMEZONE is UTC"),
        ("log_id = 'elsewhere'", AnotherHistory, "posted from log elsewhere, this is log"),
        ("position = 1000000", AnotherHistory, "stand at position 1000000, the log ends at"),
        ("event_id = gen_random_uuid()", AnotherHistory, "so it is another history"),
    ],
)
def test_tables_that_are_not_ours_are_left_alone(migrated, tampering, refusal, words):
    seed(migrated.events_url, 3)
    run_once(migrated)
    change(migrated, f"UPDATE {{reads}}.checkpoint SET {tampering}")
    found = contents(migrated)
    with pytest.raises(refusal, match=words) as caught:
        run_once(migrated)
    assert "`daybook rebuild`" in str(caught.value)
    assert contents(migrated) == found
    assert "daybook rebuild" in status(migrated, "UTC")["why"]


def test_the_command_refuses_in_one_sentence(migrated):
    run_once(migrated)
    change(migrated, "UPDATE {reads}.checkpoint SET revision = 99")
    result = CliRunner().invoke(daybook, ["projector", "--database-url", migrated.reads_url])
    assert result.exit_code == 1
    said = [line for line in result.output.splitlines() if line.startswith("Error")]
    assert len(said) == 1 and "`daybook rebuild`" in said[0]
    assert "Traceback" not in result.output


def order(databases, number):
    order_id = uuid4()
    facts = {"order_id": str(order_id), "external_id": None, "contact_ref": None, "shipping_address_ref": None}
    append(databases, order_command(order_id, 0, created(**facts), placed_as(number)))
    return order_id


def placed_as(number):
    like = placed()
    return type(like)(number=number, grand_total_amount=like.grand_total_amount, placed_at=like.placed_at)


@pytest.mark.parametrize(
    ("type_", "data", "schema_version", "reason"),
    [
        ("payment.captured", '{"payment_id":"nobody","capture_id":"c","amount":1}', 1, "Unfoldable"),
        ("payment.captured", '{"payment_id":7}', 1, "ValidationError"),
        ("order.confirmed", '{"confirmed_at":"2026-11-22T10:00:00.000000Z"}', 9, "UnknownSchemaVersion"),
    ],
)
def test_where_no_order_may_be_in_quarantine_a_poisoned_event_is_named(migrated, type_, data, schema_version, reason):
    for number in range(5):
        poisoned = order(migrated, f"SO-{number}")
    run_once(migrated)
    append(migrated, raw_command(poisoned, 2, type_, data, schema_version))
    order(migrated, "SO-after")
    with pytest.raises(PoisonedEvent, match=reason) as caught:
        run_once(migrated, Settings(batch_size=100, most_quarantined=0))
    assert (caught.value.position, caught.value.type, caught.value.stream_id) == (11, type_, poisoned)
    assert f"event 11 ({type_}) of order {poisoned} cannot be posted" in str(caught.value)
    assert ask(migrated, "SELECT position FROM {reads}.checkpoint") == 10
    assert len(contents(migrated)["order_detail"]) == 5


def test_a_row_that_the_database_refuses_is_poison_too(migrated):
    order(migrated, "SO-1")
    second = order(migrated, "SO-1")  # past all claims, as in a log that was damaged
    with pytest.raises(PoisonedEvent, match="order_list_number") as caught:
        run_once(migrated, Settings(most_quarantined=0))
    assert (caught.value.position, caught.value.stream_id) == (4, second)


def test_the_command_ends_at_poison_without_a_traceback(migrated):
    poisoned = order(migrated, "SO-1")
    append(migrated, order_command(poisoned, 2, captured(1, payment_id="nobody")))
    result = CliRunner().invoke(daybook, ["projector", "--most-quarantined=0", "--database-url", migrated.reads_url])
    assert result.exit_code == 1
    assert f"event 3 (payment.captured) of order {poisoned} cannot be posted" in result.output
    assert "Traceback" not in result.output
