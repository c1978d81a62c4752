"""Bodies that cannot be read, and all errors of those that can."""

import copy
import json
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from command_api.collecting import collect
from command_api.import_request import ImportOrderRequest
from command_api.parsing import MAX_ERRORS, Invalid, Unreadable
from command_api.requests import CancelOrderRequest, CaptureRequest, CreateOrderRequest, EmptyRequest
from tests.support.bodies import CREATE, FULL, IMPORT, NOW, by_pointer, changed, read, unreadable, wrong


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{} {}",
        b"{'reason': 'staff'}",
        b'{"reason": "staff",}',
        b'{"reason": "st\xff"}',
        '{"reason": "staff"}'.encode("utf-16"),
        b'\xef\xbb\xbf{"reason": "staff"}',
        b'{"reason": "line\nfeed"}',
        b'{"reason": NaN}',
        b'{"reason": -Infinity}',
        b'{"reason": 01}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"n": ' + b"9" * 5000,
        b'{"n": ' + b"9" * 5000 + b', "a": ' + b"[" * 5000,
    ],
)
def test_what_is_not_json_is_malformed(body):
    assert unreadable(body, CancelOrderRequest).code == "malformed_json"


@pytest.mark.parametrize(
    "body",
    [
        '{"reason": "staff", "reason": "staff"}',
        '{"reason": "staff", "re\\u0061son": "fraud"}',
        '{"reason": "staff", "note": {"a": 1, "a": 1}}',
        '{"reason": "staff", "unknown": [[{"a": 1, "b": [], "a": 1}]]}',
        '{"reason": "staff", "n": ' + "9" * 5000 + ', "reason": "staff"}',
    ],
)
def test_duplicate_keys_are_malformed_wherever_they_are(body):
    error = unreadable(body, CancelOrderRequest)
    assert error.code == "malformed_json"
    assert "twice" in error.detail


def test_a_duplicate_among_very_many_keys_is_found_in_no_time():
    keys = ",".join(f'"{n}":1' for n in range(50_000))
    started = process_time()
    assert "'49999' occurs twice" in unreadable(f'{{{keys},"49999":1}}', EmptyRequest).detail
    assert process_time() - started < 5


def test_deep_values_with_suspicious_text_are_read_to_their_depth():
    deep = "[" * 900 + '"\\u0000"' + "]" * 900
    error = unreadable(f'{{"deep": {deep}}}', EmptyRequest)
    assert {told["code"] for told in error.errors} == {"bad_format", "not_allowed"}


@pytest.mark.parametrize("body", ["[]", '"x"', "1", "null", "true"])
def test_a_body_is_an_object(body):
    assert wrong(body, EmptyRequest) == {"#": "wrong_type"}


def test_unknown_fields_cannot_be_read_and_all_are_named_with_all_else_that_is_wrong():
    body = changed(changed(CREATE, "lines/0/colour", "red"), "lines/0/quantity", -1) | {"discounts": []}
    error = unreadable(body, CreateOrderRequest)
    assert error.code == "unknown_field"
    assert by_pointer(error.errors) == {
        "#/discounts": "not_allowed",
        "#/lines/0/colour": "not_allowed",
        "#/lines/0/quantity": "too_small",
    }


def test_fields_of_later_days_are_unknown_and_not_silently_dropped():
    assert unreadable(CREATE | {"discounts": []}, CreateOrderRequest).code == "unknown_field"
    assert unreadable(IMPORT | {"exchanges": []}, ImportOrderRequest).code == "unknown_field"


def test_all_errors_are_told_at_once():
    body = {
        "currency": "XYZ",
        "prices_include_tax": 1,
        "external_id": "",
        "status": "open",
        "placed_at": "2999-01-01T00:00:00Z",
        "customer": {"email": 7},
        "shipping_address": {"name": "Ada", "country": "Germany"},
        "lines": [
            {"sku": "M", "name": "M", "quantity": 1, "unit_price_amount": 1, "discount_amount": 2},
            {"sku": "M", "quantity": True, "unit_price_amount": 1.5, "tax_rate": "2"},
            "mug",
        ],
        "tags": "vip",
    }
    assert wrong(body, CreateOrderRequest) == {
        "#/currency": "not_allowed",
        "#/prices_include_tax": "wrong_type",
        "#/external_id": "too_small",
        "#/status": "not_allowed",
        "#/placed_at": "too_large",
        "#/customer/email": "wrong_type",
        "#/shipping_address/line1": "required",
        "#/shipping_address/city": "required",
        "#/shipping_address/country": "bad_format",
        "#/lines/0/discount_amount": "too_large",
        "#/lines/1/name": "required",
        "#/lines/1/quantity": "wrong_type",
        "#/lines/1/unit_price_amount": "wrong_type",
        "#/lines/1/tax_rate": "bad_format",
        "#/lines/2": "wrong_type",
        "#/tags": "wrong_type",
    }


def test_errors_that_the_fast_way_finds_are_all_told_too():
    body = changed(CREATE, "lines/0/discount_amount", 9999) | {
        "currency": "XYZ",
        "customer": {},
        "number": "SO-12345678",
    }
    assert wrong(body, CreateOrderRequest) == {
        "#/currency": "not_allowed",
        "#/number": "not_allowed",
        "#/customer": "required",
        "#/lines/0/discount_amount": "too_large",
    }


