"""One row per line of an order, to find orders by SKU and to see where the units are."""

from typing import Any

from shared.order_document import OrderDocument

NAME = "order_line"
COLUMNS: tuple[str, ...] = (
    "order_id",
    "line_id",
    "line_no",
    "sku",
    "name",
    "quantity",
    "unit_price_amount",
    "discount_amount",
    "tax_rate",
    "tax_amount",
    "total_amount",
    "open",
    "cancelled",
    "allocated",
    "shipped",
    "delivered",
    "return_requested",
    "returned",
    "refunded_amount",
)


def rows(document: OrderDocument, _position: int) -> list[tuple[Any, ...]]:
    """The order's lines, numbered as they stand in it."""
    order_id = document.order_id
    return [
        (
            order_id,
            line.line_id,
            number,
            line.sku,
            line.name,
            line.quantity,
            line.unit_price_amount,
            line.discount_amount,
            line.tax_rate,
            line.tax_amount,
            line.total_amount,
            line.open,
            line.cancelled,
            line.allocated,
            line.shipped,
            line.delivered,
            line.return_requested,
            line.returned,
            line.refunded_amount,
        )
        for number, line in enumerate(document.lines, 1)
    ]
