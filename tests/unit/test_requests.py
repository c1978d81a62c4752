"""What clients send, and the commands it comes to."""

from itertools import count
from uuid import UUID

import pytest
from msgspec.structs import asdict

from command_api import commands, requests
from command_api.requests import CreateOrderRequest
from shared.events import LineQuantity
from tests.support.bodies import CREATE, LEFT_OUT, NOW, changed, read, wrong

ORDER_ID = UUID("0198d3a2-6c1e-7b44-9d20-3a5f0c9e7b11")
OTHER_ID = UUID("0198d3a2-6c1e-7b44-9d20-3a5f0c9e7b12")
DRAFT = CREATE | {"status": "draft"}


def resolve(body: object):
    refs = (UUID(int=n) for n in count(1))
    numbers = (f"SO-{n:08d}" for n in count(1))
    request = read(body, CreateOrderRequest)
    return requests.resolve_create(request, ORDER_ID, lambda: next(numbers), lambda: next(refs))


def test_create_comes_to_a_command_and_entries_of_the_vault():
    command, contacts = resolve(CREATE)
    assert command == commands.CreateOrder(
        order_id=str(ORDER_ID),
        channel="web",
        external_id="shop-77",
        number="SO-00000001",
        currency="EUR",
        prices_include_tax=False,
        customer_id="c-1",
        contact_ref=str(UUID(int=1)),
        has_email=True,
        shipping_address_ref=str(UUID(int=2)),
        ship_country="DE",
        lines=(
            commands.LineInput(
                sku="MUG-1", name="Mug", quantity=3, unit_price_amount=1999, discount_amount=600, tax_rate="0.19"
            ),
        ),
        shipping_amount=490,
        shipping_method="standard",
    )
    assert contacts == [
        (UUID(int=1), "contact", {"email": "a@example.org", "name": "Ada"}),
        (
            UUID(int=2),
            "address",
            {"name": "Ada", "line1": "Weg 1", "city": "Bonn", "postal_code": "53111", "country": "DE"},
        ),
    ]


def test_no_personal_data_are_in_the_command():
    address = CREATE["shipping_address"] | {"company": "Secret & Co", "line2": "c/o", "region": "NRW", "phone": "01"}
    customer = {"customer_id": "c-1", "email": "ada@secret.example", "name": "Secret Ada", "phone": "0228 1"}
    command, contacts = resolve(CREATE | {"customer": customer, "billing_address": address})
    told = str(asdict(command))
    assert command.billing_address_ref == str(UUID(int=3))
    for personal in ("Secret", "ada@", "0228", "c/o", "Weg 1", "Bonn", "53111"):
        assert personal not in told
    assert [payload for _, _, payload in contacts] == [
        {"email": "ada@secret.example", "name": "Secret Ada", "phone": "0228 1"},
        CREATE["shipping_address"],
        address,
    ]


def test_a_note_with_the_order_goes_to_the_vault():
    command, contacts = resolve(CREATE | {"note": "Ada rings twice"})
    assert command.note_ref == str(UUID(int=3))
    assert contacts[2] == (UUID(int=3), "note", {"body": "Ada rings twice"})
    assert wrong(CREATE | {"note": ""}, CreateOrderRequest) == {"#/note": "too_small"}


