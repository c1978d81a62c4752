"""What clients send to import orders."""

import json
from itertools import count
from uuid import UUID

import pytest

from command_api import commands
from command_api.import_request import ImportOrderRequest, parse_import, resolve_import
from command_api.parsing import Invalid, Unreadable
from shared.events import (
    ImportedCapture,
    ImportedPayment,
    ImportedReturn,
    ImportedReturnLine,
    ImportedShipment,
    LineQuantity,
)
from tests.support.bodies import IMPORT, NOW, by_pointer, changed, read, wrong

ORDER_ID = UUID("0198d3a2-6c1e-7b44-9d20-3a5f0c9e7b11")
AT = "2026-11-22T12:00:00.000000Z"
LATER = "2026-11-22T13:00:00.000000Z"


def resolve(body: object):
    refs = (UUID(int=n) for n in count(1))
    return resolve_import(read(body, ImportOrderRequest), ORDER_ID, lambda: "SO-00000001", lambda: next(refs))


def test_the_least_that_an_import_needs():
    least = {
        "external_id": "1",
        "currency": "GBP",
        "prices_include_tax": True,
        "status": "placed",
        "placed_at": "2026-11-22T12:00:00Z",
    }
    command, contacts = resolve(least)
    assert command == commands.ImportOrder(
        order_id=str(ORDER_ID),
        external_id="1",
        currency="GBP",
        prices_include_tax=True,
        number="SO-00000001",
        status="placed",
        created_at=AT,
        placed_at=AT,
    )
    assert contacts == []
    assert {pointer: wrong({k: v for k, v in least.items() if k != pointer[2:]}, ImportOrderRequest)[pointer]
            for pointer in ("#/external_id", "#/currency", "#/prices_include_tax", "#/status", "#/placed_at")}  # fmt: skip


def test_everything_an_import_can_say_arrives():
    command, contacts = resolve(
        IMPORT
        | {
            "number": "A-1",
            "status": "completed",
            "grand_total_amount": 7000,
            "adjustment_amount": -88,
            "created_at": "2026-11-22T13:00:00+01:00",
            "confirmed_at": AT,
            "completed_at": LATER,
            "cancelled_at": LATER,
            "cancel_reason": "fraud",
            "payments": [
                {
                    "payment_id": "p",
                    "method": "card",
                    "provider": "psp",
                    "provider_reference": "r",
                    "authorized_amount": 9,
                    "voided_amount": 1,
                    "captures": [
                        {"capture_id": "c", "amount": 5},
                        {"capture_id": "d", "amount": 3, "occurred_at": LATER},
                    ],
                }
            ],
            "shipments": [
                {
                    "shipment_id": "S",
                    "lines": [{"line_id": "L1", "quantity": 1}],
                    "carrier": "DHL",
                    "service": "s",
                    "tracking_number": "t",
                    "tracking_url": "https://x",
                    "location": "l",
                    "dispatched_at": AT,
                    "delivered_at": LATER,
                },
                {"shipment_id": "T", "lines": [{"line_id": "L1", "quantity": 2}]},
            ],
        }
    )
    assert (command.number, command.declared_total_amount, command.adjustment_amount) == ("A-1", 7000, -88)
    assert (command.created_at, command.confirmed_at, command.completed_at) == (AT, AT, LATER)
    assert (command.cancelled_at, command.cancel_reason) == (LATER, "fraud")
    assert command.payments == (
        ImportedPayment(
            payment_id="p",
            method="card",
            provider="psp",
            provider_reference="r",
            authorized_amount=9,
            voided_amount=1,
            captures=(
                ImportedCapture(capture_id="c", amount=5, occurred_at=AT),
                ImportedCapture(capture_id="d", amount=3, occurred_at=LATER),
            ),
            occurred_at=AT,
        ),
    )
    assert command.shipments == (
        ImportedShipment(
            shipment_id="S",
            lines=(LineQuantity("L1", 1),),
            carrier="DHL",
            service="s",
            tracking_number="t",
            tracking_url="https://x",
            location="l",
            prepared_at=AT,
            dispatched_at=AT,
            delivered_at=LATER,
        ),
        ImportedShipment(shipment_id="T", lines=(LineQuantity("L1", 2),), prepared_at=AT),
    )
    assert [kind for _, kind, _ in contacts] == ["contact", "address"]


