"""One row per order, for lists and for people who use SQL: the columns, and the same as the JSON of a list item."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from shared.order_document import OrderDocument
from shared.order_document_parts import AttentionKind

NAME = "order_list"


class ListItem(Struct, gc=False):
    """An order in a list: the columns of the table in their order, `item` itself left out."""

    order_id: str
    number: str | None
    external_id: str | None
    channel: str
    status: str
    payment_status: str
    fulfillment_status: str
    return_status: str
    customer_id: str | None
    email: str | None
    customer_name: str | None
    currency: str
    currency_exponent: int
    items_subtotal_amount: int
    discount_amount: int
    shipping_amount: int
    tax_amount: int
    grand_total_amount: int
    placed_total_amount: int | None
    authorized_amount: int
    captured_amount: int
    refunded_amount: int
    refund_pending_amount: int
    due_amount: int
    outstanding_amount: int
    overpaid_amount: int
    line_count: int
    units_ordered: int
    units_open: int
    units_allocated: int
    units_shipped: int
    units_delivered: int
    units_cancelled: int
    units_returned: int
    ship_country: str | None
    tags: list[str]
    attention: list[str]
    imported: bool
    created_at: str
    placed_at: str | None
    confirmed_at: str | None
    completed_at: str | None
    cancelled_at: str | None
    cancel_reason: str | None
    first_dispatched_at: str | None
    last_dispatched_at: str | None
    updated_at: str
    version: int
    position: int


_FIELDS = ListItem.__struct_fields__
_TAGS = _FIELDS.index("tags")
COLUMNS: tuple[str, ...] = ("order_id", "item", *_FIELDS[1:])

_encode: Callable[[ListItem], bytes] = msgspec.json.Encoder().encode


def rows(document: OrderDocument, position: int) -> list[tuple[Any, ...]]:
    """The order's row; `position` is that of its last event."""
    kinds = [item.kind for item in document.attention]
    values = _values(document, position, kinds)
    item = _encode(ListItem(*values)).decode()
    return [
        (
            document.order_id,
            item,
            *values[1:_TAGS],
            _array(document.tags),
            _array(kinds),
            *values[_TAGS + 2 :],
        )
    ]


def _values(document: OrderDocument, position: int, kinds: list[AttentionKind]) -> tuple[Any, ...]:
    totals, payment, units, customer = document.totals, document.payment, document.units, document.customer
    dispatched = [shipment.dispatched_at for shipment in document.shipments if shipment.dispatched_at]
    return (
        document.order_id,
        document.number,
        document.external_id,
        document.channel,
        document.status,
        document.payment_status,
        document.fulfillment_status,
        document.return_status,
        customer.customer_id,
        customer.email,
        customer.name,
        document.currency,
        document.currency_exponent,
        totals.items_subtotal_amount,
        totals.discount_amount,
        totals.shipping_amount,
        totals.tax_amount,
        totals.grand_total_amount,
        totals.placed_total_amount,
        payment.authorized_amount,
        payment.captured_amount,
        payment.refunded_amount,
        payment.refund_pending_amount,
        payment.due_amount,
        payment.outstanding_amount,
        payment.overpaid_amount,
        len(document.lines),
        units.ordered,
        units.open,
        units.allocated,
        units.shipped,
        units.delivered,
        units.cancelled,
        units.returned,
        document.ship_country,
        document.tags,
        kinds,
        document.imported,
        document.created_at,
        document.placed_at,
        document.confirmed_at,
        document.completed_at,
        document.cancelled_at,
        document.cancel_reason,
        min(dispatched) if dispatched else None,
        max(dispatched) if dispatched else None,
        document.updated_at,
        document.version,
        position,
    )


def _array(texts: Sequence[str]) -> str:
    """An array as PostgreSQL writes it; much cheaper here than in the driver, and nearly always empty."""
    if not texts:
        return "{}"
    quoted = (text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return '{"' + '","'.join(quoted) + '"}'
