"""What later changes make of an order: amendments, cancelled units, annotations, what payments and parcels come to.

As in `command_api.evolve`, nothing here checks, raises, or reads anything but the event.
"""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from command_api.state import LineState, Order
from shared.events import (
    ContactChanged,
    Event,
    LineAdded,
    LineChanged,
    LineQuantityCancelled,
    LineRemoved,
    MetadataChanged,
    NoteAdded,
    PaymentFailed,
    PaymentVoided,
    ShipmentCancelled,
    ShipmentTrackingChanged,
    ShippingAddressChanged,
    ShippingChargeSet,
    TagsChanged,
)


def _line_added(order: Order, event: LineAdded) -> Order:
    return order.after(lines=order.lines | {event.line.line_id: LineState(line=event.line)})


def _line_changed(order: Order, event: LineChanged) -> Order:
    state = order.lines[event.line_id]
    line = replace(
        state.line,
        quantity=event.quantity,
        unit_price_amount=event.unit_price_amount,
        subtotal_amount=event.subtotal_amount,
        discount_amount=event.discount_amount,
        tax_rate=event.tax_rate,
        tax_amount=event.tax_amount,
        total_amount=event.total_amount,
    )
    return order.after(lines=order.lines | {event.line_id: replace(state, line=line)})


def _line_removed(order: Order, event: LineRemoved) -> Order:
    lines = {line_id: line for line_id, line in order.lines.items() if line_id != event.line_id}
    return order.after(lines=lines, removed_line_ids=(*order.removed_line_ids, event.line_id))


def _units_cancelled(order: Order, event: LineQuantityCancelled) -> Order:
    line = order.lines[event.line_id]
    line = replace(line, cancelled=line.cancelled + event.quantity)
    return order.after(lines=order.lines | {event.line_id: line})


def _charge_set(order: Order, event: ShippingChargeSet) -> Order:
    return order.after(
        shipping_amount=event.shipping_amount,
        shipping_tax_amount=event.shipping_tax_amount,
        shipping_method=event.shipping_method,
    )


def _address_changed(order: Order, event: ShippingAddressChanged) -> Order:
    return order.after(shipping_address_ref=event.shipping_address_ref)


def _contact_changed(order: Order, event: ContactChanged) -> Order:
    return order.after(has_contact=order.customer_id is not None or event.has_email)


def _note_added(order: Order, event: NoteAdded) -> Order:
    return order.after(notes=order.notes | {event.note_id: event})


def _tags_changed(order: Order, event: TagsChanged) -> Order:
    left = tuple(tag for tag in order.tags if tag not in event.removed)
    return order.after(tags=(*left, *event.added))


def _metadata_changed(order: Order, event: MetadataChanged) -> Order:
    left = {key: value for key, value in order.metadata.items() if key not in event.unset}
    return order.after(metadata=left | event.set)


def _payment_failed(order: Order, event: PaymentFailed) -> Order:
    return order.after(failures=order.failures | {event.failure_id: event})


def _payment_voided(order: Order, event: PaymentVoided) -> Order:
    payment = order.payments[event.payment_id]
    payment = replace(payment, voided=payment.voided + event.amount)
    return order.after(payments=order.payments | {event.payment_id: payment})


def _tracking_changed(order: Order, event: ShipmentTrackingChanged) -> Order:
    shipment = order.shipments[event.shipment_id]
    if shipment.dispatched is None:
        shipment = replace(shipment, changed_before=event)
    else:
        shipment = replace(shipment, changed_after=event)
    return order.after(shipments=order.shipments | {event.shipment_id: shipment})


def _shipment_cancelled(order: Order, event: ShipmentCancelled) -> Order:
    shipment = order.shipments[event.shipment_id]
    lines = dict(order.lines)
    for item in shipment.prepared.lines:
        line = lines[item.line_id]
        lines[item.line_id] = replace(line, allocated=line.allocated - item.quantity)
    shipments = order.shipments | {event.shipment_id: replace(shipment, state="cancelled")}
    return order.after(shipments=shipments, lines=lines)


CHANGES: dict[type[Event], Callable[[Order, Any], Order]] = {
    LineAdded: _line_added,
    LineChanged: _line_changed,
    LineRemoved: _line_removed,
    LineQuantityCancelled: _units_cancelled,
    ShippingChargeSet: _charge_set,
    ShippingAddressChanged: _address_changed,
    ContactChanged: _contact_changed,
    NoteAdded: _note_added,
    TagsChanged: _tags_changed,
    MetadataChanged: _metadata_changed,
    PaymentFailed: _payment_failed,
    PaymentVoided: _payment_voided,
    ShipmentTrackingChanged: _tracking_changed,
    ShipmentCancelled: _shipment_cancelled,
}
