"""Refunds, returns and imported pasts over HTTP: each route once, and what it refuses."""

import json

import pytest

from shared.database import connect
from tests.support.command_api import ALL, PAYMENT, SHIPMENT, bearer, problem


@pytest.fixture
def order(api):
    """A confirmed order, paid and sent."""
    order = api.created()
    api.post(f"{order}/payments", PAYMENT | {"capture": True})
    api.post(f"{order}/confirm")
    assert api.post(f"{order}/shipments", SHIPMENT).status_code == 201
    return order


def refund(**fields):
    return {"refund_id": "R1", "payment_id": "pi_1", "reason": "damaged"} | fields


def types(response):
    return [event["type"] for event in response.json["events"]]


ONE = [{"line_id": "L1", "quantity": 1}]


def test_a_refund_goes_its_two_ways(api, order):
    asked = api.post(f"{order}/refunds", refund(lines=ONE, shipping_amount=490))
    assert (asked.status_code, types(asked)) == (201, ["refund.requested"])
    assert asked.headers["Location"].endswith(order)
    data = asked.json["events"][0]["data"]
    assert (data["amount"], data["credit_amount"], data["lines"]) == (2631, 2631, [ONE[0] | {"amount": 2141}])
    failed = api.post(f"{order}/refunds/R1/fail", {"code": "declined"})
    assert (failed.status_code, types(failed)) == (200, ["refund.failed"])
    done = api.post(f"{order}/refunds", refund(refund_id="R2", amount=100, state="completed"))
    assert (done.status_code, types(done)) == (201, ["refund.requested", "refund.completed"])
    api.post(f"{order}/refunds", refund(refund_id="R3", amount=100))
    completed = api.post(f"{order}/refunds/R3/complete")
    assert (completed.status_code, types(completed)) == (200, ["refund.completed"])
    again = api.post(f"{order}/refunds/R3/complete", {})
    assert again.json["no_change"] is True and again.headers["ETag"] == completed.headers["ETag"]


def test_a_suggested_refund_is_asked_for_by_a_dry_run(api, order, log):
    before = log()
    tried = api.post(f"{order}/refunds?dry_run=true", refund(lines=[{"line_id": "L1", "quantity": 3}]))
    assert tried.json["events"][0]["data"]["amount"] == 6422
    assert tried.json["delta"] == {
        "grand_total_amount": 0,
        "refund_pending_amount": 6422,
        "due_amount": -6422,
    }
    assert log() == before


def test_refusals_of_refunds_tell_their_figures(api, order):
    too_much = api.post(f"{order}/refunds", refund(amount=6913))
    assert problem(too_much) == (409, "refund_exceeds_captured") and too_much.json["refundable_amount"] == 6912
    too_many = api.post(f"{order}/refunds", refund(lines=[{"line_id": "L1", "quantity": 4}]))
    assert problem(too_many) == (409, "refund_quantity_exceeded")
    assert (too_many.json["line_id"], too_many.json["refundable_quantity"]) == ("L1", 3)
    assert [error["pointer"] for error in too_many.json["errors"]] == ["#/lines/0/quantity"]
    assert problem(api.post(f"{order}/refunds", refund(amount=1, payment_id="x"))) == (404, "payment_not_found")
    assert problem(api.post(f"{order}/refunds", refund(amount=1, return_id="x"))) == (404, "return_not_found")
    assert problem(api.post(f"{order}/refunds", refund())) == (422, "validation_failed")
    assert problem(api.post(f"{order}/refunds/R9/complete")) == (404, "refund_not_found")
    assert problem(api.post(f"{order}/refunds/R9/fail", {"code": "x"})) == (404, "refund_not_found")
    api.post(f"{order}/refunds", refund(amount=1, state="completed"))
    late = api.post(f"{order}/refunds/R1/fail", {"code": "x"})
    assert problem(late) == (409, "refund_not_pending") and late.json["refund_status"] == "completed"
    assert problem(api.post(f"{order}/refunds", refund(amount=2))) == (409, "duplicate_id")


def test_a_return_comes_in_parts(api, order):
    lines = [{"line_id": "L1", "quantity": 2, "reason": "damaged"}]
    asked = api.post(f"{order}/returns", {"return_id": "B1", "lines": lines, "note": "box wet"})
    assert (asked.status_code, types(asked)) == (201, ["return.requested"])
    assert asked.headers["Location"].endswith(order)
    back = {"lines": [{"line_id": "L1", "quantity": 1, "condition": "damaged"}]}
    for _ in range(2):
        part = api.post(f"{order}/returns/B1/receive", back)
        assert (part.status_code, types(part)) == (200, ["return.received"])
    closed = api.post(f"{order}/returns/B1/receive", back)
    assert problem(closed) == (409, "return_not_open") and closed.json["return_status"] == "received"
    assert types(api.post(f"{order}/returns", {"lines": [lines[0] | {"quantity": 1}]})) == ["return.requested"]
    rejected = api.post(f"{order}/returns/RT1/reject", {"reason": "worn"})
    assert (rejected.status_code, types(rejected)) == (200, ["return.rejected"])
    assert api.post(f"{order}/returns/RT1/reject", {"reason": "worn"}).json["no_change"] is True
    refunded = api.post(f"{order}/refunds", refund(lines=ONE, return_id="B1"))
    assert refunded.json["events"][0]["data"]["return_id"] == "B1"


