"""Random orders of every kind that a list can ask for, as commands for the log; and what a list of them must show."""

import random
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import replace

from shared.append_command import Command, Contact
from shared.events import (
    Event,
    LineQuantity,
    OrderCancelled,
    OrderPlaced,
    ReturnLine,
    ReturnRequested,
    ShipmentDelivered,
    ShipmentPrepared,
)
from tests.support.histories import MUGS, authorized, captured, confirmed, created, dispatched, imported
from tests.support.posting import order_command
from tests.support.walk import text_of

START = datetime(2026, 3, 1, tzinfo=UTC)
PEOPLE = (
    {"email": "Ada@Example.org", "name": "Ada Lovelace"},
    {"email": "ada@example.org", "name": "Änne Özdemir"},
    {"email": "soc-1@example.org", "name": 'So "1" %_\\'},
    {"email": "grace@example.org", "name": "GRACE Hopper"},
    {"email": "grace@example.com"},
    {},
)
CHOICES: dict[str, tuple[Any, ...]] = {
    "channel": ("web", "pos", "m-1"),
    "currency": ("EUR", "EUR", "GBP", "JPY"),
    "customer_id": ("c-1", "C-1", "c-2", None),
    "ship_country": ("DE", "AT", "IS", None),
    "tags": ((), (), ("vip",), ("vip", 'a"b'), ("späť",)),
    "shipping_amount": (0, 490, 490, 100_000),
}
SKUS = ("MUG-1", "TEE M", "x%_")
NUMBERS = ("SO-{:08}", "so-{}", "A {}", "Ä{}", "ä{}", "~{}")


def varied(chance: random.Random, number: int, second: int) -> Command:
    """The whole life so far of one order that began at `second`; `number` tells orders apart."""
    order_id = UUID(int=chance.getrandbits(128), version=4)
    contact = UUID(int=chance.getrandbits(128), version=4)
    facts = {name: chance.choice(values) for name, values in CHOICES.items()} | {
        "order_id": str(order_id),
        "external_id": f"shop/{number}" if number % 5 else None,
        "contact_ref": str(contact),
        "shipping_address_ref": None,
        "lines": tuple(
            replace(MUGS, line_id=f"L{place}", sku=sku)
            for place, sku in enumerate(chance.sample(SKUS, chance.randint(1, 2)), 1)
        ),
    }
    begun = text_of(START + timedelta(seconds=second))
    name = chance.choice(NUMBERS).format(number)
    events = list(_life(chance, facts, name, begun))
    person = Contact(
        ref=contact,
        order_id=order_id,
        customer_id=facts["customer_id"],
        kind="contact",
        payload=msgspec.json.encode(chance.choice(PEOPLE)).decode(),
    )
    return msgspec.structs.replace(order_command(order_id, 0, *events, occurred_at=begun), contacts=[person])


def _life(chance: random.Random, facts: dict[str, Any], number: str, begun: str) -> Iterable[Event]:
    total = sum(line.total_amount for line in facts["lines"]) + facts["shipping_amount"]
    if chance.random() < 0.25:
        yield imported(**facts, number=number, grand_total_amount=total, created_at=begun, placed_at=begun)
    else:
        yield created(**facts)
        if chance.random() < 0.2:
            return
        yield OrderPlaced(number=number, grand_total_amount=total, placed_at=begun)
    fate = chance.random()
    if fate < 0.2:
        return
    yield authorized(total)
    if fate < 0.6:
        yield captured(total + (5 if fate > 0.5 else 0))
    if fate < 0.35:
        yield OrderCancelled(reason="customer", reduction_amount=total, previous_status="placed", cancelled_at=begun)
        return
    yield confirmed()
    if fate < 0.5:
        return
    units = tuple(LineQuantity(line.line_id, line.quantity) for line in facts["lines"])
    tracking = chance.choice(("JD 01", "JD 02", None))
    yield ShipmentPrepared(shipment_id="S1", lines=units, carrier="DHL", tracking_number=tracking)
    yield dispatched()
    if fate > 0.7:
        yield ShipmentDelivered(shipment_id="S1")
    if fate > 0.85:
        yield ReturnRequested(return_id="R1", lines=(ReturnLine(line_id="L1", quantity=1, reason="unwanted"),))


Item = dict[str, Any]
"""An order as lists show it, with `skus` and `tracking_numbers`."""


def _begins(item: Item, prefix: str) -> bool:
    texts = (item["number"], item["email"], item["customer_name"])
    return any(text.lower().startswith(prefix.lower()) for text in texts if text)


def _same(name: str) -> Callable[[Item, Any], bool]:
    return lambda item, wanted: item[name] in wanted


MATCHES: dict[str, Callable[[Item, Any], bool]] = {
    **{
        name: _same(name)
        for name in (
            *("status", "payment_status", "fulfillment_status", "return_status", "channel", "ship_country"),
            *("customer_id", "number", "external_id", "currency", "imported"),
        )
    },
    "tag": lambda item, wanted: bool({*item["tags"]} & {*wanted}),
    "attention": lambda item, wanted: bool({*item["attention"]} & {*wanted}),
    "email": lambda item, wanted: bool(item["email"]) and item["email"].lower() == wanted[0].lower(),
    "sku": lambda item, wanted: wanted[0] in item["skus"],
    "tracking_number": lambda item, wanted: wanted[0] in item["tracking_numbers"],
    "total_min": lambda item, wanted: item["grand_total_amount"] >= wanted[0],
    "total_max": lambda item, wanted: item["grand_total_amount"] <= wanted[0],
    "q": lambda item, wanted: _begins(item, wanted[0]),
    **{
        f"{column}_{end}": (
            lambda item, wanted, column=f"{column}_at", first=end == "from": (
                item[column] is not None and (item[column] >= wanted[0]) == first
            )
        )
        for column in ("created", "placed", "updated")
        for end in ("from", "to")
    },
}
"""Filter → whether an order passes it, by one of the values wanted."""

LAST = "\U0010ffff"
KEYS: dict[str, Callable[[Item], Any]] = {
    "created_at": lambda item: item["created_at"],
    "updated_at": lambda item: item["updated_at"],
    "placed_at": lambda item: item["placed_at"] or LAST,
    "grand_total_amount": lambda item: item["grand_total_amount"],
    "number": lambda item: (item["number"] or LAST).lower(),
}


def listed(items: Iterable[Item], filters: dict[str, Any], sort: str) -> list[str]:
    """The ids of the orders that a list must show, by comparing all of them."""
    found = [item for item in items if all(MATCHES[name](item, wanted) for name, wanted in filters.items())]
    key = KEYS[sort.removeprefix("-")]
    ordered = sorted(found, key=lambda item: (key(item), item["order_id"]), reverse=sort.startswith("-"))
    return [item["order_id"] for item in ordered]
