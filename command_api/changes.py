"""What can be asked of units, payments and parcels that turn out otherwise than they were meant."""

from typing import Literal

from command_api.commands import Command
from shared.events import CancelReason


class CancelUnits(Command, frozen=True, kw_only=True):
    """Units of a line that are open will not be delivered."""

    line_id: str
    quantity: int
    reason: CancelReason


class FailPayment(Command, frozen=True, kw_only=True):
    """The payment provider has declined an attempt, perhaps the first of a payment that never came to anything."""

    payment_id: str
    failure_id: str
    stage: Literal["authorize", "capture"]
    code: str
    message: str | None = None


class VoidPayment(Command, frozen=True, kw_only=True):
    """What is left of an authorisation is given up."""

    payment_id: str
    reason: str | None = None


class ChangeTracking(Command, frozen=True, kw_only=True):
    """A merge patch of a parcel's carrier, tracking_number and tracking_url; None takes one away."""

    shipment_id: str
    patch: dict[str, str | None]


class CancelShipment(Command, frozen=True, kw_only=True):
    """A parcel that is being prepared will not go."""

    shipment_id: str
    reason: str
