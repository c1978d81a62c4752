"""What clients send about one order, field by field (`domain.md` §1.5), and the commands it comes to.

`resolve_…` turns a request into its command: ids and numbers that the server makes come from the caller, personal data
go to the vault, times become canonical. Pure: nothing here draws, asks a clock or writes.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Annotated, Literal, NamedTuple
from uuid import UUID

from msgspec import Meta

from command_api import commands
from command_api.field_errors import FieldError, field_error
from command_api.fields import (
    MAX_LINES,
    Amount,
    Currency,
    Id,
    NoteBody,
    Number,
    PastTime,
    Quantity,
    Reference,
    Remark,
    Time,
    Url,
    Words,
    canonical,
)
from command_api.parsing import Request
from command_api.request_parts import OpeningRequest, VaultEntry, kept, opening, repeated_lines
from shared.events import CancelReason, LineQuantity, Timestamp


class Resolved(NamedTuple):
    """A command and what goes into the vault with it."""

    command: commands.Command
    contacts: list[VaultEntry]


class CreateOrderRequest(OpeningRequest, frozen=True, kw_only=True):
    """An order, placed at once unless it is to be a draft. `note` goes to the vault, as the first of its notes."""

    external_id: Reference | None = None
    number: Number | None = None
    status: Literal["placed", "draft"] = "placed"
    placed_at: PastTime | None = None
    note: NoteBody | None = None

    def contradictions(self) -> list[FieldError]:
        """Find what a placed order lacks, or a draft cannot have."""
        return [*super().contradictions(), *(self._not_placeable() if self.status == "placed" else self._no_draft())]

    def _not_placeable(self) -> Iterator[FieldError]:
        if not self.lines:
            yield field_error("#/lines", "required", "a placed order has at least one line")
        if self.customer is None or (self.customer.customer_id is None and self.customer.email is None):
            yield field_error("#/customer", "required", "a placed order has a customer with a customer_id or an email")
        if self.requires_shipping and self.shipping_address is None:
            yield field_error(
                "#/shipping_address", "required", "a placed order has one, unless requires_shipping is false"
            )

    def _no_draft(self) -> Iterator[FieldError]:
        for name in ("number", "placed_at"):
            if getattr(self, name) is not None:
                yield field_error(f"#/{name}", "not_allowed", "a draft gets it when it is placed")


class EmptyRequest(Request, frozen=True, kw_only=True):
    """`{}`: the route says it all (place, confirm, complete)."""


class CancelOrderRequest(Request, frozen=True, kw_only=True):
    """`note` stays in the log: no personal data."""

    reason: CancelReason
    note: Remark | None = None
    refund: Literal["full", "none"] = "full"


class PaymentRequest(Request, frozen=True, kw_only=True):
    """What a payment provider reports of an authorisation, or of a sale (`capture`)."""

    payment_id: Id
    amount: Amount
    currency: Currency
    method: Words
    provider: Words | None = None
    provider_reference: Reference | None = None
    capture: bool = False
    expires_at: Time | None = None
    occurred_at: PastTime | None = None


class CaptureRequest(Request, frozen=True, kw_only=True):
    """What a payment provider reports of money taken."""

    capture_id: Id
    amount: Amount
    provider_reference: Reference | None = None
    occurred_at: PastTime | None = None


class UnitsRequest(Request, frozen=True, kw_only=True):
    """So many units of one line."""

    line_id: Id
    quantity: Quantity


Units = Annotated[tuple[UnitsRequest, ...], Meta(min_length=1, max_length=MAX_LINES)]


class ShipmentRequest(Request, frozen=True, kw_only=True):
    """A parcel to prepare and, with `dispatch`, to send off at once."""

    shipment_id: Id | None = None
    lines: Units
    carrier: Words | None = None
    service: Words | None = None
    tracking_number: Words | None = None
    tracking_url: Url | None = None
    location: Words | None = None
    dispatch: bool = False

    def contradictions(self) -> list[FieldError]:
        """Find lines that occur twice."""
        return repeated_lines(unit.line_id for unit in self.lines)


class DispatchRequest(Request, frozen=True, kw_only=True):
    """The parcel leaves; what is left out stays as prepared."""

    carrier: Words | None = None
    tracking_number: Words | None = None
    tracking_url: Url | None = None
    occurred_at: PastTime | None = None


class DeliveryRequest(Request, frozen=True, kw_only=True):
    """The parcel has arrived."""

    occurred_at: PastTime | None = None


def resolve_create(
    request: CreateOrderRequest, order_id: UUID, next_number: Callable[[], str], new_ref: Callable[[], UUID]
) -> Resolved:
    """`order_id` serves unless the client sent one; a number is drawn only if one is needed."""
    fields, contacts = opening(request, new_ref)
    place = request.status == "placed"
    placed_at = _canonical(request.placed_at)
    command = commands.CreateOrder(
        order_id=str(request.order_id or order_id),
        external_id=request.external_id,
        number=(request.number or next_number()) if place else None,
        place=place,
        placed_at=placed_at,
        occurred_at=placed_at,
        note_ref=request.note and kept("note", {"body": request.note}, contacts, new_ref),
        **fields,
    )
    return Resolved(command, contacts)


def resolve_place(_request: EmptyRequest, next_number: Callable[[], str]) -> Resolved:
    """A draft is placed under the next number."""
    return Resolved(commands.PlaceOrder(number=next_number()), [])


def resolve_confirm(_request: EmptyRequest) -> Resolved:
    """Nothing to resolve."""
    return Resolved(commands.ConfirmOrder(), [])


def resolve_complete(_request: EmptyRequest) -> Resolved:
    """Nothing to resolve."""
    return Resolved(commands.CompleteOrder(), [])


def resolve_cancel(request: CancelOrderRequest) -> Resolved:
    """Nothing to resolve."""
    return Resolved(commands.CancelOrder(reason=request.reason, note=request.note, refund=request.refund), [])


def resolve_payment(request: PaymentRequest) -> Resolved:
    """Times become canonical."""
    command = commands.RecordPayment(
        payment_id=request.payment_id,
        amount=request.amount,
        currency=request.currency,
        method=request.method,
        provider=request.provider,
        provider_reference=request.provider_reference,
        capture=request.capture,
        expires_at=_canonical(request.expires_at),
        occurred_at=_canonical(request.occurred_at),
    )
    return Resolved(command, [])


def resolve_capture(request: CaptureRequest, payment_id: str) -> Resolved:
    """`payment_id` is the path's."""
    command = commands.CapturePayment(
        payment_id=payment_id,
        capture_id=request.capture_id,
        amount=request.amount,
        provider_reference=request.provider_reference,
        occurred_at=_canonical(request.occurred_at),
    )
    return Resolved(command, [])


