"""Cancel units of a line: by line and quantity, each unit at its share."""

import pytest
from msgspec.structs import replace

from command_api.changes import CancelUnits
from command_api.commands import CancelOrder, ConfirmOrder, PrepareShipment
from shared.events import (
    LineQuantityCancelled,
    OrderCancelled,
    OrderCompleted,
    OrderConfirmed,
    PaymentCaptured,
    RefundRequested,
)
from tests.support.specs import (
    COMPLETED,
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
    an_import,
    authorized,
    captured,
    delivered,
    dispatched,
    given,
    prepared,
    units,
)

paid = (*a_confirmed_order, authorized(), captured())
two_lines = (replace(DRAFT, lines=(MUGS, replace(MUGS, line_id="L2"))), PLACED)


def cancel(quantity: int = 1, line_id: str = "L1") -> CancelUnits:
    return CancelUnits(line_id=line_id, quantity=quantity, reason="inventory")


def cancelled(quantity: int, reduction: int, line_id: str = "L1") -> LineQuantityCancelled:
    return LineQuantityCancelled(line_id=line_id, quantity=quantity, reason="inventory", reduction_amount=reduction)


def the_end(reduction: int, previous: str = "placed") -> OrderCancelled:
    return OrderCancelled(reason="inventory", reduction_amount=reduction, previous_status=previous, cancelled_at=NOW)


@pytest.mark.parametrize("history", [a_placed_order, a_confirmed_order])
def test_units_are_cancelled_at_their_share(history):
    given(*history).when(cancel(1)).then(cancelled(1, 2141))
    given(*history).when(cancel(2)).then(cancelled(2, 4281))
    given(*history, cancelled(1, 2141)).when(cancel(1)).then(cancelled(1, 2140))


def test_the_shares_of_all_units_are_the_line():
    order = given(*two_lines, cancelled(1, 2141), cancelled(1, 2140))
    order.when(cancel(1)).then(cancelled(1, 2141))
    order = given(*two_lines, cancelled(1, 2141), cancelled(1, 2140), cancelled(1, 2141)).order
    assert order.current_total(order.lines["L1"]) == 0
    assert order.grand_total == 6422 + 490


def test_with_the_last_unit_the_order_is_cancelled_and_shipping_waived():
    given(*a_placed_order).when(cancel(3)).then(cancelled(3, 6422), the_end(490))
    given(*a_confirmed_order, cancelled(2, 4281)).when(cancel(1)).then(cancelled(1, 2141), the_end(490, "confirmed"))
    given(*two_lines, cancelled(3, 6422, "L2")).when(cancel(3)).then(cancelled(3, 6422), the_end(490))
    given(*two_lines).when(cancel(3)).then(cancelled(3, 6422))


def test_an_adjustment_is_waived_too():
    imported = an_import(adjustment_amount=-90)
    (snapshot,) = given().when(imported).events
    given(snapshot).when(cancel(3, "1")).then(cancelled(3, 6422, "1"), the_end(400))


def test_nothing_is_owed_any_more_then_and_nothing_is_asked_back_by_itself():
    history = (*a_placed_order, authorized(), captured(), cancelled(3, 6422), the_end(490))
    order = given(*history).order
    assert (order.status, order.grand_total, order.overpaid) == ("cancelled", 0, TOTAL)
    assert not order.refunds


def test_cancelling_the_order_takes_off_what_is_left():
    given(*a_placed_order, cancelled(1, 2141)).when(CancelOrder(reason="inventory")).then(the_end(TOTAL - 2141))


def test_no_more_than_what_is_open_is_cancelled():
    given(*a_placed_order).when(cancel(4)).then_refused(
        "quantity_exceeds_open", "#/quantity", line_id="L1", open_quantity=3
    )
    given(*paid, prepared(1), cancelled(1, 2141)).when(cancel(2)).then_refused(
        "quantity_exceeds_open", "#/quantity", line_id="L1", open_quantity=1
    )
    given(*paid, prepared(3), dispatched()).when(cancel(1)).then_refused(
        "quantity_exceeds_open", "#/quantity", line_id="L1", open_quantity=0
    )


def test_a_line_that_the_order_has_not_is_refused():
    given(*a_placed_order).when(cancel(1, "L2")).then_refused("line_not_found")


@pytest.mark.parametrize(
    ("history", "code"),
    [
        (a_draft, "order_not_placed"),
        (a_completed_order(), "order_completed"),
        (a_cancelled_order, "order_cancelled"),
    ],
)
def test_only_units_of_a_running_order_are_cancelled(history, code):
    given(*history).when(cancel()).then_refused(code)


def test_cancelled_units_are_not_shipped():
    given(*paid, cancelled(1, 2141)).when(PrepareShipment(shipment_id="S1", lines=units(3))).then_refused(
        "quantity_exceeds_open", "#/lines/0/quantity", line_id="L1", open_quantity=2
    )


def test_cancelling_what_is_left_completes_an_order_that_is_otherwise_done():
    done = (*paid, prepared(2), dispatched(), delivered())
    given(*done).when(cancel(1)).then(cancelled(1, 2141), COMPLETED)


def test_an_order_is_not_completed_by_it_while_something_is_on_its_way_or_to_be_paid():
    given(*paid, prepared(2), dispatched()).when(cancel(1)).then(cancelled(1, 2141))
    unpaid = (*a_confirmed_order, authorized(), captured(1000), prepared(2), dispatched(), delivered())
    given(*unpaid).when(cancel(1)).then(cancelled(1, 2141))
    given(*unpaid, cancelled(1, 2141)).when(ConfirmOrder()).then_nothing()


def test_cancelling_may_settle_what_is_outstanding():
    money = (authorized(), captured(TOTAL - 2141))
    digital = (replace(DRAFT, requires_shipping=False), PLACED, CONFIRMED, *money)
    given(*digital).when(cancel(1)).then(cancelled(1, 2141), OrderCompleted(completed_at=NOW))


def test_an_order_with_cancelled_units_goes_on():
    given(*a_placed_order, cancelled(1, 2141)).when(ConfirmOrder()).then(OrderConfirmed(confirmed_at=NOW))


def test_money_for_cancelled_units_is_overpaid_until_it_is_given_back():
    order = given(*a_placed_order, authorized(), captured(), cancelled(1, 2141)).order
    assert (order.due, order.overpaid, order.outstanding) == (TOTAL - 2141, 2141, 0)
    assert isinstance(order.captures["ch_1"], PaymentCaptured)
    asked = RefundRequested(refund_id="R1", payment_id="pi_1", amount=2141, credit_amount=0, reason="inventory")
    order = given(*a_placed_order, authorized(), captured(), cancelled(1, 2141), asked).order
    assert (order.due, order.overpaid, order.outstanding) == (TOTAL - 2141, 0, 0)
