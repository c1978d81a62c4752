"""What happened to an order, event by event."""

from typing import Any, NamedTuple

from msgspec import Raw

from query_api.queries.times import CANONICAL
from query_api.reads import Read

# order_detail says whether there is such an order: the timeline also holds streams of other kinds.
AFTER_VERSION = f"""
SELECT
    {{checkpoint}},
    detail.version,
    timeline.order_version,
    timeline.type,
    timeline.summary,
    {CANONICAL.format("timeline.occurred_at")},
    {CANONICAL.format("timeline.recorded_at")},
    timeline.actor_type,
    timeline.actor_id,
    timeline.data
FROM {{reads}}.checkpoint AS checkpoint
LEFT JOIN {{reads}}.order_detail AS detail ON detail.order_id = $1
LEFT JOIN LATERAL (
    SELECT *
    FROM {{reads}}.order_timeline
    WHERE order_id = $1
        AND order_version > $2
    ORDER BY order_version
    LIMIT $3
) AS timeline ON true
"""


class Timeline(NamedTuple):
    """A stretch of an order's history. `items` is None when there is no such order."""

    position: int
    items: list[dict[str, Any]] | None
    next_after_version: int | None


def after_version(read: Read, order_id: str, after: int, limit: int) -> Timeline:
    """Find the next `limit` events after a version; `order_id` is known to be a UUID."""
    reading = read(AFTER_VERSION, order_id, str(after), str(limit + 1))
    if reading.rows[0][0] is None:
        return Timeline(reading.position, None, None)
    rows = [row[1:] for row in reading.rows if row[1] is not None]
    more = len(rows) > limit
    rows = rows[:limit]
    return Timeline(reading.position, [_item(*row) for row in rows], int(rows[-1][0] or 0) if more else None)


def _item(version: bytes | None, *columns: bytes | None) -> dict[str, Any]:
    *texts, changes = ((column or b"").decode() for column in columns)
    type_, summary, occurred_at, recorded_at, actor_type, actor_id = texts
    return {
        "version": int(version or 0),
        "type": type_,
        "summary": summary,
        "occurred_at": occurred_at,
        "recorded_at": recorded_at,
        "actor": {"type": actor_type, "id": actor_id},
        "changes": Raw(changes),  # as it is stored
    }