def test_every_field_of_create_arrives():
    command, _ = resolve(
        CREATE
        | {
            "order_id": str(OTHER_ID).upper(),
            "number": "A-17",
            "payment_terms": "on_account",
            "requires_shipping": False,
            "shipping": {"amount": 490, "tax_amount": 93},
            "tags": ["vip", "b2b", "vip"],
            "metadata": {"campaign": "xmas"},
            "placed_at": "2026-11-22T13:00:00+01:00",
            "lines": [
                {
                    "line_id": "row-1",
                    "sku": "M",
                    "name": " Mug ",
                    "quantity": 1,
                    "unit_price_amount": 0,
                    "tax_amount": 0,
                    "discount_code": "X",
                    "metadata": {"a": ""},
                }
            ],
        }
    )
    assert (command.order_id, command.number) == (str(OTHER_ID), "A-17")
    assert (command.payment_terms, command.requires_shipping, command.place) == ("on_account", False, True)
    assert (command.shipping_amount, command.shipping_tax_amount, command.shipping_method) == (490, 93, None)
    assert (command.tags, command.metadata) == (("vip", "b2b"), {"campaign": "xmas"})
    assert command.placed_at == command.occurred_at == "2026-11-22T12:00:00.000000Z"
    (line,) = command.lines
    assert line == commands.LineInput(
        line_id="row-1",
        sku="M",
        name=" Mug ",
        quantity=1,
        unit_price_amount=0,
        tax_amount=0,
        discount_code="X",
        metadata={"a": ""},
    )


def test_a_draft_draws_no_number_and_needs_next_to_nothing():
    command, contacts = resolve({"currency": "JPY", "prices_include_tax": True, "status": "draft"})
    assert (command.place, command.number, command.channel, command.has_email) == (False, None, "default", False)
    assert command.contact_ref is None and contacts == []


def test_a_number_is_drawn_only_if_none_is_given():
    def draw():
        raise AssertionError("drawn for nothing")

    given = read(CREATE | {"number": "A-17"}, CreateOrderRequest)
    assert requests.resolve_create(given, ORDER_ID, draw, lambda: OTHER_ID).command.number == "A-17"


def test_null_is_as_good_as_left_out():
    optional = dict.fromkeys(
        ("order_id", "external_id", "number", "customer", "shipping_address", "shipping", "placed_at")
    )
    assert read(DRAFT | optional, CreateOrderRequest).customer is None


placed_without = pytest.mark.parametrize(
    ("at", "value", "expected"),
    [
        ("lines", [], {"#/lines": "required"}),
        ("lines", LEFT_OUT, {"#/lines": "required"}),
        ("customer", LEFT_OUT, {"#/customer": "required"}),
        ("customer", {"name": "Ada", "phone": "1"}, {"#/customer": "required"}),
        ("shipping_address", LEFT_OUT, {"#/shipping_address": "required"}),
    ],
)


@placed_without
def test_a_placed_order_needs(at, value, expected):
    assert wrong(changed(CREATE, at, value), CreateOrderRequest) == expected
    assert read(changed(DRAFT, at, value), CreateOrderRequest)


def test_an_email_will_do_for_a_customer_and_no_address_for_what_is_not_shipped():
    body = changed(CREATE, "customer", {"email": "a@example.org"})
    assert read(changed(body, "requires_shipping", False) | {"shipping_address": None}, CreateOrderRequest)


@pytest.mark.parametrize("field", [{"number": "A-17"}, {"placed_at": "2026-11-22T12:00:00Z"}])
def test_what_comes_with_placing_a_draft_cannot_have(field):
    assert wrong(DRAFT | field, CreateOrderRequest) == {f"#/{next(iter(field))}": "not_allowed"}


