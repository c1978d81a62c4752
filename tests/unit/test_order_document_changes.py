"""What amendments, failures, refunds, returns, notes and erasure make of the order document."""

import pytest

from shared.events import (
    ContactChanged,
    ImportedCapture,
    ImportedNote,
    ImportedPayment,
    ImportedRefund,
    ImportedRefundLine,
    ImportedReturn,
    ImportedReturnLine,
    ImportedShipment,
    LineAdded,
    LineQuantity,
    LineQuantityCancelled,
    LineRemoved,
    MetadataChanged,
    NoteAdded,
    OrderCancelled,
    OrderErased,
    PaymentFailed,
    PaymentVoided,
    ReceivedLine,
    RefundCompleted,
    RefundFailed,
    RefundLine,
    ReturnLine,
    ReturnReceived,
    ReturnRejected,
    ReturnRequested,
    ShipmentCancelled,
    ShipmentTrackingChanged,
    ShippingChargeSet,
    TagsChanged,
)
from shared.order_document import Unfoldable, blank, contact_refs, decode, encode
from shared.order_document_parts import Attention
from tests.support.histories import (
    ADDRESS,
    CONTACT,
    at,
    authorized,
    captured,
    confirmed,
    created,
    dispatched,
    document_of,
    folded,
    history,
    imported,
    placed,
    prepared,
)
from tests.support.whole_life import (
    ERASED,
    NOTE,
    OTHER_CONTACT,
    SOCKS,
    TEE,
    WHOLE_VAULT,
    changed_mugs,
    refund,
    whole_life,
)

PAID = (created(), placed(), authorized(), captured(6912))
SENT = (created(), placed(), confirmed(), prepared(3), (23, dispatched()))


def kinds(document):
    return [item.kind for item in document.attention]


def test_an_amended_order_reads_as_if_it_had_been_ordered_so():
    amended = document_of(
        created(),
        LineAdded(line=TEE),
        LineAdded(line=SOCKS),
        changed_mugs(),
        LineRemoved(line_id="L2", removed_total_amount=3570),
        ShippingChargeSet(shipping_amount=590, shipping_tax_amount=95, shipping_method="express"),
    )
    line = changed_mugs()
    mugs = type(TEE)(
        line_id="L1",
        sku="MUG-1",
        name="Mug",
        **{
            name: getattr(line, name)
            for name in ("quantity", "unit_price_amount", "subtotal_amount", "tax_rate", "tax_amount", "total_amount")
        },
    )
    plain = document_of(
        created(lines=(mugs, SOCKS), shipping_amount=590, shipping_tax_amount=95, shipping_method="express")
    )
    assert amended.totals.grand_total_amount == 9515 + 500 + 590 + 95
    amended.version = plain.version
    assert encode(amended) == encode(plain)


def test_an_amendment_lets_what_was_placed_stand():
    document = document_of(created(), placed(), changed_mugs())
    assert (document.totals.placed_total_amount, document.totals.grand_total_amount) == (6912, 9515 + 490)
    assert document.payment.due_amount == 10005


def test_cancelled_units_are_dated_and_the_last_takes_the_charges_once():
    def cancelled(quantity, reduction):
        return LineQuantityCancelled(line_id="L1", quantity=quantity, reason="staff", reduction_amount=reduction)

    document = document_of(created(), placed(), (23, cancelled(1, 2141)), (24, cancelled(2, 4281)))
    ended = OrderCancelled(reason="staff", reduction_amount=490, previous_status="placed", cancelled_at=at(24))
    both = document_of(created(), placed(), (23, cancelled(1, 2141)), (24, cancelled(2, 4281)), ended)
    for one in (document, both):
        assert [(it.occurred_at, it.total_amount) for it in one.cancellations] == [
            (at(23), 2141),
            (at(24), 4281),
            (at(24), 490),
        ]
        assert one.totals.grand_total_amount == one.units.open == 0
    assert both.status == "cancelled"


