"""What every request and every answer has in common, over an app of a few routes."""

import io
import json
import logging

import pytest
from flask import Blueprint

from shared import http, logs
from shared.problems import Problem
from shared.service_routes import add_service_routes

LIMIT = 100


@pytest.fixture
def app():
    app = http.new_app("test")
    state = {"away": False}

    def ready():
        if state["away"]:
            raise Problem("store_unavailable", "The database does not answer.")
        return {"lag": 0}

    add_service_routes(app, "daybook test", ready)
    app.extensions["state"] = state

    @app.post("/echo")
    def echo():
        http.require_json_accepted()
        return http.json_reply({"read": http.read_body(LIMIT).decode(), **http.query_parameters("a", "b")}, 201)

    @app.get("/broken")
    def broken():
        http.add_header("Projection-Lag", "0.1")
        raise ValueError("the password is hunter2")

    @app.get("/refused")
    def refused():
        http.add_header("Projection-Lag", "0.1")
        raise Problem("order_not_found")

    @app.get("/page")
    def page():
        return "<p>made by Flask</p>"

    @app.get("/unchanged")
    def unchanged():
        return http.Reply(b"", 304, [("ETag", '"1"')])

    return app


@pytest.fixture
def client(app):
    return app.test_client()


def problem(response):
    assert response.mimetype == "application/problem+json"
    assert response.json["instance"] == f"urn:request:{response.headers['Request-Id']}"
    assert response.json["status"] == response.status_code
    return response.status_code, response.json["code"]


def test_an_answer_has_the_clients_request_id_or_a_new_one(client):
    assert client.get("/livez", headers={"Request-Id": "mine-1"}).headers["Request-Id"] == "mine-1"
    first, second = (client.get("/livez").headers["Request-Id"] for _ in range(2))
    assert first != second and len(first) == 32
    assert client.get("/livez", headers={"Request-Id": 'no"good'}).headers["Request-Id"] != 'no"good'
    assert client.get("/page", headers={"Request-Id": "mine-2"}).headers["Request-Id"] == "mine-2"


def test_unknown_routes_and_methods_are_problems(client):
    assert problem(client.get("/nope")) == (404, "route_not_found")
    assert problem(client.get("/livez/")) == (404, "route_not_found")
    assert problem(client.get("//livez")) == (404, "route_not_found")
    response = client.delete("/echo")
    assert problem(response) == (405, "method_not_allowed") and response.headers["Allow"] == "POST"
    assert client.put("/livez").headers["Allow"] == "GET, HEAD"
    assert problem(client.options("/livez")) == (405, "method_not_allowed")


def test_head_has_the_headers_of_get_and_no_body(client):
    get, head = client.get("/version"), client.head("/version")
    assert head.headers["Content-Length"] == get.headers["Content-Length"] != "0"
    assert head.data == b""


def test_an_unchanged_answer_has_no_length(client):
    assert "Content-Length" not in client.get("/unchanged").headers


def test_an_extra_header_is_on_errors_too(client):
    for path in ("/refused", "/broken"):
        assert client.get(path).headers["Projection-Lag"] == "0.1"


def test_a_fault_is_logged_once_and_tells_nothing(client, caplog):
    response = client.get("/broken", headers={"Request-Id": "find-me"})
    assert problem(response) == (500, "internal_error")
    assert response.json["request_id"] == "find-me"
    assert "hunter2" not in response.text and "ValueError" not in response.text
    (record,) = caplog.records
    assert record.levelno == logging.ERROR and record.exc_info[0] is ValueError


def test_lines_logged_within_a_request_carry_its_ids(app):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"Request-Id": "r-1", "traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    record = logging.LogRecord("x", logging.INFO, "", 0, "done", (), None)
    with app.test_request_context("/livez", headers=headers):
        line = json.loads(logs._JsonFormatter("test").format(record))
    assert (line["request_id"], line["trace_id"], line["message"]) == ("r-1", trace, "done")
    assert "request_id" not in json.loads(logs._JsonFormatter("test").format(record))