def line(**fields) -> dict:
    return changed(CREATE, "lines/0", CREATE["lines"][0] | fields)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (line(discount_amount=5998), {"#/lines/0/discount_amount": "too_large"}),
        (line(tax_amount=1), {"#/lines/0/tax_amount": "not_allowed"}),
        (line(tax_rate="1.000001"), {"#/lines/0/tax_rate": "bad_format"}),
        (line(tax_rate="0.1234567"), {"#/lines/0/tax_rate": "bad_format"}),
        (line(tax_rate="-0.1"), {"#/lines/0/tax_rate": "bad_format"}),
        (line(tax_rate=".1"), {"#/lines/0/tax_rate": "bad_format"}),
        (line(tax_rate="0.1\n"), {"#/lines/0/tax_rate": "bad_format"}),
        (line(tax_rate="0.\u0661"), {"#/lines/0/tax_rate": "bad_format"}),
        (line(tax_rate=0.19), {"#/lines/0/tax_rate": "wrong_type"}),
        (line(sku=" M"), {"#/lines/0/sku": "bad_format"}),
        (line(sku="M\t1"), {"#/lines/0/sku": "bad_format"}),
        (line(sku="M" * 65), {"#/lines/0/sku": "too_large"}),
        (line(sku=""), {"#/lines/0/sku": "too_small"}),
        (line(quantity=0), {"#/lines/0/quantity": "too_small"}),
        (line(quantity=1_000_001), {"#/lines/0/quantity": "too_large"}),
        (line(unit_price_amount=-1), {"#/lines/0/unit_price_amount": "too_small"}),
        (line(unit_price_amount=10**13), {"#/lines/0/unit_price_amount": "too_large"}),
        (line(line_id="a b"), {"#/lines/0/line_id": "bad_format"}),
        (line(line_id="x" * 65), {"#/lines/0/line_id": "bad_format"}),
        (changed(CREATE, "currency", "XYZ"), {"#/currency": "not_allowed"}),
        (changed(CREATE, "currency", "eur"), {"#/currency": "not_allowed"}),
        (changed(CREATE, "currency", "EURO"), {"#/currency": "too_large"}),
        (changed(CREATE, "number", "SO-00000001"), {"#/number": "not_allowed"}),
        (changed(CREATE, "shipping_address/country", "de"), {"#/shipping_address/country": "bad_format"}),
        (changed(CREATE, "shipping_address/name", "x" * 201), {"#/shipping_address/name": "too_large"}),
        (changed(CREATE, "shipping_address/city", LEFT_OUT), {"#/shipping_address/city": "required"}),
        (changed(CREATE, "customer/email", "nobody"), {"#/customer/email": "bad_format"}),
        (changed(CREATE, "channel", "Web"), {"#/channel": "bad_format"}),
        (changed(CREATE, "order_id", "17"), {"#/order_id": "bad_format"}),
        (changed(CREATE, "payment_terms", "later"), {"#/payment_terms": "not_allowed"}),
        (changed(CREATE, "status", "confirmed"), {"#/status": "not_allowed"}),
        (changed(CREATE, "tags", ["t"] * 51), {"#/tags": "too_many"}),
        (changed(CREATE, "tags", ["t" * 41, ""]), {"#/tags/0": "too_large", "#/tags/1": "too_small"}),
        (changed(CREATE, "metadata", {str(n): "" for n in range(51)}), {"#/metadata": "too_many"}),
        (changed(CREATE, "metadata", {"k" * 41: ""}), {f"#/metadata/{'k' * 41}": "too_large"}),
        (changed(CREATE, "metadata", {"a/b~c": "v" * 501}), {"#/metadata/a~1b~0c": "too_large"}),
        (changed(CREATE, "metadata", {"n": 1}), {"#/metadata/n": "wrong_type"}),
    ],
)
def test_fields_have_their_limits(body, expected):
    assert wrong(body, CreateOrderRequest) == expected


@pytest.mark.parametrize("rate", ["0", "1", "0.19", "0.190000", "1.0", "0.000001"])
def test_tax_rates_from_nothing_to_all(rate):
    assert read(line(tax_rate=rate), CreateOrderRequest)


@pytest.mark.parametrize(
    "number", ["SO-0000001", "SO-000000001", "so-00000001", "SO-0000000A", "XSO-00000001", "SO-\u0660" + "0" * 7]
)
def test_only_numbers_of_our_own_pattern_are_kept_for_us(number):
    assert read(CREATE | {"number": number}, CreateOrderRequest).number == number


