"""Who is let in: every route of both OpenAPI documents, tried without a token, with bad ones, each scope, and the right.

The documents are walked, so a new route is tried, too. What is open to anybody is listed here and nowhere else.
"""

import json
import re
import time
from contextlib import ExitStack
from uuid import uuid4

import jwt
import psycopg
import pytest

import command_api.app
import command_api.settings
import query_api.app
from command_api.document import command_document
from projector.run_once import run_once
from shared import auth
from shared.book import Book
from shared.environment import Databases
from shared.http import MEBIBYTE
from shared.migrate import migrate
from tests.support import reading
from tests.support.agreement import assert_documented
from tests.support.command_api import ORDER, problem
from tests.support.databases import fresh

SECRET = reading.SECRET
OPEN = {
    "/livez",
    "/readyz",
    "/version",
    "/problems",
    "/problems/{code}",
    "/openapi.json",
    "/docs",
    "/metrics",
    "/schemas/{type_}/{version}",
}
NAMES = {"code": "overloaded", "type_": "order.placed", "version": "1", "channel": "web", "key": "k-1"}


NEEDED = {
    "orders:import": r"POST /v1/orders/import",
    "payments:write": r"POST /v1/orders/{order_id}/(payments|refunds)(/.+)?",
    "shipments:write": r"(POST|PATCH) /v1/orders/{order_id}/(shipments|returns)(/.+)?",
    "orders:write": r"(POST|PATCH) /v1/orders(/{order_id}/(place|confirm|cancel|complete|amend|notes|tags|metadata|lines/.+))?",
    "events:read": r"GET /v1/(events|orders/{order_id}/events)",
    "reports:read": r"GET /v1/reports/\w+",
    None: r"GET /v1/(commands/{key}|status/projections)",
    "orders:read": r"GET /v1/(orders(/{order_id}(/timeline)?|/by-.+)?|customers(/.+)?|fulfillment-queue|attention)",
}
"""What each route needs; None: any valid token will do. A route that is none of these needs a thought first."""


def query_document():
    settings = query_api.settings.Settings(
        book=Book(), reads_url="postgresql://nowhere", events_url=None, verify=auth.shared_secret(SECRET)
    )
    with query_api.app.opened(settings) as app:
        return app.extensions["openapi"]


ROUTES = [
    pytest.param(api, method.upper(), path, operation["security"], id=f"{method.upper()} {path}")
    for api, document in (("command", command_document()), ("query", query_document()))
    for path, operations in document["paths"].items()
    for method, operation in operations.items()
    if operation["security"]
]
every_route = pytest.mark.parametrize(("api", "method", "path", "security"), ROUTES)


@pytest.fixture(scope="module")
def clients(server):
    """A test client of each API, over one database."""
    with fresh(server) as url:
        migrate(url, url, Book())
        databases = Databases(Book(), url, url)
        run_once(databases)
        commanding = command_api.settings.Settings(
            book=Book(), events_url=url, verify=auth.shared_secret(SECRET), connections=2, deadline=60.0
        )
        with ExitStack() as stack:
            commands = stack.enter_context(command_api.app.opened(commanding))
            queries = stack.enter_context(query_api.app.opened(reading.settings(databases)))
            yield {"command": commands.test_client(), "query": queries.test_client(), "log": admin_of(url, stack)}


def admin_of(url, stack):
    return stack.enter_context(psycopg.connect(url, autocommit=True))


ACTORS = "SELECT DISTINCT state::jsonb->'actor'->>'type', state::jsonb->'actor'->>'id' FROM events.event WHERE stream_id = %s"


def claims(**changes):
    now = int(time.time())
    all_ = {"iss": "test", "sub": "ada", "iat": now, "exp": now + 7200, "scope": " ".join(auth.SCOPES)} | changes
    return {name: value for name, value in all_.items() if value is not None}


def token(key=SECRET, algorithm="HS256", headers=None, **changes):
    return jwt.encode(claims(**changes), key, algorithm, headers)


def bearer(*scopes):
    return {"Authorization": f"Bearer {token(scope=' '.join(scopes))}"}


