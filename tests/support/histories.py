"""Histories of orders as the log would give them back, without a log: every event goes through its JSON."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID, uuid5

from msgspec import Raw

from shared.events import (
    Actor,
    Event,
    Line,
    LineQuantity,
    OrderConfirmed,
    OrderCreated,
    OrderImported,
    OrderPlaced,
    PaymentAuthorized,
    PaymentCaptured,
    ShipmentDispatched,
    ShipmentPrepared,
)
from shared.order_document import OrderDocument, fold
from shared.recorded_event import Envelope, RecordedEvent, recorded_event
from tests.support.new_events import new_event

ORDER = UUID("0198d3a2-6c1e-7b44-9d20-3a5f0c9e7b11")
CONTACT = UUID("11111111-1111-4111-8111-111111111111")
ADDRESS = UUID("22222222-2222-4222-8222-222222222222")
VAULT: Mapping[UUID, dict[str, Any]] = {
    CONTACT: {"email": "a@example.org", "name": "Ada"},
    ADDRESS: {"name": "Ada", "line1": "Weg 1", "city": "Bonn", "postal_code": "53111", "country": "DE"},
}


def at(day: int, hour: int = 10) -> str:
    """A time in November 2026."""
    return f"2026-11-{day:02d}T{hour:02d}:00:00.000000Z"


MUGS = Line(
    line_id="L1",
    sku="MUG-1",
    name="Mug",
    quantity=3,
    unit_price_amount=1999,
    subtotal_amount=5997,
    discount_amount=600,
    tax_rate="0.19",
    tax_amount=1025,
    total_amount=6422,
)
"""Vector (a) of domain.md §1.2."""


def created(**changed: Any) -> OrderCreated:
    """The example order of domain.md §4.1; 69.12 EUR."""
    facts = {
        "order_id": str(ORDER),
        "external_id": "shop-77",
        "channel": "web",
        "currency": "EUR",
        "currency_exponent": 2,
        "prices_include_tax": False,
        "customer_id": "c-1",
        "contact_ref": str(CONTACT),
        "shipping_address_ref": str(ADDRESS),
        "ship_country": "DE",
        "lines": (MUGS,),
        "shipping_amount": 490,
        "shipping_method": "standard",
        "tags": ("vip",),
    }
    return OrderCreated(**facts | changed)


def imported(**changed: Any) -> OrderImported:
    """The same order, taken over from another system as placed."""
    plain = created()
    facts = {name: getattr(plain, name) for name in plain.__struct_fields__} | {
        "number": "A-1",
        "status": "placed",
        "grand_total_amount": 6912,
        "created_at": at(1),
        "placed_at": at(2),
    }
    return OrderImported(**facts | changed)


def placed(day: int = 22, grand_total_amount: int = 6912) -> OrderPlaced:
    return OrderPlaced(number="SO-00001042", grand_total_amount=grand_total_amount, placed_at=at(day))


def confirmed(day: int = 22) -> OrderConfirmed:
    return OrderConfirmed(confirmed_at=at(day))


def authorized(amount: int = 6912, payment_id: str = "pi_1") -> PaymentAuthorized:
    return PaymentAuthorized(payment_id=payment_id, amount=amount, method="card", provider="psp")


def captured(amount: int, payment_id: str = "pi_1", capture_id: str = "ch_1") -> PaymentCaptured:
    return PaymentCaptured(payment_id=payment_id, capture_id=capture_id, amount=amount)


def prepared(quantity: int, shipment_id: str = "S1") -> ShipmentPrepared:
    return ShipmentPrepared(
        shipment_id=shipment_id, lines=(LineQuantity("L1", quantity),), carrier="DHL", tracking_number="JD01"
    )


def dispatched(shipment_id: str = "S1") -> ShipmentDispatched:
    return ShipmentDispatched(shipment_id=shipment_id)


def recorded(
    event: Event, version: int, occurred_at: str, order_id: UUID = ORDER, position: int | None = None
) -> RecordedEvent:
    """`event` as read from the log; recorded when it occurred."""
    position = position or version
    envelope = {
        "id": uuid5(order_id, f"event {version}"),
        "occurred_at": occurred_at,
        "actor": Actor("service", "shop"),
        "command_id": uuid5(order_id, f"command {version}"),
    }
    new = new_event(event, envelope)
    return recorded_event(position, order_id, version, new.type, new.schema_version, new.state, occurred_at)


def of_unknown_type(
    version: int, occurred_at: str, order_id: UUID = ORDER, position: int | None = None
) -> RecordedEvent:
    """An event written by newer code."""
    envelope = Envelope(
        id=uuid5(order_id, f"event {version}"),
        occurred_at=occurred_at,
        actor=Actor("service", "shop"),
        command_id=uuid5(order_id, f"command {version}"),
        data=Raw(b'{"parcels":[1,2]}'),
    )
    return RecordedEvent(
        position=position or version,
        stream_id=order_id,
        version=version,
        type="order.split",
        schema_version=1,
        recorded_at=occurred_at,
        envelope=envelope,
        event=None,
    )


def history(*events: Event | tuple[int, Event]) -> list[RecordedEvent]:
    """Events recorded one after another; `(day, event)` moves on to that day of November 2026, the first is the 22nd."""
    day, result = 22, []
    for version, entry in enumerate(events, 1):
        day, event = entry if isinstance(entry, tuple) else (day, entry)
        result.append(recorded(event, version, at(day)))
    return result


def folded(events: Iterable[RecordedEvent], contacts: Mapping[UUID, dict[str, Any]] = VAULT) -> OrderDocument:
    """The document after `events`."""
    document = None
    for event in events:
        document = fold(document, event, contacts)
    assert document is not None
    return document


def document_of(*events: Event | tuple[int, Event]) -> OrderDocument:
    """The document after `history(*events)`."""
    return folded(history(*events))
