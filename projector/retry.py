"""`daybook retry`: orders in quarantine folded anew from the log, after what kept them from being posted is mended."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import psycopg

from projector import batch, folding, generation, leader, quarantine, summaries
from projector.applying import Posting
from projector.checkpoint import Generation, require_ours
from projector.order_names import named
from projector.poison import PoisonedEvent
from projector.quarantine import Pieces
from projector.summaries import Contributions, DayOf
from projector.tables import customer, customer_erasure, order_timeline
from projector.tables.days import days_in
from shared import event_log
from shared.anticipated import Anticipated
from shared.database import Connection, connect
from shared.environment import Databases

PATIENCE = 60.0
"""Seconds to wait for the leader's lock."""


class NotInQuarantine(Anticipated):
    """There is nothing to try again."""


class Retried(NamedTuple):
    """What became of an order. `error`: why it still stands still, None if it goes on."""

    order_id: UUID
    error: str | None


def retry(databases: Databases, timezone: str, orders: Sequence[UUID | str]) -> list[Retried]:
    """Try `orders`, ids or numbers, again, or all in quarantine if none is named; each in a transaction of its own.

    Raises `NotInQuarantine`, `Refused`, `LockNotHandedOver`.
    """
    book, live = databases.book, generation.live(databases.book)
    role = book.names["projector_role"]
    with (
        connect(databases.events_url, role, "daybook retry reading") as events,
        connect(databases.reads_url, role, "daybook retry") as reads,
    ):
        if require_ours(events, reads, live, timezone) is None:
            raise NotInQuarantine(f"there are no tables in {live.schema} yet: start `daybook projector` first")
        with leader.handed_over(reads, book, PATIENCE):
            present = [UUID(row["order_id"]) for row in quarantine.listed(reads, live)]
            chosen = [_chosen(reads, live, order, present) for order in orders]
            again = _Again(events, reads, live, days_in(timezone))
            retried = [again.order(order) for order in dict.fromkeys(chosen or present)]
        reads.execute(f"NOTIFY {book.names['posted']}")
    return retried


def _chosen(reads: Connection, live: Generation, name: UUID | str, present: Sequence[UUID]) -> UUID:
    order = named(reads, live, str(name))
    if order is None:
        raise NotInQuarantine(
            f"no order has the number {str(name)!r} in the read tables: give its id, as `daybook status` lists it"
        )
    if order not in present:
        raise NotInQuarantine(_why_not(reads, live, order))
    return order


def _why_not(reads: Connection, live: Generation, order: UUID) -> str:
    known = reads.execute(live.sql("SELECT FROM {reads}.order_timeline WHERE order_id = %s LIMIT 1"), [order])
    if known.fetchone() is None:
        return f"no event of an order {order} has been posted: see `daybook status` for the orders in quarantine"
    return f"order {order} is not in quarantine, so there is nothing to retry: see `daybook status` for those that are"


LOCKED = """
SELECT c.position, q.version
FROM {reads}.checkpoint c, {reads}.quarantine q
WHERE q.order_id = %s AND NOT c.retired
FOR UPDATE
"""
FORGET_TIMELINE = f"DELETE FROM {{reads}}.{order_timeline.NAME} WHERE order_id = %s"
RELEASE = "DELETE FROM {reads}.quarantine WHERE order_id = %s"
UPDATE_ERROR = "UPDATE {reads}.quarantine SET error = %s WHERE order_id = %s"


class _Again:
    """The sessions, tables and calendar of a retry."""

    def __init__(self, events: Connection, reads: Connection, live: Generation, day_of: DayOf) -> None:
        self._events = events
        self._reads = reads
        self._live = live
        self._day_of = day_of

    def order(self, order: UUID) -> Retried:
        """Fold it anew up to where the tables stand. Still broken, it comes as far as it can, and never back."""
        with self._reads.transaction() as transaction:
            row = self._reads.execute(self._live.sql(LOCKED), [order]).fetchone()
            if row is None:
                raise NotInQuarantine(f"order {order} is not in quarantine any more")
            upto, stood_at = row
            poisoned = self._fold_anew(order, upto)
            if poisoned is None:
                self._reads.execute(self._live.sql(RELEASE), [order])
            elif poisoned.version < stood_at:  # this code is worse: the last good version stays
                raise psycopg.Rollback(transaction)
        if poisoned is not None and poisoned.version < stood_at:
            self._reads.execute(self._live.sql(UPDATE_ERROR), [poisoned.reason, order])
        return Retried(order, None if poisoned is None else poisoned.why)

    def _fold_anew(self, order: UUID, upto: int) -> PoisonedEvent | None:
        """Replace all that the tables say of the order; what it still stands still at, if it does."""
        rows = self._events.execute(self._live.book.sql(event_log.STREAM), [order, 0]).fetchall()
        events = [folding.recorded(row) for row in rows if row[0] <= upto]
        contacts = event_log.contacts(self._events, self._live.book, folding.contact_refs(events))
        stored = self._reads.execute(self._live.sql(batch.LOAD), [[order]]).fetchall()
        loaded = {order_id: (position, doc) for order_id, position, doc in stored}
        posting = Posting(self._reads, self._live, self._day_of, contacts, loaded, across_streams=False, anew=True)
        self._reads.execute(self._live.sql(FORGET_TIMELINE), [order])
        pieces = Pieces(posting, events, {}, self._write_sums, quarantine.UNLIMITED)
        pieces.post()
        erased = customer_erasure.erasures(events)
        if erased:
            upsert = self._live.sql(customer_erasure.UPSERT)
            self._reads.execute(upsert, {"customers": list(erased), "times": list(erased.values())})
        customers = sorted(pieces.customers | erased.keys())
        self._reads.execute(self._live.sql(customer.RECOMPUTE), {"customers": customers})
        return pieces.poisoned[0] if pieces.poisoned else None

    def _write_sums(self, contributions: Contributions) -> None:
        summaries.apply(self._reads, self._live, contributions)