def test_charges_come_back_with_a_unit_to_send():
    """The write side asks to cancel such an order; the document adds up all the same."""
    cancelled = LineQuantityCancelled(line_id="L1", quantity=3, reason="staff", reduction_amount=6422)
    history_so_far = (created(), placed(), LineAdded(line=TEE), cancelled)
    document = document_of(*history_so_far, LineRemoved(line_id="L2", removed_total_amount=3570))
    assert (document.totals.grand_total_amount, len(document.cancellations)) == (0, 2)
    again = document_of(*history_so_far, LineRemoved(line_id="L2", removed_total_amount=3570), LineAdded(line=SOCKS))
    assert (again.totals.grand_total_amount, len(again.cancellations)) == (990, 1)


def test_tags_and_metadata():
    first = created(metadata={"a": "1", "b": "2"})
    document = document_of(
        first, TagsChanged(added=("late", "vip"), removed=("vip",)), MetadataChanged(set={"a": "3"}, unset=("b", "c"))
    )
    assert (document.tags, document.metadata) == (["late", "vip"], {"a": "3"})
    assert first.metadata == {"a": "1", "b": "2"}


def test_a_failed_payment_needs_attention_until_money_is_promised():
    def failed(stage, payment_id="pi_0"):
        return PaymentFailed(payment_id=payment_id, failure_id="f", stage=stage, code="declined")

    first = document_of(created(), placed(), (23, failed("authorize")))
    assert first.attention == [Attention("payment_failed", at(23), 6912, "pi_0: declined (authorize)")]
    (payment,) = first.payments
    assert (payment.payment_id, payment.method, payment.authorized_amount) == ("pi_0", None, 0)
    assert first.payment_status == "unpaid"
    again = document_of(created(), placed(), failed("authorize"), authorized(6912, "pi_0"))
    (payment,) = again.payments
    assert (payment.method, payment.authorized_amount, kinds(again)) == ("card", 6912, [])
    captures = (created(), placed(), authorized(), failed("capture", "pi_1"))
    assert kinds(document_of(*captures)) == ["payment_failed"]
    assert kinds(document_of(*captures, authorized(10, "pi_2"))) == ["payment_failed"]
    assert kinds(document_of(*captures, captured(1))) == []


def test_a_void_gives_up_the_rest():
    document = document_of(
        created(), placed(), authorized(), captured(3000), PaymentVoided(payment_id="pi_1", amount=3912)
    )
    assert (document.payment.voided_amount, document.payment.open_authorized_amount) == (3912, 0)
    assert document.payments[0].voided_amount == 3912
    voided = document_of(created(), placed(), authorized(), PaymentVoided(payment_id="pi_1", amount=6912))
    assert voided.payment_status == "voided"


def test_a_refund_completed_has_gone_back():
    line = RefundLine(line_id="L1", quantity=1, amount=2141)
    document = document_of(
        *PAID, (25, refund("R1", 2141, 2141, line)), (26, RefundCompleted(refund_id="R1", amount=2141))
    )
    payment = document.payment
    assert (payment.refunded_amount, payment.refund_pending_amount, document.payments[0].refunded_amount) == (
        2141,
        0,
        2141,
    )
    assert (payment.due_amount, payment.outstanding_amount, payment.overpaid_amount) == (4771, 0, 0)
    assert (document.payment_status, document.lines[0].refunded_amount) == ("partially_refunded", 2141)
    (back,) = document.refunds
    assert (back.state, back.requested_at, back.completed_at) == ("completed", at(25), at(26))
    assert (back.lines[0].sku, back.lines[0].credit_net_amount, back.credit_tax_amount) == ("MUG-1", 1799, 342)