STRANGERS = {
    "no header": dict,
    "an empty header": lambda: {"Authorization": ""},
    "no scheme": lambda: {"Authorization": token()},
    "another scheme": lambda: {"Authorization": "Basic YWRhOnNlY3JldA=="},
    "a scheme alone": lambda: {"Authorization": "Bearer "},
}
IMPOSTORS = {
    "no token at all": lambda: "x",
    "three dots": lambda: "..",
    "no JSON in it": lambda: "e30.e30.e30",
    "no signature": lambda: jwt.encode(claims(), None, "none"),
    "a signature cut off": lambda: token().rpartition(".")[0] + ".",
    "another key": lambda: token("x" * 64),
    "another algorithm": lambda: token(SECRET * 2, "HS512"),
    "a key of its own in the head": lambda: token(
        "x" * 64, headers={"jwk": {"kty": "oct", "k": "eA"}, "jku": "https://evil.example"}
    ),
    "extensions we do not know": lambda: token(headers={"crit": ["b64"], "b64": False}),
    "expired": lambda: token(exp=1),
    "not yet good": lambda: token(nbf=int(time.time()) + 3600),
    "without an end": lambda: token(exp=None),
    "of nobody": lambda: token(sub=None),
    "by nobody": lambda: token(iss=None),
    "with scopes as a list": lambda: token(scope=list(auth.SCOPES)),
    "of an actor we do not know": lambda: token(actor_type="root"),
    "with a line break in its name": lambda: token(sub="a\nb"),
    "two tokens": lambda: f"{token()},Bearer {token()}",
}
"""Made when they are tried: long after the tests were collected, they would be expired as well, and nothing else tried."""


def ask(client, method, path, headers, **rest):
    concrete = re.sub(r"{(\w+)}", lambda name: NAMES.get(name[1], str(uuid4())), path)
    media = "application/merge-patch+json" if path.endswith(("/metadata", "{shipment_id}")) else "application/json"
    sent = {"data": b"{}", "content_type": media} if method in ("POST", "PATCH") else {}
    response = client.open(concrete, method=method, headers=headers, **sent | rest)
    if method != "OPTIONS":
        assert_documented(client.application, response)
    require_safe_headers(response, method)
    return response


def require_safe_headers(response, method):
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    policy = response.headers.getlist("Content-Security-Policy")
    assert len(policy) == 1 and "default-src 'none'" in policy[0] and "frame-ancestors 'none'" in policy[0]
    assert "unsafe" not in policy[0]
    kept = response.headers.getlist("Cache-Control")
    assert len(kept) == 1
    if method not in ("GET", "HEAD") or response.status_code >= 400:
        assert kept == ["no-store"]
    assert not {name for name, _ in response.headers if name.startswith("Access-Control-")}


def methods(method):
    return ("GET", "HEAD") if method == "GET" else (method,)


@every_route
def test_nobody_is_let_in_without_a_good_token(clients, api, method, path, security):
    for sent in methods(method):
        for strange in STRANGERS.values():
            answer = ask(clients[api], sent, path, strange())
            assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="daybook"')
        for why, impostor in IMPOSTORS.items():
            answer = ask(clients[api], sent, path, {"Authorization": f"Bearer {impostor()}"})
            assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer error="invalid_token"'), why
            assert sent == "HEAD" or problem(answer) == (401, "unauthenticated")


@every_route
def test_it_needs_the_scope_that_was_meant(api, method, path, security):
    meant = [scope for scope, routes in NEEDED.items() if re.fullmatch(routes, f"{method} {path}")]
    assert meant == (security[0]["bearer"] or [None])


@every_route
def test_a_stranger_learns_nothing_else_that_is_wrong(clients, api, method, path, security):
    wrong = {"query_string": "unknown=1&access_token=" + token(), "headers": {"Accept": "image/png", "If-Match": "7"}}
    assert ask(clients[api], method, path, **wrong).status_code == 401
    if method in ("POST", "PATCH"):
        assert ask(clients[api], method, path, {}, data=b"{", content_type="text/plain").status_code == 401


@every_route
def test_each_other_scope_is_refused_and_the_one_that_is_needed_is_named(clients, api, method, path, security):
    needed = security[0]["bearer"]
    others = [scope for scope in auth.SCOPES if scope not in needed]
    for sent in methods(method):
        for scopes in [[], others, ["orders"], ["ORDERS:READ ORDERS:WRITE"], *([scope] for scope in others)]:
            answer = ask(clients[api], sent, path, bearer(*scopes))
            if not needed:
                assert answer.status_code not in (401, 403)
                continue
            challenge = f'Bearer error="insufficient_scope", scope="{needed[0]}"'
            assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (403, challenge), scopes
            if sent != "HEAD":
                assert problem(answer) == (403, "forbidden")
                assert answer.json["required_scope"] == needed[0]