def resolve_shipment(request: ShipmentRequest) -> Resolved:
    """The order makes the id if there is none."""
    command = commands.PrepareShipment(
        shipment_id=request.shipment_id,
        lines=tuple(LineQuantity(unit.line_id, unit.quantity) for unit in request.lines),
        carrier=request.carrier,
        service=request.service,
        tracking_number=request.tracking_number,
        tracking_url=request.tracking_url,
        location=request.location,
        dispatch=request.dispatch,
    )
    return Resolved(command, [])


def resolve_dispatch(request: DispatchRequest, shipment_id: str) -> Resolved:
    """`shipment_id` is the path's."""
    command = commands.DispatchShipment(
        shipment_id=shipment_id,
        carrier=request.carrier,
        tracking_number=request.tracking_number,
        tracking_url=request.tracking_url,
        occurred_at=_canonical(request.occurred_at),
    )
    return Resolved(command, [])


def resolve_delivery(request: DeliveryRequest, shipment_id: str) -> Resolved:
    """`shipment_id` is the path's."""
    command = commands.DeliverShipment(shipment_id=shipment_id, occurred_at=_canonical(request.occurred_at))
    return Resolved(command, [])


def _canonical(time: datetime | None) -> Timestamp | None:
    return None if time is None else canonical(time)
