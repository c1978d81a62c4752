"""An order taken over from another system: a snapshot of how it stood there."""

from typing import ClassVar, Literal

from msgspec import Struct

from shared.events.order import OrderFacts
from shared.events.vocabulary import CancelReason, LineQuantity, ReturnReason, Timestamp


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


class ImportedRefundLine(Struct, frozen=True, kw_only=True):
    """Units refunded of one line and what was given back for them."""

    line_id: str
    quantity: int
    amount: int


class ImportedRefund(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A refund as it stood in the other system: completed. `credit_amount` as in `refund.requested`."""

    refund_id: str
    payment_id: str
    amount: int
    credit_amount: int
    reason: str
    lines: tuple[ImportedRefundLine, ...] = ()
    shipping_amount: int = 0
    return_id: str | None = None
    occurred_at: Timestamp


class ImportedReturnLine(Struct, frozen=True, kw_only=True):
    """Units of one line that came back, or are to."""

    line_id: str
    quantity: int
    reason: ReturnReason
    received: int = 0


class ImportedReturn(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A return as it stood in the other system."""

    return_id: str
    lines: tuple[ImportedReturnLine, ...]
    rejected: bool = False
    occurred_at: Timestamp


class ImportedNote(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A note as it stood in the other system; its text is in the vault."""

    note_id: str
    note_ref: str
    visibility: Literal["internal", "customer"] = "internal"
    occurred_at: Timestamp


class OrderImported(OrderFacts, frozen=True, kw_only=True, omit_defaults=True):
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
    refunds: tuple[ImportedRefund, ...] = ()
    returns: tuple[ImportedReturn, ...] = ()
    notes: tuple[ImportedNote, ...] = ()
