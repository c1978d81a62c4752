"""What clients send about refunds and returns, and all that can be wrong with it."""

import pytest

from command_api import commands
from command_api.refund_request import (
    RefundCompletionRequest,
    RefundFailureRequest,
    RefundRequest,
    resolve_refund,
    resolve_refund_completion,
    resolve_refund_failure,
)
from command_api.return_request import (
    ReceiptRequest,
    RejectionRequest,
    ReturnRequest,
    resolve_receipt,
    resolve_rejection,
    resolve_return,
)
from shared.events import ReceivedLine, ReturnLine
from tests.support.bodies import LEFT_OUT, changed, read, unreadable, wrong

AT = "2026-11-22T12:00:00.000000Z"
LATE = "2999-01-01T00:00:00Z"
REFUND = {
    "refund_id": "R1",
    "payment_id": "pi_1",
    "amount": 500,
    "reason": "damaged",
    "lines": [{"line_id": "L1", "quantity": 1}, {"line_id": "L2", "quantity": 2, "amount": 10}],
    "shipping_amount": 490,
    "return_id": "RT1",
    "note": "broken",
    "state": "completed",
    "occurred_at": "2026-11-22T13:00:00+01:00",
}
FAILURE = {"code": "declined", "message": "card gone", "occurred_at": AT}
RETURN = {
    "return_id": "RT1",
    "lines": [{"line_id": "L1", "quantity": 1, "reason": "unwanted"}],
    "note": "too blue",
    "occurred_at": AT,
}
RECEIPT = {"lines": [{"line_id": "L1", "quantity": 1, "condition": "sellable"}], "occurred_at": AT}
REJECTION = {"reason": "worn", "occurred_at": AT}


def test_a_refund_arrives_with_all_its_fields():
    command, contacts = resolve_refund(read(REFUND, RefundRequest))
    assert command == commands.RequestRefund(
        refund_id="R1",
        payment_id="pi_1",
        amount=500,
        reason="damaged",
        lines=(
            commands.RefundLineInput(line_id="L1", quantity=1),
            commands.RefundLineInput(line_id="L2", quantity=2, amount=10),
        ),
        shipping_amount=490,
        return_id="RT1",
        note="broken",
        completed=True,
        occurred_at=AT,
    )
    assert contacts == []


@pytest.mark.parametrize(
    "body",
    [
        {"amount": 1},
        {"lines": [{"line_id": "L1", "quantity": 1}]},
        {"shipping_amount": 1},
    ],
)
def test_the_least_that_a_refund_needs(body):
    command, _ = resolve_refund(read({"payment_id": "pi_1", "reason": "goodwill"} | body, RefundRequest))
    assert (command.refund_id, command.completed, command.occurred_at) == (None, False, None)


@pytest.mark.parametrize(
    ("at", "value", "expected"),
    [
        ("payment_id", LEFT_OUT, {"#/payment_id": "required"}),
        ("payment_id", "a b", {"#/payment_id": "bad_format"}),
        ("reason", LEFT_OUT, {"#/reason": "required"}),
        ("reason", "", {"#/reason": "too_small"}),
        ("refund_id", "", {"#/refund_id": "bad_format"}),
        ("refund_id", 1, {"#/refund_id": "wrong_type"}),
        ("amount", 0, {"#/amount": "too_small"}),
        ("amount", -1, {"#/amount": "too_small"}),
        ("amount", 10_000_000_000_000, {"#/amount": "too_large"}),
        ("amount", "5", {"#/amount": "wrong_type"}),
        ("amount", 499, {"#/amount": "too_small"}),
        ("shipping_amount", -1, {"#/shipping_amount": "too_small"}),
        ("shipping_amount", 491, {"#/amount": "too_small"}),
        ("lines", {}, {"#/lines": "wrong_type"}),
        ("lines", [{"line_id": "L1", "quantity": 1}] * 2001, {"#/lines": "too_many"}),
        ("lines/0/quantity", 0, {"#/lines/0/quantity": "too_small"}),
        ("lines/0/quantity", LEFT_OUT, {"#/lines/0/quantity": "required"}),
        ("lines/0/line_id", LEFT_OUT, {"#/lines/0/line_id": "required"}),
        ("lines/0/line_id", "L2", {"#/lines/1/line_id": "duplicate_line"}),
        ("lines/0/amount", -1, {"#/lines/0/amount": "too_small"}),
        ("lines/0/amount", 1, {"#/amount": "too_small"}),
        ("return_id", "?", {"#/return_id": "bad_format"}),
        ("note", "x" * 5001, {"#/note": "too_large"}),
        ("note", "\0", {"#/note": "bad_format"}),
        ("state", "failed", {"#/state": "not_allowed"}),
        ("occurred_at", LATE, {"#/occurred_at": "too_large"}),
        ("occurred_at", "yesterday", {"#/occurred_at": "bad_format"}),
    ],
)
def test_what_is_wrong_with_a_refund_is_told(at, value, expected):
    assert wrong(changed(REFUND, at, value), RefundRequest) == expected


def test_a_refund_is_of_something():
    assert wrong({"payment_id": "p", "reason": "r"}, RefundRequest) == {"#/amount": "required"}
    assert wrong({"payment_id": "p", "reason": "r", "lines": [], "amount": None}, RefundRequest) == {
        "#/amount": "required"
    }


