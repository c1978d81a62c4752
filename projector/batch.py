"""One batch: the events behind the checkpoint posted to all tables in one transaction, or not at all."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

import psycopg

from projector import bulk, folding, summaries
from projector.checkpoint import COMPARE_AND_SET, Checkpoint, Generation
from projector.folding import Documents, PoisonedEvent
from projector.summaries import Contributions, DayOf
from projector.tables import customer, customer_erasure
from shared import event_log, order_document
from shared.database import Connection
from shared.recorded_event import RecordedEvent

ROW_FAULTS = (psycopg.DataError, psycopg.IntegrityError)
"""What the database says about a row that it cannot take."""


class Overtaken(Exception):
    """The compare-and-set found no row: another projector was faster, or another generation is live."""


class Posted(NamedTuple):
    """What a batch did. `asked_to_stop`: somebody wants the leader's lock, or a pause.

    `unknown` are the types of events that this code does not know, one for each of them: they stand in the timeline
    and advance their order's version, no more.
    """

    checkpoint: Checkpoint
    events: int
    asked_to_stop: bool
    unknown: tuple[str, ...] = ()


class Poster(NamedTuple):
    """What posting needs: a way to the log, the session that writes, the tables and the calendar.

    `events` and `reads` may be connections to two servers.
    """

    events: Connection
    reads: Connection
    generation: Generation
    day_of: DayOf

    def post_next(self, checkpoint: Checkpoint, limit: int) -> Posted:
        """Post at most `limit` events behind `checkpoint`.

        Raises `Overtaken`, or `PoisonedEvent` for the first event, when that one cannot be posted.
        """
        rows = self.events.execute(
            self.generation.book.sql(event_log.AFTER), [checkpoint.position, limit], prepare=True
        ).fetchall()
        if not rows:
            return Posted(checkpoint, 0, False)
        try:
            return self._post_rows(checkpoint, rows)
        except (PoisonedEvent, *ROW_FAULTS) as error:
            if len(rows) == 1:
                raise self._poisoned(rows[0], error) from error
            return self.post_next(checkpoint, len(rows) // 2)  # as far as it goes; then that event stands first

    def _post_rows(self, checkpoint: Checkpoint, rows: Sequence[folding.Row]) -> Posted:
        events = [folding.recorded(row) for row in rows]
        contacts = event_log.contacts(self.events, self.generation.book, folding.contact_refs(events))
        last = events[-1]
        following = checkpoint._replace(position=last.position, event_id=last.envelope.id)
        try:
            erased = customer_erasure.erasures(events)
            asked_to_stop, documents, positions = self._claim(checkpoint, following, events, erased)
            contributions = Contributions(self.day_of)
            present = set(documents)
            for document in documents.values():
                contributions.take(document)
            timeline = folding.fold(documents, events, contacts, across_streams=True)
            for document in documents.values():
                contributions.add(document)
            positions |= {event.stream_id: event.position for event in events}
            self._write(documents, present, positions, timeline)
            self._finish(contributions, documents, erased)
        except BaseException:
            if not self.reads.closed:
                self.reads.rollback()
            raise
        unknown = tuple(event.type for event in events if event.event is None)
        return Posted(following, len(events), asked_to_stop, unknown)

    def _claim(
        self, checkpoint: Checkpoint, following: Checkpoint, events: Sequence[RecordedEvent], erased: Collection[str]
    ) -> tuple[bool, Documents, dict[UUID, int]]:
        """Open the transaction with the compare-and-set; returns the documents that may change, and their positions.

        Those are the documents of the orders that go on, and of all orders of customers who are erased.
        """
        known = {event.stream_id for event in events} - {event.stream_id for event in events if event.version == 1}
        claim = {
            "floor": checkpoint.position,
            "generation": checkpoint.generation,
            "upto": following.position,
            "event_id": following.event_id,
        }
        with self.reads.pipeline():
            self.reads.execute("BEGIN")
            claimed = self.reads.execute(self.generation.sql(COMPARE_AND_SET), claim, prepare=True)
        row = claimed.fetchone()
        if row is None:
            raise Overtaken(
                f"{self.generation.schema} does not stand at position {checkpoint.position} in generation "
                f"{checkpoint.generation}: another projector or another generation has taken over"
            )
        # Not in the pipeline: with the flush that ends one, the server stops to watch for an idle session.
        loaded = self.reads.execute(self.generation.sql(LOAD), [list(known)], prepare=True).fetchall()
        if erased:
            loaded += self.reads.execute(self.generation.sql(LOAD_OF_CUSTOMERS), [list(erased)]).fetchall()
        documents = {order: order_document.decode(doc) for order, _, doc in loaded}
        return bool(row[0]), documents, {order: position for order, position, _ in loaded}

    def _write(
        self, documents: Documents, present: set[UUID], positions: dict[UUID, int], timeline: list[folding.Row]
    ) -> None:
        if present:
            with self.reads.pipeline():
                bulk.delete_orders(self.reads, self.generation, present)
        in_order = [(documents[order], positions[order]) for order in sorted(documents)]
        bulk.copy_orders(self.reads, self.generation, in_order)
        bulk.copy_timeline(self.reads, self.generation, timeline)

    def _finish(self, contributions: Contributions, documents: Documents, erased: Mapping[str, str]) -> None:
        named = (document.customer.customer_id for document in documents.values())
        customers = erased.keys() | {who for who in named if who is not None}
        with self.reads.pipeline():
            summaries.apply(self.reads, self.generation, contributions)
            if erased:
                self.reads.execute(
                    self.generation.sql(customer_erasure.UPSERT),
                    {"customers": list(erased), "times": list(erased.values())},
                )
            if customers:  # not prepared: a plan for any parameter, NULL included, would scan the whole table
                recompute = self.generation.sql(customer.RECOMPUTE)
                self.reads.execute(recompute, {"customers": sorted(customers)}, prepare=False)
            self.reads.execute("COMMIT")
        # After the commit and apart from it: the commit of a NOTIFY takes a lock of the whole server.
        self.reads.execute(f"NOTIFY {self.generation.book.names['posted']}")

    def _poisoned(self, row: folding.Row, error: Exception) -> PoisonedEvent:
        if isinstance(error, PoisonedEvent):
            return error
        return PoisonedEvent(row[0], row[3], row[1], f"{type(error).__name__}: {error}".partition("\n")[0])


LOAD = "SELECT order_id, position, doc FROM {reads}.order_detail WHERE order_id = ANY(%s)"

LOAD_OF_CUSTOMERS = """
SELECT
    order_id,
    detail.position,
    doc
FROM {reads}.order_list
JOIN {reads}.order_detail detail USING (order_id)
WHERE customer_id = ANY(%s)
"""
