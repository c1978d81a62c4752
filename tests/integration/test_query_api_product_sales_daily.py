"""`GET /v1/reports/products`."""

import pytest

from query_api.queries.product_sales_daily import MEASURES
from tests.support.orders import confirm, pay, prepare
from tests.support.reading import open_shop, walked

PATH = "/v1/reports/products"
ADD = f"INSERT INTO reads.product_sales_daily (day, sku, channel, currency, {', '.join(MEASURES)}) VALUES (%s, %s, %s, %s, {', '.join(['%s'] * len(MEASURES))})"
SPAN = "from=2026-08-01&to=2026-09-01"


@pytest.fixture
def shop(migrated):
    with open_shop(migrated) as shop:
        shop.post()
        yield shop


def sell(shop, sku, number, day="2026-08-22", channel="web", *, currency="EUR"):
    """The measures are multiples of the number, so that each can be told apart."""
    shop.admin.execute(ADD, [day, sku, channel, currency, *(number * factor for factor in range(1, len(MEASURES) + 1))])


def sold(answer):
    return [(row["sku"], row["currency"], row["orders"]) for row in answer.json["rows"]]


def test_a_report_of_what_was_just_sold(shop):
    order_id = shop.place(customer_id="c-1")
    shop.writing.handle(pay(order_id, "pi_1", 6422))
    shop.writing.handle(confirm(order_id))
    shop.writing.handle(prepare(order_id, 1))
    shop.post()
    answer = shop.get(PATH).json
    assert answer["rows"] == [
        dict.fromkeys(MEASURES, 0)
        | {"sku": "MUG-1", "name": "Mug", "currency": "EUR", "orders": 1, "units_placed": 3, "gross_amount": 5997}
        | {"discount_amount": 600, "net_amount": 5397}
    ]
    assert (answer["timezone"], answer["next_cursor"], answer["prev_cursor"], answer["limit"]) == ("UTC", None, None, 50)


def test_days_and_channels_add_up_and_currencies_do_not(shop):
    sell(shop, "A", 1, "2026-08-01")
    sell(shop, "A", 2, "2026-08-31", "pos")
    sell(shop, "A", 4, "2026-08-22", currency="JPY")
    sell(shop, "B", 6, "2026-08-22")
    sell(shop, "A", 8, "2026-07-31")
    sell(shop, "A", 16, "2026-09-01")
    answer = shop.get(f"{PATH}?{SPAN}")
    assert sold(answer) == [("B", "EUR", 6), ("A", "JPY", 4), ("A", "EUR", 3)]
    assert answer.json["rows"][2] == {"sku": "A", "name": None, "currency": "EUR"} | {
        measure: 3 * factor for factor, measure in enumerate(MEASURES, 1)
    }
    for query, found in (
        ("sku=A", [("A", "JPY", 4), ("A", "EUR", 3)]),
        ("currency=EUR", [("B", "EUR", 6), ("A", "EUR", 3)]),
        ("channel=pos", [("A", "EUR", 2)]),
        ("channel=pos,web&sku=A&currency=EUR", [("A", "EUR", 3)]),
        ("channel=fair", []),
    ):
        assert sold(shop.get(f"{PATH}?{SPAN}&{query}")) == found, query


def test_the_name_is_the_one_of_the_last_order(shop):
    from command_api.commands import LineInput  # noqa: PLC0415 -- of the write side, here only

    for name in ("Mug", "Mug, large"):
        shop.place(lines=(LineInput(sku="MUG-1", name=name, quantity=1, unit_price_amount=100),))
    shop.post()
    assert [row["name"] for row in shop.get(PATH).json["rows"]] == ["Mug, large"]


@pytest.mark.parametrize("sort", ["-net_amount", "-units_placed"])
def test_a_walk_both_ways_shows_each_row_once_although_sums_are_equal(shop, sort):
    for number in range(23):
        sell(shop, f"S-{number:02d}", (number // 4) - 2, currency=("EUR", "JPY")[number % 2])
    everything = [row for page in walked(shop, f"{PATH}?{SPAN}&sort={sort}&limit=200") for row in page["rows"]]
    measure = sort[1:]
    assert everything == sorted(everything, key=lambda row: (-row[measure], row["sku"], row["currency"]))
    assert len(everything) == 23
    for limit in (1, 4, 5, 23):
        path = f"{PATH}?{SPAN}&sort={sort}&limit={limit}"
        pages = walked(shop, path)
        assert [row for page in pages for row in page["rows"]] == everything
        if len(pages) > 1:
            back = walked(shop, f"{path}&cursor={pages[-1]['prev_cursor']}", "prev")
            assert [page["rows"] for page in reversed(back)] == [page["rows"] for page in pages[:-1]]


def test_a_cursor_keeps_the_days_it_was_made_for(shop):
    for _ in range(2):
        shop.place()
    shop.post()
    for _ in range(2):  # once more where midnight has come in between
        since = shop.get(PATH).json["from"]
        sell(shop, "OTHER", 1, since)
        first = shop.get(f"{PATH}?limit=1").json
        if first["from"] == since:
            break
    shop.admin.execute("UPDATE reads.checkpoint SET timezone = 'Pacific/Kiritimati'")
    second = shop.get(f"{PATH}?limit=1&cursor={first['next_cursor']}").json
    assert (second["from"], second["to"]) == (first["from"], first["to"])
    assert [first["rows"][0]["sku"], second["rows"][0]["sku"]] == ["MUG-1", "OTHER"]


def test_a_cursor_is_good_only_for_its_report(shop):
    for number in (1, 2):
        sell(shop, f"S-{number}", number)
    cursor = shop.get(f"{PATH}?{SPAN}&limit=1").json["next_cursor"]
    for query in (f"{SPAN}&sku=S-1", f"{SPAN}&sort=-units_placed", "from=2026-08-02&to=2026-09-01", ""):
        assert shop.get(f"{PATH}?{query}&cursor={cursor}").json["code"] == "invalid_cursor"
    assert shop.get(f"{PATH}?{SPAN}&limit=7&cursor={cursor}").status_code == 200


def test_bad_parameters_are_refused(shop):
    for query in ("from=2025-01-01&to=2026-02-06", "to=0001-01-01", "from=2026-08-22&to=2026-08-22", "currency=eur", "sort=name", "sku="):
        assert shop.get(f"{PATH}?{query}").json["code"] == "invalid_parameter"
