"""A line for each request, with what is needed to find it again and nothing else; and none of what a fault quotes."""

import json
import logging
import os
import re
import sys

import pytest
from werkzeug.test import Client

from shared import http, logs
from shared.private_words import quotes, sent_in
from shared.request_lines import Told
from shared.request_words import BODY
from shared.telling import Telling

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
ORDER_ID = "01a208aa-7c6b-7293-afc0-e0db84a8dd5b"


class Pieces:
    """A body that is made while it is sent."""

    closed = 0

    def __iter__(self):
        yield b"a"
        yield b"b"

    def close(self):
        self.closed += 1


@pytest.fixture
def served(monkeypatch, tmp_path):
    """A client of a small app, and what the log says about its requests."""
    root = logging.getLogger()
    before = root.handlers[:], root.level, logs._configured
    monkeypatch.setattr(logs, "_contexts", [])
    monkeypatch.setattr(logs, "_private", [])
    file = tmp_path / "stderr"
    stderr = file.open("a")

    def configure(form="json", level="info"):
        monkeypatch.setenv("DAYBOOK_LOG_FORMAT", form)
        monkeypatch.setenv("DAYBOOK_LOG_LEVEL", level)
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stderr", stderr)
            logs.configure("command-api")

    configure()
    app = http.new_app("test")

    @app.get("/livez")
    def livez():
        return http.json_reply({})

    @app.get("/orders/<order_id>/<path:name>")
    def order(order_id, name):
        return http.json_reply({})

    @app.get("/stream")
    def stream():
        return http.StreamedReply(Pieces(), [])

    @app.post("/broken")
    def broken():
        body = http.read_body(1000)
        raise KeyError(json.loads(body)["name"])

    telling = Telling(None)

    def said():
        telling.tell()
        lines = file.read_text().splitlines()
        os.truncate(file, 0)
        return [json.loads(line) if line.startswith("{") else line for line in lines]

    said.configure = configure
    yield Client(Told(app, telling, 1)), said
    root.handlers[:], root.level, logs._configured = before
    stderr.close()


def test_a_request_is_one_line_with_its_route_and_ids(served):
    client, said = served
    headers = {"Request-Id": "r-1", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    client.get(f"/orders/{ORDER_ID}/ada@example.org?q=ada", headers=headers)
    (line,) = said()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time")) and line.pop("duration_ms") > 0
    assert line == {
        "level": "info",
        "component": "command-api",
        "logger": "shared.request_lines",
        "message": "GET /orders/{order_id}/{name} 200",
        "method": "GET",
        "route": "/orders/{order_id}/{name}",
        "status": 200,
        "order_id": ORDER_ID,
        "request_id": "r-1",
        "trace_id": TRACE,
    }


def test_people_get_the_same_in_words(served):
    client, said = served
    said.configure(form="text")
    client.get("/orders/ada/x", headers={"Request-Id": "r-1"})
    (line,) = said()
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d\.\d{3} command-api GET /orders/\{order_id\}/\{name\} 200 \d+\.\d ms request_id=r-1", line
    )


def test_what_meets_no_route_and_methods_nobody_knows_have_one_name(served):
    client, said = served
    client.get("/ada@example.org")
    client.open("/nowhere", method="ADA")
    assert [line["message"] for line in said()] == ["GET none 404", "other none 404"]


def test_probes_are_told_only_when_they_fail(served):
    client, said = served
    client.get("/livez")
    assert said() == []
    client.post("/livez")
    assert [line["status"] for line in said()] == [405]


def test_a_stream_is_told_at_its_end_once(served):
    client, said = served
    answer = client.get("/stream")
    assert said() == []
    assert answer.data == b"ab"
    answer.close()
    assert [line["message"] for line in said()] == ["GET /stream 200"]


def test_a_level_above_info_silences_the_lines(served):
    client, said = served
    said.configure(level="warning")
    client.get("/orders/1/2")
    assert said() == []


def test_a_fault_is_told_once_with_its_trace_and_without_what_it_quotes(served):
    client, said = served
    client.post("/broken", json={"name": "Ada Lovelace"}, headers={"Request-Id": "r-9"})
    fault, line = said()
    assert (fault["level"], fault["request_id"], line["status"]) == ("error", "r-9", 500)
    assert fault["message"] == "unexpected fault in POST /broken"
    assert "in broken" in fault["exception"] and "KeyError: (withheld: it quotes the request)" in fault["exception"]
    assert "lovelace" not in json.dumps([fault, line]).casefold()
    client.post("/broken", json={})
    assert "KeyError: 'name'" in said()[0]["exception"], "what is ours is said"


def test_what_is_quoted_is_found_in_any_case_and_form():
    def sent(query="", body=b"", path="/v1/orders"):
        return sent_in({"PATH_INFO": path, "QUERY_STRING": query, BODY: body})

    assert quotes("no LOVELACE here", sent("q=ada+lovelace"))
    assert quotes("no such city: 'Bonn'", sent(body=b'{"lines":[{"city":["Bonn"]}]}'))
    assert quotes("bad 'Bonn", sent(body=b"{not json: Bonn"))
    assert quotes("no key 'ada'", sent(path="/ada@example.org"))
    assert not quotes("KeyError: 'city'", sent("limit=5", b'{"city":"Bonn"}'))


def test_a_log_that_nobody_reads_holds_nobody_up(served, monkeypatch):
    assert served
    reading, writing = os.pipe()
    monkeypatch.setattr(logs, "PATIENCE", 0.01)
    monkeypatch.setattr(logs._configured[2], "stream", os.fdopen(writing, "w"))
    lost = [logs.write(["x" * 100] * 1000) for _ in range(3)]
    assert 0 < lost[0] < 1000 and lost[1:] == [1000, 1000]
    os.close(reading)
    assert logs.write(["x"]) == 1
