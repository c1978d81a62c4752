"""What happened to an order, event by event."""

from typing import Any, NamedTuple

from msgspec import Raw

from query_api.queries.times import CANONICAL
from query_api.reads import Read
from shared.events import EVENTS

FOR_CUSTOMERS = ",".join(sorted(EVENTS.keys() - {"order.tags_changed", "order.metadata_changed"}))
"""Types of events that customers may see, notes only if they are meant for them."""

# order_detail says whether there is such an order: the timeline also holds streams of other kinds. One that failed at
# its first event is in quarantine and nowhere else.
AFTER_VERSION = f"""
SELECT
    {{checkpoint}},
    coalesce(detail.order_id, quarantine.order_id),
    quarantine.position,
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
LEFT JOIN {{reads}}.quarantine AS quarantine ON quarantine.order_id = $1
LEFT JOIN LATERAL (
    SELECT *
    FROM {{reads}}.order_timeline
    WHERE order_id = $1
        AND order_version > $2
        AND (
            $4::text IS NULL
            OR type = ANY (string_to_array($4, ','))
                AND (type <> 'order.note_added' OR data::jsonb ->> 'visibility' = 'customer')
        )
    ORDER BY order_version
    LIMIT $3
) AS timeline ON true
"""


class Timeline(NamedTuple):
    """A stretch of an order's history. `items` is None when there is no such order.

    `quarantined` is the position of the event since which its document stands still; its history goes on.
    """

    position: int
    items: list[dict[str, Any]] | None
    next_after_version: int | None
    quarantined: int | None


def after_version(read: Read, order_id: str, after: int, limit: int, *, for_customer: bool = False) -> Timeline:
    """Find the next `limit` events after a version; `order_id` is known to be a UUID."""
    reading = read(AFTER_VERSION, order_id, str(after), str(limit + 1), FOR_CUSTOMERS if for_customer else None)
    order, since, *_ = reading.rows[0]
    if order is None:
        return Timeline(reading.position, None, None, None)
    rows = [row[2:] for row in reading.rows if row[2] is not None]
    more = len(rows) > limit
    rows = rows[:limit]
    items = [_item(*row) for row in rows]
    last = int(rows[-1][0] or 0) if more else None
    return Timeline(reading.position, items, last, None if since is None else int(since))


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
