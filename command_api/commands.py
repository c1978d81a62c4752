"""What can be asked of an order, as `decide` sees it.

A command is resolved: its ids, its number and its times are there, personal data are `*_ref`s into the contact vault.
Ids that the order itself makes (`L1`, `R1`, `S1`, `C1`) are still None. `occurred_at` is the business time the client
gave; the envelope takes it, or else the time of deciding.
"""

from typing import Literal

from msgspec import Struct

from shared.events import (
    CancelReason,
    ImportedPayment,
    ImportedReturn,
    ImportedShipment,
    LineQuantity,
    ReceivedLine,
    ReturnLine,
    Timestamp,
)

PaymentTerms = Literal["prepaid", "on_account"]
ImportedStatus = Literal["placed", "confirmed", "completed", "cancelled"]


class Command(Struct, frozen=True, kw_only=True):
    """Something asked of one order."""

    occurred_at: Timestamp | None = None


class LineInput(Struct, frozen=True, kw_only=True):
    """A line before its arithmetic. At most one of `tax_rate` and `tax_amount`; neither: no tax."""

    line_id: str | None = None
    sku: str
    name: str
    quantity: int
    unit_price_amount: int
    discount_amount: int = 0
    discount_code: str | None = None
    tax_rate: str | None = None
    tax_amount: int | None = None
    metadata: dict[str, str] = {}


class _OrderInput(Command, frozen=True, kw_only=True):
    """What a new order is made of, whichever way it comes in."""

    order_id: str
    channel: str = "default"
    external_id: str | None = None
    currency: str
    prices_include_tax: bool
    payment_terms: PaymentTerms = "prepaid"
    requires_shipping: bool = True
    customer_id: str | None = None
    contact_ref: str | None = None
    has_email: bool = False
    shipping_address_ref: str | None = None
    ship_country: str | None = None
    billing_address_ref: str | None = None
    lines: tuple[LineInput, ...] = ()
    shipping_amount: int = 0
    shipping_tax_amount: int = 0
    shipping_method: str | None = None
    tags: tuple[str, ...] = ()
    metadata: dict[str, str] = {}


class CreateOrder(_OrderInput, frozen=True, kw_only=True):
    """Open an order, as a draft or, with `place`, placed at once; then `number` is there."""

    number: str | None = None
    place: bool = True
    placed_at: Timestamp | None = None
    note_ref: str | None = None


class RefundLineInput(Struct, frozen=True, kw_only=True):
    """Units to be refunded of one line; without an `amount`, for what they are worth."""

    line_id: str
    quantity: int
    amount: int | None = None


class RefundInput(Struct, frozen=True, kw_only=True):
    """A refund of another system, which has come to its end there."""

    refund_id: str
    payment_id: str
    amount: int
    reason: str
    lines: tuple[RefundLineInput, ...] = ()
    shipping_amount: int = 0
    return_id: str | None = None
    occurred_at: Timestamp


class NoteInput(Struct, frozen=True, kw_only=True):
    """A note of another system."""

    note_id: str | None = None
    note_ref: str
    visibility: Literal["internal", "customer"] = "internal"
    occurred_at: Timestamp


class ImportOrder(_OrderInput, frozen=True, kw_only=True):
    """Take over an order as it stands in another system. Of a shipment, the times say the state."""

    number: str
    status: ImportedStatus
    declared_total_amount: int | None = None
    """What the order came to in the other system."""
    adjustment_amount: int | None = None
    """What that differs from our arithmetic. With both left out it does not."""
    created_at: Timestamp
    placed_at: Timestamp
    confirmed_at: Timestamp | None = None
    completed_at: Timestamp | None = None
    cancelled_at: Timestamp | None = None
    cancel_reason: CancelReason | None = None
    payments: tuple[ImportedPayment, ...] = ()
    shipments: tuple[ImportedShipment, ...] = ()
    refunds: tuple[RefundInput, ...] = ()
    returns: tuple[ImportedReturn, ...] = ()
    notes: tuple[NoteInput, ...] = ()


class PlaceOrder(Command, frozen=True, kw_only=True):
    """The customer means it. `number` serves unless the draft came with one."""

    number: str


class ConfirmOrder(Command, frozen=True):
    """The shop takes the order on."""


class CancelOrder(Command, frozen=True, kw_only=True):
    """Call the order off; `refund` "full" asks for all captured money to be given back."""

    reason: CancelReason
    note: str | None = None
    refund: Literal["full", "none"] = "full"


class CompleteOrder(Command, frozen=True):
    """Nothing is left to do: close the order."""


class RecordPayment(Command, frozen=True, kw_only=True):
    """The payment provider has authorised an amount and, with `capture`, taken it at once."""

    payment_id: str
    amount: int
    currency: str
    method: str
    provider: str | None = None
    provider_reference: str | None = None
    capture: bool = False
    expires_at: Timestamp | None = None


class CapturePayment(Command, frozen=True, kw_only=True):
    """The payment provider has taken an amount of an authorisation."""

    payment_id: str
    capture_id: str
    amount: int
    provider_reference: str | None = None


class PrepareShipment(Command, frozen=True, kw_only=True):
    """Set units aside for a parcel and, with `dispatch`, send it off."""

    shipment_id: str | None = None
    lines: tuple[LineQuantity, ...]
    carrier: str | None = None
    service: str | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None
    location: str | None = None
    dispatch: bool = False


class DispatchShipment(Command, frozen=True, kw_only=True):
    """The parcel leaves."""

    shipment_id: str
    carrier: str | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None


class DeliverShipment(Command, frozen=True, kw_only=True):
    """The parcel has arrived."""

    shipment_id: str


class RequestRefund(Command, frozen=True, kw_only=True):
    """Give money back; without an `amount`, what lines and shipping come to. `completed`: it is back already."""

    refund_id: str | None = None
    payment_id: str
    amount: int | None = None
    reason: str
    lines: tuple[RefundLineInput, ...] = ()
    shipping_amount: int = 0
    return_id: str | None = None
    note: str | None = None
    completed: bool = False


class CompleteRefund(Command, frozen=True, kw_only=True):
    """The money is back with the customer."""

    refund_id: str
    provider_reference: str | None = None


class FailRefund(Command, frozen=True, kw_only=True):
    """The money did not go back."""

    refund_id: str
    code: str
    message: str | None = None


class RequestReturn(Command, frozen=True, kw_only=True):
    """The customer will send units back."""

    return_id: str | None = None
    lines: tuple[ReturnLine, ...]
    note: str | None = None


class ReceiveReturn(Command, frozen=True, kw_only=True):
    """Units have come back, perhaps not all of them yet."""

    return_id: str
    lines: tuple[ReceivedLine, ...]


class RejectReturn(Command, frozen=True, kw_only=True):
    """What has not come back of a return is not expected any more."""

    return_id: str
    reason: str
