"""Invariants of the read side for random histories (domain.md §2), checked against naive recomputation from events."""

from collections import Counter, defaultdict
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from command_api.evolve import fold as write_side_fold
from projector import tables
from projector.tables import order_list, sales_daily
from projector.tables.days import days_in
from shared.events import (
    OrderCancelled,
    OrderCreated,
    OrderImported,
    PaymentAuthorized,
    PaymentCaptured,
    RefundRequested,
    ShipmentDelivered,
)
from shared.order_document import decode, encode, fold
from tests.support.histories import VAULT, folded
from tests.support.random_histories import histories, logs

DAY_OF = days_in("Europe/Berlin")
UNITS_OF_LINES = ("open", "cancelled", "allocated", "shipped", "delivered")


def credits_of(document) -> int:
    return sum(refund.credit_amount for refund in document.refunds)


PAYMENT_LABELS = [
    ("not_required", lambda p: p.due_amount == 0 and p.captured_amount == 0 and p.authorized_amount == 0),
    ("refunded", lambda p: p.refunded_amount == p.captured_amount > 0),
    ("partially_refunded", lambda p: p.refunded_amount > 0),
    ("paid", lambda p: 0 < p.captured_amount >= p.due_amount),
    ("partially_paid", lambda p: p.captured_amount > 0),
    ("authorized", lambda p: 0 < p.open_authorized_amount >= p.due_amount),
    ("partially_authorized", lambda p: p.open_authorized_amount > 0),
    ("voided", lambda p: p.voided_amount > 0),
    ("unpaid", lambda p: True),
]
FULFILLMENT_LABELS = [
    ("not_required", lambda u, n, needed: n == 0 or not needed),
    ("delivered", lambda u, n, needed: u.delivered == n),
    ("partially_delivered", lambda u, n, needed: u.delivered > 0),
    ("shipped", lambda u, n, needed: u.shipped == n),
    ("partially_shipped", lambda u, n, needed: u.shipped > 0),
    ("unfulfilled", lambda u, n, needed: True),
]


@given(histories())
def test_labels_are_the_first_that_matches(events):
    """I32."""
    document = folded(events)
    payment, units = document.payment, document.units
    assert document.payment_status == next(label for label, rule in PAYMENT_LABELS if rule(payment))
    needed = units.ordered - units.cancelled
    assert document.fulfillment_status == next(
        label for label, rule in FULFILLMENT_LABELS if rule(units, needed, document.requires_shipping)
    )
    cancelled = document.status == "cancelled"
    assert set(document.attention) == {
        kind
        for kind, due in {
            "refund_due": cancelled and payment.overpaid_amount,
            "overpaid": not cancelled and payment.overpaid_amount,
            "void_due": cancelled and payment.open_authorized_amount,
            "import_adjusted": document.totals.adjustment_amount,
        }.items()
        if due
    }


@given(histories())
def test_units_add_up_per_line_and_over_all(events):
    """I14, I15, I17."""
    document = folded(events)
    in_parcels, sums = Counter(), Counter()
    for shipment in document.shipments:
        for part in shipment.lines:
            in_parcels[part.line_id] += part.quantity
    for line in document.lines:
        assert line.quantity == line.open + line.cancelled + line.allocated + line.shipped
        assert min(line.open, line.cancelled, line.allocated, line.shipped, line.delivered) >= 0
        assert line.delivered <= line.shipped
        assert in_parcels[line.line_id] == line.allocated + line.shipped
        sums.update(ordered=line.quantity, **{name: getattr(line, name) for name in UNITS_OF_LINES})
    assert {name: getattr(document.units, name) for name in ("ordered", *UNITS_OF_LINES)} == {
        name: sums[name] for name in ("ordered", *UNITS_OF_LINES)
    }


@given(histories())
def test_the_grand_total_is_that_of_the_lines(events):
    """I11, I21, I22."""
    document = folded(events)
    totals = document.totals
    shipping = totals.shipping_amount + (0 if document.prices_include_tax else totals.shipping_tax_amount)
    current = sum(line.current_total_amount for line in document.lines)
    if document.status == "cancelled":
        assert totals.grand_total_amount == current == document.units.open == 0
    else:
        assert totals.grand_total_amount == current + shipping + totals.adjustment_amount
    ordered = sum(line.total_amount for line in document.lines) + shipping + totals.adjustment_amount
    taken_off = sum(cancellation.total_amount for cancellation in document.cancellations)
    assert totals.grand_total_amount == ordered - taken_off
    for cancellation in document.cancellations:
        parts = (cancellation.net_amount, cancellation.tax_amount, cancellation.shipping_amount)
        assert sum(parts) + cancellation.adjustment_amount == cancellation.total_amount
    reductions = [event.event.reduction_amount for event in events if isinstance(event.event, OrderCancelled)]
    assert reductions in ([], [taken_off])


@given(histories())
def test_money_sums_are_those_of_the_events(events):
    """I25, I26."""
    document = folded(events)
    payment = document.payment
    sums = Counter()
    for happened in (event.event for event in events):
        match happened:
            case PaymentAuthorized():
                sums["authorized"] += happened.amount
            case PaymentCaptured():
                sums["captured"] += happened.amount
            case RefundRequested():
                sums["pending"] += happened.amount
            case OrderImported():
                sums["authorized"] += sum(past.authorized_amount for past in happened.payments)
                sums["voided"] += sum(past.voided_amount for past in happened.payments)
                sums["captured"] += sum(capture.amount for past in happened.payments for capture in past.captures)
    assert (payment.authorized_amount, payment.captured_amount) == (sums["authorized"], sums["captured"])
    assert payment.refund_pending_amount == sums["pending"]
    assert payment.open_authorized_amount == sums["authorized"] - sums["captured"] - sums["voided"]
    for name in ("authorized_amount", "captured_amount", "voided_amount"):
        assert getattr(payment, name) == sum(getattr(one, name) for one in document.payments)
    net_paid = payment.captured_amount - payment.refunded_amount - payment.refund_pending_amount
    assert payment.due_amount == max(0, document.totals.grand_total_amount - credits_of(document))
    assert payment.due_amount - net_paid == payment.outstanding_amount - payment.overpaid_amount
    assert payment.outstanding_amount * payment.overpaid_amount == 0
    assert min(net_paid, payment.due_amount, payment.outstanding_amount, payment.overpaid_amount) >= 0


