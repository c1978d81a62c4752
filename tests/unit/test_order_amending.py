"""Amend: all actions or none."""

import pytest
from msgspec.structs import replace

from command_api.amendments import (
    AddLine,
    AmendOrder,
    ChangePrice,
    ChangeQuantity,
    RemoveLine,
    SetBillingAddress,
    SetContact,
    SetShipping,
    SetShippingAddress,
)
from command_api.commands import LineInput
from shared.events import (
    BillingAddressChanged,
    ContactChanged,
    LineAdded,
    LineBefore,
    LineChanged,
    LineQuantityCancelled,
    LineRemoved,
    RefundLine,
    RefundRequested,
    ShippingAddressChanged,
    ShippingChargeSet,
)
from shared.money import MAX_AMOUNT, MAX_SUM
from tests.support.specs import (
    CONFIRMED,
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

TEE_INPUT = LineInput(sku="TEE-M", name="Tee", quantity=1, unit_price_amount=1500, tax_rate="0.19")
TEE = replace(
    MUGS,
    line_id="L2",
    sku="TEE-M",
    name="Tee",
    quantity=1,
    unit_price_amount=1500,
    subtotal_amount=1500,
    discount_amount=0,
    tax_amount=285,
    total_amount=1785,
)
TWO_MUGS = LineChanged(
    line_id="L1",
    quantity=2,
    unit_price_amount=1999,
    discount_amount=600,
    tax_rate="0.19",
    tax_amount=646,
    subtotal_amount=3998,
    total_amount=4044,
    previous=LineBefore(quantity=3, total_amount=6422),
)
two_lines = (replace(DRAFT, lines=(MUGS, TEE)), replace(PLACED, grand_total_amount=TOTAL + 1785))
without_rate = replace(MUGS, tax_rate=None)
inclusive = replace(MUGS, tax_amount=862, total_amount=5397)
a_cancelled_unit = LineQuantityCancelled(line_id="L1", quantity=1, reason="customer", reduction_amount=2141)

CHANGES_OF_LINES = [
    AddLine(line=TEE_INPUT),
    ChangeQuantity(line_id="L1", quantity=2),
    ChangePrice(line_id="L1", unit_price_amount=1000, reason="r"),
    RemoveLine(line_id="L1"),
    SetShipping(amount=0),
]


def amend(*actions, reason=None) -> AmendOrder:
    return AmendOrder(actions=actions, reason=reason)


def change(quantity=None, price=None, **rest):
    """One action on L1."""
    if price is None:
        return amend(ChangeQuantity(line_id="L1", quantity=quantity, **rest))
    return amend(ChangePrice(line_id="L1", unit_price_amount=price, reason="typo", **rest))


def refund(quantity: int, line_id: str = "L1") -> RefundRequested:
    lines = (RefundLine(line_id=line_id, quantity=quantity, amount=100),)
    return RefundRequested(
        refund_id="R1", payment_id="pi_1", amount=100, credit_amount=100, reason="damaged", lines=lines
    )


# -- lines ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("history", [a_draft, a_placed_order])
def test_a_line_is_added(history):
    given(*history).when(amend(AddLine(line=TEE_INPUT), reason="called")).then(LineAdded(line=TEE, reason="called"))


def test_an_added_line_keeps_its_own_id_and_the_next_gets_the_next_free_one():
    own = amend(AddLine(line=TEE_INPUT), AddLine(line=replace(TEE_INPUT, line_id="L2")), AddLine(line=TEE_INPUT))
    given(*a_draft).when(own).then(
        LineAdded(line=replace(TEE, line_id="L3")),
        LineAdded(line=TEE),
        LineAdded(line=replace(TEE, line_id="L4")),
    )


def test_an_id_of_a_line_is_never_used_again():
    removed = (*two_lines, LineRemoved(line_id="L2", removed_total_amount=1785))
    for line_id in ("L1", "L2"):
        given(*removed).when(amend(AddLine(line=replace(TEE_INPUT, line_id=line_id)))).then_refused(
            "line_id_taken", "#/actions/0/line_id", line_id=line_id
        )
    given(*removed).when(amend(AddLine(line=TEE_INPUT))).then(LineAdded(line=replace(TEE, line_id="L3")))


def test_a_line_removed_in_the_same_amendment_leaves_its_id_behind():
    actions = (RemoveLine(line_id="L2"), AddLine(line=replace(TEE_INPUT, line_id="L2")))
    given(*two_lines).when(amend(*actions)).then_refused("line_id_taken", "#/actions/1/line_id", line_id="L2")
    given(*two_lines).when(amend(RemoveLine(line_id="L2"), AddLine(line=TEE_INPUT))).then(
        LineRemoved(line_id="L2", removed_total_amount=1785), LineAdded(line=replace(TEE, line_id="L3"))
    )


def test_an_order_can_have_2000_lines():
    lines = tuple(replace(TEE, line_id=f"L{n}") for n in range(1, 2000))
    full = given(replace(DRAFT, lines=lines))
    full.when(amend(AddLine(line=TEE_INPUT))).then(LineAdded(line=replace(TEE, line_id="L2000")))
    full.when(amend(AddLine(line=TEE_INPUT), AddLine(line=TEE_INPUT))).then_refused(
        "limit_exceeded", "#/actions/1", limit=2000
    )


def test_a_quantity_is_changed_and_the_tax_computed_anew_while_the_discount_stays():
    given(*a_placed_order).when(change(2)).then(TWO_MUGS)
    given(*a_placed_order).when(change(2, discount_amount=0)).then(
        replace(TWO_MUGS, discount_amount=0, tax_amount=760, total_amount=4758)
    )
    given(*a_placed_order).when(change(2, tax_amount=1)).then(replace(TWO_MUGS, tax_amount=1, total_amount=3399))


def test_a_price_is_changed_for_a_reason():
    cheaper = LineChanged(
        line_id="L1",
        quantity=3,
        unit_price_amount=1000,
        discount_amount=600,
        tax_rate="0.19",
        tax_amount=456,
        subtotal_amount=3000,
        total_amount=2856,
        reason="typo",
        previous=LineBefore(quantity=3, total_amount=6422),
    )
    given(*a_placed_order).when(change(price=1000)).then(cheaper)
    given(*a_draft).when(change(price=1000, discount_amount=3000)).then(
        replace(cheaper, discount_amount=3000, tax_amount=0, total_amount=0)
    )


def test_prices_that_contain_their_tax_contain_it_after_a_change_too():
    order = given(replace(DRAFT, prices_include_tax=True, lines=(inclusive,)))
    order.when(change(2)).then(
        replace(
            TWO_MUGS,
            tax_amount=543,
            total_amount=3398,
            previous=LineBefore(quantity=3, total_amount=5397),
        )
    )
    order.when(change(2, tax_amount=3399)).then_refused("validation_failed", "#/actions/0/tax_amount")
    order.when(amend(AddLine(line=replace(TEE_INPUT, tax_rate=None, tax_amount=1501)))).then_refused(
        "validation_failed", "#/actions/0/tax_amount"
    )
    order.when(amend(SetShipping(amount=100, tax_amount=101))).then_refused(
        "validation_failed", "#/actions/0/tax_amount"
    )
    order.when(amend(SetShipping(amount=100, tax_amount=100))).then(
        ShippingChargeSet(shipping_amount=100, shipping_tax_amount=100)
    )


def test_a_line_without_a_rate_needs_its_tax_again():
    order = given(replace(DRAFT, lines=(without_rate,)))
    order.when(change(2)).then_refused("validation_failed", "#/actions/0/tax_amount")
    order.when(change(price=1)).then_refused("validation_failed", "#/actions/0/discount_amount")
    order.when(change(price=1000)).then_refused("validation_failed", "#/actions/0/tax_amount")
    order.when(change(3, discount_amount=0)).then_refused("validation_failed", "#/actions/0/tax_amount")
    order.when(change(2, tax_amount=646)).then(replace(TWO_MUGS, tax_rate=None))
    order.when(change(3)).then_nothing()


def test_a_discount_is_at_most_the_new_subtotal():
    given(*a_placed_order).when(change(price=199)).then_refused("validation_failed", "#/actions/0/discount_amount")
    given(*a_placed_order).when(change(1, discount_amount=2000)).then_refused(
        "validation_failed", "#/actions/0/discount_amount"
    )
    assert given(*a_placed_order).when(change(price=200)).events


def test_what_is_so_already_is_not_changed():
    same = amend(
        ChangeQuantity(line_id="L1", quantity=3),
        ChangePrice(line_id="L1", unit_price_amount=1999, discount_amount=600, tax_amount=1025, reason="r"),
        SetShipping(amount=490),
    )
    given(*a_placed_order).when(same).then_nothing()


def test_a_line_is_removed():
    given(*two_lines).when(amend(RemoveLine(line_id="L1"))).then(LineRemoved(line_id="L1", removed_total_amount=6422))
    given(*a_draft).when(amend(RemoveLine(line_id="L1"))).then(LineRemoved(line_id="L1", removed_total_amount=6422))


def test_a_placed_order_keeps_a_line():
    given(*a_placed_order).when(amend(RemoveLine(line_id="L1"))).then_refused(
        "order_would_be_empty", "#/actions/0", line_id="L1"
    )
    given(*two_lines).when(amend(RemoveLine(line_id="L1"), RemoveLine(line_id="L2"))).then_refused(
        "order_would_be_empty", "#/actions/1", line_id="L2"
    )
    swap = amend(AddLine(line=TEE_INPUT), RemoveLine(line_id="L1"))
    given(*a_placed_order).when(swap).then(LineAdded(line=TEE), LineRemoved(line_id="L1", removed_total_amount=6422))


def test_a_line_of_nothing_but_cancelled_units_does_not_keep_an_order_up():
    cancelled = replace(a_cancelled_unit, line_id="L2", reduction_amount=1785)
    given(*two_lines, cancelled).when(amend(RemoveLine(line_id="L1"))).then_refused(
        "order_would_be_empty", "#/actions/0", line_id="L1"
    )


@pytest.mark.parametrize(
    "action",
    [
        ChangeQuantity(line_id="L9", quantity=2),
        ChangePrice(line_id="L9", unit_price_amount=1, reason="r"),
        RemoveLine(line_id="L9"),
    ],
)
def test_a_line_that_the_order_has_not_is_refused(action):
    given(*a_placed_order).when(amend(SetShipping(amount=0), action)).then_refused(
        "line_not_found", "#/actions/1/line_id"
    )


@pytest.mark.parametrize("action", [*change(2).actions, *change(price=1000).actions, RemoveLine(line_id="L1")])
def test_a_line_with_cancelled_units_keeps_its_price(action):
    given(*two_lines, a_cancelled_unit).when(amend(action)).then_refused(
        "line_partially_cancelled", "#/actions/0/line_id", line_id="L1", cancelled_quantity=1
    )


def test_the_other_lines_can_still_be_changed_then():
    given(*two_lines, a_cancelled_unit).when(amend(RemoveLine(line_id="L2"))).then(
        LineRemoved(line_id="L2", removed_total_amount=1785)
    )
    given(*two_lines, a_cancelled_unit).when(change(3)).then_nothing()


def test_a_line_keeps_the_units_that_are_refunded():
    history = (*two_lines, authorized(), captured(), refund(2))
    given(*history).when(change(2)).then(TWO_MUGS)
    given(*history).when(change(1)).then_refused(
        "refund_quantity_exceeded", "#/actions/0/line_id", line_id="L1", refunded_quantity=2
    )
    given(*history).when(amend(RemoveLine(line_id="L1"))).then_refused(
        "refund_quantity_exceeded", "#/actions/0/line_id", line_id="L1", refunded_quantity=2
    )


@pytest.mark.parametrize("action", CHANGES_OF_LINES)
@pytest.mark.parametrize("history", [a_confirmed_order, a_completed_order(), a_cancelled_order])
def test_lines_and_charges_are_fixed_from_confirmation_on(history, action):
    given(*history).when(amend(action)).then_refused("order_not_amendable", "#/actions/0")


def test_sums_survive_json_numbers():
    huge = LineInput(sku="A", name="a", quantity=900, unit_price_amount=MAX_AMOUNT)
    most = replace(huge, quantity=901, discount_amount=0)
    given(*a_placed_order).when(amend(AddLine(line=most))).then_refused(
        "amount_out_of_range", "#/actions/0", limit=MAX_SUM
    )
    order = given(*a_placed_order)
    assert order.when(amend(AddLine(line=huge))).events
    order.when(amend(AddLine(line=huge), SetShipping(amount=MAX_AMOUNT))).then_refused(
        "amount_out_of_range", limit=MAX_SUM
    )
    order.when(amend(AddLine(line=huge), AddLine(line=huge))).then_refused("amount_out_of_range", limit=MAX_SUM)
    order.when(change(price=MAX_AMOUNT)).then(
        LineChanged(
            line_id="L1",
            quantity=3,
            unit_price_amount=MAX_AMOUNT,
            discount_amount=600,
            tax_rate="0.19",
            tax_amount=5_699_999_999_885,
            subtotal_amount=3 * MAX_AMOUNT,
            total_amount=3 * MAX_AMOUNT - 600 + 5_699_999_999_885,
            reason="typo",
            previous=LineBefore(quantity=3, total_amount=6422),
        )
    )


# -- shipping charge, addresses, contact ----------------------------------------------------------------------------


@pytest.mark.parametrize("history", [a_draft, a_placed_order])
def test_shipping_costs_something_else(history):
    command = amend(SetShipping(amount=990, tax_amount=158, method="express"), reason="in a hurry")
    given(*history).when(command).then(
        ShippingChargeSet(shipping_amount=990, shipping_tax_amount=158, shipping_method="express", reason="in a hurry")
    )


def test_another_method_at_the_same_charge_is_a_change():
    given(*a_placed_order).when(amend(SetShipping(amount=490, method="bike"))).then(
        ShippingChargeSet(shipping_amount=490, shipping_method="bike")
    )


elsewhere = amend(SetShippingAddress(shipping_address_ref="a-2", ship_country="AT"))
moved = ShippingAddressChanged(shipping_address_ref="a-2", ship_country="AT")
paid = (*a_confirmed_order, authorized(), captured())


@pytest.mark.parametrize("history", [a_draft, a_placed_order, a_confirmed_order, (*paid, prepared(2), dispatched())])
def test_parcels_go_elsewhere(history):
    given(*history).when(elsewhere).then(moved)


def test_a_parcel_goes_where_the_order_said_when_it_was_prepared():
    order = given(*a_confirmed_order, prepared(1), replace(moved))
    assert order.order.shipments["S1"].prepared.ship_to_ref == "a-1"
    assert order.order.shipping_address_ref == "a-2"


def test_a_pending_parcel_keeps_the_address():
    given(*a_confirmed_order, prepared(1)).when(elsewhere).then_refused(
        "shipment_in_progress", "#/actions/0", shipment_ids=["S1"]
    )


@pytest.mark.parametrize(
    "history",
    [
        (*paid, prepared(), dispatched()),
        (replace(DRAFT, requires_shipping=False), PLACED, CONFIRMED),
        a_completed_order(),
        a_cancelled_order,
    ],
)
def test_nothing_goes_elsewhere_when_nothing_is_left_to_send(history):
    given(*history).when(elsewhere).then_refused("order_not_amendable", "#/actions/0")


billing = amend(SetBillingAddress(billing_address_ref="b-2"))
contact = amend(SetContact(contact_ref="c-2"))


@pytest.mark.parametrize("history", [a_draft, a_placed_order, a_confirmed_order, (*paid, prepared(), dispatched())])
def test_bill_and_contact_change_until_the_order_is_over(history):
    given(*history).when(billing).then(BillingAddressChanged(billing_address_ref="b-2"))
    given(*history).when(contact).then(ContactChanged(contact_ref="c-2"))


@pytest.mark.parametrize("history", [a_completed_order(), a_cancelled_order])
@pytest.mark.parametrize("command", [billing, contact])
def test_bill_and_contact_stay_when_it_is(history, command):
    given(*history).when(command).then_refused("order_not_amendable", "#/actions/0")


def test_a_placed_order_of_a_guest_keeps_an_email():
    guest = (replace(DRAFT, customer_id=None, has_email=True), PLACED)
    given(*guest).when(contact).then_refused("contact_missing", "#/actions/0")
    given(*guest).when(amend(SetContact(contact_ref="c-2", has_email=True))).then(
        ContactChanged(contact_ref="c-2", has_email=True)
    )
    given(guest[0]).when(contact).then(ContactChanged(contact_ref="c-2"))
    assert not given(guest[0], ContactChanged(contact_ref="c-2")).order.has_contact


# -- all or none ----------------------------------------------------------------------------------------------------


def test_each_action_is_done_on_what_those_before_have_made():
    actions = (
        ChangeQuantity(line_id="L1", quantity=2),
        ChangeQuantity(line_id="L1", quantity=3),
        AddLine(line=TEE_INPUT),
        RemoveLine(line_id="L2"),
        SetBillingAddress(billing_address_ref="b-2"),
    )
    given(*a_placed_order).when(amend(*actions)).then(
        TWO_MUGS,
        replace(
            TWO_MUGS,
            quantity=3,
            tax_amount=1025,
            subtotal_amount=5997,
            total_amount=6422,
            previous=LineBefore(quantity=2, total_amount=4044),
        ),
        LineAdded(line=TEE),
        LineRemoved(line_id="L2", removed_total_amount=1785),
        BillingAddressChanged(billing_address_ref="b-2"),
    )


def test_one_reason_for_all_but_a_price_has_its_own():
    actions = (*change(2).actions, *change(price=1).actions, RemoveLine(line_id="L2"), *elsewhere.actions)
    history = (replace(two_lines[0], lines=(replace(MUGS, discount_amount=0), TEE)), PLACED)
    events = given(*history).when(amend(*actions, *billing.actions, *contact.actions, reason="all")).events
    assert [event.reason for event in events] == ["all", "typo", "all", "all", "all", "all"]


def test_the_totals_follow():
    order = given(*a_placed_order, TWO_MUGS, LineAdded(line=TEE), ShippingChargeSet(shipping_amount=0)).order
    assert order.grand_total == 4044 + 1785
    assert given(*a_placed_order, TWO_MUGS, LineAdded(line=TEE)).order.grand_total - TOTAL == -593  # domain.md §4.1
