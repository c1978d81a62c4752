"""One batch: the events behind the checkpoint posted to all tables in one transaction, or not at all."""

from collections.abc import Callable, Collection, Mapping, Sequence
from time import perf_counter
from typing import NamedTuple
from uuid import UUID

from projector import folding, quarantine, summaries
from projector.applying import Loaded, Posting
from projector.batch_lines import nobody
from projector.checkpoint import COMPARE_AND_SET, Checkpoint, Generation
from projector.poison import PoisonedEvent, is_poison
from projector.quarantine import Pieces
from projector.standstill import Unreadable
from projector.summaries import Contributions, DayOf
from projector.tables import customer, customer_erasure
from shared import event_log
from shared.database import Connection
from shared.order_document import Contacts
from shared.recorded_event import RecordedEvent


class Overtaken(Exception):
    """The compare-and-set found no row: another projector was faster, or another generation is live."""


class Posted(NamedTuple):
    """What a batch did. `asked_to_stop`: somebody wants the leader's lock, or a pause.

    `unknown` are the types of events that this code does not know, one for each of them: they stand in the timeline
    and advance their order's version, no more. `quarantined`: orders that stand still from now on, since these events.
    """

    checkpoint: Checkpoint
    events: int
    asked_to_stop: bool
    unknown: tuple[str, ...] = ()
    quarantined: tuple[PoisonedEvent, ...] = ()


class _Claimed(NamedTuple):
    """What the transaction begins with. `still`: the orders in quarantine."""

    asked_to_stop: bool
    still: list[UUID]
    loaded: Loaded


class Poster(NamedTuple):
    """What posting needs: a way to the log, the session that writes, the tables and the calendar.

    `events` and `reads` may be connections to two servers. `most_quarantined`: so many orders may be in quarantine.
    `told` hears of each batch: its events, and the seconds it took.
    """

    events: Connection
    reads: Connection
    generation: Generation
    day_of: DayOf
    most_quarantined: int = quarantine.MOST
    told: Callable[[Sequence[RecordedEvent], float], None] = nobody

    def post_next(self, checkpoint: Checkpoint, limit: int) -> Posted:
        """Post at most `limit` events behind `checkpoint`. An order whose event cannot be posted stands still.

        Raises `Overtaken`; `TooManyQuarantined`, or `PoisonedEvent` if no order may be in quarantine.
        """
        began = perf_counter()
        rows = self.events.execute(
            self.generation.book.sql(event_log.AFTER), [checkpoint.position, limit], prepare=True
        ).fetchall()
        if not rows:
            return Posted(checkpoint, 0, False)
        events = [folding.recorded(row) for row in rows]
        contacts = event_log.contacts(self.events, self.generation.book, folding.contact_refs(events))
        posted = None
        try:
            posted = self._post(checkpoint, events, contacts)
        except Overtaken:
            raise
        except Exception as error:
            if not is_poison(error):
                raise
        if posted is None:
            posted = self._post(checkpoint, events, contacts, in_pieces=True)
            quarantine.tell(posted.quarantined)
        self.told(events, perf_counter() - began)
        return posted

    def _post(
        self,
        checkpoint: Checkpoint,
        events: Sequence[RecordedEvent],
        contacts: Contacts,
        *,
        in_pieces: bool = False,
    ) -> Posted:
        last = events[-1]
        following = checkpoint._replace(position=last.position, event_id=last.envelope.id)
        erased = customer_erasure.erasures(events)
        poisoned: list[PoisonedEvent] = []
        try:
            claimed = self._claim(checkpoint, following, events, erased)
            since = dict.fromkeys(claimed.still, 0)
            posting = Posting(self.reads, self.generation, self.day_of, contacts, claimed.loaded)
            if in_pieces:
                pieces = Pieces(posting, events, since, self._write_sums, self.most_quarantined)
                pieces.post()
                poisoned, sums, customers = pieces.poisoned, Contributions(self.day_of), pieces.customers
            else:
                sums, customers = posting.apply(events, since)
            self._finish(sums, customers, erased)
        except BaseException:
            if not self.reads.closed:
                self.reads.rollback()
            raise
        unknown = tuple(e.type for e in events if e.event is None and not isinstance(e, Unreadable))
        return Posted(following, len(events), claimed.asked_to_stop, unknown, tuple(poisoned))

    def _claim(
        self, checkpoint: Checkpoint, following: Checkpoint, events: Sequence[RecordedEvent], erased: Collection[str]
    ) -> _Claimed:
        """Open the transaction with the compare-and-set; loads the documents that may change.

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
        return _Claimed(bool(row[0]), row[1], {order: (position, doc) for order, position, doc in loaded})

    def _write_sums(self, contributions: Contributions) -> None:
        summaries.apply(self.reads, self.generation, contributions)

    def _finish(self, contributions: Contributions, customers: set[str], erased: Mapping[str, str]) -> None:
        customers |= erased.keys()
        with self.reads.pipeline():
            summaries.apply(self.reads, self.generation, contributions)
            if erased:
                self.reads.execute(
                    self.generation.sql(customer_erasure.UPSERT),
                    {"customers": list(erased), "times": list(erased.values())},
                )
            if customers:
                recompute = self.generation.sql(customer.RECOMPUTE)
                self.reads.execute(recompute, {"customers": sorted(customers)}, prepare=True)
            self.reads.execute("COMMIT")
        # After the commit and apart from it: the commit of a NOTIFY takes a lock of the whole server.
        self.reads.execute(f"NOTIFY {self.generation.book.names['posted']}")


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
