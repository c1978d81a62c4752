"""Cancel an order: every unit of it. Payment never stands in the way, money captured is asked back."""

from collections.abc import Sequence

from command_api.commands import CancelOrder
from command_api.decisions.ids import free_ids
from command_api.evolve import evolve
from command_api.refusals import OrderHasShipments, OrderIsCompleted, ShipmentInProgress
from command_api.state import Order
from shared.events import Event, OrderCancelled, RefundRequested, Timestamp

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
