"""The read tables as functions of documents: rows, contributions, days, sentences; and that the DDL fits them."""

import json
import re

import pytest

from projector import tables
from projector.tables import customer_total, order_detail, order_list, order_timeline, sales_daily
from projector.tables.days import days_in
from shared.events import (
    ImportedCapture,
    ImportedPayment,
    OrderCancelled,
    RefundLine,
    RefundRequested,
    ShipmentDelivered,
)
from shared.order_document import encode
from tests.support.histories import (
    ORDER,
    at,
    authorized,
    captured,
    confirmed,
    created,
    dispatched,
    document_of,
    folded,
    history,
    imported,
    of_unknown_type,
    placed,
    prepared,
)

UTC = days_in("UTC")
CANCELLED = OrderCancelled(reason="customer", reduction_amount=6912, previous_status="placed", cancelled_at=at(24))


def columns_of(table: str) -> list[str]:
    return re.findall(r"^    ([a-z_]+) ", tables.definition(table), re.MULTILINE)


def sales(document, day_of=UTC):
    """What an order books: day → measures that are not zero."""
    return {
        key[0]: {name: amount for name, amount in zip(sales_daily.MEASURES, booked, strict=True) if amount}
        for key, booked in sales_daily.contributions(document, day_of).items()
    }


@pytest.mark.parametrize("table", tables.PER_ORDER, ids=lambda table: table.NAME)
def test_a_row_has_every_column_of_the_table(table):
    document = document_of(imported(status="confirmed", grand_total_amount=7000, adjustment_amount=88), prepared(2))
    rows = table.rows(document, 17)
    assert sorted(table.COLUMNS) == sorted(columns_of(table.NAME))
    assert rows and all(len(row) == len(table.COLUMNS) for row in rows)
    named = dict(zip(table.COLUMNS, rows[0], strict=True))
    assert named["order_id"] == str(ORDER)
    assert (named.get("version", 2), named.get("position", 17)) == (2, 17)


@pytest.mark.parametrize("summary", tables.SUMMARIES, ids=lambda summary: summary.NAME)
def test_a_summary_has_every_column_of_its_table(summary):
    assert [*summary.KEY, *summary.MEASURES] == columns_of(summary.NAME)
    for key, measures in summary.contributions(document_of(created(), placed()), UTC).items():
        assert (len(key), len(measures)) == (len(summary.KEY), len(summary.MEASURES))


def test_every_table_has_its_definition_and_no_schema_name():
    for table in tables.TABLES:
        assert f"CREATE TABLE {{reads}}.{table} (" in tables.definition(table)
    assert tables.indexes("sales_daily") == ""
    assert "{reads}.order_list (created_at, order_id)" in tables.indexes("order_list")


def test_order_detail_holds_the_bytes_that_are_served():
    document = document_of(created(), placed())
    assert order_detail.rows(document, 9) == [(str(ORDER), 2, 9, encode(document).decode())]


def test_a_list_item_is_the_row():
    document = document_of(created(tags=("vip", 'a"b\\c')), placed(), confirmed(), prepared(2), (23, dispatched()))
    row = dict(zip(order_list.COLUMNS, order_list.rows(document, 5)[0], strict=True))
    item = json.loads(row.pop("item"))
    assert list(item) == list(row)
    assert (item["tags"], row["tags"]) == (["vip", 'a"b\\c'], r'{"vip","a\"b\\c"}')
    assert (item["attention"], row["attention"]) == ([], "{}")
    for name in set(row) - {"tags", "attention"}:
        assert row[name] == item[name]
    assert (item["email"], item["customer_name"], item["units_shipped"]) == ("a@example.org", "Ada", 2)
    assert item["first_dispatched_at"] == item["last_dispatched_at"] == at(23)


def test_the_vector_of_the_domain():
    """domain.md §3.1: placed on one day, fully cancelled on another; both days together are nothing."""
    document = document_of(created(), placed(), (24, CANCELLED))
    first, second = sales(document)["2026-11-22"], sales(document)["2026-11-24"]
    assert first == {
        "orders_placed": 1,
        "units_placed": 3,
        "gross_amount": 5997,
        "discount_amount": 600,
        "tax_amount": 1025,
        "shipping_amount": 490,
        "net_sales_amount": 5397,
    }
    assert second == {
        "orders_cancelled": 1,
        "units_cancelled": 3,
        "cancelled_amount": 5397,
        "tax_amount": -1025,
        "shipping_amount": -490,
        "net_sales_amount": -5397,
    }


