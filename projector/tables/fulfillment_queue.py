"""What the warehouse has to do: confirmed orders with open units, the longest waiting first."""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from shared.order_document import OrderDocument

NAME = "fulfillment_queue"
COLUMNS: tuple[str, ...] = (
    "order_id",
    "number",
    "confirmed_at",
    "state",
    "units_open",
    "lines",
    "ship_country",
    "customer_name",
    "missing_amount",
)


class QueuedLine(Struct, gc=False):
    """A line with open units."""

    line_id: str
    sku: str
    name: str
    open: int


_encode: Callable[[list[QueuedLine]], bytes] = msgspec.json.Encoder().encode


def rows(document: OrderDocument, _position: int) -> list[tuple[Any, ...]]:
    """The order's row, while it is confirmed and has units to send."""
    if document.status != "confirmed" or not document.units.open or not document.requires_shipping:
        return []
    missing = missing_amount(document)
    lines = [QueuedLine(line.line_id, line.sku, line.name, line.open) for line in document.lines if line.open]
    return [
        (
            document.order_id,
            document.number,
            document.confirmed_at or document.placed_at,  # an import may not know when it was confirmed
            _state(document, missing),
            document.units.open,
            _encode(lines).decode(),
            document.ship_country,
            document.customer.name,
            missing,
        )
    ]


def missing_amount(document: OrderDocument) -> int:
    """What must still be paid or authorised before a parcel may leave; nothing when paid on account."""
    if document.payment_terms != "prepaid":
        return 0
    payment = document.payment
    net_paid = payment.captured_amount - payment.refunded_amount - payment.refund_pending_amount
    return max(0, payment.due_amount - net_paid - payment.open_authorized_amount)


def _state(document: OrderDocument, missing: int) -> str:
    if any(shipment.state == "pending" for shipment in document.shipments):
        return "in_progress"
    return "blocked_payment" if missing else "ready"
