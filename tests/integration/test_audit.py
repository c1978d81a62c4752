"""The audit finds what has been done to the log behind its back, and names the first position that does not fit."""

import pytest

from shared.append_command import AppendedEvent, Command
from shared.audit import audit
from shared.database import connect
from shared.group_commit import GroupCommit
from tests.support.commands import command
from tests.support.orders import confirm, creation, handling, pay


@pytest.fixture
def book_of_orders(migrated):
    """Three orders, ten events, seven commits."""
    worker = handling(migrated)
    for _ in range(3):
        order = creation(worker.store)
        worker.handle(order)
        worker.handle(confirm(order.order_id))
    worker.handle(pay(order.order_id, "p", 6422))
    worker.store.close()
    return migrated


@pytest.fixture
def forger(book_of_orders):
    """Somebody with all rights who has switched the trigger off."""
    with connect(book_of_orders.events_url) as connection:
        connection.execute("ALTER TABLE events.event DISABLE TRIGGER append_only")
        connection.execute("ALTER TABLE events.seal DISABLE TRIGGER append_only")
        yield connection


def audited(databases):
    with connect(databases.events_url, databases.book.names["admin_role"]) as connection:
        return audit(connection, databases.book)


def test_an_untouched_log_is_clean(book_of_orders):
    result = audited(book_of_orders)
    assert result.findings == []
    assert (result.events, result.commits) == (10, 7)
    assert len(result.digest) == 32


@pytest.mark.parametrize(
    ("forgery", "position"),
    [
        ("UPDATE events.event SET state = replace(state, '\"quantity\":3', '\"quantity\":2') WHERE position = 4", 4),
        ("UPDATE events.event SET type = 'order.cancelled' WHERE position = 3", 3),
        ("UPDATE events.event SET version = 9 WHERE position = 10", 10),
        ("UPDATE events.event SET stream_id = gen_random_uuid() WHERE position = 6", 6),
        ("UPDATE events.event SET recorded_at = recorded_at - interval '1 microsecond' WHERE position = 6", 6),
        ("DELETE FROM events.event WHERE position = 5", 5),
        ("DELETE FROM events.event WHERE position = 10", 10),
        ("DELETE FROM events.seal WHERE position = 10", 10),
        ("UPDATE events.seal SET digest = sha256(digest) WHERE position = 6", 6),
        (
            """
            INSERT INTO events.event SELECT 11, gen_random_uuid(), 1, type, 1, state, recorded_at
            FROM events.event WHERE position = 1
            """,
            11,
        ),
    ],
)
def test_a_forgery_is_found_where_it_stands(book_of_orders, forger, forgery, position):
    forger.execute(forgery)
    findings = audited(book_of_orders).findings
    assert findings
    assert findings[0].position == position


def test_two_events_that_changed_places_are_found(book_of_orders, forger):
    forger.execute("UPDATE events.event SET position = -1 WHERE position = 1")
    forger.execute("UPDATE events.event SET position = 1 WHERE position = 2")
    forger.execute("UPDATE events.event SET position = 2 WHERE position = -1")
    assert audited(book_of_orders).findings[0].position == 1


def test_an_order_that_breaks_an_invariant_is_found_although_it_is_sealed(book_of_orders):
    log = GroupCommit(book_of_orders.events_url, book_of_orders.book, seconds=60)
    try:
        with connect(book_of_orders.events_url) as admin:
            stream, state = admin.execute(
                "SELECT stream_id, state FROM events.event WHERE type = 'payment.authorized'"
            ).fetchone()
        forged = state.replace('"amount":6422', '"capture_id":"c","amount":9999').replace(',"method":"card"', "")
        template = command(stream, version=4)
        log.append(
            Command(
                id=template.id,
                events=[AppendedEvent(stream, 5, "payment.captured", 1, forged)],
                expected=(stream, 4),
            )
        )
    finally:
        log.close()
    findings = audited(book_of_orders).findings
    assert findings
    assert findings[0].position == 11
    assert "exceed 6422 authorised" in findings[0].what
