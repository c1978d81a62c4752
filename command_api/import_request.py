"""What clients send to import orders, and the commands it comes to. HTTP sends batches, files a line per order."""

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta

from command_api import commands
from command_api.commands import ImportedStatus
from command_api.fields import (
    Adjustment,
    Amount,
    Id,
    Number,
    PastTime,
    Reference,
    Url,
    Words,
    canonical,
)
from command_api.import_parts import (
    NoteSnapshot,
    RefundSnapshot,
    ReturnSnapshot,
    imported_return,
    note_input,
    refund_input,
)
from command_api.json_body import is_suspicious, read_json
from command_api.parsing import Invalid, Request, Unreadable, parse_value
from command_api.request_parts import OpeningRequest, opening
from command_api.requests import Resolved, Units
from shared.events import CancelReason, ImportedCapture, ImportedPayment, ImportedShipment, LineQuantity, Timestamp

MAX_BATCH = 100


class CaptureSnapshot(Request, frozen=True, kw_only=True):
    """Money taken; when the payment was made, if nothing else is said."""

    capture_id: Id
    amount: Amount
    occurred_at: PastTime | None = None


class PaymentSnapshot(Request, frozen=True, kw_only=True):
    """A payment as it stands; made when the order was placed, if nothing else is said."""

    payment_id: Id
    method: Words
    provider: Words | None = None
    provider_reference: Reference | None = None
    authorized_amount: Amount
    voided_amount: Amount = 0
    captures: tuple[CaptureSnapshot, ...] = ()
    occurred_at: PastTime | None = None


class ShipmentSnapshot(Request, frozen=True, kw_only=True):
    """A parcel as it stands: its times say how far it has got."""

    shipment_id: Id
    lines: Units
    carrier: Words | None = None
    service: Words | None = None
    tracking_number: Words | None = None
    tracking_url: Url | None = None
    location: Words | None = None
    prepared_at: PastTime | None = None
    dispatched_at: PastTime | None = None
    delivered_at: PastTime | None = None


class ImportOrderRequest(OpeningRequest, frozen=True, kw_only=True):
    """An order as it stands in another system.

    What it came to there is `grand_total_amount`; what that differs from our arithmetic is `adjustment_amount`. Either
    will do, neither means that there is no difference.
    """

    external_id: Reference
    number: Number | None = None
    status: ImportedStatus
    grand_total_amount: Amount | None = None
    adjustment_amount: Adjustment | None = None
    created_at: PastTime | None = None
    placed_at: PastTime
    confirmed_at: PastTime | None = None
    completed_at: PastTime | None = None
    cancelled_at: PastTime | None = None
    cancel_reason: CancelReason | None = None
    payments: tuple[PaymentSnapshot, ...] = ()
    shipments: tuple[ShipmentSnapshot, ...] = ()
    refunds: tuple[RefundSnapshot, ...] = ()
    returns: tuple[ReturnSnapshot, ...] = ()
    notes: tuple[NoteSnapshot, ...] = ()


class _Batch(Request, frozen=True, kw_only=True):
    orders: Annotated[tuple[Any, ...], Meta(min_length=1, max_length=MAX_BATCH)]


def parse_import(body: bytes, now: Timestamp) -> list[ImportOrderRequest | Unreadable | Invalid]:
    """The orders in `body`, each read for itself: a bad one does not spoil the others.

    Raises `Unreadable` or `Invalid` for what is around them.
    """
    value = read_json(body)
    batch = parse_value(value, _Batch, now, suspicious=False)
    suspicious = is_suspicious(body)
    results: list[ImportOrderRequest | Unreadable | Invalid] = []
    for i, item in enumerate(batch.orders):
        try:
            request = parse_value(item, ImportOrderRequest, now, suspicious=suspicious, at=f"#/orders/{i}")
        except (Unreadable, Invalid) as error:
            results.append(error)
        else:
            results.append(request)
    return results


def resolve_import(
    request: ImportOrderRequest, order_id: UUID, next_number: Callable[[], str], new_ref: Callable[[], UUID]
) -> Resolved:
    """`order_id` serves unless the client sent one; a number is drawn only if one is needed."""
    fields, contacts = opening(request, new_ref)
    placed_at = canonical(request.placed_at)
    command = commands.ImportOrder(
        order_id=str(request.order_id or order_id),
        external_id=request.external_id,
        number=request.number or next_number(),
        status=request.status,
        declared_total_amount=request.grand_total_amount,
        adjustment_amount=request.adjustment_amount,
        created_at=canonical(request.created_at) if request.created_at else placed_at,
        placed_at=placed_at,
        confirmed_at=canonical(request.confirmed_at) if request.confirmed_at else None,
        completed_at=canonical(request.completed_at) if request.completed_at else None,
        cancelled_at=canonical(request.cancelled_at) if request.cancelled_at else None,
        cancel_reason=request.cancel_reason,
        payments=tuple(_payment(payment, placed_at) for payment in request.payments),
        shipments=tuple(_shipment(shipment, placed_at) for shipment in request.shipments),
        refunds=tuple(refund_input(refund, placed_at) for refund in request.refunds),
        returns=tuple(imported_return(past, placed_at) for past in request.returns),
        notes=tuple(note_input(note, placed_at, contacts, new_ref) for note in request.notes),
        **fields,
    )
    return Resolved(command, contacts)


def _payment(payment: PaymentSnapshot, placed_at: Timestamp) -> ImportedPayment:
    occurred_at = canonical(payment.occurred_at) if payment.occurred_at else placed_at
    return ImportedPayment(
        payment_id=payment.payment_id,
        method=payment.method,
        provider=payment.provider,
        provider_reference=payment.provider_reference,
        authorized_amount=payment.authorized_amount,
        voided_amount=payment.voided_amount,
        captures=tuple(
            ImportedCapture(
                capture_id=capture.capture_id,
                amount=capture.amount,
                occurred_at=canonical(capture.occurred_at) if capture.occurred_at else occurred_at,
            )
            for capture in payment.captures
        ),
        occurred_at=occurred_at,
    )


def _shipment(shipment: ShipmentSnapshot, placed_at: Timestamp) -> ImportedShipment:
    prepared_at = shipment.prepared_at or shipment.dispatched_at
    return ImportedShipment(
        shipment_id=shipment.shipment_id,
        lines=tuple(LineQuantity(unit.line_id, unit.quantity) for unit in shipment.lines),
        carrier=shipment.carrier,
        service=shipment.service,
        tracking_number=shipment.tracking_number,
        tracking_url=shipment.tracking_url,
        location=shipment.location,
        prepared_at=canonical(prepared_at) if prepared_at else placed_at,
        dispatched_at=canonical(shipment.dispatched_at) if shipment.dispatched_at else None,
        delivered_at=canonical(shipment.delivered_at) if shipment.delivered_at else None,
    )
