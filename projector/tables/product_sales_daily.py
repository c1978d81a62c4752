"""Sales by day, SKU, channel and currency. Everything books on the day it happened; drafts book nothing.

| on the day of | books |
|---|---|
| placing | order (once per SKU), units, gross, discount |
| each cancellation | units cancelled; net |
| a parcel's dispatch | units shipped |
| a return's receipt | units returned |
| a refund's request | the credit of the lines it names, off net |
| a refund's completion | refunded: the amounts of the lines it names |

Gross, discount and net are without tax, also when prices include tax; `refunded_amount` is the money that went back.
Net is gross less discount, cancellations and credits, as in `sales_daily`, but for goodwill, which names no line.
"""

from collections.abc import Callable

from shared.order_document import OrderDocument

NAME = "product_sales_daily"
KEY: tuple[str, ...] = ("day", "sku", "channel", "currency")
MEASURES: tuple[str, ...] = (
    "orders",
    "units_placed",
    "units_cancelled",
    "units_shipped",
    "units_returned",
    "gross_amount",
    "discount_amount",
    "net_amount",
    "refunded_amount",
)
_, _PLACED, _CANCELLED, _SHIPPED, _RETURNED, _GROSS, _DISCOUNT, _NET, _REFUNDED = range(len(MEASURES))

Books = dict[tuple[str, str], list[int]]


def contributions(document: OrderDocument, day_of: Callable[[str], str]) -> dict[tuple[str, ...], tuple[int, ...]]:
    """What one order books, per day and SKU."""
    if document.placed_at is None:
        return {}
    books: Books = {}

    def on(day: str, sku: str) -> list[int]:
        booked = books.get((day, sku))
        if booked is None:
            booked = books[day, sku] = [0] * len(MEASURES)
        return booked

    placed_on = day_of(document.placed_at)
    contained = document.prices_include_tax
    for line in document.lines:
        gross, discount = line.subtotal_amount, line.discount_amount
        if contained:
            gross -= line.tax_amount
        booked = books.get((placed_on, line.sku))
        if booked is None:  # nearly always: as it will stand, without a call
            books[placed_on, line.sku] = [1, line.quantity, 0, 0, 0, gross, discount, gross - discount, 0]
        else:
            booked[_PLACED] += line.quantity
            booked[_GROSS] += gross
            booked[_DISCOUNT] += discount
            booked[_NET] += gross - discount
    if document.cancellations or document.shipments or document.returns:
        _book_units(document, day_of, on)
    if document.refunds:
        _book_refunds(document, day_of, on)
    channel, currency = document.channel, document.currency
    return {(day, sku, channel, currency): tuple(booked) for (day, sku), booked in books.items()}


def _book_units(document: OrderDocument, day_of: Callable[[str], str], on: Callable[[str, str], list[int]]) -> None:
    skus = {line.line_id: line.sku for line in document.lines}
    for cancellation in document.cancellations:
        if cancellation.line_id is not None:
            booked = on(day_of(cancellation.occurred_at), skus[cancellation.line_id])
            booked[_CANCELLED] += cancellation.quantity
            booked[_NET] -= cancellation.net_amount
    for shipment in document.shipments:
        if shipment.dispatched_at:
            day = day_of(shipment.dispatched_at)
            for part in shipment.lines:
                on(day, skus[part.line_id])[_SHIPPED] += part.quantity
    for back in document.returns:
        for receipt in back.receipts:
            on(day_of(receipt.occurred_at), skus[receipt.line_id])[_RETURNED] += receipt.quantity


def _book_refunds(document: OrderDocument, day_of: Callable[[str], str], on: Callable[[str, str], list[int]]) -> None:
    for refund in document.refunds:
        if refund.state == "failed":
            continue
        for line in refund.lines:
            on(day_of(refund.requested_at), line.sku)[_NET] -= line.credit_net_amount
            if refund.completed_at:
                on(day_of(refund.completed_at), line.sku)[_REFUNDED] += line.amount
