"""What a customer's orders come to, per currency. Drafts and guests contribute nothing.

`orders`, `units` and `ordered_amount` are as ordered; `cancelled_orders` are those cancelled as a whole;
`cancelled_amount` is what cancellations took off since; `net_amount` is what the orders are worth now, ordered less
cancelled less the credits of refunds. Money is beside that: `captured_amount` came in, `refunded_amount` went back.
"""

from collections.abc import Callable

from shared.order_document import OrderDocument

NAME = "customer_total"
KEY: tuple[str, ...] = ("customer_id", "currency")
MEASURES: tuple[str, ...] = (
    "orders",
    "cancelled_orders",
    "ordered_amount",
    "cancelled_amount",
    "captured_amount",
    "refunded_amount",
    "net_amount",
    "units",
)


def contributions(document: OrderDocument, _day_of: Callable[[str], str]) -> dict[tuple[str, ...], tuple[int, ...]]:
    """What one order adds to its customer's total."""
    customer_id = document.customer.customer_id
    if customer_id is None or document.placed_at is None:
        return {}
    total = document.totals.grand_total_amount
    cancelled = sum(cancellation.total_amount for cancellation in document.cancellations)
    credit = sum(refund.credit_amount for refund in document.refunds if refund.state != "failed")
    measures = (
        1,
        int(document.status == "cancelled"),
        total + cancelled,
        cancelled,
        document.payment.captured_amount,
        document.payment.refunded_amount,
        total - credit,
        document.units.ordered,
    )
    return {(customer_id, document.currency): measures}
