"""Record payment, capture: facts, recorded in every state but draft."""

import pytest
from msgspec.structs import replace

from command_api.commands import CapturePayment, RecordPayment
from shared.events import OrderCompleted
from tests.support.specs import (
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
    delivered,
    dispatched,
    given,
    prepared,
)

in_every_state_but_draft = pytest.mark.parametrize(
    "history", [a_placed_order, a_confirmed_order, a_cancelled_order, a_completed_order()]
)


def payment(amount: int = TOTAL, payment_id: str = "pi_1", **fields) -> RecordPayment:
    return RecordPayment(**{"payment_id": payment_id, "amount": amount, "currency": "EUR", "method": "card"} | fields)


def capture(amount: int, capture_id: str = "ch_1", payment_id: str = "pi_1", **fields) -> CapturePayment:
    return CapturePayment(payment_id=payment_id, capture_id=capture_id, amount=amount, **fields)


@in_every_state_but_draft
def test_an_authorisation_is_recorded(history):
    more = {"provider": "psp", "provider_reference": "r-1", "expires_at": NOW}
    given(*history).when(payment(1, "pi_9", **more)).then(authorized(1, "pi_9", **more))


@in_every_state_but_draft
def test_a_sale_is_recorded_as_authorised_and_captured(history):
    given(*history).when(payment(1, "pi_9", capture=True)).then(authorized(1, "pi_9"), captured(1, "C1", "pi_9"))


def test_captures_made_by_a_sale_get_the_free_ids():
    given(*a_placed_order, authorized(), captured(1, "C1")).when(payment(1, "pi_2", capture=True)).then(
        authorized(1, "pi_2"), captured(1, "C2", "pi_2")
    )


def test_a_draft_takes_no_payments():
    given(*a_draft).when(payment()).then_refused("order_not_placed")
    given(*a_draft).when(capture(1)).then_refused("order_not_placed")


def test_money_of_another_currency_is_refused():
    given(*a_placed_order).when(payment(currency="USD")).then_refused("currency_mismatch", "#/currency", currency="EUR")


def test_the_same_payment_again_changes_nothing():
    given(*a_placed_order, authorized()).when(payment()).then_nothing()
    given(*a_placed_order, authorized(), captured()).when(payment()).then_nothing()
    given(*a_placed_order, authorized(), captured()).when(payment(capture=True)).then_nothing()
    given(*a_placed_order, authorized()).when(payment(occurred_at=NOW)).then_nothing()


@pytest.mark.parametrize(
    ("other", "pointers"),
    [
        ({"amount": 1}, ["#/amount"]),
        ({"method": "cash", "provider": "psp"}, ["#/method", "#/provider"]),
        ({"provider_reference": "r"}, ["#/provider_reference"]),
        ({"expires_at": NOW}, ["#/expires_at"]),
        ({"capture": True}, ["#/capture"]),
    ],
)
def test_the_same_payment_id_with_other_content_is_refused(other, pointers):
    given(*a_placed_order, authorized()).when(payment(**other)).then_refused("duplicate_id", *pointers)


def test_a_sale_repeated_of_which_a_part_was_captured_is_refused():
    history = (*a_placed_order, authorized(), captured(TOTAL - 1))
    given(*history).when(payment(capture=True)).then_refused("duplicate_id", "#/capture")


def test_an_order_can_have_200_payments():
    history = [*a_placed_order, *(authorized(1, f"pi_{n}") for n in range(199))]
    given(*history).when(payment(1, "one more")).then(authorized(1, "one more"))
    given(*history, authorized(1, "pi_199")).when(payment(1, "one more")).then_refused("limit_exceeded", limit=200)
    given(*history, authorized(1, "pi_199")).when(payment(1, "pi_199")).then_nothing()


@in_every_state_but_draft
def test_a_capture_is_recorded(history):
    given(*history, authorized(9, "pi_9")).when(capture(9, "ch_9", "pi_9", provider_reference="r")).then(
        captured(9, "ch_9", "pi_9", provider_reference="r")
    )


def test_captures_are_partial_and_repeated_up_to_what_was_authorised():
    history = (*a_placed_order, authorized(100), captured(60))
    given(*history).when(capture(40, "ch_2")).then(captured(40, "ch_2"))
    given(*history).when(capture(41, "ch_2")).then_refused("capture_exceeds_authorization", capturable_amount=40)
    given(*history, captured(40, "ch_2")).when(capture(1, "ch_3")).then_refused(
        "capture_exceeds_authorization", capturable_amount=0
    )


def test_each_payment_is_captured_for_itself():
    history = (*a_placed_order, authorized(100), authorized(50, "pi_2"))
    given(*history).when(capture(51, payment_id="pi_2")).then_refused(
        "capture_exceeds_authorization", capturable_amount=50
    )


def test_a_capture_of_an_unknown_payment_is_refused():
    given(*a_placed_order, authorized()).when(capture(1, payment_id="pi_2")).then_refused("payment_not_found")


def test_the_same_capture_again_changes_nothing_even_if_nothing_is_left_to_capture():
    given(*a_placed_order, authorized(), captured()).when(capture(TOTAL)).then_nothing()


@pytest.mark.parametrize(
    ("other", "pointer"),
    [
        (capture(1), "#/amount"),
        (capture(TOTAL, payment_id="pi_2"), "#/payment_id"),
        (capture(TOTAL, provider_reference="r"), "#/provider_reference"),
    ],
)
def test_the_same_capture_id_with_other_content_is_refused(other, pointer):
    history = (*a_placed_order, authorized(), captured(), authorized(payment_id="pi_2"))
    given(*history).when(other).then_refused("duplicate_id", pointer)


def test_the_last_payment_of_a_delivered_order_completes_it():
    on_account = replace(DRAFT, payment_terms="on_account")
    history = (on_account, PLACED, CONFIRMED, prepared(), dispatched(), delivered(), authorized())
    completed = OrderCompleted(completed_at=NOW)
    given(*history).when(capture(TOTAL - 1)).then(captured(TOTAL - 1))
    given(*history).when(capture(TOTAL)).then(captured(), completed)
    given(*history).when(payment(TOTAL, "pi_2", capture=True)).then(
        authorized(TOTAL, "pi_2"), captured(TOTAL, "C1", "pi_2"), completed
    )


def test_more_than_is_due_is_recorded_too():
    given(*a_placed_order).when(payment(10 * TOTAL, capture=True)).then(
        authorized(10 * TOTAL), captured(10 * TOTAL, "C1")
    )


def test_i33_facts_about_different_payments_may_arrive_in_any_order():
    opened = (*a_placed_order, authorized(), authorized(50, "pi_2"))
    facts = (captured(100), captured(50, "ch_2", "pi_2"))
    assert given(*opened, *facts).order == given(*opened, *facts[::-1]).order
