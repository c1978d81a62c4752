"""Who keeps posting, or a rebuild, waiting for a lock: which session, of whom, and what it does."""

from typing import Any

import psycopg
from psycopg.rows import dict_row

from shared.book import Book
from shared.database import Connection
from shared.event_log import CANONICAL_TIME

WAITERS = f"""
SELECT
    w.name,
    w.backend_pid,
    pg_blocking_pids(w.backend_pid) AS blocked_by,
    (
        SELECT json_build_object('relation', l.relation::regclass, 'since', {CANONICAL_TIME.format("l.waitstart")})
        FROM pg_locks l
        WHERE l.pid = w.backend_pid AND NOT l.granted
        LIMIT 1
    ) AS lock
FROM (
    SELECT host || ':' || pid AS name, backend_pid FROM {{projector}}.process WHERE role = 'leader'
    UNION ALL
    SELECT 'the ' || purpose || ' of ' || host || ':' || pid, backend_pid FROM {{projector}}.rebuild
) w
WHERE cardinality(pg_blocking_pids(w.backend_pid)) > 0
"""

SESSIONS = f"""
SELECT
    pid,
    usename AS user,
    application_name AS application,
    state,
    {CANONICAL_TIME.format("CASE state WHEN 'active' THEN query_start ELSE state_change END")} AS since
FROM pg_stat_activity
WHERE pid = ANY(%s)
ORDER BY xact_start
"""


def waiting(reads: Connection, book: Book) -> dict[str, Any] | None:
    """Who waits for which lock since when, and the sessions that hold it up; None if nobody does, or that is not shown.

    Whoever logged in may see more of other sessions than the projector's role: those of the same login, and of all with
    the rights of pg_read_all_stats. A session that may not be seen has neither state nor since.
    """
    try:
        with reads.cursor(row_factory=dict_row) as cursor, reads.transaction():
            waiter = cursor.execute(book.sql(WAITERS)).fetchone()
            if waiter is None:
                return None
            cursor.execute("SET LOCAL ROLE NONE")
            sessions = cursor.execute(SESSIONS, [waiter["blocked_by"]]).fetchall()
    except psycopg.Error:  # whatever this server does not allow, the rest of the status stands without it
        return None
    lock = waiter["lock"] or {}
    return {
        "who": waiter["name"],
        "relation": lock.get("relation"),
        "since": lock.get("since"),
        "held_by": sessions,
        "prepared_transaction": 0 in waiter["blocked_by"],
    }


def in_words(found: dict[str, Any]) -> str:
    """`waiting for lock held by pid 4711, idle in transaction since …, application psql`."""
    on = f" on {found['relation']}" if found["relation"] else ""
    since = f" since {found['since']}" if found["since"] else ""
    holders = [_session(session) for session in found["held_by"]]
    if found["prepared_transaction"]:
        holders.append("a prepared transaction, see pg_prepared_xacts")
    return f"{found['who']} is waiting{since} for lock{on} held by {' and by '.join(holders) or 'a session that ended'}"


def _session(session: dict[str, Any]) -> str:
    does = (
        f"{session['state']} since {session['since']}"
        if session["state"]
        else "what it does is shown to members of pg_read_all_stats only"
    )
    return f"pid {session['pid']}, {does}, application {session['application'] or 'unnamed'}, user {session['user']}"
