"""What is derived from a document's sums and quantities: balances (`domain.md` §1.2), labels (§1.4), attention (§3.1).

The first rule that matches wins. The sums themselves are in the document, so nobody has to parse a label.
"""

from shared.order_document_shape import (
    Attention,
    FulfillmentStatus,
    OrderDocument,
    PaymentStatus,
    PaymentSums,
    ReturnStatus,
    Units,
)


def settle(document: OrderDocument) -> None:
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
    document.return_status = return_status(document.units)
    document.attention = attention(document)


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


def return_status(units: Units) -> ReturnStatus:
    """How far goods have come back."""
    if units.returned:
        return "returned" if units.returned == units.shipped else "partially_returned"
    return "requested" if units.return_requested else "none"


def attention(document: OrderDocument) -> list[Attention]:
    """Why staff should look at the order.

    Money beyond what is due is `refund_due` on a cancelled order, else `overpaid`. What is still authorised on a
    cancelled order is `void_due`. A total declared by an import that its lines do not add up to is `import_adjusted`.
    """
    kinds: list[Attention] = []
    cancelled = document.status == "cancelled"
    if document.payment.overpaid_amount:
        kinds.append("refund_due" if cancelled else "overpaid")
    if cancelled and document.payment.open_authorized_amount:
        kinds.append("void_due")
    if document.totals.adjustment_amount:
        kinds.append("import_adjusted")
    return kinds
