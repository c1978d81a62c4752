"""Parcels."""

from typing import ClassVar

from shared.events.vocabulary import Event, LineQuantity


class ShipmentPrepared(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Units are set aside for a parcel."""

    type: ClassVar[str] = "shipment.prepared"
    shipment_id: str
    lines: tuple[LineQuantity, ...]
    location: str | None = None
    ship_to_ref: str | None = None
    carrier: str | None = None
    service: str | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None


class ShipmentDispatched(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The parcel has left."""

    type: ClassVar[str] = "shipment.dispatched"
    shipment_id: str
    carrier: str | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None


class ShipmentDelivered(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The parcel has arrived."""

    type: ClassVar[str] = "shipment.delivered"
    shipment_id: str


class ShipmentTrackingChanged(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Carrier and tracking as they are from now on: all three, None where there is none."""

    type: ClassVar[str] = "shipment.tracking_changed"
    shipment_id: str
    carrier: str | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None


class ShipmentCancelled(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The parcel will not go; its units are open again."""

    type: ClassVar[str] = "shipment.cancelled"
    shipment_id: str
    reason: str
