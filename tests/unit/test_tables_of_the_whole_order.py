"""Read tables beside the list: lines, parcels, attention, the queue, products; and a sentence for every event."""

import json

import pytest

from projector.tables import (
    attention,
    customer_erasure,
    fulfillment_queue,
    order_line,
    order_shipment,
    order_timeline,
    product_sales_daily,
)
from projector.tables.days import days_in
from shared.events import (
    EVENTS,
    BillingAddressChanged,
    ContactChanged,
    CustomerErased,
    LineAdded,
    LineQuantityCancelled,
    LineRemoved,
    RefundFailed,
    RefundLine,
    ShippingAddressChanged,
    ShippingChargeSet,
)
from tests.support.histories import (
    ORDER,
    at,
    authorized,
    captured,
    confirmed,
    created,
    document_of,
    folded,
    history,
    imported,
    placed,
    prepared,
    recorded,
)
from tests.support.whole_life import CANCELLED, ERASED, TEE, WHOLE_VAULT, refund, whole_life

UTC = days_in("UTC")


def named(table, document):
    return [dict(zip(table.COLUMNS, row, strict=True)) for row in table.rows(document, 1)]


def test_lines_and_parcels():
    document = document_of(*whole_life())
    assert [(row["line_no"], row["sku"], row["quantity"], row["returned"]) for row in named(order_line, document)] == [
        (1, "MUG-1", 4, 1),
        (2, "TEE-M", 2, 0),
    ]
    assert named(order_line, document)[0]["refunded_amount"] == 2379
    assert [(row["shipment_id"], row["state"], row["units"]) for row in named(order_shipment, document)] == [
        ("S0", "cancelled", 1),
        ("S1", "delivered", 5),
    ]


def test_the_queue():
    def queued(*events, **changed):
        return named(fulfillment_queue, document_of(created(**changed), placed(), *events))

    assert queued() == queued(confirmed(), requires_shipping=False) == queued(confirmed(), prepared(3)) == []
    (row,) = queued(confirmed(23))
    assert (row["state"], row["missing_amount"], row["confirmed_at"]) == ("blocked_payment", 6912, at(23))
    assert json.loads(row["lines"]) == [{"line_id": "L1", "sku": "MUG-1", "name": "Mug", "open": 3}]
    assert (row["customer_name"], row["ship_country"], row["units_open"]) == ("Ada", "DE", 3)
    (row,) = queued(confirmed(), authorized(3000), captured(1000))
    assert row["missing_amount"] == 3912
    (row,) = queued(confirmed(), payment_terms="on_account")
    assert (row["state"], row["missing_amount"]) == ("ready", 0)
    (row,) = queued(confirmed(), authorized(), prepared(2))
    assert (row["state"], row["units_open"]) == ("in_progress", 1)
    (row,) = named(fulfillment_queue, document_of(imported(status="confirmed")))
    assert row["confirmed_at"] == at(2)


def test_attention_rows():
    cancelled = document_of(created(), placed(), authorized(), captured(3000), (24, CANCELLED))
    assert attention.rows(cancelled, 1) == [
        (str(ORDER), "refund_due", at(24), 3000, "cancelled with captured money"),
        (str(ORDER), "void_due", at(24), 3912, "cancelled with an open authorization"),
    ]


def test_an_authorization_that_will_expire_says_from_when_on_it_matters():
    expiring = type(authorized())(payment_id="pi_1", amount=6912, method="card", expires_at=at(29))
    later = type(authorized())(payment_id="pi_2", amount=10, method="card", expires_at=at(30))
    document = document_of(created(), placed(), later, expiring, captured(912))
    assert document.attention == []
    detail = f"pi_1: 60.00 EUR until {at(29)}; pi_2: 0.10 EUR until {at(30)}"
    assert attention.rows(document, 1) == [
        (str(ORDER), "authorization_expiring", "2026-11-27T10:00:00+00:00", 6010, detail)
    ]
    assert attention.rows(document_of(created(), placed(), expiring, captured(6912)), 1) == []
    assert [row[1] for row in attention.rows(document_of(created(), placed(), expiring, CANCELLED), 1)] == ["void_due"]


def products(document):
    return {
        key[:2]: {name: amount for name, amount in zip(product_sales_daily.MEASURES, booked, strict=True) if amount}
        for key, booked in product_sales_daily.contributions(document, UTC).items()
    }


def test_products_book_on_the_day_it_happened():
    assert products(document_of(*whole_life())) == {
        ("2026-11-22", "MUG-1"): {"orders": 1, "units_placed": 4, "gross_amount": 7996, "net_amount": 7996},
        ("2026-11-22", "TEE-M"): {"orders": 1, "units_placed": 2, "gross_amount": 3000, "net_amount": 3000},
        ("2026-11-24", "TEE-M"): {"units_cancelled": 1, "net_amount": -1500},
        ("2026-11-25", "MUG-1"): {"units_shipped": 4},
        ("2026-11-25", "TEE-M"): {"units_shipped": 1},
        ("2026-11-28", "MUG-1"): {"units_returned": 1},
        ("2026-11-29", "MUG-1"): {"net_amount": -1999},
        ("2026-11-30", "MUG-1"): {"refunded_amount": 2379},
    }


