"""What clients send to change an order, what is wrong with it, and the commands it comes to."""

import json
from itertools import count
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from command_api import amendments, annotations, changes, commands
from command_api.amend_request import AmendOrderRequest, resolve_amend
from command_api.annotation_request import (
    MetadataRequest,
    NoteRequest,
    TagsRequest,
    resolve_metadata,
    resolve_note,
    resolve_tags,
)
from command_api.change_request import (
    CancelUnitsRequest,
    FailureRequest,
    ShipmentCancellationRequest,
    TrackingRequest,
    VoidRequest,
    resolve_cancel_units,
    resolve_failure,
    resolve_shipment_cancellation,
    resolve_tracking,
    resolve_void,
)
from command_api.collecting import collect
from command_api.parsing import Invalid, Unreadable
from tests.support.bodies import CREATE, LEFT_OUT, NOW, by_pointer, changed, read, unreadable, wrong

ADDRESS = CREATE["shipping_address"]
LINE = {"sku": "TEE-M", "name": "Tee", "quantity": 1, "unit_price_amount": 1500, "tax_rate": "0.19"}
AMEND = {
    "reason": "customer called",
    "actions": [
        {"action": "add_line", **LINE},
        {"action": "change_quantity", "line_id": "L1", "quantity": 2},
        {"action": "change_price", "line_id": "L1", "unit_price_amount": 1, "reason": "typo"},
        {"action": "remove_line", "line_id": "L2"},
        {"action": "set_shipping", "amount": 990, "method": "express"},
        {"action": "set_shipping_address", "address": ADDRESS},
        {"action": "set_billing_address", "address": ADDRESS | {"name": "Secret & Co"}},
        {"action": "set_contact", "contact": {"email": "ada@secret.example", "phone": "0228 1"}},
    ],
}
FAILURE = {"failure_id": "f_1", "stage": "capture", "code": "declined"}


def refs():
    numbers = count(1)
    return lambda: UUID(int=next(numbers))


def action(body: dict) -> dict[str, str]:
    """What is wrong with an amendment of one action, seen from the action."""
    return {at.removeprefix("#/actions/0"): code for at, code in wrong({"actions": [body]}, AmendOrderRequest).items()}


def test_an_amendment_comes_to_a_command_and_entries_of_the_vault():
    command, contacts = resolve_amend(read(AMEND, AmendOrderRequest), refs())
    line = commands.LineInput(sku="TEE-M", name="Tee", quantity=1, unit_price_amount=1500, tax_rate="0.19")
    assert command == amendments.AmendOrder(
        reason="customer called",
        actions=(
            amendments.AddLine(line=line),
            amendments.ChangeQuantity(line_id="L1", quantity=2),
            amendments.ChangePrice(line_id="L1", unit_price_amount=1, reason="typo"),
            amendments.RemoveLine(line_id="L2"),
            amendments.SetShipping(amount=990, method="express"),
            amendments.SetShippingAddress(shipping_address_ref=str(UUID(int=1)), ship_country="DE"),
            amendments.SetBillingAddress(billing_address_ref=str(UUID(int=2))),
            amendments.SetContact(contact_ref=str(UUID(int=3)), has_email=True),
        ),
    )
    assert contacts == [
        (UUID(int=1), "address", ADDRESS),
        (UUID(int=2), "address", ADDRESS | {"name": "Secret & Co"}),
        (UUID(int=3), "contact", {"email": "ada@secret.example", "phone": "0228 1"}),
    ]
    for personal in ("Secret", "ada@", "0228", "Weg 1"):
        assert personal not in str(command)


