"""`daybook rebuild`: post everything again beside the live tables, then switch. Reads never stop."""

import resource
import time
from typing import NamedTuple

from projector import checkpoint, generation, leader
from projector.checkpoint import AnotherHistory, Checkpoint, Generation
from projector.rebuilding import interrupted, unfinished
from projector.rebuilding.building import Build, Work, begun
from projector.tables import TABLES
from shared import event_log

HANDOVER_PATIENCE = 60.0
"""Seconds to wait for the leader's lock: a batch under way, or a frozen leader's lease."""

CLOSE = 5000
"""So many events behind the head the leader is asked for its lock; the rest is posted while it waits."""


class Statistics(NamedTuple):
    """What a rebuild did. `rows` per table are the planner's figures, near enough. Times are wall clock.

    `events` were posted by this process and its workers, the others by those before it that were killed.
    `peak_bytes`: resident memory of the largest of them. `kept`: there are tables from before to go back to.
    """

    position: int
    events: int
    seconds: float
    phases: dict[str, float]
    switching_seconds: float
    rows: dict[str, int]
    peak_bytes: int
    kept: bool

    @property
    def orders(self) -> int:
        """Documents in the new tables."""
        return self.rows["order_detail"]


def rebuild(work: Work, *, from_scratch: bool = False) -> Statistics:
    """Build `reads_next`, catch up, take over from the running projector if there is one, switch.

    What a killed rebuild left is gone on with, if it fits, unless `from_scratch`.
    Raises `PoisonedEvent` and leaves the live tables as they are, `AlreadyRunning`, `LockNotHandedOver`, `CutShort`.
    """
    book = work.databases.book
    began = time.monotonic()
    with begun(work, "rebuild", book.names["reads_next"]) as build, interrupted.told(build, work.databases):
        present = None if from_scratch else _fitting(work, build)
        stand = build.run(event_log.head(build.events, book).position) if present is None else build.go_on()
        stand = come_close(build, stand)
        generation.make_room(build.reads, book)
        stand, switching_seconds = take_over(build, stand)
        rows = _rows(build)
        kept = checkpoint.exists(build.reads, Generation(book, book.names["reads_old"]))
    seconds = time.monotonic() - began
    events = stand.position - (present or 0)
    return Statistics(
        stand.position, events, seconds, build.seconds_per_phase(), switching_seconds, rows, _peak_bytes(), kept
    )


def _fitting(work: Work, build: Build) -> int | None:
    """How many events of what is in `reads_next` are posted, if one can go on with it; says so, or why not."""
    schema, say = build.tables.schema, work.reporter.note
    if not checkpoint.exists(build.reads, build.tables):
        return None
    why_not = unfinished.misfit(build.events, build.reads, build.tables, work.timezone, quarantine=work.quarantine)
    if why_not:
        say(f"beginning from scratch: {why_not}")
        return None
    left = unfinished.read(build.reads, build.tables)
    if left is None:
        position = build.stand().position
        say(f"resuming: the tables in {schema} are complete up to position {position:,}")
        return position
    say(f"resuming at {left.events:,} of {left.head:,} events")
    if left.finished < left.slices != work.workers:
        say(f"with {left.slices} workers, as it was begun, not {work.workers}: --from-scratch would begin anew")
    return left.events


def come_close(build: Build, stand: Checkpoint) -> Checkpoint:
    """Catch up without the leader's lock, until it is asked for only briefly."""
    behind = event_log.head(build.events, build.tables.book).position - stand.position
    while behind > CLOSE:
        stand = build.catch_up(stand, stand.position + behind)
        before, behind = behind, event_log.head(build.events, build.tables.book).position - stand.position
        if behind >= before:
            build.hurry(behind)  # or it would never get there
    return stand


def take_over(build: Build, stand: Checkpoint) -> tuple[Checkpoint, float]:
    """Switch with the leader's lock; returns where it then stands, and for how many seconds the lock was held."""
    with leader.handed_over(build.reads, build.tables.book, HANDOVER_PATIENCE):
        got_lock = time.monotonic()
        stand = switch(build, stand)
        return stand, time.monotonic() - got_lock


def switch(build: Build, stand: Checkpoint) -> Checkpoint:
    """Catch up and exchange the generations; again, if a batch was faster. Call with the leader's lock."""
    book = build.tables.book
    while True:
        stand = build.catch_up(stand, event_log.head(build.events, book).position)
        build.phase("switching")
        same_history = _same_history(build)
        if generation.switch(build.reads, build.tables, behind_allowed=not same_history):
            _keep_nothing_erased(build, same_history=same_history)
            return stand


def _same_history(build: Build) -> bool:
    """Whether the positions of the live tables mean anything in this log."""
    live = generation.live(build.tables.book)
    present = checkpoint.read(build.reads, live)
    try:
        if present is not None:
            checkpoint.require_same_history(present, live, build.events)
    except AnotherHistory:
        return False
    return True


ERASED_SINCE = """
SELECT EXISTS (
    SELECT FROM {events}.event WHERE position > %s AND type IN ('customer.erased', 'order.erased')
)
"""


def _keep_nothing_erased(build: Build, *, same_history: bool) -> None:
    """Drop the tables replaced if they have not heard of an erasure: nobody would blank their copies any more."""
    book = build.tables.book
    old = Generation(book, book.names["reads_old"])
    stand = checkpoint.read(build.reads, old)
    if stand is None:  # none, or nobody knows how far they were
        generation.drop(build.reads, old)
        return
    row = build.events.execute(book.sql(ERASED_SINCE), [stand.position if same_history else 0]).fetchone()
    if row and row[0]:
        generation.drop(build.reads, old)


ROWS = """
SELECT c.relname, c.reltuples::bigint
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relkind = 'r'
"""


def _rows(build: Build) -> dict[str, int]:
    found: dict[str, int] = dict(build.reads.execute(ROWS, [build.tables.book.names["reads"]]).fetchall())
    return {table: found[table] for table in TABLES}


def _peak_bytes() -> int:
    """Of this process or of a worker that has ended, whichever was larger."""
    return 1024 * max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
