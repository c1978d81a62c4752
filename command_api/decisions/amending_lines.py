"""The actions of an amendment that concern lines: add, change, remove. All amounts are computed here, once."""

from collections.abc import Sequence

from msgspec.structs import replace

from command_api.amendments import AddLine, ChangePrice, ChangeQuantity, RemoveLine
from command_api.arithmetic import priced
from command_api.commands import LineInput
from command_api.decisions.amending_parts import Amendment, check_amendable, here, invalid
from command_api.field_errors import field_error
from command_api.fields import MAX_LINES
from command_api.refusals import (
    AmountOutOfRange,
    LimitExceeded,
    LineIdTaken,
    LineNotFound,
    LinePartiallyCancelled,
    OrderWouldBeEmpty,
    RefundQuantityExceeded,
)
from command_api.state import LineState, Order
from shared.events import Event, Line, LineAdded, LineBefore, LineChanged, LineRemoved
from shared.money import MAX_SUM


def add_line(action: AddLine, order: Order, amendment: Amendment) -> Sequence[Event]:
    """One line more, under an id that the order never had."""
    check_amendable(order)
    line_id = action.line.line_id
    if line_id in order.lines or line_id in order.removed_line_ids:
        raise LineIdTaken(
            f"Order {order.order_id} has, or had, a line {line_id}; ids of lines are never used again. "
            "Leave it out or choose another.",
            [field_error("#/line_id", "not_allowed", "taken by another line")],
            line_id=line_id,
        )
    if len(order.lines) >= MAX_LINES:
        raise LimitExceeded(
            f"Order {order.order_id} has {len(order.lines)} lines; it can have {MAX_LINES}.", here(), limit=MAX_LINES
        )
    line = _priced(replace(action.line, line_id=line_id or next(amendment.new_line_ids)), order)
    return [LineAdded(line=line, reason=amendment.reason)]


def change_quantity(action: ChangeQuantity, order: Order, amendment: Amendment) -> Sequence[Event]:
    """More or fewer units at the same price."""
    state = _line(action.line_id, order)
    wanted = _wanted(action, state.line, action.quantity, state.line.unit_price_amount)
    return _changed(wanted, state, order, amendment.reason)


def change_price(action: ChangePrice, order: Order, amendment: Amendment) -> Sequence[Event]:
    """The same units at another price."""
    state = _line(action.line_id, order)
    wanted = _wanted(action, state.line, state.line.quantity, action.unit_price_amount)
    return _changed(wanted, state, order, action.reason or amendment.reason)


def remove_line(action: RemoveLine, order: Order, amendment: Amendment) -> Sequence[Event]:
    """One line less, and none of its units dealt with."""
    state = _line(action.line_id, order)
    _check_untouched(state, 0)
    others = [other for line_id, other in order.lines.items() if line_id != action.line_id]
    if order.status == "placed" and all(other.cancelled == other.line.quantity for other in others):
        raise OrderWouldBeEmpty(
            f"Without line {action.line_id}, nothing of order {order.order_id} is left. Cancel the order instead.",
            here(),
            line_id=action.line_id,
        )
    total = state.line.total_amount
    return [LineRemoved(line_id=action.line_id, removed_total_amount=total, reason=amendment.reason)]


def _line(line_id: str, order: Order) -> LineState:
    check_amendable(order)
    state = order.lines.get(line_id)
    if state is None:
        raise LineNotFound(
            f"Order {order.order_id} has no line {line_id}.",
            [field_error("#/line_id", "not_allowed", "no line of this order")],
        )
    return state


def _wanted(action: ChangeQuantity | ChangePrice, line: Line, quantity: int, unit_price_amount: int) -> LineInput:
    """The line as it is to be. What the action leaves out stays, but the tax: that follows from the rate."""
    discount = line.discount_amount if action.discount_amount is None else action.discount_amount
    subtotal = quantity * unit_price_amount
    if discount > subtotal:
        kept = "" if action.discount_amount is not None else f", and the line's stays {discount} unless it is given"
        raise invalid("discount_amount", "too_large", f"at most {subtotal}: {quantity} x {unit_price_amount}{kept}")
    tax = action.tax_amount
    if tax is None and line.tax_rate is None:
        if (quantity, unit_price_amount, discount) != (line.quantity, line.unit_price_amount, line.discount_amount):
            raise invalid("tax_amount", "required", "the line has no tax_rate to compute its tax from")
        tax = line.tax_amount
    return LineInput(
        line_id=line.line_id,
        sku=line.sku,
        name=line.name,
        quantity=quantity,
        unit_price_amount=unit_price_amount,
        discount_amount=discount,
        discount_code=line.discount_code,
        tax_rate=line.tax_rate,
        tax_amount=tax,
        metadata=line.metadata,
    )


def _changed(wanted: LineInput, state: LineState, order: Order, reason: str | None) -> Sequence[Event]:
    line = _priced(wanted, order)
    if line == state.line:
        return []
    _check_untouched(state, line.quantity)
    return [
        LineChanged(
            line_id=line.line_id,
            quantity=line.quantity,
            unit_price_amount=line.unit_price_amount,
            discount_amount=line.discount_amount,
            tax_rate=line.tax_rate,
            tax_amount=line.tax_amount,
            subtotal_amount=line.subtotal_amount,
            total_amount=line.total_amount,
            reason=reason,
            previous=LineBefore(quantity=state.line.quantity, total_amount=state.line.total_amount),
        )
    ]


def _priced(wanted: LineInput, order: Order) -> Line:
    assert wanted.line_id is not None  # noqa: S101 -- the callers have seen to it
    line = priced(wanted, wanted.line_id, prices_include_tax=order.prices_include_tax)
    net = line.subtotal_amount - line.discount_amount
    if order.prices_include_tax and line.tax_amount > net:
        raise invalid("tax_amount", "too_large", f"at most {net}, the price that contains it")
    largest = max(line.subtotal_amount, line.total_amount)
    if largest > MAX_SUM:
        product = f"{wanted.quantity} x {wanted.unit_price_amount} = {largest}"
        raise AmountOutOfRange(
            f"Line {line.line_id} would come to {largest}; sums of an order are at most {MAX_SUM}.",
            [field_error("#", "too_large", product)],
            limit=MAX_SUM,
        )
    return line


def _check_untouched(state: LineState, quantity: int) -> None:
    """A line with cancelled units keeps its price; one with refunded units keeps those."""
    line_id = state.line.line_id
    if state.cancelled:
        raise LinePartiallyCancelled(
            f"{state.cancelled} units of line {line_id} are cancelled at its price; it can be changed no more. "
            "Cancel further units, or add a line.",
            [field_error("#/line_id", "not_allowed", "has cancelled units")],
            line_id=line_id,
            cancelled_quantity=state.cancelled,
        )
    if state.refunded > quantity:
        raise RefundQuantityExceeded(
            f"{state.refunded} units of line {line_id} are refunded; {quantity} would be left.",
            [field_error("#/line_id", "not_allowed", "has refunded units")],
            line_id=line_id,
            refunded_quantity=state.refunded,
        )
