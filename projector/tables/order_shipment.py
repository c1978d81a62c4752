"""One row per parcel of an order, to find orders by tracking number."""

from typing import Any

from shared.order_document import OrderDocument

NAME = "order_shipment"
COLUMNS: tuple[str, ...] = (
    "order_id",
    "shipment_id",
    "state",
    "carrier",
    "tracking_number",
    "units",
    "prepared_at",
    "dispatched_at",
    "delivered_at",
)


def rows(document: OrderDocument, _position: int) -> list[tuple[Any, ...]]:
    """The order's parcels, cancelled ones too."""
    return [
        (
            document.order_id,
            shipment.shipment_id,
            shipment.state,
            shipment.carrier,
            shipment.tracking_number,
            sum(line.quantity for line in shipment.lines),
            shipment.prepared_at,
            shipment.dispatched_at,
            shipment.delivered_at,
        )
        for shipment in document.shipments
    ]