def test_a_body_is_read_up_to_its_limit(client):
    assert client.post("/echo", data=b"x" * LIMIT, content_type="application/json").json["read"] == "x" * LIMIT
    too_large = client.post("/echo", data=b"x" * (LIMIT + 1), content_type="application/json")
    assert problem(too_large) == (413, "content_too_large") and too_large.json["limit"] == LIMIT


def test_a_body_of_unknown_length_is_limited_too(client):
    def chunked(body):
        return client.post(
            "/echo", input_stream=io.BytesIO(body), headers={"Transfer-Encoding": "chunked"}, content_type="application/json"
        )

    assert chunked(b"x" * LIMIT).status_code == 201
    assert problem(chunked(b"x" * (LIMIT + 1))) == (413, "content_too_large")


def test_a_body_that_ends_early_is_no_request(client):
    response = client.post(
        "/echo", data=b"xx", environ_overrides={"CONTENT_LENGTH": "3"}, content_type="application/json"
    )
    assert problem(response) == (400, "malformed_request")


def test_a_body_must_be_labelled_as_json_but_no_body_needs_no_label(client):
    assert problem(client.post("/echo", data=b"{}", content_type="text/plain")) == (415, "unsupported_media_type")
    assert problem(client.post("/echo", data=b"{}")) == (415, "unsupported_media_type")
    assert client.post("/echo").json["read"] == ""


def test_who_cannot_take_json_is_told(client):
    assert problem(client.post("/echo", headers={"Accept": "text/html"})) == (406, "not_acceptable")
    assert client.post("/echo", headers={"Accept": "text/html, */*;q=0.1"}).status_code == 201


def test_query_parameters_are_read_exactly(client):
    assert client.post("/echo?a=%C3%BC&b=").json == {"read": "", "a": "ü", "b": ""}
    unknown = client.post("/echo?a=1&c=2&d=3")
    assert problem(unknown) == (400, "unknown_parameter")
    assert [error["parameter"] for error in unknown.json["errors"]] == ["c", "d"]
    for query in ("a=1&a=2", "a=%00", "a=%ff"):
        assert problem(client.post(f"/echo?{query}")) == (400, "invalid_parameter")


def test_alive_ready_version(app, client):
    assert client.get("/livez").json == {"status": "alive"}
    assert client.get("/readyz").json == {"status": "ready", "lag": 0}
    assert client.get("/version").json["service"] == "daybook test"
    app.extensions["state"]["away"] = True
    response = client.get("/readyz")
    assert problem(response) == (503, "store_unavailable") and response.headers["Retry-After"] == "2"
    assert client.get("/livez").status_code == 200


def test_every_answer_has_headers_for_browsers_and_pages_their_own(app, client):
    pages = Blueprint("pages", __name__, url_prefix="/pages")
    mine = {"Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'", "Cache-Control": "private, no-cache"}

    @pages.after_request
    def narrowed(response):
        response.headers.update(mine) if not isinstance(response, http.Reply) else None
        return response

    @pages.get("/flask")
    def of_flask():
        return "<p>made by Flask</p>"

    @pages.get("/reply")
    def reply():
        return http.Reply(b"<p>", headers=[("Content-Type", "text/html"), *mine.items()])

    app.register_blueprint(pages)
    usual = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    for path, expected in (
        *((path, usual) for path in ("/livez", "/version", "/page", "/unchanged", "/refused", "/broken", "/nope", "/problems")),
        ("/pages/flask", usual | mine),
        ("/pages/reply", usual | mine),
    ):
        answer = client.get(path)
        assert {name: answer.headers.getlist(name) for name in usual} == {name: [value] for name, value in expected.items()}, path
        assert "Strict-Transport-Security" not in answer.headers
        assert "Strict-Transport-Security" in client.get(path, base_url="https://localhost").headers
