"""Where the tables stand and how the projectors are, looked up whenever somebody asks for the metrics.

Over connections of their own, which wait for nobody's lock: what keeps a projector from its work does not keep it from
being seen. A standby says the same as the leader.
"""

from contextlib import suppress
from math import nan

import psycopg
from psycopg.errors import UndefinedTable

from projector.health.status import OLDEST_WAITING
from projector.rebuilding.under_way import RUNS
from shared import event_log
from shared.database import DatabaseUnavailable, connect
from shared.environment import Databases
from shared.metric_list import (
    DRIFTED,
    HEAD,
    LAG_EVENTS,
    LAG_SECONDS,
    PAUSED,
    POSITION,
    PROJECTOR_REACHES,
    QUARANTINED,
    REBUILD_HEAD,
    REBUILD_POSITION,
    REBUILDING,
    Metric,
)
from shared.telling import Found

PATIENCE = {"lock_timeout": "1s", "statement_timeout": "2s"}

TABLES = """
SELECT
    position,
    (SELECT count(*) FROM {reads}.quarantine),
    (SELECT count(*) FROM {projector}.drift WHERE EXISTS (
        SELECT
        FROM {projector}.verified v
        WHERE v.generation = c.generation
    ))
FROM {reads}.checkpoint c
"""

LIFE = f"""
SELECT
    c.paused_at IS NOT NULL,
    r.purpose IS NOT NULL,
    coalesce(r.position, 0),
    coalesce(r.head_position, 0)
FROM {{projector}}.control c
LEFT JOIN {{projector}}.rebuild r ON {RUNS}
LIMIT 1
"""

_MEASURED = (
    HEAD,
    POSITION,
    LAG_EVENTS,
    LAG_SECONDS,
    QUARANTINED,
    DRIFTED,
    PAUSED,
    REBUILDING,
    REBUILD_POSITION,
    REBUILD_HEAD,
)
UNKNOWN: Found = [(PROJECTOR_REACHES, 0), *((metric, nan) for metric in _MEASURED)]
"""What is told while the databases do not answer."""


def look(databases: Databases) -> Found:
    """Look for all of that; what cannot be known now is left out."""
    found: list[tuple[Metric, float]] = []
    with suppress(psycopg.Error, DatabaseUnavailable):
        position, of_reads = _reads(databases)
        found += of_reads
        found += [*_log(databases, position), (PROJECTOR_REACHES, 1)]
    return found


def _reads(databases: Databases) -> tuple[int, Found]:
    """The position, and what the reads database knows. Without any tables they stand at 0."""
    book = databases.book
    with connect(databases.reads_url, book.names["projector_role"], "daybook projector metrics", **PATIENCE) as reads:
        position, quarantined, drifted = 0, 0, 0
        with suppress(UndefinedTable):
            position, quarantined, drifted = reads.execute(book.sql(TABLES)).fetchone() or (0, 0, 0)
        life = reads.execute(book.sql(LIFE)).fetchone() or (False, False, 0, 0)
    return position, [
        (POSITION, position),
        (QUARANTINED, quarantined),
        (DRIFTED, drifted),
        *zip((PAUSED, REBUILDING, REBUILD_POSITION, REBUILD_HEAD), map(float, life), strict=True),
    ]


def _log(databases: Databases, position: int) -> Found:
    """What the log knows: its head, and what is behind `position`."""
    book = databases.book
    with connect(databases.events_url, book.names["projector_role"], "daybook projector metrics", **PATIENCE) as log:
        head = event_log.head(log, book).position
        row = log.execute(book.sql(OLDEST_WAITING), [position]).fetchone()
    return [(HEAD, head), (LAG_EVENTS, max(0, head - position)), (LAG_SECONDS, row[0] if row else 0)]
