"""The order document: its JSON, its sums and labels, and what each event makes of it."""

import json
from uuid import uuid4

import pytest

from shared.events import (
    ImportedCapture,
    ImportedPayment,
    ImportedShipment,
    Line,
    LineQuantity,
    OrderCancelled,
    OrderCompleted,
    RefundLine,
    RefundRequested,
    ShipmentDelivered,
    ShipmentDispatched,
)
from shared.order_document import Unfoldable, contact_refs, decode, encode, fold
from shared.order_document_amounts import cancel_units
from shared.order_document_labels import fulfillment_status, payment_status, return_status
from shared.order_document_shape import PaymentSums, Units
from tests.support.histories import (
    ADDRESS,
    CONTACT,
    MUGS,
    ORDER,
    VAULT,
    at,
    authorized,
    captured,
    confirmed,
    created,
    dispatched,
    document_of,
    folded,
    history,
    imported,
    of_unknown_type,
    placed,
    prepared,
    recorded,
)

CANCELLED = OrderCancelled(reason="customer", reduction_amount=6912, previous_status="placed", cancelled_at=at(24))

EXAMPLE = (
    '{"order_id":"0198d3a2-6c1e-7b44-9d20-3a5f0c9e7b11","number":"SO-00001042","external_id":"shop-77",'
    '"channel":"web","version":7,"status":"confirmed","payment_status":"partially_paid",'
    '"fulfillment_status":"partially_shipped","return_status":"none","attention":[],"currency":"EUR",'
    '"currency_exponent":2,"prices_include_tax":false,"payment_terms":"prepaid","requires_shipping":true,'
    '"imported":false,"totals":{"items_subtotal_amount":5997,"discount_amount":600,"shipping_amount":490,'
    '"shipping_tax_amount":0,"tax_amount":1025,"adjustment_amount":0,"grand_total_amount":6912,'
    '"placed_total_amount":6912},"payment":{"authorized_amount":6912,"captured_amount":3000,"voided_amount":0,'
    '"open_authorized_amount":3912,"refunded_amount":0,"refund_pending_amount":0,"due_amount":6912,'
    '"outstanding_amount":3912,"overpaid_amount":0},"units":{"ordered":3,"open":1,"cancelled":0,"allocated":0,'
    '"shipped":2,"delivered":0,"return_requested":0,"returned":0},"customer":{"customer_id":"c-1",'
    '"email":"a@example.org","name":"Ada","phone":null,"erased":false},"ship_country":"DE",'
    '"shipping_method":"standard","shipping_address":{"name":"Ada","line1":"Weg 1","city":"Bonn",'
    '"postal_code":"53111","country":"DE"},"billing_address":null,"lines":[{"line_id":"L1","sku":"MUG-1",'
    '"name":"Mug","quantity":3,"unit_price_amount":1999,"subtotal_amount":5997,"discount_amount":600,'
    '"discount_code":null,"tax_rate":"0.19","tax_amount":1025,"total_amount":6422,"current_total_amount":6422,'
    '"open":1,"cancelled":0,"allocated":0,"shipped":2,"delivered":0,"return_requested":0,"returned":0,"refunded_amount":0,'
    '"metadata":{}}],"payments":[{"payment_id":"pi_1","method":"card","provider":"psp",'
    '"provider_reference":null,"authorized_amount":6912,"captured_amount":3000,"voided_amount":0,'
    '"refunded_amount":0,"authorized_at":"2026-11-22T10:00:00.000000Z","expires_at":null,"captures":['
    '{"capture_id":"ch_1","amount":3000,"provider_reference":null,"occurred_at":"2026-11-22T10:00:00.000000Z"}],'
    '"failures":[]}],"refunds":[],"shipments":[{"shipment_id":"S1","state":"dispatched","carrier":"DHL",'
    '"service":null,"tracking_number":"JD01","tracking_url":null,"location":null,"lines":[{"line_id":"L1",'
    '"quantity":2}],"prepared_at":"2026-11-22T10:00:00.000000Z","dispatched_at":"2026-11-23T10:00:00.000000Z",'
    '"delivered_at":null,"cancelled_at":null}],"returns":[],"cancellations":[],"notes":[],"tags":["vip"],"metadata":{},'
    '"created_at":"2026-11-22T10:00:00.000000Z","placed_at":"2026-11-22T10:00:00.000000Z",'
    '"confirmed_at":"2026-11-22T10:00:00.000000Z","completed_at":null,"cancelled_at":null,"cancel_reason":null,'
    '"updated_at":"2026-11-23T10:00:00.000000Z"}'
)
"""The order of domain.md §3.3, byte for byte."""


