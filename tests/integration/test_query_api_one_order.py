"""One order found by its names, in parts, and as it stood at a version or a time."""

from urllib.parse import quote

import pytest

from shared.order_document import REVISION
from tests.support.orders import confirm, pay
from tests.support.reading import open_shop


@pytest.fixture
def shop(migrated):
    with open_shop(migrated) as shop:
        yield shop


@pytest.fixture
def order(shop):
    """An order at version 4: created, placed, confirmed, authorised."""
    order_id = shop.place(number="A/1 ä", external_id="shop/77?x", channel="web", tags=("vip",))
    shop.writing.handle(confirm(order_id))
    shop.writing.handle(pay(order_id, "pi_1", 6422))
    shop.post()
    return order_id


def test_an_order_is_found_by_its_number_and_by_its_external_id(shop, order):
    by_id = shop.get(f"/v1/orders/{order}")
    for path in (f"by-number/{quote('A/1 ä')}", f"by-external-id/web/{quote('shop/77?x')}"):
        answer = shop.get(f"/v1/orders/{path}")
        assert (answer.status_code, answer.data) == (200, by_id.data)
        assert answer.headers["ETag"] == by_id.headers["ETag"]
        assert answer.headers["Content-Location"] == f"/v1/orders/{order}"
        assert answer.headers["Projection-Position"] == by_id.headers["Projection-Position"]
        again = shop.get(f"/v1/orders/{path}", If_None_Match=by_id.headers["ETag"])
        assert (again.status_code, again.headers["Content-Location"]) == (304, f"/v1/orders/{order}")
    assert "Content-Location" not in by_id.headers


def test_what_is_nobodys_name_is_a_404_that_says_how_far_it_looked(shop, order):
    for path in ("by-number/a/1%20%C3%A4", "by-number/timeline", "by-number/%00", "by-external-id/pos/shop%2F77%3Fx"):
        answer = shop.get(f"/v1/orders/{path}")
        assert (answer.status_code, answer.json["code"]) == (404, "order_not_found")
        assert answer.headers["Projection-Position"] == "4"


def test_parts_that_are_not_included_are_left_out_and_the_rest_is_as_it_was(shop, order):
    full = shop.get(f"/v1/orders/{order}")
    some = shop.get(f"/v1/orders/{order}?include=payments,lines")
    parts = {"refunds", "shipments", "returns", "notes", "shipping_address", "billing_address"}
    assert list(some.json.items()) == [(name, value) for name, value in full.json.items() if name not in parts]
    assert some.data.startswith(full.data[: full.data.index(b'"shipping_address"')])
    assert shop.get(f"/v1/orders/by-number/{quote('A/1 ä')}?include=lines,payments").data == some.data


def test_each_choice_of_parts_has_an_etag_of_its_own(shop, order):
    choices = ("", "?include=lines", "?include=lines,payments", "?include=addresses", "?version=4")
    etags = [shop.get(f"/v1/orders/{order}{choice}").headers["ETag"] for choice in choices]
    assert len(set(etags)) == len(choices)
    assert {etag.partition(".")[0] for etag in etags} == {'"4'}
    for choice, etag in zip(choices, etags, strict=True):
        assert shop.get(f"/v1/orders/{order}{choice}", If_None_Match=etag).status_code == 304
    same = shop.get(f"/v1/orders/{order}?include=payments,lines").headers["ETag"]
    assert same == etags[2]


def test_all_parts_are_the_whole_order(shop, order):
    every = "notes,lines,payments,refunds,shipments,returns,addresses"
    answer = shop.get(f"/v1/orders/{order}?include={every}")
    assert answer.data == shop.get(f"/v1/orders/{order}").data
    assert answer.headers["ETag"] == f'"4.{REVISION}"'
    refused = shop.get(f"/v1/orders/{order}?include=lines,totals&version=0&x=1")
    assert [error["parameter"] for error in refused.json["errors"]] == ["include", "version", "x"]


def test_a_version_shows_the_order_as_it_stood(shop, order):
    statuses = []
    for version in (1, 2, 3, 4):
        answer = shop.get(f"/v1/orders/{order}?version={version}")
        assert answer.json["version"] == version
        assert answer.headers["ETag"].startswith(f'"{version}.{REVISION}.')
        statuses.append((answer.json["status"], answer.json["payment_status"], answer.json["number"]))
    assert statuses == [
        ("draft", "unpaid", None),
        ("placed", "unpaid", "A/1 ä"),
        ("confirmed", "unpaid", "A/1 ä"),
        ("confirmed", "authorized", "A/1 ä"),
    ]
    assert shop.get(f"/v1/orders/{order}?version=4").data == shop.get(f"/v1/orders/{order}").data
    assert set(shop.get(f"/v1/orders/{order}?version=1&include=lines").json) < set(answer.json)


def test_a_version_yet_to_come_is_a_404_that_says_which_is_the_last(shop, order):
    answer = shop.get(f"/v1/orders/{order}?version=5")
    assert (answer.status_code, answer.json["code"]) == (404, "version_not_found")
    assert "is at version 4, 5 is yet to come" in answer.json["detail"]
    assert answer.headers["Projection-Position"] == "4"
    nobody = shop.get("/v1/orders/0198d3a2-6c1e-7b44-9d20-3a5f0c9e7b11?version=5")
    assert (nobody.status_code, nobody.json["code"]) == (404, "order_not_found")


def test_a_time_shows_what_had_been_recorded_by_then(shop, order):
    recorded = [item["recorded_at"] for item in shop.get(f"/v1/orders/{order}/timeline").json["items"]]
    for time in recorded:
        last = max(number for number, other in enumerate(recorded, 1) if other <= time)
        answer = shop.get(f"/v1/orders/{order}?at={time}")
        assert answer.json["version"] == last
        assert answer.data == shop.get(f"/v1/orders/{order}?version={last}").data
    assert shop.get(f"/v1/orders/{order}?at=2100-01-01").json["version"] == 4
    before = shop.get(f"/v1/orders/{order}?at=2020-01-01")
    assert (before.status_code, before.json["code"]) == (404, "version_not_found")
    both = shop.get(f"/v1/orders/{order}?at=2100-01-01&version=4")
    assert (both.status_code, both.json["code"]) == (400, "invalid_parameter")


def test_an_order_that_stands_still_has_no_versions_beyond_its_document(shop, order):
    """A quarantined order's timeline goes on; what cannot be folded is not shown as a version."""
    shop.admin.execute("UPDATE reads.order_detail SET version = 3")
    assert shop.get(f"/v1/orders/{order}?version=4").json["code"] == "version_not_found"
    assert shop.get(f"/v1/orders/{order}?at=2100-01-01").json["version"] == 3
