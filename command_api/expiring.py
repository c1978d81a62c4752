"""`daybook expire`: call off placed orders that nobody has paid, through the same rules as any other command."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import click

from command_api.commands import CancelOrder
from command_api.handling import Handling, Request
from command_api.order import Order, evolve
from shared.book import Book
from shared.database import Connection, connect
from shared.durations import Duration
from shared.environment import Place, place_options
from shared.event_store import PATIENCE, EventStore
from shared.events import Actor, Timestamp
from shared.http_headers import IfMatch
from shared.migrate import check
from shared.problems import Problem

ACTOR = Actor("system", "daybook expire")

# Reads the whole log, no more than a few times a day. What is still placed is told by types alone; the order itself
# says the rest.
STILL_PLACED = """
SELECT p.stream_id
FROM {events}.event p
WHERE p.type IN ('order.placed', 'order.imported')
    AND p.state::json -> 'data' ->> 'placed_at' < %s
    AND coalesce(p.state::json -> 'data' ->> 'status', 'placed') = 'placed'
    AND NOT EXISTS (
        SELECT
        FROM {events}.event later
        WHERE later.stream_id = p.stream_id
            AND later.type IN ('order.confirmed', 'order.completed', 'order.cancelled')
    )
ORDER BY p.position
"""


@click.command("expire")
@click.option(
    "--unpaid-older-than",
    "age",
    envvar="DAYBOOK_EXPIRE_UNPAID_OLDER_THAN",
    show_envvar=True,
    type=Duration(),
    required=True,
    help="Time since an order was placed, as in 24h.",
)
@click.option(
    "--dry-run", is_flag=True, envvar="DAYBOOK_EXPIRE_DRY_RUN", show_envvar=True, help="Only name the orders."
)
@place_options
def expire_command(place: Place, age: int, *, dry_run: bool) -> None:
    """Cancel, with the reason `expired`, placed orders for which no money has come in or is reserved.

    Only orders to be paid in advance that are not confirmed yet. Running it again, or twice at once, is harmless.
    """
    with place.open() as databases:
        book = databases.book
        check(databases.events_url, book, "events")
        with connect(databases.events_url, book.names["command_role"], "daybook expire") as connection:
            candidates = still_placed(connection, book, datetime.now(UTC) - timedelta(seconds=age))
        store: EventStore[Order | None] = EventStore(databases.events_url, book, cached=1, seconds=PATIENCE)
        try:
            expired = 0
            for order_id, number in expire(Handling(store), candidates, dry_run=dry_run):
                click.echo(f"{order_id} {number}")
                expired += 1
        finally:
            store.close()
    click.echo(f"{expired} orders {'would expire' if dry_run else 'expired'}", err=True)


def still_placed(connection: Connection, book: Book, before: datetime) -> list[UUID]:
    """The orders placed before then that have neither been confirmed nor cancelled."""
    moment: Timestamp = before.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return [order_id for (order_id,) in connection.execute(book.sql(STILL_PLACED), [moment])]


def unpaid(order: Order) -> bool:
    """Whether the order waits for money in vain: it is to be paid in advance, and nothing came in or is reserved."""
    return (
        order.status == "placed"
        and order.payment_terms == "prepaid"
        and order.outstanding > 0
        and not order.open_authorized
        and not order.net_paid
    )


def expire(handling: Handling, candidates: list[UUID], *, dry_run: bool = False) -> Iterator[tuple[UUID, str | None]]:
    """Cancel those of `candidates` that are unpaid; yields their ids and numbers, one by one."""
    for order_id in candidates:
        order, version = _order(handling, order_id)
        if order is not None and unpaid(order) and (dry_run or _cancelled(handling, order_id, version)):
            yield order_id, order.number


def _order(handling: Handling, order_id: UUID) -> tuple[Order | None, int]:
    """The order as the log has it now, and its version."""
    order, version = None, 0
    for event in handling.store.fresh(order_id, 0, ACTOR.id, None).events:
        version = event.originator_version
        if event.event is not None:
            order = evolve(order, event.event)
    return order, version


def _cancelled(handling: Handling, order_id: UUID, version: int) -> bool:
    """Cancel the order as it was looked at; False if something has happened to it since."""
    request = Request(
        order_id=order_id,
        command=CancelOrder(reason="expired"),
        actor=ACTOR,
        principal=ACTOR.id,
        key=f"expire {order_id}",
        fingerprint="expire",
        if_match=IfMatch(versions=frozenset({version})),
    )
    try:
        return handling.handle(request).changed
    except Problem as problem:
        if problem.code in {"version_mismatch", "concurrency_conflict"}:
            return False
        raise