def test_times_of_the_past_are_not_to_come():
    late = "2026-11-23T07:00:00Z"
    body = IMPORT | {"payments": [{"payment_id": "p", "method": "m", "authorized_amount": 1, "occurred_at": late}]}
    assert wrong(body, ImportOrderRequest) == {"#/payments/0/occurred_at": "too_large"}
    assert wrong(IMPORT | {"placed_at": late}, ImportOrderRequest) == {"#/placed_at": "too_large"}


def test_the_numbers_of_our_own_pattern_are_ours():
    assert wrong(IMPORT | {"number": "SO-00000001"}, ImportOrderRequest) == {"#/number": "not_allowed"}


def batch(*orders: object):
    return parse_import(json.dumps({"orders": orders}).encode(), NOW)


def test_a_bad_order_does_not_spoil_the_batch():
    good, invalid, unknown, broken = batch(
        IMPORT,
        changed(IMPORT, "lines/0/unit_price_amount", -1) | {"external_id": None},
        IMPORT | {"exchanges": []},
        "order",
    )
    assert isinstance(good, ImportOrderRequest)
    assert isinstance(invalid, Invalid)
    assert by_pointer(invalid.errors) == {
        "#/orders/1/lines/0/unit_price_amount": "too_small",
        "#/orders/1/external_id": "wrong_type",
    }
    assert isinstance(unknown, Unreadable)
    assert by_pointer(unknown.errors) == {"#/orders/2/exchanges": "not_allowed"}
    assert isinstance(broken, Invalid)
    assert by_pointer(broken.errors) == {"#/orders/3": "wrong_type"}


def test_contradictions_point_into_the_batch_too():
    _, invalid = batch(IMPORT, changed(IMPORT, "lines/0/discount_amount", 9999) | {"currency": "XYZ"})
    assert by_pointer(invalid.errors) == {
        "#/orders/1/currency": "not_allowed",
        "#/orders/1/lines/0/discount_amount": "too_large",
    }


def test_a_batch_has_1_to_100_orders():
    assert [len(batch(*[IMPORT] * size)) for size in (1, 100)] == [1, 100]
    for orders, code in (([IMPORT] * 101, "too_many"), ([], "too_small")):
        with pytest.raises(Invalid) as caught:
            batch(*orders)
        assert by_pointer(caught.value.errors) == {"#/orders": code}


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"orders": {}}'])
def test_a_batch_is_an_object_with_orders(body):
    with pytest.raises(Invalid):
        parse_import(body, NOW)


def test_what_cannot_be_read_around_the_orders_spoils_them_all():
    with pytest.raises(Unreadable, match="nobody knows"):
        parse_import(b'{"orders": [1], "more": 1}', NOW)
    with pytest.raises(Unreadable, match="twice"):
        parse_import(b'{"orders": [{"a": 1, "a": 2}]}', NOW)


def test_broken_text_spoils_only_its_order():
    results = parse_import(json.dumps({"orders": [IMPORT, IMPORT | {"external_id": "\ud800"}]}).encode(), NOW)
    assert isinstance(results[0], ImportOrderRequest)
    assert by_pointer(results[1].errors) == {"#/orders/1/external_id": "bad_format"}


WENT_BACK = IMPORT | {
    "refunds": [
        {
            "refund_id": "R1",
            "payment_id": "p",
            "amount": 500,
            "reason": "damaged",
            "lines": [{"line_id": "L1", "quantity": 1}, {"line_id": "L2", "quantity": 2, "amount": 10}],
            "shipping_amount": 490,
            "return_id": "B1",
            "occurred_at": LATER,
        },
        {"refund_id": "R2", "payment_id": "p", "amount": 1, "reason": "goodwill"},
    ],
    "returns": [
        {
            "return_id": "B1",
            "lines": [
                {"line_id": "L1", "quantity": 2, "reason": "damaged", "received": 1},
                {"line_id": "L2", "quantity": 1, "reason": "unwanted"},
            ],
            "rejected": True,
            "occurred_at": LATER,
        },
        {"return_id": "B2", "lines": [{"line_id": "L1", "quantity": 1, "reason": "other"}]},
    ],
    "notes": [
        {"note_id": "n1", "body": "Secret Ada wants green", "visibility": "customer", "occurred_at": LATER},
        {"body": "ring twice"},
    ],
}


