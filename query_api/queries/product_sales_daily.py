"""What was sold of each SKU in a span of days, per currency, the best first.

The order is that of sums, so a page says in its cursor at which sum, SKU and currency it ended, and of which days: the
next page goes on exactly there. What is sold between two pages may move a row from one to the other; each page is
consistent in itself.
"""

from datetime import date
from typing import Any, NamedTuple

from query_api import keyset
from query_api.queries.sales_daily import SPAN, require_span
from query_api.reads import Read
from query_api.sessions import Row

MEASURES = (
    "orders",
    "units_placed",
    "units_cancelled",
    "units_shipped",
    "units_returned",
    "gross_amount",
    "discount_amount",
    "net_amount",
    "refunded_amount",
)
COLUMNS = ("sku", "name", "currency", *MEASURES)
"""Of an item."""
SORTS = {"-net_amount": "-sum(net_amount)", "-units_placed": "-sum(units_placed)"}
"""Sort → what rises along the list. The first is the default."""

# The name is that of the line of the order created last, by its id: those of our own making rise with time (UUIDv7).
BY_SKU = f"""
SELECT
    {{{{checkpoint}}}},
    checkpoint.timezone,
    span.first_day,
    span.end_day,
    page.key,
    page.sku,
    page.currency,
    latest.name,
    {", ".join(f"page.{measure}" for measure in MEASURES)}
FROM {{{{reads}}}}.checkpoint AS checkpoint
{SPAN}
LEFT JOIN LATERAL (
    SELECT
        {{key}} AS key,
        sku,
        currency,
        {", ".join(f"sum({measure}) AS {measure}" for measure in MEASURES)}
    FROM {{{{reads}}}}.product_sales_daily
    WHERE day >= span.first_day
        AND day < span.end_day
        AND ($3::text IS NULL OR currency = $3)
        AND ($4::text IS NULL OR channel = ANY (string_to_array($4, ',')))
        AND {{sku}}
    GROUP BY
        sku,
        currency
    HAVING {{beyond}}
    ORDER BY {{order}}
    {{limit}}
) AS page ON true
LEFT JOIN LATERAL (
    SELECT name
    FROM {{{{reads}}}}.order_line
    WHERE sku = page.sku
    ORDER BY
        order_id DESC,
        line_no DESC
    LIMIT 1
) AS latest ON true
"""
KEY = _SPAN_COLUMNS = 3
"""The first column of a row that stands for a SKU."""
_COLUMNS_OF_CURSOR = 3


class Asked(NamedTuple):
    """What a report is to be of: the days from `first_day` up to and without `end_day`."""

    first_day: date | None = None
    end_day: date | None = None
    sku: str | None = None
    channels: tuple[str, ...] = ()
    currency: str | None = None
    sort: str = next(iter(SORTS))

    @property
    def values(self) -> list[str | None]:
        """Give the statement's first parameters."""
        return [
            self.first_day.isoformat() if self.first_day else None,
            self.end_day.isoformat() if self.end_day else None,
            self.currency,
            ",".join(self.channels) or None,
            *([self.sku] if self.sku is not None else []),
        ]


class Report(NamedTuple):
    """A page of a report on products: its representation and the cursors of its neighbours."""

    position: int
    representation: dict[str, Any]
    next_cursor: str | None
    prev_cursor: str | None


def report(read: Read, asked: Asked, limit: int, cursor: str | None) -> Report:
    """Find a page. Raises a `Problem` for a span that it cannot do, and for a cursor of another report."""
    _require_days(asked)
    products = keyset.List(f"products {asked.sort}", ("numeric", "text", "text", "date", "date"))
    filters = asked._replace(first_day=None, end_day=None)._asdict() | {"from": asked.values[0], "to": asked.values[1]}
    place = products.place(cursor, filters)
    values = asked.values
    if place is not None:
        *_, first, end = place.key
        values[:2] = [first, end]
    beyond = keyset.List(products.name, products.types[:_COLUMNS_OF_CURSOR])
    key = (SORTS[asked.sort], "sku", "currency")
    template = BY_SKU.format(
        key=key[0],
        sku=_sku(asked),
        beyond=beyond.condition(key, len(values) + 1, place),
        order=keyset.ordered(("key", "sku", "currency"), place),
        limit=f"LIMIT {limit + 1}",
    )
    reading = read(template, *values, *(place.key[:_COLUMNS_OF_CURSOR] if place else ()))
    timezone, first, end = keyset.texts(reading.rows[0][:_SPAN_COLUMNS])
    require_span(date.fromisoformat(first), date.fromisoformat(end))
    rows = [row[_SPAN_COLUMNS:] for row in reading.rows if row[_SPAN_COLUMNS] is not None]
    keyed = [((*keyset.texts(row[:_COLUMNS_OF_CURSOR]), first, end), row) for row in rows]
    found = keyset.cut(products, keyed, limit, place, filters)
    shown = {
        "timezone": timezone,
        "from": first,
        "to": end,
        "rows": [item(row) for row in found.rows],
        "next_cursor": found.next_cursor,
        "prev_cursor": found.prev_cursor,
        "limit": limit,
    }
    return Report(reading.position, shown, found.next_cursor, found.prev_cursor)


def everything(asked: Asked) -> tuple[str, list[str | None]]:
    """Give the statement of the whole report."""
    _require_days(asked)
    order = keyset.ordered(("key", "sku", "currency"), None)
    key, sku = SORTS[asked.sort], _sku(asked)
    return BY_SKU.format(key=key, sku=sku, beyond="true", order=order, limit=""), asked.values


def item_of_everything(row: Row) -> dict[str, object]:
    """Make an item of a row of the whole report."""
    return item(row[_SPAN_COLUMNS:])


def item(row: Row) -> dict[str, object]:
    """Make an item of a row."""
    _, sku, currency, name, *sums = row
    named: dict[str, object] = {
        "sku": (sku or b"").decode(),
        "name": None if name is None else name.decode(),
        "currency": (currency or b"").decode(),
    }
    return named | {measure: int(sum_ or 0) for measure, sum_ in zip(MEASURES, sums, strict=True)}


def _sku(asked: Asked) -> str:
    return "true" if asked.sku is None else "sku = $5"


def _require_days(asked: Asked) -> None:
    if asked.first_day and asked.end_day:
        require_span(asked.first_day, asked.end_day)
