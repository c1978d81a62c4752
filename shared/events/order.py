"""What happens to an order as a whole, and to its lines."""

from typing import ClassVar, Literal

from msgspec import Struct

from shared.events.vocabulary import CancelReason, Event, Line, OrderStatus, Timestamp


class OrderFacts(Event, frozen=True, kw_only=True, omit_defaults=True):
    """What `order.created` and `order.imported` have in common; not an event of its own."""

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
    metadata: dict[str, str] = {}  # noqa: RUF012 -- msgspec copies it


class OrderCreated(OrderFacts, frozen=True, kw_only=True, omit_defaults=True):
    """An order exists, as a draft."""

    type: ClassVar[str] = "order.created"


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


class LineAdded(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The order has one line more."""

    type: ClassVar[str] = "order.line_added"
    line: Line
    reason: str | None = None


class LineBefore(Struct, frozen=True, kw_only=True):
    """What of a line has changed, as it was."""

    quantity: int
    total_amount: int


class LineChanged(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Quantity or price of a line are others now; all amounts are those of the whole line (`domain.md` §1.2)."""

    type: ClassVar[str] = "order.line_changed"
    line_id: str
    quantity: int
    unit_price_amount: int
    discount_amount: int = 0
    tax_rate: str | None = None
    tax_amount: int = 0
    subtotal_amount: int
    total_amount: int
    reason: str | None = None
    previous: LineBefore


class LineRemoved(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The order has one line less."""

    type: ClassVar[str] = "order.line_removed"
    line_id: str
    removed_total_amount: int
    reason: str | None = None


class LineQuantityCancelled(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Units of a line will not be delivered. `reduction_amount`: what the line's current total falls by."""

    type: ClassVar[str] = "order.line_quantity_cancelled"
    line_id: str
    quantity: int
    reason: CancelReason
    reduction_amount: int


class ShippingChargeSet(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Shipping costs something else now."""

    type: ClassVar[str] = "order.shipping_charge_set"
    shipping_amount: int
    shipping_tax_amount: int = 0
    shipping_method: str | None = None
    reason: str | None = None


class ShippingAddressChanged(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Parcels go elsewhere."""

    type: ClassVar[str] = "order.shipping_address_changed"
    shipping_address_ref: str
    ship_country: str
    reason: str | None = None


class BillingAddressChanged(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The bill goes elsewhere."""

    type: ClassVar[str] = "order.billing_address_changed"
    billing_address_ref: str
    reason: str | None = None


class ContactChanged(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The customer of the order is reached otherwise; `customer_id` stays."""

    type: ClassVar[str] = "order.contact_changed"
    contact_ref: str
    has_email: bool = False
    reason: str | None = None


class NoteAdded(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody wrote something down; the text is in the vault."""

    type: ClassVar[str] = "order.note_added"
    note_id: str
    note_ref: str
    visibility: Literal["internal", "customer"] = "internal"


class TagsChanged(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Tags that were not there before, and tags that are no longer there."""

    type: ClassVar[str] = "order.tags_changed"
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


class MetadataChanged(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Keys with new values, and keys that are gone."""

    type: ClassVar[str] = "order.metadata_changed"
    set: dict[str, str] = {}  # noqa: RUF012 -- msgspec copies it
    unset: tuple[str, ...] = ()