def test_contained_tax_is_in_no_sales_figure_but_tax():
    line = created().lines[0]
    taxed = type(line)(
        line_id="L1",
        sku="MUG-1",
        name="Mug",
        quantity=3,
        unit_price_amount=1999,
        subtotal_amount=5997,
        discount_amount=600,
        tax_amount=862,
        total_amount=5397,
    )
    inclusive = created(lines=(taxed,), prices_include_tax=True, shipping_amount=490, shipping_tax_amount=78)
    booked = sales(document_of(inclusive, placed(grand_total_amount=5887)))["2026-11-22"]
    assert booked == {
        "orders_placed": 1,
        "units_placed": 3,
        "gross_amount": 5135,  # (5397 - 862) + 600
        "discount_amount": 600,
        "tax_amount": 940,
        "shipping_amount": 412,
        "net_sales_amount": 4535,
    }
    assert booked["net_sales_amount"] + booked["tax_amount"] + booked["shipping_amount"] == 5887


def test_drafts_book_nothing():
    draft = document_of(created())
    cancelled = document_of(created(), CANCELLED)
    for summary in tables.SUMMARIES:
        assert summary.contributions(draft, UTC) == summary.contributions(cancelled, UTC) == {}


def test_money_books_on_the_day_it_moves():
    document = document_of(
        created(), placed(), authorized(), (23, captured(3000)), (24, captured(1000, capture_id="ch_2"))
    )
    booked = sales(document)
    assert (booked["2026-11-23"], booked["2026-11-24"]) == ({"captured_amount": 3000}, {"captured_amount": 1000})


def test_a_credit_books_its_tax_and_shipping_apart_on_the_day_of_the_refund():
    refund = RefundRequested(
        refund_id="R1",
        payment_id="pi_1",
        amount=2631,
        credit_amount=2631,
        reason="damaged",
        lines=(RefundLine(line_id="L1", quantity=1, amount=2141),),
        shipping_amount=490,
    )
    document = document_of(created(), placed(), authorized(), captured(6912), (25, refund))
    assert sales(document)["2026-11-25"] == {
        "tax_amount": -342,
        "shipping_amount": -490,
        "credit_amount": 1799,
        "net_sales_amount": -1799,
    }
    document.refunds[0].state, document.refunds[0].completed_at = "completed", at(26)
    assert sales(document)["2026-11-26"] == {"refunded_amount": 2631}
    document.refunds[0].state, document.refunds[0].completed_at = "failed", None
    assert list(sales(document)) == ["2026-11-22"]


def test_an_import_books_at_its_own_dates_and_its_adjustment_apart():
    payment = ImportedPayment(
        payment_id="p",
        method="card",
        authorized_amount=7000,
        captures=(ImportedCapture(capture_id="c", amount=7000, occurred_at=at(3)),),
        occurred_at=at(2),
    )
    document = document_of(
        imported(
            status="cancelled", cancelled_at=at(5), grand_total_amount=7000, adjustment_amount=88, payments=(payment,)
        )
    )
    booked = sales(document)
    assert (booked["2026-11-02"]["adjustment_amount"], booked["2026-11-05"]["adjustment_amount"]) == (88, -88)
    assert booked["2026-11-03"] == {"captured_amount": 7000}
    assert booked["2026-11-05"]["orders_cancelled"] == 1


