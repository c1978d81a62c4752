"""A generation built from the log beside the live one: slices by worker processes, sums and indexes last."""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from projector import checkpoint, generation, summaries
from projector.batch import Poster
from projector.checkpoint import Checkpoint, Generation
from projector.quarantine import MOST
from projector.rebuilding import crew, indexing, streams, under_way, unfinished
from projector.rebuilding.pace import FULL, Pace
from projector.rebuilding.progress import Reporter
from projector.rebuilding.slices import Task, post_slice
from projector.rebuilding.under_way import AlreadyRunning
from projector.rebuilding.unfinished import Unfinished
from projector.tables import TABLES
from projector.tables.days import days_in
from shared import event_log
from shared.database import Connection, connect
from shared.environment import Databases

__all__ = ["AlreadyRunning", "Build", "Work", "begun"]

LOOK_EVERY = 0.5
"""Seconds between two looks at how far the workers are."""

CATCH_UP_BATCH = 10_000


@dataclass(frozen=True)
class Work:
    """What building is about: where, for which calendar, by how many processes, and who is told how it goes.

    `quarantine`: an order whose event cannot be posted stands still, up to `most_quarantined` of them; else the first
    one ends it. `throttle` is that of `slices.Task`.
    """

    databases: Databases
    timezone: str
    workers: int
    reporter: Reporter
    quarantine: bool = False
    throttle: int = FULL
    most_quarantined: int = MOST

    @property
    def tolerated(self) -> int:
        """So many orders may stand still."""
        return self.most_quarantined if self.quarantine else 0


class Build:
    """One generation on its way, in a schema of its own. `doing` is the phase it is in."""

    def __init__(self, work: Work, purpose: str, schema: str, events: Connection, reads: Connection) -> None:
        self.tables = Generation(work.databases.book, schema)
        self.events = events
        self.reads = reads
        self._seconds: dict[str, float] = defaultdict(float)
        self.pace = Pace(work.throttle)
        self._outrun = False
        self.row = under_way.Row(reads, work.databases.book)
        self._work = work
        self._purpose = purpose
        self._poster = Poster(events, reads, self.tables, days_in(work.timezone), work.tolerated)
        self.doing, self._since = "preparing", time.monotonic()

    def run(self, head: int) -> Checkpoint:
        """Build it from nothing up to position `head`: complete and indexed.

        Raises `PoisonedEvent` or `WorkerDied`.
        """
        generation.drop(self.reads, self.tables)
        self._prepare(head)
        return self.go_on()

    def go_on(self) -> Checkpoint:
        """Do what is left of it, whoever began."""
        left = unfinished.read(self.reads, self.tables)
        stand = self.stand()
        if left is None:
            self.row.what(stand.generation, 1, stand.position, stand.position)
            return stand
        self.row.what(stand.generation, left.slices, left.events, left.head)
        if left.finished < left.slices:
            self.phase("building")
            self._post_slices(left)
        self.phase("indexing")
        self._index([table for table in TABLES if table not in left.indexed])
        unfinished.complete(self.reads, self.tables)
        return self.stand()

    def catch_up(self, stand: Checkpoint, upto: int) -> Checkpoint:
        """Post by position what the slices did not, up to and with position `upto`."""
        if stand.position < upto:
            self.phase("catching up")
        while stand.position < upto:
            self.told(stand.position, upto)
            stand = self._poster.post_next(stand, min(CATCH_UP_BATCH, upto - stand.position)).checkpoint
            if stand.position < upto:
                self.pace.pause()
        return stand

    def hurry(self, behind: int) -> None:
        """Give up the throttle; say once if that does not help either."""
        if self.pace.hurry() or self._outrun:
            return
        self._outrun = True
        self._work.reporter.note(
            f"still {behind:,} events behind and not gaining: the log grows as fast as one process can post it, so the "
            "switch waits until fewer commands come in; Ctrl-C stops here, and the same command goes on later"
        )

    def phase(self, name: str) -> None:
        """Tell what is done now, here and in `daybook status`."""
        self.seconds_per_phase()
        self.doing = name
        self._work.reporter.phase(name)
        self.row.phase(name)

    def seconds_per_phase(self) -> dict[str, float]:
        """How long each phase took so far, in this process."""
        now = time.monotonic()
        self._seconds[self.doing] += now - self._since
        self._since = now
        return dict(self._seconds)

    def told(self, position: int, head: int) -> None:
        """So many events of so many are posted."""
        self.row.reached(position, head)
        self._work.reporter.reached(position, head)

    def stand(self) -> Checkpoint:
        """Where it stands: at 0 until it is complete."""
        stand = checkpoint.read(self.reads, self.tables)
        assert stand is not None  # noqa: S101
        return stand

    def _prepare(self, head: int) -> None:
        """Empty tables, and what says how far they are."""
        log_id, system = event_log.head(self.events, self.tables.book).log_id, event_log.system_identifier(self.events)
        last = checkpoint.event_id(self.events, self.tables.book, head)
        last_streams = streams.last_streams(self.events, self.tables.book, self._work.workers, head)
        with self.reads.transaction():
            generation.create(self.reads, self.tables, log_id, self._work.timezone, system)
            summaries.create_parts(self.reads, self.tables)
            unfinished.begin(self.reads, self.tables, last_streams, head, last)

    def _post_slices(self, left: Unfinished) -> None:
        work = self._work
        self.told(left.events, left.head)
        tasks = [
            Task(work.databases, self.tables.schema, number, work.timezone, work.tolerated, work.throttle)
            for number in range(left.slices)
        ]
        crew.run(post_slice, [(task,) for task in tasks], look=self._look, look_every=LOOK_EVERY)

    def _look(self) -> None:
        now = unfinished.read(self.reads, self.tables)
        assert now is not None  # noqa: S101
        self.told(now.events, now.head)

    def _index(self, tables: list[str]) -> None:
        sessions = min(self._work.workers, 1 if self._work.throttle < FULL else len(TABLES))
        name = f"daybook {self._purpose} indexing"
        indexing.create_all(self._work.databases, self.tables, tables, sessions, name)


@contextmanager
def begun(work: Work, purpose: str, schema: str) -> Iterator[Build]:
    """The right to build, and to go on with what a killed one left behind. Raises `AlreadyRunning`."""
    book, role = work.databases.book, work.databases.book.names["projector_role"]
    with (
        connect(work.databases.events_url, role, f"daybook {purpose} reading") as events,
        connect(work.databases.reads_url, role, f"daybook {purpose}", **indexing.SETTINGS) as reads,
        under_way.alone(reads, book, purpose, work.workers),
    ):
        yield Build(work, purpose, schema, events, reads)
