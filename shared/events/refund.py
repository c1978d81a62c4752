"""Money on its way back: asked for, then there or not."""

from typing import ClassVar

from msgspec import Struct

from shared.events.vocabulary import Event


class RefundLine(Struct, frozen=True, kw_only=True):
    """Units refunded of one line and what is given back for them."""

    line_id: str
    quantity: int
    amount: int


class RefundRequested(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Money is to be given back; `credit_amount` is the part given back although it was owed (`domain.md` §1.2)."""

    type: ClassVar[str] = "refund.requested"
    refund_id: str
    payment_id: str
    amount: int
    credit_amount: int
    reason: str
    lines: tuple[RefundLine, ...] = ()
    shipping_amount: int = 0
    return_id: str | None = None
    note: str | None = None


class RefundCompleted(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The money is back with the customer."""

    type: ClassVar[str] = "refund.completed"
    refund_id: str
    amount: int
    provider_reference: str | None = None


class RefundFailed(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The money did not go back: credit and reservation are undone."""

    type: ClassVar[str] = "refund.failed"
    refund_id: str
    code: str
    message: str | None = None
