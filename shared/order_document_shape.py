"""The order document: what a person sees of an order, field by field in the order of its JSON.

Structs are mutable, since the fold changes them in place, and not tracked by the garbage collector: they form no
cycles. Every field is always in the JSON. Amounts are minor units of the order's one `currency`.
"""

from typing import Literal

from msgspec import Struct

from shared.events import CancelReason, OrderStatus
from shared.order_document_parts import Attention, Failure, Note, Return

Time = str
"""A `Timestamp`, checked when its event was recorded: its pattern is not matched again at every decoding."""

PaymentStatus = Literal[
    "not_required",
    "refunded",
    "partially_refunded",
    "paid",
    "partially_paid",
    "authorized",
    "partially_authorized",
    "voided",
    "unpaid",
]
FulfillmentStatus = Literal[
    "not_required", "delivered", "partially_delivered", "shipped", "partially_shipped", "unfulfilled"
]
ReturnStatus = Literal["none", "requested", "partially_returned", "returned"]


class Totals(Struct, gc=False):
    """What was ordered, and `grand_total_amount`: what is left of it after cancellations.

    `tax_amount` is the tax of lines and shipping; `shipping_tax_amount` says how much of it is shipping's.
    `placed_total_amount` is null until the order is placed.
    """

    items_subtotal_amount: int
    discount_amount: int
    shipping_amount: int
    shipping_tax_amount: int
    tax_amount: int
    adjustment_amount: int
    grand_total_amount: int
    placed_total_amount: int | None


class PaymentSums(Struct, gc=False):
    """Sums over all payments and refunds (`domain.md` §1.2)."""

    authorized_amount: int = 0
    captured_amount: int = 0
    voided_amount: int = 0
    open_authorized_amount: int = 0
    refunded_amount: int = 0
    refund_pending_amount: int = 0
    due_amount: int = 0
    outstanding_amount: int = 0
    overpaid_amount: int = 0


class Units(Struct, gc=False):
    """Units over all lines: ordered = open + cancelled + allocated + shipped; delivered are shipped too."""

    ordered: int = 0
    open: int = 0
    cancelled: int = 0
    allocated: int = 0
    shipped: int = 0
    delivered: int = 0
    return_requested: int = 0
    returned: int = 0


class Customer(Struct, gc=False):
    """Who ordered. `erased`: there was personal data, and it has been erased for good."""

    customer_id: str | None
    email: str | None
    name: str | None
    phone: str | None
    erased: bool


class DocumentLine(Struct, gc=False):
    """A line as ordered; `current_total_amount` and the quantities say what has become of it."""

    line_id: str
    sku: str
    name: str
    quantity: int
    unit_price_amount: int
    subtotal_amount: int
    discount_amount: int
    discount_code: str | None
    tax_rate: str | None
    tax_amount: int
    total_amount: int
    current_total_amount: int
    open: int
    cancelled: int
    allocated: int
    shipped: int
    delivered: int
    return_requested: int
    returned: int
    refunded_amount: int
    metadata: dict[str, str]


class Capture(Struct, gc=False):
    """Money that came in, on its day."""

    capture_id: str
    amount: int
    provider_reference: str | None
    occurred_at: Time


class Payment(Struct, gc=False):
    """One payment: its sums, its captures, its failures. Of one that only failed neither method nor date are known."""

    payment_id: str
    method: str | None
    provider: str | None
    provider_reference: str | None
    authorized_amount: int
    captured_amount: int
    voided_amount: int
    refunded_amount: int
    authorized_at: Time | None
    expires_at: Time | None
    captures: list[Capture]
    failures: list[Failure]


class RefundedLine(Struct, gc=False):
    """Units refunded of one line, and the line's part of the credit, without tax. An amendment may remove the line."""

    line_id: str
    sku: str
    quantity: int
    amount: int
    credit_net_amount: int


class Refund(Struct, gc=False):
    """Money given back. Of `credit_amount` (given back although it was owed) tax and shipping shares are stated.

    `retried`: it failed, and another refund has been requested since.
    """

    refund_id: str
    payment_id: str
    state: Literal["pending", "completed", "failed"]
    amount: int
    credit_amount: int
    credit_tax_amount: int
    credit_shipping_amount: int
    reason: str
    lines: list[RefundedLine]
    shipping_amount: int
    return_id: str | None
    requested_at: Time
    completed_at: Time | None
    failed_at: Time | None
    failure: str | None
    retried: bool
    provider_reference: str | None
    note: str | None


class ShippedLine(Struct, gc=False):
    """Units of one line in a parcel."""

    line_id: str
    quantity: int


class Shipment(Struct, gc=False):
    """A parcel."""

    shipment_id: str
    state: Literal["pending", "dispatched", "delivered", "cancelled"]
    carrier: str | None
    service: str | None
    tracking_number: str | None
    tracking_url: str | None
    location: str | None
    lines: list[ShippedLine]
    prepared_at: Time
    dispatched_at: Time | None
    delivered_at: Time | None
    cancelled_at: Time | None


class Cancellation(Struct, gc=False):
    """What a cancellation took off the grand total, on its day; total = net + tax + shipping + adjustment.

    Without `line_id` it is what falls with the last unit: the shipping charge and an import's adjustment.
    """

    line_id: str | None
    quantity: int
    net_amount: int
    tax_amount: int
    shipping_amount: int
    adjustment_amount: int
    total_amount: int
    reason: CancelReason | None
    occurred_at: Time


class OrderDocument(Struct, gc=False):
    """An order as people read it."""

    order_id: str
    number: str | None
    external_id: str | None
    channel: str
    version: int
    status: OrderStatus
    payment_status: PaymentStatus
    fulfillment_status: FulfillmentStatus
    return_status: ReturnStatus
    attention: list[Attention]
    currency: str
    currency_exponent: int
    prices_include_tax: bool
    payment_terms: Literal["prepaid", "on_account"]
    requires_shipping: bool
    imported: bool
    totals: Totals
    payment: PaymentSums
    units: Units
    customer: Customer
    ship_country: str | None
    shipping_method: str | None
    shipping_address: dict[str, str] | None
    billing_address: dict[str, str] | None
    lines: list[DocumentLine]
    payments: list[Payment]
    refunds: list[Refund]
    shipments: list[Shipment]
    returns: list[Return]
    cancellations: list[Cancellation]
    notes: list[Note]
    tags: list[str]
    metadata: dict[str, str]
    created_at: Time
    placed_at: Time | None
    confirmed_at: Time | None
    completed_at: Time | None
    cancelled_at: Time | None
    cancel_reason: CancelReason | None
    updated_at: Time
