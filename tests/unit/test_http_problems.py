"""The table of error codes, its pages, and the body of an error."""

import json
import re

import pytest

from shared.http import new_app
from shared.problem_table import KINDS
from shared.problems import Problem
from shared.service_routes import add_service_routes

# domain.md §1.6, code by code.
DOMAIN = {
    400: "malformed_json unknown_parameter unknown_field invalid_parameter invalid_cursor invalid_consistency_token"
    " idempotency_key_invalid if_match_invalid position_unknown",
    401: "unauthenticated",
    403: "forbidden",
    404: "order_not_found line_not_found payment_not_found refund_not_found shipment_not_found return_not_found"
    " customer_not_found route_not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    409: "order_not_draft order_not_placed order_not_confirmed order_not_amendable order_cancelled order_completed"
    " order_empty order_would_be_empty contact_missing shipping_address_missing quantity_exceeds_open"
    " line_partially_cancelled order_has_shipments shipment_in_progress shipment_not_pending shipment_not_dispatched"
    " payment_required capture_exceeds_authorization refund_exceeds_captured refund_quantity_exceeded"
    " refund_not_pending return_quantity_exceeded return_not_open units_open balance_outstanding external_id_taken"
    " number_taken order_id_taken line_id_taken duplicate_id limit_exceeded concurrency_conflict",
    412: "version_mismatch",
    413: "content_too_large",
    415: "unsupported_media_type",
    422: "validation_failed currency_mismatch amount_out_of_range idempotency_key_reused",
    500: "internal_error",
    501: "head_not_known",
    503: "store_unavailable overloaded read_model_behind order_quarantined",
}
OF_THE_PROTOCOL = {
    "malformed_request": 400,
    "headers_too_large": 431,
    "command_not_found": 404,
    "keys_unavailable": 503,
    "version_not_found": 404,
}


@pytest.fixture
def client():
    app = new_app("test")
    add_service_routes(app, "test", dict)
    return app.test_client()


def test_the_table_has_every_code_of_the_domain_and_its_status():
    wanted = {code: status for status, codes in DOMAIN.items() for code in codes.split()} | OF_THE_PROTOCOL
    assert {kind.code: kind.status for kind in KINDS.values()} == wanted


def test_what_may_succeed_later_says_when():
    assert {kind.code for kind in KINDS.values() if kind.retryable} == {
        "concurrency_conflict",
        *(kind.code for kind in KINDS.values() if kind.status == 503),
    }


@pytest.mark.parametrize("code", KINDS)
def test_every_code_has_a_page_in_both_forms(client, code):
    kind = KINDS[code]
    described = client.get(f"/problems/{code}").json
    assert described["status"] == kind.status and described["description"] == kind.description
    page = client.get(f"/problems/{code}", headers={"Accept": "text/html,*/*;q=0.8"})
    assert page.mimetype == "text/html" and f"{kind.status} {code}" in page.text


@pytest.mark.parametrize("code", KINDS)
def test_texts_are_sentences(code):
    kind = KINDS[code]
    assert re.fullmatch(r"[A-Z].*[^.]", kind.title)
    assert re.fullmatch(r"[A-Z`].*\.", kind.description)


def test_the_page_of_an_unknown_code_is_not_there_and_the_list_has_all(client):
    assert client.get("/problems/nope").status_code == 404
    assert len(client.get("/problems").json["problems"]) == len(KINDS)


def test_the_body_of_a_problem():
    problem = Problem(
        "quantity_exceeds_open",
        "Line L1 has 1 open unit; 2 were requested.",
        errors=[{"pointer": "#/lines/0/quantity", "code": "too_large", "detail": "at most 1"}],
        order_id="o-1",
        version=7,
        status="confirmed",
        open_quantity=1,
        absent=None,
    )
    assert json.loads(problem.body("7b1c", "4bf9")) == {
        "type": "/problems/quantity_exceeds_open",
        "title": "Not enough open quantity",
        "status": 409,
        "detail": "Line L1 has 1 open unit; 2 were requested.",
        "instance": "urn:request:7b1c",
        "code": "quantity_exceeds_open",
        "retryable": False,
        "order_id": "o-1",
        "version": 7,
        "order_status": "confirmed",
        "open_quantity": 1,
        "errors": [{"pointer": "#/lines/0/quantity", "code": "too_large", "detail": "at most 1"}],
        "trace_id": "4bf9",
    }
    assert problem.response_headers()["Content-Type"] == "application/problem+json"
    assert Problem("store_unavailable").response_headers()["Retry-After"] == "2"
