"""`daybook status`: how the read side stands, and in one sentence why it is behind, if it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from psycopg.rows import dict_row

from projector import checkpoint, generation, leader, quarantine
from projector.checkpoint import AnotherHistory, Checkpoint, CheckpointLost, OtherCode
from projector.health import rebuild_status
from projector.health.reasons import Facts, why
from projector.health.waiting import waiting
from projector.verifying import drift
from shared import event_log, migrate
from shared.book import Book
from shared.database import Connection, DatabaseUnavailable, connect
from shared.environment import Databases

OLDEST_WAITING = """
SELECT greatest(extract(epoch FROM clock_timestamp() - recorded_at), 0)::float8 -- the clock may have been set back
FROM {events}.seal
WHERE position > %s
ORDER BY position
LIMIT 1
"""

PROCESSES = f"""
SELECT
    role,
    host || ':' || pid AS name,
    heartbeat_at > clock_timestamp() - lease
        -- One that was killed has no session any more, one in trouble may have none between two attempts.
        AND (trouble IS NOT NULL OR EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = backend_pid)) AS alive,
    backend_pid = ({leader.HOLDER}) AS leads,
    {event_log.CANONICAL_TIME.format("heartbeat_at")} AS heartbeat_at,
    extract(epoch FROM lease)::float8 AS lease,
    trouble,
    {event_log.CANONICAL_TIME.format("trouble_since")} AS trouble_since
FROM {{projector}}.process
ORDER BY started_at
"""

CONTROL = f"""
SELECT
    paused_by AS by,
    {event_log.CANONICAL_TIME.format("paused_at")} AS since,
    {event_log.CANONICAL_TIME.format("last_led_at")} AS last_led_at,
    ({leader.HOLDER}) IS NOT NULL AS led
FROM {{projector}}.control
"""


def status(databases: Databases, timezone: str) -> dict[str, Any]:
    """The `Status` of `domain.md` §3.3. Raises `DatabaseUnavailable`, naming which of the two, and `WrongRevision`."""
    live = generation.live(databases.book)
    with sessions(databases) as (events, reads):
        head = event_log.head(events, databases.book)
        stand = checkpoint.read(reads, live)
        state, unfit = _fitness(stand, live, events, reads, timezone)
        verified = drift.verified(reads, databases.book, stand and stand.generation)
        lag_seconds = _lag_seconds(events, live, stand.position if stand else 0)
        under_way = rebuild_status.going_on(events, reads, databases.book, timezone)
        quarantined = quarantine.listed(reads, live) if stand else []
        life = _life(reads, databases.book)
    known = state != "another_history"  # else positions of the tables mean nothing in this log
    behind = max(0, head.position - (stand.position if stand else 0)) if known else None
    paused = {"by": life.control["by"], "since": life.control["since"]} if life.control["since"] else None
    facts = Facts(
        unfit=unfit,
        behind=behind,
        leader=life.leader,
        processes=life.processes,
        paused=paused,
        waiting=life.waiting,
        last_led_at=life.control["last_led_at"],
        lent_to_rebuild=life.control["led"] and life.leader is None,
        rebuild=under_way,
        quarantined=len(quarantined),
    )
    return {
        "log_id": head.log_id,
        "head_position": head.position,
        "reads": {
            "state": state,
            "generation": stand and str(stand.generation),
            "revision": stand and stand.revision,
            "position": stand and stand.position,
            "lag_events": behind,
            "lag_seconds": round(lag_seconds, 3) if known else None,
            "leader": life.leader and life.leader["name"],
            "standbys": [p["name"] for p in life.processes if p["alive"] and p is not life.leader],
            "heartbeat_at": life.leader and life.leader["heartbeat_at"],
            "last_led_at": life.control["last_led_at"],
            "waiting": life.waiting,
            "troubles": [
                {"name": p["name"], "trouble": p["trouble"], "since": p["trouble_since"]}
                for p in life.processes
                if p["trouble"]
            ],
        },
        "paused": paused,
        "rebuild": under_way,
        "quarantine": quarantined,
        "verified": verified,
        "why": why(facts),
    }


class Life(NamedTuple):
    """Who runs, who leads (whoever has the lock, alive or not), what is asked of them, what they wait for."""

    processes: list[dict[str, Any]]
    leader: dict[str, Any] | None
    control: dict[str, Any]
    waiting: dict[str, Any] | None


def _life(reads: Connection, book: Book) -> Life:
    processes = _rows(reads, book.sql(PROCESSES))
    leads = next((p for p in processes if p["leads"] and p["role"] == "leader"), None)
    return Life(processes, leads, _rows(reads, book.sql(CONTROL))[0], waiting(reads, book))


PATIENCE = {"lock_timeout": "2s", "statement_timeout": "30s"}
"""A status tells who holds everybody up; it does not stand in the same line."""


@contextmanager
def sessions(databases: Databases) -> Iterator[tuple[Connection, Connection]]:
    """Connections to the log and to the read tables, both migrated."""
    role = databases.book.names["projector_role"]
    one = databases.events_url == databases.reads_url
    with _named("the log and of the read tables" if one else "the log"):
        migrate.check(databases.events_url, databases.book, "events")  # before it there may be no such role
        events = connect(databases.events_url, role, "daybook status", **PATIENCE)
    with events:
        with _named("the read tables"):
            migrate.check(databases.reads_url, databases.book, "reads")
            reads = connect(databases.reads_url, role, "daybook status", **PATIENCE)
        with reads:
            yield events, reads


@contextmanager
def _named(of: str) -> Iterator[None]:
    try:
        yield
    except DatabaseUnavailable as error:
        raise DatabaseUnavailable(f"{error} (this is the database of {of})") from error


def _rows(reads: Connection, query: str) -> list[dict[str, Any]]:
    with reads.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query).fetchall()


def _lag_seconds(events: Connection, live: checkpoint.Generation, position: int) -> float:
    """For how long the first event not yet posted has been waiting."""
    row = events.execute(live.sql(OLDEST_WAITING), [position]).fetchone()
    return float(row[0]) if row else 0.0


def _fitness(
    stand: Checkpoint | None, live: checkpoint.Generation, events: Connection, reads: Connection, timezone: str
) -> tuple[str, str | None]:
    """The state of the tables, and why they are of no use, if so."""
    if stand is None:
        try:
            checkpoint.require_none(reads, live)
        except CheckpointLost as error:
            return "missing", _sentence(error)
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
