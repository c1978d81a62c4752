"""What the console's live page is made of: the newest events, and how many there were in each minute."""

import random
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count

import pytest

from query_api.queries import order_timeline_live
from query_api.reads import read
from query_api.sessions import Sessions
from tests.support.reading import open_shop

AT = "UPDATE reads.order_timeline SET recorded_at = %s WHERE position = %s"
SEED = 7


@pytest.fixture
def shop(migrated):
    with open_shop(migrated) as shop:
        yield shop


@pytest.fixture
def reading(shop):
    sessions = Sessions(shop.databases.reads_url, shop.databases.book)
    yield partial(read, sessions)
    sessions.close()


def test_nothing_has_happened_yet(shop, reading):
    shop.post()
    assert order_timeline_live.latest(reading, 0, 10) == (0, [])
    assert [minute.events for minute in order_timeline_live.per_minute(reading)] == [0] * order_timeline_live.MINUTES


def test_the_newest_events_come_first_with_their_orders_numbers(shop, reading):
    first, second = shop.placed_and_posted(), shop.placed_and_posted()
    position, events = order_timeline_live.latest(reading, 1, 10)
    assert (position, [event.position for event in events]) == (4, [4, 3, 2])
    assert [event.order_id for event in events] == [str(second), str(second), str(first)]
    assert events[0].type == "order.placed"
    assert events[0].number == shop.get(f"/v1/orders/{second}").json["number"]
    assert events[0].is_order
    assert [event.position for event in order_timeline_live.latest(reading, 1, 2).events] == [4, 3]
    assert order_timeline_live.latest(reading, 4, 10).events == []


def test_each_minute_has_the_events_that_were_recorded_in_it(shop, reading):
    chance = random.Random(SEED)
    for _ in range(20):
        shop.place()
    position = shop.post()
    now = datetime.now(UTC)
    times = sorted(now - timedelta(seconds=chance.choice([0, 1, 59, 61, 700, chance.uniform(0, 4000)])) for _ in range(position))
    shop.admin.cursor().executemany(AT, list(zip(times, count(1))))
    minutes = order_timeline_live.per_minute(reading)
    assert [minute.began_at for minute in minutes] == [minutes[0].began_at + 60 * number for number in range(len(minutes))]
    for began, events in minutes[:-1]:
        assert events == sum(began <= at.timestamp() < began + 60 for at in times)
    assert sum(minute.events for minute in minutes) == sum(at.timestamp() >= minutes[0].began_at for at in times)
