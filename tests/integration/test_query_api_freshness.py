"""Consistency tokens: a read shows the write it was given, or says that it cannot yet."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread
from uuid import uuid4

import psycopg
import pytest

from projector.health.status import status
from tests.support.orders import confirm, pay
from tests.support.posting import until
from tests.support.reading import open_shop, reader

DEADLINE = 90
"""Seconds; none of what is waited for here may take as long on any machine."""

LONGEST = 30
"""So many seconds a request may wait at most."""


LISTENING = """
SELECT count(*)
FROM pg_stat_activity
WHERE application_name = 'daybook query-api listener' AND datname = current_database()
"""


@pytest.fixture
def shop(migrated):
    with open_shop(migrated) as shop:
        shop.post()
        yield shop


def waits(shop, count=1):
    """Return once so many requests wait for the listener, which is then connected."""

    def wait():
        return shop.listener._waiting >= count and shop.admin.execute(LISTENING).fetchone()[0]

    until(wait, f"{count} wait")


@pytest.fixture
def background():
    with ThreadPoolExecutor(8) as pool:
        yield pool


def test_a_token_already_reached_is_served_at_once(shop):
    order_id = shop.placed_and_posted()
    answer = shop.get(f"/v1/orders/{order_id}", Consistency_Token=shop.token(2))
    assert (answer.status_code, answer.json["version"]) == (200, 2)
    assert "Preference-Applied" not in answer.headers


def test_a_stated_wait_is_acknowledged(shop):
    order_id = shop.placed_and_posted()
    answer = shop.get(f"/v1/orders/{order_id}", Consistency_Token=shop.token(2), Prefer="wait=1")
    assert answer.headers["Preference-Applied"] == "wait"


@pytest.mark.parametrize("path", ["/v1/orders/{id}", "/v1/orders", "/v1/orders/{id}/timeline", "/v1/customers/c-1"])
def test_a_read_waits_until_its_write_is_posted(shop, background, path):
    order_id = shop.place()
    answer = background.submit(
        shop.get, path.format(id=order_id), Consistency_Token=shop.token(2), Prefer=f"wait={LONGEST}"
    )
    waits(shop)
    assert not answer.done()
    shop.post()
    answer = answer.result(DEADLINE)
    assert answer.status_code == 200, answer.text
    assert int(answer.headers["Projection-Position"]) == 2
    assert answer.headers["Preference-Applied"] == "wait"


def test_after_waiting_a_404_is_definitive(shop, background):
    shop.place()
    answer = background.submit(
        shop.get, f"/v1/orders/{uuid4()}", Consistency_Token=shop.token(2), Prefer=f"wait={LONGEST}"
    )
    waits(shop)
    shop.post()
    answer = answer.result(DEADLINE)
    assert (answer.status_code, answer.headers["Projection-Position"]) == (404, "2")


def test_many_waiters_are_woken_by_one_listener(migrated):
    with open_shop(migrated, threads=16) as shop, ThreadPoolExecutor(8) as pool:
        shop.post()
        orders = [shop.place() for _ in range(4)]
        answers = [
            pool.submit(
                shop.get, f"/v1/orders/{orders[n % 4]}", Consistency_Token=shop.token(2 * (n % 4 + 1)), Prefer="wait=30"
            )
            for n in range(8)
        ]
        waits(shop, 8)
        shop.post()
        assert {answer.result(DEADLINE).status_code for answer in answers} == {200}
        assert shop.admin.execute(LISTENING).fetchone()[0] == 1


def test_what_is_not_reached_in_time_is_a_503(shop):
    order_id = shop.place()
    begun = time.monotonic()
    answer = shop.get(f"/v1/orders/{order_id}", Consistency_Token=shop.token(2), Prefer="wait=1")
    assert 0.9 < time.monotonic() - begun < LONGEST
    assert (answer.status_code, answer.json["code"]) == (503, "read_model_behind")
    assert answer.headers["Retry-After"] == "1"
    assert (answer.json["position"], answer.json["token_position"]) == (0, 2)
    assert answer.headers["Projection-Position"] == "0"
    assert float(answer.headers["Projection-Lag"]) > 0.9


def test_who_will_not_wait_is_told_at_once(shop):
    order_id = shop.place()
    answer = shop.get(f"/v1/orders/{order_id}", Consistency_Token=shop.token(2), Prefer="wait=0")
    assert (answer.status_code, answer.json["code"]) == (503, "read_model_behind")
    assert shop.listener._thread is None, "nobody has waited"


def test_a_token_beyond_the_log_fails_at_once(shop):
    order_id = shop.placed_and_posted()
    answer = shop.get(f"/v1/orders/{order_id}", Consistency_Token=shop.token(3), Prefer="wait=30")
    assert (answer.status_code, answer.json["code"]) == (503, "read_model_behind")
    assert "the log itself ends at 2" in answer.json["detail"].lower()
    assert shop.listener._thread is None, "nobody has waited"


def test_a_token_just_written_is_within_the_log_although_the_head_was_known_before(shop):
    order_id = shop.placed_and_posted()
    shop.get(f"/v1/orders/{order_id}")  # now the head is known to be 2
    shop.writing.handle(confirm(order_id))
    answer = shop.get(f"/v1/orders/{order_id}", Consistency_Token=shop.token(3), Prefer="wait=0")
    assert "asks not to wait" in answer.json["detail"]


def test_strict_waits_for_what_the_log_had_on_arrival_whoever_wrote_it(shop, background):
    order_id = shop.placed_and_posted()
    shop.get(f"/v1/orders/{order_id}")  # now the head is known to be 2
    shop.writing.handle(confirm(order_id))
    assert shop.get(f"/v1/orders/{order_id}").json["version"] == 2
    answer = background.submit(shop.get, f"/v1/orders/{order_id}", Prefer="freshness=strict, wait=30")
    waits(shop)
    assert not answer.done()
    shop.post()
    answer = answer.result(DEADLINE)
    assert (answer.status_code, answer.json["version"]) == (200, 3)
    assert answer.headers["Preference-Applied"] == "wait, freshness=strict"
    at_once = shop.get(f"/v1/orders/{order_id}", Prefer='freshness="strict"')
    assert at_once.headers["Preference-Applied"] == "freshness=strict"


def test_strict_says_when_it_could_not_be(shop):
    order_id = shop.place()
    answer = shop.get(f"/v1/orders/{order_id}", Prefer="freshness=eventual, freshness=strict")
    assert (answer.status_code, answer.headers["Projection-Position"]) == (404, "0"), "only the first counts"
    answer = shop.get(f"/v1/orders/{order_id}", Prefer="wait=1, freshness=strict")
    assert (answer.status_code, answer.json["code"]) == (503, "read_model_behind")
    assert (answer.json["position"], answer.json["head_position"]) == (0, 2)
    assert "token_position" not in answer.json


def test_strict_goes_with_a_token_and_both_must_be_reached(shop):
    order_id = shop.placed_and_posted()
    answer = shop.get(f"/v1/orders/{order_id}", Consistency_Token=shop.token(2), Prefer="freshness=strict")
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (200, "freshness=strict")
    answer = shop.get(f"/v1/orders/{order_id}", Consistency_Token=shop.token(3), Prefer="freshness=strict")
    assert (answer.status_code, answer.json["token_position"]) == (503, 3)


def test_strict_is_refused_where_the_log_is_out_of_reach(shop, migrated):
    order_id = shop.placed_and_posted()
    with reader(migrated, events_url=None) as blind:
        answer = blind.get(f"/v1/orders/{order_id}", Prefer="freshness=strict")
        assert (answer.status_code, answer.json["code"]) == (501, "head_not_known")
    nobody = migrated.events_url.replace("?", "-gone?") if "?" in migrated.events_url else f"{migrated.events_url}-gone"
    with reader(migrated, events_url=nobody) as cut_off:
        answer = cut_off.get(f"/v1/orders/{order_id}", Prefer="freshness=strict")
        assert (answer.status_code, answer.json["code"]) == (503, "store_unavailable")


def test_foreign_and_malformed_tokens_are_refused(shop):
    order_id = shop.placed_and_posted()
    for token in ("another.1", "", "nonsense", "x.y", "-1", "é.1", f"{shop.token(1)}9999999999999999999"):
        answer = shop.get(f"/v1/orders/{order_id}", Consistency_Token=token)
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_consistency_token")


def test_waiters_take_at_most_half_of_the_threads(migrated, background):
    with open_shop(migrated, threads=4) as shop:
        shop.post()
        order_id = shop.place()
        path, token = f"/v1/orders/{order_id}", shop.token(2)
        waiting = [background.submit(shop.get, path, Consistency_Token=token, Prefer="wait=30") for _ in range(2)]
        waits(shop, 2)
        refused = shop.get(path, Consistency_Token=token)
        assert (refused.status_code, refused.json["code"]) == (503, "overloaded")
        assert refused.headers["Retry-After"]
        assert shop.get("/v1/orders").status_code == 200
        shop.post()
        assert {answer.result(DEADLINE).status_code for answer in waiting} == {200}
        assert shop.get(path, Consistency_Token=token).status_code == 200


def test_a_lost_notification_costs_one_poll(shop, background):
    order_id = shop.placed_and_posted()
    shop.writing.handle(confirm(order_id))
    answer = background.submit(shop.get, f"/v1/orders/{order_id}", Consistency_Token=shop.token(3), Prefer="wait=30")
    waits(shop)
    with psycopg.connect(shop.databases.reads_url) as silent:  # commits as the projector does, and notifies nobody
        silent.execute("UPDATE reads.checkpoint SET position = 3")
    assert answer.result(DEADLINE).status_code == 200


def test_the_listener_survives_the_loss_of_its_connection(shop, background):
    order_id = shop.place()
    answer = background.submit(shop.get, f"/v1/orders/{order_id}", Consistency_Token=shop.token(2), Prefer="wait=30")
    waits(shop)
    shop.admin.execute(
        "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity"
        " WHERE application_name = 'daybook query-api listener' AND datname = current_database()"
    )
    shop.post()
    assert answer.result(DEADLINE).status_code == 200


def test_writes_and_reads_side_by_side_never_see_an_older_state(shop, background):
    order_ids = [shop.place() for _ in range(4)]
    stop = Event()

    def post():
        while not stop.is_set():
            shop.post()

    posting = Thread(target=post)
    posting.start()

    def write_then_read(order_id):
        stale = []
        for version in range(3, 9):
            written = shop.writing.handle(pay(order_id, f"p{version}", 1)).position
            answer = shop.get(f"/v1/orders/{order_id}", Consistency_Token=shop.token(written), Prefer="wait=30")
            if answer.status_code != 200 or answer.json["version"] < version:
                stale.append((version, answer.text))
        return stale

    try:
        outcomes = [background.submit(write_then_read, order_id) for order_id in order_ids]
        assert [outcome.result(8 * DEADLINE) for outcome in outcomes] == [[], [], [], []]
    finally:
        stop.set()
        posting.join()


def test_lag_is_the_age_of_the_first_event_that_is_missing(shop):
    order_id = shop.placed_and_posted()
    shop.writing.handle(confirm(order_id))
    shop.admin.execute("ALTER TABLE events.seal DISABLE TRIGGER append_only")
    shop.admin.execute("UPDATE events.seal SET recorded_at = recorded_at - interval '90 s' WHERE position = 3")
    assert 90 <= float(shop.get(f"/v1/orders/{order_id}").headers["Projection-Lag"]) < 90 + DEADLINE
    shop.post()
    assert shop.get(f"/v1/orders/{order_id}").headers["Projection-Lag"] == "0.000"


def test_no_lag_is_negative_after_the_clock_was_set_back(shop, migrated):
    order_id = shop.placed_and_posted()
    shop.writing.handle(confirm(order_id))
    shop.admin.execute("ALTER TABLE events.seal DISABLE TRIGGER append_only")
    shop.admin.execute("UPDATE events.seal SET recorded_at = recorded_at + interval '1 day' WHERE position = 3")
    assert 0 <= float(shop.get(f"/v1/orders/{order_id}").headers["Projection-Lag"]) < DEADLINE
    assert status(migrated, "UTC")["reads"]["lag_seconds"] == 0


def test_without_a_way_to_the_log_the_projectors_word_is_taken_and_named(shop, migrated):
    order_id = shop.placed_and_posted()
    with reader(migrated, events_url=None) as blind:
        assert "Projection-Lag" not in blind.get(f"/v1/orders/{order_id}").headers
    heartbeat = """
    INSERT INTO projector.process (id, role, host, pid, backend_pid, lease, log_id, head_position, head_recorded_at)
    VALUES (gen_random_uuid(), 'leader', 'here', 1, 1, '10 s', 'x', %s, now() - interval '600 s')
    """
    shop.admin.execute(heartbeat, [2])
    with reader(migrated, events_url=None) as blind:
        answer = blind.get(f"/v1/orders/{order_id}")
        assert answer.headers["Projection-Lag-Source"] == "heartbeat"
        assert float(answer.headers["Projection-Lag"]) < 600
        assert blind.get(f"/v1/orders/{order_id}", Consistency_Token=shop.token(2)).status_code == 200
    shop.admin.execute("UPDATE projector.process SET head_position = 3")
    with reader(migrated, events_url=None) as blind:
        assert float(blind.get(f"/v1/orders/{order_id}").headers["Projection-Lag"]) >= 600
    ahead = "UPDATE projector.process SET heartbeat_at = now() + interval '1 day', head_recorded_at = now() + interval '1 day'"
    shop.admin.execute(ahead)  # the clock has been set back since
    with reader(migrated, events_url=None) as blind:
        assert 0 <= float(blind.get(f"/v1/orders/{order_id}").headers["Projection-Lag"]) < DEADLINE
