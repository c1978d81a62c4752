"""`daybook verify`: post the log once more and compare with what is served, row for row, at exactly one position."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

from projector import checkpoint, generation, leader, quarantine
from projector.checkpoint import Checkpoint, Generation, require_ours
from projector.rebuilding.building import Build, Work, begun
from projector.tables.days import days_in
from projector.verifying.comparing import Comparison, compare
from shared.anticipated import Anticipated
from shared.database import Connection, connect

PATIENCE = 60.0
"""Seconds to wait for the leader's lock."""


class NothingToVerify(Anticipated):
    """There are no read tables yet."""


class Verified(NamedTuple):
    """At which position the tables were compared, and what came out."""

    position: int
    comparison: Comparison


def verify(work: Work) -> Verified:
    """Compare the live tables with what the log comes to, orders in quarantine as far as their last good version.

    Raises `Refused`, `AlreadyRunning`, and `TooManyQuarantined` if that many more than now would be in quarantine.
    """
    book = work.databases.book
    live = generation.live(book)
    work = _tolerant(work, live)
    with begun(work, "verify", book.names["reads_check"]) as build:
        present = require_ours(build.events, build.reads, live, work.timezone)
        if present is None:
            raise NothingToVerify(f"there are no tables in {live.schema} yet: start `daybook projector` first")
        try:
            stand = build.run(present.position)
            return _compared(work, build, stand)
        finally:
            if not (build.reads.closed or build.reads.broken):
                generation.drop(build.reads, build.tables)


def _tolerant(work: Work, live: Generation) -> Work:
    with connect(work.databases.reads_url, live.book.names["projector_role"], "daybook verify") as reads:
        present = quarantine.count(reads, live) if checkpoint.exists(reads, live) else 0
    return replace(work, quarantine=True, most_quarantined=present + work.most_quarantined)


def _compared(work: Work, build: Build, stand: Checkpoint) -> Verified:
    live = generation.live(work.databases.book)
    with at_one_position(work, build, stand) as (snapshot, position):
        return Verified(position, compare(snapshot, live, build.tables, days_in(work.timezone)))


@contextmanager
def at_one_position(work: Work, build: Build, stand: Checkpoint) -> Iterator[tuple[Connection, int]]:
    """A session whose snapshot shows the live tables and those just built, both at the same position.

    The leader's lock is held for a moment only.
    """
    book = work.databases.book
    live = generation.live(book)
    stand = build.catch_up(stand, _position(build))  # without the lock, so that it is held but briefly
    role = book.names["projector_role"]
    with connect(work.databases.reads_url, role, "daybook verify comparing", work_mem="64MB") as snapshot:
        snapshot.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        with leader.handed_over(build.reads, book, PATIENCE):
            stand = build.catch_up(stand, _position(build))
            present = checkpoint.read(snapshot, live)  # the first statement takes the snapshot
        build.phase("comparing")
        if present is None or present.position != stand.position:
            raise RuntimeError(f"posted up to {stand.position}, but {live.schema} stands at {present}")
        yield snapshot, stand.position


def _position(build: Build) -> int:
    present = checkpoint.read(build.reads, generation.live(build.tables.book))
    if present is None:
        raise NothingToVerify("the live tables have gone meanwhile")
    return present.position
