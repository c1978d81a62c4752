"""Dry runs: the checks and the answer of the command, and nothing written."""

from uuid import uuid4

import pytest

from shared.database import connect
from tests.support.command_api import ORDER, PAYMENT, SHIPMENT, bearer, problem

CREATE = ORDER | {"external_id": "shop-77"}


@pytest.fixture
def everything(migrated):
    """All that the log holds, answers, claims and the vault included."""
    tables = ("event", "seal", "answer", "claim", "contact", "abandoned")

    def counted():
        with connect(migrated.events_url) as connection:
            return {name: connection.execute(f"SELECT count(*) FROM events.{name}").fetchone()[0] for name in tables}

    return counted


def test_a_create_is_tried_out(api, everything):
    before = everything()
    response = api.post("/v1/orders?dry_run=true", CREATE, Idempotency_Key="k")
    body = response.json
    assert (response.status_code, response.headers["Dry-Run"]) == (201, "true")
    assert [event["type"] for event in body["events"]] == ["order.created", "order.placed"]
    assert body["events"][1]["data"]["number"] == body["number"] == "SO-00000000"
    assert body["delta"] == {"grand_total_amount": 6912, "due_amount": 6912, "outstanding_amount": 6912}
    for header in ("ETag", "Consistency-Token", "Location", "Idempotent-Replayed"):
        assert header not in response.headers
    assert everything() == before
    real = api.post("/v1/orders", CREATE, Idempotency_Key="k")
    assert real.status_code == 201 and "Dry-Run" not in real.headers and "delta" not in real.json
    assert real.headers["Consistency-Token"].endswith(".2")


def told(response):
    """What an answer says, but for times and references made anew and what only a dry run tells."""
    body = {name: value for name, value in response.json.items() if name != "delta"}
    for event in body["events"]:
        event["data"] = {name: value for name, value in event["data"].items() if name not in ("cancelled_at", "note_ref")}
    return body


@pytest.mark.parametrize(
    ("path", "body", "status", "events", "delta"),
    [
        ("confirm", {}, 200, [], {}),
        ("payments", PAYMENT | {"payment_id": "pi_2"}, 201, ["payment.authorized"],
         {"authorized_amount": 6912, "open_authorized_amount": 6912}),
        ("payments/pi_1/captures", {"capture_id": "ch_9", "amount": 1}, 201, ["payment.captured"],
         {"captured_amount": 1, "open_authorized_amount": -1, "overpaid_amount": 1}),
        ("refunds", {"payment_id": "pi_1", "reason": "r", "lines": [{"line_id": "L1", "quantity": 1}]}, 201,
         ["refund.requested"], {"refund_pending_amount": 2141, "due_amount": -2141}),
        ("shipments", SHIPMENT, 201, ["shipment.prepared", "shipment.dispatched"], {}),
        ("cancel", {"reason": "customer"}, 200, ["order.cancelled", "refund.requested"],
         {"grand_total_amount": -6912, "refund_pending_amount": 6912, "due_amount": -6912}),
        ("lines/L1/cancel", {"quantity": 1, "reason": "customer"}, 200, ["order.line_quantity_cancelled"],
         {"grand_total_amount": -2141, "due_amount": -2141, "overpaid_amount": 2141}),
        ("notes", {"body": "call back", "visibility": "internal"}, 201, ["order.note_added"], {}),
    ],
)  # fmt: skip
def test_a_command_is_tried_out_and_changes_nothing(api, everything, path, body, status, events, delta):  # noqa: PLR0917
    order = api.created()
    api.post(f"{order}/payments", PAYMENT | {"amount": 7000})
    api.post(f"{order}/payments/pi_1/captures", {"capture_id": "ch_1", "amount": 6912})
    confirmed = api.post(f"{order}/confirm")
    before = everything()
    tried = api.post(f"{order}/{path}?dry_run=true", body, Idempotency_Key="k", If_Match=confirmed.headers["ETag"])
    assert (tried.status_code, tried.headers["Dry-Run"]) == (status, "true"), tried.text
    assert [event["type"] for event in tried.json["events"]] == events
    assert tried.json["delta"] == {"grand_total_amount": 0} | delta
    assert tried.json.get("no_change", False) is (not events)
    assert tried.json["version"] == confirmed.json["version"] + len(events)
    for header in ("ETag", "Consistency-Token"):
        assert tried.headers[header] == confirmed.headers[header]
    assert everything() == before
    real = api.post(f"{order}/{path}", body, Idempotency_Key="k", If_Match=tried.headers["ETag"])
    assert real.status_code == status and "Idempotent-Replayed" not in real.headers
    assert told(tried) == told(real)


