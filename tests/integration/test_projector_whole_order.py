"""Every event there is, posted to every table: in any batches, along the log or by streams, before and after erasure."""

from uuid import UUID, uuid4, uuid5

import msgspec
import pytest

from projector.daemon import Settings
from projector.rebuilding.building import Work
from projector.rebuilding.rebuild import rebuild
from projector.run_once import run_once
from projector.verifying.verify import verify
from shared.append_command import Command, Contact
from shared.database import connect
from shared.events import (
    ContactChanged,
    CustomerErased,
    LineQuantityCancelled,
    OrderCancelled,
    OrderPlaced,
    customer_stream,
)
from tests.support.histories import at, authorized, confirmed, created, imported
from tests.support.posting import QUIET, append, ask, contents, order_command
from tests.support.whole_life import ERASED, OTHER_CONTACT, WHOLE_VAULT, whole_life

WORK = {"timezone": "Europe/Berlin", "workers": 2, "reporter": QUIET}
SECRETS = ("example.org", "Ada", "Lovelace", "Weg 1", "Square 12", "Rang twice")


def order(number: int, customer_id: str | None) -> UUID:
    """The id of an order of this customer; its rows of the vault are its own."""
    return uuid5(UUID(int=number), customer_id or "guest")


def refs_of(order_id: UUID) -> dict[str, str]:
    return {str(ref): str(uuid5(order_id, str(ref))) for ref in WHOLE_VAULT}


def appended(databases, order_id: UUID, customer_id: str | None, *events, version=0, vault=WHOLE_VAULT) -> None:
    """The events with references of their own, and what these say."""
    said = msgspec.json.encode([msgspec.to_builtins(event) for event in events]).decode()
    for ref, own in refs_of(order_id).items():
        said = said.replace(ref, own)
    own_events = [
        msgspec.convert(data, type(event)) for data, event in zip(msgspec.json.decode(said), events, strict=True)
    ]
    contacts = [
        Contact(
            ref=UUID(refs_of(order_id)[str(ref)]),
            order_id=order_id,
            customer_id=customer_id,
            kind="contact",
            payload=msgspec.json.encode(payload).decode(),
        )
        for ref, payload in vault.items()
    ]
    command = order_command(order_id, version, *own_events)
    append(databases, Command(id=command.id, expected=command.expected, events=command.events, contacts=contacts))


def lived(databases, number: int, customer_id: str | None) -> UUID:
    """An order that has met every event."""
    order_id = order(number, customer_id)
    contact_ref = created().contact_ref if customer_id else None
    life = whole_life(
        order_id=str(order_id), external_id=str(order_id), customer_id=customer_id, contact_ref=contact_ref
    )
    first, _, *later = (entry[1] if isinstance(entry, tuple) else entry for entry in life)
    appended(databases, order_id, customer_id, first, placing(number), *later)
    return order_id


def placing(number: int) -> OrderPlaced:
    return OrderPlaced(number=f"SO-{number}", grand_total_amount=6912, placed_at=at(22))


@pytest.fixture
def shop(migrated):
    """Orders of two customers and of a guest, one still to be sent, one imported, one cancelled with money."""
    for number, customer_id in enumerate(("c-1", "c-1", "c-2", None)):
        lived(migrated, number, customer_id)
    for number, events in enumerate(
        (
            [confirmed()],
            [
                authorized(),
                LineQuantityCancelled(line_id="L1", quantity=3, reason="staff", reduction_amount=6422),
                OrderCancelled(reason="staff", reduction_amount=490, previous_status="placed", cancelled_at=at(24)),
            ],
        ),
        10,
    ):
        order_id = order(number, "c-1")
        first = created(order_id=str(order_id), external_id=str(order_id))
        appended(migrated, order_id, "c-1", first, placing(number), *events)
    order_id = order(20, "c-1")
    past = imported(order_id=str(order_id), external_id=str(order_id), adjustment_amount=5, grand_total_amount=6917)
    appended(migrated, order_id, "c-1", past)
    return migrated


