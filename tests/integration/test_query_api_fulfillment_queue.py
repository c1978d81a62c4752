"""`GET /v1/fulfillment-queue`."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tests.support.orders import confirm, pay, prepare
from tests.support.reading import open_shop, walked

PATH = "/v1/fulfillment-queue"
ADD = """
INSERT INTO reads.fulfillment_queue
VALUES (%s, %s, %s, %s, 1, '[]', %s, NULL, 0)
"""


@pytest.fixture
def shop(migrated):
    with open_shop(migrated) as shop:
        shop.post()
        yield shop


def waiting(shop, number, minutes=0, state="ready", country="DE"):
    """A row like those of the projector, with an order in the list beside it."""
    order_id = str(UUID(int=number))
    since = datetime.now(UTC) - timedelta(minutes=minutes)
    shop.admin.execute(ADD, [order_id, f"SO-{number}", since, state, country])
    shop.list_rows({"order_id": order_id, "number": f"SO-{number}", "version": number})
    return order_id


def ids(answer):
    return [item["order_id"] for item in answer.json["items"]]


def test_an_order_waits_from_its_confirmation_until_its_last_unit_is_set_aside(shop):
    order_id = shop.place(customer_id="c-1")
    shop.post()
    assert shop.get(PATH).json == {"items": [], "next_cursor": None, "prev_cursor": None, "limit": 50}
    shop.writing.handle(confirm(order_id))
    shop.post()
    [item] = shop.get(PATH).json["items"]
    assert item.pop("waiting_seconds") in range(600)
    assert len(item.pop("confirmed_at")) == len("2026-11-22T10:00:00.000000Z")
    assert item.pop("number")
    assert item == {
        "order_id": str(order_id),
        "state": "blocked_payment",
        "ship_country": "DE",
        "customer_name": None,
        "units_open": 3,
        "missing_amount": 6422,
        "lines": [{"line_id": "L1", "sku": "MUG-1", "name": "Mug", "open": 3}],
        "version": 3,
        "currency": "EUR",
        "currency_exponent": 2,
    }
    shop.writing.handle(pay(order_id, "pi_1", 6422))
    shop.post()
    assert shop.get(PATH).json["items"][0]["state"] == "ready"
    shop.writing.handle(prepare(order_id, 1))
    shop.post()
    [item] = shop.get(PATH).json["items"]
    assert (item["state"], item["units_open"], item["version"]) == ("in_progress", 2, 5)
    shop.writing.handle(prepare(order_id, 2))
    shop.post()
    assert ids(shop.get(PATH)) == []


def test_who_waits_longest_comes_first_and_how_long_is_as_of_now(shop):
    shop.placed_and_posted()
    late, early = waiting(shop, 1, minutes=1), waiting(shop, 2, minutes=30)
    answer = shop.get(PATH)
    assert ids(answer) == [early, late]
    assert answer.json["items"][0]["waiting_seconds"] in range(1800, 2400)
    assert [item["version"] for item in answer.json["items"]] == [2, 1]


def test_every_filter(shop):
    shop.placed_and_posted()
    a = waiting(shop, 1, minutes=90, state="ready", country="DE")
    b = waiting(shop, 2, minutes=60, state="blocked_payment", country="FR")
    c = waiting(shop, 3, minutes=10, state="in_progress", country=None)
    for query, found in (
        ("state=ready", [a]),
        ("state=in_progress,blocked_payment", [b, c]),
        ("ship_country=FR,DE", [a, b]),
        ("older_than_minutes=60", [a, b]),
        ("older_than_minutes=80&ship_country=FR", []),
        ("older_than_minutes=0", [a, b, c]),
    ):
        assert ids(shop.get(f"{PATH}?{query}")) == found, query


def test_a_walk_both_ways_shows_each_row_once(shop):
    shop.placed_and_posted()
    same = [waiting(shop, number) for number in range(1, 12)]
    shop.admin.execute("UPDATE reads.fulfillment_queue SET confirmed_at = '2026-11-22T10:00:00.5Z'")
    for limit in (1, 3, 11, 200):
        pages = walked(shop, f"{PATH}?limit={limit}&ship_country=DE")
        assert [item["order_id"] for page in pages for item in page["items"]] == same
    back = walked(shop, f"{PATH}?limit=3&ship_country=DE&cursor={walked(shop, f'{PATH}?limit=3&ship_country=DE')[-1]['prev_cursor']}", "prev")
    assert [item["order_id"] for page in reversed(back) for item in page["items"]] == same[:9]


def test_a_cursor_is_good_only_for_its_filter(shop):
    shop.placed_and_posted()
    for number in (1, 2):
        waiting(shop, number)
    cursor = shop.get(f"{PATH}?limit=1").json["next_cursor"]
    of_attention = "eyJ2IjoxfQ"
    for query in (f"state=ready&cursor={cursor}", f"cursor={of_attention}", "cursor=x"):
        answer = shop.get(f"{PATH}?{query}")
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_cursor")


def test_bad_parameters_are_refused(shop):
    for query, code in (
        ("state=lost", "invalid_parameter"),
        ("ship_country=de", "invalid_parameter"),
        ("older_than_minutes=-1", "invalid_parameter"),
        ("older_than_minutes=99999999", "invalid_parameter"),
        ("kind=overpaid", "unknown_parameter"),
    ):
        answer = shop.get(f"{PATH}?{query}")
        assert (answer.status_code, answer.json["code"]) == (400, code), query
