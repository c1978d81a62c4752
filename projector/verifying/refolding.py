"""Some orders folded again from the log, as they stood at one position, beside what is stored of them.

What they come to is written to temporary tables of the same names, by the same statements as everywhere, and compared
there: so nothing has to be said twice, neither how a row is written nor what a customer's row is made of.
"""

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple
from uuid import UUID

from projector import bulk, folding
from projector.checkpoint import Checkpoint, Generation
from projector.standstill import Standstill
from projector.summaries import Contributions, DayOf, part_rows
from projector.tables import PER_ORDER, SUMMARIES, customer, customer_erasure, definition, order_timeline
from projector.verifying.comparing import EXAMPLES, Difference, difference, key_columns
from shared import event_log
from shared.database import Connection
from shared.order_document import OrderDocument

OF_ORDERS = (*(table.NAME for table in PER_ORDER), order_timeline.NAME)
"""Tables whose rows belong to one order each."""

SUMMARIES_OF_CUSTOMERS = tuple(summary for summary in SUMMARIES if summary.KEY[0] == "customer_id")
OF_CUSTOMERS = (customer_erasure.NAME, customer.NAME, *(summary.NAME for summary in SUMMARIES_OF_CUSTOMERS))
"""Tables whose rows come from all orders of one customer each."""

ERASURES = {"order.erased", "customer.erased"}


class Standing(NamedTuple):
    """Where an order in quarantine stands still: the event at this version and position could not be posted."""

    version: int
    position: int


class Folded(NamedTuple):
    """What some streams come to.

    `erasing`: streams whose personal data are gone, which the tables are yet to be told, and the position that tells.
    """

    documents: dict[UUID, OrderDocument]
    positions: dict[UUID, int]
    timeline: list[folding.Row]
    erased: dict[str, str]
    erasing: dict[UUID, int]


class Found(NamedTuple):
    """Rows that differ per table, and examples of them."""

    rows: dict[str, int]
    examples: list[Difference]


class Refolding:
    """Two sessions, each with one snapshot of its own: of the read tables, and, taken later, of the log."""

    def __init__(self, events: Connection, reads: Connection, live: Generation, day_of: DayOf) -> None:
        self._events = events
        self._reads = reads
        self._live = live
        self._again = Generation(live.book, "pg_temp")
        self._day_of = day_of
        for table in (*OF_ORDERS, *OF_CUSTOMERS):
            reads.execute(self._again.sql(definition(table)))
        self._keys = {table: key_columns(reads, self._again, table) for table in (*OF_ORDERS, *OF_CUSTOMERS)}

    def fold(self, streams: Collection[UUID], stand: Checkpoint) -> Folded:
        """Fold whole streams up to the position of `stand`; one in quarantine as far as its last good version."""
        quarantined = self.quarantined(streams)
        rows = self._events.execute(self._live.book.sql(STREAMS), [list(streams)], prepare=True).fetchall()
        events = [folding.recorded(row) for row in rows if row[0] <= stand.position]
        erasing = {row[1]: row[0] for row in rows if row[0] > stand.position and row[3] in ERASURES}
        contacts = event_log.contacts(self._events, self._live.book, folding.contact_refs(events))
        still = Standstill({order: it.version for order, it in quarantined.items()})
        documents: dict[UUID, OrderDocument] = {}
        timeline = folding.fold(documents, events, contacts, still=still)
        positions = {event.stream_id: event.position for event in events if not still.holds(event)}
        return Folded(documents, positions, timeline, customer_erasure.erasures(events), erasing)

    def quarantined(self, streams: Collection[UUID]) -> dict[UUID, Standing]:
        """Those of `streams` that are in quarantine."""
        rows = self._reads.execute(self._live.sql(QUARANTINED), [list(streams)], prepare=True)
        return {order: Standing(version, position) for order, version, position in rows}

    def compare_orders(self, folded: Folded, orders: Collection[UUID]) -> Found:
        """Compare what `orders` come to with every table that has rows of theirs."""
        self._empty(OF_ORDERS)
        in_order = [(folded.documents[order], folded.positions[order]) for order in orders if order in folded.documents]
        bulk.copy_orders(self._reads, self._again, in_order)
        wanted = {order.hex for order in orders}
        bulk.copy_timeline(self._reads, self._again, [row for row in folded.timeline if row[0] in wanted])
        return self._differences(OF_ORDERS, "order_id", list(orders))

    def compare_customers(self, folded: Folded, customers: Collection[str]) -> Found:
        """Compare what all orders of `customers` come to with what is stored of these customers."""
        self._empty((*OF_ORDERS, *OF_CUSTOMERS))
        theirs = [one for one in folded.documents.items() if one[1].customer.customer_id in customers]
        bulk.copy_orders(self._reads, self._again, [(document, folded.positions[order]) for order, document in theirs])
        erased = [(name, at) for name, at in folded.erased.items() if name in customers]
        bulk.copy(self._reads, self._again, customer_erasure.NAME, customer_erasure.COLUMNS, erased)
        contributions = Contributions(self._day_of)
        for _, document in theirs:
            contributions.add(document)
        for summary, sums in contributions:
            if summary in SUMMARIES_OF_CUSTOMERS:
                columns = (*summary.KEY, *summary.MEASURES)
                bulk.copy(self._reads, self._again, summary.NAME, columns, part_rows(sums))
        self._reads.execute(self._again.sql(customer.RECOMPUTE_ALL))
        return self._differences(OF_CUSTOMERS, "customer_id", list(customers))

    def _empty(self, tables: Iterable[str]) -> None:
        names = ", ".join(f"pg_temp.{table}" for table in tables)
        self._reads.execute(f"TRUNCATE {names}")

    def _differences(self, tables: Iterable[str], column: str, keys: list[Any]) -> Found:
        rows: dict[str, int] = {}
        examples: list[Difference] = []
        for table in tables:
            names = {"table": table, "column": column, "key": ", ".join(self._keys[table])}
            query = self._live.book.sql(DIFFERENCES, reads=self._live.schema, **names)
            found = self._reads.execute(query, {"keys": keys, "examples": EXAMPLES}).fetchall()
            if found:
                rows[table] = found[0][2]
                examples += [difference(table, self._keys[table], stored, again) for stored, again, _ in found]
        return Found(rows, examples)


STREAMS = f"""
SELECT {event_log.SELECT_COLUMNS}
FROM {{events}}.event e
WHERE e.stream_id = ANY(%s)
ORDER BY e.stream_id, e.version
"""

QUARANTINED = "SELECT order_id, version, position FROM {reads}.quarantine WHERE order_id = ANY(%s)"

DIFFERENCES = """
WITH stored AS (
    SELECT * FROM {reads}.{table} WHERE {column} = ANY(%(keys)s)
), surplus AS (
    SELECT * FROM stored EXCEPT ALL SELECT * FROM pg_temp.{table}
), lacking AS (
    SELECT * FROM pg_temp.{table} EXCEPT ALL SELECT * FROM stored
)
SELECT
    to_jsonb(s),
    to_jsonb(l),
    count(*) OVER ()
FROM surplus s
FULL JOIN lacking l USING ({key})
ORDER BY {key}
LIMIT %(examples)s
"""
