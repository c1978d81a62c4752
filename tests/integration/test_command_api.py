"""The command API over a real log: every outcome of `domain.md` §4.2, status, headers and body."""

import json
from dataclasses import replace
from itertools import count
from uuid import uuid4

import pytest

from command_api.app import opened
from shared.database import connect
from tests.support.command_api import ALL, ORDER, PAYMENT, SHIPMENT, Api, bearer, problem
from tests.support.posting import until


def test_a_created_order_is_acknowledged(api, log):
    response = api.post("/v1/orders", ORDER | {"external_id": "shop-77", "channel": "web"})
    body = response.json
    assert response.status_code == 201 and response.mimetype == "application/json"
    assert response.headers["Location"] == f"https://shop.example/v1/orders/{body['order_id']}"
    assert response.headers["ETag"] == '"2"'
    assert response.headers["Consistency-Token"].endswith(".2")
    assert "Request-Id" in response.headers and "Idempotent-Replayed" not in response.headers
    assert list(body) == ["order_id", "number", "version", "status", "events"]
    assert (body["version"], body["status"], body["number"][:3]) == (2, "placed", "SO-")
    assert [(event["version"], event["type"]) for event in body["events"]] == [(1, "order.created"), (2, "order.placed")]
    assert body["events"][1]["data"]["grand_total_amount"] == 6912
    assert "ada@example.org" not in response.text
    assert log() == 2


def test_location_is_a_path_when_the_query_api_is_not_known(settings, migrated):
    with opened(replace(settings, query_url=None)) as app:
        response = Api(app.test_client()).post("/v1/orders", ORDER)
        assert response.headers["Location"] == f"/v1/orders/{response.json['order_id']}"


def test_an_order_goes_all_the_way(api):
    order = api.created(status="draft")
    steps = [
        ("place", None, 200, ["order.placed"]),
        ("confirm", None, 200, ["order.confirmed"]),
        ("payments", PAYMENT, 201, ["payment.authorized"]),
        ("payments/pi_1/captures", {"capture_id": "ch_1", "amount": 6912}, 201, ["payment.captured"]),
        ("shipments", SHIPMENT | {"dispatch": False}, 201, ["shipment.prepared"]),
        ("shipments/S1/dispatch", {"tracking_number": "JD01"}, 200, ["shipment.dispatched"]),
        ("shipments/S1/deliver", {}, 200, ["shipment.delivered", "order.completed"]),
        ("complete", None, 200, []),
    ]
    version = 1
    for path, body, status, events in steps:
        response = api.post(f"{order}/{path}", body)
        version += len(events)
        assert (response.status_code, [event["type"] for event in response.json["events"]]) == (status, events), path
        assert response.headers["ETag"] == f'"{version}"' and response.json["version"] == version
        assert response.headers["Consistency-Token"].rpartition(".")[2] == str(version)
        assert ("Location" in response.headers) is (status == 201)
    assert response.json["status"] == "completed" and response.json["no_change"] is True


def test_a_cancelled_order_asks_for_its_money_back(api):
    order = api.created()
    api.post(f"{order}/payments", PAYMENT | {"capture": True})
    response = api.post(f"{order}/cancel", {"reason": "customer", "refund": "full"})
    assert [event["type"] for event in response.json["events"]] == ["order.cancelled", "refund.requested"]


def test_commands_that_ask_for_nothing_need_no_body(api):
    order = api.created(status="draft")
    for step in ("place", "confirm"):
        response = api.client.post(f"{order}/{step}", headers=api.headers)
        assert response.status_code == 200, response.text
    assert problem(api.client.post(f"{order}/cancel", headers=api.headers)) == (400, "malformed_json")


def test_nothing_to_change_is_said_and_keeps_the_etag(api, log):
    order = api.created()
    first = api.post(f"{order}/confirm")
    again = api.post(f"{order}/confirm")
    assert (again.status_code, again.json["events"], again.json["no_change"]) == (200, [], True)
    for header in ("ETag", "Consistency-Token"):
        assert again.headers[header] == first.headers[header]
    api.post(f"{order}/payments", PAYMENT)
    same_payment = api.post(f"{order}/payments", PAYMENT)
    assert same_payment.status_code == 200 and same_payment.json["no_change"] is True
    assert log() == 4


