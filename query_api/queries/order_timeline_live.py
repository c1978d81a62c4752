"""What happens just now, to all orders: the newest events, and how many were recorded in each of the last minutes.

Positions have no gaps and `recorded_at` rises with them, so where a minute begins is found by halving: some hundred
looks into the index of positions, however long the log is and however much happened meanwhile.
"""

from typing import NamedTuple

from query_api.queries.times import CANONICAL
from query_api.reads import Read
from query_api.sessions import Row

MINUTES = 30

LATEST = f"""
SELECT
    {{checkpoint}},
    event.position,
    event.order_id,
    event.order_version,
    listed.number,
    listed.order_id IS NOT NULL,
    event.type,
    event.summary,
    {CANONICAL.format("event.occurred_at")},
    {CANONICAL.format("event.recorded_at")},
    event.actor_type,
    event.actor_id
FROM {{reads}}.checkpoint AS checkpoint
LEFT JOIN LATERAL (
    SELECT *
    FROM {{reads}}.order_timeline
    WHERE position > $1
        AND position <= checkpoint.position
    ORDER BY position DESC
    LIMIT $2
) AS event ON true
LEFT JOIN {{reads}}.order_list AS listed ON listed.order_id = event.order_id
ORDER BY event.position DESC
"""

# Of each minute's beginning: the last position that was recorded before it.
PER_MINUTE = f"""
SELECT
    {{checkpoint}},
    extract(epoch FROM minute.began_at)::bigint,
    minute.last_before
FROM {{reads}}.checkpoint AS checkpoint
CROSS JOIN LATERAL (
    WITH RECURSIVE halving AS (
        SELECT
            date_trunc('minute', clock_timestamp()) - number * interval '1 minute' AS began_at,
            0::bigint AS last_before,
            checkpoint.position + 1 AS first_after
        FROM generate_series(0, {MINUTES - 1}) AS number
        UNION ALL
        SELECT
            began_at,
            CASE WHEN event.recorded_at < began_at THEN event.position ELSE last_before END,
            CASE WHEN event.recorded_at < began_at THEN first_after ELSE event.position END
        FROM halving
        INNER JOIN {{reads}}.order_timeline AS event ON event.position = (last_before + first_after) / 2
        WHERE first_after - last_before > 1
    )
    SELECT
        began_at,
        last_before
    FROM halving
    WHERE first_after - last_before = 1
) AS minute
ORDER BY minute.began_at
"""


class Happened(NamedTuple):
    """An event; `number` is its order's, None for a draft's. `is_order`: there is an order to look at."""

    position: int
    order_id: str
    version: int
    number: str | None
    is_order: bool
    type: str
    summary: str
    occurred_at: str
    recorded_at: str
    actor_type: str
    actor_id: str


class Latest(NamedTuple):
    """The newest events, the newest one first."""

    position: int
    events: list[Happened]


class Minute(NamedTuple):
    """A minute by its beginning (Unix time), and how many events were recorded in it."""

    began_at: int
    events: int


def latest(read: Read, after: int, limit: int) -> Latest:
    """Find the newest `limit` events after a position."""
    reading = read(LATEST, str(after), str(limit))
    return Latest(reading.position, [_happened(row) for row in reading.rows if row[0] is not None])


def per_minute(read: Read) -> list[Minute]:
    """Count the events of the last minutes; the last minute is not over yet."""
    reading = read(PER_MINUTE)
    begun = [(int(began or 0), int(before or 0)) for began, before in reading.rows]
    ends = [before for _, before in begun[1:]] + [reading.position]
    return [Minute(began, end - before) for (began, before), end in zip(begun, ends, strict=True)]


def _happened(row: Row) -> Happened:
    position, order_id, version, number, is_order, *texts = row
    type_, summary, occurred_at, recorded_at, actor_type, actor_id = ((text or b"").decode() for text in texts)
    return Happened(
        int(position or 0),
        (order_id or b"").decode(),
        int(version or 0),
        None if number is None else number.decode(),
        is_order == b"t",
        type_,
        summary,
        occurred_at,
        recorded_at,
        actor_type,
        actor_id,
    )
