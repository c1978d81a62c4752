"""A generation built from the log beside the live one: slices by worker processes, sums merged and indexes last."""

import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files

from projector import checkpoint, crew, generation, summaries
from projector.batch import Poster
from projector.checkpoint import Checkpoint, Generation
from projector.progress import Reporter
from projector.slices import Task, post_slice
from projector.tables import TABLES, customer
from projector.tables.days import days_in
from shared import event_log
from shared.anticipated import Anticipated
from shared.database import Connection, connect
from shared.environment import Databases
from shared.retained import TRY_LOCK

LOOK_EVERY = 0.5
"""Seconds between two looks at how far the workers are."""

CATCH_UP_BATCH = 5000

SETTINGS = {
    "maintenance_work_mem": "256MB",
    "work_mem": "64MB",
    "synchronous_commit": "off",
    "default_statistics_target": "30",  # the planner needs no more here, and ANALYZE takes as long as all indexes
}
"""Of the session that merges and indexes. The commit of the switch waits for the disk, and with it all before it."""


class AlreadyRunning(Anticipated):
    """One rebuild or verification of a book at a time."""


@dataclass(frozen=True)
class Work:
    """What building is about: where, for which calendar, by how many processes, and who is told how it goes.

    `quarantine` and `throttle` are those of `slices.Task`.
    """

    databases: Databases
    timezone: str
    workers: int
    reporter: Reporter
    quarantine: bool = False
    throttle: int = 100


class Build:
    """One generation on its way, in a schema of its own. `stand` is how far it has come, once it is built."""

    def __init__(self, work: Work, purpose: str, schema: str, events: Connection, reads: Connection) -> None:
        self.tables = Generation(work.databases.book, schema)
        self.events = events
        self.reads = reads
        self._work = work
        self._purpose = purpose
        self._poster = Poster(events, reads, self.tables, days_in(work.timezone))

    def run(self, head: int) -> Checkpoint:
        """Build it from nothing up to position `head`: complete and indexed.

        Raises `PoisonedEvent` or `WorkerDied`.
        """
        self._prepare(head)
        self.phase("building")
        self._post_slices(head)
        self.phase("merging")
        with self.reads.transaction():
            summaries.merge_parts(self.reads, self.tables)
            self.reads.execute(self.tables.sql(customer.RECOMPUTE), {"customers": None})
        self.phase("indexing")
        with ThreadPoolExecutor(self._work.workers) as sessions:
            list(sessions.map(self._index, TABLES))
        last = checkpoint.event_id(self.events, self.tables.book, head)
        self.reads.execute(self.tables.sql(STAND_AT), [head, last])
        self.reads.execute(self.tables.sql("DROP TABLE {reads}.slice"))
        return self._stand()

    def _index(self, table: str) -> None:
        role = self.tables.book.names["projector_role"]
        with connect(self._work.databases.reads_url, role, f"daybook {self._purpose} indexing", **SETTINGS) as reads:
            generation.create_indexes(reads, self.tables, table)

    def catch_up(self, stand: Checkpoint, upto: int) -> Checkpoint:
        """Post by position what the slices did not, up to and with position `upto`."""
        if stand.position < upto:
            self.phase("catching up")
        while stand.position < upto:
            stand = self._poster.post_next(stand, min(CATCH_UP_BATCH, upto - stand.position)).checkpoint
            self._work.reporter.reached(stand.position, upto)
        return stand

    def phase(self, name: str) -> None:
        """Tell what is done now, here and in `daybook status`."""
        self._work.reporter.phase(name)
        self.reads.execute(self.tables.sql(PHASE), [name, self._purpose])

    def _prepare(self, head: int) -> None:
        """Empty tables, the slices and the parts, and a row that says so."""
        log_id, system = event_log.head(self.events, self.tables.book).log_id, event_log.system_identifier(self.events)
        with self.reads.transaction():
            generation.drop(self.reads, self.tables)
            made = generation.create(self.reads, self.tables, log_id, self._work.timezone, system)
            summaries.create_parts(self.reads, self.tables)
            self.reads.execute(self.tables.sql((files("projector") / "slice.sql").read_text()))
            self.reads.execute(self.tables.sql(SLICES), {"slices": self._work.workers, "head": head})
            self.reads.execute(
                self.tables.sql(BEGUN),
                {
                    "purpose": self._purpose,
                    "generation": made.generation,
                    "host": socket.gethostname(),
                    "pid": os.getpid(),
                    "workers": self._work.workers,
                    "head": head,
                },
            )

    def _post_slices(self, head: int) -> None:
        work = self._work
        crew.run(
            post_slice,
            [
                (Task(work.databases, self.tables.schema, number, work.timezone, work.quarantine, work.throttle),)
                for number in range(work.workers)
            ],
            look=lambda: self._look(head),
            look_every=LOOK_EVERY,
        )

    def _look(self, head: int) -> None:
        row = self.reads.execute(self.tables.sql("SELECT sum(events)::bigint FROM {reads}.slice")).fetchone()
        position = row[0] if row else 0
        self.reads.execute(self.tables.sql(REACHED), [position, self._purpose])
        self._work.reporter.reached(position, head)

    def _stand(self) -> Checkpoint:
        stand = checkpoint.read(self.reads, self.tables)
        assert stand is not None  # noqa: S101
        return stand


SLICES = """
INSERT INTO {reads}.slice (slice, slices, head)
SELECT number, %(slices)s, %(head)s
FROM generate_series(0, %(slices)s - 1) number
"""

STAND_AT = "UPDATE {reads}.checkpoint SET position = %s, event_id = %s, posted_at = clock_timestamp()"

BEGUN = """
INSERT INTO {projector}.rebuild (
    purpose,
    generation,
    phase,
    host,
    pid,
    backend_pid,
    workers,
    head_position
)
VALUES (
    %(purpose)s,
    %(generation)s,
    'building',
    %(host)s,
    %(pid)s,
    pg_backend_pid(),
    %(workers)s,
    %(head)s
)
"""
PHASE = "UPDATE {projector}.rebuild SET phase = %s, heartbeat_at = clock_timestamp() WHERE purpose = %s"
REACHED = "UPDATE {projector}.rebuild SET position = %s, heartbeat_at = clock_timestamp() WHERE purpose = %s"
ENDED = "DELETE FROM {projector}.rebuild"


@contextmanager
def begun(work: Work, purpose: str, schema: str) -> Iterator[Build]:
    """The right to build; what a killed one left behind is removed. Raises `AlreadyRunning`."""
    book, role = work.databases.book, work.databases.book.names["projector_role"]
    with (
        connect(work.databases.events_url, role, f"daybook {purpose} reading") as events,
        connect(work.databases.reads_url, role, f"daybook {purpose}", **SETTINGS) as reads,
    ):
        row = reads.execute(book.sql(TRY_LOCK)).fetchone()
        if not (row and row[0]):
            raise AlreadyRunning("another rebuild or verification of this book runs: see `daybook status`")
        reads.execute(book.sql(ENDED))
        try:
            yield Build(work, purpose, schema, events, reads)
        finally:
            if not (reads.closed or reads.broken):
                reads.execute(book.sql(ENDED))