def test_a_replay_is_the_first_answer_byte_for_byte(api, log):
    first = api.post("/v1/orders", ORDER, Idempotency_Key='"k-1"')
    again = api.post("/v1/orders", ORDER, Idempotency_Key="k-1")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (again.status_code, again.data) == (first.status_code, first.data)
    for header in ("ETag", "Location", "Consistency-Token", "Content-Type"):
        assert again.headers[header] == first.headers[header]
    assert log() == 2


def test_a_key_belongs_to_one_principal_and_one_request(api, log):
    api.post("/v1/orders", ORDER, Idempotency_Key="k-1")
    other = api.post("/v1/orders", ORDER | {"tags": ["vip"]}, Idempotency_Key="k-1")
    assert problem(other) == (422, "idempotency_key_reused")
    assert other.json["first_used_at"].endswith("Z")
    elsewhere = api.post(api.created() + "/confirm", Idempotency_Key="k-1")
    assert problem(elsewhere) == (422, "idempotency_key_reused")
    api.headers = bearer(subject="somebody else")
    assert "Idempotent-Replayed" not in api.post("/v1/orders", ORDER, Idempotency_Key="k-1").headers


def test_if_match_is_obeyed(api, log):
    order = api.created()
    stale = api.post(f"{order}/confirm", If_Match='"1"')
    assert problem(stale) == (412, "version_mismatch")
    assert stale.json["current_version"] == 2 and stale.headers["ETag"] == '"2"'
    assert stale.json["events"] == [{"version": 2, "type": "order.placed"}]
    assert api.post(f"{order}/confirm", If_Match='"9"').json["events"] == []
    assert log() == 2
    assert api.post(f"{order}/payments", PAYMENT, If_Match='W/"2"').status_code == 201
    assert api.post(f"{order}/payments", PAYMENT | {"payment_id": "pi_2"}, If_Match='"1", "3.7"').status_code == 201
    assert api.post(f"{order}/confirm", If_Match="*").status_code == 200
    assert problem(api.post(f"/v1/orders/{uuid4()}/confirm", If_Match='"1"')) == (404, "order_not_found")
    assert problem(api.post("/v1/orders", ORDER, If_Match="*")) == (412, "version_mismatch")


def test_a_refusal_names_the_order_its_state_and_the_figures(api, log):
    order = api.created()
    api.post(f"{order}/confirm")
    response = api.post(f"{order}/shipments", {"lines": [{"line_id": "L1", "quantity": 4}]})
    assert problem(response) == (409, "quantity_exceeds_open")
    assert response.headers["ETag"] == '"3"'
    body = response.json
    assert (body["order_id"], body["version"], body["order_status"], body["open_quantity"]) == (
        order.rpartition("/")[2],
        3,
        "confirmed",
        3,
    )
    assert problem(api.post(f"{order}/complete")) == (409, "units_open")
    assert problem(api.post(f"{order}/payments/pi_9/captures", {"capture_id": "c", "amount": 1})) == (
        404,
        "payment_not_found",
    )
    assert problem(api.post(f"{order}/shipments/S9/deliver")) == (404, "shipment_not_found")
    assert log() == 3


def test_the_same_id_with_other_content_is_a_duplicate(api):
    order = api.created()
    api.post(f"{order}/payments", PAYMENT)
    response = api.post(f"{order}/payments", PAYMENT | {"amount": 1})
    assert problem(response) == (409, "duplicate_id")
    assert [error["pointer"] for error in response.json["errors"]] == ["#/amount"]


def test_an_external_id_names_the_order_that_has_it(api, log):
    order = api.created(external_id="shop-77", channel="web")
    response = api.post("/v1/orders", ORDER | {"external_id": "shop-77", "channel": "web"}, Idempotency_Key="another")
    assert problem(response) == (409, "external_id_taken")
    assert response.json["order_id"] == order.rpartition("/")[2]
    assert api.post("/v1/orders", ORDER | {"external_id": "shop-77", "channel": "pos"}).status_code == 201


