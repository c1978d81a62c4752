"""How the read side stands: its checkpoint, the projectors, what operators ask of them, a rebuild under way."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec
import psycopg
from msgspec import Struct
from psycopg import errors

from query_api.head import Known
from query_api.queries.times import CANONICAL
from query_api.reads import as_problem
from query_api.sessions import Sessions
from shared.database import DatabaseUnavailable
from shared.order_document import REVISION

SILENT_SECONDS = 300
"""A rebuild lives as long as its session. A standby server does not see that, and must go by its heartbeat."""

# One JSON document made by the server: a status is asked for rarely, and mostly by people.
STATUS = f"""
SELECT json_build_object(
    'checkpoint', {{checkpoint_row}},
    'processes', (
        SELECT coalesce(json_agg(json_build_object(
            'role', role,
            'name', host || ':' || pid,
            'log_id', log_id,
            'alive', heartbeat_at > clock_timestamp() - lease,
            'heartbeat_at', {CANONICAL.format("heartbeat_at")}
        ) ORDER BY heartbeat_at DESC), '[]')
        FROM {{projector}}.process
    ),
    'paused', (
        SELECT json_build_object('by', paused_by, 'since', {CANONICAL.format("paused_at")})
        FROM {{projector}}.control
        WHERE paused_at IS NOT NULL
    ),
    'rebuild', (
        SELECT json_build_object(
            'purpose', purpose,
            'phase', phase,
            'generation', generation,
            'position', position,
            'head_position', head_position,
            'workers', workers,
            'started_at', {CANONICAL.format("started_at")},
            'heartbeat_at', {CANONICAL.format("heartbeat_at")},
            'running', CASE
                WHEN pg_is_in_recovery() THEN heartbeat_at > clock_timestamp() - interval '{SILENT_SECONDS} seconds'
                ELSE EXISTS (
                    SELECT
                    FROM pg_stat_activity
                    WHERE pid = backend_pid
                )
            END
        )
        FROM {{projector}}.rebuild
        ORDER BY heartbeat_at DESC
        LIMIT 1
    ),
    'quarantine', {{quarantine}}
)
"""

CHECKPOINT_ROW = f"""(
    SELECT json_build_object(
        'log_id', log_id,
        'position', position,
        'generation', generation,
        'revision', revision,
        'posted_at', {CANONICAL.format("posted_at")}
    )
    FROM {{reads}}.checkpoint
)"""

QUARANTINE = f"""(
        SELECT coalesce(json_agg(json_build_object(
            'order_id', order_id,
            'position', position,
            'version', version,
            'type', type,
            'error', error,
            'since', {CANONICAL.format("since")}
        ) ORDER BY position), '[]')
        FROM {{reads}}.quarantine
    )"""

STATEMENTS = (
    STATUS.replace("{checkpoint_row}", CHECKPOINT_ROW).replace("{quarantine}", QUARANTINE),
    STATUS.replace("{checkpoint_row}", CHECKPOINT_ROW).replace("{quarantine}", "'[]'::json"),
    STATUS.replace("{checkpoint_row}", "NULL").replace("{quarantine}", "'[]'::json"),
)
"""As things are; where the tables are older than the quarantine; where there are none."""


class Tables(Struct):
    """A generation of read tables."""

    log_id: str
    position: int
    generation: str
    revision: int
    posted_at: str


class Process(Struct):
    """A projector; `log_id` is the log that it reads."""

    role: str
    name: str
    log_id: str | None
    alive: bool
    heartbeat_at: str


class Standing(Struct):
    """Everything that can be known without the log; `checkpoint` is None where there are no tables yet."""

    checkpoint: Tables | None
    processes: list[Process]
    paused: dict[str, Any] | None
    rebuild: dict[str, Any] | None
    quarantine: list[dict[str, Any]]

    @property
    def position(self) -> int:
        """Where the tables stand; 0 where there are none."""
        return self.checkpoint.position if self.checkpoint else 0

    @property
    def leader(self) -> Process | None:
        """The projector that posts, unless its heartbeat stopped."""
        return next((process for process in self.processes if process.alive and process.role == "leader"), None)


def standing(reads: Sessions) -> Standing:
    """Ask how the read side stands. Raises a `Problem` (503) when its database is away."""
    try:
        return _decode(_found(reads) or b"")
    except (psycopg.Error, DatabaseUnavailable) as error:
        raise as_problem(error, reads) from error


def representation(standing: Standing, head: Known | None) -> dict[str, Any]:
    """Show how the read side stands, and in one sentence why it is behind, if it is (as `daybook status` does)."""
    tables, leader = standing.checkpoint, standing.leader
    state, unfit = _fitness(standing, head)
    return {
        "log_id": tables and tables.log_id,
        "head_position": head and head.position,
        "head_source": head and head.source,
        "reads": {
            "state": state,
            "generation": tables and tables.generation,
            "revision": tables and tables.revision,
            "position": tables and tables.position,
            "posted_at": tables and tables.posted_at,
            "lag_events": head and max(0, head.position - standing.position),
            "lag_seconds": head and round(head.lag(standing.position), 3),
            "leader": leader and leader.name,
            "standbys": [process.name for process in standing.processes if process.alive and process is not leader],
            "heartbeat_at": leader and leader.heartbeat_at,
        },
        "paused": standing.paused,
        "rebuild": standing.rebuild,
        "quarantine": standing.quarantine,
        "why": " ".join(filter(None, (unfit or _why_behind(standing, head), *_warnings(standing)))) or None,
    }


def _found(reads: Sessions) -> bytes | None:
    *tried, last = STATEMENTS
    for statement in tried:
        with suppress(errors.UndefinedTable):
            return reads.run(statement).get_value(0, 0)
    return reads.run(last).get_value(0, 0)


def _warnings(standing: Standing) -> Iterator[str]:
    """Say what somebody should look at, though the tables can be served."""
    if held := len(standing.quarantine):
        first = standing.quarantine[0]
        orders = "1 order stands" if held == 1 else f"{held} orders stand"
        yield (
            f"{orders} still, the first since position {first['position']}: see `quarantine`;"
            f" once the cause is mended, `daybook retry {first['order_id']}`."
        )
    if standing.rebuild and not standing.rebuild["running"]:
        what = standing.rebuild["purpose"]
        began, last = standing.rebuild["started_at"], standing.rebuild["heartbeat_at"]
        yield f"The {what} of {began} was killed at or after {last}: run `daybook {what}` again."


def _fitness(standing: Standing, head: Known | None) -> tuple[str, str | None]:
    """Give the state of the tables, and why they are of no use, if so."""
    tables, leader = standing.checkpoint, standing.leader
    if not tables:
        return "missing", "There are no read tables yet: start `daybook projector`."
    if tables.revision != REVISION:
        unfit = f"The tables are of revision {tables.revision}, this code {REVISION}: run `daybook rebuild`."
        return "other_revision", unfit
    if leader and leader.log_id not in (None, tables.log_id):
        unfit = f"The tables are of log {tables.log_id}, the projector reads {leader.log_id}: run `daybook rebuild`."
        return "another_history", unfit
    if head and head.position < tables.position:
        unfit = f"The tables are at position {tables.position}, the log ends at {head.position}: run `daybook rebuild`."
        return "another_history", unfit
    return "live", None


def _why_behind(standing: Standing, head: Known | None) -> str | None:
    if head is None:
        return "Where the log ends is not known: neither the log nor a projector says."
    behind = head.position - standing.position
    if not behind:
        return None
    if standing.paused:
        return f"{behind} events behind: paused by {standing.paused['by']} since {standing.paused['since']}."
    if standing.leader:
        return f"{behind} events behind; {standing.leader.name} is posting them."
    return f"{behind} events behind: no projector is running, start `daybook projector`."


_decode = msgspec.json.Decoder(Standing).decode
