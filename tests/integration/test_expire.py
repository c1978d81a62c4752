"""Expiring: unpaid placed orders are cancelled with the reason `expired`, each once, and no others."""

from datetime import UTC, datetime, timedelta

import pytest

from command_api.changes import VoidPayment
from command_api.expiring import expire, still_placed
from shared.database import connect
from tests.integration.test_cli import run
from tests.support.orders import confirm, creation, handling, pay, request


def long_ago():
    return (datetime.now(UTC) - timedelta(hours=30)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@pytest.fixture
def worker(migrated):
    worker = handling(migrated)
    yield worker
    worker.store.close()


def order(worker, **fields):
    made = creation(worker.store, **dict.fromkeys(("placed_at", "occurred_at"), long_ago()) | fields)
    worker.handle(made)
    return made.order_id


def candidates(databases, hours=24):
    with connect(databases.events_url, databases.book.names["command_role"]) as connection:
        return still_placed(connection, databases.book, datetime.now(UTC) - timedelta(hours=hours))


def cancelled(databases):
    with connect(databases.events_url) as connection:
        return connection.execute(
            "SELECT stream_id, state::json -> 'data' ->> 'reason' FROM events.event WHERE type = 'order.cancelled' ORDER BY position"
        ).fetchall()


def test_only_placed_unpaid_prepaid_orders_of_that_age_expire(migrated, worker):
    unpaid, given_up = order(worker), order(worker)
    worker.handle(pay(given_up, "p", 6422))
    worker.handle(request(given_up, VoidPayment(payment_id="p")))
    reserved, paid, in_part, confirmed = (order(worker) for _ in range(4))
    worker.handle(pay(reserved, "p", 6422))
    worker.handle(pay(paid, "p", 6422, capture=True))
    worker.handle(pay(in_part, "p", 1, capture=True))
    worker.handle(confirm(confirmed))
    order(worker, payment_terms="on_account")
    order(worker, place=False, number=None, placed_at=None)
    order(worker, placed_at=None, occurred_at=None)
    found = candidates(migrated)
    assert not {confirmed} & set(found)
    assert [order_id for order_id, _ in expire(worker, found)] == [unpaid, given_up]
    assert cancelled(migrated) == [(unpaid, "expired"), (given_up, "expired")]


def test_running_it_again_or_with_an_old_list_cancels_nothing_twice(migrated, worker):
    order(worker)
    found = candidates(migrated)
    assert len(list(expire(worker, found))) == 1
    elsewhere = handling(migrated)
    assert list(expire(worker, found)) == list(expire(elsewhere, found)) == []
    elsewhere.store.close()
    assert candidates(migrated) == []
    assert len(cancelled(migrated)) == 1


def test_a_payment_that_comes_in_between_saves_the_order(migrated, worker, monkeypatch):
    late = order(worker)
    handle = worker.handle

    def pay_first(asked):
        handle(pay(late, "p", 6422))
        return handle(asked)

    monkeypatch.setattr(worker, "handle", pay_first)
    assert list(expire(worker, candidates(migrated))) == []
    assert cancelled(migrated) == []


def test_each_order_has_one_idempotency_key(migrated, worker):
    unpaid = order(worker)
    list(expire(worker, candidates(migrated)))
    with connect(migrated.events_url) as connection:
        assert connection.execute("SELECT principal, key FROM events.answer").fetchall() == [("daybook expire", f"expire {unpaid}")]


def test_the_command_names_what_it_cancels(migrated, worker):
    unpaid = order(worker)
    url = {"DAYBOOK_DATABASE_URL": migrated.events_url}
    asked = run("expire", "--unpaid-older-than", "24h", "--dry-run", **url)
    assert (asked.stdout, asked.stderr) == (f"{unpaid} SO-00000001\n", "1 orders would expire\n")
    assert cancelled(migrated) == []
    assert run("expire", "--unpaid-older-than", "31h", **url).stderr == "0 orders expired\n"
    done = run("expire", DAYBOOK_EXPIRE_UNPAID_OLDER_THAN="24h", **url)
    assert (done.stdout, done.stderr) == (f"{unpaid} SO-00000001\n", "1 orders expired\n")
    assert cancelled(migrated) == [(unpaid, "expired")]
    assert "Missing option '--unpaid-older-than'" in run("expire", code=2, **url).stderr
