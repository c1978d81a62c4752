"""Whatever is wrong with the database, a request is answered in time and truthfully, and all is well again behind it."""

import json
import os
import signal
import socket
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from psycopg import OperationalError
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import ConnStatus

from projector.run_once import run_once
from shared import cutting, deadline
from shared.database import DatabaseUnavailable, connect, connect_within
from shared.environment import Databases
from shared.event_store.connections import Connections
from shared.group_commit import NotApplied
from tests.support import troubles
from tests.support.command_api import ORDER, SECRET, bearer
from tests.support.histories import created
from tests.support.posting import append, ask, order_command, projector, until
from tests.support.processes import descendants, line_of, running
from tests.support.proxy import network

THREADS, QUEUE = 4, 4
DEADLINE = 2.0
SCHEDULING = 10.0
"""Seconds that a busy machine may add. Who waited for the database would wait for as long as its trouble lasts."""

SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'daybook %%' AND datname = current_database()"


def through(databases, port):
    """The databases as they are reached over a network."""
    url = make_conninfo(**conninfo_to_dict(databases.events_url) | {"host": "127.0.0.1", "port": str(port)})
    return Databases(databases.book, url, url)


@contextmanager
def served(command, databases, directory, **options):
    """One worker of an API with few threads; gives its client."""
    ready = directory / f"{command}.json"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DAYBOOK_")}
    settings = {
        "DAYBOOK_DATABASE_URL": databases.events_url,
        "DAYBOOK_AUTH_SECRET": SECRET,
        "DAYBOOK_READY_FILE": str(ready),
        "DAYBOOK_WORKERS": "1",
        "DAYBOOK_THREADS": str(THREADS),
        "DAYBOOK_QUEUE": str(QUEUE),
        **options,
    }
    with running(
        sys.executable, "-m", "shared.cli", command, "--port=0", env=clean | settings, start_new_session=True
    ) as process:
        line_of(process, "ready at")
        threading.Thread(target=process.stdout.read, daemon=True).start()  # else its log lines fill the pipe
        url = json.loads(ready.read_text())["url"]
        below = descendants(process.pid)
        headers = bearer("orders:write", "orders:read", ttl=3600)
        try:
            with httpx.Client(base_url=url, headers=headers, timeout=200) as client:
                client.worker = below[0]
                yield client
        finally:
            process.kill()
            process.wait()
            for pid in below:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


@pytest.fixture
def between(migrated):
    with network("127.0.0.1", int(conninfo_to_dict(migrated.events_url)["port"])) as network_between:
        yield network_between


def timed(ask_it):
    began = time.monotonic()
    response = ask_it()
    return response, time.monotonic() - began


def threads_of(pid):
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


class Writing:
    """The command API under test, and all that it said of keys."""

    def __init__(self, client):
        self.client = client
        self.said = {}
        self.longest = 0.0

    def place(self):
        key = uuid4().hex
        response, seconds = timed(lambda: self.client.post("/v1/orders", json=ORDER, headers={"Idempotency-Key": key}))
        self.longest = max(self.longest, seconds)
        self.said[key] = (response.status_code, response.json())
        return response

    def placed(self):
        """The id of an order; a busy machine may not place the first one in time."""
        return until(lambda: (self.place().status_code == 201) and list(self.said.values())[-1][1]["order_id"], "one is placed")

    def all_placed(self, pool, many):
        """Whether so many at once are all placed."""
        return {one.status_code for one in pool.map(lambda _: self.place(), range(many))} == {201}

    def look_up(self):
        response, seconds = timed(lambda: self.client.get(f"/v1/commands/{uuid4().hex}"))
        self.longest = max(self.longest, seconds)
        return response

    def confirm(self, order):
        response, seconds = timed(lambda: self.client.post(f"/v1/orders/{order}/confirm", json={}))
        self.longest = max(self.longest, seconds)
        return response

    def status(self, path):
        response, seconds = timed(lambda: self.client.get(path))
        assert seconds < DEADLINE + SCHEDULING, path
        return response.status_code

    def assert_truthful(self):
        """What was applied is found under its key, what was not is not."""
        for key, (status, body) in self.said.items():
            found = until(lambda key=key: self._found(key), f"{key} is looked up")
            if status == 201:
                assert (found.status_code, found.json()) == (201, body)
            elif body.get("outcome") != "unknown":
                assert found.status_code == 404, body

    def _found(self, key):
        found = self.client.get(f"/v1/commands/{key}")
        return found.status_code != 503 and found


TROUBLES = {
    "hung": troubles.hung,
    "black hole": troubles.black_hole,
    "stalled connections": troubles.stalled_connections,
    "gate locked": troubles.GATE,
    "tables locked": troubles.EVENTS,
}


