"""Lists and reports as CSV: whole, at one position, harmless in a spreadsheet, and not too many at a time."""

import csv
import io
from uuid import UUID

import pytest

from query_api import exporting, shapes
from query_api.queries import attention, customer, fulfillment_queue, product_sales_daily, sales_daily
from tests.support.orders import confirm
from tests.support.posting import until
from tests.support.reading import BEARER, open_shop


@pytest.fixture
def shop(migrated):
    with open_shop(migrated) as shop:
        shop.placed_and_posted()
        yield shop


def rows(answer):
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert "Accept" in answer.headers["Vary"]
    return list(csv.reader(io.StringIO(answer.get_data(as_text=True), newline="")))


def file(shop, path, **headers):
    return shop.get(path, Accept="text/csv", **headers)


def many(shop, number):
    """So many orders more, each with a list item of its own."""
    shop.list_rows(*({"order_id": str(UUID(int=n)), "created_at": f"2026-11-22T10:00:{n % 60:02d}Z"} for n in range(1, number + 1)))
    item = shop.admin.execute("SELECT item FROM reads.order_list WHERE number IS NOT NULL").fetchone()[0]
    shop.admin.execute(
        "UPDATE reads.order_list SET item = jsonb_set(%s::jsonb, '{order_id}', to_jsonb(order_id))::text", [item]
    )


def test_a_list_of_orders_is_the_whole_list(shop):
    many(shop, 1203)
    answer = file(shop, "/v1/orders?sort=created_at")
    header, *found = rows(answer)
    assert tuple(header) == shapes.OrderInList.__struct_fields__
    expected = shop.admin.execute("SELECT order_id::text FROM reads.order_list ORDER BY created_at, order_id").fetchall()
    assert [row[header.index("order_id")] for row in found] == [row[0] for row in expected]
    assert answer.headers["Content-Disposition"] == 'attachment; filename="orders-2.csv"'
    assert answer.headers["Projection-Position"] == "2"
    assert answer.data.endswith(b"\r\n")


def test_amounts_are_whole_numbers_and_what_is_not_there_is_empty(shop):
    header, row = rows(file(shop, "/v1/customers/c-1/orders"))
    item = dict(zip(header, row, strict=True))
    assert (item["grand_total_amount"], item["currency"], item["imported"], item["completed_at"]) == ("6422", "EUR", "false", "")


def test_an_empty_list_is_a_header(shop):
    for path, columns in (
        ("/v1/orders?status=cancelled", shapes.OrderInList.__struct_fields__),
        ("/v1/fulfillment-queue", fulfillment_queue.COLUMNS),
        ("/v1/attention", attention.COLUMNS),
        ("/v1/reports/products?sku=none", product_sales_daily.COLUMNS),
    ):
        assert rows(file(shop, path)) == [list(columns)]


def test_every_list_and_report_is_a_file_too(shop):
    order_id = shop.place(customer_id="c-2")
    shop.writing.handle(confirm(order_id))
    shop.post()
    _, queued = rows(file(shop, "/v1/fulfillment-queue"))
    assert queued[fulfillment_queue.COLUMNS.index("lines")] == "3 x MUG-1"
    header, sold = rows(file(shop, "/v1/reports/products?sort=-units_placed"))
    assert (header, sold[:5]) == (list(product_sales_daily.COLUMNS), ["MUG-1", "Mug", "EUR", "2", "6"])
    answer = file(shop, "/v1/reports/sales")
    header, *days = rows(answer)
    assert (header, len(days)) == (["period", "currency", *sales_daily.MEASURES], 30)
    assert sum(int(day[2]) for day in days) == 2
    span = f"/v1/reports/sales?from={days[0][0]}&to={days[-1][0]}"  # without it another day has other days
    known = file(shop, span).headers["ETag"]
    assert file(shop, span, If_None_Match=known).status_code == 304


def test_customers_have_a_line_per_currency(shop):
    shop.place(customer_id="c-1", currency="JPY")
    shop.place(customer_id="c-2")
    shop.post()
    header, *found = rows(file(shop, "/v1/customers"))
    assert tuple(header) == customer.COLUMNS_OF_FILE
    named = [dict(zip(header, row, strict=True)) for row in found]
    assert [(one["customer_id"], one["currency"], one["orders"], one["order_count"]) for one in named] == [
        ("c-1", "EUR", "1", "2"),
        ("c-1", "JPY", "1", "2"),
        ("c-2", "EUR", "1", "1"),
    ]
    shop.admin.execute("DELETE FROM reads.customer_total WHERE customer_id = 'c-2'")
    assert rows(file(shop, "/v1/customers"))[-1][:1] == ["c-2"]
    assert rows(file(shop, "/v1/customers?email=nobody@example.org")) == [header]