def kinds(document):
    return [item.kind for item in document.attention]


def example():
    return history(
        created(),
        placed(),
        confirmed(),
        authorized(),
        captured(3000),
        prepared(2),
        (23, dispatched()),
    )


def test_the_example_of_the_domain_is_served_byte_for_byte():
    assert encode(folded(example())).decode() == EXAMPLE


def test_a_stored_document_folds_on_as_if_it_had_never_been_stored():
    document = None
    for event in example():
        document = fold(decode(encode(document)) if document else None, event, VAULT)
    assert encode(document).decode() == EXAMPLE


def test_a_draft_owes_what_it_comes_to_and_has_no_placed_total():
    draft = document_of(created())
    assert (draft.status, draft.number, draft.placed_at) == ("draft", None, None)
    assert (draft.totals.grand_total_amount, draft.totals.placed_total_amount) == (6912, None)
    assert (draft.payment.due_amount, draft.payment_status, draft.fulfillment_status) == (6912, "unpaid", "unfulfilled")
    assert draft.created_at == draft.updated_at == at(22)


def line(quantity=1, price=0, tax=0, total=0, **more):
    return Line(
        line_id=more.pop("line_id", "L1"),
        sku="X",
        name="X",
        quantity=quantity,
        unit_price_amount=price,
        subtotal_amount=quantity * price,
        tax_amount=tax,
        total_amount=total,
        **more,
    )


@pytest.mark.parametrize(
    ("facts", "total", "tax"),
    [
        pytest.param({"lines": (MUGS,), "shipping_amount": 0}, 6422, 1025, id="a"),
        pytest.param(
            {
                "lines": (line(1, 1100, 100, 1100),),
                "shipping_amount": 0,
                "prices_include_tax": True,
                "currency": "JPY",
                "currency_exponent": 0,
            },
            1100,
            100,
            id="b",
        ),
        pytest.param({"lines": (line(1, 2499, 269, 2768),), "shipping_amount": 644}, 3412, 269, id="c"),
        pytest.param(
            {"lines": (line(1, 1250, 0, 1250),), "shipping_amount": 0, "currency": "KWD", "currency_exponent": 3},
            1250,
            0,
            id="d",
        ),
        pytest.param(
            {"lines": (MUGS,), "shipping_amount": 490, "shipping_tax_amount": 93}, 7005, 1118, id="shipping tax on top"
        ),
        pytest.param(
            {
                "lines": (line(1, 1190, 190, 1190),),
                "shipping_amount": 595,
                "shipping_tax_amount": 95,
                "prices_include_tax": True,
            },
            1785,
            285,
            id="shipping tax contained",
        ),
    ],
)
def test_totals_of_the_worked_vectors(facts, total, tax):
    totals = document_of(created(**facts)).totals
    assert (totals.grand_total_amount, totals.tax_amount) == (total, tax)


@pytest.mark.parametrize(
    ("sums", "label"),
    [
        ({}, "not_required"),
        ({"captured_amount": 5, "authorized_amount": 5, "refunded_amount": 5}, "refunded"),
        ({"captured_amount": 5, "authorized_amount": 5, "refunded_amount": 2}, "partially_refunded"),
        ({"captured_amount": 5, "authorized_amount": 5, "due_amount": 5}, "paid"),
        ({"captured_amount": 5, "authorized_amount": 5}, "paid"),
        (
            {"captured_amount": 4, "authorized_amount": 5, "due_amount": 5, "open_authorized_amount": 1},
            "partially_paid",
        ),
        ({"authorized_amount": 5, "open_authorized_amount": 5, "due_amount": 5}, "authorized"),
        ({"authorized_amount": 4, "open_authorized_amount": 4, "due_amount": 5}, "partially_authorized"),
        ({"authorized_amount": 5, "voided_amount": 5, "due_amount": 5}, "voided"),
        ({"authorized_amount": 5, "voided_amount": 5}, "voided"),
        ({"due_amount": 5}, "unpaid"),
    ],
)
def test_payment_status(sums, label):
    assert payment_status(PaymentSums(**sums)) == label