def test_every_field_of_an_action_arrives():
    body = {
        "actions": [
            {"action": "add_line", **LINE, "line_id": "x", "discount_amount": 5, "metadata": {"a": "b"}},
            {"action": "change_quantity", "line_id": "L1", "quantity": 2, "discount_amount": 0, "tax_amount": 3},
            {
                "action": "change_price",
                "line_id": "L1",
                "unit_price_amount": 1,
                "discount_amount": 0,
                "tax_amount": 0,
                "reason": "r",
            },
            {"action": "set_shipping", "amount": 1, "tax_amount": 2, "method": "m"},
            {"action": "set_contact", "contact": {"name": "Ada"}},
        ]
    }
    command, contacts = resolve_amend(read(body, AmendOrderRequest), refs())
    line, quantity, price, shipping, contact = command.actions
    assert (line.line.line_id, line.line.discount_amount, line.line.metadata) == ("x", 5, {"a": "b"})
    assert quantity == amendments.ChangeQuantity(line_id="L1", quantity=2, discount_amount=0, tax_amount=3)
    assert price == amendments.ChangePrice(
        line_id="L1", unit_price_amount=1, discount_amount=0, tax_amount=0, reason="r"
    )
    assert shipping == amendments.SetShipping(amount=1, tax_amount=2, method="m")
    assert not contact.has_email and contacts[0].payload == {"name": "Ada"}


def test_an_amendment_has_1_to_200_actions():
    one = AMEND["actions"][3]
    assert len(read({"actions": [one] * 200}, AmendOrderRequest).actions) == 200
    assert wrong({"actions": [one] * 201}, AmendOrderRequest) == {"#/actions": "too_many"}
    assert wrong({"actions": []}, AmendOrderRequest) == {"#/actions": "too_small"}
    assert wrong({}, AmendOrderRequest) == {"#/actions": "required"}


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ("remove", {"": "wrong_type"}),
        (None, {"": "wrong_type"}),
        ({}, {"/action": "required"}),
        ({"line_id": "L1"}, {"/action": "required"}),
        ({"action": None}, {"/action": "wrong_type"}),
        ({"action": 1}, {"/action": "wrong_type"}),
        ({"action": "remove"}, {"/action": "not_allowed"}),
        ({"action": "add_line"}, dict.fromkeys(("/sku", "/name", "/quantity", "/unit_price_amount"), "required")),
        ({"action": "add_line", **LINE, "tax_amount": 1}, {"/tax_amount": "not_allowed"}),
        ({"action": "add_line", **LINE, "discount_amount": 1501}, {"/discount_amount": "too_large"}),
        ({"action": "change_quantity", "line_id": "L1", "quantity": 0}, {"/quantity": "too_small"}),
        ({"action": "change_quantity"}, {"/line_id": "required", "/quantity": "required"}),
        ({"action": "change_price", "line_id": "L 1", "unit_price_amount": -1}, {
            "/line_id": "bad_format", "/unit_price_amount": "too_small", "/reason": "required"}),
        ({"action": "remove_line"}, {"/line_id": "required"}),
        ({"action": "set_shipping"}, {"/amount": "required"}),
        ({"action": "set_shipping", "amount": True, "tax_amount": 1.5}, {
            "/amount": "wrong_type", "/tax_amount": "wrong_type"}),
        ({"action": "set_shipping_address"}, {"/address": "required"}),
        ({"action": "set_shipping_address", "address": ADDRESS | {"country": "de"}}, {"/address/country": "bad_format"}),
        ({"action": "set_billing_address", "address": None}, {"/address": "wrong_type"}),
        ({"action": "set_contact"}, {"/contact": "required"}),
        ({"action": "set_contact", "contact": {}}, {"/contact": "required"}),
        ({"action": "set_contact", "contact": {"email": "ada"}}, {"/contact/email": "bad_format"}),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_action_is_told(body, errors):
    assert action(body) == errors


def test_fields_of_another_action_are_unknown():
    error = unreadable({"actions": [{"action": "remove_line", "line_id": "L1", "quantity": 1}]}, AmendOrderRequest)
    assert error.code == "unknown_field"
    assert by_pointer(error.errors) == {"#/actions/0/quantity": "not_allowed"}


