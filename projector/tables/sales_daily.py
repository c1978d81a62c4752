"""Sales by day, channel and currency. Everything books on the day it happened; drafts book nothing.

| on the day of | books |
|---|---|
| placing | order, units, gross, discount, tax, shipping, adjustment |
| each cancellation | units, cancelled; tax, shipping and adjustment as negatives |
| each capture | captured |
| a refund's request | credit; its tax and shipping as negatives (the day its credit lowers what is due) |
| a refund's completion | refunded |

Gross, discount, cancelled, credit and net sales are without tax and shipping, also when prices include tax. A failed
refund books nothing. `adjustment_amount` (imports only) has a column of its own, so that per currency
Σ(net_sales + tax + shipping + adjustment) = Σ(grand_total - credits) holds of the table alone.
"""

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import astuple

from shared.order_document import OrderDocument

NAME = "sales_daily"


class _Day(Struct, gc=False):
    """The measures, in the order of the columns."""

    orders_placed: int = 0
    orders_cancelled: int = 0
    units_placed: int = 0
    units_cancelled: int = 0
    gross_amount: int = 0
    discount_amount: int = 0
    tax_amount: int = 0
    shipping_amount: int = 0
    adjustment_amount: int = 0
    cancelled_amount: int = 0
    captured_amount: int = 0
    refunded_amount: int = 0
    credit_amount: int = 0
    net_sales_amount: int = 0


KEY: tuple[str, ...] = ("day", "channel", "currency")
MEASURES: tuple[str, ...] = _Day.__struct_fields__


def contributions(document: OrderDocument, day_of: Callable[[str], str]) -> dict[tuple[str, ...], tuple[int, ...]]:
    """What one order books, per day."""
    if document.placed_at is None:
        return {}
    placed_on = day_of(document.placed_at)
    days = {placed_on: _placing(document)}

    def on(timestamp: str) -> _Day:
        day = day_of(timestamp)
        booked = days.get(day)
        if booked is None:
            booked = days[day] = _Day()
        return booked

    for payment in document.payments:
        for capture in payment.captures:
            on(capture.occurred_at).captured_amount += capture.amount
    if document.cancelled_at:
        on(document.cancelled_at).orders_cancelled += 1
    _book_cancellations(document, on)
    _book_refunds(document, on)
    for day in days.values():
        day.net_sales_amount = day.gross_amount - day.discount_amount - day.cancelled_amount - day.credit_amount
    channel, currency = document.channel, document.currency
    return {(day, channel, currency): astuple(booked) for day, booked in days.items()}


def _placing(document: OrderDocument) -> _Day:
    totals = document.totals
    contained = document.prices_include_tax
    return _Day(
        orders_placed=1,
        units_placed=document.units.ordered,
        gross_amount=totals.items_subtotal_amount
        - (totals.tax_amount - totals.shipping_tax_amount if contained else 0),
        discount_amount=totals.discount_amount,
        tax_amount=totals.tax_amount,
        shipping_amount=totals.shipping_amount - (totals.shipping_tax_amount if contained else 0),
        adjustment_amount=totals.adjustment_amount,
    )


def _book_cancellations(document: OrderDocument, on: Callable[[str], _Day]) -> None:
    for cancellation in document.cancellations:
        day = on(cancellation.occurred_at)
        day.units_cancelled += cancellation.quantity
        day.cancelled_amount += cancellation.net_amount
        day.tax_amount -= cancellation.tax_amount
        day.shipping_amount -= cancellation.shipping_amount
        day.adjustment_amount -= cancellation.adjustment_amount


def _book_refunds(document: OrderDocument, on: Callable[[str], _Day]) -> None:
    for refund in document.refunds:
        if refund.state == "failed":
            continue
        tax, shipping = refund.credit_tax_amount, refund.credit_shipping_amount
        day = on(refund.requested_at)
        day.credit_amount += refund.credit_amount - tax - shipping
        day.tax_amount -= tax
        day.shipping_amount -= shipping
        if refund.completed_at:
            on(refund.completed_at).refunded_amount += refund.amount
