"""Cancel, complete; and what an order can hold at most."""

import pytest
from msgspec.structs import replace

from command_api.commands import CancelOrder, CompleteOrder, ConfirmOrder, RecordPayment
from command_api.order import MAX_EVENTS
from shared.events import Event, OrderCancelled, OrderConfirmed, RefundRequested
from tests.support.specs import (
    COMPLETED,
    CONFIRMED,
    DRAFT,
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
    dispatched,
    given,
    prepared,
)

digital = replace(DRAFT, requires_shipping=False)


def cancelled(previous_status: str, **fields) -> OrderCancelled:
    return OrderCancelled(
        **{
            "reason": "customer",
            "reduction_amount": TOTAL,
            "previous_status": previous_status,
            "cancelled_at": NOW,
        }
        | fields
    )


def refund(refund_id: str, payment_id: str, amount: int, credit: int = 0) -> RefundRequested:
    return RefundRequested(
        refund_id=refund_id, payment_id=payment_id, amount=amount, credit_amount=credit, reason="order_cancelled"
    )


@pytest.mark.parametrize(
    ("history", "status"), [(a_draft, "draft"), (a_placed_order, "placed"), (a_confirmed_order, "confirmed")]
)
def test_an_order_is_cancelled(history, status):
    given(*history).when(CancelOrder(reason="fraud", note="stolen card")).then(
        cancelled(status, reason="fraud", note="stolen card")
    )


def test_all_captured_money_is_asked_back_payment_by_payment():
    history = (
        *a_placed_order,
        authorized(5000),
        captured(3000),
        captured(500, "ch_2"),
        authorized(100, "pi_2"),
        authorized(9000, "pi_3"),
        captured(9000, "ch_3", "pi_3"),
    )
    given(*history).when(CancelOrder(reason="customer")).then(
        cancelled("placed"), refund("R1", "pi_1", 3500), refund("R2", "pi_3", 9000)
    )


def test_what_is_already_being_given_back_is_not_asked_back_again():
    history = (*a_placed_order, authorized(), captured(), refund("R1", "pi_1", 900, 900))
    given(*history).when(CancelOrder(reason="customer")).then(cancelled("placed"), refund("R2", "pi_1", TOTAL - 900))


def test_of_a_payment_that_is_all_being_given_back_nothing_is_asked_back():
    history = (*a_placed_order, authorized(), captured(), refund("R1", "pi_1", TOTAL, TOTAL))
    given(*history).when(CancelOrder(reason="customer")).then(cancelled("placed"))


def test_an_order_may_be_cancelled_without_giving_money_back():
    history = (*a_placed_order, authorized(), captured())
    given(*history).when(CancelOrder(reason="staff", refund="none")).then(cancelled("placed", reason="staff"))


def test_an_order_is_cancelled_once():
    given(*a_cancelled_order, authorized(), captured()).when(CancelOrder(reason="other")).then_nothing()


def test_a_completed_order_cannot_be_cancelled():
    given(*a_completed_order()).when(CancelOrder(reason="customer")).then_refused("order_completed")


def test_an_order_of_which_something_is_in_a_shipment_cannot_be_cancelled():
    money = (authorized(), captured())
    pending = (*a_confirmed_order, *money, prepared(1))
    given(*pending).when(CancelOrder(reason="customer")).then_refused("shipment_in_progress", shipment_ids=["S1"])
    given(*pending, dispatched()).when(CancelOrder(reason="customer")).then_refused(
        "order_has_shipments", shipment_ids=["S1"]
    )


def test_nothing_is_owed_for_a_cancelled_order_not_even_shipping_of_a_draft_without_lines():
    empty = replace(DRAFT, lines=())
    given(empty).when(CancelOrder(reason="staff")).then(cancelled("draft", reason="staff", reduction_amount=490))
    assert given(empty, cancelled("draft")).order.grand_total == 0


def test_an_order_that_requires_no_shipping_can_be_cancelled_when_confirmed():
    given(digital, PLACED, CONFIRMED).when(CancelOrder(reason="customer")).then(cancelled("confirmed"))