def test_units_are_cancelled():
    request = read({"quantity": 2, "reason": "inventory"}, CancelUnitsRequest)
    assert resolve_cancel_units(request, "L1") == (
        changes.CancelUnits(line_id="L1", quantity=2, reason="inventory"),
        [],
    )
    assert wrong({"quantity": 0, "reason": "boredom"}, CancelUnitsRequest) == {
        "#/quantity": "too_small",
        "#/reason": "not_allowed",
    }
    assert wrong({}, CancelUnitsRequest) == {"#/quantity": "required", "#/reason": "required"}


def test_the_text_of_a_note_goes_to_the_vault():
    command, contacts = resolve_note(read({"body": "Ada rang"}, NoteRequest), refs())
    assert command == annotations.AddNote(note_ref=str(UUID(int=1)))
    assert contacts == [(UUID(int=1), "note", {"body": "Ada rang"})]
    request = read({"note_id": "n1", "body": "x" * 5000, "visibility": "customer"}, NoteRequest)
    command, _ = resolve_note(request, refs())
    assert (command.note_id, command.visibility) == ("n1", "customer")


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"#/body": "required"}),
        ({"body": ""}, {"#/body": "too_small"}),
        ({"body": "x" * 5001}, {"#/body": "too_large"}),
        ({"body": "a\0b"}, {"#/body": "bad_format"}),
        (
            {"body": "b", "note_id": "n 1", "visibility": "all"},
            {"#/note_id": "bad_format", "#/visibility": "not_allowed"},
        ),
    ],
)
def test_what_is_wrong_with_a_note_is_told(body, errors):
    assert wrong(body, NoteRequest) == errors


def test_tags_are_added_and_removed():
    request = read({"add": ["a", "b"], "remove": ["c"]}, TagsRequest)
    assert resolve_tags(request) == (annotations.ChangeTags(add=("a", "b"), remove=("c",)), [])
    assert resolve_tags(read({}, TagsRequest)).command == annotations.ChangeTags()


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"add": ["a", "b"], "remove": ["c", "b"]}, {"#/remove/1": "not_allowed"}),
        (
            {"add": [""], "remove": ["x" * 41, 1]},
            {"#/add/0": "too_small", "#/remove/0": "too_large", "#/remove/1": "wrong_type"},
        ),
        ({"add": ["t"] * 51, "remove": None}, {"#/add": "too_many", "#/remove": "wrong_type"}),
    ],
)
def test_what_is_wrong_with_tags_is_told(body, errors):
    assert wrong(body, TagsRequest) == errors


def test_metadata_are_patched():
    request = read({"a": "1", "b": None, "patch": "", "c" * 40: "v" * 500}, MetadataRequest)
    assert resolve_metadata(request) == (
        annotations.ChangeMetadata(patch={"a": "1", "b": None, "patch": "", "c" * 40: "v" * 500}),
        [],
    )
    assert resolve_metadata(read({}, MetadataRequest)).command.patch == {}


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ([], {"#": "wrong_type"}),
        (None, {"#": "wrong_type"}),
        ({"a": 1, "patch": []}, {"#/a": "wrong_type", "#/patch": "wrong_type"}),
        ({"": "v", "k" * 41: None}, {"#/": "too_small", f"#/{'k' * 41}": "too_large"}),
        ({"a/b": "v" * 501}, {"#/a~1b": "too_large"}),
        ({"a": "\0"}, {"#/a": "bad_format"}),
        ({f"k{n}": "v" for n in range(101)}, {"#": "too_many"}),
    ],
)
def test_what_is_wrong_with_metadata_is_told(body, errors):
    assert wrong(body, MetadataRequest) == errors


def test_metadata_with_a_key_twice_are_malformed():
    assert unreadable('{"a": "1", "a": null}', MetadataRequest).code == "malformed_json"


