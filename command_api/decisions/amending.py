"""Amend: what was ordered, what it costs, where it goes; one action after the other, all of them or none."""

from collections.abc import Callable, Sequence
from typing import Any

from command_api.amendments import (
    Action,
    AddLine,
    AmendOrder,
    ChangePrice,
    ChangeQuantity,
    RemoveLine,
    SetBillingAddress,
    SetContact,
    SetShipping,
    SetShippingAddress,
)
from command_api.decisions.amending_lines import add_line, change_price, change_quantity, remove_line
from command_api.decisions.amending_parts import Amendment, check_amendable, here, invalid
from command_api.decisions.ids import free_ids
from command_api.evolve import evolve
from command_api.field_errors import moved
from command_api.refusals import (
    AmountOutOfRange,
    ContactMissing,
    OrderNotAmendable,
    OrderRefused,
    ShipmentInProgress,
)
from command_api.state import Order
from shared.events import (
    BillingAddressChanged,
    ContactChanged,
    Event,
    ShippingAddressChanged,
    ShippingChargeSet,
    Timestamp,
)
from shared.money import MAX_SUM


def amend(command: AmendOrder, order: Order, _now: Timestamp) -> Sequence[Event]:
    """Do all actions, each on what the ones before have made; the errors of a refusal point at the action."""
    given = {action.line.line_id for action in command.actions if isinstance(action, AddLine)}
    amendment = Amendment(
        reason=command.reason, new_line_ids=free_ids("L", order.lines.keys() | set(order.removed_line_ids) | given)
    )
    events: list[Event] = []
    for i, action in enumerate(command.actions):
        try:
            made = _ACTIONS[type(action)](action, order, amendment)
        except OrderRefused as refusal:
            refusal.errors = moved(refusal.errors, f"#/actions/{i}")
            raise
        for event in made:
            order = evolve(order, event)
            events.append(event)
    if events:
        _check_sums(order)
    return events


def _check_sums(order: Order) -> None:
    subtotals = sum(state.line.subtotal_amount for state in order.lines.values())
    total = sum(state.line.total_amount for state in order.lines.values()) + order.shipping_gross
    if max(subtotals, total, total + order.adjustment_amount) > MAX_SUM:
        raise AmountOutOfRange(
            f"The lines would come to {subtotals}, with discounts, taxes and shipping to {total}; "
            f"sums of an order are at most {MAX_SUM}.",
            limit=MAX_SUM,
        )


def _set_shipping(action: SetShipping, order: Order, amendment: Amendment) -> Sequence[Event]:
    check_amendable(order)
    if order.prices_include_tax and action.tax_amount > action.amount:
        raise invalid("tax_amount", "too_large", f"at most {action.amount}, the price that contains it")
    if (action.amount, action.tax_amount, action.method) == (
        order.shipping_amount,
        order.shipping_tax_amount,
        order.shipping_method,
    ):
        return []
    return [
        ShippingChargeSet(
            shipping_amount=action.amount,
            shipping_tax_amount=action.tax_amount,
            shipping_method=action.method,
            reason=amendment.reason,
        )
    ]


def _set_shipping_address(action: SetShippingAddress, order: Order, amendment: Amendment) -> Sequence[Event]:
    if order.status == "confirmed":
        _check_still_to_be_sent(order)
    else:
        check_amendable(order)
    return [
        ShippingAddressChanged(
            shipping_address_ref=action.shipping_address_ref,
            ship_country=action.ship_country,
            reason=amendment.reason,
        )
    ]


def _check_still_to_be_sent(order: Order) -> None:
    if pending := order.pending_shipments:
        raise ShipmentInProgress(
            f"Shipment {', '.join(pending)} of order {order.order_id} is pending for the address as it is. "
            "Dispatch or cancel it first.",
            here(),
            shipment_ids=pending,
        )
    if not order.requires_shipping or not any(line.open for line in order.lines.values()):
        raise OrderNotAmendable(
            f"Order {order.order_id} is confirmed and has nothing left to send to another address.", here()
        )


def _set_billing_address(action: SetBillingAddress, order: Order, amendment: Amendment) -> Sequence[Event]:
    _check_not_over(order)
    return [BillingAddressChanged(billing_address_ref=action.billing_address_ref, reason=amendment.reason)]


def _set_contact(action: SetContact, order: Order, amendment: Amendment) -> Sequence[Event]:
    _check_not_over(order)
    if order.status != "draft" and order.customer_id is None and not action.has_email:
        raise ContactMissing(
            f"Order {order.order_id} is {order.status} and has no customer_id; its contact needs an email.", here()
        )
    return [ContactChanged(contact_ref=action.contact_ref, has_email=action.has_email, reason=amendment.reason)]


def _check_not_over(order: Order) -> None:
    if order.status in ("completed", "cancelled"):
        raise OrderNotAmendable(
            f"Order {order.order_id} is {order.status}; its address and contact stay as they are.", here()
        )


_ACTIONS: dict[type[Action], Callable[[Any, Order, Amendment], Sequence[Event]]] = {
    AddLine: add_line,
    ChangeQuantity: change_quantity,
    ChangePrice: change_price,
    RemoveLine: remove_line,
    SetShipping: _set_shipping,
    SetShippingAddress: _set_shipping_address,
    SetBillingAddress: _set_billing_address,
    SetContact: _set_contact,
}
