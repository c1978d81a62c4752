"""Why staff should look at orders, what has waited longest first. What has not come yet is not shown."""

import msgspec

from query_api import keyset
from query_api.queries.order_list import Page
from query_api.queries.times import CANONICAL
from query_api.reads import Read
from query_api.sessions import Row

LIST = keyset.List("attention", ("timestamptz", "uuid", "text"))
KEY = ("since", "order_id", "kind")

# The order list is looked up row by row (so the LIMIT), which keeps the order.
PAGE = f"""
SELECT
    {{{{checkpoint}}}},
    page.since,
    page.order_id,
    page.kind,
    list.number,
    {CANONICAL.format("page.since")},
    page.amount,
    list.currency,
    page.detail,
    list.currency_exponent
FROM {{{{reads}}}}.checkpoint AS checkpoint
LEFT JOIN LATERAL (
    SELECT *
    FROM {{{{reads}}}}.attention
    WHERE since <= now()
        AND {{kinds}}
        AND {{beyond}}
    ORDER BY {{order}}
    {{limit}}
) AS page ON true
LEFT JOIN LATERAL (
    SELECT
        number,
        currency,
        currency_exponent
    FROM {{{{reads}}}}.order_list
    WHERE order_id = page.order_id
    LIMIT 1
) AS list ON true
"""
COLUMNS = ("order_id", "kind", "number", "since", "amount", "currency", "detail", "currency_exponent")
"""Of an item, in the order of the statement's."""


def page(read: Read, kinds: tuple[str, ...], limit: int, cursor: str | None) -> Page:
    """Find a page of what needs attention."""
    place = LIST.place(cursor, {"kind": kinds})
    values = _values(kinds)
    template = PAGE.format(
        kinds=_condition(kinds),
        beyond=LIST.condition(KEY, len(values) + 1, place),
        order=keyset.ordered(KEY, place),
        limit=f"LIMIT {limit + 1}",
    )
    reading = read(template, *values, *(place.key if place else ()))
    rows = [(keyset.texts(row[:3]), row) for row in reading.rows if row[0] is not None]
    found = keyset.cut(LIST, rows, limit, place, {"kind": kinds})
    items = [msgspec.json.encode(item(row)) for row in found.rows]
    return Page(reading.position, items, b",".join(items), found.next_cursor, found.prev_cursor)


def everything(kinds: tuple[str, ...]) -> tuple[str, list[str | None]]:
    """Give the statement of all that needs attention."""
    order = keyset.ordered(KEY, None)
    return PAGE.format(kinds=_condition(kinds), beyond="true", order=order, limit=""), _values(kinds)


def item(row: Row) -> dict[str, object]:
    """Make an item of a row."""
    values = (None if column is None else column.decode() for column in row[1:])
    found: dict[str, object] = dict(zip(COLUMNS, values, strict=True))
    return found | {"amount": int(row[5] or 0), "currency_exponent": int(row[8] or 0)}


def _condition(kinds: tuple[str, ...]) -> str:
    if not kinds:
        return "true"
    return "kind = $1" if len(kinds) == 1 else "kind = ANY (string_to_array($1, ','))"  # = leads along an index


def _values(kinds: tuple[str, ...]) -> list[str | None]:
    return [",".join(kinds)] if kinds else []
