"""Customers in short, with lifetime totals per currency (of `customer_total`): one of them, and lists."""

from typing import Any, NamedTuple

import msgspec

from query_api import keyset
from query_api.queries.order_filters import LOWER
from query_api.queries.order_list import Page
from query_api.queries.times import CANONICAL
from query_api.reads import Read
from query_api.sessions import Row

MEASURES = (
    "orders",
    "units",
    "ordered_amount",
    "cancelled_amount",
    "captured_amount",
    "refunded_amount",
    "net_amount",
)

LIST = keyset.List("customers", ("text",))
KEY = ("customer_id",)

_COLUMNS = f"""customer.customer_id,
    customer.email,
    customer.name,
    customer.erased_at IS NOT NULL,
    customer.order_count,
    customer.cancelled_count,
    {CANONICAL.format("customer.first_order_at")},
    {CANONICAL.format("customer.last_order_at")},
    total.rows"""

_MEASURES = ",\n            ".join(MEASURES)
_TOTALS = f"""LEFT JOIN LATERAL (
    SELECT
        json_agg(json_build_array(
            currency,
            {_MEASURES}
        ) ORDER BY currency) AS rows
    FROM {{{{reads}}}}.customer_total
    WHERE customer_total.customer_id = customer.customer_id
) AS total ON true"""

BY_ID = f"""
SELECT
    {{checkpoint}},
    {_COLUMNS}
FROM {{reads}}.checkpoint AS checkpoint
LEFT JOIN {{reads}}.customer AS customer ON customer.customer_id = $1
{_TOTALS.format()}
"""

PAGE = f"""
SELECT
    {{{{checkpoint}}}},
    {_COLUMNS}
FROM {{{{reads}}}}.checkpoint AS checkpoint
LEFT JOIN LATERAL (
    SELECT *
    FROM {{{{reads}}}}.customer
    WHERE {{email}}
        AND {{beyond}}
    ORDER BY {{order}}
    LIMIT {{limit}}
) AS customer ON true
{_TOTALS}
ORDER BY {{order}}
"""


OF_CURRENCY = ("currency", *MEASURES)
COLUMNS_OF_FILE = (
    "customer_id",
    "email",
    "name",
    "erased",
    "order_count",
    "cancelled_count",
    "first_order_at",
    "last_order_at",
    *OF_CURRENCY,
)


class Customer(NamedTuple):
    """A customer's representation; None when no order names this customer."""

    position: int
    representation: dict[str, Any] | None


def by_id(read: Read, customer_id: str) -> Customer:
    """Find a customer."""
    reading = read(BY_ID, customer_id)
    return Customer(reading.position, _representation(reading.rows[0]))


def page(read: Read, email: str | None, limit: int, cursor: str | None) -> Page:
    """Find a page of customers in the order of their ids, or of those with an e-mail address, whatever the case."""
    filters = {} if email is None else {"email": email}
    place = LIST.place(cursor, filters)
    template = PAGE.format(
        email="true" if email is None else f"{LOWER.format('email')} = {LOWER.format('$1')}",
        beyond=LIST.condition(KEY, len(filters) + 1, place),
        order=keyset.ordered(["customer.customer_id"], place),
        limit=limit + 1,
    )
    reading = read(template, *filters.values(), *(place.key if place else ()))
    rows = [(keyset.texts(row[:1]), row) for row in reading.rows if row[0] is not None]
    found = keyset.cut(LIST, rows, limit, place, filters)
    items = [msgspec.json.encode(_representation(row)) for row in found.rows]
    return Page(reading.position, items, b",".join(items), found.next_cursor, found.prev_cursor)


def everything(email: str | None) -> tuple[str, list[str | None]]:
    """Give the statement of all customers, or of those with an e-mail address."""
    condition = "true" if email is None else f"{LOWER.format('email')} = {LOWER.format('$1')}"
    order = keyset.ordered(["customer.customer_id"], None)
    return PAGE.format(email=condition, beyond="true", order=order, limit="ALL"), [] if email is None else [email]


def lines(row: Row) -> list[dict[str, Any]]:
    """Make lines of a file of a row: one per currency, at least one."""
    customer = _representation(row) or {}
    return [customer | total for total in customer.pop("totals") or [dict.fromkeys(OF_CURRENCY)]]


def _representation(row: Row) -> dict[str, Any] | None:
    customer_id, email, name, erased, order_count, cancelled_count, first_at, last_at, totals = (
        None if column is None else column.decode() for column in row
    )
    if customer_id is None:
        return None
    return {
        "customer_id": customer_id,
        "email": email,
        "name": name,
        "erased": erased == "t",
        "order_count": int(order_count or 0),
        "cancelled_count": int(cancelled_count or 0),
        "first_order_at": first_at,
        "last_order_at": last_at,
        "totals": [
            dict(zip(("currency", *MEASURES), total, strict=True)) for total in msgspec.json.decode(totals or "[]")
        ],
    }