def test_money_that_comes_after_the_cancellation_is_recorded_and_completes_nothing():
    command = RecordPayment(payment_id="pi_1", amount=TOTAL, currency="EUR", method="card", capture=True)
    given(digital, PLACED, CONFIRMED, cancelled("confirmed")).when(command).then(
        authorized(), captured(capture_id="C1")
    )


def test_an_order_is_completed_while_its_parcels_are_on_their_way():
    history = (*a_confirmed_order, authorized(), captured(), prepared(), dispatched())
    given(*history).when(CompleteOrder()).then(COMPLETED)


def test_what_is_completed_needs_no_completing():
    given(*a_completed_order()).when(CompleteOrder()).then_nothing()


@pytest.mark.parametrize(
    ("history", "code"),
    [
        (a_draft, "order_not_confirmed"),
        (a_placed_order, "order_not_confirmed"),
        (a_cancelled_order, "order_cancelled"),
    ],
)
def test_only_a_confirmed_order_can_be_completed(history, code):
    given(*history).when(CompleteOrder()).then_refused(code)


def test_open_units_pending_shipments_and_balances_prevent_completion_in_this_order():
    given(*a_confirmed_order, prepared(2)).when(CompleteOrder()).then_refused("units_open", open_quantity=1)
    given(*a_confirmed_order, prepared(2), prepared(1, "S2"), dispatched("S2")).when(CompleteOrder()).then_refused(
        "shipment_in_progress", shipment_ids=["S1"]
    )
    given(*a_confirmed_order, prepared(), authorized(), captured(912), dispatched()).when(CompleteOrder()).then_refused(
        "balance_outstanding", outstanding_amount=6000
    )


def test_what_needs_no_shipping_is_completed_by_being_confirmed_and_paid():
    money = (authorized(), captured())
    given(digital, PLACED, *money).when(ConfirmOrder()).then(OrderConfirmed(confirmed_at=NOW), COMPLETED)
    given(digital, PLACED).when(ConfirmOrder()).then(OrderConfirmed(confirmed_at=NOW))
    given(digital, PLACED, CONFIRMED).when(CompleteOrder()).then_refused(
        "balance_outstanding", outstanding_amount=TOTAL
    )
    command = RecordPayment(payment_id="pi_1", amount=TOTAL, currency="EUR", method="card", capture=True)
    given(digital, PLACED, CONFIRMED).when(command).then(authorized(), captured(capture_id="C1"), COMPLETED)


def test_money_being_given_back_although_it_was_owed_is_owed_no_more():
    goodwill = (authorized(), captured(), refund("R1", "pi_1", 900, credit=900))
    order = given(digital, PLACED, *goodwill).order
    assert (order.due, order.net_paid, order.outstanding, order.overpaid) == (TOTAL - 900, TOTAL - 900, 0, 0)
    given(digital, PLACED, *goodwill).when(ConfirmOrder()).then(OrderConfirmed(confirmed_at=NOW), COMPLETED)


def test_an_event_of_later_days_counts_and_changes_nothing():
    class OrderSung(Event, frozen=True):
        type = "order.sung"

    before = given(*a_placed_order).order
    assert given(*a_placed_order, OrderSung()).order == replace(before, event_count=before.event_count + 1)


def test_a_free_order_that_requires_shipping_is_not_completed_by_being_confirmed():
    free = replace(DRAFT, lines=(replace(DRAFT.lines[0], total_amount=0),), shipping_amount=0)
    given(free, PLACED).when(ConfirmOrder()).then(OrderConfirmed(confirmed_at=NOW))


def test_an_order_can_have_5000_events():
    start = (*a_placed_order, authorized())
    history = [*start, *(captured(0, f"ch_{n}") for n in range(MAX_EVENTS - len(start)))]
    sale = RecordPayment(payment_id="pi_2", amount=1, currency="EUR", method="card", capture=True)
    given(*history).when(ConfirmOrder()).then_refused("limit_exceeded", limit=MAX_EVENTS)
    given(*history[:-1]).when(ConfirmOrder()).then(OrderConfirmed(confirmed_at=NOW))
    given(*history[:-1]).when(sale).then_refused("limit_exceeded", limit=MAX_EVENTS)
    given(*history).when(RecordPayment(payment_id="pi_1", amount=TOTAL, currency="EUR", method="card")).then_nothing()
