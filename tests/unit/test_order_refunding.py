"""Refunds: asked for with suggested amounts, completed or failed; credits keep what is owed right."""

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from msgspec.structs import replace

from command_api.commands import (
    CancelOrder,
    CompleteRefund,
    FailRefund,
    RefundLineInput,
    RequestRefund,
    RequestReturn,
)
from command_api.decisions.refund_lines import refund_lines
from shared.events import (
    Line,
    LineRemoved,
    OrderCreated,
    RefundCompleted,
    RefundFailed,
    RefundLine,
    RefundRequested,
    ReturnLine,
    ReturnRequested,
)
from tests.support.specs import (
    CANCELLED,
    DRAFT,
    MUGS,
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

paid = (*a_confirmed_order, authorized(), captured())
FIRST, SECOND, THIRD = 2141, 2140, 2141  # what the units of the line are worth, one after the other


def refund(amount: int | None = None, refund_id: str | None = "R1", **fields) -> RequestRefund:
    return RequestRefund(
        **{"refund_id": refund_id, "payment_id": "pi_1", "amount": amount, "reason": "damaged"} | fields
    )


def of_line(quantity: int, amount: int | None = None, line_id: str = "L1") -> RefundLineInput:
    return RefundLineInput(line_id=line_id, quantity=quantity, amount=amount)


def requested(amount: int, credit: int | None = None, refund_id: str = "R1", **fields) -> RefundRequested:
    return RefundRequested(
        **{"refund_id": refund_id, "payment_id": "pi_1", "amount": amount, "reason": "damaged"}
        | {"credit_amount": amount if credit is None else credit}
        | fields
    )


def completed(amount: int, refund_id: str = "R1", **fields) -> RefundCompleted:
    return RefundCompleted(refund_id=refund_id, amount=amount, **fields)


def failed(refund_id: str = "R1", **fields) -> RefundFailed:
    return RefundFailed(refund_id=refund_id, code="declined", **fields)


def line(quantity: int, amount: int, line_id: str = "L1") -> RefundLine:
    return RefundLine(line_id=line_id, quantity=quantity, amount=amount)


def sums(*history) -> tuple:
    order = given(*history).order
    payment = order.payments["pi_1"]
    units = {line_id: state.refunded for line_id, state in order.lines.items()}
    return order.due, order.outstanding, order.overpaid, order.net_paid, payment.refundable, units


@pytest.mark.parametrize("history", [a_placed_order, a_confirmed_order, a_completed_order()])
def test_money_that_was_owed_is_given_back_on_credit(history):
    money = () if history == a_completed_order() else (authorized(), captured())
    given(*history, *money).when(refund(1000)).then(requested(1000))
    given(*history, *money).when(refund(1000, completed=True)).then(requested(1000), completed(1000))


def test_an_overpayment_is_given_back_without_credit():
    given(*a_cancelled_order, authorized(), captured()).when(refund(1000)).then(requested(1000, 0))
    over = (*a_placed_order, authorized(7000), captured(7000))
    given(*over).when(refund(100)).then(requested(100, 12))
    given(*over, requested(100, 12)).when(refund(100, "R2")).then(requested(100, 100, "R2"))


@pytest.mark.parametrize(
    ("before", "quantity", "amount"),
    [
        ((), 1, FIRST),
        ((), 2, FIRST + SECOND),
        ((), 3, MUGS.total_amount),
        ((requested(FIRST, lines=(line(1, FIRST),)),), 1, SECOND),
        ((requested(4281, lines=(line(2, 4281),)),), 1, THIRD),
    ],
)
def test_the_amount_is_suggested_by_what_the_units_are_worth(before, quantity, amount):
    given(*paid, *before).when(refund(refund_id="R9", lines=(of_line(quantity),))).then(
        requested(amount, refund_id="R9", lines=(line(quantity, amount),))
    )


def test_shipping_is_added_to_the_suggestion():
    given(*paid).when(refund(lines=(of_line(1),), shipping_amount=490)).then(
        requested(FIRST + 490, lines=(line(1, FIRST),), shipping_amount=490)
    )
    given(*paid).when(refund(shipping_amount=490)).then(requested(490, shipping_amount=490))


def test_amounts_of_lines_may_be_given():
    given(*paid).when(refund(lines=(of_line(1, 500),))).then(requested(500, lines=(line(1, 500),)))


def test_what_is_given_beyond_the_lines_belongs_to_none():
    given(*paid).when(refund(3000, lines=(of_line(1),))).then(requested(3000, lines=(line(1, FIRST),)))


def test_lines_share_what_is_given_when_it_is_less_than_they_are_worth():
    given(*paid).when(refund(500, lines=(of_line(1),))).then(requested(500, lines=(line(1, 500),)))
    given(*paid).when(refund(500, lines=(of_line(1),), shipping_amount=490)).then(
        requested(500, lines=(line(1, 10),), shipping_amount=490)
    )


def test_where_prices_contain_the_tax_the_suggestion_does_too():
    created = OrderCreated(
        order_id=DRAFT.order_id,
        channel="web",
        currency="JPY",
        currency_exponent=0,
        prices_include_tax=True,
        lines=(replace(MUGS, tax_amount=862, total_amount=5397),),
    )
    given(created, PLACED, authorized(), captured()).when(refund(lines=(of_line(1),))).then(
        requested(1799, credit=284, lines=(line(1, 1799),))
    )


@for_all(
    st.lists(st.tuples(st.integers(1, 9), st.none() | st.integers(0, 50), st.integers(0, 99)), max_size=5),
    st.none() | st.integers(0, 400),
    st.integers(0, 50),
)
def test_lines_and_shipping_never_come_to_more_than_the_refund(items, beyond, shipping):
    inputs = [of_line(quantity, amount, f"L{n}") for n, (quantity, amount, _) in enumerate(items)]
    worth = [worth for _, _, worth in items]
    explicit = sum(amount or 0 for _, amount, _ in items)
    amount = None if beyond is None else explicit + shipping + beyond
    lines = refund_lines(inputs, worth, amount, shipping)
    assert [(it.line_id, it.quantity) for it in lines] == [(it.line_id, it.quantity) for it in inputs]
    assert all(it.amount == item.amount for it, item in zip(lines, inputs, strict=True) if item.amount is not None)
    free = sum(it.amount for it, item in zip(lines, inputs, strict=True) if item.amount is None)
    wanted = sum(worth for _, amount, worth in items if amount is None)
    assert free == (wanted if beyond is None else min(wanted, beyond))
    assert all(0 <= it.amount <= max(most, it.amount if item.amount is not None else 0)
               for it, item, most in zip(lines, inputs, worth, strict=True))  # fmt: skip


def test_ids_that_are_left_out_are_the_next_free_ones():
    given(*paid).when(refund(1, None)).then(requested(1))
    given(*paid, requested(1)).when(refund(1, None)).then(requested(1, refund_id="R2"))


def test_no_more_is_given_back_than_came_in():
    given(*paid).when(refund(TOTAL)).then(requested(TOTAL))
    given(*paid).when(refund(TOTAL + 1)).then_refused("refund_exceeds_captured", refundable_amount=TOTAL)
    given(*paid, requested(1000)).when(refund(TOTAL - 999, "R2")).then_refused(
        "refund_exceeds_captured", refundable_amount=TOTAL - 1000
    )
    given(*paid, requested(1000), completed(1000)).when(refund(TOTAL - 999, "R2")).then_refused(
        "refund_exceeds_captured", refundable_amount=TOTAL - 1000
    )
    given(*paid, requested(1000), failed()).when(refund(TOTAL, "R2")).then(requested(TOTAL, refund_id="R2"))
    two = (*a_placed_order, authorized(100), captured(100), authorized(900, "pi_2"), captured(900, "ch_2", "pi_2"))
    given(*two).when(refund(101)).then_refused("refund_exceeds_captured", refundable_amount=100)
    given(*a_placed_order, authorized()).when(refund(1)).then_refused("refund_exceeds_captured", refundable_amount=0)


def test_a_suggestion_may_be_more_than_is_there():
    given(*a_placed_order, authorized(), captured(2000)).when(refund(lines=(of_line(1),))).then_refused(
        "refund_exceeds_captured", refundable_amount=2000
    )


def test_no_more_units_are_refunded_than_were_ordered():
    given(*paid).when(refund(1, lines=(of_line(4),))).then_refused(
        "refund_quantity_exceeded", "#/lines/0/quantity", line_id="L1", refundable_quantity=3
    )
    once = (*paid, requested(500, lines=(line(2, 500),)))
    given(*once).when(refund(1, "R2", lines=(of_line(2),))).then_refused(
        "refund_quantity_exceeded", "#/lines/0/quantity", line_id="L1", refundable_quantity=1
    )
    given(*once, failed()).when(refund(9, "R2", lines=(of_line(3),))).then(
        requested(9, refund_id="R2", lines=(line(3, 9),))
    )


def test_what_is_not_there_cannot_be_refunded():
    given(*paid).when(refund(1, payment_id="pi_9")).then_refused("payment_not_found")
    given(*paid).when(refund(1, lines=(of_line(1, line_id="L9"),))).then_refused("line_not_found", "#/lines/0/line_id")
    given(*paid).when(refund(1, return_id="RT9")).then_refused("return_not_found")
    given(*a_draft).when(refund(1)).then_refused("order_not_placed")
    given().when(refund(1)).then_refused("order_not_found")


def test_a_refund_may_name_its_return_and_say_more():
    back = (prepared(), dispatched(), ReturnRequested(return_id="RT1", lines=(ReturnLine(line_id="L1", quantity=1, reason="damaged"),)))
    given(*paid, *back).when(refund(1, return_id="RT1", note="broken")).then(
        requested(1, return_id="RT1", note="broken")
    )


def test_nothing_is_no_refund():
    free = OrderCreated(
        order_id=DRAFT.order_id,
        channel="web",
        currency="EUR",
        currency_exponent=2,
        prices_include_tax=False,
        lines=(line_of_nothing(),),
        shipping_amount=490,
    )
    given(free, PLACED, authorized(), captured()).when(refund(lines=(of_line(1),))).then_refused(
        "validation_failed", "#/amount"
    )


def line_of_nothing():
    return Line(line_id="L1", sku="GIFT", name="Gift", quantity=1, unit_price_amount=0, subtotal_amount=0, total_amount=0)


def test_the_same_refund_again_changes_nothing():
    asked = requested(FIRST, lines=(line(1, FIRST),))
    for history in ((asked,), (asked, completed(FIRST)), (asked, failed())):
        given(*paid, *history).when(refund(lines=(of_line(1),))).then_nothing()
        given(*paid, *history).when(refund(FIRST, lines=(of_line(1, FIRST),))).then_nothing()
    given(*paid, asked, completed(FIRST)).when(refund(lines=(of_line(1),), completed=True)).then_nothing()


@pytest.mark.parametrize(
    ("other", "pointers"),
    [
        ({"amount": 1}, ["#/amount"]),
        ({"payment_id": "pi_2", "reason": "goodwill"}, ["#/payment_id", "#/reason"]),
        ({"shipping_amount": 1}, ["#/shipping_amount"]),
        ({"return_id": "RT1", "note": "n"}, ["#/return_id", "#/note"]),
        ({"lines": ()}, ["#/lines"]),
        ({"lines": (of_line(2),)}, ["#/lines"]),
        ({"lines": (of_line(1, 1),)}, ["#/lines"]),
        ({"completed": True}, ["#/state"]),
    ],
)
def test_the_same_id_for_another_refund_is_refused(other, pointers):
    history = (*paid, requested(FIRST, lines=(line(1, FIRST),)))
    given(*history).when(refund(**{"lines": (of_line(1),)} | other)).then_refused("duplicate_id", *pointers)


def test_a_refund_is_completed():
    history = (*paid, requested(1000))
    given(*history).when(CompleteRefund(refund_id="R1", provider_reference="re_1")).then(
        completed(1000, provider_reference="re_1")
    )
    assert sums(*history)[:3] == sums(*history, completed(1000))[:3], "I28"
    order = given(*history, completed(1000)).order
    assert (order.payments["pi_1"].refunded, order.payments["pi_1"].refund_pending) == (1000, 0)


def test_a_refund_completes_once():
    history = (*paid, requested(1000), completed(1000, provider_reference="re_1"))
    for reference in (None, "re_1"):
        given(*history).when(CompleteRefund(refund_id="R1", provider_reference=reference)).then_nothing()
    given(*history).when(CompleteRefund(refund_id="R1", provider_reference="re_2")).then_refused(
        "duplicate_id", "#/provider_reference"
    )
    given(*history).when(FailRefund(refund_id="R1", code="late")).then_refused(
        "refund_not_pending", refund_status="completed"
    )


def test_a_refund_fails_and_all_is_as_before():
    history = (*paid, requested(FIRST, lines=(line(1, FIRST),)))
    given(*history).when(FailRefund(refund_id="R1", code="declined", message="card gone")).then(
        failed(message="card gone")
    )
    assert sums(*history) != sums(*paid)
    assert sums(*history, failed()) == sums(*paid), "I27"


def test_a_refund_fails_once():
    history = (*paid, requested(1000), failed())
    given(*history).when(FailRefund(refund_id="R1", code="declined")).then_nothing()
    given(*history).when(FailRefund(refund_id="R1", code="other", message="m")).then_refused(
        "duplicate_id", "#/code", "#/message"
    )
    given(*history).when(CompleteRefund(refund_id="R1")).then_refused("refund_not_pending", refund_status="failed")


def test_a_refund_that_is_not_there_comes_to_no_end():
    given(*paid).when(CompleteRefund(refund_id="R9")).then_refused("refund_not_found")
    given(*paid).when(FailRefund(refund_id="R9", code="x")).then_refused("refund_not_found")


def test_what_was_refunded_before_is_not_asked_back_again():
    history = (*a_placed_order, authorized(), captured(), requested(1000), completed(1000))
    events = given(*history).when(CancelOrder(reason="customer")).events
    assert events[1] == RefundRequested(
        refund_id="R2", payment_id="pi_1", amount=TOTAL - 1000, credit_amount=0, reason="order_cancelled"
    )


def test_credit_that_was_given_lowers_what_is_due_and_never_below_nothing():
    order = given(*paid, requested(1000), completed(1000)).order
    assert (order.due, order.net_paid, order.outstanding, order.overpaid) == (TOTAL - 1000, TOTAL - 1000, 0, 0)
    order = given(DRAFT, PLACED, authorized(), captured(), requested(1000), completed(1000), CANCELLED).order
    assert (order.due, order.overpaid) == (0, TOTAL - 1000)


def test_returned_units_can_be_refunded_and_a_return_asks_for_no_refund():
    shipped = (*paid, prepared(), dispatched())
    events = given(*shipped).when(
        RequestReturn(return_id="RT1", lines=(ReturnLine(line_id="L1", quantity=1, reason="damaged"),))
    ).events
    assert [event.type for event in events] == ["return.requested"]
    given(*shipped, *events).when(refund(lines=(of_line(1),), return_id="RT1")).then(
        requested(FIRST, lines=(line(1, FIRST),), return_id="RT1")
    )


def test_a_refund_may_fail_after_its_line_was_removed():
    two = (replace(DRAFT, lines=(MUGS, replace(MUGS, line_id="L2"))), PLACED, authorized(), captured())
    asked = requested(10, lines=(line(1, 10, "L2"),))
    removed = LineRemoved(line_id="L2", removed_total_amount=MUGS.total_amount)
    order = given(*two, asked, removed, failed()).order
    assert set(order.lines) == {"L1"} and order.payments["pi_1"].refund_pending == 0