def erase(databases, customer_id: str) -> None:
    """The vault is blanked, and only the customer's stream is told."""
    with connect(databases.events_url) as connection:
        connection.execute(
            "UPDATE events.contact SET payload = '{}', erased_at = now() WHERE customer_id = %s", [customer_id]
        )
    append(databases, order_command(customer_stream(customer_id), 0, CustomerErased(customer_id=customer_id)))


def texts(databases) -> str:
    return str(contents(databases))


@pytest.mark.parametrize("batch_size", [1, 7, 2000])
def test_every_event_posts_to_the_same_rows_whatever_the_batches(shop, batch_size):
    run_once(shop, Settings(batch_size=batch_size, timezone="Europe/Berlin"))
    posted = contents(shop)
    assert all(rows for table, rows in posted.items() if table != "customer_erasure")
    assert {kind for (kind,) in all_of(shop, "SELECT kind FROM {reads}.attention")} == {"void_due", "import_adjusted"}
    assert all_of(shop, "SELECT state FROM {reads}.fulfillment_queue") == [("blocked_payment",)]
    rebuild(Work(shop, **WORK))
    assert contents(shop) == posted


def all_of(databases, query):
    with connect(databases.reads_url) as connection:
        return connection.execute(databases.book.sql(query)).fetchall()


@pytest.mark.parametrize("batch_size", [1, 7, 2000])
def test_an_erasure_reaches_every_copy_and_comes_out_as_a_rebuild_does(shop, batch_size):
    settings = Settings(batch_size=batch_size, timezone="Europe/Berlin")
    run_once(shop, settings)
    sums = ask(shop, "SELECT sum(net_sales_amount) FROM {reads}.sales_daily")
    erase(shop, "c-1")
    appended(shop, later := order(30, "c-1"), "c-1", created(order_id=str(later), external_id="later"))
    run_once(shop, settings)
    posted = contents(shop)
    assert ask(shop, "SELECT sum(net_sales_amount) FROM {reads}.sales_daily") == sums
    assert ask(shop, "SELECT count(*) FROM {reads}.order_list WHERE customer_id = 'c-1' AND email IS NOT NULL") == 1
    customers = all_of(shop, "SELECT customer_id, email, erased_at IS NOT NULL FROM {reads}.customer ORDER BY 1")
    assert customers == [("c-1", "a@example.org", True), ("c-2", "lovelace@example.org", False)]  # of the later order
    assert verify(Work(shop, **WORK)).comparison.rows == {}
    rebuild(Work(shop, **WORK))
    assert contents(shop) == posted


def test_no_text_of_an_erased_customer_is_left(shop):
    run_once(shop)
    assert all(secret in texts(shop) for secret in SECRETS)
    erase(shop, "c-1")
    erase(shop, "c-2")
    guest = order(3, None)
    with connect(shop.events_url) as connection:
        connection.execute("UPDATE events.contact SET payload = '{}' WHERE order_id = %s", [guest])
    append(shop, order_command(guest, len(whole_life()), ERASED))
    run_once(shop)
    assert [secret for secret in SECRETS if secret in texts(shop)] == []
    posted = contents(shop)
    rebuild(Work(shop, "UTC", 2, QUIET))
    assert contents(shop) == posted


def test_what_comes_behind_an_erasure_in_one_batch_stays(shop):
    erase(shop, "c-1")
    order_id = order(10, "c-1")
    appended(shop, order_id, "c-1", ContactChanged(contact_ref=str(OTHER_CONTACT)), version=3, vault={})
    new = uuid4()
    with connect(shop.events_url) as connection:
        connection.execute(
            "INSERT INTO events.contact (ref, order_id, customer_id, kind, payload) VALUES (%s, %s, 'c-1', 'contact', %s)",
            [new, order_id, '{"email":"new@example.org"}'],
        )
    append(shop, order_command(order_id, 4, ContactChanged(contact_ref=str(new))))
    run_once(shop)
    assert all_of(shop, "SELECT email FROM {reads}.order_list WHERE customer_id = 'c-1' AND email IS NOT NULL") == [
        ("new@example.org",)
    ]
    posted = contents(shop)
    rebuild(Work(shop, "UTC", 2, QUIET))
    assert contents(shop) == posted
