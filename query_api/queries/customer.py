"""A customer in short, with lifetime totals per currency (of `customer_total`)."""

from typing import Any, NamedTuple

from query_api.queries.times import CANONICAL
from query_api.reads import Read

BY_ID = f"""
SELECT
    {{checkpoint}},
    customer.customer_id,
    customer.email,
    customer.name,
    customer.erased_at IS NOT NULL,
    customer.order_count,
    customer.cancelled_count,
    {CANONICAL.format("customer.first_order_at")},
    {CANONICAL.format("customer.last_order_at")},
    total.currency,
    total.orders,
    total.units,
    total.ordered_amount,
    total.cancelled_amount,
    total.captured_amount,
    total.refunded_amount,
    total.net_amount
FROM {{reads}}.checkpoint AS checkpoint
LEFT JOIN {{reads}}.customer AS customer ON customer.customer_id = $1
LEFT JOIN {{reads}}.customer_total AS total ON total.customer_id = customer.customer_id
ORDER BY total.currency
"""
MEASURES = (
    "orders",
    "units",
    "ordered_amount",
    "cancelled_amount",
    "captured_amount",
    "refunded_amount",
    "net_amount",
)


class Customer(NamedTuple):
    """A customer's representation; None when no order names this customer."""

    position: int
    representation: dict[str, Any] | None


def by_id(read: Read, customer_id: str) -> Customer:
    """Find a customer."""
    reading = read(BY_ID, customer_id)
    texts = [tuple(None if column is None else column.decode() for column in row) for row in reading.rows]
    identifier, email, name, erased, order_count, cancelled_count, first_at, last_at, *_ = texts[0]
    if identifier is None:
        return Customer(reading.position, None)
    return Customer(
        reading.position,
        {
            "customer_id": identifier,
            "email": email,
            "name": name,
            "erased": erased == "t",
            "order_count": int(order_count or 0),
            "cancelled_count": int(cancelled_count or 0),
            "first_order_at": first_at,
            "last_order_at": last_at,
            "totals": [
                {"currency": currency} | dict(zip(MEASURES, (int(sum_ or 0) for sum_ in sums), strict=True))
                for currency, *sums in (row[8:] for row in texts)
                if currency is not None
            ],
        },
    )