def test_a_refund_that_fails_leaves_all_sums_as_before_it():
    """I27."""
    before = document_of(*PAID)
    failed = (*PAID, refund("R1", 1000, 1000), (26, RefundFailed(refund_id="R1", code="closed", message="no account")))
    document = document_of(*failed)
    assert (document.payment, document.totals, document.payment_status) == (
        before.payment,
        before.totals,
        before.payment_status,
    )
    assert document.attention == [Attention("refund_failed", at(26), 1000, "R1: closed: no account")]
    assert kinds(document_of(*failed, refund("R2", 1000, 1000))) == []


def test_attention_began_with_what_it_is_about():
    document = document_of(*PAID, (24, captured(10, capture_id="c2")), (25, captured(10, capture_id="c3")))
    assert document.attention == [Attention("overpaid", at(24), 20, "more captured than is due")]


def test_a_refund_that_is_not_pending_cannot_end():
    completed = RefundCompleted(refund_id="R1", amount=1000)
    with pytest.raises(Unfoldable, match="pending refund R1"):
        document_of(*PAID, refund("R1", 1000, 0), completed, completed)


def test_returned_units_and_what_is_still_expected():
    requested = ReturnRequested(
        return_id="B1", lines=(ReturnLine(line_id="L1", quantity=2, reason="damaged"),), note="scratched"
    )
    received = ReturnReceived(return_id="B1", lines=(ReceivedLine(line_id="L1", quantity=1, condition="sellable"),))
    document = document_of(*SENT, (24, requested))
    assert (document.return_status, document.units.return_requested, document.lines[0].return_requested) == (
        "requested",
        2,
        2,
    )
    document = document_of(*SENT, (24, requested), (25, received))
    assert (document.return_status, document.units.return_requested, document.lines[0].returned) == (
        "partially_returned",
        1,
        1,
    )
    (back,) = document.returns
    assert (back.state, back.note, back.received_at, back.receipts[0].occurred_at) == (
        "partially_received",
        "scratched",
        at(25),
        at(25),
    )
    document = document_of(*SENT, (24, requested), (25, received), (26, ReturnRejected(return_id="B1", reason="used")))
    assert (document.units.return_requested, document.units.returned, document.returns[0].state) == (0, 1, "rejected")
    assert (document.returns[0].rejected_at, document.returns[0].reject_reason) == (at(26), "used")
    document = document_of(*SENT, requested, received, received)
    assert (document.returns[0].state, document.return_status) == ("received", "partially_returned")
    with pytest.raises(Unfoldable, match="return B1 does not expect 1 of line L1"):
        document_of(*SENT, requested, received, received, received)


def test_what_needs_no_shipping_is_returned_when_all_of_it_is():
    document = document_of(
        created(requires_shipping=False),
        placed(),
        confirmed(),
        ReturnRequested(return_id="B", lines=(ReturnLine(line_id="L1", quantity=3, reason="other"),)),
        ReturnReceived(return_id="B", lines=(ReceivedLine(line_id="L1", quantity=3, condition="sellable"),)),
    )
    assert document.return_status == "returned"


def test_parcels_are_followed_and_unpacked():
    document = document_of(
        created(), placed(), confirmed(), prepared(2), ShipmentTrackingChanged(shipment_id="S1", tracking_number="1Z")
    )
    assert (document.shipments[0].carrier, document.shipments[0].tracking_number) == (None, "1Z")
    document = document_of(
        created(), placed(), confirmed(), prepared(2), (24, ShipmentCancelled(shipment_id="S1", reason="damaged"))
    )
    assert (document.units.open, document.units.allocated, document.lines[0].open) == (3, 0, 3)
    assert (document.shipments[0].state, document.shipments[0].cancelled_at) == ("cancelled", at(24))
    assert document.fulfillment_status == "unfulfilled"


