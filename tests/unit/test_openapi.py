"""The command API's document agrees with the URL map, the types and the table of problems."""

import json
import re
from types import SimpleNamespace

import pytest

from command_api.app import create_app
from command_api.document import command_document
from command_api.examples import EXAMPLES
from command_api.handling import Handling
from command_api.import_request import parse_import
from command_api.parsing import parse
from command_api.routes import order_routes
from command_api.settings import Settings
from shared import auth
from shared.book import Book
from shared.openapi import codes_of
from shared.problem_table import KINDS
from tests.support.agreement import documented, mapped
from tests.support.bodies import NOW

DOCUMENT = command_document()
OPERATIONS = {o["operationId"]: o for methods in DOCUMENT["paths"].values() for o in methods.values()}
AT_THE_DOOR = {"method_not_allowed", "headers_too_large"}
OF_READING = {
    "customer_not_found",
    "head_not_known",
    "invalid_consistency_token",
    "invalid_cursor",
    "order_quarantined",
    "position_unknown",
    "version_not_found",
}


@pytest.fixture(scope="module")
def app():
    settings = Settings(book=Book(), events_url="postgresql://nowhere", verify=auth.shared_secret("s" * 64))
    return create_app(settings, Handling(SimpleNamespace(next_number=lambda: "")))


def test_the_document_names_the_routes_of_the_url_map(app):
    assert documented(DOCUMENT) == mapped(app)


def test_every_code_is_documented_somewhere_or_known_not_to_be():
    found = {
        code
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
        for status in operation["responses"]
        if int(status) >= 400
        for code in codes_of(DOCUMENT, method, path, int(status))
    }
    assert found <= set(KINDS)
    assert set(KINDS) - found == AT_THE_DOOR | OF_READING


def test_every_route_has_the_refusals_of_its_command():
    def refusals(id_):
        path, method = next((p, m) for p, ms in DOCUMENT["paths"].items() for m in ms if ms[m]["operationId"] == id_)
        return set(codes_of(DOCUMENT, method, path, 409)) - {"concurrency_conflict", "limit_exceeded"}

    assert refusals("createOrder") == {
        "order_empty", "contact_missing", "shipping_address_missing", "external_id_taken", "number_taken", "order_id_taken",
    }  # fmt: skip
    assert refusals("capturePayment") == {"order_not_placed", "capture_exceeds_authorization", "duplicate_id"}
    assert refusals("completeOrder") == {
        "order_not_confirmed", "order_cancelled", "shipment_in_progress", "units_open", "balance_outstanding",
    }  # fmt: skip


@pytest.mark.parametrize("route", order_routes(lambda: ""), ids=lambda route: route.path or "create")
def test_the_example_of_a_route_is_a_request(route):
    method = getattr(route, "method", "POST").lower()
    path = "/v1/orders" + re.sub(r"<(\w+)>", r"{\1}", route.path)
    operation = DOCUMENT["paths"][path][method]
    content = operation["requestBody"]["content"]
    example = next(iter(content.values()))["examples"]["typical"]["value"]
    parse(json.dumps(example).encode(), route.request, NOW)


def test_the_example_of_an_import_is_one():
    [order] = parse_import(json.dumps(EXAMPLES["importOrders"]).encode(), NOW)
    assert not isinstance(order, Exception)


def test_every_operation_with_a_body_has_an_example():
    bodies = {id_ for id_, operation in OPERATIONS.items() if operation.get("requestBody", {}).get("required")}
    assert bodies <= set(EXAMPLES)


def test_every_reference_leads_somewhere():
    for reference in re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(DOCUMENT)):
        place = DOCUMENT
        for part in reference.split("/"):
            place = place[part]


def test_the_page_needs_nobody_else(app):
    answer = app.test_client().get("/docs")
    assert answer.status_code == 200
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert not re.search(r"<script|https?://|\ssrc=|\sstyle=|@import|url\(", answer.text)
    for id_, operation in OPERATIONS.items():
        assert f'id="{id_}"' in answer.text
        assert all(code in answer.text for code in operation["responses"])
    targets = set(re.findall(r'href="#([^"]+)"', answer.text))
    assert targets <= set(re.findall(r'id="([^"]+)"', answer.text))


def test_the_document_is_served_to_anybody(app):
    answer = app.test_client().get("/openapi.json")
    assert answer.json == json.loads(json.dumps(DOCUMENT))
