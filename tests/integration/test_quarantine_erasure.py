"""Erasure reaches orders that stand still, and what is said of them never quotes the vault."""

import pytest

from projector import poison
from projector.daemon import Settings
from projector.retry import retry
from projector.run_once import run_once
from projector.tables import order_list
from shared.erasure import erase, orders_of_customer
from tests.integration.test_erasure import OPERATOR, SECRETS, admin, new_order, tables_with_secrets
from tests.support.histories import confirmed
from tests.support.orders import handling
from tests.support.poisoning import all_contents, exact, rebuilt, row
from tests.support.posting import append, ask, order_command, raw_command


@pytest.fixture
def worker(migrated):
    worker = handling(migrated)
    yield worker
    worker.store.close()


def standing(migrated, worker, version=2):
    """An order with personal data that stands still."""
    order = new_order(worker)
    append(migrated, raw_command(order, version, "order.confirmed", '{"confirmed_at":7}'))
    return order


@pytest.mark.parametrize("size", [1, 5000])
@pytest.mark.parametrize("posted_before", [True, False])
@pytest.mark.parametrize("whole_customer", [True, False])
def test_an_order_that_stands_still_is_erased(migrated, worker, size, posted_before, whole_customer):
    order = standing(migrated, worker)
    other = new_order(worker, "c-10", '{"email":"x@example.org"}')
    if posted_before:
        run_once(migrated, Settings(batch_size=size))
        assert "reads.order_detail" in tables_with_secrets(migrated)
    version = "SELECT version FROM {reads}.order_detail WHERE order_id = %s"
    with admin(migrated) as connection:
        for one in (order, other):
            erase(connection, migrated.book, [one], OPERATOR, "c-9" if whole_customer and one == order else None)
    run_once(migrated, Settings(batch_size=size))
    assert tables_with_secrets(migrated) == set()
    assert ask(migrated, version, order) == 2
    assert row(migrated, order)["version"] == 3
    assert ask(migrated, "SELECT count(*) FROM {reads}.order_timeline WHERE order_id = %s", order) == 4
    assert (ask(migrated, "SELECT count(*) FROM {reads}.customer_erasure") == 1) is whole_customer
    found = all_contents(migrated)
    assert exact(migrated)
    assert rebuilt(migrated) == found


def test_an_erasure_that_cannot_be_read_blanks_all(migrated, worker):
    order = new_order(worker)
    run_once(migrated)
    append(migrated, raw_command(order, 2, "order.erased", '{"fields":7}'))
    run_once(migrated)
    assert not {"reads.order_detail", "reads.order_list"} & tables_with_secrets(migrated)


def test_an_order_whose_rows_cannot_be_written_any_more_is_erased_all_the_same(migrated, worker, monkeypatch):
    order = standing(migrated, worker)
    run_once(migrated)
    sums = ask(migrated, "SELECT sum(gross_amount) FROM {reads}.sales_daily")
    rows = order_list.rows

    def broken_rows(document, position):
        if document.order_id == str(order):
            raise KeyError("worse code")
        return rows(document, position)

    monkeypatch.setattr(order_list, "rows", broken_rows)
    with admin(migrated) as connection:
        erase(connection, migrated.book, [order], OPERATOR)
    run_once(migrated)
    assert tables_with_secrets(migrated) == set()
    assert ask(migrated, "SELECT sum(gross_amount) FROM {reads}.sales_daily") == sums
    monkeypatch.undo()
    retry(migrated, "UTC", [order])
    assert exact(migrated)


def test_an_erased_customer_whose_order_cannot_be_written_again(migrated, worker):
    """The order has no event of its own in the batch: it stands still from its next version on, and is blank."""
    order = new_order(worker)
    run_once(migrated)
    with admin(migrated) as connection:
        orders = orders_of_customer(connection, migrated.book, "c-9")
        erase(connection, migrated.book, orders, OPERATOR, "c-9")
    with pytest.MonkeyPatch.context() as patched:
        rows = order_list.rows
        patched.setattr(order_list, "rows", lambda d, p: 1 / 0 if d.order_id == str(order) else rows(d, p))
        run_once(migrated)
    assert tables_with_secrets(migrated) == set()
    assert row(migrated, order)["version"] == 3
    assert retry(migrated, "UTC", [order]) == [(order, None)]
    assert exact(migrated)


def said(migrated, order):
    """All that is said of why it stands still."""
    return row(migrated, order)["error"]


@pytest.mark.parametrize(
    "complaint",
    [
        lambda document: ValueError(f"cannot place {document.customer.email}"),
        lambda document: KeyError(document.customer.name),
        lambda document: ValueError(f"{document.shipping_address!r}"),
        lambda document: ValueError(document.customer.name.upper()),
        lambda document: ValueError(ascii(document.customer.name)),
        lambda document: TypeError(f"{document}"),
        lambda document: ValueError(document.customer.phone[-4:]),
    ],
)
def test_errors_do_not_quote_the_vault(migrated, worker, monkeypatch, caplog, complaint):
    order = new_order(worker)
    append(migrated, order_command(order, 2, confirmed()))
    rows = order_list.rows

    def complain(document, position):
        if document.status == "confirmed":
            raise complaint(document)
        return rows(document, position)

    monkeypatch.setattr(order_list, "rows", complain)
    run_once(migrated)
    assert "message withheld" in said(migrated, order)
    assert "test_quarantine_erasure.py:" in said(migrated, order)
    assert not any(secret.casefold() in f"{said(migrated, order)} {caplog.text}".casefold() for secret in SECRETS)
    assert not {"reads.quarantine"} & tables_with_secrets(migrated)


def test_the_database_does_not_quote_it_either(migrated, worker, monkeypatch):
    """Its detail and its context show whole rows."""
    order = new_order(worker)
    append(migrated, order_command(order, 2, confirmed()))
    rows = order_list.rows
    number = order_list.COLUMNS.index("grand_total_amount")
    monkeypatch.setattr(
        order_list,
        "rows",
        lambda d, p: (
            [(*r[:number], d.customer.email, *r[number + 1 :]) for r in rows(d, p)]
            if d.status == "confirmed"
            else rows(d, p)
        ),
    )
    run_once(migrated)
    assert "order_list.grand_total_amount" in said(migrated, order)
    assert not any(secret.casefold() in said(migrated, order).casefold() for secret in SECRETS)


@pytest.mark.parametrize(
    ("message", "personal", "kept"),
    [
        ("expected version 3", {"name": "Ada"}, True),
        ("no adapter", {"name": "Ada"}, True),
        ("for Ada", {"name": "Ada"}, False),
        ("for ADA.", ["x", {"name": "Ada"}], False),
        ("line 53111", {"postal_code": "53111"}, False),
        ("version 1", {"line1": "Weg 1"}, True),
        ("müllerstraße", {"line1": "Müllerstraße 1"}, False),
        ("'M\\xfcllerstra\\xdfe'", {"line1": "Müllerstraße 1"}, False),
    ],
)
def test_what_is_withheld(message, personal, kept):
    assert (message in poison.described(ValueError(message), personal)) is kept


def test_what_is_told_is_one_line_without_u0000():
    words = poison.described(ValueError("a\0b\nsecond line " + "x" * 1000))
    assert words == "ValueError: a\N{REPLACEMENT CHARACTER}b"
