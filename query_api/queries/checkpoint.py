"""How the read side stands: its checkpoint, the projectors, what operators ask of them, a rebuild under way."""

from contextlib import suppress
from typing import Any

import msgspec
import psycopg
from msgspec import Struct, field
from psycopg import errors

from query_api.queries.times import CANONICAL
from query_api.reads import as_problem
from query_api.sessions import Sessions
from shared.database import DatabaseUnavailable

SILENT_SECONDS = 300
"""A rebuild lives as long as its session. A standby server does not see that, and must go by its heartbeat."""

MOST_DRIFTED = 100
"""So many orders and customers whose rows are not what the log comes to are named."""

# Who keeps posting, or a rebuild, waiting for a lock. A standby server knows nothing of its primary's sessions.
WAITING = f"""(
        SELECT json_build_object(
            'who', waiter.name,
            'relation', lock.relation,
            'since', lock.since,
            'held_by', (
                SELECT coalesce(json_agg(json_build_object(
                    'pid', pid,
                    'user', usename,
                    'application', application_name,
                    'state', state,
                    'since', {CANONICAL.format("CASE state WHEN 'active' THEN query_start ELSE state_change END")}
                ) ORDER BY xact_start), '[]')
                FROM pg_stat_activity
                WHERE pid = ANY (waiter.blocked_by)
            ),
            'prepared_transaction', 0 = ANY (waiter.blocked_by)
        )
        FROM (
            SELECT name, backend_pid, pg_blocking_pids(backend_pid) AS blocked_by
            FROM (
                SELECT host || ':' || pid AS name, backend_pid
                FROM {{projector}}.process
                WHERE role = 'leader'
                UNION ALL
                SELECT 'the ' || purpose || ' of ' || host || ':' || pid, backend_pid
                FROM {{projector}}.rebuild
            ) AS session
            WHERE NOT pg_is_in_recovery()
        ) AS waiter
        LEFT JOIN LATERAL (
            SELECT relation::regclass, {CANONICAL.format("waitstart")} AS since
            FROM pg_locks
            WHERE pid = waiter.backend_pid AND NOT granted
            LIMIT 1
        ) AS lock ON true
        WHERE cardinality(waiter.blocked_by) > 0
        LIMIT 1
    )"""

# One JSON document made by the server: a status is asked for rarely, and mostly by people. What newer code added to the
# tables outside of generations is taken out of whole rows, so that it need not be there.
STATUS = f"""
SELECT json_build_object(
    'checkpoint', {{checkpoint_row}},
    'processes', (
        SELECT coalesce(json_agg(json_build_object(
            'role', role,
            'name', host || ':' || pid,
            'log_id', log_id,
            'alive', heartbeat_at > clock_timestamp() - lease,
            'heartbeat_at', {CANONICAL.format("heartbeat_at")},
            'trouble', to_jsonb(process) -> 'trouble',
            'trouble_since', {CANONICAL.format("(to_jsonb(process) ->> 'trouble_since')::timestamptz")}
        ) ORDER BY heartbeat_at DESC), '[]')
        FROM {{projector}}.process AS process
    ),
    'last_led_at', (
        SELECT {CANONICAL.format("(to_jsonb(control) ->> 'last_led_at')::timestamptz")}
        FROM {{projector}}.control AS control
    ),
    'waiting', {WAITING},
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


# Differences found in a generation before this one do not count.
VERIFIED = f"""
SELECT json_build_object(
    'orders', orders,
    'last_at', {CANONICAL.format("last_at")},
    'drift', (
        SELECT coalesce(json_agg(drift), '[]')
        FROM (
            SELECT
                kind,
                subject AS id,
                tables,
                position,
                {CANONICAL.format("since")} AS since
            FROM {{projector}}.drift
            ORDER BY drift.since
            LIMIT {MOST_DRIFTED}
        ) AS drift
    )
)
FROM {{projector}}.verified
WHERE generation = $1
"""


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
    trouble: str | None = None
    trouble_since: str | None = None


class Verified(Struct):
    """What the background verifier has looked at of the live generation, and whose rows differ."""

    orders: int = 0
    last_at: str | None = None
    drift: list[dict[str, Any]] = []


class Standing(Struct):
    """Everything that can be known without the log; `checkpoint` is None where there are no tables yet."""

    checkpoint: Tables | None
    processes: list[Process]
    paused: dict[str, Any] | None
    rebuild: dict[str, Any] | None
    quarantine: list[dict[str, Any]]
    last_led_at: str | None
    waiting: dict[str, Any] | None
    verified: Verified = field(default_factory=Verified)

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
        found = _decode(_found(reads) or b"")
        if found.checkpoint:
            found.verified = _verified(reads, found.checkpoint.generation)
    except (psycopg.Error, DatabaseUnavailable) as error:
        raise as_problem(error, reads) from error
    return found


def _found(reads: Sessions) -> bytes | None:
    *tried, last = STATEMENTS
    for statement in tried:
        with suppress(errors.UndefinedTable):
            return reads.run(statement).get_value(0, 0)
    return reads.run(last).get_value(0, 0)


def _verified(reads: Sessions, generation: str) -> Verified:
    with suppress(errors.UndefinedTable):  # until `daybook migrate`
        result = reads.run(VERIFIED, generation)
        if result.ntuples:
            return _decode_verified(result.get_value(0, 0) or b"")
    return Verified()


_decode = msgspec.json.Decoder(Standing).decode
_decode_verified = msgspec.json.Decoder(Verified).decode
