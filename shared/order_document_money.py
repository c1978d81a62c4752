"""Money that did not come, will not come, or goes back: failures, voids and refunds in an order document."""

from collections.abc import Callable, Iterable
from typing import Any

from shared.events import (
    Event,
    ImportedRefund,
    ImportedRefundLine,
    PaymentFailed,
    PaymentVoided,
    RefundCompleted,
    RefundFailed,
    RefundLine,
    RefundRequested,
)
from shared.order_document_amounts import credit_shares
from shared.order_document_parts import Failure
from shared.order_document_shape import OrderDocument, Payment, Refund, RefundedLine


def payment_of(document: OrderDocument, payment_id: str) -> Payment:
    """The payment with that id."""
    for payment in document.payments:
        if payment.payment_id == payment_id:
            return payment
    raise KeyError(f"payment {payment_id}")


def overcome(document: OrderDocument, *stages: str) -> None:
    """Money has been reserved, or has come in, after all: earlier failures at these stages need no attention."""
    for payment in document.payments:
        for failure in payment.failures:
            if failure.stage in stages:
                failure.overcome = True


def add_refund(document: OrderDocument, fact: RefundRequested | ImportedRefund, requested_at: str) -> Refund:
    """Money on its way back. It is a new attempt at whatever failed to go back before."""
    credit = credit_shares(document, fact)
    for earlier in document.refunds:
        earlier.retried = earlier.state == "failed"
    refund = Refund(
        refund_id=fact.refund_id,
        payment_id=fact.payment_id,
        state="pending",
        amount=fact.amount,
        credit_amount=fact.credit_amount,
        credit_tax_amount=credit.tax,
        credit_shipping_amount=credit.shipping,
        reason=fact.reason,
        lines=_lines(document, fact.lines, credit.lines),
        shipping_amount=fact.shipping_amount,
        return_id=fact.return_id,
        requested_at=requested_at,
        completed_at=None,
        failed_at=None,
        failure=None,
        retried=False,
        provider_reference=None,
        note=fact.note if isinstance(fact, RefundRequested) else None,
    )
    document.refunds.append(refund)
    document.payment.refund_pending_amount += fact.amount
    return refund


def _lines(
    document: OrderDocument, parts: Iterable[RefundLine | ImportedRefundLine], credits_: list[int]
) -> list[RefundedLine]:
    skus = {line.line_id: line.sku for line in document.lines}
    return [
        RefundedLine(part.line_id, skus[part.line_id], part.quantity, part.amount, credit)
        for part, credit in zip(parts, credits_, strict=True)
    ]


def complete_refund(document: OrderDocument, refund: Refund, completed_at: str) -> None:
    """The money is back with the customer."""
    refund.state = "completed"
    refund.completed_at = completed_at
    document.payment.refund_pending_amount -= refund.amount
    document.payment.refunded_amount += refund.amount
    payment_of(document, refund.payment_id).refunded_amount += refund.amount
    for part in refund.lines:
        for line in document.lines:
            if line.line_id == part.line_id:
                line.refunded_amount += part.amount


def _requested(document: OrderDocument, event: RefundRequested, occurred_at: str) -> None:
    add_refund(document, event, occurred_at)


def _completed(document: OrderDocument, event: RefundCompleted, occurred_at: str) -> None:
    refund = _pending(document, event.refund_id)
    refund.provider_reference = event.provider_reference
    complete_refund(document, refund, occurred_at)


def _failed(document: OrderDocument, event: RefundFailed, occurred_at: str) -> None:
    refund = _pending(document, event.refund_id)
    refund.state = "failed"
    refund.failed_at = occurred_at
    refund.failure = f"{event.code}: {event.message}" if event.message else event.code
    document.payment.refund_pending_amount -= refund.amount


def _pending(document: OrderDocument, refund_id: str) -> Refund:
    for refund in document.refunds:
        if refund.refund_id == refund_id and refund.state == "pending":
            return refund
    raise KeyError(f"pending refund {refund_id}")


def _payment_failed(document: OrderDocument, event: PaymentFailed, occurred_at: str) -> None:
    failure = Failure(event.failure_id, event.stage, event.code, event.message, occurred_at, overcome=False)
    for payment in document.payments:
        if payment.payment_id == event.payment_id:
            payment.failures.append(failure)
            return
    new_payment(document, event.payment_id).failures.append(failure)


def _voided(document: OrderDocument, event: PaymentVoided, _occurred_at: str) -> None:
    payment_of(document, event.payment_id).voided_amount += event.amount
    document.payment.voided_amount += event.amount


def new_payment(document: OrderDocument, payment_id: str) -> Payment:
    """A payment of which nothing is known yet."""
    payment = Payment(
        payment_id=payment_id,
        method=None,
        provider=None,
        provider_reference=None,
        authorized_amount=0,
        captured_amount=0,
        voided_amount=0,
        refunded_amount=0,
        authorized_at=None,
        expires_at=None,
        captures=[],
        failures=[],
    )
    document.payments.append(payment)
    return payment


MONEY_CHANGES: dict[type[Event], Callable[[OrderDocument, Any, str], None]] = {
    PaymentFailed: _payment_failed,
    PaymentVoided: _voided,
    RefundRequested: _requested,
    RefundCompleted: _completed,
    RefundFailed: _failed,
}
"""Event → what it changes, called with the document, the event and its `occurred_at`."""