@every_route
def test_the_right_scope_alone_is_let_in(clients, api, method, path, security):
    for sent in methods(method):
        answer = ask(clients[api], sent, path, bearer(*security[0]["bearer"]))
        assert answer.status_code not in (401, 403)
        kept = answer.headers["Cache-Control"]
        assert "no-store" in kept or "private" in kept


@every_route
def test_other_methods_are_not_known_with_or_without_a_token(clients, api, method, path, security):
    for headers in ({}, bearer(*auth.SCOPES)):
        for other in ("OPTIONS", "TRACE", "CONNECT", "DELETE", "PUT"):
            answer = ask(clients[api], other, path, headers)
            assert answer.status_code == 405 and method in answer.headers["Allow"]


@pytest.mark.parametrize("api", ["command", "query"])
def test_what_is_open_to_anybody_is_listed_here(clients, api):
    document = clients[api].application.extensions["openapi"]
    open_ = {
        (path, method)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if not operation["security"]
    }
    assert open_ <= {(path, "get") for path in OPEN}
    for path, _ in open_:
        for headers in ({}, {"Accept": "text/html"}):
            known = ask(clients[api], "GET", path, headers).status_code
            assert known == 200 or (path, known) == ("/metrics", 404), path  # only real processes count anything


def test_the_actor_in_the_events_is_the_tokens(clients):
    for actor_type, known_as in (("user", "user"), ("service", "service"), (None, "service")):
        subject = f"ada {actor_type}"
        allowed = token(sub=subject, actor_type=actor_type, scope="orders:write orders:import", iss="https://id.example/")
        headers = {"Authorization": f"Bearer {allowed}"}
        placed = clients["command"].post("/v1/orders", json=ORDER, headers=headers)
        imported = ORDER | {"external_id": f"x-{known_as}-{subject}", "status": "placed", "placed_at": "2026-11-22T12:00:00Z"}
        results = clients["command"].post("/v1/orders/import", json={"orders": [imported]}, headers=headers)
        for order_id in (placed.json["order_id"], results.json["results"][0]["order_id"]):
            assert clients["log"].execute(ACTORS, [order_id]).fetchall() == [(known_as, f"https://id.example/ {subject}")]


WRITES = [route for route in ROUTES if route.values[1] != "GET"]
every_write = pytest.mark.parametrize(("api", "method", "path", "security"), WRITES)
ANY_NAMES = {"/v1/orders/{order_id}/metadata"}
"""Its members are the client's own."""


@every_write
def test_nothing_is_set_that_is_not_asked_for(clients, api, method, path, security):
    """Mass assignment: fields of ours, sent along, are refused by name."""
    headers = bearer(*security[0]["bearer"])
    for name in ("position", "actor", "principal", "recorded_at", "payment_status", "__proto__"):
        sent = {"orders": []} if path == "/v1/orders/import" else {}
        answer = ask(clients[api], method, path, headers, data=json.dumps(sent | {name: 1}).encode())
        if path in ANY_NAMES:
            assert answer.status_code in (404, 422)
        else:
            assert problem(answer) == (400, "unknown_field"), name
            assert f"#/{name}" in [error["pointer"] for error in answer.json["errors"]]


@every_write
def test_a_body_is_limited_in_size_and_depth(clients, api, method, path, security):
    headers = bearer(*security[0]["bearer"])
    limit = 16 * MEBIBYTE if path == "/v1/orders/import" else MEBIBYTE
    answer = ask(clients[api], method, path, headers, data=b" " * (limit + 1))
    assert problem(answer) == (413, "content_too_large") and answer.json["limit"] == limit
    for deep in (b"[" * 50_000 + b"]" * 50_000, b'{"a":' * 50_000 + b"1" + b"}" * 50_000):
        answer = ask(clients[api], method, path, headers, data=deep)
        assert problem(answer) == (400, "malformed_json")


def test_an_order_and_an_import_are_limited_in_number(clients):
    line = ORDER["lines"][0]
    answer = ask(clients["command"], "POST", "/v1/orders", bearer("orders:write"), data=json.dumps(ORDER | {"lines": [line] * 2001}).encode())
    assert problem(answer) == (422, "validation_failed") and answer.json["errors"][0]["pointer"] == "#/lines"
    answer = ask(clients["command"], "POST", "/v1/orders/import", bearer("orders:import"), data=json.dumps({"orders": [ORDER] * 101}).encode())
    assert problem(answer) == (422, "validation_failed") and answer.json["errors"][0]["pointer"] == "#/orders"
