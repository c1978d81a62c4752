"""What a generation under construction has behind it, kept beside its tables: a kill loses no more than a chunk."""

from importlib.resources import files
from typing import NamedTuple
from uuid import UUID

from projector import checkpoint
from projector.checkpoint import Generation, Refused
from shared import event_log
from shared.database import Connection


class Unfinished(NamedTuple):
    """Events up to `head` are posted by `slices` slices; so many `events` are, in so many slices `finished`.

    Then tables are completed and `indexed`, one by one.
    """

    head: int
    head_event_id: UUID | None
    indexed: frozenset[str]
    slices: int
    events: int
    finished: int


SLICES = """
INSERT INTO {reads}.slice (slice, head, stream_id, version, last_stream)
SELECT
    number - 1,
    %(head)s,
    coalesce(lag(last_stream) OVER (ORDER BY number), '00000000-0000-0000-0000-000000000000'),
    CASE number WHEN 1 THEN 0 ELSE 2147483647 END,
    last_stream
FROM unnest(%(last_streams)s::uuid[]) WITH ORDINALITY AS of_slice (last_stream, number)
"""
BUILD = "INSERT INTO {reads}.build (head, head_event_id) VALUES (%(head)s, %(event_id)s)"


def begin(reads: Connection, tables: Generation, last_streams: list[UUID], head: int, event_id: UUID | None) -> None:
    """Make the tables that say how far it is, a slice for each of `last_streams`. Part of the caller's transaction."""
    for name in ("slice", "build"):
        reads.execute(tables.sql((files("projector.rebuilding") / f"{name}.sql").read_text()))
    reads.execute(tables.sql(SLICES), {"last_streams": last_streams, "head": head})
    reads.execute(tables.sql(BUILD), {"head": head, "event_id": event_id})


READ = """
SELECT
    b.head,
    b.head_event_id,
    b.indexed,
    count(*),
    sum(s.events)::bigint,
    count(*) FILTER (WHERE s.finished)
FROM {reads}.build b
CROSS JOIN {reads}.slice s
GROUP BY b.singleton
"""


def read(reads: Connection, tables: Generation) -> Unfinished | None:
    """How far it is; None if it is complete, or is not there."""
    present = reads.execute("SELECT to_regclass(%s)", [tables.sql("{reads}.build")]).fetchone()
    if present is None or present[0] is None:
        return None
    row = reads.execute(tables.sql(READ)).fetchone()
    return Unfinished(row[0], row[1], frozenset(row[2]), *row[3:]) if row else None


STAND_AT = """
UPDATE {reads}.checkpoint
SET
    position = head,
    event_id = head_event_id,
    posted_at = clock_timestamp()
FROM {reads}.build
"""


def complete(reads: Connection, tables: Generation) -> None:
    """It stands at its head now, as any other generation."""
    with reads.transaction():
        reads.execute(tables.sql(STAND_AT))
        reads.execute(tables.sql("DROP TABLE {reads}.slice, {reads}.build"))


def misfit(events: Connection, reads: Connection, tables: Generation, timezone: str, *, quarantine: bool) -> str | None:
    """Why nobody can go on with what is there, as half a sentence; None if it fits. It must be there."""
    stand = checkpoint.read(reads, tables)
    assert stand is not None  # noqa: S101
    try:
        checkpoint.require_same_code(stand, tables, timezone)
        head = checkpoint.require_same_history(stand, tables, events)
    except Refused as refusal:
        return str(refusal).rpartition(": ")[0]  # without what to run
    unfinished = read(reads, tables)
    if unfinished is not None and not _has_ranges(reads, tables):
        return f"{tables.schema} was begun by an earlier release, which divided the log otherwise"
    if unfinished is not None and not _in_log(events, tables, unfinished, head):
        return f"the log has another event at position {unfinished.head}, up to which {tables.schema} was to be built"
    if not quarantine and _has_quarantine(reads, tables):
        return f"{tables.schema} has orders in quarantine, and none is asked for now"
    return None


HAS_RANGES = "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = %s::regclass AND attname = 'last_stream')"


def _has_ranges(reads: Connection, tables: Generation) -> bool:
    row = reads.execute(HAS_RANGES, [tables.sql("{reads}.slice")]).fetchone()
    return bool(row and row[0])


def _in_log(events: Connection, tables: Generation, unfinished: Unfinished, head: event_log.Head) -> bool:
    if unfinished.head > head.position:
        return False
    return checkpoint.event_id(events, tables.book, unfinished.head) == unfinished.head_event_id


def _has_quarantine(reads: Connection, tables: Generation) -> bool:
    row = reads.execute(tables.sql("SELECT EXISTS (SELECT FROM {reads}.quarantine)")).fetchone()
    return bool(row and row[0])
