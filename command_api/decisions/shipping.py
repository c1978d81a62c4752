"""Shipments: units set aside, sent off, arrived, or not sent after all; always by line and quantity."""

from collections.abc import Sequence

from command_api.changes import CancelShipment, ChangeTracking
from command_api.commands import DeliverShipment, DispatchShipment, PrepareShipment
from command_api.decisions.ids import free_ids
from command_api.evolve import evolve
from command_api.field_errors import field_error
from command_api.refusals import (
    LimitExceeded,
    LineNotFound,
    OrderNotConfirmed,
    PaymentRequired,
    QuantityExceedsOpen,
    ShipmentNotDispatched,
    ShipmentNotFound,
    ShipmentNotPending,
    duplicate_id,
)
from command_api.state import Order, ShipmentState
from shared.events import (
    Event,
    LineQuantity,
    ShipmentCancelled,
    ShipmentDelivered,
    ShipmentDispatched,
    ShipmentPrepared,
    ShipmentTrackingChanged,
    Timestamp,
)
from shared.money import in_words

MAX_SHIPMENTS = 500


def prepare(command: PrepareShipment, order: Order, _now: Timestamp) -> Sequence[Event]:
    """Set units aside and, with `dispatch`, send them off in the same breath."""
    shipment_id = command.shipment_id or next(free_ids("S", order.shipments))
    if (shipment := order.shipments.get(shipment_id)) is not None:
        return _prepared_again(command, shipment)
    _check_confirmed(order)
    if len(order.shipments) >= MAX_SHIPMENTS:
        raise LimitExceeded(
            f"Order {order.order_id} has {len(order.shipments)} shipments; it can have {MAX_SHIPMENTS}.",
            limit=MAX_SHIPMENTS,
        )
    _check_open(command.lines, order)
    prepared = ShipmentPrepared(
        shipment_id=shipment_id,
        lines=command.lines,
        location=command.location,
        ship_to_ref=order.shipping_address_ref,
        carrier=command.carrier,
        service=command.service,
        tracking_number=command.tracking_number,
        tracking_url=command.tracking_url,
    )
    if not command.dispatch:
        return [prepared]
    return [prepared, *dispatch(DispatchShipment(shipment_id=shipment_id), evolve(order, prepared), _now)]


def dispatch(command: DispatchShipment, order: Order, _now: Timestamp) -> Sequence[Event]:
    """Send a parcel off. A prepaid order must be paid or secured by then."""
    shipment = _shipment(command.shipment_id, order)
    if shipment.dispatched is not None:
        return _dispatched_again(command, shipment)
    if shipment.state != "pending":
        raise ShipmentNotPending(f"Shipment {command.shipment_id} is {shipment.state}; only a pending one can leave.")
    _check_confirmed(order)
    missing = order.due - order.open_authorized - order.net_paid
    if order.payment_terms == "prepaid" and missing > 0:
        raise PaymentRequired(
            f"{in_words(missing, order.currency, order.currency_exponent)} of order {order.order_id} are neither "
            "authorised nor paid. Record a payment first.",
            missing_amount=missing,
        )
    return [
        ShipmentDispatched(
            shipment_id=command.shipment_id,
            carrier=command.carrier,
            tracking_number=command.tracking_number,
            tracking_url=command.tracking_url,
        )
    ]


def deliver(command: DeliverShipment, order: Order, _now: Timestamp) -> Sequence[Event]:
    """Record that a parcel has arrived; it may do so after the order was completed."""
    shipment = _shipment(command.shipment_id, order)
    if shipment.state == "delivered":
        return []
    if shipment.state != "dispatched":
        raise ShipmentNotDispatched(
            f"Shipment {command.shipment_id} is {shipment.state}; only a dispatched one can arrive."
        )
    return [ShipmentDelivered(shipment_id=command.shipment_id)]


