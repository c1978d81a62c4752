"""What each event makes of an order. Nothing here checks, raises, or reads anything but the event."""

from collections.abc import Callable, Iterable
from typing import Any, Literal

from msgspec.structs import replace

from command_api import evolve_returns
from command_api.evolve_changes import CHANGES
from command_api.state import LineState, Order, PaymentState, RefundState, ShipmentState
from shared.events import (
    Event,
    ImportedPayment,
    ImportedShipment,
    LineQuantity,
    NoteAdded,
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


def evolve(order: Order | None, event: Event) -> Order:
    """The order after `event`. What this code does not know changes nothing."""
    if order is None:
        return _FIRST[type(event)](event)
    changed = _CHANGES.get(type(event))
    if changed is None:
        return replace(order, event_count=order.event_count + 1)
    return changed(order, event)


def fold(events: Iterable[Event]) -> Order | None:
    """The order after all of its `events`."""
    order = None
    for event in events:
        order = evolve(order, event)
    return order


_next = Order.after


def _created(event: OrderCreated) -> Order:
    return _opened(event, {line.line_id: LineState(line=line) for line in event.lines})


def _opened(event: OrderCreated | OrderImported, lines: dict[str, LineState], **more: Any) -> Order:  # noqa: ANN401
    return Order(
        order_id=event.order_id,
        currency=event.currency,
        currency_exponent=event.currency_exponent,
        prices_include_tax=event.prices_include_tax,
        payment_terms=event.payment_terms,
        requires_shipping=event.requires_shipping,
        customer_id=event.customer_id,
        has_contact=event.customer_id is not None or event.has_email,
        shipping_address_ref=event.shipping_address_ref,
        shipping_amount=event.shipping_amount,
        shipping_tax_amount=event.shipping_tax_amount,
        shipping_method=event.shipping_method,
        lines=lines,
        tags=event.tags,
        metadata=event.metadata,
        **more,
    )


def _imported(event: OrderImported) -> Order:
    cancelled = event.status == "cancelled"
    lines = {line.line_id: LineState(line=line, cancelled=line.quantity if cancelled else 0) for line in event.lines}
    shipments = {}
    for shipment in event.shipments:
        shipments[shipment.shipment_id] = parcel = _imported_shipment(shipment, event.shipping_address_ref)
        delivered = parcel.state == "delivered"
        for item in shipment.lines:
            line = lines[item.line_id]
            if parcel.state == "pending":
                line = replace(line, allocated=line.allocated + item.quantity)
            else:
                line = replace(
                    line,
                    shipped=line.shipped + item.quantity,
                    delivered=line.delivered + (item.quantity if delivered else 0),
                )
            lines[item.line_id] = line
    captures = {
        capture.capture_id: PaymentCaptured(
            payment_id=payment.payment_id, capture_id=capture.capture_id, amount=capture.amount
        )
        for payment in event.payments
        for capture in payment.captures
    }
    order = _opened(
        event,
        lines,
        status=event.status,
        number=event.number,
        adjustment_amount=event.adjustment_amount,
        payments={payment.payment_id: _imported_payment(payment) for payment in event.payments},
        captures=captures,
        shipments=shipments,
        notes={
            note.note_id: NoteAdded(note_id=note.note_id, note_ref=note.note_ref, visibility=note.visibility)
            for note in event.notes
        },
    )
    return evolve_returns.with_imported_past(order, event) if event.refunds or event.returns else order


def _imported_payment(payment: ImportedPayment) -> PaymentState:
    return PaymentState(
        authorization=PaymentAuthorized(
            payment_id=payment.payment_id,
            amount=payment.authorized_amount,
            method=payment.method,
            provider=payment.provider,
            provider_reference=payment.provider_reference,
        ),
        captured=sum(capture.amount for capture in payment.captures),
        voided=payment.voided_amount,
    )


def _imported_shipment(shipment: ImportedShipment, ship_to_ref: str | None) -> ShipmentState:
    state: Literal["pending", "dispatched", "delivered"] = "pending"
    if shipment.dispatched_at:
        state = "delivered" if shipment.delivered_at else "dispatched"
    return ShipmentState(
        prepared=ShipmentPrepared(
            shipment_id=shipment.shipment_id,
            lines=shipment.lines,
            location=shipment.location,
            ship_to_ref=ship_to_ref,
            carrier=shipment.carrier,
            service=shipment.service,
            tracking_number=shipment.tracking_number,
            tracking_url=shipment.tracking_url,
        ),
        dispatched=ShipmentDispatched(shipment_id=shipment.shipment_id) if shipment.dispatched_at else None,
        state=state,
    )


def _placed(order: Order, event: OrderPlaced) -> Order:
    return _next(order, status="placed", number=event.number)


def _confirmed(order: Order, _event: OrderConfirmed) -> Order:
    return _next(order, status="confirmed")


def _completed(order: Order, _event: OrderCompleted) -> Order:
    return _next(order, status="completed")


def _cancelled(order: Order, _event: OrderCancelled) -> Order:
    lines = {line_id: replace(line, cancelled=line.cancelled + line.open) for line_id, line in order.lines.items()}
    return _next(order, status="cancelled", lines=lines)


def _authorized(order: Order, event: PaymentAuthorized) -> Order:
    return _next(order, payments=order.payments | {event.payment_id: PaymentState(authorization=event)})


def _captured(order: Order, event: PaymentCaptured) -> Order:
    payment = order.payments[event.payment_id]
    payment = replace(payment, captured=payment.captured + event.amount)
    return _next(
        order,
        payments=order.payments | {event.payment_id: payment},
        captures=order.captures | {event.capture_id: event},
    )


def _refund_requested(order: Order, event: RefundRequested) -> Order:
    payment = order.payments[event.payment_id]
    payment = replace(payment, refund_pending=payment.refund_pending + event.amount)
    lines = dict(order.lines)
    for item in event.lines:
        line = lines[item.line_id]
        lines[item.line_id] = replace(line, refunded=line.refunded + item.quantity)
    return _next(
        order,
        lines=lines,
        payments=order.payments | {event.payment_id: payment},
        refunds=order.refunds | {event.refund_id: RefundState(request=event)},
    )


def _prepared(order: Order, event: ShipmentPrepared) -> Order:
    shipments = order.shipments | {event.shipment_id: ShipmentState(prepared=event)}
    return _next(order, shipments=shipments, lines=_moved(order, event.lines, allocated=1))


def _dispatched(order: Order, event: ShipmentDispatched) -> Order:
    shipment = order.shipments[event.shipment_id]
    return _next(
        order,
        shipments=order.shipments | {event.shipment_id: replace(shipment, state="dispatched", dispatched=event)},
        lines=_moved(order, shipment.prepared.lines, allocated=-1, shipped=1),
    )


def _delivered(order: Order, event: ShipmentDelivered) -> Order:
    shipment = order.shipments[event.shipment_id]
    return _next(
        order,
        shipments=order.shipments | {event.shipment_id: replace(shipment, state="delivered")},
        lines=_moved(order, shipment.prepared.lines, delivered=1),
    )


def _moved(
    order: Order, items: Iterable[LineQuantity], *, allocated: int = 0, shipped: int = 0, delivered: int = 0
) -> dict[str, LineState]:
    lines = dict(order.lines)
    for item in items:
        line = lines[item.line_id]
        lines[item.line_id] = replace(
            line,
            allocated=line.allocated + allocated * item.quantity,
            shipped=line.shipped + shipped * item.quantity,
            delivered=line.delivered + delivered * item.quantity,
        )
    return lines


_FIRST: dict[type[Event], Callable[[Any], Order]] = {OrderCreated: _created, OrderImported: _imported}

_CHANGES: dict[type[Event], Callable[[Order, Any], Order]] = {
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
    **CHANGES,
    **evolve_returns.CHANGES,
}
