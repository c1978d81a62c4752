"""Returns: requested, received in parts, rejected; never more units than the customer has."""

import pytest
from msgspec.structs import replace

from command_api.changes import CancelUnits
from command_api.commands import CancelOrder, ReceiveReturn, RejectReturn, RequestReturn
from shared.events import ReceivedLine, ReturnLine, ReturnReceived, ReturnRejected, ReturnRequested
from tests.support.specs import (
    CONFIRMED,
    DRAFT,
    MUGS,
    PLACED,
    a_cancelled_order,
    a_completed_order,
    a_confirmed_order,
    a_draft,
    a_placed_order,
    authorized,
    delivered,
    dispatched,
    given,
    prepared,
)

shipped = (*a_confirmed_order, authorized(), prepared(2), dispatched())


def line(quantity: int, line_id: str = "L1", reason: str = "damaged") -> ReturnLine:
    return ReturnLine(line_id=line_id, quantity=quantity, reason=reason)


def back(quantity: int, line_id: str = "L1", condition: str = "sellable") -> ReceivedLine:
    return ReceivedLine(line_id=line_id, quantity=quantity, condition=condition)


def ask(*lines: ReturnLine, return_id: str | None = "RT1", **fields) -> RequestReturn:
    return RequestReturn(return_id=return_id, lines=lines, **fields)


def asked(*lines: ReturnLine, return_id: str = "RT1", **fields) -> ReturnRequested:
    return ReturnRequested(return_id=return_id, lines=lines, **fields)


def receive(*lines: ReceivedLine, return_id: str = "RT1") -> ReceiveReturn:
    return ReceiveReturn(return_id=return_id, lines=lines)


def received(*lines: ReceivedLine, return_id: str = "RT1") -> ReturnReceived:
    return ReturnReceived(return_id=return_id, lines=lines)


def reject(return_id: str = "RT1") -> RejectReturn:
    return RejectReturn(return_id=return_id, reason="worn")


REJECTED = ReturnRejected(return_id="RT1", reason="worn")


@pytest.mark.parametrize("history", [shipped, (*shipped, delivered()), a_completed_order()])
def test_what_was_shipped_can_be_returned(history):
    given(*history).when(ask(line(2), note="too blue")).then(asked(line(2), note="too blue"))


def test_ids_that_are_left_out_are_the_next_free_ones():
    given(*shipped).when(ask(line(1), return_id=None)).then(asked(line(1)))
    given(*shipped, asked(line(1))).when(ask(line(1), return_id=None)).then(asked(line(1), return_id="RT2"))


def test_no_more_is_returned_than_was_shipped():
    def exceeds(left: int, *history):
        given(*history).when(ask(line(left + 1), return_id="RT9")).then_refused(
            "return_quantity_exceeded", "#/lines/0/quantity", line_id="L1", returnable_quantity=left
        )
        if left:
            given(*history).when(ask(line(left), return_id="RT9")).then(asked(line(left), return_id="RT9"))

    exceeds(0, *a_confirmed_order)
    exceeds(0, *a_confirmed_order, prepared(2))
    exceeds(2, *shipped)
    exceeds(1, *shipped, asked(line(1)))
    exceeds(1, *shipped, asked(line(1)), received(back(1)))
    exceeds(2, *shipped, asked(line(1)), REJECTED)
    exceeds(1, *shipped, asked(line(2)), received(back(1)), REJECTED)


def test_what_needs_no_shipping_is_returned_as_far_as_it_was_confirmed():
    digital = (replace(DRAFT, requires_shipping=False), PLACED)
    given(*digital, CONFIRMED).when(ask(line(3))).then(asked(line(3)))
    given(*digital, CONFIRMED, asked(line(3))).when(ask(line(1), return_id="RT2")).then_refused(
        "return_quantity_exceeded", "#/lines/0/quantity", line_id="L1", returnable_quantity=0
    )
    given(*digital).when(ask(line(1))).then_refused("order_not_confirmed")


def test_what_is_in_a_return_is_not_cancelled():
    digital = (replace(DRAFT, requires_shipping=False), PLACED, CONFIRMED, asked(line(1)))
    for history in (digital, (*digital, received(back(1)))):
        given(*history).when(CancelUnits(line_id="L1", quantity=3, reason="customer")).then_refused(
            "quantity_exceeds_open", "#/quantity", line_id="L1", open_quantity=2
        )
        given(*history).when(CancelOrder(reason="customer")).then_refused("order_has_shipments")
    assert given(*digital, REJECTED).when(CancelOrder(reason="customer")).refusal is None