def test_a_command_is_answered_in_time_and_truthfully_whatever_the_database_does(migrated, between, tmp_path, record_property):
    sessions_at_most = THREADS + 2
    with served("command-api", through(migrated, between.port), tmp_path) as client, ThreadPoolExecutor(16) as pool:
        writing = Writing(client)
        for what, trouble in TROUBLES.items():
            order = writing.placed()
            until(lambda: writing.status("/readyz") == 200, f"it is ready before: {what}")
            writing.longest = 0.0
            with trouble(migrated, between):
                asked = [pool.submit(writing.place) for _ in range(4)]
                asked += [pool.submit(writing.look_up) for _ in range(2)]
                asked += [pool.submit(writing.confirm, order) for _ in range(2)]
                asked += [pool.submit(writing.place) for _ in range(4)]  # more than threads and queue take
                answers = [one.result(60) for one in asked]
                longest = writing.longest
                assert longest < DEADLINE + SCHEDULING, what
                for answer in answers:
                    if what != "stalled connections":  # there a new connection may still have settled it
                        assert answer.status_code == 503, (what, answer.text)
                    if answer.status_code == 503:
                        assert answer.headers["Retry-After"]
                        body = answer.json()
                        assert body["code"] == "overloaded" or body["outcome"] in ("not_applied", "unknown")
                if what != "stalled connections":
                    assert writing.status("/readyz") == 503, what
                assert writing.status("/livez") == 200, what
            until(lambda: writing.place().status_code == 201, f"it recovers from: {what}")
            until(lambda: writing.status("/readyz") == 200, f"it is ready again after: {what}")
            until(lambda: writing.all_placed(pool, THREADS + QUEUE), f"it takes as many as before: {what}")
            until(lambda: ask(migrated, SESSIONS) <= sessions_at_most, f"no session is left behind by: {what}")
            assert threads_of(client.worker) <= THREADS + 2 + 3, what  # probes; main, cutter, hint
            outcomes = Counter(answer.json().get("outcome", answer.json().get("code")) for answer in answers)
            record_property("told", f"{what}: commands answered after {longest:.1f} s at most, {dict(outcomes)}")
        writing.assert_truthful()


def test_under_load_a_bounded_queue_is_served_and_the_rest_is_refused_at_once(migrated, tmp_path):
    """With the gate held: four requests in threads and four in the queue complete once it is free; no other one is taken.

    Nobody has asked before: an answer is read before the thread that gave it is free again.
    """
    options = {"DAYBOOK_COMMAND_DEADLINE": "30"}
    with served("command-api", migrated, tmp_path, **options) as client, ThreadPoolExecutor(20) as pool:
        writing = Writing(client)
        with troubles.GATE(migrated, None):
            asked = [pool.submit(writing.place) for _ in range(20)]
            until(lambda: sum(one.done() for one in asked) == 20 - THREADS - QUEUE, "what is too much is refused")
            refused = [one.result() for one in asked if one.done()]
            assert {(one.status_code, one.json()["code"], one.headers["Retry-After"]) for one in refused} == {
                (503, "overloaded", "1")
            }
            assert writing.status("/livez") == 200
        assert sorted(one.result(60).status_code for one in asked) == [201] * 8 + [503] * 12
        writing.assert_truthful()


def accepted(answer):
    return answer.status_code == 201 and answer


READ_TROUBLES = ("hung", "black hole", "stalled connections")


def test_a_read_is_answered_in_time_whatever_the_database_does(migrated, between, tmp_path, record_property):
    with served("command-api", migrated, tmp_path) as writer:
        placed = until(lambda: accepted(writer.post("/v1/orders", json=ORDER, headers={"Idempotency-Key": "k"})), "one is placed")
    order, token = placed.json()["order_id"], placed.headers["Consistency-Token"]
    run_once(migrated)
    later = token.rpartition(".")[0] + "." + str(int(token.rpartition(".")[2]) + 1)
    options = {"DAYBOOK_QUERY_DEADLINE": str(DEADLINE)}
    with served("query-api", through(migrated, between.port), tmp_path, **options) as client, ThreadPoolExecutor(8) as pool:

        def read(path, **headers):
            return timed(lambda: client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()}))

        for what in READ_TROUBLES:
            until(lambda: read("/readyz")[0].status_code == 200, f"it is ready before: {what}")
            until(lambda: {one[0].status_code for one in pool.map(read, [f"/v1/orders/{order}"] * 8)} == {200}, "all are read")
            with TROUBLES[what](migrated, between):
                asked = [pool.submit(read, f"/v1/orders/{order}") for _ in range(2)]
                asked += [pool.submit(read, "/v1/orders") for _ in range(2)]
                asked += [pool.submit(read, "/v1/orders", Consistency_Token=later, Prefer="wait=1") for _ in range(2)]
                answers = [one.result(60) for one in asked]
                for answer, seconds in answers:
                    assert seconds < 2 * DEADLINE + 1 + SCHEDULING
                    if what != "stalled connections":
                        assert answer.status_code == 503, (what, answer.text)
                    if answer.status_code == 503:
                        assert answer.headers["Retry-After"]
                assert read("/livez")[0].status_code == 200
                if what != "stalled connections":
                    assert read("/readyz")[0].status_code == 503
            record_property("told", f"{what}: read in {max(seconds for _, seconds in answers):.1f} s at most")
            until(lambda: read(f"/v1/orders/{order}")[0].status_code == 200, f"it recovers from: {what}")
            behind = lambda: read("/v1/orders", Consistency_Token=later, Prefer="wait=1")[0].json()["code"] == "read_model_behind"  # noqa: E731 -- here only
            until(behind, f"it says that it is behind, after: {what}")
        assert threads_of(client.worker) <= THREADS + 2 + 3  # probes; main, cutter, listener


