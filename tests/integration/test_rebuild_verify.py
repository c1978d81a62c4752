"""Verify names what is not as the log has it: table, key, columns, orders, events; and leaves nothing behind."""

import json

import pytest
from click.testing import CliRunner

from projector.checkpoint import OtherCode
from projector.health.status import status
from projector.rebuilding.building import Work
from projector.run_once import run_once
from projector.verifying.verify import NothingToVerify, verify
from shared.cli import daybook
from shared.database import connect
from tests.benchmarks.seed_log import seed
from tests.support.posting import QUIET, ask


@pytest.fixture
def posted(migrated):
    seed(migrated.events_url, 60)
    run_once(migrated)
    return migrated


def tamper(databases, statement):
    with connect(databases.reads_url) as admin:
        return admin.execute(databases.book.sql(statement)).fetchone()


def verified(databases):
    return verify(Work(databases, "UTC", 1, QUIET)).comparison


def test_tables_that_are_right(posted):
    assert verified(posted) == ({}, [], {})
    result = CliRunner().invoke(daybook, ["verify", "--workers", "1", "--database-url", posted.reads_url])
    assert result.exit_code == 0
    assert "row for row" in result.stdout
    assert ask(posted, "SELECT to_regnamespace('reads_check')") is None


def test_a_changed_row_of_an_order(posted):
    (order,) = tamper(
        posted,
        "UPDATE {reads}.order_list SET status = 'draft', email = NULL"
        " WHERE order_id = (SELECT order_id FROM {reads}.order_list WHERE status = 'completed' LIMIT 1)"
        " RETURNING order_id::text",
    )
    comparison = verified(posted)
    assert comparison.rows == {"order_list": 1}
    (example,) = comparison.examples
    assert (example.table, example.key, example.orders) == ("order_list", {"order_id": order}, [order])
    assert example.columns["status"] == ("draft", "completed")
    assert set(example.columns) == {"status", "email"}
    assert comparison.events[order] == ask(
        posted, "SELECT array_agg(position ORDER BY position) FROM {events}.event WHERE stream_id = %s", order
    )


def test_a_changed_sum_names_the_orders_in_it(posted):
    (day, gross) = tamper(
        posted,
        "UPDATE {reads}.sales_daily SET gross_amount = gross_amount + 1"
        " WHERE (day, channel, currency) = (SELECT day, channel, currency FROM {reads}.sales_daily LIMIT 1)"
        " RETURNING day::text, gross_amount",
    )
    comparison = verified(posted)
    (example,) = comparison.examples
    assert (example.key["day"], example.columns) == (day, {"gross_amount": (gross, gross - 1)})
    assert 0 < len(example.orders) <= 10
    assert set(comparison.events) == set(example.orders)


def test_rows_too_many_and_too_few(posted):
    tamper(
        posted,
        "DELETE FROM {reads}.customer WHERE customer_id = (SELECT min(customer_id) FROM {reads}.customer) RETURNING 1",
    )
    tamper(
        posted,
        "INSERT INTO {reads}.customer (customer_id, order_count, cancelled_count) VALUES ('nobody', 1, 0) RETURNING 1",
    )
    comparison = verified(posted)
    assert comparison.rows == {"customer": 2}
    assert {example.key["customer_id"]: example.missing for example in comparison.examples}["nobody"] == "posted again"
    assert [example.missing for example in comparison.examples].count("live") == 1


def test_the_command_says_it_and_ends_with_1(posted):
    tamper(posted, "UPDATE {reads}.order_detail SET version = 77 WHERE version = 2 RETURNING 1")
    result = CliRunner().invoke(daybook, ["verify", "--workers", "1", "--database-url", posted.reads_url])
    assert result.exit_code == 1
    assert "version: 77, should be 2" in result.stdout
    assert "daybook rebuild" in result.stderr
    assert ask(posted, "SELECT to_regnamespace('reads_check')") is None


def test_a_log_that_goes_on_is_compared_at_one_position(posted):
    seed(posted.events_url, 20, seed_number=2)  # not posted: the tables are behind, not wrong
    assert not verified(posted).rows


def test_tables_of_other_code_are_not_compared(posted):
    tamper(posted, "UPDATE {reads}.checkpoint SET revision = 99 RETURNING 1")
    with pytest.raises(OtherCode):
        verified(posted)


def test_without_tables_there_is_nothing_to_verify(migrated):
    with pytest.raises(NothingToVerify, match="start `daybook projector`"):
        verified(migrated)


def test_status_in_all_its_states(migrated):
    found = status(migrated, "UTC")
    assert (found["reads"]["state"], found["why"]) == (
        "missing",
        "There are no read tables yet: start `daybook projector`.",
    )
    seed(migrated.events_url, 3)
    run_once(migrated)
    found = status(migrated, "UTC")
    assert (found["reads"]["state"], found["reads"]["lag_events"], found["why"]) == ("live", 0, None)
    behind = seed(migrated.events_url, 3, seed_number=2)
    found = status(migrated, "UTC")
    assert found["reads"]["lag_events"] == behind
    assert found["reads"]["lag_seconds"] > 0
    assert found["why"] == f"{behind} events behind: no projector is running, start `daybook projector`."
    result = CliRunner().invoke(daybook, ["status", "--json", "--database-url", migrated.reads_url])
    shown = json.loads(result.stdout)
    assert shown["head_position"] == found["head_position"]
    assert list(shown) == ["log_id", "head_position", "reads", "paused", "rebuild", "quarantine", "verified", "why"]
    result = CliRunner().invoke(daybook, ["status", "--database-url", migrated.reads_url])
    assert f"{behind} events and" in result.stdout


def test_paused_is_a_reason(migrated):
    run_once(migrated)
    seed(migrated.events_url, 1)
    tamper(migrated, "UPDATE {projector}.control SET paused_by = 'ada', paused_at = now() RETURNING 1")
    assert "paused by ada since" in status(migrated, "UTC")["why"]