def test_all_lines_are_looked_at():
    given(*shipped).when(ask(line(1, "L9"))).then_refused("line_not_found", "#/lines/0/line_id")
    two = (replace(DRAFT, lines=(MUGS, replace(MUGS, line_id="L2"))), PLACED, CONFIRMED)
    given(*two).when(ask(line(1), line(2, "L2"))).then_refused(
        "return_quantity_exceeded", "#/lines/0/quantity", "#/lines/1/quantity", line_id="L1", returnable_quantity=0
    )


def test_only_a_confirmed_order_takes_units_back():
    given(*a_draft).when(ask(line(1))).then_refused("order_not_confirmed")
    given(*a_placed_order).when(ask(line(1))).then_refused("order_not_confirmed")
    given(*a_cancelled_order).when(ask(line(1))).then_refused("order_cancelled")
    given().when(ask(line(1))).then_refused("order_not_found")


def test_the_same_return_again_changes_nothing():
    history = (*shipped, asked(line(2)))
    given(*history).when(ask(line(2))).then_nothing()
    given(*history, received(back(2))).when(ask(line(2))).then_nothing()
    given(*history, REJECTED).when(ask(line(2))).then_nothing()


@pytest.mark.parametrize(
    ("again", "pointers"),
    [
        (ask(line(1)), ["#/lines"]),
        (ask(line(2, reason="unwanted")), ["#/lines"]),
        (ask(line(2), note="n"), ["#/note"]),
        (ask(line(1), note="n"), ["#/note", "#/lines"]),
    ],
)
def test_the_same_id_for_another_return_is_refused(again, pointers):
    given(*shipped, asked(line(2))).when(again).then_refused("duplicate_id", *pointers)


def test_units_are_received_in_parts():
    history = (*shipped, asked(line(2)))
    given(*history).when(receive(back(1))).then(received(back(1)))
    given(*history, received(back(1))).when(receive(back(1, condition="damaged"))).then(
        received(back(1, condition="damaged"))
    )
    both = (back(1), back(1, condition="damaged"))
    given(*history).when(receive(*both)).then(received(*both))
    state = given(*history, received(back(1))).order.lines["L1"]
    assert (state.return_requested, state.returned) == (1, 1)
    state = given(*history, received(*both)).order.lines["L1"]
    assert (state.return_requested, state.returned) == (0, 2)


def test_no_more_is_received_than_is_expected():
    history = (*shipped, asked(line(2)))
    given(*history).when(receive(back(3))).then_refused(
        "return_quantity_exceeded", "#/lines/0/quantity", line_id="L1", returnable_quantity=2
    )
    given(*history).when(receive(back(2), back(1, condition="damaged"))).then_refused(
        "return_quantity_exceeded", "#/lines/1/quantity", line_id="L1", returnable_quantity=2
    )
    given(*history, received(back(1))).when(receive(back(2))).then_refused(
        "return_quantity_exceeded", "#/lines/0/quantity", line_id="L1", returnable_quantity=1
    )
    given(*history).when(receive(back(1, "L9"))).then_refused("line_not_found", "#/lines/0/line_id")


def test_a_line_that_is_back_is_expected_no_more_while_others_are():
    two = (replace(DRAFT, requires_shipping=False, lines=(MUGS, replace(MUGS, line_id="L2"))), PLACED, CONFIRMED)
    history = (*two, asked(line(1), line(1, "L2")), received(back(1)))
    given(*history).when(receive(back(1))).then_refused(
        "return_quantity_exceeded", "#/lines/0/quantity", line_id="L1", returnable_quantity=0
    )
    given(*history).when(receive(back(1, "L2"))).then(received(back(1, "L2")))


def test_a_closed_return_takes_nothing_more():
    full = (*shipped, asked(line(2)), received(back(2)))
    given(*full).when(receive(back(1))).then_refused("return_not_open", return_status="received")
    given(*full).when(reject()).then_refused("return_not_open", return_status="received")
    rejected = (*shipped, asked(line(2)), REJECTED)
    given(*rejected).when(receive(back(1))).then_refused("return_not_open", return_status="rejected")


def test_a_return_is_rejected_once():
    given(*shipped, asked(line(2))).when(reject()).then(REJECTED)
    given(*shipped, asked(line(2)), received(back(1))).when(reject()).then(REJECTED)
    given(*shipped, asked(line(2)), REJECTED).when(reject()).then_nothing()
    state = given(*shipped, asked(line(2)), received(back(1)), REJECTED).order.lines["L1"]
    assert (state.return_requested, state.returned) == (0, 1)


def test_a_return_that_is_not_there_cannot_arrive():
    given(*shipped).when(receive(back(1))).then_refused("return_not_found")
    given(*shipped).when(reject()).then_refused("return_not_found")
