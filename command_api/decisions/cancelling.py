"""Cancel an order, every unit of it, or units of a line. Payment never stands in the way.

Money captured is asked back with the order; with units it becomes overpaid, and a refund is somebody's decision.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from command_api.changes import CancelUnits
from command_api.commands import CancelOrder
from command_api.decisions.ids import free_ids
from command_api.evolve import evolve
from command_api.field_errors import field_error
from command_api.refusals import (
    LineNotFound,
    OrderHasShipments,
    OrderIsCancelled,
    OrderIsCompleted,
    OrderNotPlaced,
    QuantityExceedsOpen,
    ShipmentInProgress,
)
from command_api.state import Order
from shared.events import Event, LineQuantityCancelled, OrderCancelled, RefundRequested, Timestamp

REFUND_REASON = "order_cancelled"


def cancel(command: CancelOrder, order: Order, now: Timestamp) -> Sequence[Event]:
    """Cancel an order of which nothing has been shipped or set aside."""
    if order.status == "cancelled":
        return []
    _check(order)
    cancelled = OrderCancelled(
        reason=command.reason,
        note=command.note,
        reduction_amount=order.grand_total,
        previous_status=order.status,
        cancelled_at=now,
    )
    events: list[Event] = [cancelled]
    if command.refund == "full":
        events += _refunds(evolve(order, cancelled))
    return events


def cancel_units(command: CancelUnits, order: Order, now: Timestamp) -> Sequence[Event]:
    """Cancel open units of a line; with the last unit of all, the order."""
    _check_running(order)
    line = order.lines.get(command.line_id)
    if line is None:
        raise LineNotFound(f"Order {order.order_id} has no line {command.line_id}.")
    open_ = line.open if order.requires_shipping else order.returnable(line)
    if command.quantity > open_:
        raise QuantityExceedsOpen(
            f"Line {command.line_id} has {open_} open units; {command.quantity} were to be cancelled.",
            [field_error("#/quantity", "too_large", f"at most {open_}")],
            line_id=command.line_id,
            open_quantity=open_,
        )
    units = LineQuantityCancelled(
        line_id=command.line_id, quantity=command.quantity, reason=command.reason, reduction_amount=0
    )
    left = evolve(order, units)
    reduction = order.current_total(line) - left.current_total(left.lines[command.line_id])
    units = replace(units, reduction_amount=reduction)
    if not left.all_cancelled:
        return [units]
    cancelled = OrderCancelled(
        reason=command.reason,
        reduction_amount=order.grand_total - reduction,
        previous_status=order.status,
        cancelled_at=now,
    )
    return [units, cancelled]


def _check_running(order: Order) -> None:
    if order.status == "draft":
        raise OrderNotPlaced(f"Order {order.order_id} is a draft; amend it instead of cancelling units.")
    if order.status == "completed":
        raise OrderIsCompleted(f"Order {order.order_id} is completed; nothing is open. Take units back as a return.")
    if order.status == "cancelled":
        raise OrderIsCancelled(f"Order {order.order_id} is cancelled, every unit of it.")


def _check(order: Order) -> None:
    if order.status == "completed":
        raise OrderIsCompleted(
            f"Order {order.order_id} is completed; it cannot be cancelled. Take units back as a return."
        )
    if pending := order.pending_shipments:
        raise ShipmentInProgress(
            f"Shipment {', '.join(pending)} of order {order.order_id} is pending. Cancel it first.",
            shipment_ids=pending,
        )
    if left := [shipment_id for shipment_id, it in order.shipments.items() if it.state != "cancelled"]:
        raise OrderHasShipments(
            f"Shipment {', '.join(left)} of order {order.order_id} has left. Cancel the open units, then take the "
            "rest back as a return.",
            shipment_ids=left,
        )
    # Where nothing is shipped, units that are in a return were handed over by confirming.
    if any(line.return_requested or line.returned for line in order.lines.values()):
        raise OrderHasShipments(
            f"Units of order {order.order_id} are in a return. Cancel the open units, then take the rest back as a "
            "return.",
        )


def _refunds(order: Order) -> list[Event]:
    """Ask back what is left of each payment; credits as of the moment of each request."""
    events: list[Event] = []
    for payment_id, payment in order.payments.items():
        if payment.refundable:
            requested = RefundRequested(
                refund_id=next(free_ids("R", order.refunds)),
                payment_id=payment_id,
                amount=payment.refundable,
                credit_amount=payment.refundable - min(payment.refundable, order.overpaid),
                reason=REFUND_REASON,
            )
            events.append(requested)
            order = evolve(order, requested)
    return events
