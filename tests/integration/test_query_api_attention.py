"""`GET /v1/attention`."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tests.support.orders import pay
from tests.support.reading import open_shop, walked

PATH = "/v1/attention"
ADD = "INSERT INTO reads.attention VALUES (%s, %s, %s, %s, 'as put there')"


@pytest.fixture
def shop(migrated):
    with open_shop(migrated) as shop:
        shop.placed_and_posted()
        yield shop


def needing(shop, number, kind, since, amount=7):
    order_id = str(UUID(int=number))
    shop.admin.execute(ADD, [order_id, kind, since, amount])
    return order_id


def found(answer):
    return [(item["order_id"], item["kind"]) for item in answer.json["items"]]


def test_an_order_that_is_overpaid_needs_attention(shop):
    order_id = shop.place(customer_id="c-1")
    shop.writing.handle(pay(order_id, "pi_1", 7000, capture=True))
    shop.post()
    [item] = shop.get(PATH).json["items"]
    assert len(item.pop("since")) == len("2026-11-22T10:00:00.000000Z")
    assert item.pop("number").startswith("SO-")
    assert item.pop("detail")
    assert (item.pop("currency"), item.pop("currency_exponent")) == ("EUR", 2)
    assert item == {"order_id": str(order_id), "kind": "overpaid", "amount": 578}


def test_what_lies_ahead_is_shown_once_it_has_come(shop):
    now = datetime.now(UTC)
    shop.list_rows({"order_id": str(UUID(int=1)), "number": "SO-1"}, {"order_id": str(UUID(int=2)), "number": "SO-2"})
    come = needing(shop, 1, "authorization_expiring", now - timedelta(seconds=1))
    needing(shop, 2, "authorization_expiring", now + timedelta(hours=1))
    assert found(shop.get(PATH)) == found(shop.get(f"{PATH}?kind=authorization_expiring")) == [(come, "authorization_expiring")]


def test_kinds_can_be_chosen_and_walked_through_both_ways(shop):
    shop.list_rows(*({"order_id": str(UUID(int=number)), "number": f"SO-{number}"} for number in range(1, 8)))
    kinds = ("overpaid", "refund_due", "void_due")
    rows = sorted(
        (needing(shop, number, kind, f"2026-11-22T10:00:0{number // 4}.25Z"), kind)
        for number in range(1, 8)
        for kind in kinds
    )
    rows.sort(key=lambda row: (UUID(row[0]).int // 4, row))
    for wanted in (kinds, kinds[:1], kinds[1:]):
        expected = [row for row in rows if row[1] in wanted]
        for limit in (1, 2, 5, 200):
            path = f"{PATH}?kind={','.join(wanted)}&limit={limit}"
            pages = walked(shop, path)
            assert [(item["order_id"], item["kind"]) for page in pages for item in page["items"]] == expected
            if len(pages) > 1:
                back = walked(shop, f"{path}&cursor={pages[-1]['prev_cursor']}", "prev")
                assert [page["items"] for page in reversed(back)] == [page["items"] for page in pages[:-1]]


def test_bad_parameters_are_refused(shop):
    for query, code in (("kind=sad", "invalid_parameter"), ("cursor=e30", "invalid_cursor"), ("limit=0", "invalid_parameter")):
        assert shop.get(f"{PATH}?{query}").json["code"] == code