def test_a_failure_is_reported():
    request = read(FAILURE | {"message": "no funds", "occurred_at": "2026-11-22T13:00:00+01:00"}, FailureRequest)
    assert resolve_failure(request, "pi_1").command == changes.FailPayment(
        payment_id="pi_1",
        failure_id="f_1",
        stage="capture",
        code="declined",
        message="no funds",
        occurred_at="2026-11-22T12:00:00.000000Z",
    )
    assert resolve_failure(read(FAILURE, FailureRequest), "pi_1").command.occurred_at is None


@pytest.mark.parametrize(
    ("at", "value", "code"),
    [
        ("failure_id", LEFT_OUT, "required"),
        ("failure_id", "", "bad_format"),
        ("stage", LEFT_OUT, "required"),
        ("stage", "refund", "not_allowed"),
        ("code", LEFT_OUT, "required"),
        ("code", "", "too_small"),
        ("message", "m" * 5001, "too_large"),
        ("occurred_at", "2999-01-01T00:00:00Z", "too_large"),
    ],
)
def test_what_is_wrong_with_a_failure_is_told(at, value, code):
    assert wrong(changed(FAILURE, at, value), FailureRequest) == {f"#/{at}": code}


def test_an_authorisation_is_given_up():
    assert resolve_void(read({}, VoidRequest), "pi_1").command == changes.VoidPayment(payment_id="pi_1")
    request = read({"reason": "expired", "occurred_at": "2026-11-22T12:00:00Z"}, VoidRequest)
    assert resolve_void(request, "pi_1").command == changes.VoidPayment(
        payment_id="pi_1", reason="expired", occurred_at="2026-11-22T12:00:00.000000Z"
    )
    assert wrong({"reason": "", "occurred_at": "now"}, VoidRequest) == {
        "#/reason": "too_small",
        "#/occurred_at": "bad_format",
    }


def test_tracking_is_patched_with_what_was_sent():
    body = {"carrier": "UPS", "tracking_url": None}
    assert resolve_tracking(read(body, TrackingRequest), "S1") == (
        changes.ChangeTracking(shipment_id="S1", patch=body),
        [],
    )
    assert resolve_tracking(read({}, TrackingRequest), "S1").command.patch == {}
    assert wrong({"carrier": "", "tracking_number": 1, "tracking_url": "ftp://x"}, TrackingRequest) == {
        "#/carrier": "too_small",
        "#/tracking_number": "wrong_type",
        "#/tracking_url": "bad_format",
    }
    assert unreadable({"state": "delivered"}, TrackingRequest).code == "unknown_field"


def test_a_parcel_is_cancelled_for_a_reason():
    request = read({"reason": "damaged"}, ShipmentCancellationRequest)
    assert resolve_shipment_cancellation(request, "S1").command == changes.CancelShipment(
        shipment_id="S1", reason="damaged"
    )
    assert wrong({}, ShipmentCancellationRequest) == {"#/reason": "required"}
    assert wrong({"reason": ""}, ShipmentCancellationRequest) == {"#/reason": "too_small"}


# -- the fast way and the slow way agree ----------------------------------------------------------------------------

values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 3),
    st.sampled_from(["", "L1", "0.5", "add_line", "remove_line", "set_contact", "\0", "\ud800"]),
    st.just({}),
    st.just([]),
    st.just({"email": "a@b"}),
)
keys = st.sampled_from(["action", "line_id", "quantity", "unit_price_amount", "reason", "contact", "address", "x"])


@given(st.lists(st.tuples(st.sampled_from(AMEND["actions"]), st.dictionaries(keys, values, max_size=2)), max_size=3))
def test_whatever_stands_in_an_amendment_it_is_read_or_refused_with_reasons(edits):
    body = {"actions": [original | edit for original, edit in edits]}
    try:
        read(json.dumps(body).encode(), AmendOrderRequest)
    except (Invalid, Unreadable) as error:
        refusal = error
    else:
        with pytest.raises(AssertionError, match="no error is found"):
            collect(body, AmendOrderRequest, NOW, "#")
        return
    assert refusal.errors
    assert all(told["pointer"].isascii() and told["detail"] for told in refusal.errors)
