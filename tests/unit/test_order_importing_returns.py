"""Import of an order with refunds, returns and notes in its past."""

import pytest
from msgspec.structs import replace

from command_api.commands import (
    CompleteRefund,
    FailRefund,
    NoteInput,
    ReceiveReturn,
    RefundInput,
    RefundLineInput,
    RejectReturn,
    RequestRefund,
    RequestReturn,
)
from shared.events import (
    ImportedCapture,
    ImportedNote,
    ImportedPayment,
    ImportedRefund,
    ImportedRefundLine,
    ImportedReturn,
    ImportedReturnLine,
    ImportedShipment,
    ReceivedLine,
    RefundLine,
    RefundRequested,
    ReturnLine,
    ReturnReceived,
    ReturnRejected,
    ReturnRequested,
)
from tests.support.specs import BEFORE, TOTAL, an_import, given, units

EARLIER = "2026-11-21T00:00:00.000000Z"
LATER = "2026-11-22T18:00:00.000000Z"


def paid(amount: int = TOTAL, payment_id: str = "pi_1", capture_id: str = "ch_1") -> ImportedPayment:
    capture = ImportedCapture(capture_id=capture_id, amount=amount, occurred_at=BEFORE)
    return ImportedPayment(
        payment_id=payment_id, method="card", authorized_amount=amount, captures=(capture,), occurred_at=BEFORE
    )


def parcel(quantity: int = 3, **times) -> ImportedShipment:
    times = {"prepared_at": BEFORE, "dispatched_at": BEFORE} | times
    return ImportedShipment(shipment_id="S1", lines=units(quantity, "1"), **times)


def refund(amount: int = 1000, refund_id: str = "R1", **fields) -> RefundInput:
    return RefundInput(
        **{"refund_id": refund_id, "payment_id": "pi_1", "amount": amount, "reason": "r", "occurred_at": LATER} | fields
    )


def of_line(quantity: int, amount: int | None = None, line_id: str = "1") -> RefundLineInput:
    return RefundLineInput(line_id=line_id, quantity=quantity, amount=amount)


def back(quantity: int, received: int = 0, return_id: str = "B1", line_id: str = "1", **fields) -> ImportedReturn:
    line = ImportedReturnLine(line_id=line_id, quantity=quantity, reason="damaged", received=received)
    return ImportedReturn(return_id=return_id, lines=(line,), **{"occurred_at": LATER} | fields)


def note(note_id: str | None = None, ref: str = "n-1") -> NoteInput:
    return NoteInput(note_id=note_id, note_ref=ref, occurred_at=LATER)


confirmed = {"status": "confirmed", "confirmed_at": BEFORE}
shipped = confirmed | {"payments": (paid(),), "shipments": (parcel(),)}
called_off = {"status": "cancelled", "cancelled_at": LATER, "payments": (paid(),)}


def taken_over(**fields):
    outcome = given().when(an_import(**fields))
    assert outcome.refusal is None, outcome.refusal.errors
    (event,) = outcome.events
    return event


def imported(amount: int = 1000, credit: int | None = None, **fields) -> ImportedRefund:
    return ImportedRefund(
        **{"refund_id": "R1", "payment_id": "pi_1", "amount": amount, "reason": "r", "occurred_at": LATER}
        | {"credit_amount": amount if credit is None else credit}
        | fields
    )


def test_refunds_are_taken_over_as_completed():
    event = taken_over(payments=(paid(),), refunds=(refund(),))
    assert event.refunds == (imported(),)
    order = given(event).order
    assert (order.due, order.net_paid, order.outstanding, order.overpaid) == (TOTAL - 1000, TOTAL - 1000, 0, 0)
    assert (order.payments["pi_1"].refunded, order.payments["pi_1"].refund_pending) == (1000, 0)


def test_refunds_repay_first_what_is_overpaid():
    event = taken_over(payments=(paid(TOTAL + 150),), refunds=(refund(100), refund(100, "R2"), refund(5, "R3")))
    assert [it.credit_amount for it in event.refunds] == [0, 50, 5]
    assert given(event).order.overpaid == 0
    event = taken_over(**called_off, refunds=(refund(TOTAL),))
    assert event.refunds[0].credit_amount == 0
    assert (given(event).order.due, given(event).order.net_paid) == (0, 0)


