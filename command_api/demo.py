"""`daybook demo`: invented orders in all states, through the same rules as real ones."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import UUID, uuid4

import click
import uuid_utils

from command_api import requests
from command_api.handling import Handling, Request
from command_api.importing import contacts
from command_api.order import Order
from command_api.parsing import Request as Body
from command_api.parsing import parse_value
from command_api.requests import CreateOrderRequest, Resolved
from shared.environment import Place, place_options
from shared.event_store import PATIENCE, EventStore
from shared.events import Actor
from shared.migrate import check

ACTOR = Actor("system", "daybook demo")
CATALOGUE = [
    ("MUG-1", "Mug, enamelled", 1250),
    ("TEE-M", "T-shirt, medium", 2400),
    ("POT-3", "Teapot, 1.2 l", 3990),
    ("LAMP-7", "Desk lamp", 8900),
    ("INK-B", "Ink, blue-black", 690),
    ("BOOK-A5", "Notebook A5", 1490),
]
PEOPLE = ["Ada", "Blaise", "Emmy", "Grace", "Kurt", "Luca", "Mary", "Sofia"]
TOWNS = [("Bonn", "53111", "DE"), ("Lyon", "69001", "FR"), ("Delft", "2611", "NL"), ("Graz", "8010", "AT")]
Wanted = TypeVar("Wanted", bound=Body)

FATES = ["draft", "placed", "confirmed", "cancelled", "authorized", "paid", "refunded", "part", "shipped", "completed"]


@click.command("demo")
@click.option("--orders", default=300, show_default=True, envvar="DAYBOOK_DEMO_ORDERS", show_envvar=True)
@click.option("--seed", default=1, show_default=True, envvar="DAYBOOK_DEMO_SEED", show_envvar=True)
@place_options
def demo_command(orders: int, seed: int, place: Place) -> None:
    """Invent orders of the last 30 days in all states."""
    with place.open() as databases:
        check(databases.events_url, databases.book, "events")
        store: EventStore[Order | None] = EventStore(databases.events_url, databases.book, seconds=PATIENCE)
        try:
            invent(Handling(store), orders, random.Random(seed))  # noqa: S311 -- a demonstration, not a secret
        finally:
            store.close()
    click.echo(f"{orders} orders invented")


def invent(handling: Handling, orders: int, chance: random.Random) -> None:
    """Place `orders` orders and lead each to a fate drawn by `chance`."""
    for _ in range(orders):
        order_id = UUID(bytes=uuid_utils.uuid7().bytes)
        fate = chance.choice(FATES)
        order = parse_value(_order(chance, fate), CreateOrderRequest, handling.now())
        opening = requests.resolve_create(order, order_id, handling.store.next_number, uuid4)
        _send(handling, order_id, opening, order.customer.customer_id if order.customer else None)
        known = handling.store.known(order_id)
        if known is None or known.state is None or fate in {"draft", "placed"}:
            continue
        for step in _steps(fate, known.state, chance):
            _send(handling, order_id, step)


def _send(handling: Handling, order_id: UUID, resolved: Resolved, customer_id: str | None = None) -> None:
    handling.handle(
        Request(
            order_id=order_id,
            command=resolved.command,
            contacts=contacts(resolved, order_id, customer_id),
            actor=ACTOR,
            principal=ACTOR.id,
            number_drawn=True,
        )
    )


def _order(chance: random.Random, fate: str) -> dict[str, object]:
    person = chance.choice(PEOPLE)
    customer = f"{person.lower()}-{chance.randrange(1, 9)}"
    town, code, country = chance.choice(TOWNS)
    placed_at = datetime.now(UTC) - timedelta(minutes=chance.randrange(5, 30 * 24 * 60))
    articles = chance.sample(CATALOGUE, chance.choice([1, 1, 2, 3]))
    return {
        "channel": chance.choice(["web", "web", "pos", "marketplace"]),
        "currency": chance.choice(["EUR", "EUR", "EUR", "GBP"]),
        "prices_include_tax": False,
        "customer": {"customer_id": customer, "email": f"{customer}@example.org", "name": person},
        "shipping_address": {
            "name": person,
            "line1": f"Weg {chance.randrange(1, 99)}",
            "city": town,
            "postal_code": code,
            "country": country,
        },
        "shipping": {"amount": chance.choice([0, 490, 990]), "method": "standard"},
        "lines": [
            {
                "sku": sku,
                "name": name,
                "quantity": chance.randrange(1, 5),
                "unit_price_amount": price,
                "discount_amount": chance.choice([0, 0, 0, price // 10]),
                "tax_rate": "0.19",
            }
            for sku, name, price in articles
        ],
        "tags": chance.choice([[], [], ["vip"], ["gift"]]),
        **({"status": "draft"} if fate == "draft" else {"placed_at": placed_at.isoformat()}),
    }


def _steps(fate: str, order: Order, chance: random.Random) -> Iterator[Resolved]:
    """The commands that lead a placed `order` to its `fate`."""
    total = order.grand_total
    payment: dict[str, object] = {
        "payment_id": f"pi_{chance.randrange(10**9):09d}",
        "currency": order.currency,
        "method": "card",
    }
    payment |= {"amount": total, "provider": "demo-psp"}
    units: list[dict[str, object]] = [
        {"line_id": line_id, "quantity": it.line.quantity} for line_id, it in order.lines.items()
    ]
    if fate == "cancelled":
        yield _resolved(requests.CancelOrderRequest, requests.resolve_cancel, {"reason": "customer"})
        return
    if fate == "refunded":
        yield _resolved(requests.PaymentRequest, requests.resolve_payment, payment | {"capture": True})
        yield _resolved(requests.CancelOrderRequest, requests.resolve_cancel, {"reason": "inventory"})
        return
    yield requests.resolve_confirm(requests.EmptyRequest())
    if fate in {"authorized", "paid", "part", "shipped", "completed"}:
        yield _resolved(requests.PaymentRequest, requests.resolve_payment, payment | {"capture": fate != "authorized"})
    if fate == "part":
        units = [units[0] | {"quantity": 1}]
    if fate in {"part", "shipped", "completed"}:
        parcel: dict[str, object] = {"shipment_id": "S1", "lines": units, "carrier": "DHL", "dispatch": True}
        yield _resolved(requests.ShipmentRequest, requests.resolve_shipment, parcel)
    if fate == "completed":
        yield requests.resolve_delivery(requests.DeliveryRequest(), "S1")


def _resolved(type_: type[Wanted], resolve: Callable[[Wanted], Resolved], value: dict[str, object]) -> Resolved:
    return resolve(parse_value(value, type_, "9999-12-31T00:00:00.000000Z"))
