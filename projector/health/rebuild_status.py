"""How a rebuild goes, for `daybook status`: one that runs, or what one that was ended has left to go on with."""

from typing import Any

from psycopg.rows import dict_row

from projector import checkpoint
from projector.checkpoint import Generation
from projector.rebuilding import unfinished
from projector.rebuilding.under_way import RUNS
from shared import event_log
from shared.book import Book
from shared.database import Connection

UNDER_WAY = f"""
SELECT
    r.purpose,
    r.phase,
    r.generation::text,
    r.position,
    r.head_position,
    r.workers,
    r.host || ':' || r.pid AS process,
    {event_log.CANONICAL_TIME.format("r.started_at")} AS started_at,
    {event_log.CANONICAL_TIME.format("r.heartbeat_at")} AS heartbeat_at,
    CASE
        WHEN r.phase = 'building' AND r.position > r.begun_at_position -- what was there before says nothing of our rate
            THEN round(
                extract(epoch FROM clock_timestamp() - r.started_at)
                * (r.head_position - r.position) / (r.position - r.begun_at_position)
            )::integer
    END AS seconds_left,
    true AS running
FROM {{projector}}.rebuild r
WHERE {RUNS}
"""


def going_on(events: Connection, reads: Connection, book: Book, timezone: str) -> dict[str, Any] | None:
    """What runs; else what was ended before it was done; None if there is neither."""
    with reads.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(book.sql(UNDER_WAY)).fetchone()
    return row or _left_behind(events, reads, Generation(book, book.names["reads_next"]), timezone)


def _left_behind(events: Connection, reads: Connection, tables: Generation, timezone: str) -> dict[str, Any] | None:
    """`resumable`: whether `daybook rebuild` would go on with it; else it begins anew, for the reason in `misfit`."""
    stand = checkpoint.read(reads, tables)
    if stand is None:
        return None
    left = unfinished.read(reads, tables)
    why_not = unfinished.misfit(events, reads, tables, timezone, quarantine=True)
    return {
        "purpose": "rebuild",
        "phase": _phase(left),
        "generation": str(stand.generation),
        "position": left.events if left else stand.position,
        "head_position": left.head if left else stand.position,
        "workers": left.slices if left else 1,
        "running": False,
        "resumable": why_not is None,
        "misfit": why_not,
    }


def _phase(left: unfinished.Unfinished | None) -> str:
    if left is None:
        return "catching up"
    return "building" if left.finished < left.slices else "indexing"


def told(found: dict[str, Any]) -> str:
    """The same in a few words."""
    far = f"{found['phase']}, {found['position']:,} of {found['head_position']:,} events"
    if not found["running"]:
        then = "goes on from there" if found["resumable"] else f"begins from scratch, because {found['misfit']}"
        return f"was ended before it was done ({far}): `daybook rebuild` {then}"
    left = found["seconds_left"]
    return f"{far}, {found['process']}" if left is None else f"{far}, {left:,} s left, {found['process']}"
