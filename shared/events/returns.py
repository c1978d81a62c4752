"""Units on their way back."""

from typing import ClassVar, Literal

from msgspec import Struct

from shared.events.vocabulary import Event, ReturnReason


class ReturnLine(Struct, frozen=True, kw_only=True):
    """Units of one line that the customer wants to send back."""

    line_id: str
    quantity: int
    reason: ReturnReason


class ReceivedLine(Struct, frozen=True, kw_only=True):
    """Units of one line that have come back."""

    line_id: str
    quantity: int
    condition: Literal["sellable", "damaged"]


class ReturnRequested(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The customer will send units back."""

    type: ClassVar[str] = "return.requested"
    return_id: str
    lines: tuple[ReturnLine, ...]
    note: str | None = None


class ReturnReceived(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Units have come back, perhaps not all of them yet."""

    type: ClassVar[str] = "return.received"
    return_id: str
    lines: tuple[ReceivedLine, ...]


class ReturnRejected(Event, frozen=True, kw_only=True, omit_defaults=True):
    """What has not come back of a return is not expected any more."""

    type: ClassVar[str] = "return.rejected"
    return_id: str
    reason: str
