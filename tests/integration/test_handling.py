"""The way of a command through two processes whose caches are cold, warm and stale."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import msgspec
import pytest

from command_api.commands import CancelOrder
from shared.database import connect
from shared.http_headers import IfMatch
from shared.problems import Problem
from tests.support.orders import capture, confirm, creation, handling, pay, prepare, request


@pytest.fixture
def workers(migrated):
    """Two command processes over one log."""
    both = [handling(migrated) for _ in range(2)]
    yield both
    for each in both:
        each.store.close()


@pytest.fixture
def admin(migrated):
    with connect(migrated.events_url) as connection:
        yield connection


def code_of(worker, command):
    with pytest.raises(Problem) as problem:
        worker.handle(command)
    return problem.value.code


def test_a_stale_worker_refuses_no_legal_command(workers):
    here, there = workers
    order = creation(here.store)
    here.handle(order)
    there.handle(confirm(order.order_id))
    assert here.handle(prepare(order.order_id, 1)).status == 201  # refused at version 2: order_not_confirmed


def test_a_stale_worker_makes_no_false_no_op_of_a_new_command(workers):
    here, there = workers
    order = creation(here.store)
    here.handle(order)
    here.handle(pay(order.order_id, "p", 5000))
    there.handle(capture(order.order_id, "p", "c1", 5000))
    assert code_of(here, capture(order.order_id, "p", "c2", 1)) == "capture_exceeds_authorization"


def test_a_stale_worker_answers_no_false_412(workers):
    here, there = workers
    order = creation(here.store)
    here.handle(order)
    there.handle(confirm(order.order_id))
    answer = here.handle(request(order.order_id, CancelOrder(reason="other"), if_match=IfMatch(frozenset({3}))))
    assert answer.etag == '"4"'


def test_a_stale_if_match_is_refused_by_a_stale_worker_too(workers):
    here, there = workers
    order = creation(here.store)
    here.handle(order)
    there.handle(confirm(order.order_id))
    stale = request(order.order_id, CancelOrder(reason="other"), if_match=IfMatch(frozenset({2})))
    assert code_of(here, stale) == "version_mismatch"
    assert code_of(there, stale) == "version_mismatch"


def test_a_twin_at_any_worker_gets_the_first_answer_never_a_refusal(workers, migrated):
    here, there = workers
    order = creation(here.store)
    here.handle(order)
    there.handle(confirm(order.order_id))
    here.handle(pay(order.order_id, "p", 6422))
    taken = capture(order.order_id, "p", "c1", 6422, key="k")
    first = here.handle(taken)
    cold = handling(migrated)
    try:
        for worker in (there, here, cold):  # stale: payment_not_found; warm: nothing left to capture; cold: nothing
            again = worker.handle(taken)
            assert again.replayed
            assert (again.status, again.body, again.etag, again.position) == (
                first.status,
                first.body,
                first.etag,
                first.position,
            )
    finally:
        cold.store.close()


def test_a_twin_with_if_match_gets_the_first_answer_although_the_version_has_moved_on(workers):
    here, there = workers
    order = creation(here.store)
    here.handle(order)
    confirmed = confirm(order.order_id, key="k", if_match=IfMatch(frozenset({2})))
    first = here.handle(confirmed)
    assert there.handle(confirmed).body == first.body


def test_a_key_for_another_request_is_refused_and_writes_nothing(workers, admin):
    here, there = workers
    order = creation(here.store, key="k")
    here.handle(order)
    other = creation(there.store, key="k")
    assert code_of(there, other) == "idempotency_key_reused"
    assert admin.execute("SELECT count(*) FROM events.event").fetchone() == (2,)


def test_a_no_op_keeps_the_etag_and_answers_with_the_position_of_the_order(workers):
    here, there = workers
    order = creation(here.store)
    here.handle(order)
    first = here.handle(confirm(order.order_id))
    again = there.handle(confirm(order.order_id, key="again"))
    assert msgspec.json.decode(again.body)["no_change"] is True
    assert (again.etag, again.position, again.status) == (first.etag, first.position, 200)
    assert there.handle(confirm(order.order_id, key="again")).replayed


def test_the_same_external_id_twice_makes_one_order_and_names_it(workers):
    here, there = workers
    order = creation(here.store, external_id="shop-77")
    here.handle(order)
    with pytest.raises(Problem) as problem:
        there.handle(creation(there.store, external_id="shop-77"))
    assert problem.value.code == "external_id_taken"
    assert problem.value.facts["order_id"] == str(order.order_id)


def test_a_number_of_ours_that_is_taken_is_drawn_again(workers):
    here, there = workers
    first = here.handle(creation(here.store, number="SO-00000777"))
    second = there.handle(creation(there.store, number="SO-00000777"))
    assert msgspec.json.decode(first.body)["number"] == "SO-00000777"
    assert msgspec.json.decode(second.body)["number"] != "SO-00000777"


def test_a_number_of_the_client_that_is_taken_is_refused(workers):
    here, _ = workers
    here.handle(msgspec.structs.replace(creation(here.store, number="X-1"), number_drawn=False))
    again = msgspec.structs.replace(creation(here.store, number="X-1"), number_drawn=False)
    assert code_of(here, again) == "number_taken"


def test_numbers_of_two_workers_never_meet(workers):
    numbers = [worker.store.next_number() for worker in workers for _ in range(250)]
    assert len(set(numbers)) == 500


def test_an_unknown_order_is_not_found(workers):
    assert code_of(workers[0], confirm(uuid4())) == "order_not_found"


def test_32_clients_on_4_orders_lose_no_update_and_refuse_nothing_legal(workers, admin):
    here, there = workers
    orders = [creation(here.store) for _ in range(4)]
    for order in orders:
        here.handle(order)
        here.handle(pay(order.order_id, "p", 6400))

    def client(n):
        order_id: UUID = orders[n % 4].order_id
        worker = workers[n // 4 % 2]
        for step in range(4):  # 8 clients an order, 4 captures each of 200: exactly the authorisation
            while True:
                try:
                    worker.handle(capture(order_id, "p", f"c{n}-{step}", 200, key=f"{n}-{step}"))
                    break
                except Problem as problem:
                    if problem.code != "concurrency_conflict":
                        raise
            worker.handle(confirm(order_id)) if step == 2 else None

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(client, range(32)))
    for order in orders:
        cold = there.handle(confirm(order.order_id))
        assert msgspec.json.decode(cold.body)["no_change"] is True
        assert code_of(there, capture(order.order_id, "p", "one too many", 1)) == "capture_exceeds_authorization"
        captured = admin.execute(
            "SELECT sum((state::json -> 'data' ->> 'amount')::int), count(*) FROM events.event"
            " WHERE stream_id = %s AND type = 'payment.captured'",
            [order.order_id],
        ).fetchone()
        assert captured == (6400, 32)
    positions = [row[0] for row in admin.execute("SELECT position FROM events.event ORDER BY 1")]
    assert positions == list(range(1, len(positions) + 1))
    versions = admin.execute(
        "SELECT bool_and(n = version) FROM (SELECT version, row_number() OVER (PARTITION BY stream_id ORDER BY version)"
        " AS n FROM events.event) AS numbered"
    ).fetchone()
    assert versions == (True,)
