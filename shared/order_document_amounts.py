"""How amounts of an order document split: a cancellation's into net, tax and shipping, and a credit's likewise.

Stored amounts are divided, never computed anew: shares are those of `domain.md` §1.2. In a document `net` and
`shipping` are without tax, also when prices include it, so that net + tax + shipping + adjustment = total.
"""

from collections.abc import Iterable
from typing import NamedTuple

from shared.events import CancelReason, ImportedRefund, RefundRequested
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
    totals.grand_total_amount -= sum(cancellation.total_amount for cancellation in taken_off)
    document.cancellations += taken_off
    waive_charges(document, reason, occurred_at)


def waive_charges(document: OrderDocument, reason: CancelReason | None, occurred_at: str) -> None:
    """Take off the shipping charge and the adjustment, unless a unit is left or they have been taken off."""
    totals = document.totals
    charges = shipping_gross(totals, prices_include_tax=document.prices_include_tax)
    if document.units.cancelled != document.units.ordered or not (charges or totals.adjustment_amount):
        return
    if any(cancellation.line_id is None for cancellation in document.cancellations):
        return
    tax, adjustment = totals.shipping_tax_amount, totals.adjustment_amount
    waived = Cancellation(None, 0, 0, tax, charges - tax, adjustment, charges + adjustment, reason, occurred_at)
    totals.grand_total_amount -= waived.total_amount
    document.cancellations.append(waived)


def restore_charges(document: OrderDocument) -> None:
    """Undo `waive_charges`."""
    for cancellation in document.cancellations:
        if cancellation.line_id is None:
            document.totals.grand_total_amount += cancellation.total_amount
            document.cancellations.remove(cancellation)
            return


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


class CreditShares(NamedTuple):
    """What a refund's credit consists of; the rest of it is goodwill, without tax. `lines`: without tax, in order."""

    tax: int
    shipping: int
    lines: list[int]


def credit_shares(document: OrderDocument, refund: RefundRequested | ImportedRefund) -> CreditShares:
    """The tax, the shipping (without tax) and the parts of lines (without tax) in a refund's credit.

    Each refunded line and the shipping bring the share of tax they were sold with; what names no line (goodwill)
    that of all lines together. The credit takes the same share of everything as it is of the refund.
    """
    credit = refund.credit_amount
    if not credit:
        return CreditShares(0, 0, [0] * len(refund.lines))
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
    taxes = [share(tax, amount, total) if total else 0 for amount, tax, total in parts]
    tax = share(shipping_tax + sum(taxes), credit, refund.amount)
    shipping = share(refund.shipping_amount - shipping_tax, credit, refund.amount)
    nets = [amount - tax for (amount, _, _), tax in zip(parts, taxes, strict=True)]
    return CreditShares(tax, shipping, _apportioned(credit - tax - shipping, nets)[:-1])


def _apportioned(amount: int, parts: list[int]) -> list[int]:
    """`amount` in proportion to `parts`, rounded so that nothing is left over."""
    whole = sum(parts)
    if not whole:
        return [0] * len(parts)
    result, reached, given = [], 0, 0
    for part in parts:
        reached += part
        upto = share(amount, reached, whole)
        result.append(upto - given)
        given = upto
    return result
