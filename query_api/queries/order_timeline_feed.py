"""The events of all orders, or of one, as CloudEvents: what the timeline has a row for, which is everything.

A page is bounded three times over: by its limit, by the bytes in it, and by the positions examined for it, so that
neither great events nor a rare type make it slow. Positions have no gaps, so that the last one can be computed.
"""

from typing import Any, NamedTuple

from msgspec import Raw

from query_api.queries.times import CANONICAL
from query_api.reads import Read
from query_api.sessions import Row

MOST_EXAMINED = 50_000
"""So many positions are looked at for one page."""

MOST_BYTES = 4 * 1024 * 1024
"""A page ends with the event whose data come to so many bytes, all together."""

OF_TYPES = "($3::text[] IS NULL OR type = ANY ($3))"

PAGE = f"""
SELECT
    {{{{checkpoint}}}},
    beside.first,
    event.found,
    event.position,
    event.event_id,
    event.type,
    event.schema_version,
    event.order_id,
    event.order_version,
    {CANONICAL.format("event.occurred_at")},
    event.actor_type,
    event.actor_id,
    event.data
FROM {{{{reads}}}}.checkpoint AS checkpoint
CROSS JOIN LATERAL ({{first}}) AS beside (first)
LEFT JOIN LATERAL (
    SELECT
        *,
        count(*) OVER () AS found,
        sum(octet_length(data)) OVER (ORDER BY position) AS bytes
    FROM (
        SELECT *
        FROM {{{{reads}}}}.order_timeline
        WHERE {{wanted}}
        ORDER BY {{in_order_of}}
        LIMIT $2
    ) AS limited
) AS event ON event.bytes - octet_length(event.data) < {MOST_BYTES}
ORDER BY event.position
"""

LAST_EXAMINED = """
    SELECT coalesce(max(position), 0)
    FROM {{reads}}.order_timeline
    WHERE position <= {upto}
"""

AFTER = PAGE.format(
    first=LAST_EXAMINED.format(upto=f"least($1::bigint + {MOST_EXAMINED}, checkpoint.position)"),
    wanted=f"position > $1 AND position <= beside.first AND {OF_TYPES}",
    in_order_of="position",
)

AFTER_OF_ORDER = PAGE.format(
    first=LAST_EXAMINED.format(upto="checkpoint.position"),
    wanted=f"order_id = $4 AND position > $1 AND position <= beside.first AND {OF_TYPES}",
    in_order_of="order_version",
)

# An order whose very first event could not be posted has no document, and is in quarantine.
# Since which position an order stands still; empty if it does not, NULL if there is none.
STANDING = """
    SELECT coalesce(
        (SELECT quarantine.position::text FROM {reads}.quarantine AS quarantine WHERE quarantine.order_id = $3),
        (SELECT '' FROM {reads}.order_detail AS detail WHERE detail.order_id = $3)
    )
"""

AFTER_VERSION = PAGE.format(
    first=STANDING,
    wanted="order_id = $3 AND order_version > $1 AND position <= checkpoint.position",
    in_order_of="order_version",
)


class Asked(NamedTuple):
    """Which events: those after a position, of some types (names without quotes), of one order (known to be a UUID)."""

    after: int
    limit: int
    types: tuple[str, ...] | None
    order_id: str | None


class Page(NamedTuple):
    """Some events in a row. All up to `next_after` have been looked at; `at_end`: and there are no more yet."""

    position: int
    items: list[dict[str, Any]]
    next_after: int
    at_end: bool


class EventsOfOrder(NamedTuple):
    """Some events of an order; `next_after_version` is None at its end. `items` is None when there is no such order.

    `quarantined` is the position since which its document stands still; its events go on.
    """

    position: int
    items: list[dict[str, Any]] | None
    next_after_version: int | None
    quarantined: int | None


def page(read: Read, asked: Asked) -> Page:
    """Find the next events. Where the page ends is taken from rows seen, never from a checkpoint beside them."""
    types = None if asked.types is None else "{" + ",".join(f'"{type_}"' for type_ in asked.types) + "}"
    values = (str(asked.after), str(asked.limit), types)
    reading = read(AFTER_OF_ORDER, *values, asked.order_id) if asked.order_id else read(AFTER, *values)
    examined, found, items = _items(reading.rows)
    if items and (found > len(items) or found == asked.limit):
        return Page(reading.position, items, items[-1]["position"], at_end=False)
    next_after = max(asked.after, int(examined))
    return Page(reading.position, items, next_after, at_end=next_after >= reading.position)


def of_order(read: Read, order_id: str, after_version: int, limit: int) -> EventsOfOrder:
    """Find the next `limit` events of an order after a version; `order_id` is known to be a UUID."""
    reading = read(AFTER_VERSION, str(after_version), str(limit + 1), order_id)
    standing, found, items = _items(reading.rows)
    if reading.rows[0][0] is None:
        return EventsOfOrder(reading.position, None, None, None)
    shown = items[:limit]
    last = int(shown[-1]["sequence"]) if found > len(shown) else None
    return EventsOfOrder(reading.position, shown, last, int(standing) if standing else None)


def _items(rows: list[Row]) -> tuple[bytes, int, list[dict[str, Any]]]:
    """Give the column beside the events, how many of them there were within the limit, and those in the page."""
    beside, found, position = rows[0][:3]
    return beside or b"", int(found or 0), [] if position is None else [_item(*row[2:]) for row in rows]


def _item(position: bytes | None, *columns: bytes | None) -> dict[str, Any]:
    """Make a CloudEvent of a row; its data stay the bytes that were stored."""
    *texts, data = ((column or b"").decode() for column in columns)
    id_, type_, schema_version, order_id, version, occurred_at, actor_type, actor_id = texts
    return {
        "specversion": "1.0",
        "id": id_,
        "source": "/orders",
        "type": type_,
        "subject": order_id,
        "time": occurred_at,
        "datacontenttype": "application/json",
        "dataschema": f"/schemas/{type_}/{schema_version}",
        "sequence": version,
        "position": int(position or 0),
        "actor": {"type": actor_type, "id": actor_id},
        "data": Raw(data),
    }
