"""`GET /v1/commands/{key}`: the stored answer as it was, or 404 once it is settled."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, closing
from urllib.parse import quote

import pytest

from command_api.command_route import settled_answer
from command_api.handling import Handling
from shared.database import connect
from shared.event_store import EventStore
from tests.support.command_api import ORDER, PAYMENT, bearer, problem
from tests.support.orders import creation
from tests.support.posting import ask, until

WAITS = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


def look_up(api, key):
    return api.client.get(f"/v1/commands/{quote(key, safe='')}", headers=api.headers)


@pytest.mark.parametrize("key", ["k-1", "a/b", "/a", "..", "%2F", "a?b=c", '"quoted"', "~" * 255])
def test_the_answer_is_given_as_it_was(api, log, key):
    first = api.post("/v1/orders", ORDER, Idempotency_Key=key)
    stored = look_up(api, key)
    assert (stored.status_code, stored.data) == (first.status_code, first.data) == (201, first.data)
    for header in ("ETag", "Location", "Consistency-Token", "Content-Type"):
        assert stored.headers[header] == first.headers[header]
    assert stored.headers["Idempotent-Replayed"] == "true"
    assert log() == 2


def test_what_changed_nothing_has_its_answer_too(api):
    order = api.created()
    api.post(f"{order}/confirm")
    first = api.post(f"{order}/confirm", Idempotency_Key="k")
    stored = look_up(api, "k")
    assert (stored.status_code, stored.data) == (200, first.data) and stored.json["no_change"] is True
    assert stored.headers["Consistency-Token"] == first.headers["Consistency-Token"]
    assert "Location" not in stored.headers


def test_what_was_not_applied_has_none(api, log):
    order = api.created()
    assert problem(api.post(f"{order}/complete", Idempotency_Key="refused"))[0] == 409
    api.post(f"{order}/payments?dry_run=true", PAYMENT, Idempotency_Key="tried")
    for key in ("refused", "tried", "never"):
        assert problem(look_up(api, key)) == (404, "command_not_found")
    assert log() == 2
    assert api.post(f"{order}/confirm", Idempotency_Key="refused").status_code == 200
    assert look_up(api, "refused").status_code == 200


def test_a_principal_sees_its_own_answers_only_and_needs_no_scope(api):
    api.post("/v1/orders", ORDER, Idempotency_Key="k")
    api.headers = bearer(subject="somebody else")
    assert problem(look_up(api, "k")) == (404, "command_not_found")
    api.headers = bearer("reports:read")
    assert look_up(api, "k").status_code == 201
    api.headers = {}
    assert problem(look_up(api, "k")) == (401, "unauthenticated")


@pytest.mark.parametrize("key", ["x" * 256, "a b", "ä", '"'])
def test_what_is_no_key_is_said(api, key):
    assert problem(look_up(api, key)) == (400, "idempotency_key_invalid")


def test_the_route_knows_get_and_no_parameters(api):
    assert problem(api.post("/v1/commands/k")) == (405, "method_not_allowed")
    assert problem(api.client.get("/v1/commands/k?a=b", headers=api.headers)) == (400, "unknown_parameter")
    assert problem(api.client.get("/v1/commands/", headers=api.headers)) == (404, "route_not_found")


def test_what_is_under_way_is_waited_for(api, migrated):
    """The append has reached the log and waits for the gate when the look-up comes: neither gets ahead of it."""
    order = api.created()
    answers = {}

    def send(name, act):
        thread = threading.Thread(target=lambda: answers.update({name: act()}))
        thread.start()
        return thread

    with connect(migrated.events_url) as other:
        with other.transaction():
            other.execute("SELECT FROM events.gate FOR UPDATE")
            write = send("write", lambda: api.post(f"{order}/confirm", Idempotency_Key="k"))
            until(lambda: ask(migrated, WAITS), "the append waits for the gate")
            read = send("read", lambda: look_up(api, "k"))
            read.join(0.1)
            assert read.is_alive()
        write.join()
        read.join()
    assert answers["write"].status_code == answers["read"].status_code == 200
    assert answers["read"].data == answers["write"].data


def test_what_waits_for_the_gate_is_waited_for_by_who_gets_ahead_of_it(migrated):
    """The backend of the append sleeps on when the gate is let go of, as one may for a moment."""
    with ExitStack() as stack:
        writer, reader = (
            stack.enter_context(closing(EventStore(migrated.events_url, migrated.book, seconds=60))) for _ in range(2)
        )
        order = creation(writer, key="k")
        other = stack.enter_context(connect(migrated.events_url))
        pool = stack.enter_context(ThreadPoolExecutor(2))
        other.execute("BEGIN")
        other.execute("SELECT FROM events.gate FOR UPDATE")
        write = pool.submit(Handling(writer).handle, order)
        backend = until(lambda: ask(migrated, WAITS), "the append waits for the gate")
        os.kill(backend, signal.SIGSTOP)
        try:
            other.execute("COMMIT")
            read = pool.submit(settled_answer, reader, order.principal, "k")
            wait([read], timeout=0.5)
        finally:
            os.kill(backend, signal.SIGCONT)
        assert write.result().changed
        assert read.result() is not None


def test_when_the_log_is_away_nothing_is_claimed(hurried, migrated, server):
    api = hurried
    name = migrated.events_url.rpartition("/")[2].partition("?")[0]
    with connect(server) as admin:
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        admin.execute("SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE datname = %s", [name])
        response = look_up(api, "k")
        assert problem(response) == (503, "store_unavailable") and response.json["outcome"] == "unknown"
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    # a connection that broke meanwhile is found out when it is used
    until(lambda: problem(look_up(api, "k")) == (404, "command_not_found"), "it says what became of it")