def test_what_a_spreadsheet_would_run_is_text(shop):
    name = '=HYPERLINK("http://x","Ada")'
    item = shop.admin.execute("SELECT item FROM reads.order_list").fetchone()[0]
    assert '"customer_name":null' in item
    for evil, cell in ((name, f"'{name}"), ("@SUM(A1)", "'@SUM(A1)"), ("-1", "'-1"), ('Ada "A", Countess\r\nof', 'Ada "A", Countess\r\nof')):
        shop.admin.execute(
            "UPDATE reads.order_list SET item = jsonb_set(item::jsonb, '{customer_name}', to_jsonb(%s::text))::text", [evil]
        )
        header, row = rows(file(shop, "/v1/orders"))
        assert row[header.index("customer_name")] == cell


def test_a_file_is_no_page(shop):
    for path in ("/v1/orders?limit=5", "/v1/orders?with_total=true", "/v1/fulfillment-queue?limit=5", "/v1/attention?cursor=x", "/v1/reports/products?limit=1"):
        answer = file(shop, path)
        assert (answer.status_code, answer.json["errors"][0]["code"]) == (400, "not_allowed")


def test_json_is_what_is_sent_unless_csv_is_liked_better(shop):
    for accept in ("application/json", "*/*", "text/csv;q=0, */*", "application/json, text/csv;q=0.1"):
        assert shop.get("/v1/orders", Accept=accept).mimetype == "application/json"
    for path in ("/v1/orders", "/v1/attention", "/v1/reports/sales"):
        assert shop.get(path, Accept="text/html").json["code"] == "not_acceptable"
    one = shop.get("/v1/orders").json["items"][0]["order_id"]
    assert shop.get(f"/v1/orders/{one}", Accept="text/csv").json["code"] == "not_acceptable"


def test_a_file_stands_at_one_position_whatever_is_posted_meanwhile(shop, monkeypatch):
    monkeypatch.setattr(exporting, "FETCH", "FETCH 5 FROM export")
    many(shop, 23)
    answer = shop.client.get("/v1/orders?sort=created_at", headers={"Accept": "text/csv", "Authorization": BEARER})
    pieces = answer.iter_encoded()
    first = next(pieces)
    shop.admin.execute("DELETE FROM reads.order_list WHERE number IS NULL")
    shop.placed_and_posted()
    shop.admin.execute("ALTER SCHEMA reads RENAME TO reads_away")
    found = list(csv.reader(io.StringIO((first + b"".join(pieces)).decode(), newline="")))
    shop.admin.execute("ALTER SCHEMA reads_away RENAME TO reads")
    assert len(found) == 1 + 24
    assert answer.headers["Projection-Position"] == "2"


def test_exports_take_the_places_of_those_who_wait_and_give_them_back(migrated):
    with open_shop(migrated, threads=4) as shop:
        shop.placed_and_posted()
        headers = {"Accept": "text/csv", "Authorization": BEARER}
        open_ones = [shop.client.get("/v1/orders", headers=headers) for _ in range(2)]
        refused = file(shop, "/v1/attention")
        assert (refused.status_code, refused.json["code"]) == (503, "overloaded")
        assert shop.get("/v1/orders").status_code == 200
        for answer in open_ones:
            answer.close()
        assert len(rows(file(shop, "/v1/orders"))) == 2
        assert "Content-Length" not in shop.get("/v1/orders", method="HEAD", Accept="text/csv").headers
        for _ in range(3):
            assert file(shop, "/v1/orders").status_code == 200
        left = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'FETCH%'"
        until(lambda: shop.admin.execute(left).fetchone() == (0,), "the connections of exports end")


def test_a_file_is_as_fresh_as_asked_for(shop):
    shop.place()
    answer = file(shop, "/v1/orders", Consistency_Token=shop.token(4), Prefer="wait=0")
    assert (answer.status_code, answer.json["code"]) == (503, "read_model_behind")
    shop.post()
    answer = file(shop, "/v1/orders", Consistency_Token=shop.token(4), Prefer="wait=0")
    assert len(rows(answer)) == 3
