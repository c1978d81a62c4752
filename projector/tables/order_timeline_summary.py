"""One sentence per event, for the people who answer the customer: what happened, to what, how much."""

from collections.abc import Callable
from typing import Any

from projector.tables.order_timeline_sentences import LATER, count, money
from shared.events import (
    CustomerErased,
    Event,
    OrderCancelled,
    OrderCompleted,
    OrderConfirmed,
    OrderCreated,
    OrderImported,
    OrderPlaced,
    PaymentAuthorized,
    PaymentCaptured,
    ShipmentDelivered,
    ShipmentDispatched,
    ShipmentPrepared,
)
from shared.order_document import OrderDocument
from shared.recorded_event import RecordedEvent


def summary(event: RecordedEvent, document: OrderDocument | None) -> str:
    """The sentence for `event`. Of `document` only the currency counts, so any version of the order's will do.

    A type that this code does not know is named as it is.
    """
    if event.event is None:
        return event.type
    if document is None:
        erased = event.event
        if isinstance(erased, CustomerErased):
            return f"Erased the personal data of customer {erased.customer_id}"
        return event.type
    return _SENTENCES[type(event.event)](event.event, document)


def _created(event: OrderCreated, document: OrderDocument) -> str:
    total = sum(line.total_amount for line in event.lines) + event.shipping_amount
    if not event.prices_include_tax:
        total += event.shipping_tax_amount
    return f"Created with {count(len(event.lines), 'line')}, {money(total, document)}"


def _imported(event: OrderImported, document: OrderDocument) -> str:
    lines, total = count(len(event.lines), "line"), money(event.grand_total_amount, document)
    return f"Imported as {event.number}, {event.status}, with {lines}, {total}"


def _placed(event: OrderPlaced, document: OrderDocument) -> str:
    return f"Placed as {event.number} for {money(event.grand_total_amount, document)}"


def _confirmed(_event: OrderConfirmed, _document: OrderDocument) -> str:
    return "Confirmed"


def _completed(_event: OrderCompleted, _document: OrderDocument) -> str:
    return "Completed"


def _cancelled(event: OrderCancelled, document: OrderDocument) -> str:
    note = f": {event.note}" if event.note else ""
    return f"Cancelled ({event.reason}), {money(event.reduction_amount, document)} less to pay{note}"


def _authorized(event: PaymentAuthorized, document: OrderDocument) -> str:
    return f"Authorized {money(event.amount, document)} on {event.payment_id} ({event.method})"


def _captured(event: PaymentCaptured, document: OrderDocument) -> str:
    return f"Captured {money(event.amount, document)} on {event.payment_id}"


def _prepared(event: ShipmentPrepared, _document: OrderDocument) -> str:
    units = sum(line.quantity for line in event.lines)
    return f"Prepared shipment {event.shipment_id} with {count(units, 'unit')}{_carrier(event)}"


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
    ShipmentPrepared: _prepared,
    ShipmentDispatched: _dispatched,
    ShipmentDelivered: _delivered,
    **LATER,
}