EXTREMES = CREATE | {
    "channel": "c" * 40,
    "tags": ["t" * 40] * 50,
    "metadata": {f"{n:040}": "v" * 500 for n in range(50)},
    "shipping_address": CREATE["shipping_address"] | {"name": "n" * 200, "company": "c" * 200},
    "shipping": {"amount": 9_999_999_999_999, "method": "m"},
    "lines": [
        CREATE["lines"][0] | {"line_id": "l" * 64, "sku": "s" * 64, "name": "n" * 500, "quantity": 1_000_000},
        CREATE["lines"][0] | {"unit_price_amount": 9_999_999_999_999, "quantity": 1, "discount_amount": 0},
    ],
}


def test_what_is_just_within_the_limits_is_read_and_is_not_told_with_other_errors():
    assert read(EXTREMES, CreateOrderRequest)
    assert wrong(EXTREMES | {"status": "open"}, CreateOrderRequest) == {"#/status": "not_allowed"}


@pytest.mark.parametrize(
    ("at", "text", "most"),
    [("shipping_address/company", "c", 200), ("lines/0/name", "n", 500), ("external_id", "x", 200)],
)
def test_texts_have_their_limits(at, text, most):
    assert read(changed(CREATE, at, text * most), CreateOrderRequest)
    assert wrong(changed(CREATE, at, text * (most + 1)), CreateOrderRequest) == {f"#/{at}": "too_large"}


def test_a_discount_may_take_all():
    assert read(line(discount_amount=5997), CreateOrderRequest)


def test_more_tax_than_the_price_that_contains_it_is_refused():
    inclusive = changed(line(tax_rate=None, tax_amount=5398), "prices_include_tax", True)
    assert wrong(inclusive, CreateOrderRequest) == {"#/lines/0/tax_amount": "too_large"}
    assert read(changed(inclusive, "lines/0/tax_amount", 5397), CreateOrderRequest)
    assert read(changed(inclusive, "prices_include_tax", False), CreateOrderRequest)
    shipping = changed(CREATE, "shipping/tax_amount", 491)
    assert read(shipping, CreateOrderRequest)
    assert wrong(changed(shipping, "prices_include_tax", True), CreateOrderRequest) == {
        "#/shipping/tax_amount": "too_large"
    }
    assert read(changed(changed(inclusive, "lines/0/tax_amount", 0), "shipping/tax_amount", 490), CreateOrderRequest)


def test_a_line_id_occurs_once():
    ids = ["a", None, "b", "a", None, "a"]
    lines = [CREATE["lines"][0] | {"line_id": line_id} for line_id in ids]
    assert wrong(CREATE | {"lines": lines}, CreateOrderRequest) == {
        "#/lines/3/line_id": "duplicate_line",
        "#/lines/5/line_id": "duplicate_line",
    }


def test_an_order_has_2000_lines_at_most():
    mug = CREATE["lines"][0]
    assert len(read(CREATE | {"lines": [mug] * 2000}, CreateOrderRequest).lines) == 2000
    assert wrong(CREATE | {"lines": [mug] * 2001}, CreateOrderRequest) == {"#/lines": "too_many"}


@pytest.mark.parametrize(
    ("time", "canonical"),
    [
        ("2026-11-23T06:59:00Z", "2026-11-23T06:59:00.000000Z"),
        ("2026-11-23T08:58:59.5+02:00", "2026-11-23T06:58:59.500000Z"),
        ("2026-11-22T23:00:00.123456-05:00", "2026-11-23T04:00:00.123456Z"),
    ],
)
def test_times_of_any_zone_become_canonical(time, canonical):
    request = read({"occurred_at": time}, requests.DeliveryRequest)
    assert requests.resolve_delivery(request, "S1").command.occurred_at == canonical


