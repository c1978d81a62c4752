"""What answers look like, for the OpenAPI document; an order's own is in `order_shapes.py`.

Answers are made of stored bytes and of dictionaries; that these types describe them is tested.
"""

from typing import Any, Literal, get_args

from msgspec import UNSET, Struct, UnsetType, defstruct

from query_api.queries import customer, product_sales_daily, sales_daily
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


_MEASURES = [(measure, int) for measure in sales_daily.MEASURES]
Sums = defstruct("Sums", _MEASURES, module=__name__)
SalesOfPeriod = defstruct("SalesOfPeriod", [("period", str), *_MEASURES], module=__name__)


class Sales(Struct, rename={"from_": "from"}):
    """What was sold from a day up to and without another; `currency` is null if nothing was."""

    timezone: str
    currency: str | None
    from_: str
    to: str
    group_by: sales_daily.GroupBy
    rows: list[SalesOfPeriod]  # type: ignore[valid-type]  # made of the measures
    totals: Sums  # type: ignore[valid-type]  # made of the measures


QueueState = Literal["ready", "blocked_payment", "in_progress"]


class QueuedLine(Struct):
    """A line with open units."""

    line_id: str
    sku: str
    name: str
    open: int


class InQueue(Struct):
    """An order that the warehouse has to send; `version` is for If-Match."""

    order_id: str
    number: str
    state: QueueState
    confirmed_at: str
    waiting_seconds: int
    ship_country: str | None
    customer_name: str | None
    units_open: int
    missing_amount: int
    lines: list[QueuedLine]
    version: int


class Queue(Struct):
    """A page of the queue; a cursor is null where there is nothing more in its direction."""

    items: list[InQueue]
    next_cursor: str | None
    prev_cursor: str | None
    limit: int


ATTENTION_KINDS: tuple[str, ...] = (*get_args(AttentionKind), "authorization_expiring")


class Attention(Struct):
    """Why staff should look at an order, since when, and about how much money."""

    order_id: str
    kind: Literal[AttentionKind, "authorization_expiring"]
    number: str | None
    since: str
    amount: int
    currency: str
    detail: str


class NeedingAttention(Struct):
    """A page of what needs attention; a cursor is null where there is nothing more in its direction."""

    items: list[Attention]
    next_cursor: str | None
    prev_cursor: str | None
    limit: int


ProductSold = defstruct(
    "ProductSold",
    [
        ("sku", str),
        ("name", str | None),
        ("currency", str),
        *((measure, int) for measure in product_sales_daily.MEASURES),
    ],
    module=__name__,
)


class Products(Struct, rename={"from_": "from"}):
    """What was sold of each SKU from a day up to and without another, a row per currency."""

    timezone: str
    from_: str
    to: str
    rows: list[ProductSold]  # type: ignore[valid-type]  # made of the measures
    next_cursor: str | None
    prev_cursor: str | None
    limit: int


class ReadTables(Struct):
    """The tables that are read from."""

    state: str
    generation: str | None
    revision: int | None
    position: int | None
    posted_at: str | None
    lag_events: int | None
    lag_seconds: float | None
    leader: str | None
    standbys: list[str]
    heartbeat_at: str | None


class Projections(Struct):
    """How the read side stands; `why` says in a sentence why it is behind, if it is."""

    log_id: str | None
    head_position: int | None
    head_source: str | None
    reads: ReadTables
    paused: dict[str, Any] | None
    rebuild: dict[str, Any] | None
    quarantine: list[Any]
    why: str | None