def test_a_customers_total():
    def total(*events):
        return {
            key: dict(zip(customer_total.MEASURES, measures, strict=True))
            for key, measures in customer_total.contributions(document_of(*events), UTC).items()
        }

    paid = (created(), placed(), authorized(), captured(6912))
    assert total(*paid) == {
        ("c-1", "EUR"): {
            "orders": 1,
            "cancelled_orders": 0,
            "ordered_amount": 6912,
            "cancelled_amount": 0,
            "captured_amount": 6912,
            "refunded_amount": 0,
            "net_amount": 6912,
            "units": 3,
        }
    }
    credit = RefundRequested(refund_id="R", payment_id="pi_1", amount=500, credit_amount=500, reason="goodwill")
    assert total(*paid, credit)["c-1", "EUR"]["net_amount"] == 6412
    cancelled = total(*paid, CANCELLED)["c-1", "EUR"]
    assert (
        cancelled["orders"],
        cancelled["cancelled_orders"],
        cancelled["ordered_amount"],
        cancelled["cancelled_amount"],
        cancelled["net_amount"],
    ) == (1, 1, 6912, 6912, 0)
    assert total(created(customer_id=None), placed()) == {}


def test_a_day_is_one_of_the_report_time_zone():
    berlin, auckland = days_in("Europe/Berlin"), days_in("Pacific/Auckland")
    assert UTC("2026-11-22T23:30:00.000000Z") == "2026-11-22"
    assert berlin("2026-11-22T22:59:59.999999Z") == "2026-11-22"
    assert berlin("2026-11-22T23:00:00.000000Z") == "2026-11-23"
    assert berlin("2026-06-22T22:00:00.000000Z") == "2026-06-23"  # summer time
    assert auckland("2026-11-22T11:00:00.000000Z") == "2026-11-23"


def test_midnight_inside_a_minute():
    monrovia = days_in("Africa/Monrovia")  # 44 minutes and 30 seconds behind UTC until 1972
    assert monrovia("1970-01-02T00:44:29.999999Z") == "1970-01-01"
    assert monrovia("1970-01-02T00:44:30.000000Z") == "1970-01-02"


def test_the_ends_of_the_calendar():
    assert days_in("America/New_York")("0001-01-01T00:00:00.000000Z") == "0001-01-01"
    assert days_in("Pacific/Auckland")("9999-12-31T23:59:59.999999Z") == "9999-12-31"


def test_a_timeline_row_has_every_column_of_the_table():
    event = history(created(), placed())[1]
    row = dict(zip(order_timeline.COLUMNS, order_timeline.row(event, "Placed"), strict=True))
    assert list(row) == columns_of("order_timeline")
    assert (row["order_id"], row["order_version"], row["position"]) == (ORDER.hex, 2, 2)
    assert (row["actor_type"], row["actor_id"], row["trace_id"]) == ("service", "shop", None)
    assert row["data"] == (
        '{"number":"SO-00001042","grand_total_amount":6912,"placed_at":"2026-11-22T10:00:00.000000Z"}'
    )


def test_an_unknown_type_has_a_row_too():
    event = of_unknown_type(1, at(22))
    row = dict(zip(order_timeline.COLUMNS, order_timeline.row(event, order_timeline.summary(event, None)), strict=True))
    assert (row["type"], row["summary"], row["data"]) == ("order.split", "order.split", '{"parcels":[1,2]}')


def test_sentences():
    refund = RefundRequested(refund_id="R1", payment_id="pi_1", amount=3000, credit_amount=0, reason="order_cancelled")
    note = OrderCancelled(
        reason="customer", note="changed mind", reduction_amount=6912, previous_status="placed", cancelled_at=at(24)
    )
    events = history(
        created(),
        placed(),
        confirmed(),
        authorized(),
        captured(3000),
        prepared(2),
        dispatched(),
        ShipmentDelivered(shipment_id="S1"),
        note,
        refund,
    )
    document = folded(events)
    assert [order_timeline.summary(event, document) for event in events][1:] == [
        "Placed as SO-00001042 for 69.12 EUR",
        "Confirmed",
        "Authorized 69.12 EUR on pi_1 (card)",
        "Captured 30.00 EUR on pi_1",
        "Prepared shipment S1 with 2 units by DHL, tracking number JD01",
        "Dispatched shipment S1",
        "Delivered shipment S1",
        "Cancelled (customer), 69.12 EUR less to pay: changed mind",
        "Requested refund R1 of 30.00 EUR on pi_1 (order_cancelled)",
    ]
    first = history(created())
    assert order_timeline.summary(first[0], folded(first)) == "Created with 1 line, 69.12 EUR"
    first = history(imported())
    assert order_timeline.summary(first[0], folded(first)) == "Imported as A-1, placed, with 1 line, 69.12 EUR"
