"""The console's pages about orders: found, shown as they stood, and listed as work."""

import html
import re

import msgspec
import pytest

from shared.append_command import Command, Contact
from shared.database import connect
from shared.events import ShipmentTrackingChanged
from tests.support.console import open_console
from tests.support.histories import ORDER
from tests.support.orders import confirm, pay
from tests.support.posting import append, order_command
from tests.support.whole_life import ERASED, WHOLE_VAULT, whole_life

TAG = re.compile(r"<[^>]+>")
ENTRY = re.compile(r'<a class="entry-link" data-version="(\d+)"')
MARK = re.compile(r'class="(?:[\w-]+ )*(?:mark|added|removed)[ "]')
PUT = """
INSERT INTO {reads}.quarantine (order_id, version, position, type, error)
VALUES (%s, %s, 3, 'order.confirmed', 'Unfoldable: as put there')
"""


@pytest.fixture
def shop(migrated):
    with open_console(migrated) as shop:
        yield shop


@pytest.fixture
def lived(shop):
    """An order that has met every event; gives how many."""
    life = [entry[1] if isinstance(entry, tuple) else entry for entry in whole_life()]
    command = order_command(ORDER, 0, *life)
    contacts = [
        Contact(ref=ref, order_id=ORDER, customer_id="c-1", kind="contact", payload=msgspec.json.encode(said).decode())
        for ref, said in WHOLE_VAULT.items()
    ]
    append(shop.databases, Command(id=command.id, expected=command.expected, events=command.events, contacts=contacts))
    shop.post()
    return len(life)


def words(answer):
    """What a page says, without its markup."""
    assert answer.status_code == 200, answer.text
    return " ".join(html.unescape(TAG.sub(" ", answer.text)).replace("\u202f", " ").split())


def found(shop, query=""):
    return re.findall(r'id="o-([^"]+)" data-row', shop.visitor.get(f"/orders{query}").text)


def quarantine(shop, order_id, version):
    book = shop.databases.book
    with connect(shop.databases.reads_url, book.names["projector_role"]) as projector:
        projector.execute(book.sql(PUT), [order_id, version])


def test_orders_are_found_by_what_is_typed_and_by_what_they_are(shop):
    paid, other = shop.place(customer_id="c-1", external_id="shop-1", channel="web"), shop.place(customer_id="c-2")
    shop.writing.handle(pay(paid, "pi_1", 6422, capture=True))
    shop.post()
    (number,) = shop.admin.execute("SELECT number FROM reads.order_list WHERE order_id = %s", [paid]).fetchone()
    assert set(found(shop)) == {str(paid), str(other)}
    for query in (
        f"?q={number}",
        f"?q={number.lstrip('SO-').lstrip('0')}",
        "?by=customer_id&q=c-1",
        "?by=external_id&q=shop-1",
        "?payment_status=paid&status=&q=",
        "?currency=eur&total_min=64.22&payment_status=paid",
    ):
        assert found(shop, query) == [str(paid)], query
    assert found(shop, "?currency=EUR&total_min=64.23") == []
    assert "2 orders" in words(shop.visitor.get("/orders?by=sku&q=MUG-1"))
    assert f"/console/orders/{other}" in shop.visitor.get(f"/orders?q={other}").text, "an id leads to its order"


def test_a_part_of_the_list_comes_with_its_count_and_a_tidy_address(shop):
    shop.placed_and_posted()
    answer = shop.visitor.get("/orders?q=so-&by=&status=placed&sort=", part="results")
    assert answer.headers["HX-Replace-Url"] == "/console/orders?q=so-&status=placed"
    assert "<html" not in answer.text
    assert 'id="count" role="status" hx-swap-oob' in answer.text
    assert "1 order" in words(answer)


def test_what_cannot_be_read_is_said_and_nothing_is_shown(shop):
    shop.placed_and_posted()
    for query, said in (
        ("?total_min=5", "Choose a currency"),
        ("?placed_from=2026-02-30", "no day"),
        ("?status=nonsense", "not one of"),
        ("?cursor=nonsense", "not a cursor"),
        ("?ship_country=Germany", "does not match"),
    ):
        answer = shop.visitor.get(f"/orders{query}")
        assert said in words(answer), query
        assert "data-row" not in answer.text


def test_a_long_list_is_leafed_through(shop):
    for _ in range(27):
        shop.place()
    shop.post()
    first = shop.visitor.get("/orders")
    assert "27 orders" in words(first)
    (next_page,) = set(re.findall(r'rel="next" href="/console(/orders\?cursor=[^"]+)"', first.text))
    second = shop.visitor.get(html.unescape(next_page))
    assert (first.text.count("data-row"), second.text.count("data-row")) == (25, 2)
    assert 'rel="prev"' in second.text


def test_every_event_is_told_with_what_it_changed(shop, lived):
    page = shop.visitor.get(f"/orders/{ORDER}")
    assert [int(version) for version in ENTRY.findall(page.text)] == list(range(lived, 0, -1))
    told = words(page)
    assert "Captured 136.75 EUR on pi_1" in told
    assert "Payment Authorized Paid" in told.replace("Partly authorized", "Authorized")
    assert f'max="{lived}" value="{lived}"' in page.text


