"""Both APIs through their front doors: any method, path, query, headers and body, over a real database.

Each request begins as a good one; then a few of its parts become something that the parsers' targets make. Whatever
comes: an answer that the OpenAPI document knows, never a 500.
"""

import json
import re
import tempfile
from collections import Counter
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from urllib.parse import quote_from_bytes

from flask import Flask

from command_api.app import opened as opened_command_api
from command_api.settings import Settings as CommandSettings
from projector.run_once import run_once
from query_api.app import opened as opened_query_api
from query_api.event_stream import MEDIA
from query_api.routes import ROUTES as READS
from query_api.settings import Settings as QuerySettings
from shared import auth, embedded_postgres
from shared.book import Book
from shared.environment import Databases
from shared.http_headers import prefer_wait
from shared.migrate import migrate
from shared.problem_table import KINDS
from shared.problems import PROBLEM_JSON
from tests.fuzz import bodies
from tests.fuzz.inputs import BYTES, mutation
from tests.fuzz.target import assert_sendable
from tests.fuzz.targets import TARGETS
from tests.fuzz.tokens import SECRET
from tests.support.agreement import assert_documented

HEADERS = {
    "Authorization": "authorization",
    "Idempotency-Key": "idempotency-key",
    "If-Match": "if-match",
    "If-None-Match": "if-none-match",
    "Consistency-Token": "consistency-token",
    "Prefer": "prefer",
    "Accept": "accept",
    "Content-Type": "content-type",
    "traceparent": "traceparent",
    "Request-Id": "request-id",
    "Last-Event-ID": "last-event-id",
    "Cookie": "authorization",
    "HX-Request": "request-id",
    "HX-Current-URL": "keys-url",
}
"""Header → the target that makes its values."""

HONEST = {503: {"read_model_behind", "too_many_waiting", "head_not_known"}}
"""Answers of 500 and more that may come of a request alone."""

SLOW = {"store_unavailable", "overloaded"}
"""What a machine with too much to do may say of any request, though not of the same one again and again."""

NAME = re.compile(r"<(?:\w+:)?(\w+)>")
BEARER = "Bearer " + auth.mint(SECRET, "tester", auth.SCOPES, 10**8)


PATIENCE = 30.0
"""Seconds that a request has: how fast the machine is is no finding."""


class Unavailable(Exception):
    """An answer that may have nothing to do with the request."""


