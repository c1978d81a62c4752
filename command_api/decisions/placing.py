"""Place: the customer means it."""

from collections.abc import Sequence

from command_api.commands import PlaceOrder
from command_api.refusals import ContactMissing, OrderEmpty, OrderNotDraft, ShippingAddressMissing
from command_api.state import Order
from shared.events import Event, OrderPlaced, Timestamp


def place(command: PlaceOrder, order: Order, now: Timestamp) -> Sequence[Event]:
    """Place a draft."""
    if order.status == "cancelled":
        raise OrderNotDraft(f"Order {order.order_id} is cancelled; only a draft can be placed.")
    if order.status != "draft":
        return []
    return [placed(order, command.number, now)]


def placed(draft: Order, number: str | None, at: Timestamp) -> OrderPlaced:
    """The event of placing, if `draft` has all that a placed order needs."""
    if number is None:
        raise ValueError(f"order {draft.order_id} is to be placed without a number: resolve the command first")
    if not draft.lines:
        raise OrderEmpty(f"Order {draft.order_id} has no lines; a placed order needs at least one.")
    if not draft.has_contact:
        raise ContactMissing(f"Order {draft.order_id} has neither a customer_id nor an email; it needs one of them.")
    if draft.requires_shipping and draft.shipping_address_ref is None:
        raise ShippingAddressMissing(
            f"Order {draft.order_id} requires shipping and has no shipping address. "
            "Give one, or create the order with requires_shipping false."
        )
    return OrderPlaced(number=number, grand_total_amount=draft.grand_total, placed_at=at)
