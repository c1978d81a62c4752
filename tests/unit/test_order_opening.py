"""Create, place, confirm."""

import pytest
from msgspec.structs import replace

from command_api.commands import ConfirmOrder, LineInput, PlaceOrder
from shared.events import NoteAdded, OrderConfirmed, OrderPlaced
from shared.money import MAX_AMOUNT, MAX_SUM
from tests.support.specs import (
    BEFORE,
    DRAFT,
    MUGS,
    MUGS_INPUT,
    NOW,
    NUMBER,
    ORDER_ID,
    TOTAL,
    a_cancelled_order,
    a_completed_order,
    a_confirmed_order,
    a_draft,
    a_placed_order,
    creation,
    given,
)

placed_now = OrderPlaced(number=NUMBER, grand_total_amount=TOTAL, placed_at=NOW)


def test_an_order_is_created_and_placed_in_one_breath():
    given().when(creation()).then(DRAFT, placed_now)


def test_an_order_placed_elsewhere_keeps_its_time():
    given().when(creation(placed_at=BEFORE)).then(DRAFT, replace(placed_now, placed_at=BEFORE))


def test_an_order_may_come_with_a_note():
    note = NoteAdded(note_id="N1", note_ref="n-1")
    given().when(creation(note_ref="n-1")).then(DRAFT, placed_now, note)
    given().when(creation(note_ref="n-1", place=False)).then(DRAFT, note)


def test_a_draft_needs_neither_number_nor_contact_nor_lines():
    bare = creation(place=False, number=None, customer_id=None, shipping_address_ref=None, ship_country=None, lines=())
    given().when(bare).then(replace(DRAFT, customer_id=None, shipping_address_ref=None, ship_country=None, lines=()))


def test_everything_given_is_in_the_event():
    more = {
        "external_id": "shop-77",
        "payment_terms": "on_account",
        "requires_shipping": False,
        "contact_ref": "c-ref",
        "has_email": True,
        "billing_address_ref": "b-1",
        "shipping_tax_amount": 93,
        "shipping_method": "standard",
        "tags": ("vip",),
        "metadata": {"campaign": "xmas"},
    }
    given().when(creation(place=False, **more)).then(replace(DRAFT, **more))


def test_lines_without_an_id_get_the_free_ones_in_order():
    lines = tuple(replace(MUGS_INPUT, line_id=line_id) for line_id in (None, "L2", None, "row-7", None))
    events = given().when(creation(lines=lines)).events
    assert [line.line_id for line in events[0].lines] == ["L1", "L2", "L3", "row-7", "L4"]


def test_an_order_is_created_once():
    given(*a_draft).when(creation()).then_refused("order_id_taken", order_id=ORDER_ID)


@pytest.mark.parametrize(
    ("lacking", "code"),
    [
        ({"lines": ()}, "order_empty"),
        ({"customer_id": None}, "contact_missing"),
        ({"customer_id": None, "contact_ref": "name-and-phone"}, "contact_missing"),
        ({"shipping_address_ref": None}, "shipping_address_missing"),
    ],
)
def test_what_a_placed_order_needs_is_needed_at_create_and_at_place(lacking, code):
    given().when(creation(**lacking)).then_refused(code)
    draft = given().when(creation(place=False, **lacking)).events
    given(*draft).when(PlaceOrder(number=NUMBER)).then_refused(code)


@pytest.mark.parametrize(
    "enough", [{"customer_id": None, "has_email": True}, {"requires_shipping": False, "shipping_address_ref": None}]
)
def test_an_email_is_contact_enough_and_what_is_not_shipped_needs_no_address(enough):
    draft = given().when(creation(place=False, **enough)).events
    given(*draft).when(PlaceOrder(number=NUMBER)).then(placed_now)


def test_a_free_order_can_be_placed():
    gift = creation(lines=(LineInput(sku="X", name="X", quantity=1, unit_price_amount=0),), shipping_amount=0)
    assert given().when(gift).events[1].grand_total_amount == 0


def test_sums_are_allowed_up_to_what_javascript_can_hold():
    """2 ** 53 - 1 = 6361 x 69431 x 20394401, so the limit itself can be hit with allowed numbers."""
    line = LineInput(line_id="1", sku="X", name="X", quantity=69431, unit_price_amount=6361 * 20394401)
    assert given().when(creation(lines=(line,), shipping_amount=0)).events[1].grand_total_amount == MAX_SUM
    given().when(creation(lines=(line,), shipping_amount=1)).then_refused("amount_out_of_range", limit=MAX_SUM)


def test_a_sum_out_of_range_names_the_lines():
    fine = LineInput(sku="X", name="X", quantity=1, unit_price_amount=MAX_AMOUNT)
    too_much = LineInput(sku="X", name="X", quantity=1_000_000, unit_price_amount=MAX_AMOUNT)
    taxed = LineInput(sku="X", name="X", quantity=900, unit_price_amount=MAX_AMOUNT, tax_rate="1")
    discounted = LineInput(sku="X", name="X", quantity=901, unit_price_amount=MAX_AMOUNT, discount_amount=MAX_AMOUNT)
    given().when(creation(lines=(fine, too_much, taxed, discounted), place=False)).then_refused(
        "amount_out_of_range", "#/lines/1", "#/lines/2", "#/lines/3", limit=MAX_SUM
    )


def test_subtotals_count_before_their_discounts():
    line = LineInput(sku="X", name="X", quantity=600, unit_price_amount=MAX_AMOUNT, discount_amount=MAX_AMOUNT)
    assert given().when(creation(lines=(line,))).refusal is None
    given().when(creation(lines=(line, line))).then_refused("amount_out_of_range", limit=MAX_SUM)


def test_a_draft_is_placed():
    given(*a_draft).when(PlaceOrder(number=NUMBER)).then(placed_now)


@pytest.mark.parametrize("history", [a_placed_order, a_confirmed_order, a_completed_order()])
def test_placing_what_was_placed_changes_nothing(history):
    given(*history).when(PlaceOrder(number="SO-00000002")).then_nothing()


def test_a_cancelled_order_cannot_be_placed():
    given(*a_cancelled_order).when(PlaceOrder(number=NUMBER)).then_refused("order_not_draft")


def test_a_placed_order_is_confirmed():
    given(*a_placed_order).when(ConfirmOrder()).then(OrderConfirmed(confirmed_at=NOW))


@pytest.mark.parametrize("history", [a_confirmed_order, a_completed_order()])
def test_confirming_what_was_confirmed_changes_nothing(history):
    given(*history).when(ConfirmOrder()).then_nothing()


@pytest.mark.parametrize("history", [a_draft, a_cancelled_order])
def test_only_a_placed_order_can_be_confirmed(history):
    given(*history).when(ConfirmOrder()).then_refused("order_not_placed")


def test_without_an_order_there_is_nothing_to_decide():
    given().when(ConfirmOrder()).then_refused("order_not_found")


def test_the_lines_of_the_examples_add_up():
    assert MUGS.total_amount + DRAFT.shipping_amount == TOTAL