def test_an_import_brings_its_refunds_returns_and_notes():
    document = folded(
        history(
            imported(
                status="confirmed",
                payments=(
                    ImportedPayment(
                        payment_id="p",
                        method="card",
                        authorized_amount=6912,
                        captures=(ImportedCapture(capture_id="c", amount=6912, occurred_at=at(3)),),
                        occurred_at=at(2),
                    ),
                ),
                shipments=(
                    ImportedShipment(
                        shipment_id="S", lines=(LineQuantity("L1", 3),), prepared_at=at(3), dispatched_at=at(4)
                    ),
                ),
                refunds=(
                    ImportedRefund(
                        refund_id="R",
                        payment_id="p",
                        amount=2141,
                        credit_amount=2141,
                        reason="damaged",
                        lines=(ImportedRefundLine(line_id="L1", quantity=1, amount=2141),),
                        return_id="B",
                        occurred_at=at(6),
                    ),
                ),
                returns=(
                    ImportedReturn(
                        return_id="B",
                        lines=(ImportedReturnLine(line_id="L1", quantity=2, reason="damaged", received=1),),
                        rejected=True,
                        occurred_at=at(5),
                    ),
                ),
                notes=(ImportedNote(note_id="N", note_ref=str(NOTE), occurred_at=at(7)),),
            )
        ),
        WHOLE_VAULT,
    )
    assert (document.refunds[0].requested_at, document.refunds[0].completed_at) == (at(6), at(6))
    assert (document.payment.refunded_amount, document.payment.due_amount) == (2141, 4771)
    assert (document.units.returned, document.units.return_requested) == (1, 0)
    assert (document.returns[0].state, document.returns[0].receipts[0].occurred_at) == ("rejected", at(5))
    assert (document.notes[0].body, document.notes[0].occurred_at) == ("Rang twice, nobody there", at(7))


def test_refs_of_every_event_that_has_some():
    events = history(*whole_life(), imported(notes=(ImportedNote(note_id="N", note_ref=str(NOTE), occurred_at=at(1)),)))
    refs = [contact_refs(event) for event in events]
    assert [one for one in refs if one] == [
        [CONTACT, ADDRESS],
        *[[ref] for ref in WHOLE_VAULT if ref not in {CONTACT, ADDRESS, NOTE, OTHER_CONTACT}] * 2,
        [OTHER_CONTACT],
        [NOTE],
        [CONTACT, ADDRESS, NOTE],
    ]


def test_an_order_erased_reads_as_if_its_data_had_never_been_there():
    events = history(*whole_life(), ERASED)
    erased = folded(events, WHOLE_VAULT)
    assert encode(erased) == encode(folded(events, {}))
    assert (erased.customer.email, erased.customer.name, erased.customer.erased) == (None, None, True)
    assert (erased.shipping_address, erased.billing_address, erased.notes[0].body) == (None, None, None)
    assert (erased.ship_country, erased.customer.customer_id) == ("GB", "c-1")
    before = folded(events[:-1], WHOLE_VAULT)
    assert (erased.totals, erased.payment, erased.lines) == (before.totals, before.payment, before.lines)


def test_only_what_an_erasure_names_is_gone():
    document = folded(
        history(created(), NoteAdded(note_id="N", note_ref=str(NOTE)), OrderErased(fields=("notes",))), WHOLE_VAULT
    )
    assert (document.customer.email, document.notes[0].body) == ("a@example.org", None)
    assert document.shipping_address is not None


def test_what_comes_after_an_erasure_is_there():
    document = folded(history(created(), ERASED, ContactChanged(contact_ref=str(OTHER_CONTACT))), WHOLE_VAULT)
    assert (document.customer.email, document.customer.erased) == ("lovelace@example.org", False)


@pytest.mark.parametrize(
    "first", [created(), created(contact_ref=None, customer_id=None), created(shipping_address_ref=None)]
)
def test_a_document_blanked_is_one_that_never_had_personal_data(first):
    events = history(first, NoteAdded(note_id="N", note_ref=str(NOTE)))
    document = decode(encode(folded(events, WHOLE_VAULT)))
    blank(document)
    assert encode(document) == encode(folded(events, {}))
