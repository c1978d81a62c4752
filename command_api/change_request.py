"""What clients send about units, payments and parcels that turn out otherwise, and the commands it comes to."""

from typing import Literal

from msgspec import UNSET, UnsetType

from command_api import changes
from command_api.fields import Id, PastTime, Quantity, Remark, Url, Words, canonical
from command_api.parsing import Request
from command_api.requests import Resolved
from shared.events import CancelReason


class CancelUnitsRequest(Request, frozen=True, kw_only=True):
    """So many open units of a line."""

    quantity: Quantity
    reason: CancelReason


class FailureRequest(Request, frozen=True, kw_only=True):
    """What a payment provider reports of a declined attempt. `message` stays in the log: no personal data."""

    failure_id: Id
    stage: Literal["authorize", "capture"]
    code: Words
    message: Remark | None = None
    occurred_at: PastTime | None = None


class VoidRequest(Request, frozen=True, kw_only=True):
    """What is left of an authorisation is given up. `reason` stays in the log: no personal data."""

    reason: Words | None = None
    occurred_at: PastTime | None = None


class TrackingRequest(Request, frozen=True, kw_only=True):
    """A merge patch (RFC 7396) of a parcel's tracking: null takes away, what is left out stays."""

    carrier: Words | UnsetType | None = UNSET
    tracking_number: Words | UnsetType | None = UNSET
    tracking_url: Url | UnsetType | None = UNSET


class ShipmentCancellationRequest(Request, frozen=True, kw_only=True):
    """A parcel that will not go. `reason` stays in the log: no personal data."""

    reason: Words


def resolve_cancel_units(request: CancelUnitsRequest, line_id: str) -> Resolved:
    """`line_id` is the path's."""
    return Resolved(changes.CancelUnits(line_id=line_id, quantity=request.quantity, reason=request.reason), [])


def resolve_failure(request: FailureRequest, payment_id: str) -> Resolved:
    """`payment_id` is the path's."""
    command = changes.FailPayment(
        payment_id=payment_id,
        failure_id=request.failure_id,
        stage=request.stage,
        code=request.code,
        message=request.message,
        occurred_at=canonical(request.occurred_at) if request.occurred_at else None,
    )
    return Resolved(command, [])


def resolve_void(request: VoidRequest, payment_id: str) -> Resolved:
    """`payment_id` is the path's."""
    occurred_at = canonical(request.occurred_at) if request.occurred_at else None
    return Resolved(changes.VoidPayment(payment_id=payment_id, reason=request.reason, occurred_at=occurred_at), [])


def resolve_tracking(request: TrackingRequest, shipment_id: str) -> Resolved:
    """`shipment_id` is the path's."""
    sent = {name: getattr(request, name) for name in request.__struct_fields__}
    patch = {name: value for name, value in sent.items() if value is not UNSET}
    return Resolved(changes.ChangeTracking(shipment_id=shipment_id, patch=patch), [])


def resolve_shipment_cancellation(request: ShipmentCancellationRequest, shipment_id: str) -> Resolved:
    """`shipment_id` is the path's."""
    return Resolved(changes.CancelShipment(shipment_id=shipment_id, reason=request.reason), [])
