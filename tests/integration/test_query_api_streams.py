"""Streams, long polls and waiters over real processes: who waits starves nobody, and who has gone holds nothing."""

import re
import signal
import socket
import time
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import httpx
import pytest

from projector.run_once import run_once
from shared.serving import Serving
from tests.benchmarks.seed_log import seed
from tests.support.posting import until
from tests.support.processes import wait_until_gone
from tests.support.query_api import query_api, token
from tests.support.reading import reader

THREADS = 6
PLACES = THREADS // 2
AT_ONCE = 15.0
"""Seconds; less than any wait here lasts, and more than a machine with much else to do takes for one answer."""

GRACE = Serving.grace_seconds
HEARTBEAT = 15.0
"""Seconds between two of the service, as it is set."""


@pytest.fixture
def serving(migrated, tmp_path):
    """A query API of one worker with few threads, and 10 orders to read."""
    run_once(migrated)
    seed(migrated.events_url, 10)
    run_once(migrated)
    with query_api(migrated, tmp_path, workers=1, threads=THREADS) as process:
        process.head = httpx.get(f"{process.url}/v1/events?limit=1", headers=bearer(), timeout=90).json()["head"]
        yield process


def bearer(**headers):
    return {"Authorization": f"Bearer {token()}"} | headers


@contextmanager
def waiter(serving, kind):
    """A connection that has asked for something which does not come; gives it once the server has it."""
    place = urlsplit(serving.url)
    asked = {
        "stream": (f"/v1/events?after={serving.head}", "Accept: text/event-stream"),
        "poll": (f"/v1/events?after={serving.head}", "Prefer: wait=30"),
    }[kind]
    with socket.create_connection((place.hostname, place.port), timeout=90) as client:
        lines = [f"GET {asked[0]} HTTP/1.1", "Host: here", asked[1], f"Authorization: Bearer {token()}", "", ""]
        client.sendall("\r\n".join(lines).encode())
        yield client


def refused(serving, seconds=AT_ONCE):
    """Whether no place is free: one more stream is asked for, and given up at once if it is there."""
    headers = bearer(Accept="text/event-stream")
    with httpx.stream("GET", f"{serving.url}/v1/events", headers=headers, timeout=seconds) as response:
        if response.status_code == 200:
            return False
        response.read()
        assert (response.status_code, response.json()["code"]) == (503, "overloaded")
        assert response.headers["Retry-After"]
        return True


@pytest.mark.parametrize("kind", ["stream", "poll"])
def test_a_pool_full_of_waiters_still_answers_others_at_once_and_abandoned_ones_leave(serving, kind):
    with ExitStack() as waiting:
        asked, answered = time.monotonic(), 0
        for _ in range(PLACES):
            waiting.enter_context(waiter(serving, kind))
        until(lambda: refused(serving), "all places are taken")
        while not answered or (answered < 20 and time.monotonic() - asked < 30 - AT_ONCE):  # while all of them wait
            answer = httpx.get(f"{serving.url}/v1/orders", headers=bearer(), timeout=AT_ONCE)
            assert answer.status_code == 200
            answered += 1
            assert refused(serving) or time.monotonic() - asked > 30
    left = time.monotonic()
    until(lambda: not refused(serving), "those that were abandoned have left their places")
    assert time.monotonic() - left < HEARTBEAT, "sooner than a heartbeat would find out"


def test_streams_end_cleanly_when_the_service_is_asked_to_stop(serving):
    with waiter(serving, "stream") as client:
        received = b""
        while b"retry:" not in received:
            received += client.recv(65536)
        assert b"Transfer-Encoding: chunked" in received
        began = time.monotonic()
        serving.send_signal(signal.SIGTERM)
        received = b""
        while piece := client.recv(65536):
            received += piece
        assert received.endswith(b"0\r\n\r\n"), "the last chunk, not a connection cut off"
        wait_until_gone(serving.pid)
        assert time.monotonic() - began < GRACE, "nobody had to be forced"


def test_what_streams_over_http_is_whole(serving, migrated):
    with httpx.stream("GET", f"{serving.url}/v1/events?limit=7", headers=bearer(Accept="text/event-stream"), timeout=90) as response:
        text = ""
        for piece in response.iter_text():
            text += piece
            if text.count("\n\n") > serving.head:
                break
    assert [int(id_) for id_ in re.findall(r"^id: (\d+)$", text, re.MULTILINE)] == list(range(1, serving.head + 1))


def test_a_process_with_a_single_thread_keeps_it(migrated):
    run_once(migrated)
    with reader(migrated, threads=1) as alone:
        answer = alone.get("/v1/events", Prefer="wait=30")
        assert (answer.status_code, answer.json["code"]) == (503, "overloaded")
        assert alone.get("/v1/events").status_code == 200
