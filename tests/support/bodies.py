"""JSON bodies as clients send them, and what is wrong with them."""

import copy
import json

import pytest

from command_api.parsing import Invalid, Unreadable, parse

NOW = "2026-11-23T06:54:00.000000Z"

CREATE = {
    "external_id": "shop-77",
    "channel": "web",
    "currency": "EUR",
    "prices_include_tax": False,
    "customer": {"customer_id": "c-1", "email": "a@example.org", "name": "Ada"},
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
IMPORT = CREATE | {"external_id": "536365", "status": "placed", "placed_at": "2026-11-22T12:00:00Z"}

FULL = IMPORT | {
    "order_id": "0198d3a2-6c1e-7b44-9d20-3a5f0c9e7b11",
    "metadata": {"a": "b"},
    "tags": ["t"],
    "billing_address": CREATE["shipping_address"],
    "payments": [
        {"payment_id": "p", "method": "card", "authorized_amount": 5, "captures": [{"capture_id": "c", "amount": 5}]}
    ],
    "shipments": [{"shipment_id": "S", "lines": [{"line_id": "L1", "quantity": 1}], "dispatched_at": NOW}],
    "refunds": [
        {
            "refund_id": "R",
            "payment_id": "p",
            "amount": 5,
            "reason": "r",
            "lines": [{"line_id": "L1", "quantity": 1, "amount": 5}],
        }
    ],
    "returns": [
        {"return_id": "B", "lines": [{"line_id": "L1", "quantity": 2, "reason": "unwanted", "received": 1}]}
    ],
    "notes": [{"note_id": "N1", "body": "call back", "visibility": "internal", "occurred_at": NOW}],
}
"""An import with all that it can have."""

LEFT_OUT = object()


def changed(body: dict, at: str, value: object) -> dict:
    """`body` with another value at the path `lines/0/sku`; without it, if the value is LEFT_OUT."""
    result = copy.deepcopy(body)
    *parents, last = [int(part) if part.isdecimal() else part for part in at.split("/")]
    place = result
    for part in parents:
        place = place.setdefault(part, {}) if isinstance(place, dict) else place[part]
    if value is LEFT_OUT:
        del place[last]
    elif isinstance(place, list) and last == len(place):
        place.append(value)
    else:
        place[last] = value
    return result


def read(body: object, type_: type, now: str = NOW):
    """`body` (JSON text, bytes or a value) as a request."""
    if isinstance(body, str):
        body = body.encode()
    return parse(body if isinstance(body, bytes) else json.dumps(body).encode(), type_, now)


def wrong(body: object, type_: type) -> dict[str, str]:
    """Pointer → code of all that is wrong with the fields of `body` (422)."""
    with pytest.raises(Invalid) as caught:
        read(body, type_)
    return by_pointer(caught.value.errors)


def unreadable(body: object, type_: type) -> Unreadable:
    """Why `body` cannot be read at all (400)."""
    with pytest.raises(Unreadable) as caught:
        read(body, type_)
    return caught.value


def by_pointer(errors: list) -> dict[str, str]:
    pointers = [error["pointer"] for error in errors]
    assert len(set(pointers)) == len(pointers), f"told twice: {pointers}"
    assert all(error["detail"] for error in errors)
    return {error["pointer"]: error["code"] for error in errors}
