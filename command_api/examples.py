"""A typical request for each operation of the command API by operation id, `{}` for what is not listed; and answers."""

from typing import Any

_LINE = {
    "sku": "MUG-1",
    "name": "Mug",
    "quantity": 3,
    "unit_price_amount": 1999,
    "discount_amount": 600,
    "tax_rate": "0.19",
}
_ORDER = {
    "external_id": "shop-77",
    "channel": "web",
    "currency": "EUR",
    "prices_include_tax": False,
    "customer": {"customer_id": "c-1", "email": "ada@example.org", "name": "Ada"},
    "shipping_address": {"name": "Ada", "line1": "Weg 1", "city": "Bonn", "postal_code": "53111", "country": "DE"},
    "shipping": {"amount": 490, "method": "standard"},
    "lines": [_LINE],
}
_UNITS = [{"line_id": "L1", "quantity": 1}]

EXAMPLES: dict[str, dict[str, Any]] = {
    "createOrder": _ORDER,
    "cancelOrder": {"reason": "customer", "note": "changed mind", "refund": "full"},
    "recordPayment": {
        "payment_id": "pi_1",
        "amount": 6912,
        "currency": "EUR",
        "method": "card",
        "provider": "psp",
        "capture": False,
    },
    "capturePayment": {"capture_id": "ch_1", "amount": 3000},
    "prepareShipment": {
        "shipment_id": "S1",
        "lines": [{"line_id": "L1", "quantity": 2}],
        "carrier": "DHL",
        "tracking_number": "JD01",
        "dispatch": True,
    },
    "dispatchShipment": {"carrier": "DHL", "tracking_number": "JD01"},
    "deliverShipment": {"occurred_at": "2026-08-24T09:30:00Z"},
    "changeTracking": {"tracking_number": "JD02", "tracking_url": None},
    "cancelShipment": {"reason": "wrong box"},
    "amendOrder": {
        "reason": "customer called",
        "actions": [
            {"action": "change_quantity", "line_id": "L1", "quantity": 2},
            {
                "action": "add_line",
                "sku": "TEE-M",
                "name": "Tee",
                "quantity": 1,
                "unit_price_amount": 1500,
                "tax_rate": "0.19",
            },
        ],
    },
    "cancelUnits": {"quantity": 1, "reason": "inventory"},
    "failPayment": {"failure_id": "f_1", "stage": "authorize", "code": "card_declined", "message": "Do not honour"},
    "voidPayment": {"reason": "paid by invoice instead"},
    "requestRefund": {"refund_id": "R1", "payment_id": "pi_1", "reason": "damaged", "lines": _UNITS},
    "completeRefund": {"provider_reference": "re_1"},
    "failRefund": {"code": "account_closed"},
    "requestReturn": {"return_id": "RET1", "lines": [{"line_id": "L1", "quantity": 1, "reason": "damaged"}]},
    "receiveReturn": {"lines": [{"line_id": "L1", "quantity": 1, "condition": "damaged"}]},
    "rejectReturn": {"reason": "not sent within 30 days"},
    "addNote": {"body": "Wants it before Friday.", "visibility": "internal"},
    "changeTags": {"add": ["vip"], "remove": ["new"]},
    "changeMetadata": {"cost_centre": "4711", "campaign": None},
    "importOrders": {
        "orders": [_ORDER | {"status": "placed", "placed_at": "2026-08-22T10:15:30Z", "grand_total_amount": 6912}]
    },
}

ACKNOWLEDGED: dict[str, Any] = {
    "order_id": "0198d3a2-6c1e-7b44-9d20-3a5f0c9e7b11",
    "number": "SO-00001042",
    "version": 7,
    "status": "confirmed",
    "events": [{"version": 7, "type": "payment.captured", "data": {"payment_id": "pi_1", "capture_id": "ch_1"}}],
}
IMPORTED: dict[str, Any] = {
    "imported": 1,
    "unchanged": 0,
    "failed": 1,
    "results": [
        {
            "index": 0,
            "result": "imported",
            "external_id": "shop-77",
            "order_id": "0198d3a2-6c1e-7b44-9d20-3a5f0c9e7b11",
            "version": 1,
        },
        {
            "index": 1,
            "result": "failed",
            "external_id": "shop-78",
            "problem": {"status": 422, "code": "validation_failed", "detail": "lines: at least one"},
        },
    ],
}
