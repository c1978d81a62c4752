"""Import: a snapshot that must not contradict itself, and an order like any other from then on."""

import pytest
from msgspec.structs import replace

from command_api.commands import (
    CancelOrder,
    CapturePayment,
    CompleteOrder,
    ConfirmOrder,
    DeliverShipment,
    DispatchShipment,
    LineInput,
    PlaceOrder,
    PrepareShipment,
)
from shared.events import (
    ImportedCapture,
    ImportedPayment,
    ImportedShipment,
    LineQuantity,
    OrderConfirmed,
    OrderImported,
    RefundRequested,
)
from shared.money import MAX_SUM
from tests.support.specs import (
    BEFORE,
    COMPLETED,
    MUGS,
    NOW,
    ORDER_ID,
    TOTAL,
    a_draft,
    an_import,
    captured,
    delivered,
    dispatched,
    given,
    units,
)

EARLIER = "2026-11-21T00:00:00.000000Z"
LATER = "2026-11-22T18:00:00.000000Z"

IMPORTED = OrderImported(
    order_id=ORDER_ID,
    channel="old-shop",
    external_id="536365",
    currency="EUR",
    currency_exponent=2,
    prices_include_tax=False,
    lines=(replace(MUGS, line_id="1"),),
    shipping_amount=490,
    number="536365",
    status="placed",
    grand_total_amount=TOTAL,
    created_at=BEFORE,
    placed_at=BEFORE,
)


def capture(amount: int = TOTAL, capture_id: str = "ch_1") -> ImportedCapture:
    return ImportedCapture(capture_id=capture_id, amount=amount, occurred_at=BEFORE)


def payment(*captures: ImportedCapture, payment_id: str = "pi_1", amount: int = TOTAL, voided: int = 0):
    return ImportedPayment(
        payment_id=payment_id,
        method="card",
        authorized_amount=amount,
        voided_amount=voided,
        captures=captures,
        occurred_at=BEFORE,
    )


def parcel(quantity: int = 3, shipment_id: str = "S1", **times) -> ImportedShipment:
    return ImportedShipment(shipment_id=shipment_id, lines=units(quantity, "1"), **{"prepared_at": BEFORE} | times)


left = {"dispatched_at": BEFORE}
arrived = {"dispatched_at": BEFORE, "delivered_at": LATER}
confirmed = {"status": "confirmed", "confirmed_at": BEFORE}
completed = {
    "status": "completed",
    "completed_at": LATER,
    "payments": (payment(capture()),),
    "shipments": (parcel(**left),),
}
called_off = {"status": "cancelled", "cancelled_at": LATER}


def test_an_order_is_taken_over_as_one_event():
    given().when(an_import()).then(IMPORTED)


def test_an_order_is_taken_over_with_its_past():
    past = {
        "status": "completed",
        "confirmed_at": BEFORE,
        "completed_at": LATER,
        "payments": (payment(capture(), voided=0),),
        "shipments": (parcel(2, **arrived), parcel(1, "S2", **left)),
    }
    given().when(an_import(**past)).then(replace(IMPORTED, **past))


def test_what_the_other_system_says_it_came_to_stands():
    declared = replace(IMPORTED, grand_total_amount=TOTAL - 2, adjustment_amount=-2)
    given().when(an_import(declared_total_amount=TOTAL - 2)).then(declared)
    given().when(an_import(adjustment_amount=-2)).then(declared)
    given().when(an_import(declared_total_amount=TOTAL - 2, adjustment_amount=-2)).then(declared)
    assert given(declared).order.grand_total == TOTAL - 2


def test_an_adjustment_may_take_all():
    assert given(*given().when(an_import(adjustment_amount=-TOTAL)).events).order.grand_total == 0


def test_an_order_is_taken_over_once():
    given(*a_draft).when(an_import()).then_refused("order_id_taken", order_id=ORDER_ID)
    given(IMPORTED).when(an_import()).then_refused("order_id_taken", order_id=ORDER_ID)


def test_sums_have_their_limit_here_too():
    line = LineInput(line_id="1", sku="X", name="X", quantity=1_000_000, unit_price_amount=10**12)
    given().when(an_import(lines=(line,))).then_refused("amount_out_of_range", "#/lines/0", limit=MAX_SUM)


