"""How amounts of an order document split: a cancellation's into net, tax and shipping, and a credit's likewise.

Stored amounts are divided, never computed anew: shares are those of `domain.md` §1.2. In a document `net` and
`shipping` are without tax, also when prices include it, so that net + tax + shipping + adjustment = total.
"""

from collections.abc import Iterable

from shared.events import CancelReason, RefundRequested
from shared.money import share
from shared.order_document_shape import Cancellation, DocumentLine, OrderDocument, Totals


def cancel_open_units(document: OrderDocument, reason: CancelReason | None, occurred_at: str) -> None:
    """Cancel whatever is neither cancelled nor in a shipment."""
    cancel_units(document, [(line, line.open) for line in document.lines if line.open], reason, occurred_at)


def cancel_units(
    document: OrderDocument,
    quantities: Iterable[tuple[DocumentLine, int]],
    reason: CancelReason | None,
    occurred_at: str,
) -> None:
    """Cancel so many open units of each line; with the last unit the shipping charge and the adjustment fall too."""
    units, totals = document.units, document.totals
    taken_off = [_cancel(document, line, quantity, reason, occurred_at) for line, quantity in quantities]
    cancelled = sum(cancellation.quantity for cancellation in taken_off)
    units.open -= cancelled
    units.cancelled += cancelled
    charges = shipping_gross(totals, prices_include_tax=document.prices_include_tax)
    if units.cancelled == units.ordered and (charges or totals.adjustment_amount):
        tax, adjustment = totals.shipping_tax_amount, totals.adjustment_amount
        taken_off.append(
            Cancellation(None, 0, 0, tax, charges - tax, adjustment, charges + adjustment, reason, occurred_at)
        )
    totals.grand_total_amount -= sum(cancellation.total_amount for cancellation in taken_off)
    document.cancellations += taken_off


def _cancel(
    document: OrderDocument, line: DocumentLine, quantity: int, reason: CancelReason | None, occurred_at: str
) -> Cancellation:
    before, after, ordered = line.cancelled, line.cancelled + quantity, line.quantity
    price = line.subtotal_amount - line.discount_amount
    net = share(price, after, ordered) - share(price, before, ordered)
    tax = share(line.tax_amount, after, ordered) - share(line.tax_amount, before, ordered)
    if document.prices_include_tax:
        net -= tax
    line.open -= quantity
    line.cancelled = after
    line.current_total_amount -= net + tax
    return Cancellation(line.line_id, quantity, net, tax, 0, 0, net + tax, reason, occurred_at)


def shipping_gross(totals: Totals, *, prices_include_tax: bool) -> int:
    """The shipping charge with its tax."""
    return totals.shipping_amount + (0 if prices_include_tax else totals.shipping_tax_amount)


def credit_shares(document: OrderDocument, refund: RefundRequested) -> tuple[int, int]:
    """The tax and the shipping (without tax) in a refund's credit.

    Each refunded line and the shipping bring the share of tax they were sold with; what names no line (goodwill)
    that of all lines together. The credit takes the same share of everything as it is of the refund.
    """
    if not refund.credit_amount:
        return 0, 0
    lines = {line.line_id: line for line in document.lines}
    parts = [(part.amount, lines[part.line_id].tax_amount, lines[part.line_id].total_amount) for part in refund.lines]
    totals = document.totals
    goodwill = refund.amount - refund.shipping_amount - sum(part.amount for part in refund.lines)
    parts.append(
        (
            goodwill,
            totals.tax_amount - totals.shipping_tax_amount,
            sum(line.total_amount for line in document.lines),
        )
    )
    gross = shipping_gross(totals, prices_include_tax=document.prices_include_tax)
    shipping_tax = share(totals.shipping_tax_amount, refund.shipping_amount, gross) if gross else 0
    tax = shipping_tax + sum(share(tax, amount, total) for amount, tax, total in parts if total)
    return (
        share(tax, refund.credit_amount, refund.amount),
        share(refund.shipping_amount - shipping_tax, refund.credit_amount, refund.amount),
    )
