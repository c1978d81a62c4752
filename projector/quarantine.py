"""Orders in quarantine: those whose event could not be posted stand still, all others go on.

What cannot be posted at once is posted piece by piece, each piece in a savepoint: pieces that fail are halved down to
one order, and that order's events are tried one after another.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from uuid import UUID

import msgspec
from psycopg.errors import UndefinedTable
from psycopg.rows import dict_row

from projector import folding
from projector.applying import Posting
from projector.checkpoint import Generation
from projector.poison import PoisonedEvent, TooManyQuarantined, described, is_poison
from projector.summaries import Contributions
from shared import event_log
from shared.database import Connection
from shared.events import CustomerErased
from shared.recorded_event import RecordedEvent

log = logging.getLogger(__name__)

MOST = 100
"""Orders that may be in quarantine, unless another number is given."""

UNLIMITED = 2**31
"""For orders that are in it already."""

ADD = """
INSERT INTO {reads}.quarantine AS present (
    order_id,
    version,
    position,
    type,
    error
)
VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (order_id) DO UPDATE
SET
    version = excluded.version,
    position = excluded.position,
    type = excluded.type,
    error = excluded.error
"""


def add(connection: Connection, generation: Generation, poisoned: Iterable[PoisonedEvent]) -> None:
    """Put orders into quarantine; what is known of those that are in it is brought up to date."""
    for event in poisoned:
        values = [event.stream_id, event.version, event.position, event.type.replace("\0", ""), event.reason]
        connection.execute(generation.sql(ADD), values)


LISTED = f"""
SELECT
    order_id::text,
    position,
    version,
    type,
    error,
    {event_log.CANONICAL_TIME.format("since")} AS since
FROM {{reads}}.quarantine
ORDER BY position
"""


def listed(connection: Connection, generation: Generation) -> list[dict[str, Any]]:
    """The orders in quarantine, as `Status` shows them (`domain.md` §3.3); none in tables of code before quarantine."""
    try:
        with connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(generation.sql(LISTED)).fetchall()
    except UndefinedTable:
        return []


def count(connection: Connection, generation: Generation) -> int:
    """How many orders are in quarantine."""
    row = connection.execute(generation.sql("SELECT count(*) FROM {reads}.quarantine")).fetchone()
    return row[0] if row else 0


def in_words(orders: int) -> str:
    """`quarantined 2 orders`."""
    return f"quarantined {orders} order{'s' if orders != 1 else ''}"


def tell(poisoned: Iterable[PoisonedEvent]) -> None:
    """Log orders that are in quarantine from now on."""
    for event in poisoned:
        log.warning(
            "order %s stands still since event %d (%s), which could not be posted: %s; once that is mended: "
            "daybook retry %s",
            event.stream_id,
            event.position,
            event.type,
            event.reason,
            event.stream_id,
        )


class Pieces:
    """Events that cannot be posted at once, posted as far as they can be. Part of the caller's transaction.

    `since` is added to; `poisoned` are the orders found, `customers` those to recompute. `write_sums` writes what a
    piece contributes. `most` orders may be in quarantine, those that are already included.
    """

    def __init__(
        self,
        posting: Posting,
        events: Sequence[RecordedEvent],
        since: dict[UUID, int],
        write_sums: Callable[[Contributions], None],
        most: int,
    ) -> None:
        self._posting = posting
        self._events = events
        self._since = since
        self._write_sums = write_sums
        self._most = most
        self._already = count(posting.reads, posting.tables)
        self._own: dict[UUID, list[RecordedEvent]] = defaultdict(list)
        for event in events:
            self._own[event.stream_id].append(event)
        self.poisoned: list[PoisonedEvent] = []
        self.customers: set[str] = set()

    def post(self) -> None:
        """Post them; orders that cannot be posted are in quarantine then.

        Raises `TooManyQuarantined`, or `PoisonedEvent` if none may be.
        """
        untouched = [order for order in self._posting.loaded if order not in self._own]
        self._post([*self._own, *untouched])
        add(self._posting.reads, self._posting.tables, self.poisoned)

    def _post(self, streams: list[UUID]) -> None:
        error = self._fault(streams, self._events_of(streams))
        if error is None:
            return
        if len(streams) > 1:
            half = len(streams) // 2
            self._post(streams[:half])
            self._post(streams[half:])
        else:
            self._stand_still(streams[0], error)

    def _events_of(self, streams: list[UUID]) -> list[RecordedEvent]:
        """Their own, and erasures of customers, which reach all orders."""
        wanted = set(streams)
        return [e for e in self._events if e.stream_id in wanted or isinstance(e.event, CustomerErased)]

    def _fault(self, streams: list[UUID], events: list[RecordedEvent], *, keep: bool = True) -> Exception | None:
        """Post a piece; what is wrong with it, if it cannot be posted. `keep` what could be."""
        try:
            with self._posting.reads.transaction(force_rollback=not keep):
                applied = self._posting.apply(events, self._since, streams)
                self._write_sums(applied.contributions)
        except Exception as error:
            if not is_poison(error):
                raise
            return error
        if keep:
            self.customers |= applied.customers
        return None

    def _stand_still(self, stream: UUID, error: Exception) -> None:
        """Post one stream up to its first event that cannot be posted."""
        events = self._events_of([stream])
        found = self._first_fault(stream, events, error)
        if not self._most:
            raise found from error
        if self._already + len(self.poisoned) >= self._most:
            raise TooManyQuarantined(self._most, found) from error
        self.poisoned.append(found)
        self._since[stream] = found.version
        if (again := self._fault([stream], events)) is not None:
            raise found from again

    def _first_fault(self, stream: UUID, events: list[RecordedEvent], error: Exception) -> PoisonedEvent:
        for event in self._own.get(stream, []):
            upto = [e for e in events if e.position <= event.position]
            fault = self._fault([stream], upto, keep=False)
            if fault is not None:
                reason = fault.reason if isinstance(fault, PoisonedEvent) else self._described(stream, fault)
                return PoisonedEvent(event.position, event.type, stream, event.version, reason)
        # No event of its own: the erasure of its customer makes it be written again.
        last = events[-1]
        reason = self._described(stream, error)
        return PoisonedEvent(last.position, last.type, stream, self._next_version(stream), reason)

    def _next_version(self, stream: UUID) -> int:
        own = self._own.get(stream)
        return 1 + int(own[-1].version if own else self._stored(stream).get("version", 0))

    def _described(self, stream: UUID, error: Exception) -> str:
        contacts = self._posting.contacts
        vault = [contacts.get(ref) for ref in folding.contact_refs(self._own.get(stream, []))]
        stored = self._stored(stream)
        copies = [stored.get(name) for name in ("customer", "shipping_address", "billing_address", "notes")]
        return described(error, vault, copies)

    def _stored(self, stream: UUID) -> dict[str, Any]:
        _, doc = self._posting.loaded.get(stream, (0, "{}"))
        try:
            return msgspec.json.decode(doc, type=dict[str, Any])
        except msgspec.MsgspecError:
            return {}