@pytest.mark.parametrize(
    ("contradiction", "pointers"),
    [
        pytest.param({"placed_at": "2026-11-23T06:54:00.000001Z"}, ["#/placed_at"], id="placed after now"),
        pytest.param({"created_at": LATER}, ["#/placed_at"], id="placed before created"),
        pytest.param({"lines": ()}, ["#/lines"], id="no lines"),
        pytest.param({"status": "confirmed"}, ["#/confirmed_at"], id="confirmed at no time"),
        pytest.param({"status": "cancelled"}, ["#/cancelled_at"], id="cancelled at no time"),
        pytest.param(completed | {"completed_at": None}, ["#/completed_at"], id="completed at no time"),
        pytest.param(
            {"confirmed_at": BEFORE, "completed_at": BEFORE, "cancelled_at": BEFORE, "cancel_reason": "staff"},
            ["#/confirmed_at", "#/completed_at", "#/cancelled_at", "#/cancel_reason"],
            id="placed with what comes later",
        ),
        pytest.param(confirmed | {"completed_at": LATER}, ["#/completed_at"], id="confirmed and completed"),
        pytest.param(completed | {"cancelled_at": LATER}, ["#/cancelled_at"], id="completed and cancelled"),
        pytest.param(called_off | {"completed_at": LATER}, ["#/completed_at"], id="cancelled and completed"),
        pytest.param(
            completed | {"confirmed_at": LATER, "completed_at": BEFORE, "shipments": (parcel(dispatched_at=LATER),)},
            ["#/completed_at"],
            id="completed before confirmed",
        ),
        pytest.param(confirmed | {"confirmed_at": EARLIER}, ["#/confirmed_at"], id="confirmed before placed"),
        pytest.param(called_off | {"cancelled_at": EARLIER}, ["#/cancelled_at"], id="cancelled before placed"),
        pytest.param({"adjustment_amount": -TOTAL - 1}, ["#/adjustment_amount"], id="less than nothing"),
        pytest.param(
            {"declared_total_amount": TOTAL, "adjustment_amount": 1},
            ["#/adjustment_amount"],
            id="total and adjustment that do not agree",
        ),
        pytest.param(
            {"payments": (payment(capture(TOTAL - 1), voided=2),)},
            ["#/payments/0/authorized_amount"],
            id="more captured and voided than authorised",
        ),
        pytest.param({"payments": (payment(), payment())}, ["#/payments/1/payment_id"], id="a payment twice"),
        pytest.param(
            {"payments": (payment(capture(1)), payment(capture(1), capture(1), payment_id="pi_2"))},
            ["#/payments/1/captures/0/capture_id", "#/payments/1/captures/1/capture_id"],
            id="a capture thrice",
        ),
        pytest.param(
            {"payments": tuple(payment(payment_id=f"p{n}") for n in range(201))}, ["#/payments"], id="201 payments"
        ),
        pytest.param({"shipments": (parcel(),)}, ["#/shipments"], id="shipped before confirmed"),
        pytest.param(called_off | {"shipments": (parcel(),)}, ["#/shipments"], id="shipped and cancelled"),
        pytest.param(
            confirmed | {"requires_shipping": False, "shipments": (parcel(),)}, ["#/shipments"], id="nothing to ship"
        ),
        pytest.param(
            confirmed | {"shipments": (parcel(1), parcel(1))}, ["#/shipments/1/shipment_id"], id="a shipment twice"
        ),
        pytest.param(
            confirmed
            | {
                "lines": (replace(an_import().lines[0], quantity=1000),),
                "shipments": tuple(parcel(1, f"S{n}") for n in range(501)),
            },
            ["#/shipments"],
            id="501 shipments",
        ),
        pytest.param(
            confirmed | {"shipments": (parcel(delivered_at=LATER),)},
            ["#/shipments/0/dispatched_at"],
            id="delivered, never dispatched",
        ),
        pytest.param(
            confirmed | {"shipments": (parcel(prepared_at=LATER, **left),)},
            ["#/shipments/0/dispatched_at"],
            id="dispatched before prepared",
        ),
        pytest.param(
            confirmed | {"shipments": (parcel(dispatched_at=LATER, delivered_at=BEFORE),)},
            ["#/shipments/0/delivered_at"],
            id="delivered before dispatched",
        ),
        pytest.param(
            confirmed | {"confirmed_at": LATER, "shipments": (parcel(**left),)},
            ["#/shipments/0/dispatched_at"],
            id="dispatched before confirmed",
        ),
        pytest.param(
            confirmed | {"shipments": (parcel(2), parcel(1, "S2"), parcel(1, "S3"))},
            ["#/shipments/2/lines/0/quantity"],
            id="more shipped than ordered",
        ),
        pytest.param(
            confirmed
            | {"shipments": (replace(parcel(), lines=(*units(1, "1"), LineQuantity("1", 1), LineQuantity("2", 1))),)},
            ["#/shipments/0/lines/1/line_id", "#/shipments/0/lines/2/line_id"],
            id="a line twice in a shipment, and one that is not there",
        ),
        pytest.param(completed | {"shipments": (parcel(2, **left),)}, ["#/shipments"], id="completed with open units"),
        pytest.param(completed | {"shipments": (parcel(),)}, ["#/shipments"], id="completed with a pending shipment"),
        pytest.param(
            completed | {"payments": (payment(capture(TOTAL - 1)),)}, ["#/payments"], id="completed and not paid for"
        ),
        pytest.param(
            completed | {"payments": (), "shipments": ()}, ["#/shipments", "#/payments"], id="completed, nothing done"
        ),
        pytest.param(
            completed | {"requires_shipping": False, "shipments": (), "payments": ()},
            ["#/payments"],
            id="completed without shipping and not paid for",
        ),
    ],
)
def test_a_snapshot_that_contradicts_itself_is_refused(contradiction, pointers):
    given().when(an_import(**contradiction)).then_refused("validation_failed", *pointers)


