"""Erasing personal data for good: rows of the vault blanked and the log told so, in one transaction under the gate.

Each order concerned gets an `order.erased`, so that its version and with it its ETag advance; a customer also gets a
`customer.erased` in a stream of their own. What the log itself holds has never been personal data.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID, uuid4

import msgspec
from msgspec import Raw, Struct

from shared.append_command import AppendedEvent, Command, Outcome
from shared.book import Book
from shared.database import Connection
from shared.events import Actor, CustomerErased, Event, OrderErased, customer_stream
from shared.recorded_event import Envelope

GATE = "SELECT FROM {events}.gate FOR UPDATE"

VAULT = """
SELECT ref, order_id
FROM {events}.contact
WHERE erased_at IS NULL
    AND order_id IN (
        SELECT unnest(%(orders)s::uuid[])
        UNION
        SELECT order_id FROM {events}.contact WHERE customer_id = %(customer_id)s
    )
"""

BLANK = "UPDATE {events}.contact SET payload = '{{}}', erased_at = clock_timestamp() WHERE ref = ANY(%s)"

VERSIONS = "SELECT stream_id, max(version) FROM {events}.event WHERE stream_id = ANY(%s) GROUP BY stream_id"

WITH_REFS = """
SELECT stream_id, state
FROM {events}.event
WHERE stream_id = ANY(%s) AND position('_ref"' IN state) > 0
ORDER BY position
"""

APPEND = "SELECT o::text FROM {events}.append(%s::jsonb) AS o"

# The text is looked for first: parsing every event of a long log would take minutes.
ORDERS_OF_CUSTOMER = """
SELECT stream_id
FROM {events}.event
WHERE version = 1
    AND type LIKE 'order.%%'
    AND position(%(as_json)s IN state) > 0
    AND state::json -> 'data' ->> 'customer_id' = %(customer_id)s
"""

ORDERS_WITH_EMAIL = """
SELECT DISTINCT order_id
FROM {events}.contact
WHERE kind = 'contact' AND lower(payload::json ->> 'email') = lower(%s)
"""


class Erased(NamedTuple):
    """What an erasure did: rows of the vault blanked, orders they belonged to, the last position (None: nothing)."""

    rows: int
    orders: int
    position: int | None


def orders_of_customer(connection: Connection, book: Book, customer_id: str) -> list[UUID]:
    """The orders of a customer as the log has them, those without personal data included. Reads the whole log."""
    wanted = {"customer_id": customer_id, "as_json": msgspec.json.encode(customer_id).decode()}
    return [order for (order,) in connection.execute(book.sql(ORDERS_OF_CUSTOMER), wanted)]


def orders_with_email(connection: Connection, book: Book, email: str) -> list[UUID]:
    """The orders that have, or once had, this e-mail address; upper and lower case are the same."""
    return [order for (order,) in connection.execute(book.sql(ORDERS_WITH_EMAIL), [email])]


def erase(
    connection: Connection, book: Book, orders: Collection[UUID], actor: Actor, customer_id: str | None = None
) -> Erased:
    """Erase what the vault has of `orders` and, if given, of a customer. Repeating it is harmless.

    Needs the admin role. The gate is held as long as it takes: search first, then call this.
    """
    with connection.transaction():
        connection.execute(book.sql(GATE))
        rows = connection.execute(book.sql(VAULT), {"orders": list(orders), "customer_id": customer_id}).fetchall()
        erased: dict[UUID, UUID] = dict(rows)
        events: dict[UUID, Event] = {
            order: OrderErased(fields=fields) for order, fields in _fields(connection, book, erased).items()
        }
        if customer_id is not None:
            events[customer_stream(customer_id)] = CustomerErased(customer_id=customer_id)
        versions: dict[UUID, int] = dict(connection.execute(book.sql(VERSIONS), [list(events)]).fetchall())
        if not erased and all(stream in versions for stream in events):
            return Erased(0, 0, None)
        connection.execute(book.sql(BLANK), [list(erased)])
        position = _append(connection, book, list(_commands(events, versions, actor)))
    # After the commit and apart from it: the commit of a NOTIFY takes a lock of the whole server.
    connection.execute(f"NOTIFY {book.names['appended']}")
    return Erased(len(erased), len(set(erased.values())), position)


class _Refs(Struct):
    """What of an event's data names rows of the vault."""

    contact_ref: UUID | None = None
    shipping_address_ref: UUID | None = None
    ship_to_ref: UUID | None = None
    billing_address_ref: UUID | None = None
    note_ref: UUID | None = None
    notes: tuple["_Refs", ...] = ()

    def named(self) -> Iterator[tuple[str, UUID | None]]:
        yield "contact", self.contact_ref
        yield "shipping_address", self.shipping_address_ref
        yield "shipping_address", self.ship_to_ref
        yield "billing_address", self.billing_address_ref
        yield "notes", self.note_ref
        for note in self.notes:
            yield from note.named()


class _State(Struct):
    data: _Refs


_state = msgspec.json.Decoder(_State).decode
_outcome = msgspec.json.Decoder(Outcome).decode


def _fields(connection: Connection, book: Book, erased: dict[UUID, UUID]) -> dict[UUID, tuple[str, ...]]:
    """Which fields of each order the rows to be erased stand for, in the order of the log."""
    found: dict[UUID, dict[str, None]] = defaultdict(dict)
    states = connection.execute(book.sql(WITH_REFS), [list(set(erased.values()))])
    for order, state in states:
        for field, ref in _state(state).data.named():
            if ref in erased:
                found[order][field] = None
    return {order: tuple(fields) for order, fields in found.items()}


def _commands(events: dict[UUID, Event], versions: dict[UUID, int], actor: Actor) -> Iterator[Command]:
    command_id, now = uuid4(), datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    for stream_id, event in events.items():
        version = versions.get(stream_id, 0)
        envelope = Envelope(
            id=uuid4(), occurred_at=now, actor=actor, command_id=command_id, data=Raw(msgspec.json.encode(event))
        )
        state = msgspec.json.encode(envelope).decode()
        appended = AppendedEvent(stream_id, version + 1, event.type, event.schema_version, state)
        yield Command(id=command_id, events=[appended], expected=(stream_id, version))


def _append(connection: Connection, book: Book, commands: list[Command]) -> int | None:
    batch = msgspec.json.encode(commands).decode()
    outcomes = [_outcome(row) for (row,) in connection.execute(book.sql(APPEND), [batch]).fetchall()]
    refused = [outcome for outcome in outcomes if outcome.outcome != "appended"]
    if refused:
        raise RuntimeError(f"nothing was erased: the log refused to be told so, under its own gate: {refused}")
    return max(outcome.position or 0 for outcome in outcomes)
