"""The command API over HTTP: what tests send to it, and what its problems look like."""

import json

from shared import auth
from shared.problem_table import KINDS
from tests.support.agreement import assert_documented

SECRET = "s" * 64
ALL = ("orders:write", "payments:write", "shipments:write", "orders:import")
ORDER = {
    "currency": "EUR",
    "prices_include_tax": False,
    "customer": {"customer_id": "c-1", "email": "ada@example.org", "name": "Ada"},
    "shipping_address": {"name": "Ada", "line1": "Weg 1", "city": "Bonn", "postal_code": "53111", "country": "DE"},
    "shipping": {"amount": 490, "method": "standard"},
    "lines": [
        {
            "sku": "MUG-1",
            "name": "Mug",
            "quantity": 3,
            "unit_price_amount": 1999,
            "discount_amount": 600,
            "tax_rate": "0.19",
        }
    ],
}
PAYMENT = {"payment_id": "pi_1", "amount": 6912, "currency": "EUR", "method": "card"}
SHIPMENT = {"lines": [{"line_id": "L1", "quantity": 3}], "carrier": "DHL", "dispatch": True}


def bearer(*scopes, subject="tester", ttl=3600):
    return {"Authorization": f"Bearer {auth.mint(SECRET, subject, scopes or ALL, ttl)}"}


class Api:
    """A test client that sends JSON and knows who it is."""

    def __init__(self, client):
        self.client = client
        self.headers = bearer()

    def post(self, path, body=None, **headers):
        sent = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        content_type = named.pop("Content-Type", "application/json")
        response = self.client.post(path, data=sent, content_type=content_type, headers=self.headers | named)
        assert_documented(self.client.application, response)
        return response

    def created(self, **changes):
        response = self.post("/v1/orders", ORDER | changes)
        assert response.status_code == 201, response.text
        return f"/v1/orders/{response.json['order_id']}"


def problem(response):
    assert response.mimetype == "application/problem+json", response.text
    body = response.json
    kind = KINDS[body["code"]]
    assert (body["status"], body["title"], body["type"]) == (kind.status, kind.title, f"/problems/{kind.code}")
    assert body["retryable"] is kind.retryable
    assert ("Retry-After" in response.headers) is kind.retryable
    assert body["instance"] == f"urn:request:{response.headers['Request-Id']}"
    return response.status_code, body["code"]
