"""What is derived from a document's sums and quantities: balances (`domain.md` §1.2), labels (§1.4), attention (§3.1).

The first rule that matches wins. The sums themselves are in the document, so nobody has to parse a label.
"""

from shared.order_document_parts import Attention, AttentionKind
from shared.order_document_shape import (
    FulfillmentStatus,
    OrderDocument,
    PaymentStatus,
    PaymentSums,
    ReturnStatus,
    Units,
)


def settle(document: OrderDocument, occurred_at: str) -> None:
    """Bring everything derived up to date with the sums that an event has changed."""
    payment = document.payment
    due = document.totals.grand_total_amount
    if document.refunds:
        due -= sum(refund.credit_amount for refund in document.refunds if refund.state != "failed")
    due = max(due, 0)
    balance = due - (payment.captured_amount - payment.refunded_amount - payment.refund_pending_amount)
    payment.due_amount = due
    payment.outstanding_amount = max(balance, 0)
    payment.overpaid_amount = max(-balance, 0)
    payment.open_authorized_amount = payment.authorized_amount - payment.captured_amount - payment.voided_amount
    document.payment_status = payment_status(payment)
    document.fulfillment_status = fulfillment_status(document.units, requires_shipping=document.requires_shipping)
    document.return_status = return_status(document.units, requires_shipping=document.requires_shipping)
    document.attention = attention(document, occurred_at)


def payment_status(payment: PaymentSums) -> PaymentStatus:
    """How far the order is paid."""
    due, captured, refunded = payment.due_amount, payment.captured_amount, payment.refunded_amount
    if not (due or captured or payment.authorized_amount):
        return "not_required"
    if refunded:
        return "refunded" if refunded == captured else "partially_refunded"
    if captured:
        return "paid" if captured >= due else "partially_paid"
    if payment.open_authorized_amount:
        return "authorized" if payment.open_authorized_amount >= due else "partially_authorized"
    return "voided" if payment.voided_amount else "unpaid"


def fulfillment_status(units: Units, *, requires_shipping: bool) -> FulfillmentStatus:
    """How far the order is on its way; delivered units count as shipped too."""
    needed = units.ordered - units.cancelled
    if not (needed and requires_shipping):
        return "not_required"
    if units.delivered:
        return "delivered" if units.delivered == needed else "partially_delivered"
    if units.shipped:
        return "shipped" if units.shipped == needed else "partially_shipped"
    return "unfulfilled"


def return_status(units: Units, *, requires_shipping: bool) -> ReturnStatus:
    """How far goods have come back. What is not shipped is with the customer once confirmed."""
    if units.returned:
        there = units.shipped if requires_shipping else units.ordered - units.cancelled
        return "returned" if units.returned == there else "partially_returned"
    return "requested" if units.return_requested else "none"


def attention(document: OrderDocument, occurred_at: str) -> list[Attention]:
    """Why staff should look at the order; what is new in it began at `occurred_at`.

    Money beyond what is due is `refund_due` on a cancelled order, else `overpaid`. What is still authorised on a
    cancelled order is `void_due`. A refund that failed is `refund_failed` until another one is requested. A payment
    that failed is `payment_failed` while money is missing and none was reserved (or, if that failed, captured) since.
    A total declared by an import that its lines do not add up to is `import_adjusted`.
    """
    kinds = _attention(document)
    if not kinds:
        return []
    since = {item.kind: item.since for item in document.attention}
    return [Attention(kind, since.get(kind, occurred_at), amount, detail) for kind, amount, detail in kinds]


def _attention(document: OrderDocument) -> list[tuple[AttentionKind, int, str]]:
    payment = document.payment
    cancelled = document.status == "cancelled"
    found: list[tuple[AttentionKind, int, str]] = []
    if payment.overpaid_amount:
        if cancelled:
            found.append(("refund_due", payment.overpaid_amount, "cancelled with captured money"))
        else:
            found.append(("overpaid", payment.overpaid_amount, "more captured than is due"))
    if cancelled and payment.open_authorized_amount:
        found.append(("void_due", payment.open_authorized_amount, "cancelled with an open authorization"))
    if document.refunds:
        failed = [refund for refund in document.refunds if refund.state == "failed" and not refund.retried]
        if failed:
            detail = "; ".join(f"{refund.refund_id}: {refund.failure}" for refund in failed)
            found.append(("refund_failed", sum(refund.amount for refund in failed), detail))
    if payment.outstanding_amount and not cancelled and document.payments:
        declined = [
            f"{one.payment_id}: {failure.code} ({failure.stage})"
            for one in document.payments
            for failure in one.failures
            if not failure.overcome
        ]
        if declined:
            found.append(("payment_failed", payment.outstanding_amount, "; ".join(declined)))
    if document.totals.adjustment_amount:
        adjustment = document.totals.adjustment_amount
        found.append(("import_adjusted", adjustment, "declared total differs from that of the lines"))
    return found
