"""Bad input over real HTTP: each answers the documented status and code, and nothing is written."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from uuid import uuid4

import httpx
import psycopg
import pytest

from shared import auth
from tests.support import databases
from tests.support.command_api import ALL, ORDER, PAYMENT, SECRET
from tests.support.processes import DEADLINE, line_of, running

COMMAND_API = (sys.executable, "-m", "shared.cli", "command-api")
LINE = ORDER["lines"][0]
JSON = {"Content-Type": "application/json"}


def environment(**changes):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DAYBOOK_")}
    ours = {"DAYBOOK_AUTH_SECRET": SECRET, "DAYBOOK_LOG_FORMAT": "json", "DAYBOOK_COMMAND_DEADLINE": "30"}
    return clean | ours | changes


def bearer(secret=SECRET, ttl=3600):
    return {"Authorization": f"Bearer {auth.mint(secret, 'tester', ALL, ttl)}"}


class Log:
    """A database with a log, to look at."""

    def __init__(self, url):
        self.url = url
        self.connection = psycopg.connect(url, autocommit=True)

    def events(self):
        return self.connection.execute("SELECT count(*) FROM events.event").fetchone()[0]


@pytest.fixture(scope="module")
def log(server):
    """One log for all of them: nothing is written to it but one order."""
    with databases.fresh(server) as url:
        databases.with_schemas(url)
        yield Log(url)


@contextmanager
def serving(url, tmp_path):
    """A command API in processes of its own; gives its address."""
    ready = tmp_path / "ready.json"
    settings = {"env": environment(DAYBOOK_READY_FILE=str(ready))}
    with running(*COMMAND_API, "--port", "0", "--database-url", url, **settings) as process:
        line_of(process, "ready at")
        threading.Thread(target=process.stdout.read, daemon=True).start()  # else its log lines fill the pipe
        yield json.loads(ready.read_text())["url"]
        process.send_signal(signal.SIGTERM)
        process.wait(DEADLINE)


@pytest.fixture(scope="module")
def client(log, tmp_path_factory):
    with (
        serving(log.url, tmp_path_factory.mktemp("command-api")) as address,
        httpx.Client(base_url=address, headers=bearer() | JSON, timeout=60) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def order(client):
    """The path of a placed order at version 2."""
    return client.post("/v1/orders", json=ORDER, headers={"Idempotency-Key": "the-order"}).headers["Location"]


def problem(response):
    assert response.headers["Content-Type"] == "application/problem+json", response.text
    assert response.headers["Request-Id"]
    assert response.json()["status"] == response.status_code
    return response.status_code, response.json()["code"]


def line(**changes):
    return json.dumps(ORDER | {"lines": [LINE | changes]})


CREATIONS = {
    "nothing": (b"", 400, "malformed_json", None),
    "no json": (b"{", 400, "malformed_json", None),
    "two values": (b"{} {}", 400, "malformed_json", None),
    "not utf-8": (json.dumps(ORDER).replace("Mug", "M\udcff").encode(errors="surrogateescape").replace(b"\\udcff", b"\xff"), 400, "malformed_json", None),
    "utf-16": (json.dumps(ORDER).encode("utf-16"), 400, "malformed_json", None),
    "nan": (b'{"a":NaN}', 400, "malformed_json", None),
    "too deep": (b"[" * 100_000, 400, "malformed_json", None),
    "duplicate key": (json.dumps(ORDER)[:-1].encode() + b',"currency":"USD"}', 400, "malformed_json", None),
    "duplicate key within": (line().replace('"sku"', '"name":"x","sku"').encode(), 400, "malformed_json", None),
    "unknown field": (json.dumps(ORDER | {"curency": "EUR"}), 400, "unknown_field", "#/curency"),
    "unknown field within": (line(quantitiy=1), 400, "unknown_field", "#/lines/0/quantitiy"),
    "no object": (b"[]", 422, "validation_failed", "#"),
    "no field at all": (b"{}", 422, "validation_failed", "#/currency"),
    "a word for a number": (line(quantity="3"), 422, "validation_failed", "#/lines/0/quantity"),
    "true for a number": (line(quantity=True), 422, "validation_failed", "#/lines/0/quantity"),
    "a fraction": (line(unit_price_amount=19.99), 422, "validation_failed", "#/lines/0/unit_price_amount"),
    "null": (line(sku=None), 422, "validation_failed", "#/lines/0/sku"),
    "negative amount": (line(unit_price_amount=-1), 422, "validation_failed", "#/lines/0/unit_price_amount"),
    "huge amount": (line(unit_price_amount=10**13), 422, "validation_failed", "#/lines/0/unit_price_amount"),
    "monstrous amount": (
        line(unit_price_amount=7).replace(": 7,", f": {'9' * 10_000},"), 422, "validation_failed", "#/lines/0/unit_price_amount"
    ),
    "infinite amount": (line(unit_price_amount=7).replace(": 7,", ": 1e400,"), 422, "validation_failed", "#/lines/0/unit_price_amount"),
    "huge sum": (
        json.dumps(ORDER | {"lines": [LINE | {"quantity": 1_000_000, "unit_price_amount": 9_999_999_999_999}]}),
        422, "amount_out_of_range", None,
    ),
    "no units": (line(quantity=0), 422, "validation_failed", "#/lines/0/quantity"),
    "too many lines": (json.dumps(ORDER | {"lines": [LINE] * 2001}), 422, "validation_failed", "#/lines"),
    "u+0000": (line(name="M\0g"), 422, "validation_failed", "#/lines/0/name"),
    "half a surrogate pair": (line(name="M\ud800g"), 422, "validation_failed", "#/lines/0/name"),
    "unknown currency": (json.dumps(ORDER | {"currency": "EUX"}), 422, "validation_failed", "#/currency"),
    "small currency": (json.dumps(ORDER | {"currency": "eur"}), 422, "validation_failed", "#/currency"),
    "too large": (b" " * 2 * 1024 * 1024, 413, "content_too_large", None),
    "just too large": (line().encode().ljust(1024 * 1024 + 1), 413, "content_too_large", None),
}


@pytest.mark.parametrize("case", CREATIONS)
def test_a_bad_body_is_refused_and_nothing_written(client, log, case):
    body, status, code, pointer = CREATIONS[case]
    before = log.events()
    response = client.post("/v1/orders", content=body)
    assert problem(response) == (status, code)
    if pointer is not None:
        assert pointer in [error["pointer"] for error in response.json()["errors"]]
    assert log.events() == before


def test_all_field_errors_are_told_at_once(client, log):
    wrong = ORDER | {
        "currency": "EUX",
        "channel": "Web Shop",
        "customer": {"email": "nobody"},
        "shipping_address": {"name": "Ada"},
        "lines": [LINE | {"quantity": 0, "unit_price_amount": -1, "tax_rate": "19"}, {"sku": "X"}],
    }
    before = log.events()
    response = client.post("/v1/orders", json=wrong)
    assert problem(response) == (422, "validation_failed")
    pointers = [error["pointer"] for error in response.json()["errors"]]
    assert set(pointers) >= {
        "#/currency",
        "#/channel",
        "#/customer/email",
        "#/shipping_address/line1",
        "#/shipping_address/city",
        "#/shipping_address/country",
        "#/lines/0/quantity",
        "#/lines/0/unit_price_amount",
        "#/lines/0/tax_rate",
        "#/lines/1/name",
        "#/lines/1/quantity",
        "#/lines/1/unit_price_amount",
    }
    assert len(pointers) == len(set(pointers))
    assert log.events() == before


def test_a_body_of_unknown_length_is_limited(client, log):
    before = log.events()
    response = client.post("/v1/orders", content=(b" " * 65536 for _ in range(32)))
    assert problem(response) == (413, "content_too_large")
    assert log.events() == before


REQUESTS = {
    "wrong content type": ({"Content-Type": "text/plain"}, "/v1/orders", 415, "unsupported_media_type"),
    "form": ({"Content-Type": "application/x-www-form-urlencoded"}, "/v1/orders", 415, "unsupported_media_type"),
    "html wanted": ({"Accept": "text/html"}, "/v1/orders", 406, "not_acceptable"),
    "no token": ({"Authorization": ""}, "/v1/orders", 401, "unauthenticated"),
    "foreign token": (bearer("x" * 64), "/v1/orders", 401, "unauthenticated"),
    "expired token": (bearer(ttl=-1), "/v1/orders", 401, "unauthenticated"),
    "unknown parameter": ({}, "/v1/orders?dryrun=1", 400, "unknown_parameter"),
    "bad key": ({"Idempotency-Key": "a b"}, "/v1/orders", 400, "idempotency_key_invalid"),
    "long key": ({"Idempotency-Key": "a" * 256}, "/v1/orders", 400, "idempotency_key_invalid"),
    "bad if-match": ({"If-Match": "7"}, "/v1/orders", 400, "if_match_invalid"),
    "unknown order": ({}, f"/v1/orders/{uuid4()}/payments", 404, "order_not_found"),
    "no uuid": ({}, "/v1/orders/1/payments", 404, "order_not_found"),
    "unknown route": ({}, "/v1/order", 404, "route_not_found"),
    "another slash": ({}, "/v1/orders/", 404, "route_not_found"),
    "headers too large": ({"X-Padding": "a" * 9000}, "/v1/orders", 431, "headers_too_large"),
}


@pytest.mark.parametrize("case", REQUESTS)
def test_a_bad_request_is_refused_and_nothing_written(client, log, case):
    headers, path, status, code = REQUESTS[case]
    before = log.events()
    response = client.post(path, json=PAYMENT if path.endswith("payments") else ORDER, headers=JSON | headers)
    assert problem(response) == (status, code)
    if status == 401:
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert log.events() == before


def test_a_wrong_method_names_the_right_ones(client):
    response = client.get("/v1/orders")
    assert problem(response) == (405, "method_not_allowed")
    assert response.headers["Allow"] == "POST"


def test_a_repeated_key_with_another_body(client, order, log):
    before = log.events()
    response = client.post("/v1/orders", json=ORDER | {"tags": ["x"]}, headers={"Idempotency-Key": "the-order"})
    assert problem(response) == (422, "idempotency_key_reused")
    assert log.events() == before


def test_a_stale_if_match(client, order, log):
    before = log.events()
    response = client.post(f"{order}/confirm", headers={"If-Match": '"1"'})
    assert problem(response) == (412, "version_mismatch")
    assert response.json()["current_version"] == 2
    assert log.events() == before


@pytest.mark.parametrize("sent", [b"FOO\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /livez HTTP/1.1\r\nbad header\r\n\r\n"])
def test_what_is_no_http_is_answered_and_hung_up(client, sent):
    with socket.create_connection((client.base_url.host, client.base_url.port), timeout=60) as connection:
        connection.sendall(sent)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"application/problem+json" in answer and b'"malformed_request"' in answer


def refused_to_start(*arguments, **changes):
    """The one sentence with which it refuses."""
    done = subprocess.run(
        [*COMMAND_API, *arguments], env=environment(**changes), capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    assert done.returncode != 0
    assert "Traceback" not in done.stderr + done.stdout
    assert done.stderr.startswith("Error: ") and done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_a_taken_port_is_one_sentence(log):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused_to_start("--port", str(port), "--database-url", log.url)
    assert f"cannot listen at 127.0.0.1:{port}: Address already in use" in said


def test_an_unreachable_database_is_one_sentence():
    said = refused_to_start("--port", "0", "--database-url", "postgresql://nobody:hunter2@127.0.0.1:1/x")
    assert "cannot connect to 127.0.0.1:1/x" in said
    assert "hunter2" not in said


def test_without_a_key_it_does_not_start(log):
    said = refused_to_start("--port", "0", "--database-url", log.url, DAYBOOK_AUTH_SECRET="")
    assert "DAYBOOK_AUTH_SECRET is not set" in said
    said = refused_to_start("--port", "0", "--database-url", log.url, DAYBOOK_AUTH_SECRET="short")
    assert "has 5 bytes" in said


def test_on_a_database_without_our_schema_it_says_what_to_run(database):
    assert "run `daybook migrate`" in refused_to_start("--port", "0", "--database-url", database)