def test_a_client_may_choose_the_order_id(api):
    mine = str(uuid4())
    assert api.created(order_id=mine) == f"/v1/orders/{mine}"
    response = api.post("/v1/orders", ORDER | {"order_id": mine})
    assert problem(response) == (409, "order_id_taken") and response.json["order_id"] == mine
    assert api.post(f"/v1/orders/{mine.upper()}/confirm").status_code == 200


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("/v1/orders", "orders:write"),
        ("/v1/orders/x/place", "orders:write"),
        ("/v1/orders/x/confirm", "orders:write"),
        ("/v1/orders/x/cancel", "orders:write"),
        ("/v1/orders/x/complete", "orders:write"),
        ("/v1/orders/x/payments", "payments:write"),
        ("/v1/orders/x/payments/p/captures", "payments:write"),
        ("/v1/orders/x/shipments", "shipments:write"),
        ("/v1/orders/x/shipments/s/dispatch", "shipments:write"),
        ("/v1/orders/x/shipments/s/deliver", "shipments:write"),
        ("/v1/orders/import", "orders:import"),
    ],
)
def test_every_route_asks_for_its_scope(api, path, scope):
    api.headers = {}
    nobody = api.post(path)
    assert problem(nobody) == (401, "unauthenticated") and nobody.headers["WWW-Authenticate"].startswith("Bearer")
    api.headers = bearer(*(set(ALL) - {scope}))
    refused = api.post(path)
    assert problem(refused) == (403, "forbidden") and refused.json["required_scope"] == scope
    assert "insufficient_scope" in refused.headers["WWW-Authenticate"]
    api.headers = bearer(scope)
    assert api.post(path).status_code not in (401, 403)


def test_what_was_done_carries_who_did_it_and_the_trace(api, migrated):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    api.post("/v1/orders", ORDER, Idempotency_Key="k", traceparent=f"00-{trace}-00f067aa0ba902b7-01")
    with connect(migrated.events_url) as connection:
        (state,) = connection.execute("SELECT state FROM events.event WHERE position = 1").fetchone()
    envelope = json.loads(state)
    assert envelope["actor"] == {"type": "service", "id": "daybook tester"}
    assert (envelope["trace_id"], envelope["idempotency_key"]) == (trace, "k")


def test_numbers_of_orders_are_drawn_or_given(api):
    assert api.post("/v1/orders", ORDER | {"number": "B-1"}).json["number"] == "B-1"
    assert problem(api.post("/v1/orders", ORDER | {"number": "B-1"})) == (409, "number_taken")
    assert api.post("/v1/orders", ORDER | {"number": "SO-00000001"}).status_code == 422


def test_it_is_ready_when_the_log_is_and_says_why_not(api, settings, migrated, log):
    until(lambda: api.client.get("/readyz").json == {"status": "ready"}, "it is ready")
    with connect(migrated.events_url) as connection:
        connection.execute("INSERT INTO events.migration (revision, name) VALUES (999, 'newer')")
    response = api.client.get("/readyz")
    assert problem(response) == (503, "store_unavailable") and "revision 999" in response.json["detail"]
    assert api.client.get("/livez").status_code == 200


def test_when_the_database_goes_away_nothing_is_claimed_and_all_is_well_again_after(
    api, hurried, migrated, server, caplog
):
    name = migrated.events_url.rpartition("/")[2].partition("?")[0]
    order, api = api.created(), hurried
    until(lambda: api.post(f"{order}/notes", {"body": "x"}, Idempotency_Key="n").status_code < 500, "it is connected")
    with connect(server) as admin:
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        admin.execute("SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE datname = %s", [name])
        for response in (api.post("/v1/orders", ORDER), api.post(f"{order}/confirm", Idempotency_Key="k")):
            assert problem(response) == (503, "store_unavailable")
            assert response.json["outcome"] in ("not_applied", "unknown")
            assert response.headers["Retry-After"] == "2"
            assert name not in response.text
        assert problem(api.client.get("/readyz")) == (503, "store_unavailable")
        assert api.client.get("/livez").status_code == 200
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    until(lambda: api.post(f"{order}/confirm", Idempotency_Key="k").status_code == 200, "it writes again")
    until(lambda: api.client.get("/readyz").status_code == 200, "it is ready again")


