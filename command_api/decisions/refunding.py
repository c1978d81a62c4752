"""Refunds, in two phases: asked for, then completed or failed; a failed one leaves no trace in any sum."""

from collections.abc import Sequence

from command_api.commands import CompleteRefund, FailRefund, RefundLineInput, RequestRefund
from command_api.decisions.ids import free_ids
from command_api.decisions.refund_lines import refund_lines, suggested
from command_api.field_errors import field_error
from command_api.refusals import (
    LineNotFound,
    NothingToRefund,
    OrderNotPlaced,
    PaymentNotFound,
    RefundExceedsCaptured,
    RefundNotFound,
    RefundNotPending,
    RefundQuantityExceeded,
    ReturnNotFound,
    duplicate_id,
)
from command_api.state import Order, PaymentState, RefundState
from shared.events import Event, RefundCompleted, RefundFailed, RefundRequested, Timestamp
from shared.money import in_words


def request(command: RequestRefund, order: Order, _now: Timestamp) -> Sequence[Event]:
    """Ask for money back and, with `completed`, record that it is there."""
    refund_id = command.refund_id or next(free_ids("R", order.refunds))
    if (refund := order.refunds.get(refund_id)) is not None:
        return _requested_again(command, refund)
    payment = _payment(command, order)
    if command.return_id is not None and command.return_id not in order.returns:
        raise ReturnNotFound(f"Order {order.order_id} has no return {command.return_id}. Request it first.")
    _check_units(command.lines, order)
    worth = [
        suggested(item, order.lines[item.line_id], prices_include_tax=order.prices_include_tax)
        for item in command.lines
    ]
    lines = refund_lines(command.lines, worth, command.amount, command.shipping_amount)
    amount = command.amount
    if amount is None:
        amount = sum(line.amount for line in lines) + command.shipping_amount
    _check_amount(amount, command.payment_id, payment, order)
    requested = RefundRequested(
        refund_id=refund_id,
        payment_id=command.payment_id,
        amount=amount,
        credit_amount=amount - min(amount, order.overpaid),
        reason=command.reason,
        lines=lines,
        shipping_amount=command.shipping_amount,
        return_id=command.return_id,
        note=command.note,
    )
    return [requested, RefundCompleted(refund_id=refund_id, amount=amount)] if command.completed else [requested]


def complete(command: CompleteRefund, order: Order, _now: Timestamp) -> Sequence[Event]:
    """Record that the money is back with the customer."""
    refund = _refund(command.refund_id, order)
    recorded = refund.outcome.provider_reference if isinstance(refund.outcome, RefundCompleted) else None
    sent = command.provider_reference
    if refund.state == "completed":
        if sent is not None and sent != recorded:
            raise duplicate_id(f"Completion of refund {command.refund_id}", {"provider_reference": (recorded, sent)})
        return []
    _check_pending(command.refund_id, refund)
    return [RefundCompleted(refund_id=command.refund_id, amount=refund.request.amount, provider_reference=sent)]


def fail(command: FailRefund, order: Order, _now: Timestamp) -> Sequence[Event]:
    """Record that the money did not go back; then it is still here, and owed as before."""
    refund = _refund(command.refund_id, order)
    failed = RefundFailed(refund_id=command.refund_id, code=command.code, message=command.message)
    if isinstance(recorded := refund.outcome, RefundFailed):
        differing = {
            name: pair
            for name in ("code", "message")
            if (pair := (getattr(recorded, name), getattr(failed, name)))[0] != pair[1]
        }
        if differing:
            raise duplicate_id(f"Failure of refund {command.refund_id}", differing)
        return []
    _check_pending(command.refund_id, refund)
    return [failed]


def _payment(command: RequestRefund, order: Order) -> PaymentState:
    if order.status == "draft":
        raise OrderNotPlaced(f"Order {order.order_id} is a draft; there is nothing to refund. Place it first.")
    payment = order.payments.get(command.payment_id)
    if payment is None:
        raise PaymentNotFound(f"Order {order.order_id} has no payment {command.payment_id}. Record it first.")
    return payment


def _check_units(items: Sequence[RefundLineInput], order: Order) -> None:
    """Each line exists and has so many units left. The refusal tells about the first that has not, errors about all."""
    errors = []
    excess: RefundLineInput | None = None
    for i, item in enumerate(items):
        line = order.lines.get(item.line_id)
        if line is None:
            raise LineNotFound(
                f"Order {order.order_id} has no line {item.line_id}.",
                [field_error(f"#/lines/{i}/line_id", "not_allowed", "no line of this order")],
            )
        if item.quantity > (left := line.line.quantity - line.refunded):
            errors.append(field_error(f"#/lines/{i}/quantity", "too_large", f"at most {left}"))
            excess = excess or item
    if excess:
        line = order.lines[excess.line_id]
        left = line.line.quantity - line.refunded
        raise RefundQuantityExceeded(
            f"{line.refunded} of {line.line.quantity} units of line {excess.line_id} are refunded already; "
            f"{excess.quantity} more were asked for.",
            errors,
            line_id=excess.line_id,
            refundable_quantity=left,
        )


def _check_amount(amount: int, payment_id: str, payment: PaymentState, order: Order) -> None:
    if amount > payment.refundable:
        left = in_words(payment.refundable, order.currency, order.currency_exponent)
        asked = in_words(amount, order.currency, order.currency_exponent)
        raise RefundExceedsCaptured(
            f"{left} of payment {payment_id} can still be refunded; {asked} were asked for.",
            refundable_amount=payment.refundable,
        )
    if not amount:
        raise NothingToRefund(
            f"The units to be refunded of order {order.order_id} come to nothing. Give an amount.",
            [field_error("#/amount", "required", "the lines and shipping come to 0; a refund is of at least 1")],
        )


def _refund(refund_id: str, order: Order) -> RefundState:
    refund = order.refunds.get(refund_id)
    if refund is None:
        raise RefundNotFound(f"Order {order.order_id} has no refund {refund_id}. Request it first.")
    return refund


def _check_pending(refund_id: str, refund: RefundState) -> None:
    if refund.state != "pending":
        raise RefundNotPending(f"Refund {refund_id} has {refund.state} already.", refund_status=refund.state)


def _requested_again(command: RequestRefund, refund: RefundState) -> Sequence[Event]:
    """Nothing, if all that the command says is on record; amounts that it leaves out, it does not contradict."""
    request = refund.request
    differing: dict[str, tuple[object, object]] = {
        name: (recorded, sent)
        for name in ("payment_id", "reason", "shipping_amount", "return_id", "note")
        if (recorded := getattr(request, name)) != (sent := getattr(command, name))
    }
    if command.amount is not None and command.amount != request.amount:
        differing["amount"] = (request.amount, command.amount)
    amounts = {item.line_id: (item.quantity, item.amount) for item in request.lines}
    sent_lines = {
        item.line_id: (item.quantity, amounts.get(item.line_id, (0, 0))[1] if item.amount is None else item.amount)
        for item in command.lines
    }
    if sent_lines != amounts:
        differing["lines"] = (amounts, sent_lines)
    if command.completed and refund.state != "completed":
        differing["state"] = (refund.state, "completed")
    if differing:
        raise duplicate_id(f"Refund {request.refund_id}", differing)
    return []
