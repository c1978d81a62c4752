"""`GET /v1/orders/{order_id}/timeline`."""

from uuid import uuid4

import pytest

from command_api.annotations import AddNote, ChangeMetadata, ChangeTags
from tests.support.orders import confirm, pay, prepare, request
from tests.support.reading import open_shop


@pytest.fixture
def shop(migrated):
    with open_shop(migrated) as shop:
        yield shop


@pytest.fixture
def order_id(shop):
    """An order of five events."""
    order_id = shop.place()
    shop.writing.handle(pay(order_id, "pi_1", 3000, capture=True))
    shop.writing.handle(confirm(order_id))
    shop.post()
    return order_id


def test_it_tells_every_event_and_what_changed(shop, order_id):
    answer = shop.get(f"/v1/orders/{order_id}/timeline")
    assert answer.status_code == 200
    assert [item["type"] for item in answer.json["items"]] == [
        "order.created",
        "order.placed",
        "payment.authorized",
        "payment.captured",
        "order.confirmed",
    ]
    captured = answer.json["items"][3]
    assert captured["version"] == 4
    assert captured["changes"]["amount"] == 3000
    assert captured["actor"] == {"type": "service", "id": "tester"}
    assert captured["summary"].startswith("Captured 30.00 EUR")
    assert captured["occurred_at"] <= captured["recorded_at"]
    assert len(captured["recorded_at"]) == len("2026-11-22T10:00:00.000000Z")
    assert (answer.json["next_after_version"], answer.json["limit"]) == (None, 50)
    assert answer.headers["Projection-Position"] == "5"


def test_changes_are_the_stored_bytes(shop, order_id):
    data = shop.admin.execute("SELECT data FROM reads.order_timeline WHERE order_version = 1").fetchone()[0]
    assert f'"changes":{data}'.encode() in shop.get(f"/v1/orders/{order_id}/timeline?limit=1").data


def test_it_is_read_stretch_by_stretch(shop, order_id):
    seen, after = [], 0
    while after is not None:
        answer = shop.get(f"/v1/orders/{order_id}/timeline?after_version={after}&limit=2")
        seen += [item["version"] for item in answer.json["items"]]
        after = answer.json["next_after_version"]
    assert seen == [1, 2, 3, 4, 5]


def test_beyond_the_last_version_there_is_nothing_yet(shop, order_id):
    answer = shop.get(f"/v1/orders/{order_id}/timeline?after_version=5")
    assert (answer.status_code, answer.json["items"]) == (200, [])


def test_a_304_until_something_happens(shop, order_id):
    path = f"/v1/orders/{order_id}/timeline"
    etag = shop.get(path).headers["ETag"]
    assert shop.get(path, If_None_Match=etag).status_code == 304
    shop.writing.handle(prepare(order_id, 1))
    shop.post()
    assert shop.get(path, If_None_Match=etag).status_code == 200


def test_an_unknown_order_has_no_timeline(shop, order_id):
    answer = shop.get(f"/v1/orders/{uuid4()}/timeline")
    assert (answer.status_code, answer.json["code"]) == (404, "order_not_found")
    assert answer.headers["Projection-Position"] == "5"


def test_bad_parameters_are_refused(shop, order_id):
    for query in ("after_version=-1", "after_version=x", "limit=201", "after_version=2147483648"):
        answer = shop.get(f"/v1/orders/{order_id}/timeline?{query}")
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_parameter")


def test_customers_see_neither_internal_notes_nor_tags_nor_metadata(shop, order_id):
    for command in (
        AddNote(note_id="n-1", note_ref=str(uuid4())),
        AddNote(note_id="n-2", note_ref=str(uuid4()), visibility="customer"),
        ChangeTags(add=("vip",)),
        ChangeMetadata(patch={"cost_centre": "4711"}),
    ):
        shop.writing.handle(request(order_id, command))
    shop.post()
    path = f"/v1/orders/{order_id}/timeline?after_version=5"
    everything = [item["version"] for item in shop.get(path).json["items"]]
    assert [item["version"] for item in shop.get(f"{path}&visibility=internal").json["items"]] == everything == [6, 7, 8, 9]
    shown = shop.get(f"{path}&visibility=customer").json["items"]
    assert [item["changes"]["note_id"] for item in shown] == ["n-2"]
    assert len(shop.get(f"/v1/orders/{order_id}/timeline?visibility=customer&limit=5").json["items"]) == 5
    assert shop.get(f"{path}&visibility=all").json["code"] == "invalid_parameter"
