"""Prepare, dispatch, deliver: by line and quantity."""

import pytest
from msgspec.structs import replace

from command_api.commands import DeliverShipment, DispatchShipment, PrepareShipment
from shared.events import LineQuantity, OrderCompleted
from tests.support.specs import (
    CONFIRMED,
    DRAFT,
    MUGS,
    NOW,
    PLACED,
    TOTAL,
    a_cancelled_order,
    a_completed_order,
    a_confirmed_order,
    a_draft,
    a_placed_order,
    authorized,
    captured,
    delivered,
    dispatched,
    given,
    prepared,
    units,
)

paid = (*a_confirmed_order, authorized(), captured())
on_account = (replace(DRAFT, payment_terms="on_account"), PLACED, CONFIRMED)
details = {
    "carrier": "DHL",
    "service": "express",
    "tracking_number": "JD01",
    "tracking_url": "https://dhl.example/JD01",
    "location": "Bonn",
}


def prepare(quantity: int = 3, shipment_id: str | None = "S1", **fields) -> PrepareShipment:
    return PrepareShipment(**{"shipment_id": shipment_id, "lines": units(quantity)} | fields)


def dispatch(shipment_id: str = "S1", **fields) -> DispatchShipment:
    return DispatchShipment(shipment_id=shipment_id, **fields)


def deliver(shipment_id: str = "S1") -> DeliverShipment:
    return DeliverShipment(shipment_id=shipment_id)


def test_units_are_set_aside():
    given(*a_confirmed_order).when(prepare(2, **details)).then(prepared(2, **details))


def test_preparing_does_not_ask_for_money():
    given(*a_confirmed_order).when(prepare()).then(prepared())


def test_a_shipment_without_an_id_gets_the_next_free_one():
    given(*a_confirmed_order, prepared(1, "S1"), prepared(1, "S3")).when(prepare(1, None)).then(prepared(1, "S2"))


@pytest.mark.parametrize("history", [a_draft, a_placed_order, a_cancelled_order, a_completed_order()])
def test_only_a_confirmed_order_is_shipped(history):
    given(*history).when(prepare(1, "S2")).then_refused("order_not_confirmed")


def test_no_more_than_what_is_open_is_set_aside():
    given(*a_confirmed_order).when(prepare(4)).then_refused(
        "quantity_exceeds_open", "#/lines/0/quantity", line_id="L1", open_quantity=3
    )
    given(*a_confirmed_order, prepared(2)).when(prepare(2, "S2")).then_refused(
        "quantity_exceeds_open", "#/lines/0/quantity", line_id="L1", open_quantity=1
    )
    given(*paid, prepared(2), dispatched()).when(prepare(2, "S2")).then_refused(
        "quantity_exceeds_open", "#/lines/0/quantity", line_id="L1", open_quantity=1
    )


def test_the_refusal_names_all_lines_that_lack_units():
    two_lines = replace(DRAFT, lines=(MUGS, replace(MUGS, line_id="L2"), replace(MUGS, line_id="L3")))
    too_many = tuple(LineQuantity(f"L{n}", quantity) for n, quantity in ((1, 3), (2, 4), (3, 5)))
    given(two_lines, PLACED, CONFIRMED).when(prepare(lines=too_many)).then_refused(
        "quantity_exceeds_open", "#/lines/1/quantity", "#/lines/2/quantity", line_id="L2", open_quantity=3
    )


def test_a_line_that_the_order_has_not_is_refused():
    given(*a_confirmed_order).when(prepare(lines=units(1, "L2"))).then_refused("line_not_found", "#/lines/0/line_id")


def test_an_order_that_requires_no_shipping_has_nothing_to_ship():
    digital = replace(DRAFT, requires_shipping=False)
    given(digital, PLACED, CONFIRMED).when(prepare(1)).then_refused(
        "quantity_exceeds_open", "#/lines/0/quantity", line_id="L1", open_quantity=0
    )


def test_an_order_can_have_500_shipments():
    mugs = replace(DRAFT, lines=(replace(MUGS, quantity=1000),))
    history = [mugs, PLACED, CONFIRMED, *(prepared(1, f"S{n}") for n in range(499))]
    given(*history).when(prepare(1, "last")).then(prepared(1, "last"))
    given(*history, prepared(1, "last")).when(prepare(1, "more")).then_refused("limit_exceeded", limit=500)


@pytest.mark.parametrize("later", [(), (dispatched(),), (dispatched(), delivered())])
def test_the_same_shipment_again_changes_nothing(later):
    given(*paid, prepared(2, **details), *later).when(prepare(2, **details)).then_nothing()


def test_the_same_shipment_sent_off_at_once_again_changes_nothing():
    given(*paid, prepared(2), dispatched()).when(prepare(2, dispatch=True)).then_nothing()


def test_the_same_shipment_again_after_completion_changes_nothing():
    given(*a_completed_order()).when(prepare()).then_nothing()


def test_the_order_of_its_lines_does_not_make_another_shipment():
    two_lines = replace(DRAFT, lines=(MUGS, replace(MUGS, line_id="L2")))
    lines = (LineQuantity("L1", 1), LineQuantity("L2", 2))
    history = (two_lines, PLACED, CONFIRMED, replace(prepared(), lines=lines))
    given(*history).when(prepare(lines=lines[::-1])).then_nothing()