@pytest.mark.parametrize(
    ("units", "label"),
    [
        ({}, "not_required"),
        ({"ordered": 3, "cancelled": 3}, "not_required"),
        ({"ordered": 3, "shipped": 3, "delivered": 3}, "delivered"),
        ({"ordered": 3, "cancelled": 1, "shipped": 2, "delivered": 2}, "delivered"),
        ({"ordered": 3, "shipped": 3, "delivered": 2}, "partially_delivered"),
        ({"ordered": 3, "shipped": 3}, "shipped"),
        ({"ordered": 3, "shipped": 2}, "partially_shipped"),
        ({"ordered": 3, "allocated": 3}, "unfulfilled"),
    ],
)
def test_fulfillment_status(units, label):
    assert fulfillment_status(Units(**units), requires_shipping=True) == label


def test_nothing_to_ship_needs_no_fulfilment():
    document = document_of(created(requires_shipping=False), placed(), confirmed())
    assert document.fulfillment_status == "not_required"


@pytest.mark.parametrize(
    ("units", "label"),
    [
        ({"shipped": 3}, "none"),
        ({"shipped": 3, "return_requested": 1}, "requested"),
        ({"shipped": 3, "returned": 1, "return_requested": 1}, "partially_returned"),
        ({"shipped": 3, "returned": 3}, "returned"),
    ],
)
def test_return_status(units, label):
    assert return_status(Units(**units), requires_shipping=True) == label


def test_personal_data_comes_from_the_vault_and_only_from_there():
    events = history(created(billing_address_ref=str(ADDRESS)))
    assert contact_refs(events[0]) == [CONTACT, ADDRESS, ADDRESS]
    known = folded(events, {CONTACT: {"email": "a@example.org", "phone": "+49"}, ADDRESS: {"city": "Bonn"}})
    assert (known.customer.email, known.customer.name, known.customer.phone) == ("a@example.org", None, "+49")
    assert known.shipping_address == known.billing_address == {"city": "Bonn"}
    assert not known.customer.erased


@pytest.mark.parametrize("vault", [{}, {CONTACT: {}, ADDRESS: {}}], ids=["missing", "blanked"])
def test_what_the_vault_no_longer_has_is_blank(vault):
    document = folded(history(created()), vault)
    customer = document.customer
    assert (customer.customer_id, customer.email, customer.name, customer.erased) == ("c-1", None, None, True)
    assert (document.shipping_address, document.ship_country) == (None, "DE")


def test_a_guest_without_contact_data_is_not_erased():
    guest = document_of(created(customer_id=None, contact_ref=None)).customer
    assert (guest.customer_id, guest.email, guest.erased) == (None, None, False)


def test_cancelling_takes_off_every_unit_and_the_charges_on_its_day():
    document = document_of(created(), placed(), (24, CANCELLED))
    assert (document.status, document.cancel_reason, document.cancelled_at) == ("cancelled", "customer", at(24))
    assert document.totals.grand_total_amount == document.payment.due_amount == 0
    assert document.totals.placed_total_amount == 6912
    assert (document.units.open, document.units.cancelled) == (0, 3)
    assert (document.lines[0].current_total_amount, document.lines[0].cancelled) == (0, 3)
    assert json.loads(encode(document))["cancellations"] == [
        {
            "line_id": "L1",
            "quantity": 3,
            "net_amount": 5397,
            "tax_amount": 1025,
            "shipping_amount": 0,
            "adjustment_amount": 0,
            "total_amount": 6422,
            "reason": "customer",
            "occurred_at": at(24),
        },
        {
            "line_id": None,
            "quantity": 0,
            "net_amount": 0,
            "tax_amount": 0,
            "shipping_amount": 490,
            "adjustment_amount": 0,
            "total_amount": 490,
            "reason": "customer",
            "occurred_at": at(24),
        },
    ]
    assert (document.payment_status, document.fulfillment_status, kinds(document)) == (
        "not_required",
        "not_required",
        [],
    )