@pytest.mark.parametrize("what", ["hung", "black hole"])
def test_the_only_projector_goes_on_by_itself(migrated, between, tmp_path, what):
    with projector(through(migrated, between.port), tmp_path, lease=1):
        append(migrated, order_command(uuid4(), 0, created()))
        until(lambda: ask(migrated, "SELECT position FROM {reads}.checkpoint") == 1, "it posts")
        lasts = threading.Event()
        with TROUBLES[what](migrated, between):
            lasts.wait(2)  # longer than its lease, which is what ends its session
            if what != "hung":
                append(migrated, order_command(uuid4(), 0, created()))
        if what == "hung":
            append(migrated, order_command(uuid4(), 0, created()))
        until(lambda: ask(migrated, "SELECT position FROM {reads}.checkpoint") == 2, f"it posts again after: {what}")


def test_of_several_hosts_one_that_says_nothing_costs_only_its_share_of_the_time(migrated, between):
    parts = conninfo_to_dict(migrated.events_url)
    between.up.clear()
    ports = f"{between.port},{parts['port']}"
    url = make_conninfo(**parts | {"host": "127.0.0.1,127.0.0.1", "port": ports})
    began = time.monotonic()
    with connect_within(12, url, migrated.book.names["command_role"], "daybook test") as connection:
        assert connection.info.port == int(parts["port"])
    assert time.monotonic() - began < 12 + SCHEDULING
    silent = through(migrated, between.port).events_url
    with pytest.raises(DatabaseUnavailable, match=r"no answer within 0\.\d s"):
        connect_within(0.3, silent, migrated.book.names["command_role"], "daybook test")


def test_when_all_connections_are_busy_who_wants_one_waits_no_longer_than_its_time(migrated):
    reading = Connections(migrated.events_url, migrated.book, 1, 100)
    with connect(migrated.events_url) as holder, ThreadPoolExecutor(2) as pool:
        holder.execute("BEGIN; LOCK TABLE events.event")
        busy = pool.submit(reading.rows, "SELECT 1 FROM events.event")
        waits = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            " AND application_name = 'daybook command-api'"
        )
        until(lambda: ask(migrated, waits), "the only connection is busy")

        def in_time():
            deadline.begin(0.2)
            return reading.rows("SELECT 1")

        with pytest.raises(NotApplied, match="all 1 connections that read the log are busy"):
            pool.submit(in_time).result(90)
        holder.execute("ROLLBACK")
        assert busy.result(90) == []
    assert reading.rows("SELECT 1") == [(1,)]
    reading.close()


def test_the_time_in_which_a_head_arrives_is_not_that_of_the_request():
    """It has waited for its thread for a minute; that counts. Then its client takes its time to send the head."""

    def left():
        came = time.monotonic() - 60
        deadline.asked(came)
        waited = time.monotonic() - came  # 60, and what the machine took for it
        threading.Event().wait(0.5)
        before = time.monotonic()
        deadline.begin(100)
        return 100 - waited - (seconds := deadline.left(1000)), time.monotonic() - before, seconds

    with ThreadPoolExecutor(1) as pool:
        missing, took, seconds = pool.submit(left).result()
        assert seconds <= 40
        assert missing <= took


class LostMeanwhile:
    """A connection whose socket libpq closes between two looks at it, while somebody else is given its number."""

    status = ConnStatus.OK

    def __init__(self, number):
        self._number = number
        self.looks = 0

    @property
    def socket(self):
        self.looks += 1
        if self.looks > 1:
            raise OperationalError("the connection is lost")
        return self._number


def test_a_socket_that_only_has_the_number_of_a_lost_one_is_not_cut():
    one, other = socket.socketpair()
    with one, other:
        lost = LostMeanwhile(one.fileno())
        with cutting.within(lost, 0):
            until(lambda: lost.looks > 1, "its time is over")
        other.sendall(b"all is well")
        assert one.recv(99) == b"all is well"