@pytest.mark.parametrize(
    ("other", "pointers"),
    [
        (prepare(1), ["#/lines"]),
        (prepare(carrier="UPS"), ["#/carrier"]),
        (prepare(service="s", tracking_number="t"), ["#/service", "#/tracking_number"]),
        (prepare(tracking_url="u", location="l"), ["#/tracking_url", "#/location"]),
        (prepare(dispatch=True), ["#/dispatch"]),
    ],
)
def test_the_same_shipment_id_with_other_content_is_refused(other, pointers):
    given(*paid, prepared()).when(other).then_refused("duplicate_id", *pointers)


def test_a_parcel_is_sent_off():
    given(*paid, prepared()).when(dispatch(carrier="UPS", tracking_number="1Z", tracking_url="u")).then(
        dispatched(carrier="UPS", tracking_number="1Z", tracking_url="u")
    )


def test_a_parcel_is_prepared_and_sent_off_in_one_breath():
    given(*paid).when(prepare(dispatch=True)).then(prepared(), dispatched())


@pytest.mark.parametrize(
    "money",
    [
        (authorized(),),
        (authorized(), captured()),
        (authorized(), captured(1)),
        (authorized(TOTAL - 1), authorized(1, "pi_2"), captured(1, payment_id="pi_2")),
    ],
)
def test_a_prepaid_order_is_sent_when_it_is_paid_or_secured(money):
    given(*a_confirmed_order, *money, prepared()).when(dispatch()).then(dispatched())


def test_a_prepaid_order_is_not_sent_before():
    given(*a_confirmed_order, prepared()).when(dispatch()).then_refused("payment_required", missing_amount=TOTAL)
    given(*a_confirmed_order, authorized(6900), captured(100)).when(prepare(dispatch=True)).then_refused(
        "payment_required", missing_amount=12
    )


def test_not_a_cent_may_be_missing():
    given(*a_confirmed_order, authorized(TOTAL - 1), prepared()).when(dispatch()).then_refused(
        "payment_required", missing_amount=1
    )


def test_an_order_on_account_is_sent_before_it_is_paid():
    given(*on_account, prepared()).when(dispatch()).then(dispatched())


def test_an_unknown_shipment_is_refused():
    given(*paid, prepared()).when(dispatch("S2")).then_refused("shipment_not_found")
    given(*paid, prepared()).when(deliver("S2")).then_refused("shipment_not_found")


@pytest.mark.parametrize("again", [dispatch(), dispatch(carrier="DHL"), dispatch(carrier="DHL", tracking_number="1")])
@pytest.mark.parametrize("later", [(), (delivered(),)])
def test_what_was_sent_off_is_not_sent_again(again, later):
    history = (*paid, prepared(carrier="DHL"), dispatched(tracking_number="1"), *later)
    given(*history).when(again).then_nothing()


def test_sent_off_again_under_another_tracking_number_is_refused():
    history = (*paid, prepared(carrier="DHL", tracking_number="1"), dispatched(tracking_number="2"))
    given(*history).when(dispatch(tracking_number="1")).then_refused("duplicate_id", "#/tracking_number")
    given(*history).when(dispatch(carrier="UPS", tracking_url="u")).then_refused(
        "duplicate_id", "#/carrier", "#/tracking_url"
    )


def test_a_parcel_arrives():
    given(*on_account, prepared(), dispatched()).when(deliver()).then(delivered())


def test_a_parcel_that_has_not_left_cannot_arrive():
    given(*paid, prepared()).when(deliver()).then_refused("shipment_not_dispatched")


def test_a_parcel_arrives_once():
    given(*paid, prepared(), dispatched(), delivered()).when(deliver()).then_nothing()


def test_the_last_parcel_of_a_paid_order_completes_it():
    history = (*paid, prepared(2, "S1"), prepared(1, "S2"), dispatched("S1"), dispatched("S2"))
    given(*history).when(deliver("S1")).then(delivered("S1"))
    given(*history, delivered("S1")).when(deliver("S2")).then(delivered("S2"), OrderCompleted(completed_at=NOW))


@pytest.mark.parametrize(
    "history",
    [
        pytest.param((*paid, prepared(2), dispatched()), id="a unit is open"),
        pytest.param((*paid, prepared(2), dispatched(), prepared(1, "S2")), id="a shipment is pending"),
        pytest.param((*a_confirmed_order, authorized(), prepared(), dispatched()), id="money is outstanding"),
    ],
)
def test_an_order_does_not_complete_itself_while(history):
    given(*history).when(deliver()).then(delivered())


def test_an_order_with_one_line_delivered_and_another_open_is_not_done():
    two_lines = replace(DRAFT, lines=(MUGS, replace(MUGS, line_id="L2")))
    money = (authorized(2 * TOTAL), captured(2 * TOTAL))
    given(two_lines, PLACED, CONFIRMED, *money, prepared(), dispatched()).when(deliver()).then(delivered())


def test_a_parcel_may_arrive_after_completion():
    history = (*paid, prepared(), dispatched(), OrderCompleted(completed_at=NOW))
    given(*history).when(deliver()).then(delivered())
