"""What each later event changes in an order document; sums move with it, labels are derived afterwards."""

from collections.abc import Callable
from typing import Any

from shared.events import (
    Event,
    ImportedPayment,
    ImportedShipment,
    OrderCancelled,
    OrderCompleted,
    OrderConfirmed,
    OrderPlaced,
    PaymentAuthorized,
    PaymentCaptured,
    ShipmentCancelled,
    ShipmentDelivered,
    ShipmentDispatched,
    ShipmentPrepared,
    ShipmentTrackingChanged,
)
from shared.order_document_amendments import AMENDMENTS
from shared.order_document_amounts import cancel_open_units
from shared.order_document_money import MONEY_CHANGES, new_payment, overcome, payment_of
from shared.order_document_returns import RETURN_CHANGES
from shared.order_document_shape import (
    Capture,
    DocumentLine,
    OrderDocument,
    Payment,
    Shipment,
    ShippedLine,
)


def _placed(document: OrderDocument, event: OrderPlaced, _occurred_at: str) -> None:
    document.status = "placed"
    document.number = event.number
    document.placed_at = event.placed_at
    document.totals.placed_total_amount = event.grand_total_amount


def _confirmed(document: OrderDocument, event: OrderConfirmed, _occurred_at: str) -> None:
    document.status = "confirmed"
    document.confirmed_at = event.confirmed_at


def _completed(document: OrderDocument, event: OrderCompleted, _occurred_at: str) -> None:
    document.status = "completed"
    document.completed_at = event.completed_at


def _cancelled(document: OrderDocument, event: OrderCancelled, _occurred_at: str) -> None:
    cancel_open_units(document, event.reason, event.cancelled_at)
    document.status = "cancelled"
    document.cancelled_at = event.cancelled_at
    document.cancel_reason = event.reason


def add_payment(
    document: OrderDocument, fact: PaymentAuthorized | ImportedPayment, amount: int, occurred_at: str
) -> Payment:
    """A payment with `amount` authorised, perhaps at a second attempt."""
    for payment in document.payments:
        if payment.payment_id == fact.payment_id:
            break
    else:
        payment = new_payment(document, fact.payment_id)
    payment.method = fact.method
    payment.provider = fact.provider
    payment.provider_reference = fact.provider_reference
    payment.authorized_amount += amount
    payment.authorized_at = occurred_at
    if isinstance(fact, PaymentAuthorized):
        payment.expires_at = fact.expires_at
    document.payment.authorized_amount += amount
    return payment


def add_capture(document: OrderDocument, payment: Payment, capture: Capture) -> None:
    """Money that has come in on a payment."""
    payment.captures.append(capture)
    payment.captured_amount += capture.amount
    document.payment.captured_amount += capture.amount


def _authorized(document: OrderDocument, event: PaymentAuthorized, occurred_at: str) -> None:
    add_payment(document, event, event.amount, occurred_at)
    overcome(document, "authorize")


def _captured(document: OrderDocument, event: PaymentCaptured, occurred_at: str) -> None:
    capture = Capture(event.capture_id, event.amount, event.provider_reference, occurred_at)
    add_capture(document, payment_of(document, event.payment_id), capture)
    overcome(document, "authorize", "capture")


def add_shipment(document: OrderDocument, parcel: ShipmentPrepared | ImportedShipment, prepared_at: str) -> Shipment:
    """Units set aside: open → allocated."""
    shipment = Shipment(
        shipment_id=parcel.shipment_id,
        state="pending",
        carrier=parcel.carrier,
        service=parcel.service,
        tracking_number=parcel.tracking_number,
        tracking_url=parcel.tracking_url,
        location=parcel.location,
        lines=[ShippedLine(line.line_id, line.quantity) for line in parcel.lines],
        prepared_at=prepared_at,
        dispatched_at=None,
        delivered_at=None,
        cancelled_at=None,
    )
    for line, quantity in _contents(document, shipment):
        line.open -= quantity
        line.allocated += quantity
        document.units.open -= quantity
        document.units.allocated += quantity
    document.shipments.append(shipment)
    return shipment


def dispatch_shipment(document: OrderDocument, shipment: Shipment, occurred_at: str) -> None:
    """Its units: allocated → shipped."""
    for line, quantity in _contents(document, shipment):
        line.allocated -= quantity
        line.shipped += quantity
        document.units.allocated -= quantity
        document.units.shipped += quantity
    shipment.state = "dispatched"
    shipment.dispatched_at = occurred_at


def deliver_shipment(document: OrderDocument, shipment: Shipment, occurred_at: str) -> None:
    """Its units, shipped, have been delivered as well."""
    for line, quantity in _contents(document, shipment):
        line.delivered += quantity
        document.units.delivered += quantity
    shipment.state = "delivered"
    shipment.delivered_at = occurred_at


def _contents(document: OrderDocument, shipment: Shipment) -> list[tuple[DocumentLine, int]]:
    lines = {line.line_id: line for line in document.lines}
    return [(lines[part.line_id], part.quantity) for part in shipment.lines]


def _prepared(document: OrderDocument, event: ShipmentPrepared, occurred_at: str) -> None:
    add_shipment(document, event, occurred_at)


def _dispatched(document: OrderDocument, event: ShipmentDispatched, occurred_at: str) -> None:
    shipment = _shipment(document, event.shipment_id)
    shipment.carrier = event.carrier or shipment.carrier
    shipment.tracking_number = event.tracking_number or shipment.tracking_number
    shipment.tracking_url = event.tracking_url or shipment.tracking_url
    dispatch_shipment(document, shipment, occurred_at)


def _delivered(document: OrderDocument, event: ShipmentDelivered, occurred_at: str) -> None:
    deliver_shipment(document, _shipment(document, event.shipment_id), occurred_at)


def _tracking_changed(document: OrderDocument, event: ShipmentTrackingChanged, _occurred_at: str) -> None:
    shipment = _shipment(document, event.shipment_id)
    shipment.carrier = event.carrier
    shipment.tracking_number = event.tracking_number
    shipment.tracking_url = event.tracking_url


def _shipment_cancelled(document: OrderDocument, event: ShipmentCancelled, occurred_at: str) -> None:
    shipment = _shipment(document, event.shipment_id)
    for line, quantity in _contents(document, shipment):
        line.allocated -= quantity
        line.open += quantity
        document.units.allocated -= quantity
        document.units.open += quantity
    shipment.state = "cancelled"
    shipment.cancelled_at = occurred_at


def _shipment(document: OrderDocument, shipment_id: str) -> Shipment:
    for shipment in document.shipments:
        if shipment.shipment_id == shipment_id:
            return shipment
    raise KeyError(f"shipment {shipment_id}")


CHANGES: dict[type[Event], Callable[[OrderDocument, Any, str], None]] = {
    OrderPlaced: _placed,
    OrderConfirmed: _confirmed,
    OrderCompleted: _completed,
    OrderCancelled: _cancelled,
    PaymentAuthorized: _authorized,
    PaymentCaptured: _captured,
    **MONEY_CHANGES,
    ShipmentPrepared: _prepared,
    ShipmentDispatched: _dispatched,
    ShipmentDelivered: _delivered,
    ShipmentTrackingChanged: _tracking_changed,
    ShipmentCancelled: _shipment_cancelled,
    **AMENDMENTS,
    **RETURN_CHANGES,
}
"""Event → what it changes, called with the document, the event and its `occurred_at`."""
