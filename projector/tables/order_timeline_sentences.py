"""Sentences about what comes after an order has been placed: amendments, failures, refunds, returns, notes, erasure."""

from collections.abc import Callable, Iterable
from typing import Any

from shared.events import (
    BillingAddressChanged,
    ContactChanged,
    Event,
    LineAdded,
    LineChanged,
    LineQuantityCancelled,
    LineRemoved,
    MetadataChanged,
    NoteAdded,
    OrderErased,
    PaymentFailed,
    PaymentVoided,
    RefundCompleted,
    RefundFailed,
    RefundRequested,
    ReturnReceived,
    ReturnRejected,
    ReturnRequested,
    ShipmentCancelled,
    ShipmentTrackingChanged,
    ShippingAddressChanged,
    ShippingChargeSet,
    TagsChanged,
)
from shared.money import in_words
from shared.order_document import OrderDocument

Sentence = Callable[[Any, OrderDocument], str]


def money(amount: int, document: OrderDocument) -> str:
    """An amount in the order's currency."""
    return in_words(amount, document.currency, document.currency_exponent)


def count(number: int, thing: str) -> str:
    """`1 line`, `2 lines`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _because(reason: str | None) -> str:
    return f": {reason}" if reason else ""


def _line_added(event: LineAdded, document: OrderDocument) -> str:
    line = event.line
    total = money(line.total_amount, document)
    return f"Added line {line.line_id}: {line.quantity} of {line.sku}, {total}{_because(event.reason)}"


def _line_changed(event: LineChanged, document: OrderDocument) -> str:
    before = event.previous
    return (
        f"Changed line {event.line_id} from {count(before.quantity, 'unit')}, {money(before.total_amount, document)}, "
        f"to {count(event.quantity, 'unit')}, {money(event.total_amount, document)}{_because(event.reason)}"
    )


def _line_removed(event: LineRemoved, document: OrderDocument) -> str:
    return f"Removed line {event.line_id}, {money(event.removed_total_amount, document)}{_because(event.reason)}"


def _units_cancelled(event: LineQuantityCancelled, document: OrderDocument) -> str:
    units, less = count(event.quantity, "unit"), money(event.reduction_amount, document)
    return f"Cancelled {units} of line {event.line_id} ({event.reason}), {less} less to pay"


def _shipping_charge_set(event: ShippingChargeSet, document: OrderDocument) -> str:
    method = f" ({event.shipping_method})" if event.shipping_method else ""
    return f"Set the shipping charge to {money(event.shipping_amount, document)}{method}{_because(event.reason)}"


def _shipping_address_changed(event: ShippingAddressChanged, _document: OrderDocument) -> str:
    return f"Changed the shipping address ({event.ship_country}){_because(event.reason)}"


def _billing_address_changed(event: BillingAddressChanged, _document: OrderDocument) -> str:
    return f"Changed the billing address{_because(event.reason)}"


def _contact_changed(event: ContactChanged, _document: OrderDocument) -> str:
    return f"Changed the contact{_because(event.reason)}"


def _note_added(event: NoteAdded, _document: OrderDocument) -> str:
    return f"Added note {event.note_id} ({event.visibility})"


def _tags_changed(event: TagsChanged, _document: OrderDocument) -> str:
    return _changes(("Added", "tag", event.added), ("Removed", "tag", event.removed))


def _metadata_changed(event: MetadataChanged, _document: OrderDocument) -> str:
    return _changes(("Set", "metadata", event.set), ("Removed", "metadata", event.unset))


def _changes(*changes: tuple[str, str, Iterable[str]]) -> str:
    said = [f"{verb} {thing} {', '.join(names)}" for verb, thing, names in changes if names]
    return "; ".join(said) or "Changed nothing"


def _erased(event: OrderErased, _document: OrderDocument) -> str:
    return f"Erased personal data: {', '.join(field.replace('_', ' ') for field in event.fields) or 'none'}"


def _payment_failed(event: PaymentFailed, _document: OrderDocument) -> str:
    attempt = "Authorizing" if event.stage == "authorize" else "Capturing"
    return f"{attempt} {event.payment_id} failed: {_why(event.code, event.message)}"


def _voided(event: PaymentVoided, document: OrderDocument) -> str:
    return f"Voided {money(event.amount, document)} on {event.payment_id}{_because(event.reason)}"


def _refund_requested(event: RefundRequested, document: OrderDocument) -> str:
    amount = money(event.amount, document)
    return f"Requested refund {event.refund_id} of {amount} on {event.payment_id} ({event.reason})"


def _refund_completed(event: RefundCompleted, document: OrderDocument) -> str:
    return f"Refunded {money(event.amount, document)} ({event.refund_id})"


def _refund_failed(event: RefundFailed, _document: OrderDocument) -> str:
    return f"Refund {event.refund_id} failed: {_why(event.code, event.message)}"


def _why(code: str, message: str | None) -> str:
    return f"{code}, {message}" if message else code


def _return_requested(event: ReturnRequested, _document: OrderDocument) -> str:
    units, reasons = sum(line.quantity for line in event.lines), {line.reason: None for line in event.lines}
    return f"Requested return {event.return_id} of {count(units, 'unit')} ({', '.join(reasons)})"


def _return_received(event: ReturnReceived, _document: OrderDocument) -> str:
    units = sum(line.quantity for line in event.lines)
    damaged = sum(line.quantity for line in event.lines if line.condition == "damaged")
    return f"Received {count(units, 'unit')} of return {event.return_id}{f', {damaged} damaged' if damaged else ''}"


def _return_rejected(event: ReturnRejected, _document: OrderDocument) -> str:
    return f"Rejected return {event.return_id}: {event.reason}"


def _tracking_changed(event: ShipmentTrackingChanged, _document: OrderDocument) -> str:
    carrier = event.carrier or "no carrier"
    number = f"tracking number {event.tracking_number}" if event.tracking_number else "no tracking number"
    return f"Changed tracking of shipment {event.shipment_id}: {carrier}, {number}"


def _shipment_cancelled(event: ShipmentCancelled, _document: OrderDocument) -> str:
    return f"Cancelled shipment {event.shipment_id}: {event.reason}"


LATER: dict[type[Event], Sentence] = {
    LineAdded: _line_added,
    LineChanged: _line_changed,
    LineRemoved: _line_removed,
    LineQuantityCancelled: _units_cancelled,
    ShippingChargeSet: _shipping_charge_set,
    ShippingAddressChanged: _shipping_address_changed,
    BillingAddressChanged: _billing_address_changed,
    ContactChanged: _contact_changed,
    NoteAdded: _note_added,
    TagsChanged: _tags_changed,
    MetadataChanged: _metadata_changed,
    OrderErased: _erased,
    PaymentFailed: _payment_failed,
    PaymentVoided: _voided,
    RefundRequested: _refund_requested,
    RefundCompleted: _refund_completed,
    RefundFailed: _refund_failed,
    ReturnRequested: _return_requested,
    ReturnReceived: _return_received,
    ReturnRejected: _return_rejected,
    ShipmentTrackingChanged: _tracking_changed,
    ShipmentCancelled: _shipment_cancelled,
}
"""Event → its sentence."""