def test_lines_of_refunds_get_the_amounts_they_are_worth():
    refunds = (
        refund(2141, lines=(of_line(1),)),
        refund(2630, "R2", lines=(of_line(1),), shipping_amount=490),
        refund(10, "R3", lines=(of_line(1),)),
    )
    event = taken_over(payments=(paid(),), refunds=refunds)
    first, second, third = event.refunds
    assert first == imported(2141, lines=(ImportedRefundLine(line_id="1", quantity=1, amount=2141),))
    assert [line.amount for line in second.lines + third.lines] == [2140, 10]
    assert given(event).order.lines["1"].refunded == 3
    more = RequestRefund(payment_id="pi_1", amount=1, reason="r", lines=(of_line(1),))
    given(event).when(more).then_refused(
        "refund_quantity_exceeded", "#/lines/0/quantity", line_id="1", refundable_quantity=0
    )


def test_an_imported_refund_is_a_refund_as_any_other():
    order = taken_over(payments=(paid(),), refunds=(refund(lines=(of_line(1, 600),)),))
    given(order).when(CompleteRefund(refund_id="R1")).then_nothing()
    given(order).when(FailRefund(refund_id="R1", code="x")).then_refused("refund_not_pending", refund_status="completed")
    again = RequestRefund(
        refund_id="R1", payment_id="pi_1", amount=1000, reason="r", lines=(of_line(1),), completed=True
    )
    given(order).when(again).then_nothing()
    given(order).when(replace(again, amount=1)).then_refused("duplicate_id", "#/amount")
    given(order).when(RequestRefund(payment_id="pi_1", reason="r", lines=(of_line(1),))).then(
        RefundRequested(
            refund_id="R2",
            payment_id="pi_1",
            amount=2140,
            credit_amount=2140,
            reason="r",
            lines=(RefundLine(line_id="1", quantity=1, amount=2140),),
        )
    )


def test_a_completed_order_may_have_been_refunded():
    past = shipped | {"status": "completed", "completed_at": LATER, "returns": (back(1, 1),)}
    event = taken_over(**past, refunds=(refund(TOTAL, return_id="B1"),))
    order = given(event).order
    assert (order.status, order.due, order.outstanding, order.overpaid) == ("completed", 0, 0, 0)


def test_returns_are_taken_over_as_far_as_they_have_got():
    event = taken_over(**shipped, returns=(back(2, 1), back(1, 0, "B2", rejected=True)))
    assert [it.return_id for it in event.returns] == ["B1", "B2"]
    line = given(event).order.lines["1"]
    assert (line.return_requested, line.returned) == (1, 1)
    arrived = ReceivedLine(line_id="1", quantity=1, condition="sellable")
    given(event).when(ReceiveReturn(return_id="B1", lines=(arrived,))).then(
        ReturnReceived(return_id="B1", lines=(arrived,))
    )
    given(event).when(ReceiveReturn(return_id="B2", lines=(arrived,))).then_refused(
        "return_not_open", return_status="rejected"
    )
    given(event).when(RejectReturn(return_id="B1", reason="worn")).then(ReturnRejected(return_id="B1", reason="worn"))
    lines = (ReturnLine(line_id="1", quantity=1, reason="other"),)
    given(event).when(RequestReturn(lines=lines)).then(ReturnRequested(return_id="RT1", lines=lines))
    given(event).when(RequestReturn(lines=(replace(lines[0], quantity=2),))).then_refused(
        "return_quantity_exceeded", "#/lines/0/quantity", line_id="1", returnable_quantity=1
    )


def test_what_needed_no_shipping_can_have_come_back():
    event = taken_over(**confirmed, requires_shipping=False, returns=(back(3, 3),))
    assert given(event).order.lines["1"].returned == 3