class Sent(NamedTuple):
    """A request as it arrives: all texts are bytes in disguise (latin-1)."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


class Api:
    """One of the two, with an order to talk about."""

    def __init__(self, app: Flask, order: str) -> None:
        self.client = app.test_client()
        self.app = app
        self.names = bodies.IDS | {"order_id": order, "channel": "web", "number": "SO-00000001", "key": "k", "code": "order_not_found"}
        self.names |= {"external_id": "shop-77", "customer_id": "c-1"}
        self.rules = sorted({(rule.rule, method) for rule in app.url_map.iter_rules() for method in rule.methods})

    def request(self, rng: Random) -> Sent:
        """A request with a few parts that are not as they should be."""
        rule, method = rng.choice(self.rules)
        path = NAME.sub(lambda name: self._name(name[1], rng), rule)
        if rng.random() < 0.05:
            path = "/" + quote_from_bytes(rng.choice(BYTES)[:300]) + path
        headers = {"Authorization": BEARER, "Content-Type": "application/json"}
        if rule.startswith("/console"):
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            headers["Cookie"] = f"daybook_token={BEARER.removeprefix('Bearer ')}"
        if method == "PATCH" and not rule.endswith("tags"):
            headers["Content-Type"] = "application/merge-patch+json"
        for name in rng.sample(sorted(HEADERS), rng.choice((0, 0, 1, 2))):
            headers[name] = _changed(HEADERS[name], rng).decode("latin-1").translate(ONE_LINE)
        if prefer_wait(headers.get("Prefer"), 30):
            headers["Prefer"] = "wait=0"
        return Sent(method, path, self._query(rule, rng), headers, self._body(rule, rng))

    def answered(self, sent: Sent) -> int:
        """Send it; gives the status. Whatever is wrong with the answer is an AssertionError."""
        environ = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in sent.headers.items()}
        environ["CONTENT_TYPE"] = environ.pop("HTTP_CONTENT_TYPE")
        environ |= {"QUERY_STRING": sent.query, "REQUEST_METHOD": sent.method}
        answer = self.client.open(sent.path, method=sent.method, data=sent.body, environ_overrides=environ)
        try:
            self._assert_good(answer)
            return answer.status_code
        finally:
            answer.close()

    def _assert_good(self, answer: Any) -> None:
        for name, value in answer.headers:
            assert_sendable(name, value)
        assert answer.headers["Request-Id"]
        if answer.mimetype == MEDIA:
            return
        if answer.request.path.startswith("/console"):  # pages for people: in no document
            assert answer.status_code < 500, answer.status_code
            return
        if answer.status_code == 503 and answer.data and answer.json["code"] in SLOW:
            raise Unavailable(answer.text)
        if answer.status_code >= 500 and answer.data:  # a HEAD is told no more than the status
            assert answer.json["code"] in HONEST.get(answer.status_code, ()), answer.text
        assert answer.status_code != 500
        if answer.status_code >= 400 and answer.data:
            assert answer.mimetype == PROBLEM_JSON, answer.text
            assert KINDS[answer.json["code"]].status == answer.status_code
        if answer.mimetype == "application/json" and answer.data:
            json.loads(answer.data)
        assert_documented(self.app, answer)

    def _name(self, name: str, rng: Random) -> str:
        if rng.random() < 0.85:
            return self.names.get(name, "x")
        return quote_from_bytes(rng.choice(BYTES)[:300])

    def _query(self, rule: str, rng: Random) -> str:
        if rng.random() < 0.5:
            return ""
        target = QUERIES.get(rule, "query-orders" if rule.startswith("/console") else "query-of-commands")
        return _changed(target, rng).decode("latin-1").translate(ONE_LINE)

    def _body(self, rule: str, rng: Random) -> bytes:
        if rule.startswith("/console"):
            return b"token=" + _changed("authorization", rng)
        if not rule.startswith("/v1/orders"):
            return b""
        named = "import-batch" if rule.endswith("import") else BODIES.get(rule)
        target = named if named in TARGETS else "body-empty"
        if rng.random() < 0.4:
            return rng.choice(TARGETS[target].seeds)
        return _changed(target, rng)


ONE_LINE = {ord("\r"): " ", ord("\n"): " ", 0: " "}
"""What a server lets nobody send within a header."""

QUERIES = {route.path: f"query-{route.view.__name__.replace('_', '-')}" for route in READS}
BODIES = {f"/v1/orders{'' if path == 'create' else '/<order_id>' + path}": bodies.name_of(path) for path in bodies.ROUTES}
CORPORA = {name: [path.read_bytes() for path in target.corpus()] for name, target in TARGETS.items()}


def _changed(name: str, rng: Random) -> bytes:
    if name not in TARGETS:
        return b""
    return mutation(TARGETS[name], rng, CORPORA[name])


@contextmanager
def database():
    """A migrated database on a server of its own, for runs without pytest."""
    with tempfile.TemporaryDirectory(prefix="daybook-fuzz-") as directory:
        Path(directory).chmod(0o711)
        with embedded_postgres.opened(Path(directory) / "data", fsync="off", synchronous_commit="off") as url:
            migrate(url, url, Book())
            yield Databases(Book(), url, url)


@contextmanager
def both(databases):
    """Both APIs over a migrated database, with one order in it."""
    with ExitStack() as stack:
        writing = CommandSettings(
            book=databases.book,
            events_url=databases.events_url,
            verify=auth.shared_secret(SECRET),
            connections=4,
            deadline=PATIENCE,
        )
        reading = QuerySettings(
            book=databases.book,
            reads_url=databases.reads_url,
            events_url=databases.events_url,
            verify=auth.shared_secret(SECRET),
            deadline=PATIENCE,
        )
        command_app = stack.enter_context(opened_command_api(writing))
        headers = {"Authorization": BEARER, "Content-Type": "application/json"}
        body = TARGETS["body-create"].seeds[0]
        made = command_app.test_client().post("/v1/orders", data=body, headers=headers)
        assert made.status_code == 201, made.text
        run_once(databases)
        yield [Api(app, made.json["order_id"]) for app in (command_app, stack.enter_context(opened_query_api(reading)))]


def fuzzed(databases, executions: int, rng: Random) -> tuple[Counter, dict[str, Sent]]:
    """Send so many requests; gives how often which status came, and a request for each kind of finding."""
    statuses: Counter = Counter()
    findings: dict[str, Sent] = {}
    with both(databases) as apis:
        for number in range(executions):
            api = apis[number % 2]
            sent = api.request(rng)
            try:
                statuses[api.answered(sent)] += 1
            except Unavailable:
                try:
                    statuses[api.answered(sent)] += 1
                except Exception as error:  # noqa: BLE001 -- as below
                    findings.setdefault(f"twice {error!r}"[:200], sent)
            except Exception as error:  # noqa: BLE001 -- whatever it is, it is a finding
                findings.setdefault(f"{type(error).__name__}: {str(error)[:150]}", sent)
            if number % 2_000 == 1_999:
                run_once(databases)
    return statuses, findings