def test_an_order_counts_once_for_a_sku_on_two_lines():
    twin = type(TEE)(
        line_id="L2", sku="MUG-1", name="Mug", quantity=1, unit_price_amount=100, subtotal_amount=100, total_amount=100
    )
    booked = products(document_of(created(lines=(*created().lines, twin)), placed()))
    assert booked == {
        ("2026-11-22", "MUG-1"): {
            "orders": 1,
            "units_placed": 4,
            "gross_amount": 6097,
            "discount_amount": 600,
            "net_amount": 5497,
        }
    }


def test_a_failed_refund_books_nothing():
    line = RefundLine(line_id="L1", quantity=1, amount=2141)
    paid = (created(), placed(), authorized(), captured(6912))
    failed = document_of(*paid, (25, refund("R", 2141, 2141, line)), (26, RefundFailed(refund_id="R", code="no")))
    assert products(failed) == products(document_of(*paid))


def test_contained_tax_is_in_no_product_figure():
    line = created().lines[0]
    contained = type(line)(
        line_id="L1",
        sku="MUG-1",
        name="Mug",
        quantity=2,
        unit_price_amount=1190,
        subtotal_amount=2380,
        tax_amount=380,
        total_amount=2380,
    )
    cancelled = LineQuantityCancelled(line_id="L1", quantity=1, reason="staff", reduction_amount=1190)
    document = document_of(created(lines=(contained,), prices_include_tax=True), placed(), (23, cancelled))
    assert products(document)["2026-11-22", "MUG-1"]["gross_amount"] == 2000
    assert products(document)["2026-11-23", "MUG-1"] == {"units_cancelled": 1, "net_amount": -1000}


def test_sentences_of_the_whole_life():
    events = history(*whole_life(), ERASED)
    document = folded(events, WHOLE_VAULT)
    assert [order_timeline.summary(event, document) for event in events] == [
        "Created with 1 line, 69.12 EUR",
        "Placed as SO-00001042 for 69.12 EUR",
        "Added line L2: 2 of TEE-M, 35.70 EUR",
        "Added line L3: 1 of SOCKS, 5.00 EUR",
        "Changed line L1 from 3 units, 64.22 EUR, to 4 units, 95.15 EUR: customer called",
        "Removed line L3, 5.00 EUR",
        "Set the shipping charge to 5.90 EUR (express)",
        "Changed the shipping address (GB)",
        "Changed the billing address",
        "Changed the contact",
        "Added note N1 (internal)",
        "Added tag late; Removed tag vip",
        "Set metadata campaign; Removed metadata gift",
        "Authorizing pi_0 failed: declined, no funds",
        "Authorized 150.00 EUR on pi_1 (card)",
        "Confirmed",
        "Captured 136.75 EUR on pi_1",
        "Cancelled 1 unit of line L2 (inventory), 17.85 EUR less to pay",
        "Voided 13.25 EUR on pi_1: not needed",
        "Prepared shipment S0 with 1 unit by DHL, tracking number JD01",
        "Cancelled shipment S0: damaged",
        "Prepared shipment S1 with 5 units by DHL",
        "Changed tracking of shipment S1: UPS, tracking number 1Z",
        "Dispatched shipment S1",
        "Delivered shipment S1",
        "Requested return B1 of 2 units (damaged)",
        "Received 1 unit of return B1, 1 damaged",
        "Rejected return B1: used",
        "Requested refund R1 of 17.85 EUR on pi_1 (damaged)",
        "Refund R1 failed: account_closed",
        "Requested refund R2 of 17.85 EUR on pi_1 (damaged)",
        "Refunded 17.85 EUR (R2)",
        "Requested refund R3 of 23.79 EUR on pi_1 (damaged)",
        "Refunded 23.79 EUR (R3)",
        "Erased personal data: contact, shipping address, billing address, notes",
    ]


def test_sentences_give_the_reason():
    because = {"reason": "customer called"}
    events = [
        LineAdded(line=TEE, **because),
        LineRemoved(line_id="L2", removed_total_amount=3570, **because),
        ShippingChargeSet(shipping_amount=100, **because),
        ShippingAddressChanged(shipping_address_ref="r", ship_country="GB", **because),
        BillingAddressChanged(billing_address_ref="r", **because),
        ContactChanged(contact_ref="r", **because),
    ]
    document = document_of(created())
    sentences = [order_timeline.summary(recorded(event, 2, at(22)), document) for event in events]
    assert all(sentence.endswith(": customer called") for sentence in sentences)


def test_the_sentence_of_a_customers_erasure():
    erased = recorded(CustomerErased(customer_id="c-1"), 1, at(22))
    assert order_timeline.summary(erased, None) == "Erased the personal data of customer c-1"
    assert customer_erasure.erasures([erased]) == {"c-1": at(22)}


@pytest.mark.parametrize("type_", EVENTS)
def test_the_whole_life_meets_every_event(type_):
    met = {event.type for event in history(*whole_life(), ERASED)}
    assert type_ in met | {"order.imported", "order.completed", "order.cancelled", "customer.erased"}
