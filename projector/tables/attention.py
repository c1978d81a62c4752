"""Why staff should look at an order: what its document says, and authorizations that will expire.

Whether one expires soon depends on the clock, so its row is there all the time and `since` says when it begins to
matter: queries show rows whose `since` has come.
"""

from datetime import datetime, timedelta
from typing import Any

from shared.money import in_words
from shared.order_document import OrderDocument
from shared.order_document_shape import Payment

NAME = "attention"
COLUMNS: tuple[str, ...] = ("order_id", "kind", "since", "amount", "detail")

WARNING = timedelta(hours=48)
"""So long before it expires an authorization needs attention."""


def rows(document: OrderDocument, _position: int) -> list[tuple[Any, ...]]:
    """The order's rows, one per kind."""
    found: list[tuple[Any, ...]] = [
        (document.order_id, item.kind, item.since, item.amount, item.detail) for item in document.attention
    ]
    if document.status in {"placed", "confirmed"} and document.payment.open_authorized_amount:
        expiring = [payment for payment in document.payments if payment.expires_at and _open(payment)]
        if expiring:
            found.append((document.order_id, "authorization_expiring", *_expiring(document, expiring)))
    return found


def _expiring(document: OrderDocument, payments: list[Payment]) -> tuple[str, int, str]:
    """Of several payments the first to expire says since when."""
    payments = sorted(payments, key=lambda payment: payment.expires_at or "")
    detail = "; ".join(
        f"{payment.payment_id}: {in_words(_open(payment), document.currency, document.currency_exponent)} "
        f"until {payment.expires_at}"
        for payment in payments
    )
    first = datetime.fromisoformat(payments[0].expires_at or "")
    try:
        since = (first - WARNING).isoformat()
    except OverflowError:  # the first days of the calendar
        since = first.isoformat()
    return since, sum(map(_open, payments)), detail


def _open(payment: Payment) -> int:
    return payment.authorized_amount - payment.captured_amount - payment.voided_amount
