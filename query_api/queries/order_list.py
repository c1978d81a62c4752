"""Lists of orders: filtered, sorted, page by page, each item as the bytes that the projector stored."""

import re
from collections.abc import Callable
from typing import NamedTuple

from query_api import cursor as cursors
from query_api.cursor import Cursor, Direction
from query_api.queries.order_filters import NUMBER, PLACED_AT, Filters, Statement, branches
from query_api.reads import Read, Reading
from query_api.sessions import PlannedForItsValues

MOST_COUNTED = 10_000
"""A total is exact up to here; beyond, it is only known to be more."""

PREPARED: tuple[frozenset[str], ...] = (frozenset(), frozenset({"customer_id"}))
"""Filters for which one plan is good, whatever their values."""

# The joined page keeps its order: there is but one checkpoint to join it to. The limit is spelled out, or the planner,
# not knowing it, would plan anew at every execution, which costs as much as a third of it.
PAGE = """
SELECT
    {{checkpoint}},
    page.item,
    page.value,
    page.order_id,
    page.version,
    EXISTS (SELECT FROM {{reads}}.quarantine) AS any_stands_still,
    {total} AS total
FROM {{reads}}.checkpoint AS checkpoint
LEFT JOIN LATERAL (
    {rows}
) AS page ON true
"""

ROWS = """SELECT
        item,
        {key} AS value,
        order_id,
        version
    FROM {{reads}}.order_list
    WHERE {conditions}
    ORDER BY
        {key} {way},
        order_id {way}
    LIMIT {limit}"""

BRANCHES = """SELECT *
    FROM (
    ({rows})
    ) AS branch
    ORDER BY
        value {way},
        order_id {way}
    LIMIT {limit}"""

# Either the few orders that a filter's own index finds, sorted, or as many as are needed of those in order. `OFFSET 0`
# keeps the planner from doing in the first case as in the second.
FEW_OR_MANY = """WITH few AS MATERIALIZED (
        SELECT count(*) <= {probe.few} AS so
        FROM (
            {probe.rows}
            LIMIT {probe.few} + 1
        ) AS probed
    )
    SELECT *
    FROM (
    (SELECT
        item,
        {key} AS value,
        order_id,
        version
    FROM (
        SELECT *
        FROM {{reads}}.order_list
        WHERE {conditions}
        {probe.order}
        OFFSET 0
    ) AS order_list
    WHERE (SELECT so FROM few)
    ORDER BY
        {key} {way},
        order_id {way}
    LIMIT {limit})
    UNION ALL (SELECT
        item,
        {key} AS value,
        order_id,
        version
    FROM {{reads}}.order_list
    WHERE NOT (SELECT so FROM few)
        AND {conditions}
    ORDER BY
        {key} {way},
        order_id {way}
    LIMIT {limit})
    ) AS either
    ORDER BY
        value {way},
        order_id {way}
    LIMIT {limit}"""

# In the order of an index, or the planner might read the table from its beginning, however far the first match is.
TOTAL = """(
        SELECT count(*)
        FROM (
            SELECT
            FROM {{reads}}.order_list
            WHERE {conditions}
            ORDER BY
                {key},
                order_id
            LIMIT {limit}
        ) AS counted
    )"""

_NO_LIMIT = 2**62
_AMOUNT = re.compile(r"-?\d{1,16}", re.ASCII)


def _is_time(value: str) -> bool:
    return value == "infinity" or cursors.is_time(value)


def _is_text(value: str) -> bool:
    return "\0" not in value


def _is_amount(value: str) -> bool:
    return _AMOUNT.fullmatch(value) is not None


class Sort(NamedTuple):
    """A sort: its key, never NULL, the way it runs, and which texts can be values of it. Orders of one key go by id."""

    key: str
    descending: bool
    is_value: Callable[[str], bool]


SORTS = {
    "-created_at": Sort("created_at", descending=True, is_value=_is_time),
    "created_at": Sort("created_at", descending=False, is_value=_is_time),
    "-updated_at": Sort("updated_at", descending=True, is_value=_is_time),
    "updated_at": Sort("updated_at", descending=False, is_value=_is_time),
    "-placed_at": Sort(PLACED_AT, descending=True, is_value=_is_time),
    "placed_at": Sort(PLACED_AT, descending=False, is_value=_is_time),
    "-grand_total_amount": Sort("grand_total_amount", descending=True, is_value=_is_amount),
    "number": Sort(NUMBER, descending=False, is_value=_is_text),
}
"""The first is the default."""


