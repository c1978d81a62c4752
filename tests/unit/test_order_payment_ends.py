"""Payments that come to nothing: declined, given up."""

import pytest

from command_api.changes import FailPayment, VoidPayment
from command_api.commands import CapturePayment, RecordPayment
from shared.events import PaymentFailed, PaymentVoided
from tests.support.specs import (
    TOTAL,
    a_cancelled_order,
    a_completed_order,
    a_confirmed_order,
    a_draft,
    a_placed_order,
    authorized,
    captured,
    given,
)


def failed(failure_id: str = "f_1", **fields) -> PaymentFailed:
    return PaymentFailed(
        **{"payment_id": "pi_1", "failure_id": failure_id, "stage": "authorize", "code": "declined"} | fields
    )


def fail(failure_id: str = "f_1", **fields) -> FailPayment:
    return FailPayment(
        **{"payment_id": "pi_1", "failure_id": failure_id, "stage": "authorize", "code": "declined"} | fields
    )


def voided(amount: int, **fields) -> PaymentVoided:
    return PaymentVoided(payment_id="pi_1", amount=amount, **fields)


@pytest.mark.parametrize("history", [a_placed_order, a_confirmed_order, a_completed_order(), a_cancelled_order])
def test_a_failure_is_recorded_of_a_payment_known_or_not(history):
    given(*history).when(fail(payment_id="pi_9")).then(failed(payment_id="pi_9"))
    given(*history, authorized(payment_id="pi_9")).when(
        fail(payment_id="pi_9", stage="capture", message="no funds")
    ).then(failed(payment_id="pi_9", stage="capture", message="no funds"))


def test_a_draft_takes_no_payments():
    given(*a_draft).when(fail()).then_refused("order_not_placed")
    given(*a_draft).when(VoidPayment(payment_id="pi_1")).then_refused("order_not_placed")


def test_a_failure_changes_no_sum_and_is_no_payment():
    before, after = given(*a_placed_order).order, given(*a_placed_order, failed()).order
    assert (before.outstanding, before.open_authorized) == (after.outstanding, after.open_authorized)
    assert not after.payments
    given(*a_placed_order, failed()).when(
        RecordPayment(payment_id="pi_1", amount=TOTAL, currency="EUR", method="card")
    ).then(authorized())


def test_a_failure_is_recorded_once():
    given(*a_placed_order, failed(message="m")).when(fail(message="m")).then_nothing()
    given(*a_placed_order, failed()).when(fail("f_2")).then(failed("f_2"))


@pytest.mark.parametrize(
    ("other", "pointer"),
    [
        ({"payment_id": "pi_2"}, "#/payment_id"),
        ({"stage": "capture"}, "#/stage"),
        ({"code": "expired"}, "#/code"),
        ({"message": "m"}, "#/message"),
    ],
)
def test_the_same_failure_id_with_other_content_is_refused(other, pointer):
    given(*a_placed_order, failed()).when(fail(**other)).then_refused("duplicate_id", pointer)


@pytest.mark.parametrize("history", [a_placed_order, a_confirmed_order, a_completed_order(), a_cancelled_order])
def test_what_is_left_of_an_authorisation_is_given_up(history):
    payment = authorized(500, "pi_2")
    given(*history, payment).when(VoidPayment(payment_id="pi_2", reason="expired")).then(
        PaymentVoided(payment_id="pi_2", amount=500, reason="expired")
    )
    given(*history, payment, captured(200, "ch_2", "pi_2")).when(VoidPayment(payment_id="pi_2")).then(
        PaymentVoided(payment_id="pi_2", amount=300)
    )


@pytest.mark.parametrize("later", [(captured(),), (voided(TOTAL),), (captured(1000), voided(TOTAL - 1000))])
def test_where_nothing_is_left_there_is_nothing_to_give_up(later):
    given(*a_placed_order, authorized(), *later).when(VoidPayment(payment_id="pi_1", reason="r")).then_nothing()


def test_an_unknown_payment_is_refused():
    given(*a_placed_order, failed()).when(VoidPayment(payment_id="pi_1")).then_refused("payment_not_found")


def test_what_was_given_up_is_neither_captured_nor_counted():
    history = (*a_placed_order, authorized(), captured(1000), voided(TOTAL - 1000))
    given(*history).when(CapturePayment(payment_id="pi_1", capture_id="ch_2", amount=1)).then_refused(
        "capture_exceeds_authorization", capturable_amount=0
    )
    order = given(*history).order
    assert (order.open_authorized, order.net_paid, order.outstanding) == (0, 1000, TOTAL - 1000)


def test_a_payment_that_was_given_up_is_still_the_same_payment():
    given(*a_placed_order, authorized(), voided(TOTAL)).when(
        RecordPayment(payment_id="pi_1", amount=TOTAL, currency="EUR", method="card")
    ).then_nothing()
