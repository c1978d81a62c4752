"""Serving with gunicorn's threads: starting, stopping, and what workers must not do to what the master holds."""

import contextlib
import fcntl
import json
import os
import select
import signal
import socket
import threading
import time

import httpx
import pytest

from shared.serving import CannotListen, reserve
from tests.support.posting import until
from tests.support.processes import descendants, line_of, python, wait_until_gone

SERVICE = """
import contextlib, fcntl, os, sys, threading
from shared import http, logs, serving, slow_clients
from shared.service_routes import add_service_routes

released = threading.Event()
slow_clients.RECEIVE_SECONDS = slow_clients.SEND_SECONDS = 1

@contextlib.contextmanager
def said(what):
    os.write(1, f"opened {what} {os.getpid()}\\n".encode())
    try:
        yield
    finally:
        os.write(1, f"closed {what} {os.getpid()}\\n".encode())

@contextlib.contextmanager
def opened():
    app = http.new_app("test")
    add_service_routes(app, "test", dict)

    @app.get("/pid")
    def pid():
        return http.json_reply({"pid": os.getpid()})

    @app.get("/slow")
    def slow():
        os.write(1, b"slow\\n")
        released.wait(1)
        return http.json_reply({"done": True})

    @app.post("/read")
    def read():
        return http.json_reply({"read": len(http.read_body(100))})

    @app.get("/large")
    def large():
        return http.json_reply(b"0" * 64_000_000)

    @app.route("/gate", methods=["GET", "POST"])
    def gate():
        os.write(1, b"at the gate\\n")
        with open(sys.argv[2]) as file:
            fcntl.flock(file, fcntl.LOCK_SH)
        return http.json_reply({"passed": True})

    with said("app"):
        yield app

logs.configure("test")
with said("master"):
    serving.serve(opened, serving.Serving(port=0, workers=int(sys.argv[1]), threads=4, queue=4, grace_seconds=90))
"""
GRACE = 90
"""Seconds, as above: what holds up the end holds it up for as long."""

GET = b"GET %s HTTP/1.1\r\nHost: test\r\n\r\n"


@contextlib.contextmanager
def service(tmp_path, workers=2):
    ready = tmp_path / "ready.json"
    environment = os.environ | {"DAYBOOK_READY_FILE": str(ready), "DAYBOOK_LOG_FORMAT": "text"}
    (tmp_path / "gate").touch()
    with python(SERVICE, workers, tmp_path / "gate", env=environment) as process:
        line_of(process, "ready at")
        yield process, json.loads(ready.read_text())["url"]


def get(url, timeout=90):
    return httpx.get(url, timeout=timeout)


def stopped(process):
    """Everything it still said after SIGTERM. Nobody and nothing made it wait for the end of its grace."""
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    rest = process.unread + process.stdout.read()
    assert process.wait(GRACE) == 0
    assert time.monotonic() - began < GRACE / 2
    return rest.decode()


def test_each_worker_opens_and_closes_the_app_and_none_closes_what_the_master_opened(tmp_path):
    with service(tmp_path) as (process, _):
        rest = stopped(process)
    closed = [line.split()[1:] for line in rest.splitlines() if line.startswith("closed")]
    assert sorted(what for what, _ in closed) == ["app", "app", "master"]
    assert ["master", str(process.pid)] in closed


def test_a_dead_worker_is_replaced_and_the_others_serve_on(tmp_path):
    with service(tmp_path, workers=1) as (process, url):
        (worker,) = descendants(process.pid)
        assert get(f"{url}/pid").json() == {"pid": worker}
        os.kill(worker, signal.SIGKILL)
        wait_until_gone(worker)
        line_of(process, "opened app")
        with httpx.Client(transport=httpx.HTTPTransport(retries=5), timeout=90) as client:
            assert client.get(f"{url}/pid").json()["pid"] not in (worker, process.pid)
        stopped(process)


def test_a_kept_alive_idle_connection_does_not_hold_up_the_end(tmp_path):
    with service(tmp_path) as (process, url), httpx.Client(timeout=90) as client:
        client.get(f"{url}/livez")
        stopped(process)


def test_a_request_under_way_is_answered_before_the_end(tmp_path):
    with service(tmp_path) as (process, url):
        answers = []
        asking = threading.Thread(target=lambda: answers.append(get(f"{url}/slow").json()))
        asking.start()
        line_of(process, "slow")
        stopped(process)
        asking.join(90)
        assert answers == [{"done": True}]


def test_a_client_that_does_not_hang_up_stalls_nobody(tmp_path):
    """One of ten times there must be nothing else that does, either: who lingers with the client takes 2 s each time."""
    with service(tmp_path, workers=1) as (process, url):
        address, took = httpx.URL(url), []
        while len(took) < 10 and min(took, default=9) > 1:
            with socket.create_connection((address.host, address.port)) as stubborn:
                stubborn.sendall(b"GET /livez HTTP/1.0\r\n\r\n")
                assert b"200 OK" in stubborn.recv(4096)
                began = time.monotonic()
                assert get(f"{url}/livez").status_code == 200
                took.append(time.monotonic() - began)
        assert min(took) < 1
        stopped(process)