def change_tracking(command: ChangeTracking, order: Order, _now: Timestamp) -> Sequence[Event]:
    """Correct who carries a parcel and how to follow it, wherever the parcel is by now."""
    shipment = _shipment(command.shipment_id, order)
    tracking = shipment.tracking._replace(**command.patch)
    if tracking == shipment.tracking:
        return []
    if shipment.state == "cancelled":
        raise ShipmentNotPending(f"Shipment {command.shipment_id} is cancelled; there is nothing to follow.")
    return [ShipmentTrackingChanged(shipment_id=command.shipment_id, **tracking._asdict())]


def cancel_shipment(command: CancelShipment, order: Order, _now: Timestamp) -> Sequence[Event]:
    """Unpack a parcel that has not left; its units are open again."""
    shipment = _shipment(command.shipment_id, order)
    if shipment.state == "cancelled":
        return []
    if shipment.state != "pending":
        raise ShipmentNotPending(
            f"Shipment {command.shipment_id} is {shipment.state}; only a pending one can be cancelled. "
            "Take its units back as a return."
        )
    return [ShipmentCancelled(shipment_id=command.shipment_id, reason=command.reason)]


def _shipment(shipment_id: str, order: Order) -> ShipmentState:
    shipment = order.shipments.get(shipment_id)
    if shipment is None:
        raise ShipmentNotFound(f"Order {order.order_id} has no shipment {shipment_id}. Prepare it first.")
    return shipment


def _check_confirmed(order: Order) -> None:
    if order.status != "confirmed":
        raise OrderNotConfirmed(f"Order {order.order_id} is {order.status}; only a confirmed order can be shipped.")


def _check_open(items: Sequence[LineQuantity], order: Order) -> None:
    """Each line exists and has the units. The refusal tells about the first that has not, the errors about all."""
    errors = []
    shortage: LineQuantity | None = None
    for i, item in enumerate(items):
        line = order.lines.get(item.line_id)
        if line is None:
            raise LineNotFound(
                f"Order {order.order_id} has no line {item.line_id}.",
                [field_error(f"#/lines/{i}/line_id", "not_allowed", "no line of this order")],
            )
        open_ = _shippable(order, item.line_id)
        if item.quantity > open_:
            errors.append(field_error(f"#/lines/{i}/quantity", "too_large", f"at most {open_}"))
            shortage = shortage or item
    if shortage:
        open_ = _shippable(order, shortage.line_id)
        raise QuantityExceedsOpen(
            f"Line {shortage.line_id} has {open_} open units"
            f"{'' if order.requires_shipping else ' (the order requires no shipping)'}; "
            f"{shortage.quantity} were requested.",
            errors,
            line_id=shortage.line_id,
            open_quantity=open_,
        )


def _shippable(order: Order, line_id: str) -> int:
    return order.lines[line_id].open if order.requires_shipping else 0


def _prepared_again(command: PrepareShipment, shipment: ShipmentState) -> Sequence[Event]:
    """Nothing, if all that the command says is on record; else the refusal."""
    differing: dict[str, tuple[object, object]] = {
        name: (recorded, sent)
        for name in ("carrier", "service", "tracking_number", "tracking_url", "location")
        if (recorded := getattr(shipment.prepared, name)) != (sent := getattr(command, name))
    }
    recorded, sent = _quantities(shipment.prepared.lines), _quantities(command.lines)
    if recorded != sent:
        differing["lines"] = (recorded, sent)
    if command.dispatch and shipment.dispatched is None:
        differing["dispatch"] = (False, True)
    if differing:
        raise duplicate_id(f"Shipment {shipment.prepared.shipment_id}", differing)
    return []


def _dispatched_again(command: DispatchShipment, shipment: ShipmentState) -> Sequence[Event]:
    """Nothing, if it left as the command says; what the command leaves out, it does not contradict."""
    differing: dict[str, tuple[object, object]] = {}
    for name, recorded in shipment.left_with._asdict().items():
        sent = getattr(command, name)
        if sent is not None and sent != recorded:
            differing[name] = (recorded, sent)
    if differing:
        raise duplicate_id(f"Dispatch of shipment {command.shipment_id}", differing)
    return []


def _quantities(items: Sequence[LineQuantity]) -> dict[str, int]:
    return {item.line_id: item.quantity for item in items}
