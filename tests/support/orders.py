"""Orders for tests: requests as the command API makes them, without HTTP."""

from uuid import UUID, uuid4

import uuid_utils

from command_api.commands import (
    CapturePayment,
    ConfirmOrder,
    CreateOrder,
    LineInput,
    PrepareShipment,
    RecordPayment,
)
from command_api.handling import Handling, Request
from shared.event_store import EventStore
from shared.events import Actor, LineQuantity

ACTOR = Actor("service", "tester")


def handling(databases) -> Handling:
    """A command process of its own: its own connections, its own cache, and patience with a busy machine."""
    return Handling(EventStore(databases.events_url, databases.book, connections=8, seconds=30))


def request(order_id: UUID, command, key: str | None = None, **rest) -> Request:
    return Request(
        order_id=order_id, command=command, actor=ACTOR, principal="tester", key=key, fingerprint=f"{command}", **rest
    )


def creation(store: EventStore, key: str | None = None, **fields) -> Request:
    """A placed order of 3 mugs at 19.99 EUR less 6.00, 19 % tax on top: 64.22 EUR."""
    order_id = UUID(bytes=uuid_utils.uuid7().bytes)
    command = {
        "order_id": str(order_id),
        "currency": "EUR",
        "prices_include_tax": False,
        "customer_id": "c-1",
        "shipping_address_ref": str(uuid4()),
        "ship_country": "DE",
        "lines": (
            LineInput(
                sku="MUG-1", name="Mug", quantity=3, unit_price_amount=1999, discount_amount=600, tax_rate="0.19"
            ),
        ),
        "number": store.next_number(),
    } | fields
    return request(order_id, CreateOrder(**command), key, status=201, number_drawn=True)


def confirm(order_id: UUID, key: str | None = None, **rest) -> Request:
    return request(order_id, ConfirmOrder(), key, **rest)


def pay(order_id: UUID, payment_id: str, amount: int, key: str | None = None, *, capture: bool = False) -> Request:
    command = RecordPayment(payment_id=payment_id, amount=amount, currency="EUR", method="card", capture=capture)
    return request(order_id, command, key, status=201)


def capture(order_id: UUID, payment_id: str, capture_id: str, amount: int, key: str | None = None) -> Request:
    return request(
        order_id, CapturePayment(payment_id=payment_id, capture_id=capture_id, amount=amount), key, status=201
    )


def prepare(order_id: UUID, quantity: int, key: str | None = None) -> Request:
    return request(order_id, PrepareShipment(lines=(LineQuantity("L1", quantity),)), key, status=201)
