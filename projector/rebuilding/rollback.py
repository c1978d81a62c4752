"""`daybook rebuild --rollback`: back to the tables that the last rebuild replaced; once more is forward again."""

import time
from typing import NamedTuple

import psycopg

from projector import checkpoint, generation
from projector.checkpoint import Checkpoint, Generation, OtherCode, Refused
from projector.rebuilding import interrupted
from projector.rebuilding.building import Build, Work, begun
from projector.rebuilding.rebuild import come_close, take_over
from shared import event_log
from shared.order_document import REVISION


class NothingToRollBackTo(Refused):
    """There is no `reads_old`."""


class RolledBack(NamedTuple):
    """Where the tables stand now, how many events they had to catch up with, and the seconds it took."""

    position: int
    events: int
    seconds: float
    switching_seconds: float


def rollback(work: Work) -> RolledBack:
    """Bring `reads_old` up to date and serve it again; what is served now becomes `reads_old`.

    Raises `Refused` if there is none that this code could serve, `PoisonedEvent`, `AlreadyRunning`,
    `LockNotHandedOver`, `CutShort`.
    """
    book = work.databases.book
    began = time.monotonic()
    with begun(work, "rollback", book.names["reads_old"]) as build, interrupted.told(build, work.databases):
        before = _required(build, work.timezone)
        try:
            stand = _revived(build)
            build.row.what(stand.generation, 1, before.position, event_log.head(build.events, book).position)
            stand, switching_seconds = take_over(build, come_close(build, stand))
        except psycopg.errors.UndefinedTable as error:
            raise NothingToRollBackTo(
                f"an erasure of personal data has dropped {build.tables.schema} meanwhile; what is served is unchanged"
            ) from error
    return RolledBack(stand.position, stand.position - before.position, time.monotonic() - began, switching_seconds)


def _required(build: Build, timezone: str) -> Checkpoint:
    """The checkpoint of the tables to go back to."""
    old = build.tables
    stand = checkpoint.read(build.reads, old)
    if stand is None:
        raise NothingToRollBackTo(
            f"there are no tables in {old.schema} to go back to (a rebuild leaves them; an erasure of personal data "
            "and --drop-old remove them): to post the log again with this code, run `daybook rebuild`"
        )
    if stand.revision != REVISION:
        raise OtherCode(
            f"the tables in {old.schema} were made by revision {stand.revision} of the projection, this code is "
            f"revision {REVISION}: run `daybook rebuild --rollback` with the code that made them, "
            "or `daybook rebuild` with this one"
        )
    checkpoint.require_same_code(stand, old, timezone)
    checkpoint.require_same_history(stand, old, build.events)
    return stand


REVIVE = "UPDATE {reads}.checkpoint SET generation = gen_random_uuid(), retired = false"
"""A generation of its own: a batch from before it was replaced finds nothing to claim."""


def _revived(build: Build) -> Checkpoint:
    build.reads.execute(build.tables.sql(REVIVE))
    return build.stand()


def drop_old(work: Work) -> bool:
    """Drop `reads_old`; False if there is none. Raises `AlreadyRunning`, `StillRead`."""
    old = Generation(work.databases.book, work.databases.book.names["reads_old"])
    with begun(work, "drop old", old.schema) as build:
        present = checkpoint.exists(build.reads, old)
        generation.drop(build.reads, old)
    return present