@pytest.mark.parametrize("sent", [b"POST /read HTTP/1.1\r\nContent-Length: 9\r\n\r\nxxx", b"POST /re"])
def test_a_client_that_stalls_in_the_midst_of_a_request_loses_its_thread(tmp_path, sent):
    with service(tmp_path, workers=1) as (process, url):
        address = httpx.URL(url)
        with socket.create_connection((address.host, address.port), timeout=90) as stalling:
            stalling.sendall(sent)
            answer = b"".join(iter(lambda: stalling.recv(4096), b""))
        assert not answer or (answer.startswith(b"HTTP/1.1 400 ") and b"malformed_request" in answer)
        rest = stopped(process)
        assert "Traceback" not in rest and "rror" not in rest


def connected(url, stack):
    address = httpx.URL(url)
    client = stack.enter_context(socket.socket())
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(90)
    client.connect((address.host, address.port))
    return client


def test_a_request_that_drips_in_loses_its_thread(tmp_path):
    with service(tmp_path, workers=1) as (process, url), contextlib.ExitStack() as stack:
        client, tick, began = connected(url, stack), threading.Event(), time.monotonic()
        client.sendall(b"GET /pid HTTP/1.1\r\nX: ")
        with contextlib.suppress(OSError):
            while time.monotonic() - began < 90:
                client.send(b"x")
                tick.wait(0.1)
        assert time.monotonic() - began < 60
        rest = stopped(process)
        assert "Traceback" not in rest and "rror" not in rest


def test_clients_that_send_nothing_hold_up_nobody(tmp_path):
    with service(tmp_path, workers=1) as (process, url), contextlib.ExitStack() as stack:
        for _ in range(10):
            connected(url, stack)
        assert get(f"{url}/pid").status_code == 200  # gunicorn itself would give each 5 s of a thread, and us a 503
        stopped(process)


def test_clients_that_hardly_take_an_answer_lose_their_threads(tmp_path):
    with service(tmp_path, workers=1) as (process, url), contextlib.ExitStack() as stack:
        clients, enough = [connected(url, stack) for _ in range(6)], threading.Event()
        for client in clients:
            client.sendall(GET % b"/large")

        def drip():
            with contextlib.suppress(OSError):
                while not enough.wait(0.1):
                    for client in clients[:3]:
                        client.recv(2000)

        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            assert get(f"{url}/pid").status_code == 200
        finally:
            enough.set()
            dripping.join()
        rest = stopped(process)
        assert "Traceback" not in rest


def status_and_headers(client):
    received = b""
    while b"\r\n\r\n" not in received:
        more = client.recv(65536)
        assert more, "it has hung up"
        received += more
    head, _, body = received.partition(b"\r\n\r\n")
    first, *fields = head.decode().split("\r\n")
    headers = dict(field.split(": ", 1) for field in fields)
    while len(body) < int(headers["Content-Length"]):
        body += client.recv(65536)
    return int(first.split()[1]), headers, json.loads(body)


def test_beyond_threads_and_queue_requests_are_refused_at_once_and_the_others_are_served(tmp_path):
    """Four threads, a queue of four: of eleven requests that come while nobody passes the gate, three are refused."""
    with service(tmp_path, workers=1) as (process, url), contextlib.ExitStack() as stack:
        gate = stack.enter_context((tmp_path / "gate").open())
        fcntl.flock(gate, fcntl.LOCK_EX)
        clients = [connected(url, stack) for _ in range(11)]
        for client in clients:
            client.sendall(GET % b"/gate")
        refused = set()
        while len(refused) < 3:
            readable, _, _ = select.select([client for client in clients if client not in refused], [], [], 90)
            assert readable
            for client in readable:
                status, headers, body = status_and_headers(client)
                assert (status, headers["Retry-After"], headers["Connection"]) == (503, "1", "keep-alive")
                assert (body["code"], body["retryable"]) == ("overloaded", True)
                assert headers["Content-Type"] == "application/problem+json" and headers["Request-Id"]
            refused.update(readable)
        large = connected(url, stack)
        large.sendall(b"POST /gate HTTP/1.1\r\nHost: test\r\nContent-Length: 300000\r\n\r\n" + b"x" * 100_000)
        status, headers, _ = status_and_headers(large)
        assert (status, headers["Connection"]) == (503, "close")
        assert get(f"{url}/livez").status_code == get(f"{url}/readyz").status_code == 200
        for _ in range(4):
            line_of(process, "at the gate")
        fcntl.flock(gate, fcntl.LOCK_UN)
        for client in clients:
            if client in refused:
                client.sendall(GET % b"/gate")
            assert status_and_headers(client)[0] == 200
        stopped(process)


def test_requests_on_one_connection_are_served_in_order(tmp_path):
    with service(tmp_path) as (process, url), httpx.Client(base_url=url, timeout=90) as client:
        ids = [client.get("/livez", headers={"Request-Id": f"r-{n}"}).headers["Request-Id"] for n in range(50)]
        assert ids == [f"r-{n}" for n in range(50)]
        stopped(process)


def test_a_taken_port_is_noticed_also_when_its_owner_shares_it(tmp_path):
    with service(tmp_path) as (process, url):
        port = httpx.URL(url).port
        with pytest.raises(CannotListen, match=rf"cannot listen at 127\.0\.0\.1:{port}: Address already in use"):
            reserve("127.0.0.1", port)
        stopped(process)
    until(lambda: is_free(port), "it can be taken again, unless somebody calls from there just then")


def is_free(port):
    try:
        reserve("127.0.0.1", port).close()
    except CannotListen:
        return False
    return True


def test_an_address_that_is_not_ours_is_named():
    with pytest.raises(CannotListen, match=r"cannot listen at no-such-host\.invalid:0"):
        reserve("no-such-host.invalid", 0)
