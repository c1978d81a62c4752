"""What answers look like, for the OpenAPI document; an order's own is in `order_shapes.py`.

Answers are made of stored bytes and of dictionaries; that these types describe them is tested.
"""

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType, defstruct

from query_api.queries import customer
from shared.events import CancelReason, OrderStatus
from shared.order_document_parts import AttentionKind
from shared.order_document_shape import FulfillmentStatus, PaymentStatus, ReturnStatus

CSV: dict[str, dict[str, str]] = {"text/csv": {"type": "string"}}
"""What lists and reports can answer beside JSON; see `csv_file.py`."""


class OrderInList(Struct):
    """An order in short: the columns of the table `order_list`. The rest is in the order's own document."""

    order_id: str
    number: str | None
    external_id: str | None
    channel: str
    status: OrderStatus
    payment_status: PaymentStatus
    fulfillment_status: FulfillmentStatus
    return_status: ReturnStatus
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
    attention: list[AttentionKind]
    imported: bool
    created_at: str
    placed_at: str | None
    confirmed_at: str | None
    completed_at: str | None
    cancelled_at: str | None
    cancel_reason: CancelReason | None
    first_dispatched_at: str | None
    last_dispatched_at: str | None
    updated_at: str
    version: int
    position: int


class Total(Struct):
    """How many orders a whole list has; `gte`: so many or more, nobody counted further."""

    value: int
    relation: Literal["eq", "gte"]


class Orders(Struct):
    """A page of orders; a cursor is null where there is nothing more in its direction. `total` is there on request."""

    items: list[OrderInList]
    next_cursor: str | None
    prev_cursor: str | None
    limit: int
    total: Total | UnsetType = UNSET


class Actor(Struct):
    """Who did it."""

    type: str
    id: str


class Happening(Struct):
    """An event of an order; `changes` are its data."""

    version: int
    type: str
    summary: str
    occurred_at: str
    recorded_at: str
    actor: Actor
    changes: dict[str, Any]


class Timeline(Struct):
    """A stretch of an order's history; `next_after_version` is null at its end."""

    items: list[Happening]
    next_after_version: int | None
    limit: int


CustomerTotal = defstruct(
    "CustomerTotal", [("currency", str), *((measure, int) for measure in customer.MEASURES)], module=__name__
)


class CustomerInShort(Struct):
    """A customer in short."""

    customer_id: str
    email: str | None
    name: str | None
    erased: bool
    order_count: int
    cancelled_count: int
    first_order_at: str | None
    last_order_at: str | None
    totals: list[CustomerTotal]  # type: ignore[valid-type]  # made of the measures


class Customers(Struct):
    """A page of customers; a cursor is null where there is nothing more in its direction."""

    items: list[CustomerInShort]
    next_cursor: str | None
    prev_cursor: str | None
    limit: int
