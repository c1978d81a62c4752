"""Fill a log with invented orders through the real append function: `python -m tests.benchmarks.seed_log URL ORDERS`.

Every order is created and placed; then it is paid for, confirmed, shipped, completed, perhaps sent back in part, or
cancelled, or left where it is (`FATES`): 100,000 orders are about 410,000 events, those of some hundred orders mixed.
Same ORDERS and SEED, same log (but for times and ids).
"""

import random
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
from uuid_utils.compat import uuid7

from shared.append_command import AppendedEvent, Command, Contact
from shared.book import Book
from shared.database import connect
from shared.events import (
    Actor,
    Event,
    Line,
    LineQuantity,
    OrderCancelled,
    OrderCompleted,
    OrderConfirmed,
    OrderCreated,
    OrderPlaced,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentFailed,
    PaymentVoided,
    ReceivedLine,
    RefundCompleted,
    RefundLine,
    RefundRequested,
    ReturnLine,
    ReturnReceived,
    ReturnRequested,
    ShipmentDelivered,
    ShipmentDispatched,
    ShipmentPrepared,
)
from tests.support.new_events import new_event

OPEN_ORDERS = 300
"""So many orders take turns in the log."""

COMMANDS_PER_CALL = 500

FATES = {
    "placed": 42,
    "declined": 3,
    "authorized": 12,
    "cancelled": 8,
    "confirmed": 14,
    "shipped": 10,
    "completed": 7,
    "returned": 4,
}
"""How far orders get, in percent: 2, 3, 3, 5, 4, 7, 9 and 13 events, 4.1 on average."""

SKUS = [(f"SKU-{number:04}", f"Article number {number}", 100 + 37 * number % 9000) for number in range(500)]


