"""The invariants of `domain.md` §2, checked on a history by recounting it; each assertion names its number."""

from collections import Counter
from itertools import pairwise
from uuid import UUID

import msgspec

from command_api.order import fold
from shared import order_document
from shared.events import (
    Actor,
    LineQuantityCancelled,
    MetadataChanged,
    NoteAdded,
    OrderCancelled,
    OrderCompleted,
    OrderCreated,
    OrderImported,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentFailed,
    PaymentVoided,
    RefundCompleted,
    RefundFailed,
    RefundRequested,
    ShipmentDispatched,
    TagsChanged,
)
from shared.money import MAX_SUM
from shared.recorded_event import Envelope, RecordedEvent, decode_data
from tests.support.ledger import Ledger
from tests.support.specs import NOW

TRANSITIONS = {
    ("draft", "placed"),
    ("placed", "confirmed"),
    ("confirmed", "completed"),
    ("draft", "cancelled"),
    ("placed", "cancelled"),
    ("confirmed", "cancelled"),
}
AFTER_CANCELLATION = (
    PaymentAuthorized,
    PaymentCaptured,
    PaymentFailed,
    PaymentVoided,
    RefundRequested,
    RefundCompleted,
    RefundFailed,
    NoteAdded,
    TagsChanged,
    MetadataChanged,
)


def check_stream(history, order):
    assert isinstance(history[0], OrderCreated | OrderImported), "I2"
    assert not any(isinstance(event, OrderCreated | OrderImported) for event in history[1:]), "I2"
    assert order.event_count == len(history), "I1"
    decoded = [decode_data(event.type, event.schema_version, msgspec.json.encode(event)) for event in history]
    assert decoded == history, "I6"
    assert fold(decoded) == order, "I6, I7: what was folded step by step is what folding the JSON anew gives"


def check_status(ledger):
    imported = isinstance(ledger.first, OrderImported)
    assert set(pairwise(ledger.statuses)) <= TRANSITIONS, "I9"
    assert len(set(ledger.statuses)) == len(ledger.statuses), "I13"
    if "cancelled" in ledger.statuses:
        cancelled_at = next((i for i, event in enumerate(ledger.history) if isinstance(event, OrderCancelled)), 0)
        assert all(isinstance(event, AFTER_CANCELLATION) for event in ledger.history[cancelled_at + 1 :]), "I10"
        assert not any(ledger.open.values()) and not ledger.in_parcels, "I11"
    for i, event in enumerate(ledger.history):
        if isinstance(event, OrderCompleted) or (i == 0 and imported and event.status == "completed"):
            then = Ledger(ledger.history[: i + 1])
            assert then.outstanding == 0, "I12"
            if ledger.first.requires_shipping:
                assert not any(then.open.values()) and not then.allocated, "I12"
    if not imported and ledger.statuses[-1] == "confirmed":
        undelivered = ledger.in_parcels - ledger.delivered
        done = not any(ledger.open.values()) and not undelivered and ledger.delivered
        done = done or not ledger.first.requires_shipping
        assert not (done and ledger.outstanding == 0), "an order with nothing left to do completes itself"


def check_quantities(ledger, order):
    assert set(order.lines) == set(ledger.lines), "I19"
    for id_, line in ledger.lines.items():
        state = order.lines[id_]
        assert state.line == line, "I19"
        assert (state.open, state.cancelled) == (ledger.open[id_], ledger.cancelled[id_])
        assert (state.allocated, state.shipped) == (ledger.allocated[id_], ledger.shipped[id_]), "I17"
        assert state.delivered == ledger.delivered[id_]
        assert line.quantity == state.open + state.cancelled + state.allocated + state.shipped, "I14"
        assert min(state.open, state.cancelled, state.allocated, state.shipped) >= 0, "I14"
        assert 0 <= state.delivered <= state.shipped, "I15"
        assert (state.return_requested, state.returned) == (ledger.return_requested[id_], ledger.returned[id_])
        assert min(state.return_requested, state.returned) >= 0, "I16"
        assert state.return_requested + state.returned <= ledger.handed_over.get(id_, 0), "I16"
        assert state.refunded == ledger.units_refunded[id_] >= 0
    if ledger.shipped:
        assert "confirmed" in ledger.statuses or "completed" in ledger.statuses, "I18"
    if not ledger.first.requires_shipping:
        assert not ledger.parcels