IMPORTED = {
    "currency": "GBP",
    "prices_include_tax": True,
    "status": "placed",
    "placed_at": "2010-12-01T08:26:00Z",
    "lines": [{"line_id": "1", "sku": "85123A", "name": "T-light", "quantity": 6, "unit_price_amount": 255}],
}


def imported(api, *orders):
    return api.post("/v1/orders/import", {"orders": list(orders)})


def test_an_import_answers_for_each_order(api, log):
    numbers = count(1)
    good = [IMPORTED | {"external_id": f"{next(numbers)}"} for _ in range(2)]
    lacking = {name: value for name, value in IMPORTED.items() if name != "currency"} | {"external_id": "3"}
    contradictory = IMPORTED | {"external_id": "4", "status": "completed"}
    response = imported(api, good[0], lacking, good[1], contradictory, "nonsense")
    assert response.status_code == 200
    body = response.json
    assert (body["imported"], body["unchanged"], body["failed"]) == (2, 0, 3)
    first, second, third, fourth, fifth = body["results"]
    assert (first["index"], first["external_id"], first["result"], first["version"]) == (0, "1", "imported", 1)
    assert (second["external_id"], second["problem"]["code"]) == ("3", "validation_failed")
    assert [(error["pointer"], error["code"]) for error in second["problem"]["errors"]] == [("#/orders/1/currency", "required")]
    assert third["result"] == "imported"
    assert fourth["problem"]["status"] == 422
    assert all(error["pointer"].startswith("#/orders/3/") for error in fourth["problem"]["errors"])
    assert fifth["problem"]["errors"][0]["pointer"] == "#/orders/4"
    assert response.headers["Consistency-Token"].endswith(".2")
    assert log() == 2


def test_a_repeated_import_changes_nothing(api, log):
    order = IMPORTED | {"external_id": "536365"}
    first = imported(api, order).json["results"][0]
    again = imported(api, order, IMPORTED | {"external_id": "536366", "order_id": first["order_id"]})
    assert again.json["unchanged"] == 1 and again.json["results"][0]["order_id"] == first["order_id"]
    assert again.json["results"][1]["problem"]["code"] == "order_id_taken"
    mine = IMPORTED | {"external_id": "536367", "order_id": str(uuid4())}
    assert [imported(api, mine).json["results"][0]["result"] for _ in range(2)] == ["imported", "unchanged"]
    assert log() == 2


def test_once_the_log_is_gone_the_rest_of_an_import_is_not_tried(settings, migrated, log):
    """Ten seconds a request: the first order has its time on any machine, and the second is given up within them."""
    with opened(replace(settings, deadline=10.0)) as app, connect(migrated.events_url) as holder:
        holder.execute("BEGIN")
        holder.execute("INSERT INTO events.claim (key, stream_id) VALUES ('external_id:import:2', gen_random_uuid())")
        body = imported(Api(app.test_client()), *[IMPORTED | {"external_id": f"{n}", "channel": "import"} for n in (1, 2, 3)]).json
        holder.execute("ROLLBACK")
    assert (body["imported"], body["failed"]) == (1, 2)
    assert {result["problem"]["outcome"] for result in body["results"][1:]} == {"not_applied"}
    assert log() == 1


def test_an_import_is_limited(api, log):
    assert problem(imported(api)) == (422, "validation_failed")
    assert problem(imported(api, *[IMPORTED] * 101)) == (422, "validation_failed")
    assert problem(api.post("/v1/orders/import", b"x" * (16 * 1024 * 1024 + 1))) == (413, "content_too_large")
    assert log() == 0
