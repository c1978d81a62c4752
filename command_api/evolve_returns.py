"""What goes back: what refunds and returns make of an order. As `command_api.evolve`: nothing checks or raises."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from command_api.state import LineState, Order, PaymentState, RefundState, ReturnState
from shared.events import (
    Event,
    ImportedRefund,
    ImportedRefundLine,
    ImportedReturn,
    OrderImported,
    ReceivedLine,
    RefundCompleted,
    RefundFailed,
    RefundLine,
    RefundRequested,
    ReturnLine,
    ReturnReceived,
    ReturnRejected,
    ReturnRequested,
)


def with_imported_past(order: Order, event: OrderImported) -> Order:
    """The `order` that a snapshot has made so far, with its refunds and returns; `event_count` stays."""
    payments, lines = dict(order.payments), order.lines
    for refund in event.refunds:
        payment = payments[refund.payment_id]
        payments[refund.payment_id] = replace(payment, refunded=payment.refunded + refund.amount)
        lines = _moved(lines, _units(refund.lines), refunded=1)
    for past in event.returns:
        received = {line.line_id: line.received for line in past.lines}
        lines = _moved(lines, received, returned=1)
        lines = _moved(lines, _imported_return(past).expected, return_requested=1)
    return replace(
        order,
        payments=payments,
        lines=lines,
        refunds={refund.refund_id: _imported_refund(refund) for refund in event.refunds},
        returns={past.return_id: _imported_return(past) for past in event.returns},
    )


def _imported_refund(refund: ImportedRefund) -> RefundState:
    request = RefundRequested(
        refund_id=refund.refund_id,
        payment_id=refund.payment_id,
        amount=refund.amount,
        credit_amount=refund.credit_amount,
        reason=refund.reason,
        lines=tuple(
            RefundLine(line_id=line.line_id, quantity=line.quantity, amount=line.amount) for line in refund.lines
        ),
        shipping_amount=refund.shipping_amount,
        return_id=refund.return_id,
    )
    return RefundState(request=request, state="completed")


def _imported_return(past: ImportedReturn) -> ReturnState:
    lines = tuple(ReturnLine(line_id=line.line_id, quantity=line.quantity, reason=line.reason) for line in past.lines)
    return ReturnState(
        request=ReturnRequested(return_id=past.return_id, lines=lines),
        received={line.line_id: line.received for line in past.lines if line.received},
        rejected=past.rejected,
    )


def _completed(order: Order, event: RefundCompleted) -> Order:
    refund = order.refunds[event.refund_id]
    payment = order.payments[refund.request.payment_id]
    payment = replace(
        payment,
        refund_pending=payment.refund_pending - refund.request.amount,
        refunded=payment.refunded + refund.request.amount,
    )
    return _ended(order, payment, replace(refund, state="completed", outcome=event), order.lines)


def _failed(order: Order, event: RefundFailed) -> Order:
    refund = order.refunds[event.refund_id]
    payment = order.payments[refund.request.payment_id]
    payment = replace(payment, refund_pending=payment.refund_pending - refund.request.amount)
    lines = _moved(order.lines, _units(refund.request.lines), refunded=-1)
    return _ended(order, payment, replace(refund, state="failed", outcome=event), lines)


def _ended(order: Order, payment: PaymentState, refund: RefundState, lines: dict[str, LineState]) -> Order:
    return order.after(
        lines=lines,
        payments=order.payments | {payment.authorization.payment_id: payment},
        refunds=order.refunds | {refund.request.refund_id: refund},
    )


def _requested(order: Order, event: ReturnRequested) -> Order:
    return order.after(
        lines=_moved(order.lines, _units(event.lines), return_requested=1),
        returns=order.returns | {event.return_id: ReturnState(request=event)},
    )


def _received(order: Order, event: ReturnReceived) -> Order:
    it = order.returns[event.return_id]
    back = _units(event.lines)
    return order.after(
        lines=_moved(order.lines, back, return_requested=-1, returned=1),
        returns=order.returns | {event.return_id: replace(it, received=dict(Counter(it.received) + back))},
    )


def _rejected(order: Order, event: ReturnRejected) -> Order:
    it = order.returns[event.return_id]
    return order.after(
        lines=_moved(order.lines, it.expected, return_requested=-1),
        returns=order.returns | {event.return_id: replace(it, rejected=True)},
    )


def _units(items: Iterable[RefundLine | ImportedRefundLine | ReturnLine | ReceivedLine]) -> Counter[str]:
    """Units by line; a line may occur more than once."""
    units = Counter[str]()
    for item in items:
        units[item.line_id] += item.quantity
    return units


def _moved(lines: Mapping[str, LineState], units: Mapping[str, int], **signs: int) -> dict[str, LineState]:
    """`lines`, with `units` added to each field named in `signs`, or taken away.

    A line may be gone: of a placed order it can be removed, refunded or not.
    """
    changed = dict(lines)
    for line_id, quantity in units.items():
        if (line := changed.get(line_id)) is None:
            continue
        changes: dict[str, Any] = {name: getattr(line, name) + sign * quantity for name, sign in signs.items()}
        changed[line_id] = replace(line, **changes)
    return changed


CHANGES: dict[type[Event], Callable[[Order, Any], Order]] = {
    RefundCompleted: _completed,
    RefundFailed: _failed,
    ReturnRequested: _requested,
    ReturnReceived: _received,
    ReturnRejected: _rejected,
}