def test_the_end_of_a_refund_arrives():
    assert resolve_refund_completion(read({}, RefundCompletionRequest), "R1").command == commands.CompleteRefund(
        refund_id="R1"
    )
    body = {"provider_reference": "re_1", "occurred_at": AT}
    assert resolve_refund_completion(read(body, RefundCompletionRequest), "R1").command == commands.CompleteRefund(
        refund_id="R1", provider_reference="re_1", occurred_at=AT
    )
    assert resolve_refund_failure(read(FAILURE, RefundFailureRequest), "R1").command == commands.FailRefund(
        refund_id="R1", code="declined", message="card gone", occurred_at=AT
    )


@pytest.mark.parametrize(
    ("body", "type_", "expected"),
    [
        ({"provider_reference": ""}, RefundCompletionRequest, {"#/provider_reference": "too_small"}),
        ({"provider_reference": " x"}, RefundCompletionRequest, {"#/provider_reference": "bad_format"}),
        ({"occurred_at": LATE}, RefundCompletionRequest, {"#/occurred_at": "too_large"}),
        ({}, RefundFailureRequest, {"#/code": "required"}),
        (FAILURE | {"code": ""}, RefundFailureRequest, {"#/code": "too_small"}),
        (FAILURE | {"code": 7, "message": "x" * 5001}, RefundFailureRequest,
         {"#/code": "wrong_type", "#/message": "too_large"}),
        (FAILURE | {"occurred_at": LATE}, RefundFailureRequest, {"#/occurred_at": "too_large"}),
        ({}, RejectionRequest, {"#/reason": "required"}),
        ({"reason": ""}, RejectionRequest, {"#/reason": "too_small"}),
        ({"reason": "x" * 201}, RejectionRequest, {"#/reason": "too_large"}),
        (REJECTION | {"occurred_at": LATE}, RejectionRequest, {"#/occurred_at": "too_large"}),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_end_of_something_is_told(body, type_, expected):
    assert wrong(body, type_) == expected


def test_returns_arrive():
    line = ReturnLine(line_id="L1", quantity=1, reason="unwanted")
    assert resolve_return(read(RETURN, ReturnRequest)).command == commands.RequestReturn(
        return_id="RT1", lines=(line,), note="too blue", occurred_at=AT
    )
    assert resolve_return(read({"lines": RETURN["lines"]}, ReturnRequest)).command == commands.RequestReturn(
        lines=(line,)
    )
    assert resolve_receipt(read(RECEIPT, ReceiptRequest), "RT1").command == commands.ReceiveReturn(
        return_id="RT1",
        lines=(ReceivedLine(line_id="L1", quantity=1, condition="sellable"),),
        occurred_at=AT,
    )
    assert resolve_rejection(read(REJECTION, RejectionRequest), "RT1").command == commands.RejectReturn(
        return_id="RT1", reason="worn", occurred_at=AT
    )


@pytest.mark.parametrize(
    ("at", "value", "expected"),
    [
        ("return_id", "", {"#/return_id": "bad_format"}),
        ("lines", LEFT_OUT, {"#/lines": "required"}),
        ("lines", [], {"#/lines": "too_small"}),
        ("lines", RETURN["lines"] * 2001, {"#/lines": "too_many"}),
        ("lines", RETURN["lines"] * 2, {"#/lines/1/line_id": "duplicate_line"}),
        ("lines/0/line_id", LEFT_OUT, {"#/lines/0/line_id": "required"}),
        ("lines/0/quantity", 0, {"#/lines/0/quantity": "too_small"}),
        ("lines/0/quantity", True, {"#/lines/0/quantity": "wrong_type"}),
        ("lines/0/reason", LEFT_OUT, {"#/lines/0/reason": "required"}),
        ("lines/0/reason", "ugly", {"#/lines/0/reason": "not_allowed"}),
        ("note", "x" * 5001, {"#/note": "too_large"}),
        ("occurred_at", LATE, {"#/occurred_at": "too_large"}),
    ],
)
def test_what_is_wrong_with_a_return_is_told(at, value, expected):
    assert wrong(changed(RETURN, at, value), ReturnRequest) == expected


@pytest.mark.parametrize(
    ("at", "value", "expected"),
    [
        ("lines", LEFT_OUT, {"#/lines": "required"}),
        ("lines", [], {"#/lines": "too_small"}),
        ("lines", RECEIPT["lines"] * 4001, {"#/lines": "too_many"}),
        ("lines", RECEIPT["lines"] * 2, {"#/lines/1/line_id": "duplicate_line"}),
        ("lines/0/line_id", "", {"#/lines/0/line_id": "bad_format"}),
        ("lines/0/quantity", 1.5, {"#/lines/0/quantity": "wrong_type"}),
        ("lines/0/condition", LEFT_OUT, {"#/lines/0/condition": "required"}),
        ("lines/0/condition", "new", {"#/lines/0/condition": "not_allowed"}),
        ("occurred_at", LATE, {"#/occurred_at": "too_large"}),
    ],
)
def test_what_is_wrong_with_a_receipt_is_told(at, value, expected):
    assert wrong(changed(RECEIPT, at, value), ReceiptRequest) == expected


def test_a_line_may_come_back_in_both_conditions():
    both = [{"line_id": "L1", "quantity": 1, "condition": condition} for condition in ("sellable", "damaged")]
    assert len(read({"lines": both}, ReceiptRequest).lines) == 2


@pytest.mark.parametrize(
    ("body", "type_"),
    [
        (REFUND, RefundRequest),
        ({}, RefundCompletionRequest),
        (FAILURE, RefundFailureRequest),
        (RETURN, ReturnRequest),
        (RECEIPT, ReceiptRequest),
        (REJECTION, RejectionRequest),
    ],
)
def test_fields_that_nobody_knows_are_refused(body, type_):
    assert unreadable(body | {"amuont": 1}, type_).code == "unknown_field"
    assert wrong("[]", type_) == {"#": "wrong_type"}