def test_units_cancelled_one_by_one_take_off_what_all_of_them_do():
    """Vector (a) of domain.md §1.2; the charges fall with the last unit."""
    document = document_of(created(), placed())
    for after in (6912 - 2141, 6912 - 4281, 0):
        cancel_units(document, [(document.lines[0], 1)], "inventory", at(24))
        assert document.totals.grand_total_amount == after
    assert [(one.quantity, one.net_amount, one.tax_amount) for one in document.cancellations] == [
        (1, 1799, 342),
        (1, 1799, 341),
        (1, 1799, 342),
        (0, 0, 0),
    ]
    assert (document.units.open, document.units.cancelled, document.lines[0].current_total_amount) == (0, 3, 0)


def test_an_empty_draft_is_cancelled_with_its_shipping_charge():
    document = document_of(created(lines=()), CANCELLED)
    assert (document.status, document.totals.grand_total_amount) == ("cancelled", 0)


def test_contained_tax_is_taken_off_as_tax():
    taxed = created(
        lines=(line(2, 595, 190, 1190),), prices_include_tax=True, shipping_amount=119, shipping_tax_amount=19
    )
    units, charges = document_of(taxed, CANCELLED).cancellations
    assert (units.net_amount, units.tax_amount, units.total_amount) == (1000, 190, 1190)
    assert (charges.shipping_amount, charges.tax_amount, charges.total_amount) == (100, 19, 119)


def refund(amount, credit=0, **more):
    return RefundRequested(
        refund_id="R1", payment_id="pi_1", amount=amount, credit_amount=credit, reason="order_cancelled", **more
    )


def test_attention_of_a_cancelled_order_ends_when_money_is_on_its_way_back():
    paid = (created(), placed(), authorized(), captured(3000))
    cancelled = document_of(*paid, CANCELLED)
    assert kinds(cancelled) == ["refund_due", "void_due"]
    assert (cancelled.payment.overpaid_amount, cancelled.payment.open_authorized_amount) == (3000, 3912)
    refunded = document_of(*paid, CANCELLED, refund(3000))
    assert kinds(refunded) == ["void_due"]
    assert (refunded.payment.refund_pending_amount, refunded.payment.overpaid_amount) == (3000, 0)
    assert (refunded.refunds[0].state, refunded.refunds[0].requested_at) == ("pending", at(22))


def test_a_payment_above_what_is_due_is_overpaid():
    document = document_of(created(), placed(), authorized(7000), captured(7000))
    assert (document.payment_status, document.payment.overpaid_amount, kinds(document)) == ("paid", 88, ["overpaid"])


def test_a_credit_lowers_what_is_due_and_knows_its_tax_and_shipping():
    paid = (created(), placed(), authorized(), captured(6912))
    goods = document_of(
        *paid, refund(2631, 2631, lines=(RefundLine(line_id="L1", quantity=1, amount=2141),), shipping_amount=490)
    )
    assert (goods.payment.due_amount, goods.payment.outstanding_amount, goods.payment.overpaid_amount) == (4281, 0, 0)
    assert (goods.refunds[0].credit_tax_amount, goods.refunds[0].credit_shipping_amount) == (342, 490)
    goodwill = document_of(*paid, refund(1000, 500)).refunds[0]
    assert (goodwill.credit_tax_amount, goodwill.credit_shipping_amount) == (80, 0)  # 1025 of 6422, of 500


def test_a_credit_for_shipping_has_the_tax_of_shipping():
    taxed = created(shipping_amount=490, shipping_tax_amount=93)
    document = document_of(taxed, placed(), authorized(), captured(7005), refund(583, 583, shipping_amount=583))
    credit = document.refunds[0]
    assert (credit.credit_tax_amount, credit.credit_shipping_amount) == (93, 490)


def test_goodwill_and_then_a_cancellation_leave_nothing_due():
    """What was given back although it was owed cannot make the customer owe less than nothing."""
    document = document_of(created(), placed(), authorized(), captured(6912), refund(500, 500), CANCELLED)
    assert (document.payment.due_amount, document.payment.overpaid_amount) == (0, 6412)
    assert kinds(document) == ["refund_due"]


