"""One worker of a rebuild: the streams of one slice, each folded once and written once, chunk by chunk.

Streams come in order of their id, so that key columns are written sorted. A chunk and the progress of its slice are one
transaction, and that transaction begins with a compare-and-set: a worker left behind by a killed rebuild stops there.
"""

import gc
from multiprocessing import parent_process
from typing import NamedTuple

from projector import bulk, folding
from projector.applying import Posting
from projector.checkpoint import Generation
from projector.folding import Documents, Row
from projector.poison import is_poison
from projector.quarantine import Pieces
from projector.rebuilding.pace import Pace, give_way
from projector.rebuilding.streams import Place, Source, portions
from projector.summaries import Contributions, DayOf, part_rows
from projector.tables import customer_erasure, order_timeline
from projector.tables.days import days_in
from shared import event_log
from shared.database import Connection, connect
from shared.environment import Databases
from shared.order_document import Contacts
from shared.recorded_event import RecordedEvent

CHUNK = 12_000
"""Events read and written at once: enough to keep statements rare, few enough to keep memory flat."""

PORTION = 200
"""Events folded and encoded at once: few enough to stay in the processor's cache, which saves a quarter of the time."""

READING = {"enable_seqscan": "off", "enable_bitmapscan": "off", "enable_sort": "off", "jit": "off", "TimeZone": "UTC"}
"""Chunks are read along the index, however the planner rates it."""

WRITING = {"synchronous_commit": "off"}
"""What a crash of the server takes back, slices and tables lose alike."""


class SliceTaken(Exception):
    """The slice is not where this worker left it: another rebuild has begun."""


class Task(NamedTuple):
    """What a worker is given: slice `number` of the generation in `schema`, and how it is to be posted.

    `most_quarantined`: so many orders may stand still because an event of theirs cannot be posted. `throttle`: share
    of the time in percent that the worker may work.
    """

    databases: Databases
    schema: str
    number: int
    timezone: str
    most_quarantined: int = 0
    throttle: int = 100


TAKE = """
UPDATE {reads}.slice
SET taken = taken + 1
WHERE slice = %s
RETURNING
    taken,
    head,
    stream_id,
    version,
    last_stream,
    finished
"""
"""Waits for the chunk that a worker left behind by a killed rebuild may be at, its last."""


def post_slice(task: Task) -> None:
    """Post a slice from where it stands to its end. What a worker process runs.

    Raises `PoisonedEvent`.
    """
    give_way(task.throttle)
    gc.disable()  # a quarter of the time, for nothing: neither events nor documents form cycles
    databases, number = task.databases, task.number
    tables = Generation(databases.book, task.schema)
    role = databases.book.names["projector_role"]
    with (
        connect(databases.events_url, role, "daybook rebuild reading", **READING) as events,
        connect(databases.reads_url, role, "daybook rebuild writing", **WRITING) as reads,
    ):
        row = reads.execute(tables.sql(TAKE), [number]).fetchone()
        if row is None:
            raise SliceTaken(f"there is no slice {number} in {task.schema}")
        taken, head, stream_id, version, last_stream, finished = row
        if finished:
            return
        source = Source(events, databases.book, last_stream, head, CHUNK)
        place, day_of = Place(stream_id, version), days_in(task.timezone)
        target = _Target(reads, tables, (number, taken), place, day_of, task.most_quarantined)
        parent = parent_process()
        pace = Pace(task.throttle)
        for chunk, rows in enumerate(source.whole_streams(target.place)):
            if chunk:
                pace.pause()
            if parent is not None and not parent.is_alive():
                return  # whoever goes on starts at our slice's place
            target.post(rows, events)
        target.finish()


ADVANCE = """
UPDATE {reads}.slice
SET
    stream_id = %(stream_id)s,
    version = %(version)s,
    events = events + %(events)s,
    orders = orders + %(orders)s
WHERE (slice, taken) = (%(slice)s, %(taken)s)
    AND (stream_id, version) = (%(from_stream)s, %(from_version)s)
    AND NOT finished
"""
FINISH = "UPDATE {reads}.slice SET finished = true WHERE (slice, taken) = (%s, %s)"