@pytest.mark.parametrize(
    ("time", "code"),
    [
        ("2026-11-23T06:59:00.000001Z", "too_large"),
        ("2026-11-23T06:00:00", "bad_format"),
        ("2026-11-23", "bad_format"),
        ("2026-02-30T00:00:00Z", "bad_format"),
        ("0001-01-01T00:00:00+14:00", "bad_format"),
        ("yesterday", "bad_format"),
        (1763880840, "wrong_type"),
    ],
)
def test_what_happened_did_so_at_a_time_that_is_not_to_come(time, code):
    assert wrong({"occurred_at": time}, requests.DeliveryRequest) == {"#/occurred_at": code}
    assert wrong(CREATE | {"placed_at": time}, CreateOrderRequest) == {"#/placed_at": code}


def test_an_authorisation_expires_in_the_future():
    body = {
        "payment_id": "pi_1",
        "amount": 1,
        "currency": "EUR",
        "method": "card",
        "expires_at": "9999-01-01T00:00:00Z",
    }
    command = requests.resolve_payment(read(body, requests.PaymentRequest)).command
    assert command.expires_at == "9999-01-01T00:00:00.000000Z"
    late = body | {"expires_at": "9999-12-31T23:59:59-01:00"}
    assert wrong(late, requests.PaymentRequest) == {"#/expires_at": "bad_format"}


def test_payments_captures_and_cancellations_come_to_commands():
    body = {"payment_id": "pi_1", "amount": 6912, "currency": "EUR", "method": "card", "provider": "psp"}
    full = body | {"provider_reference": "r", "capture": True, "occurred_at": NOW}
    assert requests.resolve_payment(read(full, requests.PaymentRequest)).command == commands.RecordPayment(**full)
    least = {"payment_id": "pi_1", "amount": 0, "currency": "EUR", "method": "card"}
    assert requests.resolve_payment(read(least, requests.PaymentRequest)).command == commands.RecordPayment(**least)
    body = {"capture_id": "ch_1", "amount": 3000, "provider_reference": "r", "occurred_at": NOW}
    command = requests.resolve_capture(read(body, requests.CaptureRequest), "pi_1").command
    assert command == commands.CapturePayment(payment_id="pi_1", **body)
    body = {"reason": "customer", "note": "changed mind", "refund": "none"}
    command = requests.resolve_cancel(read(body, requests.CancelOrderRequest)).command
    assert command == commands.CancelOrder(**body)
    assert requests.resolve_cancel(read({"reason": "staff"}, requests.CancelOrderRequest)).command.refund == "full"


def test_shipments_come_to_commands():
    details = {
        "shipment_id": "S1",
        "carrier": "DHL",
        "service": "express",
        "tracking_number": "JD01",
        "tracking_url": "https://dhl.example/JD01",
        "location": "Bonn",
        "dispatch": True,
    }
    body = details | {"lines": [{"line_id": "L1", "quantity": 2}]}
    command = requests.resolve_shipment(read(body, requests.ShipmentRequest)).command
    assert command == commands.PrepareShipment(lines=(LineQuantity("L1", 2),), **details)
    body = {"carrier": "DHL", "tracking_number": "1", "tracking_url": "http://x", "occurred_at": NOW}
    command = requests.resolve_dispatch(read(body, requests.DispatchRequest), "S1").command
    assert command == commands.DispatchShipment(shipment_id="S1", **body)


def test_a_shipment_has_lines_each_once():
    unit = {"line_id": "L1", "quantity": 1}
    assert wrong({"lines": []}, requests.ShipmentRequest) == {"#/lines": "too_small"}
    assert wrong({}, requests.ShipmentRequest) == {"#/lines": "required"}
    assert wrong({"lines": [unit, unit]}, requests.ShipmentRequest) == {"#/lines/1/line_id": "duplicate_line"}


def test_routes_that_say_it_all_take_an_empty_object():
    empty = read({}, requests.EmptyRequest)
    assert requests.resolve_confirm(empty).command == commands.ConfirmOrder()
    assert requests.resolve_complete(empty).command == commands.CompleteOrder()
    assert requests.resolve_place(empty, lambda: "SO-00000001").command == commands.PlaceOrder(number="SO-00000001")
