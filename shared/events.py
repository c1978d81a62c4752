"""The events of the order domain, their JSON, and what every event carries.

An event is a frozen struct, named in the past tense, with a stable dotted type name that is not a Python path.
Rules (`domain.md` §1.7): inside a schema version changes are additive only; a breaking change is a new
`schema_version` with an upcaster in `shared/recorded_event.py` and a frozen fixture in `tests/fixtures/events`.

Times are `Timestamp`s: RFC 3339 text, UTC, six decimals, `Z`. Of fixed width, they compare as text. Requests check the
pattern; here its check would be a third of what reading an event costs.
Personal data is never in an event: fields ending in `_ref` name a row of the contact vault.
"""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

Timestamp = Annotated[str, Meta(min_length=27, max_length=27)]
ActorType = Literal["user", "service", "system", "import"]
OrderStatus = Literal["draft", "placed", "confirmed", "completed", "cancelled"]
CancelReason = Literal["customer", "declined", "fraud", "inventory", "staff", "expired", "other"]


class Actor(Struct, frozen=True):
    """Who caused an event: `type` user | service | system | import, `id` the principal."""

    type: ActorType
    id: str


class Event(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What happened. Subclasses name their type and schema version."""

    type: ClassVar[str]
    schema_version: ClassVar[int] = 1


class Line(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of an order with everything computed (`domain.md` §1.2); `tax_rate` a decimal string."""

    line_id: str
    sku: str
    name: str
    quantity: int
    unit_price_amount: int
    subtotal_amount: int
    discount_amount: int = 0
    discount_code: str | None = None
    tax_rate: str | None = None
    tax_amount: int = 0
    total_amount: int
    metadata: dict[str, str] = {}


class LineQuantity(Struct, frozen=True):
    """So many units of one line."""

    line_id: str
    quantity: int


class _OrderFacts(Event, frozen=True, kw_only=True, omit_defaults=True):
    """What `order.created` and `order.imported` have in common."""

    order_id: str
    channel: str
    external_id: str | None = None
    currency: str
    currency_exponent: int
    prices_include_tax: bool
    payment_terms: Literal["prepaid", "on_account"] = "prepaid"
    requires_shipping: bool = True
    customer_id: str | None = None
    contact_ref: str | None = None
    has_email: bool = False
    """Whether an e-mail address is among the contact data: what placing asks for, if there is no `customer_id`."""
    shipping_address_ref: str | None = None
    ship_country: str | None = None
    billing_address_ref: str | None = None
    lines: tuple[Line, ...] = ()
    shipping_amount: int = 0
    shipping_tax_amount: int = 0
    shipping_method: str | None = None
    tags: tuple[str, ...] = ()
    metadata: dict[str, str] = {}


class OrderCreated(_OrderFacts, frozen=True, kw_only=True, omit_defaults=True):
    """An order exists, as a draft."""

    type: ClassVar[str] = "order.created"


class ImportedCapture(Struct, frozen=True, kw_only=True):
    """A capture as it stood in the other system."""

    capture_id: str
    amount: int
    occurred_at: Timestamp


class ImportedPayment(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A payment as it stood in the other system; `voided_amount` is what was given up of the authorisation."""

    payment_id: str
    method: str
    provider: str | None = None
    provider_reference: str | None = None
    authorized_amount: int
    voided_amount: int = 0
    captures: tuple[ImportedCapture, ...] = ()
    occurred_at: Timestamp


class ImportedShipment(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A shipment as it stood in the other system; its times say its state."""

    shipment_id: str
    lines: tuple[LineQuantity, ...]
    carrier: str | None = None
    service: str | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None
    location: str | None = None
    prepared_at: Timestamp
    dispatched_at: Timestamp | None = None
    delivered_at: Timestamp | None = None


class OrderImported(_OrderFacts, frozen=True, kw_only=True, omit_defaults=True):
    """A snapshot of an order at the time it was imported; books at its own dates."""

    type: ClassVar[str] = "order.imported"
    number: str
    status: Literal["placed", "confirmed", "completed", "cancelled"]
    grand_total_amount: int
    """What the order came to when it was placed: lines, shipping and adjustment."""
    adjustment_amount: int = 0
    created_at: Timestamp
    placed_at: Timestamp
    confirmed_at: Timestamp | None = None
    completed_at: Timestamp | None = None
    cancelled_at: Timestamp | None = None
    cancel_reason: CancelReason | None = None
    payments: tuple[ImportedPayment, ...] = ()
    shipments: tuple[ImportedShipment, ...] = ()


class OrderPlaced(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The customer's order stands."""

    type: ClassVar[str] = "order.placed"
    number: str
    grand_total_amount: int
    placed_at: Timestamp


class OrderConfirmed(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The shop has taken the order on."""

    type: ClassVar[str] = "order.confirmed"
    confirmed_at: Timestamp


class OrderCompleted(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Nothing is left to do."""

    type: ClassVar[str] = "order.completed"
    completed_at: Timestamp


class OrderCancelled(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Every unit still ordered is cancelled. `reduction_amount`: what the grand total falls by."""

    type: ClassVar[str] = "order.cancelled"
    reason: CancelReason
    note: str | None = None
    reduction_amount: int
    previous_status: OrderStatus
    cancelled_at: Timestamp


class PaymentAuthorized(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The payment provider has reserved an amount."""

    type: ClassVar[str] = "payment.authorized"
    payment_id: str
    amount: int
    method: str
    provider: str | None = None
    provider_reference: str | None = None
    expires_at: Timestamp | None = None


class PaymentCaptured(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Money has come in."""

    type: ClassVar[str] = "payment.captured"
    payment_id: str
    capture_id: str
    amount: int
    provider_reference: str | None = None


class RefundLine(Struct, frozen=True, kw_only=True):
    """Units refunded of one line and what is given back for them."""

    line_id: str
    quantity: int
    amount: int


class RefundRequested(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Money is to be given back; `credit_amount` is the part given back although it was owed (`domain.md` §1.2)."""

    type: ClassVar[str] = "refund.requested"
    refund_id: str
    payment_id: str
    amount: int
    credit_amount: int
    reason: str
    lines: tuple[RefundLine, ...] = ()
    shipping_amount: int = 0
    return_id: str | None = None


class ShipmentPrepared(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Units are set aside for a parcel."""

    type: ClassVar[str] = "shipment.prepared"
    shipment_id: str
    lines: tuple[LineQuantity, ...]
    location: str | None = None
    ship_to_ref: str | None = None
    carrier: str | None = None
    service: str | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None


class ShipmentDispatched(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The parcel has left."""

    type: ClassVar[str] = "shipment.dispatched"
    shipment_id: str
    carrier: str | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None


class ShipmentDelivered(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The parcel has arrived."""

    type: ClassVar[str] = "shipment.delivered"
    shipment_id: str


EVENTS: dict[str, type[Event]] = {
    event.type: event
    for event in (
        OrderCreated,
        OrderImported,
        OrderPlaced,
        OrderConfirmed,
        OrderCompleted,
        OrderCancelled,
        PaymentAuthorized,
        PaymentCaptured,
        RefundRequested,
        ShipmentPrepared,
        ShipmentDispatched,
        ShipmentDelivered,
    )
}