class _Target:
    """The tables being filled, as far as one slice is concerned."""

    def __init__(  # noqa: PLR0913, PLR0917 -- what a task says
        self,
        reads: Connection,
        tables: Generation,
        taken: tuple[int, int],
        place: Place,
        day_of: DayOf,
        most_quarantined: int = 0,
    ) -> None:
        self._reads = reads
        self._tables = tables
        self._number, self._taken = taken
        self._day_of = day_of
        self._most_quarantined = most_quarantined
        self.place = place

    def post(self, rows: list[Row], log: Connection) -> None:
        """Write what the whole streams in `rows`, columns as `event_log.SELECT_COLUMNS` has them, come to."""
        last = Place(*rows[-1][1:3])
        try:
            self._post_at_once(rows, log, last)
        except SliceTaken:
            raise
        except Exception as error:
            if not is_poison(error):
                raise
            self._post_in_pieces(rows, log, last)
        self.place = last

    def _post_at_once(self, rows: list[Row], log: Connection, last: Place) -> None:
        contributions = Contributions(self._day_of)
        orders = bulk.Orders(self._reads)
        timeline = bulk.Rows(self._reads, order_timeline.NAME, order_timeline.COLUMNS)
        erased: dict[str, str] = {}
        count = 0
        recorded, contacts = self._recorded(rows, log)
        for events in portions(recorded, PORTION):
            documents: Documents = {}
            timeline.add(folding.fold(documents, events, contacts))
            positions = {event.stream_id: event.position for event in events}
            for order, document in documents.items():
                contributions.add(document)
                orders.add(document, positions[order])
            erased |= customer_erasure.erasures(events)
            count += len(documents)
        with self._reads.transaction():
            self._advance(last, len(rows), count)
            orders.copy(self._tables)
            timeline.copy(self._tables)
            self._write_erasures(erased)
            self._write_parts(contributions)

    def _post_in_pieces(self, rows: list[Row], log: Connection, last: Place) -> None:
        """Post what can be posted; the others stand still, if that many may."""
        events, contacts = self._recorded(rows, log)
        posting = Posting(self._reads, self._tables, self._day_of, contacts, {}, across_streams=False)
        with self._reads.transaction():
            self._advance(last, len(events), len({event.stream_id for event in events}))
            Pieces(posting, events, {}, self._write_parts, self._most_quarantined).post()
            self._write_erasures(customer_erasure.erasures(events))

    def _recorded(self, rows: list[Row], log: Connection) -> tuple[list[RecordedEvent], Contacts]:
        """The events, and the personal data that folding them asks for."""
        events = [folding.recorded(row) for row in rows]
        return events, event_log.contacts(log, self._tables.book, folding.contact_refs(events))

    def _write_erasures(self, erased: dict[str, str]) -> None:
        rows = list(erased.items())  # all of a customer's: streams come whole
        bulk.copy(self._reads, self._tables, customer_erasure.NAME, customer_erasure.COLUMNS, rows)

    def _write_parts(self, contributions: Contributions) -> None:
        for summary, sums in contributions.parts():
            columns = (*summary.KEY, *summary.MEASURES)
            bulk.copy(self._reads, self._tables, f"{summary.NAME}_part", columns, part_rows(sums))

    def _advance(self, place: Place, events: int, orders: int) -> None:
        advanced = self._reads.execute(
            self._tables.sql(ADVANCE),
            {
                "slice": self._number,
                "taken": self._taken,
                "from_stream": self.place.stream_id,
                "from_version": self.place.version,
                "stream_id": place.stream_id,
                "version": place.version,
                "events": events,
                "orders": orders,
            },
            prepare=True,
        )
        if not advanced.rowcount:
            raise SliceTaken(
                f"slice {self._number} of {self._tables.schema} is not at {self.place}: another rebuild runs"
            )

    def finish(self) -> None:
        """Note that nothing is left to post."""
        self._reads.execute(self._tables.sql(FINISH), [self._number, self._taken])