def test_what_would_be_refused_is_refused_and_says_that_it_was_a_dry_run(api, everything):
    order = api.created(external_id="shop-77")
    before = everything()
    refusals = [
        (f"{order}/complete", {}, {}, (409, "order_not_confirmed")),
        (f"{order}/cancel", {"reason": "staff"}, {"If_Match": '"1"'}, (412, "version_mismatch")),
        (f"{order}/cancel", {}, {}, (422, "validation_failed")),
        (f"/v1/orders/{uuid4()}/confirm", {}, {}, (404, "order_not_found")),
        ("/v1/orders", CREATE, {}, (409, "external_id_taken")),
        ("/v1/orders", ORDER | {"order_id": order.rpartition("/")[2]}, {}, (409, "order_id_taken")),
    ]
    for path, body, headers, expected in refusals:
        response = api.post(f"{path}?dry_run=true", body, **headers)
        assert problem(response) == expected
        assert response.headers["Dry-Run"] == "true"
    api.post("/v1/orders", ORDER | {"number": "B-1"})
    assert problem(api.post("/v1/orders?dry_run=true", ORDER | {"number": "B-1"})) == (409, "number_taken")
    assert everything()["event"] == before["event"] + 2


def test_a_dry_run_sees_what_another_process_did(api, settings, everything):
    from command_api.app import opened  # noqa: PLC0415
    from tests.support.command_api import Api  # noqa: PLC0415

    order = api.created()
    with opened(settings) as app:
        Api(app.test_client()).post(f"{order}/confirm")
    response = api.post(f"{order}/confirm?dry_run=true")
    assert response.json["no_change"] is True and response.headers["ETag"] == '"3"'


def test_a_stored_answer_is_not_replayed_to_a_dry_run(api):
    order = api.created()
    api.post(f"{order}/confirm?dry_run=false", Idempotency_Key="k")
    response = api.post(f"{order}/cancel?dry_run=true", {"reason": "staff"}, Idempotency_Key="k")
    assert response.status_code == 200 and [event["type"] for event in response.json["events"]] == ["order.cancelled"]
    nonsense = api.post(f"{order}/confirm?dry_run=true", Idempotency_Key="x" * 300)
    assert problem(nonsense) == (400, "idempotency_key_invalid")


@pytest.mark.parametrize("value", ["", "1", "yes", "True", "%00"])
def test_dry_run_is_true_or_false(api, everything, value):
    response = api.post(f"/v1/orders?dry_run={value}", ORDER)
    assert problem(response) == (400, "invalid_parameter")
    assert response.json["errors"][0]["parameter"] == "dry_run"
    assert everything()["event"] == 0


def test_a_dry_run_is_spelt_right(api, everything):
    assert problem(api.post("/v1/orders?dryrun=true", ORDER)) == (400, "unknown_parameter")
    assert problem(api.post("/v1/orders?dry_run=true&dry_run=false", ORDER)) == (400, "invalid_parameter")
    assert everything()["event"] == 0


def test_trying_out_needs_the_scope_of_doing(api):
    api.headers = bearer("payments:write")
    assert problem(api.post("/v1/orders?dry_run=true", ORDER)) == (403, "forbidden")


def test_an_import_is_tried_out_order_by_order(api, everything):
    good = ORDER | {"external_id": "a-1", "status": "placed", "placed_at": "2026-11-01T10:00:00Z"}
    api.post("/v1/orders/import", {"orders": [good]})
    before = everything()
    batch = {"orders": [good, good | {"external_id": "a-2"}, good | {"external_id": "a-3", "lines": []}]}
    response = api.post("/v1/orders/import?dry_run=true", batch)
    assert (response.status_code, response.headers["Dry-Run"]) == (200, "true")
    assert [result["result"] for result in response.json["results"]] == ["unchanged", "imported", "failed"]
    assert "order_id" not in response.json["results"][1]
    assert "Consistency-Token" not in response.headers
    assert everything() == before
