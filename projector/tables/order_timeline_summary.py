"""One sentence per event, for the people who answer the customer: what happened, to what, how much."""

from collections.abc import Callable
from typing import Any

from shared.events import (
    Event,
    OrderCancelled,
    OrderCompleted,
    OrderConfirmed,
    OrderCreated,
    OrderImported,
    OrderPlaced,
    PaymentAuthorized,
    PaymentCaptured,
    RefundRequested,
    ShipmentDelivered,
    ShipmentDispatched,
    ShipmentPrepared,
)
from shared.money import in_words
from shared.order_document import OrderDocument
from shared.recorded_event import RecordedEvent


def summary(event: RecordedEvent, document: OrderDocument | None) -> str:
    """The sentence for `event`. Of `document` only the currency counts, so any version of the order's will do.

    A type that this code does not know is named as it is.
    """
    if event.event is None or document is None:
        return event.type
    return _SENTENCES[type(event.event)](event.event, document)


def _money(amount: int, document: OrderDocument) -> str:
    return in_words(amount, document.currency, document.currency_exponent)


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _created(event: OrderCreated, document: OrderDocument) -> str:
    total = sum(line.total_amount for line in event.lines) + event.shipping_amount
    if not event.prices_include_tax:
        total += event.shipping_tax_amount
    return f"Created with {_count(len(event.lines), 'line')}, {_money(total, document)}"


def _imported(event: OrderImported, document: OrderDocument) -> str:
    lines, total = _count(len(event.lines), "line"), _money(event.grand_total_amount, document)
    return f"Imported as {event.number}, {event.status}, with {lines}, {total}"


def _placed(event: OrderPlaced, document: OrderDocument) -> str:
    return f"Placed as {event.number} for {_money(event.grand_total_amount, document)}"


def _confirmed(_event: OrderConfirmed, _document: OrderDocument) -> str:
    return "Confirmed"


def _completed(_event: OrderCompleted, _document: OrderDocument) -> str:
    return "Completed"


def _cancelled(event: OrderCancelled, document: OrderDocument) -> str:
    note = f": {event.note}" if event.note else ""
    return f"Cancelled ({event.reason}), {_money(event.reduction_amount, document)} less to pay{note}"


def _authorized(event: PaymentAuthorized, document: OrderDocument) -> str:
    return f"Authorized {_money(event.amount, document)} on {event.payment_id} ({event.method})"


def _captured(event: PaymentCaptured, document: OrderDocument) -> str:
    return f"Captured {_money(event.amount, document)} on {event.payment_id}"


def _refund_requested(event: RefundRequested, document: OrderDocument) -> str:
    amount = _money(event.amount, document)
    return f"Requested refund {event.refund_id} of {amount} on {event.payment_id} ({event.reason})"


def _prepared(event: ShipmentPrepared, _document: OrderDocument) -> str:
    units = sum(line.quantity for line in event.lines)
    return f"Prepared shipment {event.shipment_id} with {_count(units, 'unit')}{_carrier(event)}"


def _dispatched(event: ShipmentDispatched, _document: OrderDocument) -> str:
    return f"Dispatched shipment {event.shipment_id}{_carrier(event)}"


def _delivered(event: ShipmentDelivered, _document: OrderDocument) -> str:
    return f"Delivered shipment {event.shipment_id}"


def _carrier(event: ShipmentPrepared | ShipmentDispatched) -> str:
    carrier = f" by {event.carrier}" if event.carrier else ""
    return f"{carrier}, tracking number {event.tracking_number}" if event.tracking_number else carrier


_SENTENCES: dict[type[Event], Callable[[Any, OrderDocument], str]] = {
    OrderCreated: _created,
    OrderImported: _imported,
    OrderPlaced: _placed,
    OrderConfirmed: _confirmed,
    OrderCompleted: _completed,
    OrderCancelled: _cancelled,
    PaymentAuthorized: _authorized,
    PaymentCaptured: _captured,
    RefundRequested: _refund_requested,
    ShipmentPrepared: _prepared,
    ShipmentDispatched: _dispatched,
    ShipmentDelivered: _delivered,
}