def test_limits_can_be_reached():
    full = {
        "lines": (replace(an_import().lines[0], quantity=1000),),
        "payments": tuple(payment(payment_id=f"p{n}") for n in range(200)),
        "shipments": tuple(parcel(1, f"S{n}") for n in range(500)),
    }
    assert given().when(an_import(**confirmed, **full)).refusal is None


def test_all_contradictions_are_named_at_once():
    wrong = {"status": "confirmed", "lines": (), "payments": (payment(voided=TOTAL + 1),), "shipments": (parcel(),)}
    given().when(an_import(**wrong)).then_refused(
        "validation_failed",
        "#/confirmed_at",
        "#/lines",
        "#/payments/0/authorized_amount",
        "#/shipments/0/lines/0/line_id",
    )


def test_a_line_without_an_id_can_be_shipped_under_the_id_it_gets():
    line = replace(an_import().lines[0], line_id=None)
    shipment = replace(parcel(), lines=units(3, "L1"))
    assert given().when(an_import(lines=(line,), **confirmed, shipments=(shipment,))).refusal is None


def test_what_needs_no_shipping_is_completed_when_it_is_paid_for():
    digital = {"requires_shipping": False, "shipments": ()}
    assert given().when(an_import(**completed | digital)).refusal is None


def taken_over(**fields) -> OrderImported:
    (event,) = given().when(an_import(**fields)).events
    return event


def test_an_imported_order_goes_on_as_any_other():
    order = taken_over()
    given(order).when(PlaceOrder(number="SO-00000001")).then_nothing()
    given(order).when(ConfirmOrder()).then(OrderConfirmed(confirmed_at=NOW))


def test_imported_payments_can_be_captured_as_far_as_they_are_left():
    order = taken_over(payments=(payment(capture(100), amount=1000, voided=600),))
    given(order).when(CapturePayment(payment_id="pi_1", capture_id="ch_2", amount=300)).then(captured(300, "ch_2"))
    given(order).when(CapturePayment(payment_id="pi_1", capture_id="ch_2", amount=301)).then_refused(
        "capture_exceeds_authorization", capturable_amount=300
    )
    given(order).when(CapturePayment(payment_id="pi_1", capture_id="ch_1", amount=100)).then_nothing()


def test_imported_shipments_go_on_from_where_they_are():
    shipments = (parcel(1), parcel(1, "S2", **left))
    order = taken_over(**confirmed, shipments=shipments, payments=(payment(capture()),))
    given(order).when(DispatchShipment(shipment_id="S1")).then(dispatched("S1"))
    given(order).when(DispatchShipment(shipment_id="S2")).then_nothing()
    given(order).when(DeliverShipment(shipment_id="S2")).then(delivered("S2"))
    given(order).when(PrepareShipment(lines=units(2, "1"))).then_refused(
        "quantity_exceeds_open", "#/lines/0/quantity", line_id="1", open_quantity=1
    )
    done = taken_over(**confirmed, shipments=(parcel(**left),), payments=(payment(capture()),))
    given(done).when(DeliverShipment(shipment_id="S1")).then(delivered("S1"), COMPLETED)


def test_units_of_imported_shipments_are_where_the_shipments_are():
    parcels = (parcel(1, **arrived), parcel(1, "S2", **left), parcel(1, "S3"))
    (line,) = given(taken_over(**confirmed, shipments=parcels)).order.lines.values()
    assert (line.open, line.allocated, line.shipped, line.delivered) == (0, 1, 2, 1)


def test_an_imported_order_that_is_delivered_and_paid_can_be_completed():
    done = taken_over(**confirmed, shipments=(parcel(**arrived),), payments=(payment(capture()),))
    given(done).when(CompleteOrder()).then(COMPLETED)


def test_imported_money_is_asked_back_when_the_order_is_cancelled():
    order = taken_over(payments=(payment(capture(100)),), adjustment_amount=-12)
    cancelled, refund = given(order).when(CancelOrder(reason="customer")).events
    assert cancelled.reduction_amount == TOTAL - 12
    assert refund == RefundRequested(
        refund_id="R1", payment_id="pi_1", amount=100, credit_amount=0, reason="order_cancelled"
    )


def test_a_cancelled_order_is_taken_over_with_all_its_units_cancelled():
    order = given(taken_over(**called_off, payments=(payment(capture()),))).order
    assert [line.cancelled for line in order.lines.values()] == [3]
    assert (order.grand_total, order.overpaid) == (0, TOTAL)
    given(taken_over(**called_off)).when(CancelOrder(reason="customer")).then_nothing()
