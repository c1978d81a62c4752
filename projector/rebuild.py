"""`daybook rebuild`: post everything again beside the live tables, then switch. Reads never stop."""

import time
from typing import NamedTuple

from projector import checkpoint, generation, leader
from projector.building import Build, Work, begun
from projector.checkpoint import AnotherHistory, Checkpoint, Generation
from projector.tables import TABLES
from shared import event_log

HANDOVER_PATIENCE = 60.0
"""Seconds to wait for the leader's lock: a batch under way, or a frozen leader's lease."""

CLOSE = 5000
"""So many events behind the head the leader is asked for its lock; the rest is posted while it waits."""


class Statistics(NamedTuple):
    """What a rebuild did. `rows` per table are the planner's figures, near enough. Times are wall clock."""

    position: int
    seconds: float
    switching_seconds: float
    rows: dict[str, int]


def rebuild(work: Work) -> Statistics:
    """Build `reads_next`, catch up, take over from the running projector if there is one, switch.

    Raises `PoisonedEvent` and leaves the live tables as they are, `AlreadyRunning`, `LockNotHandedOver`.
    """
    book = work.databases.book
    began = time.monotonic()
    with begun(work, "rebuild", book.names["reads_next"]) as build:
        stand = build.run(event_log.head(build.events, book).position)
        while (head := event_log.head(build.events, book).position) - stand.position > CLOSE:
            stand = build.catch_up(stand, head)
        generation.make_room(build.reads, book)
        with leader.handed_over(build.reads, book, HANDOVER_PATIENCE):
            got_lock = time.monotonic()
            stand = switch(build, stand)
            ended = time.monotonic()
        rows = _rows(build)
    return Statistics(stand.position, ended - began, ended - got_lock, rows)


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
    if stand is None:
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