def commands(orders: int, seed: int = 1, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> Iterator[Command]:
    """The commands of `orders` invented orders, mixed."""
    chance = random.Random(seed)
    lives: list[Iterator[Command]] = []
    begun = 0
    while begun < orders or lives:
        while begun < orders and len(lives) < OPEN_ORDERS:
            begun += 1
            lives.append(_life(f"SEED-{seed}-{begun:08}", chance, start + timedelta(minutes=begun), max(1, orders // 4)))
        turn = chance.randrange(len(lives))
        command = next(lives[turn], None)
        if command is None:
            lives[turn] = lives[-1]
            lives.pop()
        else:
            yield command


def _life(number: str, chance: random.Random, begin: datetime, customers: int) -> Iterator[Command]:
    """One order's commands in order."""
    order_id, customer = uuid7(), f"c-{chance.randrange(customers)}"
    version = 0
    at = begin

    def command(*happened: Event, contacts: list[Contact] | None = None) -> Command:
        nonlocal version, at
        at += timedelta(seconds=chance.randrange(1, 86_400))
        expected, command_id, appended = (order_id, version), uuid7(), []
        for event in happened:
            version += 1
            envelope = {
                "id": uuid7(),
                "occurred_at": at.isoformat(timespec="microseconds")[:26] + "Z",
                "actor": Actor("service", "https://seed.example seed"),
                "command_id": command_id,
            }
            made = new_event(event, envelope)
            appended.append(AppendedEvent(order_id, version, made.type, made.schema_version, made.state))
        return Command(id=command_id, events=appended, expected=expected, contacts=contacts or msgspec.UNSET)

    created, contacts = _created(order_id, customer, chance)
    total = sum(line.total_amount for line in created.lines) + created.shipping_amount
    now = begin.isoformat(timespec="microseconds")[:26] + "Z"
    yield command(
        created,
        OrderPlaced(number=number, grand_total_amount=total, placed_at=now),
        contacts=contacts,
    )
    (fate,) = chance.choices(list(FATES), FATES.values())
    if fate == "placed":
        return
    if fate == "declined":
        yield command(PaymentFailed(payment_id="pi_0", failure_id="f_1", stage="authorize", code="card_declined"))
        return
    yield command(PaymentAuthorized(payment_id="pi_1", amount=total, method="card", provider="psp"))
    if fate == "authorized":
        return
    if fate == "cancelled":
        yield command(
            OrderCancelled(reason="customer", reduction_amount=total, previous_status="placed", cancelled_at=now)
        )
        yield command(PaymentVoided(payment_id="pi_1", amount=total))
        return
    yield command(OrderConfirmed(confirmed_at=now))
    if fate == "confirmed":
        return
    yield command(PaymentCaptured(payment_id="pi_1", capture_id="ch_1", amount=total))
    units = tuple(LineQuantity(line.line_id, line.quantity) for line in created.lines)
    yield command(
        ShipmentPrepared(
            shipment_id="S1",
            lines=units,
            ship_to_ref=created.shipping_address_ref,
            carrier="DHL",
            tracking_number="JD01",
        ),
        ShipmentDispatched(shipment_id="S1"),
    )
    if fate == "shipped":
        return
    yield command(ShipmentDelivered(shipment_id="S1"), OrderCompleted(completed_at=now))
    if fate == "returned":
        yield from map(command, _return_of(created.lines[0]))


def _return_of(line: Line) -> Iterator[Event]:
    """All units of one line come back, and so does what was paid for them."""
    yield ReturnRequested(
        return_id="RT1", lines=(ReturnLine(line_id=line.line_id, quantity=line.quantity, reason="unwanted"),)
    )
    yield ReturnReceived(
        return_id="RT1",
        lines=(ReceivedLine(line_id=line.line_id, quantity=line.quantity, condition="sellable"),),
    )
    amount = line.total_amount
    yield RefundRequested(
        refund_id="R1",
        payment_id="pi_1",
        amount=amount,
        credit_amount=amount,
        reason="return",
        lines=(RefundLine(line_id=line.line_id, quantity=line.quantity, amount=amount),),
        return_id="RT1",
    )
    yield RefundCompleted(refund_id="R1", amount=amount)


def _created(order_id: UUID, customer: str, chance: random.Random) -> tuple[OrderCreated, list[Contact]]:
    lines = []
    for number in range(1, chance.randint(1, 4) + 1):
        sku, name, price = chance.choice(SKUS)
        quantity = chance.randint(1, 3)
        net = quantity * price
        tax = (19 * net + 50) // 100
        lines.append(
            Line(
                line_id=f"L{number}",
                sku=sku,
                name=name,
                quantity=quantity,
                unit_price_amount=price,
                subtotal_amount=net,
                tax_rate="0.19",
                tax_amount=tax,
                total_amount=net + tax,
            )
        )
    person = {"email": f"{customer}@example.org", "name": f"Customer {customer}"}
    address = {
        "name": person["name"],
        "line1": "Weg 1",
        "city": "Bonn",
        "postal_code": "53111",
        "country": "DE",
    }
    contact, address_ref = uuid7(), uuid7()
    event = OrderCreated(
        order_id=str(order_id),
        channel=chance.choice(("web", "pos")),
        external_id=f"shop-{order_id}",
        currency=chance.choice(("EUR", "EUR", "GBP")),
        currency_exponent=2,
        prices_include_tax=False,
        customer_id=customer,
        contact_ref=str(contact),
        shipping_address_ref=str(address_ref),
        ship_country="DE",
        lines=tuple(lines),
        shipping_amount=490,
        shipping_method="standard",
    )
    return event, [
        Contact(
            ref=ref, order_id=order_id, customer_id=customer, kind=kind, payload=msgspec.json.encode(payload).decode()
        )
        for ref, kind, payload in ((contact, "contact", person), (address_ref, "address", address))
    ]


def seed(url: str, orders: int, book: Book | None = None, seed_number: int = 1) -> int:
    """Append the events of `orders` orders; returns how many there were."""
    book = book or Book()
    append = book.sql("SELECT o ->> 'outcome' FROM {events}.append(%s::jsonb) AS o")
    encode = msgspec.json.Encoder().encode
    events, batch = 0, list[Command]()
    with connect(url, book.names["command_role"], "daybook seed", synchronous_commit="off") as connection:

        def flush() -> None:
            nonlocal batch
            ended = batch
            batch = []
            outcomes = [row[0] for row in connection.execute(append, [encode(ended).decode()]).fetchall()]
            if set(outcomes) - {"appended"}:
                raise RuntimeError(f"the log took not everything: {sorted(set(outcomes))}")

        for command in commands(orders, seed_number):
            if len(batch) == COMMANDS_PER_CALL:
                flush()
            batch.append(command)
            events += len(command.events)
        if batch:
            flush()
        connection.execute(f"NOTIFY {book.names['appended']}")
    return events


if __name__ == "__main__":
    began = time.monotonic()
    count = seed(sys.argv[1], int(sys.argv[2]))
    print(f"{count} events in {time.monotonic() - began:.1f} s")
