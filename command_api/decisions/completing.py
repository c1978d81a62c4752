"""Complete: nothing is left to do. Mostly an order completes itself, with the event that leaves nothing to do."""

from collections.abc import Sequence

from command_api.commands import CompleteOrder
from command_api.refusals import (
    BalanceOutstanding,
    OrderIsCancelled,
    OrderNotConfirmed,
    ShipmentInProgress,
    UnitsOpen,
)
from command_api.state import Order
from shared.events import Event, OrderCompleted, Timestamp
from shared.money import in_words


def complete(_command: CompleteOrder, order: Order, now: Timestamp) -> Sequence[Event]:
    """Complete a confirmed order of which nothing is open; parcels may still be on their way."""
    if order.status == "completed":
        return []
    if order.status == "cancelled":
        raise OrderIsCancelled(f"Order {order.order_id} is cancelled; there is nothing to complete.")
    if order.status != "confirmed":
        raise OrderNotConfirmed(f"Order {order.order_id} is {order.status}; only a confirmed order can be completed.")
    if order.requires_shipping:
        _check_shipments(order)
    if order.outstanding:
        raise BalanceOutstanding(
            f"{in_words(order.outstanding, order.currency, order.currency_exponent)} of order {order.order_id} are "
            "outstanding. Capture a payment first.",
            outstanding_amount=order.outstanding,
        )
    return [OrderCompleted(completed_at=now)]


def _check_shipments(order: Order) -> None:
    units_open = {line_id: line.open for line_id, line in order.lines.items() if line.open}
    if units_open:
        raise UnitsOpen(
            f"{sum(units_open.values())} units of order {order.order_id} are open, on "
            f"{len(units_open)} of {len(order.lines)} lines. Ship or cancel them first.",
            open_quantity=sum(units_open.values()),
        )
    if pending := order.pending_shipments:
        raise ShipmentInProgress(
            f"Shipment {', '.join(pending)} of order {order.order_id} is pending. Dispatch or cancel it first.",
            shipment_ids=pending,
        )
