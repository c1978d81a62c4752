"""What the warehouse has to do, the longest waiting first."""

from typing import NamedTuple

import msgspec

from query_api import keyset
from query_api.queries.order_list import Page
from query_api.queries.times import CANONICAL
from query_api.reads import Read
from query_api.sessions import Row

LIST = keyset.List("fulfillment_queue", ("timestamptz", "uuid"))
KEY = ("confirmed_at", "order_id")

# How long an order waits depends on the clock; which version it has, for If-Match, and in which currency money is
# missing, is the order list's to say, looked up row by row (so the LIMIT), which keeps the order.
PAGE = f"""
SELECT
    {{{{checkpoint}}}},
    page.confirmed_at,
    page.order_id,
    page.number,
    page.state,
    {CANONICAL.format("page.confirmed_at")},
    greatest(0, floor(extract(epoch FROM now() - page.confirmed_at)))::bigint AS waiting_seconds,
    page.ship_country,
    page.customer_name,
    page.units_open,
    page.missing_amount,
    page.lines,
    list.version,
    list.currency,
    list.currency_exponent
FROM {{{{reads}}}}.checkpoint AS checkpoint
LEFT JOIN LATERAL (
    SELECT *
    FROM {{{{reads}}}}.fulfillment_queue
    WHERE ($1::text IS NULL OR state = ANY (string_to_array($1, ',')))
        AND ($2::text IS NULL OR ship_country = ANY (string_to_array($2, ',')))
        AND ($3::bigint IS NULL OR confirmed_at <= now() - $3::bigint * interval '1 minute')
        AND {{beyond}}
    ORDER BY {{order}}
    {{limit}}
) AS page ON true
LEFT JOIN LATERAL (
    SELECT
        version,
        currency,
        currency_exponent
    FROM {{{{reads}}}}.order_list
    WHERE order_id = page.order_id
    LIMIT 1
) AS list ON true
"""
COLUMNS = (
    "order_id",
    "number",
    "state",
    "confirmed_at",
    "waiting_seconds",
    "ship_country",
    "customer_name",
    "units_open",
    "missing_amount",
    "lines",
    "version",
    "currency",
    "currency_exponent",
)
"""Of an item, in the order of the statement's."""
NUMBERS = ("waiting_seconds", "units_open", "missing_amount", "version", "currency_exponent")


class Asked(NamedTuple):
    """Which of the orders that wait."""

    states: tuple[str, ...] = ()
    ship_countries: tuple[str, ...] = ()
    older_than_minutes: int | None = None

    @property
    def values(self) -> list[str | None]:
        """Give the statement's first parameters."""
        minutes = self.older_than_minutes
        return [
            ",".join(self.states) or None,
            ",".join(self.ship_countries) or None,
            None if minutes is None else str(minutes),
        ]


def page(read: Read, asked: Asked, limit: int, cursor: str | None) -> Page:
    """Find a page of the queue."""
    filters = asked._asdict()
    place = LIST.place(cursor, filters)
    first = len(asked.values) + 1
    template = PAGE.format(
        beyond=LIST.condition(KEY, first, place), order=keyset.ordered(KEY, place), limit=f"LIMIT {limit + 1}"
    )
    reading = read(template, *asked.values, *(place.key if place else ()))
    rows = [(keyset.texts(row[:2]), row) for row in reading.rows if row[0] is not None]
    found = keyset.cut(LIST, rows, limit, place, filters)
    items = [msgspec.json.encode(item(row)) for row in found.rows]
    return Page(reading.position, items, b",".join(items), found.next_cursor, found.prev_cursor)


def everything(asked: Asked) -> tuple[str, list[str | None]]:
    """Give the statement of the whole queue."""
    return PAGE.format(beyond="true", order=keyset.ordered(KEY, None), limit=""), asked.values


def item(row: Row) -> dict[str, object]:
    """Make an item of a row."""
    values: dict[str, object] = {}
    for name, column in zip(COLUMNS, row[1:], strict=True):
        if name == "lines":
            values[name] = msgspec.json.decode(column or b"[]")
        elif name in NUMBERS:
            values[name] = int(column or 0)
        else:
            values[name] = None if column is None else column.decode()
    return values
