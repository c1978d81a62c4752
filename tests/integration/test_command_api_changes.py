"""The routes that change an order, annotate it, or end payments and parcels: status, headers, body, vault."""

import json
from uuid import uuid4

import pytest

from command_api.app import opened
from shared.database import connect
from tests.support.agreement import assert_documented
from tests.support.command_api import PAYMENT, SHIPMENT, Api, bearer, problem

MERGE = "application/merge-patch+json"
TEE = {
    "action": "add_line",
    "sku": "TEE-M",
    "name": "Tee",
    "quantity": 1,
    "unit_price_amount": 1500,
    "tax_rate": "0.19",
}
TWO = {"action": "change_quantity", "line_id": "L1", "quantity": 2}
MOVED = {"name": "Ada", "line1": "Geheimer Weg 2", "city": "Wien", "country": "AT"}


class PatchingApi(Api):
    def patch(self, path, body, media=MERGE, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        response = self.client.patch(path, data=json.dumps(body), content_type=media, headers=self.headers | named)
        assert_documented(self.client.application, response)
        return response


@pytest.fixture
def api(settings):
    with opened(settings) as app:
        yield PatchingApi(app.test_client())


@pytest.fixture
def vault(migrated):
    """What the vault holds of an order: customer, kind and payload."""
    with connect(migrated.events_url) as connection:
        yield lambda order: connection.execute(
            "SELECT customer_id, kind, payload FROM events.contact WHERE order_id = %s ORDER BY ref",
            [order.rpartition("/")[2]],
        ).fetchall()


def done(response, status, *types):
    assert response.status_code == status, response.text
    assert [event["type"] for event in response.json["events"]] == list(types)
    assert response.headers["ETag"] == f'"{response.json["version"]}"'
    assert response.headers["Consistency-Token"]
    assert ("Location" in response.headers) is (status == 201)
    assert response.json.get("no_change", False) is (not types)
    return response.json


def test_an_order_is_amended(api, vault):
    order = api.created()
    body = {"reason": "customer called", "actions": [TWO, TEE, {"action": "set_shipping_address", "address": MOVED}]}
    response = api.post(f"{order}/amend", body, If_Match='"2"')
    told = done(response, 200, "order.line_changed", "order.line_added", "order.shipping_address_changed")
    assert told["version"] == 5
    assert told["events"][0]["data"]["previous"] == {"quantity": 3, "total_amount": 6422}
    assert told["events"][1]["data"]["line"]["line_id"] == "L2"
    assert told["events"][2]["data"]["ship_country"] == "AT" and "Geheimer" not in response.text
    assert ("c-1", "address", json.dumps(MOVED, separators=(",", ":"))) in vault(order)
    done(api.post(f"{order}/amend", {"actions": [TWO]}), 200)


def test_an_amendment_is_all_or_nothing(api, vault):
    order = api.created()
    actions = [{"action": "set_billing_address", "address": MOVED}, {"action": "remove_line", "line_id": "L1"}]
    response = api.post(f"{order}/amend", {"actions": actions})
    assert problem(response) == (409, "order_would_be_empty")
    assert response.headers["ETag"] == '"2"'
    assert [error["pointer"] for error in response.json["errors"]] == ["#/actions/1"]
    assert len(vault(order)) == 2
    api.post(f"{order}/confirm")
    refused = api.post(f"{order}/amend", {"actions": [TWO]})
    assert problem(refused) == (409, "order_not_amendable") and refused.json["order_status"] == "confirmed"
    invalid = api.post(f"{order}/amend", {"actions": [{"action": "remove"}]})
    assert problem(invalid) == (422, "validation_failed")


def test_units_are_cancelled_until_none_is_left(api):
    order = api.created()
    body = {"quantity": 1, "reason": "inventory"}
    told = done(api.post(f"{order}/lines/L1/cancel", body), 200, "order.line_quantity_cancelled")
    assert told["events"][0]["data"]["reduction_amount"] == 2141
    too_many = api.post(f"{order}/lines/L1/cancel", body | {"quantity": 3})
    assert problem(too_many) == (409, "quantity_exceeds_open") and too_many.json["open_quantity"] == 2
    assert problem(api.post(f"{order}/lines/L2/cancel", body)) == (404, "line_not_found")
    last = api.post(f"{order}/lines/L1/cancel", body | {"quantity": 2})
    assert done(last, 200, "order.line_quantity_cancelled", "order.cancelled")["status"] == "cancelled"


def test_a_note_is_kept_in_the_vault(api, vault):
    order = api.created()
    response = api.post(f"{order}/notes", {"note_id": "n1", "body": "Ada rang", "visibility": "customer"})
    done(response, 201, "order.note_added")
    assert "Ada" not in response.text and response.headers["Location"] == f"https://shop.example{order}"
    assert ("c-1", "note", '{"body":"Ada rang"}') in vault(order)
    before = vault(order)
    done(api.post(f"{order}/notes", {"note_id": "n1", "body": "Ada rang", "visibility": "customer"}), 200)
    assert problem(api.post(f"{order}/notes", {"note_id": "n1", "body": "Ada rang"})) == (409, "duplicate_id")
    assert vault(order) == before


def test_an_order_brings_its_note_along(api, vault):
    order = api.created(note="Ada rings twice")
    assert ("c-1", "note", '{"body":"Ada rings twice"}') in vault(order)
    done(api.post(f"{order}/notes", {"body": "Ada rang"}), 201, "order.note_added")
    assert [kind for _, kind, _ in vault(order)].count("note") == 2


def test_an_amendment_is_tried_out(api, vault):
    order = api.created()
    tried = api.post(f"{order}/amend?dry_run=true", {"actions": [TWO, TEE]}, If_Match='"2"')
    assert (tried.status_code, tried.headers["Dry-Run"]) == (200, "true")
    assert tried.json["delta"]["grand_total_amount"] == -593
    done(api.post(f"{order}/confirm", If_Match='"2"'), 200, "order.confirmed")
    again = api.post(f"{order}/amend?dry_run=true", {"actions": [TWO]})
    assert problem(again) == (409, "order_not_amendable") and again.headers["Dry-Run"] == "true"


def test_tags_and_metadata_are_patched(api):
    order = api.created(tags=["a"], metadata={"k": "v", "gone": "soon"})
    done(api.patch(f"{order}/tags", {"add": ["b"], "remove": ["a"]}, "application/json"), 200, "order.tags_changed")
    done(api.patch(f"{order}/tags", {"add": ["b"]}, "application/json"), 200)
    told = done(api.patch(f"{order}/metadata", {"k": "w", "gone": None}), 200, "order.metadata_changed")
    assert told["events"][0]["data"] == {"set": {"k": "w"}, "unset": ["gone"]}
    done(api.patch(f"{order}/metadata", {"k": "w", "gone": None}), 200)
    again = api.patch(f"{order}/metadata", {"k": "x"}, Idempotency_Key="k-1")
    replayed = api.patch(f"{order}/metadata", {"k": "x"}, Idempotency_Key="k-1")
    assert replayed.data == again.data and replayed.headers["Idempotent-Replayed"] == "true"
    assert problem(api.patch(f"{order}/metadata", {"k": 1})) == (422, "validation_failed")


def test_a_patch_says_what_kind_of_patch_it_is(api):
    order = api.created()
    for path, wrong, right in (
        ("metadata", "application/json", MERGE),
        ("shipments/S1", "application/json", MERGE),
        ("tags", MERGE, "application/json"),
    ):
        response = api.patch(f"{order}/{path}", {}, wrong)
        assert problem(response) == (415, "unsupported_media_type")
        assert response.headers["Accept-Patch"] == right
    response = api.post(f"{order}/tags", {})
    assert problem(response) == (405, "method_not_allowed") and response.headers["Allow"] == "PATCH"


def test_payments_fail_and_are_given_up(api):
    order = api.created()
    failure = {"failure_id": "f_1", "stage": "authorize", "code": "declined"}
    done(api.post(f"{order}/payments/pi_0/failures", failure), 201, "payment.failed")
    done(api.post(f"{order}/payments/pi_0/failures", failure), 200)
    assert problem(api.post(f"{order}/payments/pi_1/failures", failure)) == (409, "duplicate_id")
    assert problem(api.post(f"{order}/payments/pi_0/void")) == (404, "payment_not_found")
    api.post(f"{order}/payments", PAYMENT)
    api.post(f"{order}/payments/pi_1/captures", {"capture_id": "ch_1", "amount": 912})
    told = done(api.post(f"{order}/payments/pi_1/void", {"reason": "expired"}), 200, "payment.voided")
    assert told["events"][0]["data"] == {"payment_id": "pi_1", "amount": 6000, "reason": "expired"}
    done(api.post(f"{order}/payments/pi_1/void"), 200)


def test_parcels_are_followed_and_unpacked(api):
    order = api.created()
    api.post(f"{order}/confirm")
    api.post(f"{order}/shipments", SHIPMENT | {"dispatch": False})
    told = done(api.patch(f"{order}/shipments/S1", {"tracking_number": "JD01"}), 200, "shipment.tracking_changed")
    assert told["events"][0]["data"] == {"shipment_id": "S1", "carrier": "DHL", "tracking_number": "JD01"}
    done(api.patch(f"{order}/shipments/S1", {"tracking_number": "JD01"}), 200)
    done(api.post(f"{order}/shipments/S1/cancel", {"reason": "damaged"}), 200, "shipment.cancelled")
    done(api.post(f"{order}/shipments/S1/cancel", {"reason": "damaged"}), 200)
    assert problem(api.patch(f"{order}/shipments/S1", {"carrier": "UPS"})) == (409, "shipment_not_pending")
    assert problem(api.post(f"{order}/shipments/S1/dispatch")) == (409, "shipment_not_pending")
    assert problem(api.patch(f"{order}/shipments/S2", {"carrier": "UPS"})) == (404, "shipment_not_found")


@pytest.mark.parametrize("id_", ["x" * 65, "a%20b", "%00", "%E2%82%AC"])
def test_an_id_that_cannot_be_is_not_found_and_not_recorded(api, id_):
    order = api.created()
    failure = {"failure_id": "f_1", "stage": "authorize", "code": "declined"}
    assert problem(api.post(f"{order}/payments/{id_}/failures", failure)) == (404, "payment_not_found")
    assert problem(api.post(f"{order}/lines/{id_}/cancel", {"quantity": 1, "reason": "other"})) == (
        404,
        "line_not_found",
    )
    assert problem(api.post(f"{order}/shipments/{id_}/deliver")) == (404, "shipment_not_found")


ROUTES = [
    ("POST", "amend", "orders:write"),
    ("POST", "lines/L1/cancel", "orders:write"),
    ("POST", "notes", "orders:write"),
    ("PATCH", "tags", "orders:write"),
    ("PATCH", "metadata", "orders:write"),
    ("POST", "payments/p/failures", "payments:write"),
    ("POST", "payments/p/void", "payments:write"),
    ("PATCH", "shipments/s", "shipments:write"),
    ("POST", "shipments/s/cancel", "shipments:write"),
]


@pytest.mark.parametrize(("method", "path", "scope"), ROUTES)
def test_every_route_asks_for_its_scope_and_knows_no_other_order(api, method, path, scope):
    unknown = f"/v1/orders/{uuid4()}/{path}"
    body = {
        "amend": {"actions": [TEE]},
        "lines/L1/cancel": {"quantity": 1, "reason": "other"},
        "notes": {"body": "b"},
        "payments/p/failures": {"failure_id": "f", "stage": "capture", "code": "c"},
        "shipments/s/cancel": {"reason": "r"},
    }.get(path, {})
    media = MERGE if path in ("metadata", "shipments/s") else "application/json"

    def send():
        return api.client.open(unknown, method=method, data=json.dumps(body), content_type=media, headers=api.headers)

    assert problem(send()) == (404, "order_not_found")
    api.headers = bearer("orders:import")
    refused = send()
    assert problem(refused) == (403, "forbidden") and refused.json["required_scope"] == scope