def check_money(ledger, order):
    first = ledger.first
    for line in ledger.lines.values():
        assert line.tax_amount == (ledger.tax_as_the_rate_says(line) or line.tax_amount)
        assert line.total_amount == ledger._worth(line)
        assert 0 <= line.discount_amount <= line.subtotal_amount == line.quantity * line.unit_price_amount
        assert line.tax_amount >= 0, "I20"
        assert line.tax_amount <= line.total_amount or not line.tax_rate
    assert order.currency == first.currency and order.currency_exponent == first.currency_exponent, "I20"
    assert order.grand_total == ledger.grand_total <= MAX_SUM, "I21"
    assert order.grand_total >= min(0, getattr(first, "adjustment_amount", 0)), "I20"
    check_reductions(ledger)
    for payment_id, payment in order.payments.items():
        assert payment.authorization.amount == ledger.authorized[payment_id]
        assert payment.captured == ledger.captured[payment_id]
        assert payment.voided == ledger.voided[payment_id]
        assert (payment.refunded, payment.refund_pending) == (ledger.refunded[payment_id], ledger.pending[payment_id])
        assert payment.captured + payment.voided <= payment.authorization.amount, "I23"
        assert payment.refunded + payment.refund_pending <= payment.captured, "I24"
    assert set(order.payments) == set(ledger.authorized)
    assert (order.due, order.net_paid) == (ledger.due, ledger.net_paid)
    assert order.open_authorized == ledger.open_authorized >= 0
    assert (order.outstanding, order.overpaid) == (ledger.outstanding, ledger.overpaid)
    assert ledger.due - ledger.net_paid == ledger.outstanding - ledger.overpaid, "I25"
    assert ledger.outstanding * ledger.overpaid == 0, "I25"
    assert ledger.due >= 0 and ledger.net_paid >= 0, "I26"
    captures = Counter(event.capture_id for event in ledger.history if isinstance(event, PaymentCaptured))
    assert all(times == 1 for times in captures.values())
    for i, event in enumerate(ledger.history):
        if isinstance(event, ShipmentDispatched) and first.payment_terms == "prepaid":
            then = Ledger(ledger.history[:i])
            assert then.open_authorized + then.net_paid >= then.due, "I30"
        if isinstance(event, RefundRequested):
            then = Ledger(ledger.history[:i])
            taken = then.pending[event.payment_id] + then.refunded[event.payment_id]
            assert 0 < event.amount <= then.captured[event.payment_id] - taken, "I24"
            assert sum(line.amount for line in event.lines) + event.shipping_amount <= event.amount, "I29"
            for line in event.lines:
                assert then.units_refunded[line.line_id] + line.quantity <= then.lines[line.line_id].quantity
            assert event.credit_amount == event.amount - min(event.amount, then.overpaid)


def check_reductions(ledger):
    """I22: what cancellations take off a line is the value of its cancelled units; in the end all is taken off."""
    of_lines = Counter()
    of_order = [event.reduction_amount for event in ledger.history if isinstance(event, OrderCancelled)]
    units = Counter()
    for event in ledger.history:
        if isinstance(event, LineQuantityCancelled):
            of_lines[event.line_id] += event.reduction_amount
            units[event.line_id] += event.quantity
            assert of_lines[event.line_id] == ledger.value(event.line_id, units[event.line_id]), "I22"
    if of_order:
        assert of_lines.total() + sum(of_order) == ledger.whole_total, "I22"


def check_refunds(history):
    """I27, I28: a failed refund leaves no trace in any sum, a completed one changes nothing that is owed."""
    for i, event in enumerate(history):
        if isinstance(event, RefundCompleted):
            before, after = fold(history[:i]), fold(history[: i + 1])
            assert (before.due, before.outstanding, before.net_paid) == (after.due, after.outstanding, after.net_paid)
        if isinstance(event, RefundFailed):
            untouched = [it for it in history[:i] if getattr(it, "refund_id", None) != event.refund_id]
            before, after = fold(untouched), fold(history[: i + 1])
            assert (before.due, before.net_paid, before.payments) == (after.due, after.net_paid, after.payments)
            assert before.lines == after.lines


def check_document(history):
    """I32, I41: what people read of the order is what its own rules and the recount make of it."""
    document = None
    for version, event in enumerate(history, 1):
        row = RecordedEvent(
            position=version,
            stream_id=UUID(history[0].order_id),
            version=version,
            type=event.type,
            schema_version=event.schema_version,
            recorded_at=NOW,
            envelope=Envelope(
                id=UUID(int=version),
                occurred_at=NOW,
                actor=Actor("user", "u"),
                command_id=UUID(int=0),
                data=msgspec.Raw(b"{}"),
            ),
            event=event,
        )
        document = order_document.fold(document, row, {})
        ledger = Ledger(history[:version])
        assert document.status == ledger.status
        assert document.payment_status == ledger.payment_status, "I32"
        assert document.fulfillment_status == ledger.fulfillment_status, "I32"
        assert document.totals.grand_total_amount == ledger.grand_total
        paid = document.payment
        assert (paid.authorized_amount, paid.captured_amount) == (ledger.authorized.total(), ledger.captured.total())
        assert (paid.due_amount, paid.outstanding_amount) == (ledger.due, ledger.outstanding)
        assert (paid.overpaid_amount, paid.open_authorized_amount) == (ledger.overpaid, ledger.open_authorized)
        assert (paid.refunded_amount, paid.refund_pending_amount) == (ledger.refunded.total(), ledger.pending.total())
        for line in document.lines:
            id_ = line.line_id
            assert (line.open, line.cancelled) == (ledger.open[id_], ledger.cancelled[id_])
            assert (line.allocated, line.shipped, line.delivered) == (
                ledger.allocated[id_],
                ledger.shipped[id_],
                ledger.delivered[id_],
            )
            assert (line.return_requested, line.returned) == (ledger.return_requested[id_], ledger.returned[id_])