class Asked(NamedTuple):
    """Which page of which list: `limit` items in the direction of the cursor, the first ones without one."""

    filters: Filters
    sort: str
    limit: int
    cursor: str | None = None
    with_total: bool = False


class Page(NamedTuple):
    """A page of items; a cursor is None where there is nothing more in its direction.

    `versions` names every order and its version, and so, whichever they are, the items themselves. `total` is how many
    orders the whole list has, one more than `MOST_COUNTED` if there are more than that, None if nobody asked.
    """

    position: int
    items: list[bytes]
    versions: bytes
    next_cursor: str | None
    prev_cursor: str | None
    total: int | None = None


def page(read: Read, asked: Asked) -> Page:
    """Find a page."""
    sort = SORTS[asked.sort]
    filter_hash = cursors.hash_of(asked.filters)
    place = cursors.decode(asked.cursor, asked.sort, filter_hash, sort.is_value) if asked.cursor else None
    template, values = _statement(asked, sort, place)
    return _page(read(template, *values), asked, filter_hash, place)


def everything(asked: Asked) -> tuple[str, list[str | None]]:
    """Give the statement of a whole list."""
    template, values = _statement(asked._replace(limit=_NO_LIMIT, cursor=None), SORTS[asked.sort], None)
    return template, [*values]


def _page(reading: Reading, asked: Asked, filter_hash: str, place: Cursor | None) -> Page:
    forward = place is None or place.dir == "next"
    *_, stands_still, total = reading.rows[0]
    any_stands_still = stands_still == b"t"
    rows = [row for row in reading.rows if row[0] is not None]
    more = len(rows) > asked.limit
    rows = rows[: asked.limit] if forward else rows[: asked.limit][::-1]

    def beyond(row: tuple[bytes | None, ...], direction: Direction) -> str:
        _, value, order_id, *_ = (column or b"" for column in row)
        return cursors.encode(
            Cursor(cursors.VERSION, asked.sort, filter_hash, value.decode(), order_id.decode(), direction)
        )

    has_next = bool(rows) and (more or not forward)
    has_prev = bool(rows) and (place is not None if forward else more)
    return Page(
        reading.position,
        [row[0] or b"" for row in rows],
        b" ".join([b"%b.%b" % (row[2] or b"", (row[0] if any_stands_still else row[3]) or b"") for row in rows]),
        beyond(rows[-1], "next") if has_next else None,
        beyond(rows[0], "prev") if has_prev else None,
        None if total is None else int(total),
    )


def _statement(asked: Asked, sort: Sort, place: Cursor | None) -> tuple[str, list[str]]:
    """Give the statement and its values."""
    statement = Statement()
    descending = sort.descending == (place is None or place.dir == "next")
    way, limit = "DESC" if descending else "ASC", asked.limit + 1
    beyond: list[str] = []
    if place is not None:
        place_of = f"({statement.parameter(place.value)}, {statement.parameter(place.order_id)})"
        beyond.append(f"({sort.key}, order_id) {'<' if descending else '>'} {place_of}")

    def rows_of(filters: Filters) -> str:
        conditions = _joined([*statement.conditions(filters), *beyond])
        return ROWS.format(key=sort.key, conditions=conditions, way=way, limit=limit)

    if probe := statement.probe(asked.filters, sort.key, descending=sort.descending):
        conditions = _joined([*statement.conditions(asked.filters), *beyond])
        rows = FEW_OR_MANY.format(probe=probe, key=sort.key, conditions=conditions, way=way, limit=limit)
    else:
        parts = [rows_of(some) for some in (branches(asked.filters) if sort.key == "created_at" else [asked.filters])]
        rows = parts[0]
        if len(parts) > 1:
            rows = BRANCHES.format(rows=")\n    UNION ALL (".join(parts), way=way, limit=limit)
    total = "NULL"
    if asked.with_total:
        conditions = _joined(statement.conditions(asked.filters))
        total = TOTAL.format(key=sort.key, conditions=conditions, limit=MOST_COUNTED + 1)
    template = PAGE.format(rows=rows, total=total)
    prepared = asked.filters.keys() in PREPARED
    return template if prepared else PlannedForItsValues(template), statement.values


def _joined(conditions: list[str]) -> str:
    return "\n        AND ".join(conditions) or "true"