def test_notes_are_taken_over_and_get_ids():
    event = taken_over(notes=(note(ref="n-1"), note("N1", "n-2"), note(ref="n-3")))
    assert event.notes == (
        ImportedNote(note_id="N2", note_ref="n-1", occurred_at=LATER),
        ImportedNote(note_id="N1", note_ref="n-2", occurred_at=LATER),
        ImportedNote(note_id="N3", note_ref="n-3", occurred_at=LATER),
    )
    assert set(given(event).order.notes) == {"N1", "N2", "N3"}


@pytest.mark.parametrize(
    ("contradiction", "pointers"),
    [
        pytest.param({"refunds": (refund(),)}, ["#/refunds/0/payment_id"], id="refund of no payment"),
        pytest.param(
            {"payments": (paid(999),), "refunds": (refund(),)}, ["#/refunds/0/amount"], id="more refunded than captured"
        ),
        pytest.param(
            {"payments": (paid(1000), paid(9, "pi_2", "ch_2")), "refunds": (refund(600), refund(401, "R2"))},
            ["#/refunds/1/amount"],
            id="more refunded than captured in two",
        ),
        pytest.param(
            {"payments": (paid(),), "refunds": (refund(1), refund(1))},
            ["#/refunds/1/refund_id"],
            id="a refund twice",
        ),
        pytest.param(
            {"payments": (paid(),), "refunds": (refund(return_id="B9"),)},
            ["#/refunds/0/return_id"],
            id="refund of no return",
        ),
        pytest.param(
            {"payments": (paid(),), "refunds": (refund(occurred_at=EARLIER),)},
            ["#/refunds/0/occurred_at"],
            id="refunded before placed",
        ),
        pytest.param(
            {
                "payments": (paid(),),
                "refunds": (refund(1, lines=(of_line(2),)), refund(1, "R2", lines=(of_line(2), of_line(1, 0, "9")))),
            },
            ["#/refunds/1/lines/0/quantity", "#/refunds/1/lines/1/line_id"],
            id="more units refunded than ordered, and of no line",
        ),
        pytest.param({"returns": (back(1),)}, ["#/returns"], id="returned before confirmed"),
        pytest.param(called_off | {"returns": (back(1),)}, ["#/returns"], id="returned and cancelled"),
        pytest.param(confirmed | {"returns": (back(1),)}, ["#/returns/0/lines/0/quantity"], id="returned, never shipped"),
        pytest.param(
            confirmed | {"shipments": (parcel(dispatched_at=None),), "returns": (back(1),)},
            ["#/returns/0/lines/0/quantity"],
            id="returned from a pending shipment",
        ),
        pytest.param(
            shipped | {"returns": (back(2), back(2, 0, "B2"))},
            ["#/returns/1/lines/0/quantity"],
            id="more returned than shipped",
        ),
        pytest.param(
            shipped | {"returns": (back(3, 2, rejected=True), back(2, 0, "B2"))},
            ["#/returns/1/lines/0/quantity"],
            id="more returned than shipped, a part rejected",
        ),
        pytest.param(shipped | {"returns": (back(1), back(1))}, ["#/returns/1/return_id"], id="a return twice"),
        pytest.param(
            shipped | {"returns": (back(1, line_id="9"),)}, ["#/returns/0/lines/0/line_id"], id="return of no line"
        ),
        pytest.param(
            shipped | {"returns": (back(1, occurred_at=EARLIER),)},
            ["#/returns/0/occurred_at"],
            id="returned before placed",
        ),
        pytest.param({"notes": (note("N1"), note("N1"))}, ["#/notes/1/note_id"], id="a note twice"),
        pytest.param({"notes": (note(),) * 501}, ["#/notes"], id="501 notes"),
    ],
)
def test_a_past_that_contradicts_itself_is_refused(contradiction, pointers):
    given().when(an_import(**contradiction)).then_refused("validation_failed", *pointers)


def test_lists_have_ids_of_their_own():
    same = {"refunds": (refund(refund_id="1"),), "returns": (back(1, return_id="1"),), "notes": (note("1"),)}
    assert given().when(an_import(**shipped | same)).refusal is None
    assert given().when(an_import(notes=(note(),) * 500)).refusal is None