def test_every_version_can_be_shown_with_its_changes_marked(shop, lived):
    for version in range(1, lived + 1):
        part = shop.visitor.get(f"/orders/{ORDER}?version={version}", part="stood")
        assert f'data-version="{version}"' in part.text
        assert bool(MARK.search(part.text)) == (version > 1), words(part)
    added = shop.visitor.get(f"/orders/{ORDER}?version=3").text
    assert '<span class="line-name break">Tee</span> <span class="new">new</span>' in added
    removed = shop.visitor.get(f"/orders/{ORDER}?version=6").text
    assert '<del class="line-name break">Socks</del> <span class="new">removed</span>' in removed
    changed = shop.visitor.get(f"/orders/{ORDER}?version=5").text
    assert '<span class="mark changed"><del><span class="unseen">was </span>3</del> <ins>4</ins></span>' in changed
    moved = words(shop.visitor.get(f"/orders/{ORDER}?version=8"))
    assert "Changed by this version. Addresses are shown as they are now." in moved
    assert "Square 12" in moved


@pytest.mark.parametrize("version", ["0", "99", "x", "-1", "1" * 30, "²"])
def test_there_are_no_other_versions(shop, lived, version):
    answer = shop.visitor.get(f"/orders/{ORDER}?version={version}")
    assert answer.status_code == 404
    assert f"versions 1 to {lived}" in answer.text


def test_a_long_history_begins_with_its_end(shop, monkeypatch):
    order_id = shop.place()
    monkeypatch.setattr("query_api.console.order.MOST_TOLD", 2)
    shop.writing.handle(pay(order_id, "pi_1", 100))
    shop.writing.handle(confirm(order_id))
    shop.post()
    page = shop.visitor.get(f"/orders/{order_id}")
    assert ENTRY.findall(page.text) == ["4", "3"]
    assert "Show the 2 before these" in words(page)
    assert ENTRY.findall(shop.visitor.get(f"/orders/{order_id}?all=1").text) == ["4", "3", "2", "1"]


def test_what_has_been_erased_is_nowhere_and_the_page_says_so(shop, lived):
    append(shop.databases, order_command(ORDER, lived, ERASED))
    shop.post()
    for version in (1, 10, lived, lived + 1):
        page = shop.visitor.get(f"/orders/{ORDER}?version={version}")
        assert "Personal data of this order have been erased for good." in words(page)
        assert ("No version shows them any more" in words(page)) == (version == lived + 1)
        for personal in ("lovelace", "Square 12", "Rang twice", "ada@"):
            assert personal not in page.text, (version, personal)


def test_an_order_in_quarantine_is_marked_and_its_history_goes_on(shop):
    order_id = shop.placed_and_posted()
    quarantine(shop, order_id, 3)
    shop.writing.handle(confirm(order_id))
    shop.post()
    page = shop.visitor.get(f"/orders/{order_id}")
    assert "This order stands still. Its event at position 3 could not be posted" in words(page)
    assert "Confirmed not posted" in words(page)
    assert 'max="2"' in page.text


def test_one_that_failed_at_its_first_event_is_not_unknown(shop):
    shop.placed_and_posted()
    quarantine(shop, ORDER, 1)
    answer = shop.visitor.get(f"/orders/{ORDER}")
    assert answer.status_code == 503
    assert "could not be posted" in answer.text
    nobody = shop.visitor.get("/orders/00000000-0000-4000-8000-000000000000")
    assert (nobody.status_code, "No such order" in nobody.text) == (404, True)
    assert shop.visitor.get("/orders/nonsense").status_code == 404


def test_what_customers_wrote_is_text_and_only_web_addresses_are_links(shop, lived):
    evil = '<img src=x onerror="alert(1)">'
    moving = [
        ShipmentTrackingChanged(shipment_id="S1", carrier=evil, tracking_number="1", tracking_url="javascript:alert(1)")
    ]
    append(shop.databases, order_command(ORDER, lived, *moving))
    shop.post()
    page = shop.client.get(f"/console/orders/{ORDER}").text
    assert evil not in page
    assert html.escape(evil, quote=False).replace('"', "&#34;") in page
    assert 'href="javascript' not in page


def test_attention_says_why_and_how_much(shop):
    order_id = shop.place()
    shop.writing.handle(pay(order_id, "pi_1", 7000, capture=True))
    shop.post()
    assert "Overpaid" in words(shop.visitor.get("/attention"))
    assert "5.78 EUR" in words(shop.visitor.get("/attention?kind=overpaid"))
    assert "Nothing needs attention" in words(shop.visitor.get("/attention?kind=void_due", part="results"))
    assert shop.visitor.get("/attention?kind=nonsense").status_code == 400


def test_the_queue_says_what_to_send_and_what_is_missing(shop):
    order_id = shop.place()
    shop.writing.handle(confirm(order_id))
    shop.post()
    said = words(shop.visitor.get("/queue"))
    for text in ("Waits for payment", "64.22 EUR missing", "Mug MUG-1", "DE"):
        assert text in said
    assert "Nothing waits to be sent" in words(shop.visitor.get("/queue?state=ready"))


def test_of_very_many_lines_the_first_are_shown_and_those_that_changed(shop, lived, monkeypatch):
    monkeypatch.setattr("query_api.console.order.MOST_LINES", 0)
    paid = shop.visitor.get(f"/orders/{ORDER}?version=17")
    assert "Show all 2 lines" in words(paid)
    assert 'class="line-name' not in paid.text
    cancelled = shop.visitor.get(f"/orders/{ORDER}?version=18")
    assert cancelled.text.count('class="line-name') == 1, "the one of which a unit was cancelled"
    assert shop.visitor.get(f"/orders/{ORDER}?all=1").text.count('class="line-name') == 2