def test_units_move_from_open_to_delivered():
    document = document_of(created(), placed(), confirmed(), prepared(2))
    assert (document.units.open, document.units.allocated, document.lines[0].allocated) == (1, 2, 2)
    document = document_of(
        created(),
        placed(),
        confirmed(),
        prepared(2),
        (23, ShipmentDispatched(shipment_id="S1", carrier="UPS", tracking_url="https://ups.example/1")),
        (24, ShipmentDelivered(shipment_id="S1")),
    )
    assert (document.units.allocated, document.units.shipped, document.units.delivered) == (0, 2, 2)
    parcel = document.shipments[0]
    assert (parcel.state, parcel.dispatched_at, parcel.delivered_at) == ("delivered", at(23), at(24))
    assert (parcel.carrier, parcel.tracking_number, parcel.tracking_url) == ("UPS", "JD01", "https://ups.example/1")
    assert document.fulfillment_status == "partially_delivered"


def test_completing_is_dated():
    document = document_of(created(), placed(), confirmed(), (25, OrderCompleted(completed_at=at(25))))
    assert (document.status, document.completed_at) == ("completed", at(25))


def test_an_import_has_its_own_dates_and_its_past():
    document = document_of(
        imported(
            status="completed",
            confirmed_at=at(3),
            completed_at=at(6),
            grand_total_amount=6900,
            adjustment_amount=-12,
            payments=(
                ImportedPayment(
                    payment_id="p",
                    method="card",
                    authorized_amount=7000,
                    voided_amount=100,
                    captures=(ImportedCapture(capture_id="c", amount=6900, occurred_at=at(4)),),
                    occurred_at=at(2),
                ),
            ),
            shipments=(
                ImportedShipment(
                    shipment_id="S9",
                    lines=(LineQuantity("L1", 3),),
                    prepared_at=at(3),
                    dispatched_at=at(4),
                    delivered_at=at(5),
                ),
            ),
        )
    )
    assert document.imported and document.number == "A-1"
    assert (document.created_at, document.placed_at, document.completed_at) == (at(1), at(2), at(6))
    assert document.updated_at == at(22)
    assert (document.totals.grand_total_amount, document.totals.placed_total_amount) == (6900, 6900)
    assert (document.payment_status, document.fulfillment_status) == ("paid", "delivered")
    assert (document.payment.voided_amount, document.payment.open_authorized_amount) == (100, 0)
    assert document.payments[0].captures[0].occurred_at == at(4)
    assert kinds(document) == ["import_adjusted"]


def test_an_order_imported_as_cancelled_is_cancelled_on_its_day():
    document = document_of(
        imported(
            status="cancelled", cancelled_at=at(5), cancel_reason="fraud", grand_total_amount=7000, adjustment_amount=88
        )
    )
    assert document.totals.grand_total_amount == 0
    assert {cancellation.occurred_at for cancellation in document.cancellations} == {at(5)}
    assert sum(cancellation.total_amount for cancellation in document.cancellations) == 7000
    assert document.cancellations[-1].adjustment_amount == 88


def test_an_unknown_type_only_advances_the_version():
    before, after = folded(example()), folded([*example(), of_unknown_type(8, at(25))])
    assert (after.version, after.updated_at) == (8, at(25))
    after.version, after.updated_at = before.version, before.updated_at
    assert encode(after) == encode(before)


def test_a_stream_that_is_no_orders_has_no_document():
    assert fold(None, of_unknown_type(1, at(22), uuid4()), {}) is None


@pytest.mark.parametrize(
    ("event", "version", "reason"),
    [
        (placed(), 4, "expected version 3"),
        (placed(), 2, "expected version 3"),
        (created(), 3, "an order begins once"),
        (captured(1, "pi_9"), 3, "payment pi_9"),
        (dispatched("S9"), 3, "shipment S9"),
    ],
)
def test_what_does_not_fit_is_refused_with_all_facts(event, version, reason):
    document = document_of(created(), placed())
    with pytest.raises(Unfoldable, match=reason) as caught:
        fold(document, recorded(event, version, at(23), position=77), {})
    assert f"{event.type} (order {ORDER}, version {version}, position 77) into version 2" in str(caught.value)


@pytest.mark.parametrize(("event", "version"), [(placed(), 1), (created(), 2)])
def test_an_order_begins_at_its_beginning(event, version):
    with pytest.raises(Unfoldable, match="into nothing"):
        fold(None, recorded(event, version, at(23)), {})
