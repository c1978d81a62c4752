"""One trace from a command to the read table: in one process, and over the real ones to a real receiver."""

import threading
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from werkzeug.test import Client

from command_api.app import opened
from command_api.settings import Settings
from projector import generation
from projector.batch import Poster
from projector.batch_lines import Batches
from projector.run_once import sessions
from projector.tables.days import days_in
from shared import auth, tracing
from shared.database import connect
from shared.request_lines import Told
from shared.spans import Spans
from shared.telling import Telling
from tests.support.clients import House
from tests.support.command_api import ORDER, SECRET, bearer
from tests.support.posting import projector, until
from tests.support.query_api import query_api, token

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SENT = {"traceparent": f"00-{TRACE}-{CALLER}-01"}


@contextmanager
def in_memory():
    """All spans that are made meanwhile."""
    exporter = InMemorySpanExporter()
    with tracing.used(Spans("daybook-test", SimpleSpanProcessor(exporter))):
        yield exporter


@contextmanager
def told_api(databases):
    """The command API as its worker serves it."""
    settings = Settings(book=databases.book, events_url=databases.events_url, verify=auth.shared_secret(SECRET), deadline=60.0)
    telling = Telling(None)
    with opened(settings) as app:
        yield Client(Told(app, telling, 1)), telling


def post_all(databases):
    with sessions(databases, 600) as (events, reads):
        live = generation.live(databases.book)
        stand = generation.first(reads, events, databases.book, "UTC")
        return Poster(events, reads, live, days_in("UTC"), told=Batches()).post_next(stand, 100)


def by_name(exporter):
    return {span.name: span for span in exporter.get_finished_spans()}


def hex_of(context):
    return format(context.trace_id, "032x"), format(context.span_id, "016x")


def test_a_command_and_its_visibility_are_one_trace_and_the_batch_links_to_it(migrated):
    with in_memory() as exporter:
        with told_api(migrated) as (client, telling):
            answer = client.post("/v1/orders", json=ORDER, headers=bearer() | SENT)
            assert answer.status_code == 201, answer.text
            telling.tell()
        post_all(migrated)
        spans = by_name(exporter)
    served, command, append = spans["POST /v1/orders"], spans["command create_order"], spans["append"]
    visible, batch = spans["become visible"], spans["post batch"]
    assert {hex_of(one.context)[0] for one in (served, command, append, visible)} == {TRACE}
    assert [hex_of(one.parent)[1] for one in (served, command, append, visible)] == [
        CALLER,
        *(hex_of(one.context)[1] for one in (served, command, command)),
    ]
    assert hex_of(batch.context)[0] != TRACE and batch.parent is None
    assert [hex_of(link.context) for link in batch.links] == [hex_of(command.context)]
    assert [hex_of(link.context) for link in visible.links] == [hex_of(batch.context)]
    assert served.attributes["http.route"] == "/v1/orders" and served.attributes["http.response.status_code"] == 201
    assert visible.attributes["daybook.order_id"] == answer.json["order_id"]
    assert visible.start_time <= visible.end_time and command.start_time <= append.start_time


def test_without_a_trace_of_the_client_it_is_our_own_and_the_events_keep_it(migrated):
    with in_memory() as exporter, told_api(migrated) as (client, telling):
        client.post("/v1/orders", json=ORDER, headers=bearer())
        refused = client.post("/v1/orders", json={}, headers=bearer())
        telling.tell()
        spans = {hex_of(span.context)[0] for span in exporter.get_finished_spans() if span.name == "POST /v1/orders"}
    with connect(migrated.events_url) as log:
        kept = log.execute("SELECT state::json ->> 'trace_id', state::json ->> 'span_id' FROM events.event").fetchall()
    assert len({trace for trace, _ in kept}) == 1 and all(span for _, span in kept)
    assert {kept[0][0], refused.json["trace_id"]} == spans


def test_what_the_client_does_not_want_kept_is_not(migrated):
    with in_memory() as exporter:
        with told_api(migrated) as (client, telling):
            client.post("/v1/orders", json=ORDER, headers=bearer() | {"traceparent": f"00-{TRACE}-{CALLER}-00"})
            telling.tell()
        post_all(migrated)
        assert set(by_name(exporter)) == {"post batch"}
        assert not by_name(exporter)["post batch"].links


def test_no_word_of_a_fault_gets_into_a_trace(migrated, monkeypatch):
    with in_memory() as exporter, told_api(migrated) as (client, telling):
        fault = RuntimeError("zorbelina@example.org")
        monkeypatch.setattr("command_api.handling.decide", lambda *_: (_ for _ in ()).throw(fault))
        assert client.post("/v1/orders", json=ORDER, headers=bearer()).status_code == 500
        telling.tell()
        shown = [span.to_json() for span in exporter.get_finished_spans()]
    assert len(shown) == 2 and "zorb" not in "".join(shown)
    assert by_name(exporter)["POST /v1/orders"].status.status_code.name == "ERROR"


def test_nothing_of_opentelemetry_is_imported_unless_it_has_where_to_send(monkeypatch):
    for name in tracing.ENDPOINTS:
        monkeypatch.delenv(name, raising=False)
    with tracing.opened():
        assert tracing.present() is None and tracing.traced() is None and tracing.served({}) is None


@pytest.fixture
def receiver(monkeypatch):
    """Spans that reach an OTLP receiver, which the processes started meanwhile are told of."""
    spans = []

    class Take(BaseHTTPRequestHandler):
        def do_POST(self):
            sent = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
            for of_service in sent.resource_spans:
                service = {kept.key: kept.value.string_value for kept in of_service.resource.attributes}["service.name"]
                spans.extend((service, span) for scope in of_service.scope_spans for span in scope.spans)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Take)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
    yield spans
    server.shutdown()
    thread.join()
    server.server_close()


EXPECTED = {
    ("daybook-command-api", "POST /v1/orders"),
    ("daybook-command-api", "command create_order"),
    ("daybook-command-api", "append"),
    ("daybook-projector", "become visible"),
    ("daybook-query-api", "GET /v1/orders/{order_id}"),
}


def test_one_trace_over_real_processes_from_post_to_read_table(migrated, tmp_path, receiver):
    with ExitStack() as stack:
        house = House(migrated, tmp_path, stack, DAYBOOK_COMMAND_DEADLINE="30")
        stack.enter_context(projector(migrated, tmp_path, lease=60))
        queries = stack.enter_context(query_api(migrated, tmp_path, workers=1))
        written = httpx.post(f"{house.url}/v1/orders", json=ORDER, headers=bearer() | SENT, timeout=90)
        assert written.status_code == 201, written.text
        read = {"Authorization": f"Bearer {token()}", "Consistency-Token": written.headers["Consistency-Token"]}
        path = f"/v1/orders/{written.json()['order_id']}"
        assert httpx.get(queries.url + path, headers=read | SENT | {"Prefer": "wait=30"}, timeout=90).status_code == 200

        def arrived():
            mine = {(service, span.name) for service, span in receiver if span.trace_id.hex() == TRACE}
            return mine if mine >= EXPECTED else None

        until(arrived, "all spans of the trace arrive")
