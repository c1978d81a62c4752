"""The checkpoint of a generation: which log its tables were posted from, by what code, and up to where."""

from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from projector import standstill
from shared import event_log
from shared.anticipated import Anticipated
from shared.book import Book
from shared.database import Connection
from shared.order_document import REVISION


class Checkpoint(NamedTuple):
    """The row of `<generation>.checkpoint`; `event_id` is the id of the event at `position`, None at 0.

    `system_identifier` is that of the cluster that holds the log, None where it could not be asked.
    """

    position: int
    generation: UUID
    retired: bool
    log_id: str
    system_identifier: int | None
    event_id: UUID | None
    revision: int
    timezone: str


@dataclass(frozen=True)
class Generation:
    """One full set of read tables: a schema of the book."""

    book: Book
    schema: str

    def sql(self, text: str) -> str:
        """`text` with its placeholders filled in, `{reads}` by this generation's schema."""
        return self.book.sql(text, reads=self.schema)


class Refused(Anticipated):
    """The tables may not be touched; the message says why and which command to run."""


class OtherCode(Refused):
    """The tables were made by another revision of the projection code, or for another time zone."""


class CheckpointLost(Refused):
    """There are tables, but nobody knows how far they are."""


class AnotherHistory(Refused):
    """The tables were posted from another log, or from another past of this one (a restored backup)."""


READ = """
SELECT
    position,
    generation,
    retired,
    log_id,
    (to_jsonb(c) ->> 'system_identifier')::bigint, -- tables of older code have no such column, and are to be replaced
    event_id,
    revision,
    timezone
FROM {reads}.checkpoint c
"""


def read(connection: Connection, generation: Generation) -> Checkpoint | None:
    """Where `generation` stands, None if there is no such generation."""
    if not exists(connection, generation):
        return None
    row = connection.execute(generation.sql(READ)).fetchone()
    return Checkpoint(*row) if row else None


def exists(connection: Connection, generation: Generation) -> bool:
    """Whether there is such a generation."""
    row = connection.execute("SELECT to_regclass(%s)", [generation.sql("{reads}.checkpoint")]).fetchone()
    return row is not None and row[0] is not None


def require_ours(events: Connection, reads: Connection, tables: Generation, timezone: str) -> Checkpoint | None:
    """The checkpoint of `tables`, None if there are none. Raises `Refused` unless they are ours to touch."""
    stand = read(reads, tables)
    if stand is None:
        require_none(reads, tables)
    else:
        require_same_code(stand, tables, timezone)
        require_same_history(stand, tables, events)
    return stand


def require_none(reads: Connection, tables: Generation) -> None:
    """Raise `CheckpointLost` if there are tables after all, although no checkpoint could be read."""
    if exists(reads, tables):
        raise CheckpointLost(
            f"the tables in {tables.schema} have lost the row of {tables.schema}.checkpoint, so nobody knows how far "
            "they are: run `daybook rebuild`"
        )


def require_same_code(checkpoint: Checkpoint, generation: Generation, timezone: str) -> None:
    """Raise `OtherCode` unless the tables were made by this code for this time zone."""
    if checkpoint.revision != REVISION:
        raise OtherCode(
            f"the tables in {generation.schema} were made by revision {checkpoint.revision} of the projection, "
            f"this code is revision {REVISION}: run `daybook rebuild` with the newer of the two"
        )
    if checkpoint.timezone != timezone:
        raise OtherCode(
            f"the tables in {generation.schema} book days in {checkpoint.timezone}, "
            f"DAYBOOK_REPORT_TIMEZONE is {timezone}: run `daybook rebuild`"
        )


def require_same_history(checkpoint: Checkpoint, generation: Generation, events: Connection) -> event_log.Head:
    """Raise `AnotherHistory` unless the tables were posted from this very log; returns the log's head."""
    head = event_log.head(events, generation.book)
    remedy = "if this is the right database, run `daybook rebuild`"
    if checkpoint.log_id != head.log_id:
        raise AnotherHistory(
            f"the tables in {generation.schema} were posted from log {checkpoint.log_id}, "
            f"this is log {head.log_id}: {remedy}"
        )
    _require_same_system(checkpoint, generation, events, remedy)
    if checkpoint.position > head.position:
        raise AnotherHistory(
            f"the tables in {generation.schema} stand at position {checkpoint.position}, "
            f"the log ends at {head.position}, so it is another history: {remedy}"
        )
    if checkpoint.position and (found := event_id(events, generation.book, checkpoint.position)) != checkpoint.event_id:
        raise AnotherHistory(
            f"the tables in {generation.schema} have posted event {checkpoint.event_id} at position "
            f"{checkpoint.position}, the log has {found} there, so it is another history: {remedy}"
        )
    return head


def _require_same_system(checkpoint: Checkpoint, generation: Generation, events: Connection, remedy: str) -> None:
    """A copy of the log on another cluster has the same id and, up to a point, the same events.

    A failover to a physical standby keeps the identifier, `pg_upgrade` changes it: then a rebuild is asked for once.
    """
    present = event_log.system_identifier(events)
    if None not in (checkpoint.system_identifier, present) and checkpoint.system_identifier != present:
        raise AnotherHistory(
            f"the tables in {generation.schema} were posted from the log on PostgreSQL system "
            f"{checkpoint.system_identifier}, this is system {present}: {remedy}"
        )


def event_id(events: Connection, book: Book, position: int) -> UUID | None:
    """The id in the envelope of the event at `position`."""
    row = events.execute(book.sql(event_log.AFTER), [position - 1, 1]).fetchone()
    return standstill.recorded(row).envelope.id if row and row[0] == position else None


COMPARE_AND_SET = """
UPDATE {reads}.checkpoint
SET
    position = %(upto)s,
    event_id = %(event_id)s,
    posted_at = clock_timestamp()
WHERE position = %(floor)s
    AND generation = %(generation)s
    AND NOT retired
RETURNING
    (
        SELECT c.paused_at IS NOT NULL OR coalesce(c.handover_until > clock_timestamp(), false)
        FROM {projector}.control c
    ),
    ARRAY(SELECT q.order_id FROM {reads}.quarantine q)
"""
"""Claims the events behind `floor`. No row: another projector was faster, or another generation is live.

The row says whether the leader is asked to stop posting after this batch, and which orders are in quarantine.
"""