def test_refusals_of_returns_tell_their_figures(api, order):
    lines = [{"line_id": "L1", "quantity": 4, "reason": "damaged"}]
    too_many = api.post(f"{order}/returns", {"lines": lines})
    assert problem(too_many) == (409, "return_quantity_exceeded")
    assert (too_many.json["line_id"], too_many.json["returnable_quantity"]) == ("L1", 3)
    back = {"lines": [{"line_id": "L1", "quantity": 1, "condition": "damaged"}]}
    assert problem(api.post(f"{order}/returns/B9/receive", back)) == (404, "return_not_found")
    assert problem(api.post(f"{order}/returns/B9/reject", {"reason": "x"})) == (404, "return_not_found")
    placed = api.created()
    one = {"lines": [lines[0] | {"quantity": 1}]}
    assert problem(api.post(f"{placed}/returns", one)) == (409, "order_not_confirmed")
    api.post(f"{placed}/cancel", {"reason": "staff"})
    assert problem(api.post(f"{placed}/returns", one)) == (409, "order_cancelled")


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("refunds", "payments:write"),
        ("refunds/r/complete", "payments:write"),
        ("refunds/r/fail", "payments:write"),
        ("returns", "shipments:write"),
        ("returns/r/receive", "shipments:write"),
        ("returns/r/reject", "shipments:write"),
    ],
)
def test_every_route_asks_for_its_scope(api, path, scope):
    api.headers = bearer(*(set(ALL) - {scope}))
    refused = api.post(f"/v1/orders/x/{path}")
    assert problem(refused) == (403, "forbidden") and refused.json["required_scope"] == scope


IMPORTED = {
    "external_id": "536365",
    "currency": "GBP",
    "prices_include_tax": True,
    "status": "confirmed",
    "placed_at": "2010-12-01T08:26:00Z",
    "confirmed_at": "2010-12-01T08:26:00Z",
    "lines": [{"line_id": "1", "sku": "85123A", "name": "T-light", "quantity": 6, "unit_price_amount": 255}],
    "payments": [
        {
            "payment_id": "p",
            "method": "card",
            "authorized_amount": 1530,
            "captures": [{"capture_id": "c", "amount": 1530}],
        }
    ],
    "shipments": [
        {
            "shipment_id": "s",
            "lines": [{"line_id": "1", "quantity": 6}],
            "dispatched_at": "2010-12-02T08:00:00Z",
        }
    ],
    "refunds": [
        {
            "refund_id": "r",
            "payment_id": "p",
            "amount": 255,
            "reason": "damaged",
            "lines": [{"line_id": "1", "quantity": 1}],
            "return_id": "b",
            "occurred_at": "2010-12-09T08:00:00Z",
        }
    ],
    "returns": [
        {
            "return_id": "b",
            "lines": [{"line_id": "1", "quantity": 1, "reason": "damaged", "received": 1}],
            "occurred_at": "2010-12-08T08:00:00Z",
        }
    ],
    "notes": [{"body": "Secret Ada likes candles"}],
}


def test_an_order_is_imported_with_its_past(api, migrated):
    response = api.post("/v1/orders/import", {"orders": [IMPORTED, IMPORTED | {"external_id": "2", "payments": []}]})
    first, second = response.json["results"]
    assert first["result"] == "imported", first
    assert {error["pointer"] for error in second["problem"]["errors"]} == {"#/orders/1/refunds/0/payment_id"}
    with connect(migrated.events_url) as connection:
        ((state,),) = connection.execute("SELECT state FROM events.event").fetchall()
        vault = connection.execute("SELECT kind, payload, ref FROM events.contact").fetchall()
    data = json.loads(state)["data"]
    assert data["refunds"][0]["credit_amount"] == 255
    assert [(kind, json.loads(payload)) for kind, payload, _ in vault] == [("note", {"body": "Secret Ada likes candles"})]
    assert data["notes"] == [
        {"note_id": "N1", "note_ref": str(vault[0][2]), "occurred_at": "2010-12-01T08:26:00.000000Z"}
    ]
    assert "Secret" not in state
    more = {"lines": [{"line_id": "1", "quantity": 6, "reason": "other"}]}
    refused = api.post(f"/v1/orders/{first['order_id']}/returns", more)
    assert refused.json["returnable_quantity"] == 5
