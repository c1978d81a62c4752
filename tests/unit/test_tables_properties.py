"""Invariants of the read side for random histories (domain.md §2), checked against naive recomputation from events."""

import json
from collections import Counter, defaultdict
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from command_api.evolve import fold as write_side_fold
from projector import folding, tables
from projector.tables import fulfillment_queue, order_list, product_sales_daily, sales_daily
from projector.tables.days import days_in
from shared.events import (
    EVENTS,
    CustomerErased,
    LineQuantityCancelled,
    OrderCancelled,
    OrderImported,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentFailed,
    PaymentVoided,
    RefundCompleted,
    RefundFailed,
    RefundRequested,
)
from shared.order_document import decode, encode, fold
from tests.support.histories import folded, recorded
from tests.support.random_histories import VAULT, histories, logs

DAY_OF = days_in("Europe/Berlin")
UNITS_OF_LINES = ("open", "cancelled", "allocated", "shipped", "delivered", "return_requested", "returned")


def credits_of(document) -> int:
    return sum(refund.credit_amount for refund in document.refunds if refund.state != "failed")


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
RETURN_LABELS = [
    ("returned", lambda u, there: 0 < u.returned == there),
    ("partially_returned", lambda u, there: u.returned > 0),
    ("requested", lambda u, there: u.return_requested > 0),
    ("none", lambda u, there: True),
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
    there = units.shipped if document.requires_shipping else needed
    assert document.return_status == next(label for label, rule in RETURN_LABELS if rule(units, there))


def failed_without_another_attempt(events) -> tuple[bool, bool]:
    """Whether a payment, and whether a refund, failed, and what would put an end to it has not happened since."""
    authorizing = capturing = refunding = False
    for happened in (event.event for event in events):
        match happened:
            case PaymentFailed(stage="authorize"):
                authorizing = True
            case PaymentFailed():
                capturing = True
            case PaymentAuthorized():
                authorizing = False
            case PaymentCaptured():
                authorizing = capturing = False
            case RefundFailed():
                refunding = True
            case RefundRequested():
                refunding = False
    return authorizing or capturing, refunding


@given(histories())
def test_attention_says_what_is_wrong_and_since_when(events):
    document, payment = folded(events), folded(events).payment
    payment_failed, refund_failed = failed_without_another_attempt(events)
    cancelled = document.status == "cancelled"
    assert {item.kind for item in document.attention} == {
        kind
        for kind, due in {
            "refund_due": cancelled and payment.overpaid_amount,
            "overpaid": not cancelled and payment.overpaid_amount,
            "void_due": cancelled and payment.open_authorized_amount,
            "refund_failed": refund_failed,
            "payment_failed": payment_failed and not cancelled and payment.outstanding_amount,
            "import_adjusted": document.totals.adjustment_amount,
        }.items()
        if due
    }
    for item in document.attention:
        began = [n for n in range(1, len(events) + 1) if item.kind not in kinds(folded(events[:n]))]
        assert item.since == events[max(began, default=0)].envelope.occurred_at
        assert item.amount and item.detail


def kinds(document) -> list[str]:
    return [item.kind for item in document.attention]


@given(histories())
def test_units_add_up_per_line_and_over_all(events):
    """I14, I15, I16, I17."""
    document = folded(events)
    in_parcels, sums = Counter(), Counter()
    for shipment in document.shipments:
        for part in shipment.lines:
            in_parcels[part.line_id] += part.quantity if shipment.state != "cancelled" else 0
    expected, back = Counter(), Counter()
    for it in document.returns:
        for part in it.lines:
            expected[part.line_id] += part.quantity - part.received if it.state != "rejected" else 0
        for receipt in it.receipts:
            back[receipt.line_id] += receipt.quantity
    for line in document.lines:
        assert line.quantity == line.open + line.cancelled + line.allocated + line.shipped
        assert min(getattr(line, name) for name in UNITS_OF_LINES) >= 0
        assert line.delivered <= line.shipped
        assert line.return_requested + line.returned <= line.shipped
        assert (line.return_requested, line.returned) == (expected[line.line_id], back[line.line_id])
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
    if not (document.imported and document.status == "cancelled"):
        said = [event.event for event in events if isinstance(event.event, (OrderCancelled, LineQuantityCancelled))]
        assert sum(cancellation.reduction_amount for cancellation in said) == taken_off
    for line in document.lines:
        of_line = [one.total_amount for one in document.cancellations if one.line_id == line.line_id]
        assert line.current_total_amount == line.total_amount - sum(of_line)
        assert line.current_total_amount == 0 or line.cancelled < line.quantity


@given(histories())
def test_money_sums_are_those_of_the_events(events):
    """I25, I26."""
    document = folded(events)
    payment = document.payment
    sums, asked = Counter(), {}
    for happened in (event.event for event in events):
        match happened:
            case PaymentAuthorized():
                sums["authorized"] += happened.amount
            case PaymentCaptured():
                sums["captured"] += happened.amount
            case PaymentVoided():
                sums["voided"] += happened.amount
            case RefundRequested():
                asked[happened.refund_id] = happened.amount
            case RefundCompleted():
                sums["refunded"] += asked.pop(happened.refund_id)
            case RefundFailed():
                del asked[happened.refund_id]
            case OrderImported():
                sums["authorized"] += sum(past.authorized_amount for past in happened.payments)
                sums["voided"] += sum(past.voided_amount for past in happened.payments)
                sums["captured"] += sum(capture.amount for past in happened.payments for capture in past.captures)
                sums["refunded"] += sum(past.amount for past in happened.refunds)
    assert (payment.authorized_amount, payment.captured_amount) == (sums["authorized"], sums["captured"])
    assert (payment.refund_pending_amount, payment.refunded_amount) == (sum(asked.values()), sums["refunded"])
    assert payment.open_authorized_amount == sums["authorized"] - sums["captured"] - sums["voided"]
    for name in ("authorized_amount", "captured_amount", "voided_amount", "refunded_amount"):
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
        assert line.refunded_amount == sum(
            part.amount
            for refund in document.refunds
            for part in refund.lines
            if refund.state == "completed" and part.line_id == line.line_id
        )
    assert list(order.lines) == [line.line_id for line in document.lines]
    assert (list(order.tags), order.metadata) == (document.tags, document.metadata)
    assert {one.refund_id: one.state for one in document.refunds} == {
        refund_id: refund.state for refund_id, refund in order.refunds.items()
    }
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


@given(st.lists(histories(), min_size=1, max_size=3))
def test_products_are_the_sales_but_for_goodwill(orders):
    """Per day and currency; and units are where they are."""
    products, sales = Counter(), Counter()
    for document in map(folded, orders):
        if document.placed_at is None:
            continue
        units = Counter()
        for (day, _, _, currency), measures in product_sales_daily.contributions(document, DAY_OF).items():
            booked = dict(zip(product_sales_daily.MEASURES, measures, strict=True))
            for name in ("units_placed", "units_cancelled", "gross_amount", "discount_amount", "net_amount"):
                products[day, currency, name] += booked[name]
            units.update({name: booked[name] for name in booked if name.startswith("units")})
            units["refunded"] += booked["refunded_amount"]
        assert (units["units_shipped"], units["units_returned"]) == (document.units.shipped, document.units.returned)
        named = [part.amount for one in document.refunds if one.state == "completed" for part in one.lines]
        assert units["refunded"] == sum(named)
        for (day, _, currency), measures in sales_daily.contributions(document, DAY_OF).items():
            booked = dict(zip(sales_daily.MEASURES, measures, strict=True)) | {"net_amount": 0}
            booked["net_amount"] = booked["net_sales_amount"]
            for name in ("units_placed", "units_cancelled", "gross_amount", "discount_amount", "net_amount"):
                sales[day, currency, name] += booked[name]
        for refund in document.refunds:
            if refund.state != "failed":
                named = sum(part.credit_net_amount for part in refund.lines)
                without_tax = refund.credit_amount - refund.credit_tax_amount - refund.credit_shipping_amount
                sales[DAY_OF(refund.requested_at), document.currency, "net_amount"] += without_tax - named
    assert not_zero(products) == not_zero(sales)


@given(histories())
def test_the_queue_is_what_is_confirmed_and_open(events):
    """I45."""
    document = folded(events)
    queued = fulfillment_queue.rows(document, 1)
    waits = document.status == "confirmed" and document.units.open > 0 and document.requires_shipping
    assert len(queued) == waits
    for row in queued:
        named = dict(zip(fulfillment_queue.COLUMNS, row, strict=True))
        assert sum(line["open"] for line in json.loads(named["lines"])) == named["units_open"] == document.units.open
        net_paid = sum(one.captured_amount - one.refunded_amount for one in document.payments)
        promised = net_paid - document.payment.refund_pending_amount + document.payment.open_authorized_amount
        assert named["missing_amount"] == max(0, document.payment.due_amount - promised)
        pending = any(shipment.state == "pending" for shipment in document.shipments)
        blocked = "blocked_payment" if named["missing_amount"] else "ready"
        assert named["state"] == ("in_progress" if pending else blocked)


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
    post(rebuilt, [folded(events, VAULT) for events in by_stream.values()], +1)
    for summary in tables.SUMMARIES:
        assert not_zero(incremental[summary.NAME]) == not_zero(rebuilt[summary.NAME])
    assert {key: encode(folded(events, VAULT)) for key, events in by_stream.items()} == stored


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


@given(logs(), st.data())
@settings(deadline=None)
def test_an_erasure_is_as_if_there_had_never_been_personal_data(batches, data):
    """Posted along the log with an erasure in it, or rebuilt by streams from a vault that has been blanked."""
    log = [event for batch in batches for event in batch]
    at = data.draw(st.integers(0, len(log)))
    erased = recorded(CustomerErased(customer_id="c-1"), 1, log[-1].recorded_at, UUID(int=99))
    incremental, rebuilt = {}, {}
    folding.fold(incremental, [*log[:at], erased, *log[at:]], VAULT, across_streams=True)
    theirs = {key for key, document in incremental.items() if document.customer.customer_id == "c-1"}
    vaults = {}
    for number, event in enumerate(log):
        vaults[event.stream_id, event.version] = {} if event.stream_id in theirs and number < at else VAULT
    for event in sorted(log, key=lambda event: (event.stream_id, event.version)):
        folding.fold(rebuilt, [event], vaults[event.stream_id, event.version])
    assert {key: encode(document) for key, document in incremental.items()} == {
        key: encode(document) for key, document in rebuilt.items()
    }


def test_walks_come_across_everything():
    """The generator is worth something: it reaches what the properties are about."""
    seen = Counter()

    @given(histories())
    @settings(max_examples=600, derandomize=True, database=None, deadline=None)
    def walk(events):
        seen.update(entry.type for entry in events)

    walk()
    assert EVENTS.keys() - seen.keys() == {CustomerErased.type}