def test_what_went_back_and_what_was_noted_arrive():
    command, contacts = resolve(WENT_BACK)
    assert command.refunds == (
        commands.RefundInput(
            refund_id="R1",
            payment_id="p",
            amount=500,
            reason="damaged",
            lines=(
                commands.RefundLineInput(line_id="L1", quantity=1),
                commands.RefundLineInput(line_id="L2", quantity=2, amount=10),
            ),
            shipping_amount=490,
            return_id="B1",
            occurred_at=LATER,
        ),
        commands.RefundInput(refund_id="R2", payment_id="p", amount=1, reason="goodwill", occurred_at=AT),
    )
    lines = (
        ImportedReturnLine(line_id="L1", quantity=2, reason="damaged", received=1),
        ImportedReturnLine(line_id="L2", quantity=1, reason="unwanted"),
    )
    assert command.returns == (
        ImportedReturn(return_id="B1", lines=lines, rejected=True, occurred_at=LATER),
        ImportedReturn(
            return_id="B2",
            lines=(ImportedReturnLine(line_id="L1", quantity=1, reason="other"),),
            occurred_at=AT,
        ),
    )
    first, second = command.notes
    assert (first.note_id, first.visibility, first.occurred_at) == ("n1", "customer", LATER)
    assert (second.note_id, second.visibility, second.occurred_at) == (None, "internal", AT)
    assert "Secret" not in str(command) and "twice" not in str(command)
    texts = {str(ref): payload for ref, kind, payload in contacts if kind == "note"}
    assert texts == {first.note_ref: {"body": "Secret Ada wants green"}, second.note_ref: {"body": "ring twice"}}


@pytest.mark.parametrize(
    ("at", "value", "expected"),
    [
        ("refunds", {}, {"#/refunds": "wrong_type"}),
        ("refunds/0/refund_id", None, {"#/refunds/0/refund_id": "wrong_type"}),
        ("refunds/0/payment_id", "", {"#/refunds/0/payment_id": "bad_format"}),
        ("refunds/0/amount", 0, {"#/refunds/0/amount": "too_small"}),
        ("refunds/0/amount", None, {"#/refunds/0/amount": "wrong_type"}),
        ("refunds/0/amount", 499, {"#/refunds/0/amount": "too_small"}),
        ("refunds/0/reason", "", {"#/refunds/0/reason": "too_small"}),
        ("refunds/0/lines/1/line_id", "L1", {"#/refunds/0/lines/1/line_id": "duplicate_line"}),
        ("refunds/0/lines/0/quantity", 0, {"#/refunds/0/lines/0/quantity": "too_small"}),
        ("refunds/1/occurred_at", "2999-01-01T00:00:00Z", {"#/refunds/1/occurred_at": "too_large"}),
        ("returns/0/return_id", "a b", {"#/returns/0/return_id": "bad_format"}),
        ("returns/0/lines", [], {"#/returns/0/lines": "too_small"}),
        ("returns/0/lines/0/reason", "ugly", {"#/returns/0/lines/0/reason": "not_allowed"}),
        ("returns/0/lines/0/received", 3, {"#/returns/0/lines/0/received": "too_large"}),
        ("returns/0/lines/0/received", -1, {"#/returns/0/lines/0/received": "too_small"}),
        ("returns/0/lines/1/line_id", "L1", {"#/returns/0/lines/1/line_id": "duplicate_line"}),
        ("returns/1/rejected", 1, {"#/returns/1/rejected": "wrong_type"}),
        ("returns/1/lines/0", {"line_id": "L1", "quantity": 1, "reason": "other", "received": 1}, None),
        ("notes/0/body", "", {"#/notes/0/body": "too_small"}),
        ("notes/0/body", "x" * 5001, {"#/notes/0/body": "too_large"}),
        ("notes/0/visibility", "secret", {"#/notes/0/visibility": "not_allowed"}),
        ("notes/1/note_id", "", {"#/notes/1/note_id": "bad_format"}),
        ("notes/1/occurred_at", "2999-01-01T00:00:00Z", {"#/notes/1/occurred_at": "too_large"}),
    ],
)
def test_what_is_wrong_with_what_went_back_is_told(at, value, expected):
    body = changed(WENT_BACK, at, value)
    if expected is None:
        assert resolve(body).command.returns[1].lines[0].received == 1
    else:
        assert wrong(body, ImportOrderRequest) == expected


def test_a_return_that_has_all_come_back_was_not_rejected():
    lines = [{"line_id": "L1", "quantity": 1, "reason": "other", "received": 1}]
    body = IMPORT | {"returns": [{"return_id": "B1", "lines": lines, "rejected": True}]}
    assert wrong(body, ImportOrderRequest) == {"#/returns/0/rejected": "not_allowed"}
