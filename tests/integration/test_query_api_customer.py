"""`GET /v1/customers/{customer_id}`."""

import pytest

from tests.support.orders import pay
from tests.support.reading import open_shop


@pytest.fixture
def shop(migrated):
    with open_shop(migrated) as shop:
        yield shop


def test_a_customer_in_short_with_totals_per_currency(shop):
    first = shop.place(customer_id="c-7")
    shop.writing.handle(pay(first, "p", 3000, capture=True))
    last = shop.place(customer_id="c-7", currency="JPY")
    shop.place(customer_id="c-8")
    shop.post()
    answer = shop.get("/v1/customers/c-7")
    placed_at = sorted(shop.get(f"/v1/orders/{order_id}").json["placed_at"] for order_id in (first, last))
    assert answer.status_code == 200
    assert answer.json == {
        "customer_id": "c-7",
        "email": None,
        "name": None,
        "erased": False,
        "order_count": 2,
        "cancelled_count": 0,
        "first_order_at": placed_at[0],
        "last_order_at": placed_at[1],
        "totals": [
            {
                "currency": currency,
                "orders": 1,
                "units": 3,
                "ordered_amount": 6422,
                "cancelled_amount": 0,
                "captured_amount": captured,
                "refunded_amount": 0,
                "net_amount": 6422,
            }
            for currency, captured in (("EUR", 3000), ("JPY", 0))
        ],
    }
    assert answer.headers["Projection-Position"] == "8"
    assert shop.get("/v1/customers/c-7", If_None_Match=answer.headers["ETag"]).status_code == 304


def test_an_unknown_customer_is_a_404(shop):
    shop.placed_and_posted(customer_id="c-7")
    for name in ("nobody", "c-7%00", "%FF", "c-7%2Forders%2Fmore"):
        answer = shop.get(f"/v1/customers/{name}")
        assert (answer.status_code, answer.json["code"]) == (404, "customer_not_found")
        assert answer.headers["Projection-Position"] == "2"


def test_a_customer_id_may_have_a_slash(shop):
    shop.placed_and_posted(customer_id="shop/7")
    assert shop.get("/v1/customers/shop%2F7").json["customer_id"] == "shop/7"


def test_customers_come_by_their_ids_page_by_page(shop):
    for customer_id in ("c-1", "C-1", "a", "ä", "B", "c-10", "c-2"):
        shop.place(customer_id=customer_id)
    shop.post()
    expected = ["B", "C-1", "a", "c-1", "c-10", "c-2", "ä"]
    whole = shop.get("/v1/customers").json
    assert [item["customer_id"] for item in whole["items"]] == expected
    assert whole["items"] == [shop.get(f"/v1/customers/{customer_id}").json for customer_id in expected]
    first = shop.get("/v1/customers?limit=4")
    rest = shop.get(f"/v1/customers?limit=4&cursor={first.json['next_cursor']}").json
    assert [item["customer_id"] for item in first.json["items"] + rest["items"]] == expected
    assert 'rel="next"' in first.headers["Link"]
    assert rest["next_cursor"] is None
    back = shop.get(f"/v1/customers?limit=4&cursor={rest['prev_cursor']}").json
    assert back["items"] == first.json["items"]
    assert back["prev_cursor"] is None
    other = shop.get(f"/v1/customers?email=x&cursor={first.json['next_cursor']}")
    assert (other.status_code, other.json["code"]) == (400, "invalid_cursor")


def test_customers_are_found_by_their_address_whatever_the_case(shop):
    for customer_id in ("c-2", "c-1", "c-3"):
        shop.place(customer_id=customer_id)
    shop.post()
    shop.admin.execute("UPDATE reads.customer SET email = 'Änne@Example.org' WHERE customer_id <> 'c-3'")
    found = shop.get("/v1/customers?email=%C3%A4nne@example.ORG").json
    assert [item["customer_id"] for item in found["items"]] == ["c-1", "c-2"]
    assert shop.get("/v1/customers?email=nobody@example.org").json["items"] == []
