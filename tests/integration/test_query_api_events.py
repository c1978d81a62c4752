"""The event feed: every position once, in order, from wherever one left off; pages and long polls, and one order's."""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import jsonschema_rs
import pytest

from query_api.queries import order_timeline_feed
from shared.events import customer_stream
from tests.support.event_fixtures import fixtures
from tests.support.feed import events_of, stream, token, waits, walked
from tests.support.orders import confirm, pay
from tests.support.posting import append, raw_command
from tests.support.reading import open_shop, reader

DEADLINE = 90
"""Seconds; none of what is waited for here may take as long on any machine."""

LONGEST = 30
"""So many seconds a request may wait at most."""


@pytest.fixture
def shop(migrated):
    with open_shop(migrated, threads=8, heartbeat_seconds=0.2) as shop:
        shop.post()
        yield shop


@pytest.fixture
def background():
    with ThreadPoolExecutor(4) as pool:
        yield pool


def test_an_event_is_a_cloudevent(shop):
    order_id = shop.placed_and_posted()
    answer = shop.get("/v1/events?limit=1")
    assert answer.headers["Content-Type"] == "application/json"
    assert (answer.json["next_after"], answer.json["head"]) == (1, 2)
    (item,) = answer.json["items"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", item.pop("time"))
    assert UUID(item.pop("id"))
    data = item.pop("data")
    assert (data["order_id"], data["currency"]) == (str(order_id), "EUR")
    assert item == {
        "specversion": "1.0",
        "source": "/orders",
        "type": "order.created",
        "subject": str(order_id),
        "datacontenttype": "application/json",
        "dataschema": "/schemas/order.created/1",
        "sequence": "1",
        "position": 1,
        "actor": {"type": "service", "id": "tester"},
    }


def test_every_type_of_event_has_a_schema_that_what_was_ever_written_fits(shop):
    for fixture in fixtures():
        answer = shop.get(f"/schemas/{fixture.type}/{fixture.schema_version}", bearer=None)
        assert (answer.status_code, answer.mimetype) == (200, "application/schema+json")
        for data in (fixture.read().full, fixture.read().minimal):
            assert jsonschema_rs.is_valid(answer.json, json.loads(bytes(data))), fixture.type
    shop.placed_and_posted()
    for item in shop.get("/v1/events").json["items"]:
        schema = shop.get(item["dataschema"], bearer=None).json
        assert schema["$id"] == item["dataschema"]
        assert jsonschema_rs.is_valid(schema, item["data"]) and not jsonschema_rs.is_valid(schema, {})
    for unknown in ("order.created/2", "order.created/x", "order.unheard_of/1"):
        assert shop.get(f"/schemas/{unknown}", bearer=None).status_code == 404


def test_data_are_the_bytes_of_the_log(shop, migrated):
    strange = '{"b" : 1.50,\n "a":"\\u00e9", "c":[ 9007199254740993 ]}'
    append(migrated, raw_command(uuid4(), 0, "shop.reorganised", strange, schema_version=7))
    shop.post()
    assert f'"data":{strange}' in shop.get("/v1/events").text
    with stream(shop) as blocks:
        (event,) = events_of(blocks, 1)
        assert f'"data":{strange}'.replace("\n", " ") in event["data"]
        assert (event["event"], json.loads(event["data"])["dataschema"]) == ("shop.reorganised", "/schemas/shop.reorganised/7")


def test_every_position_once_whatever_stream_and_type_it_is_of(shop, migrated):
    order_id = shop.place()
    append(migrated, raw_command(customer_stream("c-1"), 0, "customer.erased", '{"customer_id":"c-1"}'))
    append(migrated, raw_command(order_id, 2, "order.something_new", '{"a":1}'))
    shop.writing.handle(confirm(order_id))
    shop.post()
    for path in ("/v1/events?limit=1", "/v1/events?limit=3", "/v1/events?limit=1000"):
        assert [item["position"] for item in walked(shop, path)] == [1, 2, 3, 4, 5]
        assert [item["position"] for item in walked(shop, path, after=3)] == [4, 5]


def test_the_end_is_an_empty_page_that_stays_where_it_is(shop):
    shop.placed_and_posted()
    shop.place()  # in the log, not yet posted
    answer = shop.get("/v1/events?after=2").json
    assert answer == {"items": [], "next_after": 2, "head": 4}
    assert shop.get("/v1/events?after=3").json == {"items": [], "next_after": 3, "head": 4}


def test_a_position_that_the_log_has_never_had_is_refused(shop, migrated):
    shop.placed_and_posted()
    answer = shop.get("/v1/events?after=3")
    assert (answer.status_code, answer.json["code"], answer.json["head_position"]) == (400, "position_unknown", 2)
    assert shop.get("/v1/events", Last_Event_ID="3", Accept="text/event-stream").status_code == 400
    with reader(migrated, events_url=None) as blind:
        assert blind.get("/v1/events?after=3").json == {"items": [], "next_after": 3, "head": None}


def test_types_and_order_id_choose(shop, migrated):
    first, second = shop.place(), shop.place()
    for order_id in (second, first):
        shop.writing.handle(confirm(order_id))
    append(migrated, raw_command(uuid4(), 0, "Unheard-of_1", "{}"))
    shop.post()

    def positions(query):
        return [item["position"] for item in walked(shop, f"/v1/events?limit=1&{query}")]

    assert positions("types=order.confirmed") == [5, 6]
    assert positions("types=order.confirmed,Unheard-of_1") == [5, 6, 7]
    assert positions("types=nothing.of_the_kind") == []
    assert positions(f"order_id={first}") == positions(f"order_id={str(first).upper()}") == [1, 2, 6]
    assert positions(f"order_id={first}&types=order.placed,order.confirmed") == [2, 6]
    assert positions(f"order_id={uuid4()}") == []
    assert shop.get(f"/v1/events?order_id={first}&after=2&limit=1").json["next_after"] == 6
    assert shop.get(f"/v1/events?order_id={first}&after=2").json["next_after"] == 7


def test_a_rare_type_does_not_make_a_page_that_looks_at_everything(shop, monkeypatch):
    for _ in range(5):
        order_id = shop.place()
    shop.writing.handle(confirm(order_id))
    shop.post()
    few = order_timeline_feed.AFTER.replace(str(order_timeline_feed.MOST_EXAMINED), "3")
    monkeypatch.setattr(order_timeline_feed, "AFTER", few)
    assert shop.get("/v1/events?types=order.confirmed").json == {"items": [], "next_after": 3, "head": 11}
    assert shop.get("/v1/events?types=order.confirmed", Prefer="wait=30").json["next_after"] == 3, "more to be had at once"
    assert [item["position"] for item in walked(shop, "/v1/events?types=order.confirmed")] == [11]
    with stream(shop, "/v1/events?types=order.confirmed") as blocks:
        assert [event["id"] for event in events_of(blocks, 1)] == ["11"]


def test_great_events_make_small_pages(shop, migrated):
    great = json.dumps({"text": "x" * (order_timeline_feed.MOST_BYTES // 2 + 10)})
    append(migrated, *(raw_command(uuid4(), 0, "great", great) for _ in range(5)))
    shop.post()
    first = shop.get("/v1/events").json
    assert [item["position"] for item in first["items"]] == [1, 2] and first["next_after"] == 2
    assert [item["position"] for item in walked(shop, "/v1/events?limit=100")] == [1, 2, 3, 4, 5]


def test_a_long_poll_ends_with_the_next_event(shop, background):
    shop.placed_and_posted()
    asked = background.submit(shop.get, "/v1/events?after=2", Prefer=f"wait={LONGEST}")
    waits(shop)
    assert not asked.done()
    shop.placed_and_posted()
    answer = asked.result(DEADLINE)
    assert [item["position"] for item in answer.json["items"]] == [3, 4]
    assert answer.headers["Preference-Applied"] == "wait"
    assert shop.get("/v1/events", Prefer="wait=30").json["next_after"] == 4, "what is there is answered at once"


def test_a_long_poll_for_a_type_waits_over_others(shop, background):
    order_id = shop.placed_and_posted()
    asked = background.submit(shop.get, "/v1/events?after=2&types=order.confirmed", Prefer=f"wait={LONGEST}")
    waits(shop)
    shop.placed_and_posted()
    shop.writing.handle(confirm(order_id))
    shop.post()
    assert [item["position"] for item in asked.result(DEADLINE).json["items"]] == [5]


def test_a_long_poll_in_vain_has_no_items(shop):
    shop.placed_and_posted()
    begun = time.monotonic()
    answer = shop.get("/v1/events?after=2", Prefer="wait=1")
    assert 0.9 < time.monotonic() - begun < DEADLINE
    assert (answer.status_code, answer.json) == (200, {"items": [], "next_after": 2, "head": 2})


def test_a_token_and_strict_freshness_hold_for_the_feed(shop, background):
    shop.place()
    asked = background.submit(shop.get, "/v1/events", Consistency_Token=shop.token(2), Prefer="wait=30")
    waits(shop)
    shop.post()
    assert len(asked.result(DEADLINE).json["items"]) == 2
    shop.place()
    asked = background.submit(shop.get, "/v1/events", Prefer="wait=30, freshness=strict")
    waits(shop)
    shop.post()
    answer = asked.result(DEADLINE)
    assert (len(answer.json["items"]), answer.headers["Preference-Applied"]) == (4, "wait, freshness=strict")


def test_head_answers_without_a_body(shop):
    shop.placed_and_posted()
    full, bare = shop.get("/v1/events"), shop.get("/v1/events", method="HEAD")
    assert (bare.status_code, bare.data) == (200, b"")
    assert bare.headers["Content-Length"] == str(len(full.data)) and bare.headers["ETag"] == full.headers["ETag"]
    assert shop.get("/v1/events", If_None_Match=full.headers["ETag"]).status_code == 304
    for _ in range(10):  # more than there are places
        streams = shop.client.head("/v1/events", headers={"Accept": "text/event-stream"} | bearer())
        assert (streams.status_code, streams.mimetype) == (200, "text/event-stream")


def bearer():
    return {"Authorization": f"Bearer {token('events:read')}"}


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v1/events?limit=0", "invalid_parameter"),
        ("/v1/events?limit=1001", "invalid_parameter"),
        ("/v1/events?after=-1", "invalid_parameter"),
        ("/v1/events?after=x", "invalid_parameter"),
        ("/v1/events?types=", "invalid_parameter"),
        ("/v1/events?types=a%7Db", "invalid_parameter"),
        ("/v1/events?order_id=7", "invalid_parameter"),
        ("/v1/events?since=7", "unknown_parameter"),
    ],
)
def test_what_cannot_be_read_is_refused(shop, path, code):
    for headers in ({}, {"Accept": "text/event-stream"}):
        answer = shop.get(path, **headers)
        assert (answer.status_code, answer.json["code"]) == (400, code)


def test_the_scope_is_its_own(shop):
    shop.placed_and_posted()
    for path in ("/v1/events", f"/v1/orders/{uuid4()}/events"):
        answer = shop.get(path, bearer=f"Bearer {token('orders:read')}")
        assert (answer.status_code, answer.json["required_scope"]) == (403, "events:read")
    assert shop.get("/v1/events", Accept="text/csv").status_code == 406
    assert shop.get("/v1/orders", Accept="text/event-stream").status_code == 406


def test_events_of_an_order(shop, migrated):
    other, order_id = shop.place(), shop.place()
    shop.writing.handle(pay(order_id, "p1", 1))
    append(migrated, raw_command(customer_stream("c-1"), 0, "customer.erased", '{"customer_id":"c-1"}'))
    shop.post()
    path = f"/v1/orders/{order_id}/events"
    answer = shop.get(path)
    assert [(item["sequence"], item["position"]) for item in answer.json["items"]] == [("1", 3), ("2", 4), ("3", 5)]
    assert (answer.json["next_after_version"], answer.json["limit"]) == (None, 100)
    assert answer.json["items"][0] == shop.get("/v1/events?after=2&limit=1").json["items"][0]
    page = shop.get(f"{path}?limit=2").json
    assert [item["sequence"] for item in page["items"]] == ["1", "2"] and page["next_after_version"] == 2
    assert [item["sequence"] for item in shop.get(f"{path}?after_version=2").json["items"]] == ["3"]
    assert shop.get(f"{path}?after_version=3").json["items"] == []
    for unknown in (uuid4(), customer_stream("c-1"), "7"):
        answer = shop.get(f"/v1/orders/{unknown}/events")
        assert (answer.status_code, answer.json["code"]) == (404, "order_not_found")
    assert other


def test_events_of_an_order_in_quarantine_are_shown(shop, migrated):
    poisoned = uuid4()
    append(migrated, raw_command(poisoned, 0, "order.from_the_future", "{}"))
    shop.post()
    quarantined = "INSERT INTO reads.quarantine VALUES (%s, 1, 1, 'order.from_the_future', 'cannot be read', now())"
    shop.admin.execute("DELETE FROM reads.order_detail WHERE order_id = %s", [poisoned])
    shop.admin.execute(quarantined, [poisoned])
    assert [item["position"] for item in shop.get(f"/v1/orders/{poisoned}/events").json["items"]] == [1]
