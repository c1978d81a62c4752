"""`daybook status`: how the read side stands, and in one sentence why it is behind, if it is."""

from typing import Any

from psycopg.rows import dict_row

from projector import checkpoint, generation, rebuild_status
from projector.checkpoint import AnotherHistory, Checkpoint, OtherCode
from shared import event_log
from shared.database import Connection, connect
from shared.environment import Databases

OLDEST_WAITING = """
SELECT extract(epoch FROM clock_timestamp() - recorded_at)::float8
FROM {events}.seal
WHERE position > %s
ORDER BY position
LIMIT 1
"""

PROCESSES = f"""
SELECT
    role,
    host || ':' || pid AS name,
    heartbeat_at > clock_timestamp() - lease AS alive,
    {event_log.CANONICAL_TIME.format("heartbeat_at")} AS heartbeat_at
FROM {{projector}}.process
ORDER BY started_at
"""

PAUSED = f"""
SELECT
    paused_by AS by,
    {event_log.CANONICAL_TIME.format("paused_at")} AS since
FROM {{projector}}.control
WHERE paused_at IS NOT NULL
"""


def status(databases: Databases, timezone: str) -> dict[str, Any]:
    """The `Status` of `domain.md` §3.3."""
    book, role = databases.book, databases.book.names["projector_role"]
    live = generation.live(book)
    with (
        connect(databases.events_url, role, "daybook status") as events,
        connect(databases.reads_url, role, "daybook status") as reads,
    ):
        head = event_log.head(events, book)
        stand = checkpoint.read(reads, live)
        processes = _rows(reads, book.sql(PROCESSES))
        leading = next((p for p in processes if p["alive"] and p["role"] == "leader"), None)
        paused = next(iter(_rows(reads, book.sql(PAUSED))), None)
        under_way = rebuild_status.going_on(events, reads, book, timezone)
        state, unfit = _fitness(stand, live, events, timezone)
        lag_seconds = _lag_seconds(events, live, stand.position if stand else 0)
    behind = max(0, head.position - (stand.position if stand else 0))
    return {
        "log_id": head.log_id,
        "head_position": head.position,
        "reads": {
            "state": state,
            "generation": stand and str(stand.generation),
            "revision": stand and stand.revision,
            "position": stand and stand.position,
            "lag_events": behind,
            "lag_seconds": round(lag_seconds, 3),
            "leader": leading and leading["name"],
            "standbys": [p["name"] for p in processes if p["alive"] and p is not leading],
            "heartbeat_at": leading and leading["heartbeat_at"],
        },
        "paused": paused,
        "rebuild": under_way,
        "quarantine": [],
        "why": unfit or _why_behind(behind, leading, paused, processes),
    }


def _rows(reads: Connection, query: str) -> list[dict[str, Any]]:
    with reads.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query).fetchall()


def _lag_seconds(events: Connection, live: checkpoint.Generation, position: int) -> float:
    """For how long the first event not yet posted has been waiting."""
    row = events.execute(live.sql(OLDEST_WAITING), [position]).fetchone()
    return float(row[0]) if row else 0.0


def _fitness(
    stand: Checkpoint | None, live: checkpoint.Generation, events: Connection, timezone: str
) -> tuple[str, str | None]:
    """The state of the tables, and why they are of no use, if so."""
    if stand is None:
        return "missing", "There are no read tables yet: start `daybook projector`."
    try:
        checkpoint.require_same_code(stand, live, timezone)
        checkpoint.require_same_history(stand, live, events)
    except OtherCode as error:
        return "other_revision", _sentence(error)
    except AnotherHistory as error:
        return "another_history", _sentence(error)
    return "live", None


def _sentence(error: Exception) -> str:
    words = str(error)
    return f"{words[0].upper()}{words[1:]}."


def _why_behind(
    behind: int, leading: dict[str, Any] | None, paused: dict[str, Any] | None, processes: list[dict[str, Any]]
) -> str | None:
    if not behind:
        return None
    if paused:
        return f"{behind} events behind: paused by {paused['by']} since {paused['since']}."
    if leading:
        return f"{behind} events behind; {leading['name']} is posting them."
    silent = next((p for p in processes if p["role"] == "leader"), None)
    if silent:
        return f"{behind} events behind: {silent['name']} leads, but has been silent since {silent['heartbeat_at']}."
    return f"{behind} events behind: no projector is running, start `daybook projector`."
