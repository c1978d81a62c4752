"""The event feed as a stream: what is there, then what comes, until it is closed; and who may hold a place for that."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from projector.rebuilding.building import Work
from projector.rebuilding.rebuild import rebuild
from tests.support.feed import events_of, stream, token, waits, walked
from tests.support.posting import QUIET, until
from tests.support.reading import open_shop

DEADLINE = 90


@pytest.fixture
def shop(migrated):
    with open_shop(migrated, threads=8, heartbeat_seconds=0.2) as shop:
        shop.post()
        yield shop


@pytest.fixture
def background():
    with ThreadPoolExecutor(4) as pool:
        yield pool


def test_a_stream_catches_up_and_goes_on(shop, background):
    shop.placed_and_posted()
    shop.placed_and_posted()
    with stream(shop, "/v1/events?limit=3") as blocks:
        assert blocks() == {"retry": "1000"}
        events = events_of(blocks, 4)
        assert [event["id"] for event in events] == ["1", "2", "3", "4"]
        assert [event["event"] for event in events] == ["order.created", "order.placed"] * 2
        assert json.loads(events[2]["data"]) == shop.get("/v1/events?after=2").json["items"][0]
        assert blocks() == {"": ""}, "a heartbeat"
        coming = background.submit(events_of, blocks, 2)
        waits(shop)
        shop.placed_and_posted()
        assert [event["id"] for event in coming.result(DEADLINE)] == ["5", "6"]


def test_a_stream_resumes_after_the_last_event_id(shop):
    shop.placed_and_posted()
    shop.placed_and_posted()
    with stream(shop, "/v1/events?after=1", Last_Event_ID="3") as blocks:
        assert events_of(blocks, 1)[0]["id"] == "4"
    with stream(shop, "/v1/events?after=1", Last_Event_ID="0") as blocks:
        assert events_of(blocks, 1)[0]["id"] == "1"
    with stream(shop, "/v1/events?after=1", Last_Event_ID="") as blocks:
        assert events_of(blocks, 1)[0]["id"] == "2"
    answer = shop.get("/v1/events", Accept="text/event-stream", Last_Event_ID="abc")
    assert (answer.status_code, answer.json["code"]) == (400, "invalid_parameter")


def test_a_stream_of_a_rare_type_tells_how_far_it_is(shop):
    shop.placed_and_posted()
    with stream(shop, "/v1/events?types=order.confirmed") as blocks:
        assert [blocks(), blocks(), blocks()] == [{"retry": "1000"}, {"id": "2"}, {"": ""}]


def test_a_stream_ends_with_its_token(shop):
    shop.placed_and_posted()
    for ttl in (2, 30):  # on a machine with much else to do the shorter life may be over before the stream begins
        bearer, said = f"Bearer {token('events:read', ttl=ttl)}", []
        with suppress(AssertionError), stream(shop, bearer=bearer) as blocks:
            said = list(iter(blocks, None))
        if len(said) > 3:
            break
    assert said[-1] == {"": "the token has expired"} and {"id": "2"}.items() <= said[2].items()
    assert shop.listener._waiting == 0


def test_a_stream_ends_when_the_tables_cannot_be_read(shop, background):
    shop.placed_and_posted()
    with stream(shop) as blocks:
        events_of(blocks, 2)
        shop.admin.execute("ALTER SCHEMA reads RENAME TO reads_gone")
        coming = background.submit(lambda: list(iter(blocks, None)))
        assert coming.result(DEADLINE)[-1] == {"": "read_model_behind"}
        shop.admin.execute("ALTER SCHEMA reads_gone RENAME TO reads")


def test_waiters_polls_and_streams_share_the_places(migrated, background):
    with open_shop(migrated, threads=6, heartbeat_seconds=0.2) as shop:
        shop.placed_and_posted()
        shop.place()
        polls = background.submit(shop.get, "/v1/events?after=2", Prefer="wait=30")
        waiter = background.submit(shop.get, "/v1/orders", Consistency_Token=shop.token(4), Prefer="wait=30")
        with stream(shop) as blocks:
            waits(shop, 3)
            for refused in (
                shop.get("/v1/events?after=2", Prefer="wait=1"),
                shop.get("/v1/events", Accept="text/event-stream"),
                shop.get("/v1/orders", Consistency_Token=shop.token(4)),
            ):
                assert (refused.status_code, refused.json["code"]) == (503, "overloaded")
                assert refused.headers["Retry-After"] and refused.headers["Projection-Position"] == "2"
            assert shop.get("/v1/events").status_code == 200
            assert events_of(blocks, 2)
        until(lambda: shop.listener._waiting == 2, "the place of the stream is free")
        with stream(shop):
            waits(shop, 3)
        shop.post()
        assert {polls.result(DEADLINE).status_code, waiter.result(DEADLINE).status_code} == {200}
    assert shop.listener._waiting == 0


def test_the_feed_goes_on_over_a_switch_of_generations(shop, migrated, background):
    shop.placed_and_posted()
    with stream(shop) as blocks:
        events_of(blocks, 2)
        rebuild(Work(migrated, "UTC", 1, QUIET))
        coming = background.submit(events_of, blocks, 2)
        shop.placed_and_posted()
        assert [event["id"] for event in coming.result(DEADLINE)] == ["3", "4"]
    assert [item["position"] for item in walked(shop)] == [1, 2, 3, 4]