@pytest.mark.parametrize("amount", ["1e400", "-1e400", "1.0", "1e2", "0.5", "true", '"5"', "null", "[]", "{}"])
def test_an_amount_is_an_integer(amount):
    assert wrong(f'{{"capture_id": "c", "amount": {amount}}}', CaptureRequest) == {"#/amount": "wrong_type"}


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ("-1", "too_small"),
        ("-" + "9" * 30, "too_small"),
        ("-" + "9" * 5000, "too_small"),
        ("10000000000000", "too_large"),
        ("18446744073709551616", "too_large"),
        ("9" * 30, "too_large"),
        ("9" * 5000, "too_large"),
    ],
)
def test_an_amount_of_any_length_is_out_of_range(amount, code):
    assert wrong(f'{{"capture_id": "c", "amount": {amount}}}', CaptureRequest) == {"#/amount": code}


@pytest.mark.parametrize("text", ["\\u0000", "a\\u0000b", "\\ud800", "\\udc00 low", "\\ud800\\u0041", "\\ude00\\ud83d"])
def test_u_0000_and_half_surrogate_pairs_are_refused_wherever_they_are(text):
    note = f'{{"reason": "staff", "note": "{text}"}}'
    assert wrong(note, CancelOrderRequest) == {"#/note": "bad_format"}
    names = json.dumps(CREATE | {"metadata": {"KEY": "VALUE"}, "currency": "XYZ"})
    names = names.replace('"Mug"', f'"{text}"').replace("VALUE", text)
    assert wrong(names, CreateOrderRequest) == {
        "#/lines/0/name": "bad_format",
        "#/metadata/KEY": "bad_format",
        "#/currency": "not_allowed",
    }
    key = json.dumps(CREATE | {"metadata": {"KEY": ""}}).replace("KEY", text)
    (pointer,) = wrong(key, CreateOrderRequest)
    assert pointer.startswith("#/metadata/") and pointer.isascii()
    for where in ("#/order_id", "#/placed_at", "#/status"):
        body = json.dumps(CREATE | {where[2:]: "TEXT"}).replace("TEXT", text)
        assert wrong(body, CreateOrderRequest) == {where: "bad_format"}
    error = unreadable(f'{{"reason": "staff", "{text}": 1}}', CancelOrderRequest)
    assert error.code == "unknown_field"
    assert json.dumps(error.errors).isascii()


def test_whole_surrogate_pairs_and_escapes_are_just_characters():
    assert (
        read('{"reason": "staff", "note": "\\ud83d\\ude00 \\u00e9 \\\\u0000"}', CancelOrderRequest).note
        == "😀 é \\u0000"
    )
    assert read('{"reason": "staff", "note": "\ufdd0 \u0001"}'.replace("\x01", "\\u0001"), CancelOrderRequest)


def test_a_body_of_nothing_but_errors_gets_an_answer_of_bounded_size():
    error = unreadable(json.dumps({f"{'k' * 500}{n}": n for n in range(5000)}), EmptyRequest)
    assert len(error.errors) == MAX_ERRORS
    assert len(json.dumps(error.errors)) < 300_000
    with pytest.raises(Invalid) as caught:
        read(CREATE | {"lines": [{}] * 2000}, CreateOrderRequest)
    assert len(caught.value.errors) == MAX_ERRORS
    assert "8000 fields" in caught.value.detail


def test_errors_do_not_repeat_what_the_client_sent():
    with pytest.raises(Invalid) as caught:
        read(changed(CREATE, "customer/email", "secret"), CreateOrderRequest)
    assert "secret" not in str(caught.value.errors)


# -- the fast way and the slow way agree ----------------------------------------------------------------------------

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.sampled_from([NOW, "EUR", "0.5", "draft", "placed", "L1", 1, "9999-12-31T23:59:59-23:00", "\ud800", "\0"])
)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


def places(value: object, path: tuple = ()):
    """Every place in a JSON value."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def put(value: object, path: tuple, new: object) -> object:
    if not path:
        return new
    result = copy.deepcopy(value)
    place = result
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = new
    return result


BODIES = [(CREATE, CreateOrderRequest), (FULL, ImportOrderRequest)]


@given(st.sampled_from(BODIES), st.data())
def test_whatever_stands_in_a_body_it_is_read_or_refused_with_reasons(body_and_type, data):
    body, type_ = body_and_type
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(list(places(body))))
        body = put(body, path, data.draw(json_values))
    try:
        read(json.dumps(body).encode(), type_)
    except (Invalid, Unreadable) as error:
        refusal = error
    else:
        with pytest.raises(AssertionError, match="no error is found"):
            collect(body, type_, NOW, "#")
        return
    assert refusal.code in ("validation_failed", "unknown_field")
    assert refusal.errors
    assert all(told["pointer"].isascii() and told["detail"] for told in refusal.errors)


@given(st.binary(max_size=40))
def test_whatever_bytes_arrive_they_are_read_or_refused(body):
    with pytest.raises((Invalid, Unreadable)):
        read(body, CaptureRequest)
