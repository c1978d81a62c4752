"""Confirm: the shop takes the order on. Payment is not asked for here, but when something is dispatched."""

from collections.abc import Sequence

from command_api.commands import ConfirmOrder
from command_api.refusals import OrderNotPlaced
from command_api.state import Order
from shared.events import Event, OrderConfirmed, Timestamp


def confirm(_command: ConfirmOrder, order: Order, now: Timestamp) -> Sequence[Event]:
    """Confirm a placed order."""
    if order.status in ("confirmed", "completed"):
        return []
    if order.status != "placed":
        raise OrderNotPlaced(f"Order {order.order_id} is {_in_words(order)}; only a placed order can be confirmed.")
    return [OrderConfirmed(confirmed_at=now)]


def _in_words(order: Order) -> str:
    return "a draft" if order.status == "draft" else order.status
