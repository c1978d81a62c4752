"""How an order document begins: as a draft, or as the snapshot of an order from another system."""

from shared.events import OrderCreated, OrderImported
from shared.order_document_amendments import new_line
from shared.order_document_amounts import cancel_open_units, shipping_gross
from shared.order_document_changes import (
    add_capture,
    add_payment,
    add_shipment,
    deliver_shipment,
    dispatch_shipment,
)
from shared.order_document_money import add_refund, complete_refund
from shared.order_document_parts import Receipt
from shared.order_document_personal import Contacts, customer, note, personal
from shared.order_document_returns import add_return, receive, reject
from shared.order_document_shape import Capture, DocumentLine, OrderDocument, PaymentSums, Totals, Units


def created(event: OrderCreated, created_at: str, contacts: Contacts) -> OrderDocument:
    """A draft."""
    return _document(event, created_at, contacts)


def imported(event: OrderImported, contacts: Contacts) -> OrderDocument:
    """An order with a past: everything that has happened to it, at its own dates."""
    document = _document(event, event.created_at, contacts)
    document.imported = True
    document.number = event.number
    document.status = event.status
    document.placed_at = event.placed_at
    document.confirmed_at = event.confirmed_at
    document.completed_at = event.completed_at
    document.cancelled_at = event.cancelled_at
    document.cancel_reason = event.cancel_reason
    document.totals.adjustment_amount = event.adjustment_amount
    document.totals.grand_total_amount += event.adjustment_amount
    document.totals.placed_total_amount = event.grand_total_amount
    _paid(document, event)
    _sent(document, event)
    document.notes = [note(past, past.occurred_at, contacts) for past in event.notes]
    if event.status == "cancelled":
        cancel_open_units(document, event.cancel_reason, event.cancelled_at or event.placed_at)
    return document


def _paid(document: OrderDocument, event: OrderImported) -> None:
    for past in event.payments:
        payment = add_payment(document, past, past.authorized_amount, past.occurred_at)
        payment.voided_amount = past.voided_amount
        document.payment.voided_amount += past.voided_amount
        for capture in past.captures:
            add_capture(document, payment, Capture(capture.capture_id, capture.amount, None, capture.occurred_at))
    for refund in event.refunds:
        complete_refund(document, add_refund(document, refund, refund.occurred_at), refund.occurred_at)


def _sent(document: OrderDocument, event: OrderImported) -> None:
    for parcel in event.shipments:
        shipment = add_shipment(document, parcel, parcel.prepared_at)
        if parcel.dispatched_at:
            dispatch_shipment(document, shipment, parcel.dispatched_at)
        if parcel.delivered_at:
            deliver_shipment(document, shipment, parcel.delivered_at)
    for sent in event.returns:
        back = add_return(document, sent, sent.occurred_at)
        for line in sent.lines:
            if line.received:
                receive(document, back, Receipt(line.line_id, line.received, None, sent.occurred_at))
        if sent.rejected:
            reject(document, back, sent.occurred_at, None)


def _document(event: OrderCreated | OrderImported, created_at: str, contacts: Contacts) -> OrderDocument:
    lines = [new_line(line) for line in event.lines]
    ordered = sum(line.quantity for line in lines)
    return OrderDocument(
        order_id=event.order_id,
        number=None,
        external_id=event.external_id,
        channel=event.channel,
        version=0,
        status="draft",
        payment_status="unpaid",
        fulfillment_status="unfulfilled",
        return_status="none",
        attention=[],
        currency=event.currency,
        currency_exponent=event.currency_exponent,
        prices_include_tax=event.prices_include_tax,
        payment_terms=event.payment_terms,
        requires_shipping=event.requires_shipping,
        imported=False,
        totals=_totals(event, lines),
        payment=PaymentSums(),
        units=Units(ordered, ordered),
        customer=customer(event.customer_id, event.contact_ref, contacts),
        ship_country=event.ship_country,
        shipping_method=event.shipping_method,
        shipping_address=personal(event.shipping_address_ref, contacts),
        billing_address=personal(event.billing_address_ref, contacts),
        lines=lines,
        payments=[],
        refunds=[],
        shipments=[],
        returns=[],
        cancellations=[],
        notes=[],
        tags=list(event.tags),
        metadata=event.metadata,
        created_at=created_at,
        placed_at=None,
        confirmed_at=None,
        completed_at=None,
        cancelled_at=None,
        cancel_reason=None,
        updated_at=created_at,
    )


def _totals(event: OrderCreated | OrderImported, lines: list[DocumentLine]) -> Totals:
    subtotal = discount = tax = total = 0
    for line in lines:
        subtotal += line.subtotal_amount
        discount += line.discount_amount
        tax += line.tax_amount
        total += line.total_amount
    totals = Totals(
        items_subtotal_amount=subtotal,
        discount_amount=discount,
        shipping_amount=event.shipping_amount,
        shipping_tax_amount=event.shipping_tax_amount,
        tax_amount=tax + event.shipping_tax_amount,
        adjustment_amount=0,
        grand_total_amount=0,
        placed_total_amount=None,
    )
    totals.grand_total_amount = total + shipping_gross(totals, prices_include_tax=event.prices_include_tax)
    return totals