@given(histories())
def test_the_document_says_what_the_write_side_thinks(events):
    """I41: two folds that share no code."""
    document, order = folded(events), write_side_fold(event.event for event in events if event.event is not None)
    assert (document.status, document.number) == (order.status, order.number)
    assert document.totals.grand_total_amount == order.grand_total
    payment = document.payment
    assert (payment.due_amount, payment.outstanding_amount) == (order.due, order.outstanding)
    assert (payment.overpaid_amount, payment.open_authorized_amount) == (order.overpaid, order.open_authorized)
    for line in document.lines:
        known = order.lines[line.line_id]
        assert line.current_total_amount == order.current_total(known)
        assert [getattr(line, name) for name in UNITS_OF_LINES] == [getattr(known, name) for name in UNITS_OF_LINES]
    assert {one.shipment_id: one.state for one in document.shipments} == {
        shipment_id: shipment.state for shipment_id, shipment in order.shipments.items()
    }


@given(st.lists(histories(), min_size=1, max_size=3))
def test_sales_are_the_grand_totals_less_the_credits(orders):
    """I43, per currency."""
    booked, worth = Counter(), Counter()
    for document in map(folded, orders):
        if document.placed_at:
            worth[document.currency] += document.totals.grand_total_amount - credits_of(document)
        for (_, _, currency), measures in sales_daily.contributions(document, DAY_OF).items():
            day = dict(zip(sales_daily.MEASURES, measures, strict=True))
            booked[currency] += day["net_sales_amount"] + day["tax_amount"]
            booked[currency] += day["shipping_amount"] + day["adjustment_amount"]
            assert day["net_sales_amount"] == (
                day["gross_amount"] - day["discount_amount"] - day["cancelled_amount"] - day["credit_amount"]
            )
    assert {currency: amount for currency, amount in booked.items() if amount} == {
        currency: amount for currency, amount in worth.items() if amount
    }


@given(histories())
def test_documents_survive_their_json_at_every_version(events):
    """I6: what is stored between two batches loses nothing."""
    document = stored = None
    for event in events:
        document = fold(document, event, VAULT)
        stored = fold(decode(encode(stored)) if stored else None, event, VAULT)
        assert encode(stored) == encode(document)
        assert stored == document
    assert (document.version, document.updated_at) == (len(events), events[-1].recorded_at)


@given(logs())
@settings(deadline=None)
def test_differences_add_up_to_the_contributions_whatever_the_batches(batches):
    """I39, I40: incremental = rebuild."""
    stored: dict[UUID, bytes] = {}
    incremental = {summary.NAME: defaultdict(int) for summary in tables.SUMMARIES}
    for batch in batches:
        documents = {key: decode(stored[key]) for key in {event.stream_id for event in batch} & set(stored)}
        post(incremental, documents.values(), -1)
        for event in batch:
            documents[event.stream_id] = fold(documents.get(event.stream_id), event, VAULT)
        post(incremental, documents.values(), +1)
        stored |= {key: encode(document) for key, document in documents.items()}
    rebuilt = {summary.NAME: defaultdict(int) for summary in tables.SUMMARIES}
    by_stream = defaultdict(list)
    for event in (event for batch in batches for event in batch):
        by_stream[event.stream_id].append(event)
    post(rebuilt, [folded(events) for events in by_stream.values()], +1)
    for summary in tables.SUMMARIES:
        assert not_zero(incremental[summary.NAME]) == not_zero(rebuilt[summary.NAME])
    assert {key: encode(folded(events)) for key, events in by_stream.items()} == stored


def post(sums, documents, sign: int) -> None:
    for document in documents:
        for summary in tables.SUMMARIES:
            for key, measures in summary.contributions(document, DAY_OF).items():
                for name, amount in zip(summary.MEASURES, measures, strict=True):
                    sums[summary.NAME][*key, name] += sign * amount


def not_zero(sums) -> dict:
    return {key: amount for key, amount in sums.items() if amount}


@given(histories())
def test_rows_fit_their_tables_and_every_event_has_a_sentence(events):
    """I42, and that no row or sentence depends on luck."""
    document = folded(events)
    for table in tables.PER_ORDER:
        for row in table.rows(document, 1):
            assert len(row) == len(table.COLUMNS)
    assert len(order_list.rows(document, 1)) == 1
    rows = [tables.order_timeline.row(event, tables.order_timeline.summary(event, document)) for event in events]
    assert [row[1] for row in rows] == list(range(1, len(events) + 1))
    assert all(row[tables.order_timeline.COLUMNS.index("summary")] for row in rows)


@pytest.mark.parametrize("event", [OrderCreated, OrderImported], ids=["created", "imported"])
def test_walks_begin_both_ways(event):
    """The generator is worth something: it reaches what the properties are about."""
    seen = Counter()

    @given(histories())
    @settings(max_examples=1000, derandomize=True, database=None)
    def walk(events):
        seen.update(type(entry.event) for entry in events)

    walk()
    assert seen[event]
    assert seen[OrderCancelled] and seen[RefundRequested] and seen[ShipmentDelivered]
