"""Events of some orders posted to the tables: the step that a batch does at once, piece by piece, or again."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from projector import bulk, folding
from projector.checkpoint import Generation
from projector.folding import Documents
from projector.poison import is_poison
from projector.standstill import Standstill
from projector.summaries import Contributions, DayOf
from projector.tables import order_detail
from shared import order_document
from shared.database import Connection
from shared.order_document import Contacts, OrderDocument
from shared.recorded_event import RecordedEvent

Loaded = Mapping[UUID, tuple[int, str]]
"""Order → position and JSON of its stored document."""


FORGET_CUSTOMER = """
DELETE FROM {reads}.customer c
WHERE c.customer_id = %s
    AND NOT EXISTS (SELECT FROM {reads}.order_list o WHERE o.customer_id = c.customer_id)
"""
"""Of a customer without a row in `order_list` the next recomputation says nothing; a retry brings both back."""


class Applied(NamedTuple):
    """What is left to do: the sums that change, and the customers to recompute."""

    contributions: Contributions
    customers: set[str]


class Posting(NamedTuple):
    """Where to post, and what is known beforehand. The transaction is the caller's.

    `across_streams`: as for `folding.fold`. `anew`: whole streams are folded from nothing in place of what is stored.
    """

    reads: Connection
    tables: Generation
    day_of: DayOf
    contacts: Contacts
    loaded: Loaded
    across_streams: bool = True
    anew: bool = False

    def apply(
        self, events: Sequence[RecordedEvent], since: Mapping[UUID, int], streams: Collection[UUID] | None = None
    ) -> Applied:
        """Write what `events` change. `since`: stream → version from which on it stands still.

        `streams`: only these; of other streams there may be customers' erasures among the events.
        """
        still = Standstill(since)
        positions = {e.stream_id: e.position for e in events if not (since and still.holds(e))}
        contributions = Contributions(self.day_of)
        documents: Documents = {}
        present: set[UUID] = set()
        for order, (position, doc) in self.loaded.items():
            if streams is not None and order not in streams:
                continue
            if order in since and order not in positions:
                if (last_good := _decoded(doc)) is not None:
                    still.documents[order] = last_good
                continue
            document = order_document.decode(doc)
            contributions.take(document)
            present.add(order)
            if not self.anew:
                documents[order] = document
                positions.setdefault(order, position)
        timeline = folding.fold(documents, events, self.contacts, across_streams=self.across_streams, still=still)
        if streams is not None:
            own = {stream.hex for stream in streams}
            timeline = [row for row in timeline if row[0] in own]
        for document in documents.values():
            contributions.add(document)
        self._write(documents, present, positions, timeline)
        for order in still.blanked:
            self._rewrite(order, still.documents.get(order))
        touched = [*documents.values(), *still.documents.values()]
        return Applied(contributions, {one.customer.customer_id for one in touched if one.customer.customer_id})

    def _write(
        self, documents: Documents, present: set[UUID], positions: Mapping[UUID, int], timeline: list[folding.Row]
    ) -> None:
        if present:
            with self.reads.pipeline():
                bulk.delete_orders(self.reads, self.tables, present)
        in_order = [(documents[order], positions[order]) for order in sorted(documents)]
        bulk.copy_orders(self.reads, self.tables, in_order)
        bulk.copy_timeline(self.reads, self.tables, timeline)

    def _rewrite(self, order: UUID, blanked: OrderDocument | None) -> None:
        """Replace the rows of an order that stands still, now without personal data; its sums stay as they are.

        What cannot be written any more is deleted all the same.
        """
        if blanked is not None and order in self.loaded:
            position = self.loaded[order][0]
            try:
                with self.reads.transaction():
                    bulk.delete_orders(self.reads, self.tables, [order])
                    bulk.copy_orders(self.reads, self.tables, [(blanked, position)])
            except Exception as error:
                if not is_poison(error):
                    raise
                bulk.delete_orders(self.reads, self.tables, [order])
                rows = order_detail.rows(blanked, position)
                bulk.copy(self.reads, self.tables, order_detail.NAME, order_detail.COLUMNS, rows)
                self.reads.execute(self.tables.sql(FORGET_CUSTOMER), [blanked.customer.customer_id])
        else:
            bulk.delete_orders(self.reads, self.tables, [order])


def _decoded(doc: str) -> OrderDocument | None:
    """The last good document of an order that stands still, None if this code cannot read it any more."""
    try:
        return order_document.decode(doc)
    except Exception:  # noqa: BLE001 -- then its rows stay as they are, and go with an erasure
        return None
