"""Lists of orders: filtered, sorted, page by page, each item as the bytes that the projector stored."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from query_api import cursor as cursors
from query_api.cursor import Cursor, Direction
from query_api.reads import Read

Wanted = str | tuple[str, ...]

FILTERS = {
    "status": "status",
    "channel": "channel",
    "customer_id": "customer_id =",
    "created_from": "created_at >=",
    "created_to": "created_at <",
}
"""Filter → its condition, whose right side is the value; a bare column takes any of several."""

# The joined page keeps its order: there is but one checkpoint to join it to. The limit is spelled out, or the planner,
# not knowing it, would plan anew at every execution, which costs as much as a third of it.
PAGE = """
SELECT
    {{checkpoint}},
    page.item,
    page.value,
    page.order_id,
    page.version
FROM {{reads}}.checkpoint AS checkpoint
LEFT JOIN LATERAL (
    SELECT
        item,
        {column} AS value,
        order_id,
        version
    FROM {{reads}}.order_list
    WHERE {conditions}
    ORDER BY
        {column} {way},
        order_id {way}
    LIMIT {limit}
) AS page ON true
"""


def _is_time(value: str) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


class Sort(NamedTuple):
    """A sort key: its column, the way it runs, and which texts can be values of it."""

    column: str
    descending: bool
    is_value: Callable[[str], bool]


SORTS = {
    "-created_at": Sort("created_at", descending=True, is_value=_is_time),
    "created_at": Sort("created_at", descending=False, is_value=_is_time),
}
"""The first is the default."""


class Page(NamedTuple):
    """A page of items; a cursor is None where there is nothing more in its direction.

    `versions` names every order and its version, and so, whichever they are, the items themselves.
    """

    position: int
    items: list[bytes]
    versions: bytes
    next_cursor: str | None
    prev_cursor: str | None


def page(read: Read, filters: Mapping[str, Wanted], sort: str, limit: int, cursor: str | None) -> Page:
    """Find the page of `limit` items that the cursor leads to; the first page without one."""
    key = SORTS[sort]
    filter_hash = cursors.hash_of(filters)
    place = cursors.decode(cursor, sort, filter_hash, key.is_value) if cursor else None
    forward = place is None or place.dir == "next"
    template, values = _statement(filters, key, place, limit + 1, descending=key.descending == forward)
    reading = read(template, *values)

    rows = [row for row in reading.rows if row[0] is not None]
    more = len(rows) > limit
    rows = rows[:limit] if forward else rows[:limit][::-1]

    def beyond(row: tuple[bytes | None, ...], direction: Direction) -> str:
        _, value, order_id, _ = (column or b"" for column in row)
        return cursors.encode(
            Cursor(cursors.VERSION, sort, filter_hash, value.decode(), order_id.decode(), direction)
        )

    has_next = bool(rows) and (more or not forward)
    has_prev = bool(rows) and (place is not None if forward else more)
    return Page(
        reading.position,
        [row[0] or b"" for row in rows],
        b" ".join([b"%b.%b" % (row[2] or b"", row[3] or b"") for row in rows]),
        beyond(rows[-1], "next") if has_next else None,
        beyond(rows[0], "prev") if has_prev else None,
    )


def _statement(
    filters: Mapping[str, Wanted], key: Sort, place: Cursor | None, limit: int, *, descending: bool
) -> tuple[str, list[str]]:
    """Give the statement and its values."""
    conditions: list[str] = []
    values: list[str] = []
    for name, wanted in filters.items():
        condition, value = _condition(name, wanted)
        values.append(value)
        conditions.append(f"{condition} (${len(values)})")
    if place is not None:
        values += [place.value, place.order_id]
        last = len(values)
        conditions.append(f"({key.column}, order_id) {'<' if descending else '>'} (${last - 1}, ${last})")
    template = PAGE.format(
        column=key.column,
        conditions="\n        AND ".join(conditions) or "true",
        way="DESC" if descending else "ASC",
        limit=limit,
    )
    return template, values


def _condition(name: str, wanted: Wanted) -> tuple[str, str]:
    if isinstance(wanted, str):
        return FILTERS[name], wanted
    if len(wanted) == 1:  # as equality, so that an index gives the order too
        return f"{FILTERS[name]} =", wanted[0]
    return f"{FILTERS[name]} = ANY", _array(wanted)


def _array(values: tuple[str, ...]) -> str:
    """Write an array as PostgreSQL reads it."""
    quoted = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{value}"' for value in quoted) + "}"
